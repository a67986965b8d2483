"""The Bundle: a Card and its predict function; an exported model's is opened here, without TensorFlow."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Sequence

import numpy as np
import shlex

from cvapp import card as cards
from cvapp import sampling
from cvapp.boxes import Boxes
from cvapp.card import GENERATE, NOTHING, TRANSCRIBE, UNKNOWN, Card
from cvapp.errors import CvappError, Exit
from cvapp.files import sha256
from cvapp.images import fit, to_fitted
from cvapp.tflite import Predict, open_generator, open_tflite, opened_later
from cvapp.windows import detect, paint

LITE, EXPORT, LABELS, ATTENTION = "lite", "export.json", "labels.txt", "attention"
TOGETHER = 256  # pictures that are made before they become bytes: in float they are four times as large


class Score(NamedTuple):
    """One label and its probability, 0..1."""

    label: str
    probability: float


@dataclass(frozen=True)
class Bundle:
    """A model ready to answer.

    One bundle may be asked from several threads (a web server, a ThreadPoolExecutor): LiteRT answers them one picture at a time, in turn. To
    answer several at once, load a bundle for each thread.

    Args:
        card: what the model is.
        predict: uint8 RGB (B, H, W, 3) at the card's size -> float32 probabilities (B, classes); the same for Keras and LiteRT. A detector's
            takes canvases, as `fit` makes them, and answers maps (B, rows, columns, numbers). A transcriber answers (B, places, tokens) of the
            text that it writes: token 0 ends it, the others are the labels in their order. A generator takes float32 (B, n), as `ask` makes it,
            and answers pictures (B, H, W, 1 or 3), -1..1.
        variant: `keras`, or the name of the .tflite.
        attention: of a vision transformer, uint8 RGB (B, H, W, 3) at the card's size -> float32 (B, h, w), the attention rollout.
    """

    card: Card
    predict: Predict
    variant: str
    attention: Predict | None = None

    def classify(self, picture: np.ndarray) -> list[Score]:
        """Name what a picture of any size shows: uint8 RGB (H, W, 3) -> every label with its probability, the best first."""
        return self.name(self.fit(picture))

    def answer(self, scores: Sequence[Score]) -> str:
        """What is said of a picture: its best label, or "unknown" where that is the background or less sure than the card's threshold."""
        label, probability = scores[0]
        return UNKNOWN if label in NOTHING or probability < self.card.threshold else label

    def fit(self, picture: np.ndarray) -> np.ndarray:
        """Fit a picture of any size as the card says: uint8 RGB at the card's size; for a detector, its canvas of all scales.

        A generator takes no picture (exit 2).
        """
        cards.refuse_generator(self.card)
        fitted = fit(picture, self.card.images)
        return fitted if self.card.scan is None else paint(fitted, self.card.scan)

    def attend(self, picture: np.ndarray) -> np.ndarray:
        """Where the model looks in a picture of any size: float32 (h, w) over the fitted picture, 1 the even share (exit 2 where there is none)."""
        cards.refuse_generator(self.card)
        if self.attention is None:
            only = "only vision transformers that classify have; of one, run cvapp export again"
            raise CvappError(f"{self.card.name} has no attention to show: {only}")
        return self.attention(self.fit(picture)[None])[0]

    def read(self, picture: np.ndarray) -> Score:
        """Read the text in a picture of any size: uint8 RGB (H, W, 3) -> the text, and its probability: the product of its tokens', the end's too."""
        return self.spell(self.fit(picture))

    def spell(self, fitted: np.ndarray) -> Score:
        """Read the text in a fitted picture (exit 2 from all but a transcriber)."""
        cards.refuse_generator(self.card)
        if self.card.task != TRANSCRIBE:
            raise CvappError(f"{self.card.name} is a {self.card.task} model; only a transcriber reads texts")
        return spelled(self.card.labels, self.predict(fitted[None])[0])

    def name(self, fitted: np.ndarray) -> list[Score]:
        """Name what a fitted picture shows (exit 2 from all but a classifier)."""
        cards.refuse_generator(self.card)
        if self.card.scan is not None:
            raise CvappError(f"{self.card.name} is a detector: it does not name a picture, it finds boxes in it; use detect")
        if self.card.task == TRANSCRIBE:
            raise CvappError(f"{self.card.name} is a transcriber: it does not name a picture, it reads the text in it; use read")
        return rank(self.card.labels, self.predict(fitted[None])[0])

    def detect(self, picture: np.ndarray, least: float | None = None, overlap: float | None = None) -> Boxes:
        """Find the objects in a picture of any size: uint8 RGB (H, W, 3) -> boxes in its pixels, the best first.

        Args:
            picture: what to look at.
            least: score from which a box counts; the card's threshold when left out.
            overlap: IoU above which the less sure of two boxes of one class is dropped; the recipe's when left out.
        """
        return self.locate(self.predict(self.fit(picture)[None])[0], picture.shape, least, overlap)

    def locate(self, maps: np.ndarray, shape: Sequence[int], least: float | None = None, overlap: float | None = None) -> Boxes:
        """What the maps (rows, columns, numbers) of a picture of `shape` (H, W, ...) say: as `detect`."""
        card = self.card
        cards.refuse_generator(card)
        if card.scan is None or card.images.size is None:
            raise CvappError(f"{card.name} is a {card.task} model; only a detector finds boxes")
        found = detect(
            maps,
            card.scan,
            card.images.size,
            card.threshold if least is None else least,
            card.recipe.detect.overlap if overlap is None else overlap,
            card.nothing,
        )
        shape = (shape[0], shape[1])
        xyxy = to_fitted(found.xyxy.reshape(-1, 2, 2), shape, card.images, back=True).reshape(-1, 4).clip(0, [shape[1], shape[0]] * 2)
        points = to_fitted(found.points, shape, card.images, back=True)
        seen = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])  # others lie in the black bars of a letterbox
        return Boxes(xyxy.astype(np.float32), found.scores, found.classes, points.astype(np.float32)).take(seen)

    def sample(self, count: int, seed: int = 0, label: str | None = None) -> np.ndarray:
        """Make pictures by a seed: uint8 RGB (count, H, W, 3). The first of a larger count are the same.

        Args:
            count: how many.
            seed: another seed makes other pictures.
            label: the class to make, of a generator that takes one; all of them in turn when left out.

        Raises:
            CvappError: no generator, no such class, or none that can be asked for; a count or a seed out of range (exit 2).
        """
        return self.make(self.ask(sampling.noise(count, latent_of(self.card)[0], seed), label))

    def ask(self, noise: np.ndarray, label: str | None = None) -> np.ndarray:
        """What a generator is given for noise (N, latent): float32 (N, n), behind the noise the class that is asked for; `label` as in `sample`."""
        classes = latent_of(self.card)[1]
        place = None if label is None else sampling.place_of(label, self.card.labels[:classes], self.card.name)
        return sampling.asked(noise, classes, place)

    def make(self, asked: np.ndarray) -> np.ndarray:
        """The pictures that a generator makes of what `ask` gave: uint8 RGB (N, H, W, 3)."""
        cards.refuse_all_but_generators(self.card)
        parts = [asked[start : start + TOGETHER] for start in range(0, len(asked), TOGETHER)]
        return np.concatenate([sampling.pictures(self.predict(part)) for part in parts])


def latent_of(card: Card) -> tuple[int, int]:
    """Of what a generator takes: how many numbers are noise, and how many classes can be asked for behind them (exit 2 from all others)."""
    cards.refuse_all_but_generators(card)
    return card.recipe.generate.latent, len(card.labels) if card.recipe.generate.conditional else 0


def rank(labels: Sequence[str], probabilities: np.ndarray) -> list[Score]:
    """Labels with their probabilities, the best first; ties keep the labels' order."""
    return [Score(labels[index], float(probabilities[index])) for index in np.argsort(-probabilities, kind="stable")]


def spelled(characters: Sequence[str], probabilities: np.ndarray) -> Score:
    """The text of the likeliest tokens (T, V), up to the end, and its probability; what follows the end is certain."""
    tokens = probabilities.argmax(1)
    end = int((tokens == 0).argmax()) if (tokens == 0).any() else len(tokens)
    return Score("".join(characters[token - 1] for token in tokens[:end]), float(probabilities.max(1).prod()))


def read_export(folder: Path, card: Card) -> dict[str, Any] | None:
    """What `lite/export.json` says, or None where the model was not exported.

    Raises:
        CvappError: it is unreadable, or `lite/` was made for another model, another card or other labels (exit 3).
    """
    path = folder / LITE / EXPORT
    if not (folder / LITE).is_dir():
        return None
    again = f"copy the model again, or run cvapp export {shlex.quote(folder.name)}"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        model_hash, card_hash = values["model"], values["card"]
        published = [name for name, row in values["variants"].items() if row["published"] and row["sha256"]]
        if values["chosen"] not in published or not isinstance(values["files"], dict):
            raise ValueError(f"{values['chosen']!r} is in use, published are {', '.join(published)}")
        if ATTENTION in values and not isinstance(values[ATTENTION]["sha256"], str):
            raise ValueError(f"{ATTENTION} has no hash")
        labels = (folder / LITE / LABELS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CvappError(f"{folder / LITE}: cannot be read ({type(error).__name__}: {error}); {again}", Exit.BAD_DATA) from error
    if card_hash != sha256(folder / cards.FILE):
        raise CvappError(f"{folder / cards.FILE}: altered since the model was exported; {again}", Exit.BAD_DATA)
    if model_hash != card.files.get("model.keras"):
        raise CvappError(f"{folder / LITE}: was exported from another model.keras; {again}", Exit.BAD_DATA)
    if labels != list(card.labels):
        raise CvappError(f"{folder / LITE / LABELS}: its labels are not the card's; {again}", Exit.BAD_DATA)
    return values


def open_lite(folder: Path, variant: str | None = None, threads: int = 1) -> Bundle | None:
    """The exported model in a saved model's folder, or None where there is none.

    Args:
        folder: `saved_models/NAME`.
        variant: which .tflite; the one that the export chose when left out.
        threads: of the interpreter. Two are no faster on two cores, and starve the camera.

    Raises:
        CvappError: no such variant (exit 2), or a file is missing, altered or of another model (exit 3).
    """
    card = cards.read(folder)
    export = read_export(folder, card)
    if export is None:
        return None
    variant = variant or export["chosen"]
    predict = (open_generator if card.task == GENERATE else open_tflite)(variant_file(folder, export, variant), threads)
    if ATTENTION not in export:
        return Bundle(card, predict, variant)
    attention = opened_later(lambda: open_tflite(checked_file(folder, f"{ATTENTION}.tflite", export[ATTENTION]["sha256"]), threads))
    return Bundle(card, predict, variant, attention)


def variant_file(folder: Path, export: dict[str, Any], variant: str) -> Path:
    """The path of a published .tflite, once its hash is what `export.json` says.

    Raises:
        CvappError: no such variant (exit 2), or its file is missing or altered (exit 3).
    """
    published = {name: row for name, row in export["variants"].items() if row.get("published")}
    if variant not in published:
        raise CvappError(f"{folder.name} has no variant {variant!r}: choose one of {', '.join(published)}")
    return checked_file(folder, f"{variant}.tflite", published[variant]["sha256"])


def checked_file(folder: Path, name: str, wanted: str | None) -> Path:
    """The path of a file in `lite/`, once its hash is the wanted one (exit 3 otherwise)."""
    path = folder / LITE / name
    if not path.is_file():
        raise CvappError(f"{path}: missing from the saved model; run cvapp export {shlex.quote(folder.name)} again", Exit.BAD_DATA)
    if sha256(path) != wanted:
        raise CvappError(f"{path}: altered since it was exported; run cvapp export {shlex.quote(folder.name)} again", Exit.BAD_DATA)
    return path
