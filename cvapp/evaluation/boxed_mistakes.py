"""Error analysis of a detector: every object it misses and every box it invents, which kind of mistake it is, the worst first."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import numpy as np

from cvapp.boxes import Boxes, area, iou
from cvapp.evaluation.matching import FALSE, Truth, match
from cvapp.files import write_text

MISSED = "missed"
TWICE, POOR_PLACE, WRONG_CLASS, BACKGROUND = "twice", "poor place", "wrong class", "background"
KINDS = (WRONG_CLASS, POOR_PLACE, TWICE, BACKGROUND)
SIZES = {"small": 32.0**2, "medium": 96.0**2, "large": np.inf}  # square pixels under which an object is so (Lin et al. 2014, COCO)
_NEAR = 0.1
_HEADER = ("path", "kind", "label", "answer", "score", "overlap", "size", "left", "top", "right", "bottom")


@dataclass(frozen=True)
class BoxedMistake:
    """An object that was missed, or a box that was found where it should not.

    Args:
        photo: its place among the pictures.
        kind: `missed`, or one of KINDS.
        xyxy: of the object or the box, in pixels of the picture.
        label: the class of the object that was missed or taken for another; None where no object is meant.
        answer: the class of the false box; None for a missed object.
        score: of the false box; 0 for a missed object.
        overlap: IoU with the object that is meant; of a missed object with the best box of whatever class.
        size: one of SIZES.
    """

    photo: int
    kind: str
    xyxy: tuple[float, ...]
    label: int | None
    answer: int | None
    score: float
    overlap: float
    size: str


def size_of(xyxy: Sequence[float] | np.ndarray) -> str:
    """`small`, `medium` or `large`, by the area of one box (4,)."""
    pixels = area(np.reshape(xyxy, (1, 4)))[0]
    return next(name for name, limit in SIZES.items() if pixels < limit)


def find(found: Sequence[Boxes], truths: Sequence[Truth], threshold: float = 0.5, score: float = 0.0) -> list[BoxedMistake]:
    """All mistakes of the boxes that reach a score: missed objects, the least overlapped and largest first, then false boxes, the surest first.

    The kinds follow Hoiem et al. 2012, section 2: `twice` lies well on an object that has a better box; of the others, the object that is
    overlapped most, by an IoU of at least 0.1, makes it `poor place` (of its class) or `wrong class`; without such an object it is `background`.

    Args:
        found: of each picture.
        truths: of each picture.
        threshold: the IoU from which on a box is right.
        score: boxes under it do not count, as on a camera that does not show them.
    """
    sure = [one.take(one.scores >= score) for one in found]
    parts = [_of_photo(photo, one, truth, threshold) for photo, (one, truth) in enumerate(zip(sure, truths, strict=True))]
    return sorted((mistake for part in parts for mistake in part), key=_order)


def _order(mistake: BoxedMistake) -> tuple[float, ...]:
    left, top, right, bottom = mistake.xyxy
    return mistake.kind != MISSED, -mistake.score, mistake.overlap if mistake.kind == MISSED else 0, -(right - left) * (bottom - top)


def _of_photo(photo: int, found: Boxes, truth: Truth, threshold: float) -> list[BoxedMistake]:
    matched, overlap = match(found, truth, threshold), iou(found.xyxy, truth.xyxy)
    mistakes = []
    for place in np.flatnonzero(matched.missed):
        xyxy, label, best = tuple(map(float, truth.xyxy[place])), int(truth.classes[place]), float(overlap[:, place].max(initial=0))
        mistakes.append(BoxedMistake(photo, MISSED, xyxy, label, None, 0.0, best, size_of(xyxy)))
    for index in np.flatnonzero(matched.right == FALSE):
        xyxy, answer, score = tuple(map(float, found.xyxy[index])), int(found.classes[index]), float(found.scores[index])
        kind, meant = _kind(overlap[index], truth.classes == answer, threshold)
        named, near = (None, 0.0) if meant is None else (int(truth.classes[meant]), float(overlap[index, meant]))
        mistakes.append(BoxedMistake(photo, kind, xyxy, named, answer, score, near, size_of(xyxy)))
    return mistakes


def _kind(overlap: np.ndarray, same: np.ndarray, threshold: float) -> tuple[str, int | None]:
    """The kind of a false box that overlaps the objects so (T,), some of the same class (T,), and the object that is meant."""
    mine = np.where(same, overlap, -1.0)
    if mine.max(initial=-1) >= threshold:
        return TWICE, int(mine.argmax())
    if overlap.max(initial=0) < _NEAR:
        return BACKGROUND, None
    place = int(overlap.argmax())
    return POOR_PLACE if same[place] else WRONG_CLASS, place


def write_table(mistakes: Sequence[BoxedMistake], names: Sequence[str], labels: Sequence[str], path: Path) -> None:
    """`errors.csv`: all mistakes, a row each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    for one in mistakes:
        label, answer = ("" if place is None else labels[place] for place in (one.label, one.answer))
        score = "" if one.answer is None else f"{one.score:.4f}"
        corners = (f"{value:.1f}" for value in one.xyxy)
        writer.writerow((names[one.photo], one.kind, label, answer, score, f"{one.overlap:.4f}", one.size, *corners))
    write_text(path, text.getvalue())
