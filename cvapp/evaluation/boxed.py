"""Figures of a detector on photos with boxes."""

import dataclasses
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from cvapp import card as cards
from cvapp.boxes import Boxes
from cvapp.bundle import Bundle
from cvapp.data import split
from cvapp.data.boxed import Box
from cvapp.data.frames import TRUTH, Truth as Truths, read_truth
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import coco, detection, new_photos
from cvapp.evaluation.detection import Truth
from cvapp.evaluation.held import held_photos
from cvapp.loading import load
from cvapp.progress import Report, each, silent

LEAST = 0.01  # score of a box that is still counted for average precision


def truth_of(boxes: Sequence[Box], labels: Sequence[str]) -> Truth:
    """The objects of one frame as arrays."""
    classes = np.array([labels.index(box.label) for box in boxes], int)
    corners = np.array([box.xyxy for box in boxes], np.float32).reshape(len(boxes), 4)
    return Truth(corners, classes, np.array([box.difficult for box in boxes], bool))


def figures_of(
    found: Sequence[Boxes], frames: Sequence[Sequence[Box]], labels: Sequence[str], score: float | None = None
) -> dict[str, Any]:
    """All figures of one part: those of `detection.summary`, COCO's twelve (`coco`), and `landmark_error` where there are landmarks.

    Args:
        found: in each frame, down to low scores.
        frames: the true boxes of each.
        labels: the classes.
        score: from which boxes are shown, and count among the mistakes; where F1 is best here when left out.
    """
    truths = [truth_of(boxes, labels) for boxes in frames]
    figures = {**detection.summary(found, truths, labels, score=score), "coco": coco.coco_summary(found, truths, labels)}
    error = landmark_error(found, frames, labels, figures["counted_from"])
    return figures if error is None else {**figures, "landmark_error": error}


def landmark_error(found: Sequence[Boxes], frames: Sequence[Sequence[Box]], labels: Sequence[str], least: float) -> float | None:
    """How far landmarks lie from the true ones: the mean distance over the root of the true box's area, of right boxes from a score on.

    None where there are none.
    """
    errors = []
    for boxes, truth in zip(found, frames, strict=True):
        shown = boxes.take(boxes.scores >= least)
        right = detection.match(shown, truth_of(truth, labels)).right
        for number in np.flatnonzero(right >= 0) if shown.points.shape[1] else ():
            box = truth[right[number]]
            if len(box.points) != shown.points.shape[1]:  # photos of another set need not have them
                continue
            side = np.sqrt((box.xyxy[2] - box.xyxy[0]) * (box.xyxy[3] - box.xyxy[1]))
            errors.append(np.linalg.norm(shown.points[number] - np.array(box.points), axis=1).mean() / side)
    return round(float(np.mean(errors)), 4) if errors else None


def evaluate(
    folder: Path, data: str | Path | None = None, part: str | None = None, variant: str | None = None, report: Report = silent
) -> dict[str, Any]:
    """Figures of a detector on photos with boxes, or on those of its split; args, errors: as `evaluate.evaluate`.

    On other photos the classes that they mark are measured, boxes of the other classes of the model do not count.
    """
    bundle = load(folder, variant)
    name = {"name": folder.name, "variant": bundle.variant}
    rows = split.read(cards.check_file(bundle.card, folder, split.FILE))
    if data is not None and part is None:
        new = new_photos.read(data, bundle.card, rows, report)
        labels = [label for label in new.matching.known if label not in new.missing]
        figures = _figures(bundle, new.store, new.rows, new.truth, labels, report)
        notes = () if figures["objects"] else ("no object of the model's classes is marked in these photos: mAP50 says nothing",)
        return {**name, **figures, **new.figures(notes=notes), "fingerprint": split.fingerprint(new.rows)}
    if bundle.card.scan is None or not bundle.card.scan.refined:
        cure = "measure the classifier, or give photos with boxes with --data DIR"
        raise CvappError(f"{folder} was made of a classifier, whose photos have no boxes to measure by; {cure}", Exit.BAD_DATA)
    truth = read_truth(cards.check_file(bundle.card, folder, TRUTH))
    part, store, held = held_photos(folder, rows, bundle.card, (data, part), report)
    figures = _figures(bundle, store, held, truth, bundle.card.labels, report)
    return {**name, "split": part, **figures, "fingerprint": bundle.card.data["fingerprint"]}


def _figures(bundle: Bundle, store: Store, rows: Sequence[Row], truth: Truths, labels: Sequence[str], report: Report) -> dict[str, Any]:
    """The figures on some frames, of the classes that are measured; boxes of the others are not looked at."""
    places = np.full(len(bundle.card.labels), -1, np.int32)
    places[[bundle.card.labels.index(label) for label in labels]] = range(len(labels))
    found, frames = [], []
    for row in each(rows, f"evaluating {bundle.variant}", report):
        boxes = bundle.detect(store.read([row.hash])[0], LEAST)
        boxes = dataclasses.replace(boxes, classes=places[boxes.classes])
        found.append(boxes.take(boxes.classes >= 0))
        frames.append(truth[row.hash])
    return figures_of(found, frames, labels, bundle.card.threshold)
