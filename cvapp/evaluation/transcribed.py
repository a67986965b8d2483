"""What a transcriber reads in pictures that it did not learn from, and its figures there."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

import cvapp.models  # noqa: F401 - loads TensorFlow with its start-up lines kept off the terminal
import keras
import numpy as np

from cvapp import card as cards
from cvapp.bundle import Score, spelled
from cvapp.card import TRANSCRIBE
from cvapp.data import digit_rows, generated
from cvapp.errors import CvappError
from cvapp.evaluation import new_photos
from cvapp.evaluation.metrics import rounded_interval
from cvapp.evaluation.new_labels import listed
from cvapp.evaluation.texts import summary
from cvapp.evaluation.words import counted
from cvapp.loading import KERAS
from cvapp.models import generation
from cvapp.models.classifier import open_model
from cvapp.models.reading import BATCH, reader
from cvapp.models.transcriber import texts_of
from cvapp.progress import Report, each, silent
from cvapp.recipe import Recipe


@dataclass(frozen=True)
class TextResults:
    """What was read in N pictures of a part.

    Args:
        part: `train`, `val` or `test`.
        pictures: uint8 RGB (N, H, W, 3).
        truths: the texts in them.
        scores: the greedily written texts, and their probabilities.
        looks: (N, T, S), see `reading.Reading`.
    """

    part: str
    pictures: np.ndarray
    truths: Sequence[str]
    scores: Sequence[Score]
    looks: np.ndarray


def judge(network: keras.Model, recipe: Recipe, part: str, report: Report = silent) -> tuple[dict[str, Any], TextResults]:
    """Read a part with a network, as `transcriber.build` makes it: the figures of `texts.summary`, beam search beside them, and what was read."""
    pictures, truths = generated.held_rows(part, recipe)
    return _judge(network, recipe.transcribe.beam, TextResults(part, pictures, truths, (), np.zeros(0)), report)


def _judge(network: keras.Model, width: int, unread: TextResults, report: Report) -> tuple[dict[str, Any], TextResults]:
    """`judge`, of pictures that nobody read yet; `width` is that of the beam search."""
    pictures, truths = unread.pictures, unread.truths
    read, search = reader(network), generation.beam(network, width)
    readings, searched = [], []
    for start in each(range(0, len(pictures), BATCH), f"reading {unread.part}", report):
        some = pictures[start : start + BATCH]
        readings.append(read(some))
        searched += texts_of(search(some).tokens, digit_rows.DIGITS)
    probabilities, looks = (np.concatenate(both) for both in zip(*readings))
    scores = [spelled(digit_rows.DIGITS, one) for one in probabilities]
    right = sum(text == truth for text, truth in zip(searched, truths, strict=True))
    beam = {"width": width, "accuracy": round(right / len(truths), 4)}
    figures = {**summary([score.label for score in scores], truths), "beam": beam}
    return figures, dataclasses.replace(unread, scores=scores, looks=looks)


def evaluate(
    folder: Path, data: str | Path | None = None, part: str | None = None, variant: str | None = None, report: Report = silent
) -> dict[str, Any]:
    """Figures of a saved transcriber on pictures that are drawn anew, always the same ones, or on other pictures with their texts.

    Args:
        folder: `saved_models/NAME`.
        data: pictures to read, as `new_photos.read` takes them; the label of each is its text.
        part: of the drawn pictures, `train`, `val` or `test`, which it is when left out.
        variant: `keras`, which it is when left out.
        report: told how many pictures are done.

    Returns:
        `name`, `variant`, `split` (the part; None for other pictures), the figures of `judge` and `accuracy_interval` (95%, Wilson); for other
        pictures also what `NewPhotos.figures` says.

    Raises:
        CvappError: no such model or part, no transcriber, another variant, data for a part (exit 2); files that are missing or altered, or
            pictures that cannot be used (exit 3).
    """
    card = cards.read(folder)
    if card.task != TRANSCRIBE:
        raise CvappError(f"{folder} is a {card.task} model; only a transcriber reads texts")
    if variant not in (None, KERAS):
        cards.refuse_transcriber(card)
    if data is not None and part is not None:
        wrong = f"{card.name} learned from pictures that cvapp draws, and they lie in no folder"
        raise CvappError(f"--data {data} --split {part}: {wrong}; leave one of the two out")
    network = open_model(cards.check_file(card, folder, "model.keras"))
    name = {"name": folder.name, "variant": KERAS}
    if data is None:
        figures, results = judge(network, card.recipe, part or "test", report)
        return {**name, "split": results.part, **figures, "accuracy_interval": _interval(results)}
    new = new_photos.read(data, card, report=report)
    truths = [row.label for row in new.rows]
    pictures = new.store.read(row.hash for row in new.rows)
    figures, results = _judge(network, card.recipe.transcribe.beam, TextResults("new pictures", pictures, truths, (), np.zeros(0)), report)
    return {**name, **figures, "accuracy_interval": _interval(results), **new.figures(notes=_unwritable(card, truths))}


def _interval(results: TextResults) -> list[float]:
    right = sum(score.label == truth for score, truth in zip(results.scores, results.truths, strict=True))
    return rounded_interval(right, len(results.truths))


def _unwritable(card: cards.Card, truths: Sequence[str]) -> list[str]:
    """A line about texts that hold characters which are none of the model's."""
    strange = sorted({character for truth in truths for character in truth} - set(card.labels))
    texts = [truth for truth in truths if not set(truth) <= set(card.labels)]
    if not texts:
        return []
    many = f"{len(texts)} of {counted(len(truths), 'text')} {'hold' if len(texts) > 1 else 'holds'} characters that the model cannot write"
    return [f"{many} ({listed(strange)}), such as {texts[0]!r}: each counts as a mistake"]
