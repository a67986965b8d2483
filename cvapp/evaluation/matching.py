"""Which found box stands for which true one: the rule that every figure of a detector rests on."""

from dataclasses import dataclass
from typing import NamedTuple, Sequence

import numpy as np

from cvapp.boxes import Boxes, iou
from cvapp.errors import CvappError, Exit

FALSE, IGNORED = -1, -2


class Truth(NamedTuple):
    """The objects of one picture.

    Args:
        xyxy: (T, 4), edges in pixels of the picture.
        classes: int (T,), places among the labels.
        difficult: bool (T,), not to be counted, neither when found nor when missed.
    """

    xyxy: np.ndarray
    classes: np.ndarray
    difficult: np.ndarray


@dataclass(frozen=True)
class Matched:
    """What became of the boxes of one picture.

    Args:
        right: int (F,), the object that each found box stands for; `FALSE` where there is none, `IGNORED` where it is difficult.
        missed: bool (T,), objects that no box stands for; never a difficult one.
    """

    right: np.ndarray
    missed: np.ndarray


def match(found: Boxes, truth: Truth, threshold: float = 0.5, plus_one: bool = False) -> Matched:
    """Give boxes to objects as Pascal VOC's devkit does (Everingham et al. 2010, section 4.2).

    The best score first, a box belongs to the object of its class that it overlaps most. It is right where their IoU reaches `threshold` and no
    better box has that object yet. `plus_one` counts pixels as the devkit's code does (see `boxes.iou`).
    """
    right, missed = np.full(len(found), FALSE), ~np.asarray(truth.difficult, bool)
    overlap = same_class(found, truth, plus_one)
    best = overlap.argmax(1) if overlap.size else ()
    for index in np.argsort(-found.scores, kind="stable") if overlap.size else ():
        place = best[index]
        if overlap[index, place] < threshold:
            continue
        if truth.difficult[place]:
            right[index] = IGNORED
        elif missed[place]:
            right[index], missed[place] = place, False
    return Matched(right, missed)


def same_class(found: Boxes, truth: Truth, plus_one: bool = False) -> np.ndarray:
    """IoU of found boxes with objects (F, T), -1 where their classes differ."""
    return np.where(found.classes[:, None] == truth.classes, iou(found.xyxy, truth.xyxy, plus_one), -1.0)


def check(found: Sequence[Boxes], truths: Sequence[Truth], classes: int) -> None:
    """Found and true boxes are of the same pictures and of known classes.

    Raises:
        CvappError: they are not (exit 3).
    """
    if len(found) != len(truths):
        raise CvappError(f"boxes found in {len(found)} pictures, the truth of {len(truths)}: expected as many", Exit.BAD_DATA)
    for place, (one, truth) in enumerate(zip(found, truths)):
        shapes = [np.shape(part) for part in truth]
        if shapes != [(len(truth.classes), 4), (len(truth.classes),), (len(truth.classes),)]:
            raise CvappError(f"the truth of picture {place} has shapes {shapes}: expected (T, 4), (T,) and (T,)", Exit.BAD_DATA)
        named = np.concatenate([one.classes, truth.classes])
        if len(named) and not 0 <= named.min() <= named.max() < classes:
            wrong = f"picture {place} names class {named.max() if named.max() >= classes else named.min()}"
            raise CvappError(f"{wrong}: there are {classes}, counted from 0", Exit.BAD_DATA)
