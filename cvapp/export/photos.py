"""What a classifier's and a detector's variants are made from and compared on: the model's own photos."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

import keras
import numpy as np

from cvapp import card as cards
from cvapp.card import Card
from cvapp.data import split
from cvapp.data.frames import TRUTH, read_truth
from cvapp.data.photos import find
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit
from cvapp.evaluation.boxed import truth_of
from cvapp.export import boxed_parity, parity
from cvapp.models.classifier import predict_function
from cvapp.progress import Report
from cvapp.proof import golden
from cvapp.recipe import Export
from cvapp.windows import paint

GOLDEN = 2  # golden samples of a detector: a canvas holds a few thousand windows, and a few million bytes
PROVEN = 100  # validation photos that a detector is proven on, at most: each is a few thousand windows


Judge = Callable[[np.ndarray, str], tuple[list[str], dict[str, Any]]]


@dataclass(frozen=True)
class Proof:
    """What the variants are made from and compared on.

    Args:
        card: of the model.
        model: the Keras model.
        wishes: what is to be made, and the gate.
        calibration: uint8 training photos (N, H, W, 3), or canvases of them; noise (N, n) for a generator.
        pixels: uint8 validation photos (V, H, W, 3), or canvases of them; other noise (V, n) for a generator.
        judge: (answers to those, the variant's name) -> why it may not be published, and its figures.
        shown: the golden samples, of the same kind.
        told: what `lite/export.json` says of it: on how many it was proven, and the gate.
    """

    card: Card
    model: keras.Model
    wishes: Export
    calibration: np.ndarray
    pixels: np.ndarray
    judge: Judge
    shown: np.ndarray
    told: Mapping[str, Any]


def prove(card: Card, folder: Path, model: keras.Model, wishes: Export, data: str | Path | None, report: Report) -> Proof:
    """Find the model's own photos, and let Keras answer to those of validation.

    Args:
        card: of a classifier or a detector.
        folder: `saved_models/NAME`.
        model: its Keras model.
        wishes: what is to be made, and the gate.
        data: where the photos of its split lie; those that training kept are used where None.
        report: told of every step.

    Raises:
        CvappError: no photos to prove it on (exit 3); the model answers alike for all (exit 5).
    """
    store, val, known = _photos(card, folder, data, report)
    val = val if card.scan is None else [val[place] for place in np.unique(np.linspace(0, len(val) - 1, PROVEN).astype(int))]
    calibration, pixels = (_inputs(store, rows, card) for rows in (split.balanced(known, _few(wishes.calibration, card)), val))
    judge = _judge(card, folder, predict_function(model)(pixels), val, wishes)
    photos = golden.PHOTOS if card.scan is None else GOLDEN
    shown = _inputs(store, (split.balanced(val, len(val)) + split.balanced(known, len(known)))[:photos], card)
    gate = {"max_drop": wishes.max_drop, "min_agreement": wishes.min_agreement, "max_difference": wishes.max_difference}
    return Proof(card, model, wishes, calibration, pixels, judge, shown, {"photos": len(val), "gate": gate})


def _photos(card: Card, folder: Path, data: str | Path | None, report: Report) -> tuple[Store, list[Row], list[Row]]:
    """Where the fitted photos are kept, and the model's own for validation and training that are there."""
    rows = split.read(cards.check_file(card, folder, split.FILE))
    store, held = find([row for row in rows if row.part != "test"], data, card.images, report)
    val, known = ([row for row in held if row.part == part] for part in ("val", "train"))
    if not val or not known:
        found = f"{len(known)} training and {len(val)} validation photos of it are kept or lie below --data"
        raise CvappError(f"{folder}: {found}, both are needed; name the folder that it learnt from with --data DIR", Exit.BAD_DATA)
    return store, val, known


def _inputs(store: Store, rows: Sequence[Row], card: Card) -> np.ndarray:
    """What the network is given for some photos: uint8 RGB (N, H, W, 3)."""
    frames = store.read(row.hash for row in rows)
    return frames if card.scan is None else np.stack([paint(frame, card.scan) for frame in frames])


def _few(count: int, card: Card) -> int:
    """How many photos do for a purpose: of a detector's canvases, each a few thousand windows, a sixteenth, four at least."""
    return count if card.scan is None else max(4, count // 16)


def _judge(card: Card, folder: Path, reference: np.ndarray, val: Sequence[Row], wishes: Export) -> Judge:
    """How a variant's answers to the validation photos are compared with Keras'."""
    boxed = card.scan is not None
    dead = boxed_parity.check_alive(reference, card) if boxed else parity.check_alive(reference)
    if dead:
        raise CvappError(f"{folder}: {dead}", Exit.GATE)
    if boxed:
        truth = read_truth(cards.check_file(card, folder, TRUTH))
        truths = [truth_of(truth[row.hash], card.labels) for row in val]

    def judge(answers: np.ndarray, name: str) -> tuple[list[str], dict[str, Any]]:
        if boxed:
            seen = boxed_parity.compare(answers, reference, truths, card)
            return boxed_parity.failures(seen, name, wishes), parity.row(seen)
        found = parity.compare(answers, reference, np.array([card.labels.index(row.label) for row in val]))
        return parity.failures(found, name, wishes), parity.row(found)

    return judge
