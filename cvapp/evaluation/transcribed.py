"""What a transcriber reads in pictures that it did not learn from, and its figures there."""

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
from cvapp.evaluation.texts import summary
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
    read, search = reader(network), generation.beam(network, recipe.transcribe.beam)
    readings, searched = [], []
    for start in each(range(0, len(pictures), BATCH), f"reading {part}", report):
        some = pictures[start : start + BATCH]
        readings.append(read(some))
        searched += texts_of(search(some).tokens, digit_rows.DIGITS)
    probabilities, looks = (np.concatenate(both) for both in zip(*readings))
    scores = [spelled(digit_rows.DIGITS, one) for one in probabilities]
    right = sum(text == truth for text, truth in zip(searched, truths, strict=True))
    beam = {"width": recipe.transcribe.beam, "accuracy": round(right / len(truths), 4)}
    figures = {**summary([score.label for score in scores], truths), "beam": beam}
    return figures, TextResults(part, pictures, truths, scores, looks)


def evaluate(folder: Path, part: str | None = None, variant: str | None = None, report: Report = silent) -> dict[str, Any]:
    """Figures of a saved transcriber on pictures that are drawn anew, always the same ones.

    Args:
        folder: `saved_models/NAME`.
        part: `train`, `val` or `test`, which it is when left out.
        variant: `keras`, which it is when left out.
        report: told how many pictures are done.

    Raises:
        CvappError: no such model or part, no transcriber, another variant (exit 2); files that are missing or altered (exit 3).
    """
    card = cards.read(folder)
    if card.task != TRANSCRIBE:
        raise CvappError(f"{folder} is a {card.task} model; only a transcriber reads texts")
    if variant not in (None, KERAS):
        cards.refuse_transcriber(card)
    network = open_model(cards.check_file(card, folder, "model.keras"))
    figures, results = judge(network, card.recipe, part or "test", report)
    return {"name": folder.name, "variant": KERAS, "split": results.part, **figures}
