"""A trained classifier slid over frames: made a detector without any boxes, and without further training unless asked for."""

import dataclasses
import math
from pathlib import Path
from typing import Sequence

import keras
import numpy as np

from cvapp import card as cards
from cvapp import runs
from cvapp.card import Card
from cvapp.data import frames as framed
from cvapp.data import split
from cvapp.data.frames import TRUTH, Truth
from cvapp.data.photos import find
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit
from cvapp.files import replacing_folder
from cvapp.images import Images
from cvapp.models import classifier, sliding
from cvapp.progress import Report, each, hushed, silent
from cvapp.recipe import Detect
from cvapp.training import gap
from cvapp.training.mining import Finder
from cvapp.windows import Scan, decode, lay_out

MODEL = "model.keras"
STEP = math.sqrt(2)  # from one level to the next
LEVELS = 5  # from windows as high as the frame to a quarter of that
FILL = 0.8  # of the window that an object fills where a classifier is sure of it, in the mean of windows too large and too small
HIGHEST = 0.99  # threshold; above it hardly anything would be found
LIGHT = 96  # pixels of a window's side that a laptop slides live
EMPTY = 0.95  # of validation photos without an object that may show no box


def slide(
    source: Path, folder: Path, frame: tuple[int, int], data: str | Path | None = None, tune: int = 0, report: Report = silent
) -> Card:
    """Make a detector of a saved classifier: a box is the middle of a window that it is sure of.

    Args:
        source: the classifier's folder.
        folder: `saved_models/NAME` of the detector.
        frame: (height, width) of the frames that it will look at.
        data: where the classifier's photos lie; they are fitted into frames, to choose the threshold and to prove the exported files on.
        tune: steps in which the detector of a padded network learns to answer as its classifier does; no labels are used.
        report: told of every step.

    Raises:
        CvappError: no classifier, or one whose layers cannot be slid, such as a hub module's, or another process writes the detector's folder
            (exit 2); photos that are missing (exit 3).
    """
    with runs.begin(folder):
        return _slide(source, folder, frame, data, tune, report)


def _slide(source: Path, folder: Path, frame: tuple[int, int], data: str | Path | None, tune: int, report: Report) -> Card:
    """As `slide`, where no other process writes the folder."""
    card = cards.read(source)
    cards.refuse_generator(card)
    if card.task != "classify":
        raise CvappError(f"{source} is a {card.task} model; a classifier is made a detector: cvapp list shows the saved ones")
    windowed = classifier.open_model(cards.check_file(card, source, MODEL))
    scan = whole_scan(windowed, frame)
    canvas = lay_out(scan, frame)[1]
    _tell_cost(scan.windows.size, canvas, report)
    detector = sliding.to_detector(windowed, canvas)
    images = Images(frame, "letterbox", card.images.resize, card.images.bits)
    rows = split.read(cards.check_file(card, source, split.FILE))
    store, held = find([row for row in rows if row.part != "test"], data, images, report)
    known, seen = (_frames(store, held, part, source) for part in ("train", "val"))
    told = gap.close((windowed, detector), scan, known, seen, tune, report)
    finder = Finder(classifier.predict_function(detector), scan, frame)
    detect = Detect(window=scan.windows.size, shapes=len(scan.scales), fill=FILL, tune=tune)
    made = dataclasses.replace(
        card,
        name=folder.name,
        task="detect",
        images=images,
        recipe=dataclasses.replace(card.recipe, task="detect", images=images, detect=detect),
        metrics={"classifier": card.metrics.get("test") or card.metrics.get("val") or {}, **told},
        versions=cards.versions(),
        scan=scan,
    )
    made = dataclasses.replace(made, threshold=_threshold(made, finder, store, held, report))
    return _save(made, detector, rows, folder)


def whole_scan(windowed: keras.Model, frame: tuple[int, int]) -> Scan:
    """Windows from the frame's own height down to a quarter of it."""
    geometry = sliding.windows(windowed)
    first = geometry.size[0] / frame[0]
    scales = tuple((first * STEP**level,) * 2 for level in range(LEVELS))
    return Scan(geometry, scales, max(geometry.size) // 2, FILL, refined=False)


def _tell_cost(window: tuple[int, int], canvas: tuple[int, int], report: Report) -> None:
    """Say what a frame costs, and of a large window how to have it for less."""
    times = round(canvas[0] * canvas[1] / (window[0] * window[1]))
    report(f"a frame takes about as long as {times} photos of the classifier")
    if min(window) > LIGHT:
        faster = round(window[0] * window[1] / LIGHT**2)
        report(f"a classifier of smaller pictures is slid {faster} times as fast: train it with --set images.size={LIGHT},{LIGHT}")


def _frames(store: Store, held: Sequence[Row], part: str, source: Path) -> np.ndarray:
    """Some photos of a part, fitted into frames: uint8 RGB (N, H, W, 3)."""
    names = [row.hash for row in held if row.part == part][: gap.PHOTOS]
    if not names:
        raise CvappError(f"no {part} photo of {source} is kept or lies below --data: name the folder that it learnt from", Exit.BAD_DATA)
    return store.read(names)


def _threshold(card: Card, finder: Finder, store: Store, held: Sequence[Row], report: Report) -> float:
    """The classifier's threshold; higher, where validation photos without an object would show boxes."""
    empty = [row.hash for row in held if row.part == "val" and row.label in cards.NOTHING]
    best = []
    for name in each(empty, "looking at photos without an object", report):
        found, _ = decode(finder.maps(store.read([name])[0]), finder.scan, finder.frame, card.threshold, card.nothing)
        best.append(float(found.scores.max(initial=card.threshold)))
    wanted = max([card.threshold, *([float(np.quantile(best, EMPTY))] if best else [])])
    threshold = round(max(card.threshold, min(wanted, HIGHEST)), 4)
    if wanted > HIGHEST:
        report(
            f"photos without an object show boxes of a score up to {wanted:.4f}: expect false ones; more photos of background, or --tune, help"
        )
    if threshold > card.threshold:
        report(f"photos without an object show boxes: the threshold rises from {card.threshold:.4g} to {threshold:.4g}")
    return threshold


def _save(made: Card, model: keras.Model, rows: Sequence[Row], folder: Path) -> Card:
    with replacing_folder(folder) as work:
        with hushed():
            model.save(work / MODEL)
        split.write(work / split.FILE, rows)
        framed.write_truth(work / TRUTH, Truth({row.hash: () for row in rows}))
        made = dataclasses.replace(made, files=cards.hash_files(work))
        cards.write(made, work)
    return made
