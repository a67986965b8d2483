"""Detection figures in NumPy: precision and recall over the score, average precision as Pascal VOC and COCO reckon it, and where boxes go wrong."""

from collections import Counter
from typing import Any, NamedTuple, Sequence

import numpy as np

from cvapp.boxes import Boxes
from cvapp.errors import CvappError
from cvapp.evaluation.boxed_mistakes import KINDS, MISSED, SIZES, find
from cvapp.evaluation.matching import FALSE, IGNORED, Matched, Truth, check, match

__all__ = ["FALSE", "IGNORED", "Matched", "Truth", "match"]
NO_BOX = 0.5  # the score to ask for where no box was ever right, so that nothing is known


class Curve(NamedTuple):
    """Figures of the boxes down to each one, the best score first.

    Args:
        recall: float64 (N,), the share of objects that are found.
        precision: float64 (N,), the share of boxes that are right.
        scores: float64 (N,), of the last box that counts.
    """

    recall: np.ndarray
    precision: np.ndarray
    scores: np.ndarray


class Best(NamedTuple):
    """The place on a curve with the best F1, 2 P R / (P + R): the least score that counts, and the figures there."""

    score: float
    precision: float
    recall: float
    f1: float


class Pool(NamedTuple):
    """The boxes and objects of all pictures, once they are matched; those on difficult objects, and these, are left out.

    Args:
        scores: (N,), the best first.
        classes: (N,).
        right: bool (N,), whether a box stands for an object.
        objects: (T,), the class of each object.
    """

    scores: np.ndarray
    classes: np.ndarray
    right: np.ndarray
    objects: np.ndarray

    def curve(self, label: int | None = None) -> Curve:
        """Precision and recall of one class, or of all boxes together, as boxes are added by their score."""
        mine = np.ones(len(self.scores), bool) if label is None else self.classes == label
        objects = len(self.objects) if label is None else (self.objects == label).sum()
        hits = self.right[mine].cumsum()
        return Curve(hits / max(objects, 1), hits / np.arange(1, len(hits) + 1), self.scores[mine])


def pool(found: Sequence[Boxes], truths: Sequence[Truth], threshold: float = 0.5, plus_one: bool = False) -> Pool:
    """Match the boxes of each picture with its objects, as `match` does, and put all pictures together."""
    right = [match(one, truth, threshold, plus_one).right for one, truth in zip(found, truths, strict=True)]
    objects = [truth.classes[~np.asarray(truth.difficult, bool)] for truth in truths]
    scores, classes, places, true = (
        np.concatenate([np.zeros(0, kind), *parts])
        for kind, parts in ((float, (one.scores for one in found)), (int, (one.classes for one in found)), (int, right), (int, objects))
    )
    order = np.argsort(-scores, kind="stable")
    order = order[places[order] != IGNORED]
    return Pool(scores[order], classes[order], places[order] != FALSE, true)


def precision_recall(
    found: Sequence[Boxes], truths: Sequence[Truth], label: int | None, threshold: float = 0.5, plus_one: bool = False
) -> Curve:
    """Precision and recall of one class over all pictures, as boxes are added by their score; those on difficult objects do not count.

    Args:
        found: of each picture.
        truths: of each picture.
        label: the class, by its place among the labels; None for all boxes together.
        threshold: the IoU with an object of its class from which on a box is right.
        plus_one: as in `boxes.iou`.

    Returns:
        Of N boxes; recall is 0 where there is no object.
    """
    return pool(found, truths, threshold, plus_one).curve(label)


def average_precision(recall: np.ndarray, precision: np.ndarray, points: str = "all") -> float:
    """The area under the precision that can be had at each recall: the best precision at that recall or a higher one.

    Args:
        recall: (N,), rising.
        precision: (N,).
        points: `all` sums over every step of recall (Pascal VOC since 2010); `11` averages over recall 0, 0.1 ... 1 (VOC 2007), `101` over 0,
            0.01 ... 1 (COCO).

    Returns:
        0..1; 0 for no boxes.
    """
    if points not in ("all", "11", "101"):
        raise CvappError(f"points {points!r}: choose all, 11 or 101")
    ceiling = np.maximum.accumulate(precision[::-1])[::-1]
    if points == "all":
        return float((np.diff(recall, prepend=0) * ceiling).sum())
    steps = np.arange(int(points)) / (int(points) - 1)  # k / 10 to the last bit, as 3 objects of 10 are; linspace's 0.3 lies above it
    return float(np.append(ceiling, 0.0)[np.searchsorted(recall, steps)].mean())


def best(curve: Curve) -> Best:
    """Where F1 is best; the score is never one that parts boxes of equal scores."""
    recall, precision, scores = curve
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    f1[:-1][scores[:-1] == scores[1:]] = 0
    if not f1.any():
        return Best(NO_BOX, 0.0, 0.0, 0.0)
    place = f1.argmax()
    return Best(float(scores[place]), float(precision[place]), float(recall[place]), float(f1[place]))


def summary(
    found: Sequence[Boxes], truths: Sequence[Truth], labels: Sequence[str], threshold: float = 0.5, score: float | None = None
) -> dict[str, Any]:
    """The figures of one part of the data, fit for JSON.

    Args:
        found: of each picture, down to low scores.
        truths: of each picture.
        labels: the classes.
        threshold: the IoU from which on a box is right.
        score: the score threshold: boxes under it do not count, except in average precision; None takes the one with the best F1 over all
            classes.

    Returns:
        `map50` and `map50_11` (for a threshold of 0.5): mean average precision over the classes that have objects, by all points and by 11;
        `counted_from`, the score threshold; `precision`, `recall` and `f1` of all classes together at it, and `best_threshold`, where F1 would
        be best; `by_class` the same with `ap`, `ap_11` and `objects`, None where a class has no object; `classes_without_objects`; `photos`,
        `objects`, `difficult`; then of the boxes that reach the threshold: `false` by kind, `false_by_size` and `missed_by_size`.

    Raises:
        CvappError: pictures or classes that do not fit together (exit 3).
    """
    check(found, truths, len(labels))
    pooled = pool(found, truths, threshold)
    best_threshold = _rounded_down(best(pooled.curve()).score)
    counted_from = best_threshold if score is None else score
    by_class = {label: _of_class(pooled, place, counted_from) for place, label in enumerate(labels)}
    there = [figures for figures in by_class.values() if figures["objects"]]
    mistakes = find(found, truths, threshold, counted_from)
    kinds = Counter(one.kind for one in mistakes)
    sizes = Counter((one.kind == MISSED, one.size) for one in mistakes)
    name = f"map{100 * threshold:.0f}"
    return {
        name: _mean([figures["ap"] for figures in there]),
        f"{name}_11": _mean([figures["ap_11"] for figures in there]),
        **_at(pooled.curve(), counted_from),
        "best_threshold": best_threshold,
        "photos": len(truths),
        "objects": sum(figures["objects"] for figures in there),
        "difficult": int(sum(np.sum(truth.difficult) for truth in truths)),
        "by_class": by_class,
        "classes_without_objects": [label for label, figures in by_class.items() if not figures["objects"]],
        "counted_from": counted_from,
        "false": {kind: kinds[kind] for kind in KINDS},
        "false_by_size": {size: sizes[False, size] for size in SIZES},
        "missed_by_size": {size: sizes[True, size] for size in SIZES},
    }


def _of_class(pooled: Pool, label: int, score: float) -> dict[str, Any]:
    """The figures of one class, of the boxes that reach a score; None for each where there is no object to reckon from."""
    curve = pooled.curve(label)
    areas = {name: round(average_precision(curve.recall, curve.precision, points), 4) for name, points in (("ap", "all"), ("ap_11", "11"))}
    figures = {**areas, **_at(curve, score), "best_threshold": _rounded_down(best(curve).score)}
    objects = int((pooled.objects == label).sum())
    return {**(figures if objects else dict.fromkeys(figures)), "objects": objects}


def _at(curve: Curve, score: float) -> dict[str, float]:
    """Precision, recall and F1 of the boxes that reach a score; 0 where none does."""
    count = int((curve.scores >= score).sum())
    precision, recall = (float(values[count - 1]) if count else 0.0 for values in (curve.precision, curve.recall))
    f1 = 2 * precision * recall / max(precision + recall, 1e-12)
    return {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}


def _rounded_down(score: float) -> float:
    """To four digits, so that the box that set it still reaches it."""
    return float(np.floor(score * 1e4) / 1e4)


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4) if values else 0.0
