"""Boxes: parallel arrays of places, scores and classes, and what is done with them (NumPy only)."""

from dataclasses import dataclass, field
from typing import Sequence

import numpy as np

from cvapp.errors import CvappError

_BLOCK = 64  # boxes that are settled among themselves before they are held against the rest: small enough to stay in the cache
METHODS = ("gaussian", "linear")


def _no_points() -> np.ndarray:
    return np.zeros((0, 0, 2), np.float32)


@dataclass(frozen=True)
class Boxes:
    """What a detector found in one picture, the best first.

    Args:
        xyxy: float32 (N, 4), left, top, right, bottom in pixels of the picture; edges, so that right - left is the width.
        scores: float32 (N,), 0..1.
        classes: int32 (N,), places among the labels.
        points: float32 (N, L, 2), landmarks (x, y) in pixels; L is 0 where the detector has none.
    """

    xyxy: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    points: np.ndarray = field(default_factory=_no_points)

    def __post_init__(self) -> None:
        count = len(self.scores)
        points = np.zeros((count, 0, 2), np.float32) if self.points.shape == (0, 0, 2) else self.points
        object.__setattr__(self, "points", points)
        if self.xyxy.shape != (count, 4) or self.classes.shape != (count,) or points.shape[::2] != (count, 2):
            shapes = ", ".join(str(part.shape) for part in (self.xyxy, self.scores, self.classes, points))
            raise CvappError(f"boxes of shapes {shapes}: expected (N, 4), (N,), (N,) and (N, L, 2)")

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, chosen: Sequence[int] | np.ndarray) -> "Boxes":
        """Some of the boxes, by index or by a mask."""
        return Boxes(self.xyxy[chosen], self.scores[chosen], self.classes[chosen], self.points[chosen])


def from_xywh(xywh: np.ndarray) -> np.ndarray:
    """Left, top, width, height (N, 4), as COCO and OpenCV write boxes -> xyxy."""
    xywh = _fours(xywh)
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1)


def to_xywh(xyxy: np.ndarray) -> np.ndarray:
    """xyxy (N, 4) -> left, top, width, height."""
    xyxy = _fours(xyxy)
    return np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], 1)


def from_centred(centred: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Centre x, y, width, height as shares of a picture's sides (N, 4), as YOLO writes boxes -> xyxy in pixels of a picture of `size` (H, W)."""
    centred = _fours(centred)
    half = centred[:, 2:] / 2
    return np.concatenate([centred[:, :2] - half, centred[:, :2] + half], 1) * _sides(size, centred.dtype)


def to_centred(xyxy: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """xyxy (N, 4) in pixels of a picture of `size` (H, W) -> centre x, y, width, height as shares of its sides."""
    xyxy = _fours(xyxy)
    return np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], 1) / _sides(size, xyxy.dtype)


def clip(xyxy: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The parts of boxes (N, 4) that lie in a picture of `size` (H, W); one that lies outside has no area."""
    xyxy = _fours(xyxy)
    return np.clip(xyxy, 0, _sides(size, xyxy.dtype))


def area(xyxy: np.ndarray, plus_one: bool = False) -> np.ndarray:
    """Width times height of boxes (N, 4), float64 (N,); 0 where right is not right of left, or bottom not below top."""
    return _area(_fours(xyxy).astype(np.float64), plus_one)


def _area(xyxy: np.ndarray, plus_one: bool) -> np.ndarray:
    return np.prod(np.maximum(xyxy[:, 2:] - xyxy[:, :2] + plus_one, 0), 1)


def iou(first: np.ndarray, second: np.ndarray, plus_one: bool = False) -> np.ndarray:
    """Intersection over union of each of `first` (N, 4) with each of `second` (M, 4): float64 (N, M), 0..1; 0 where both have no area.

    Args:
        first: xyxy.
        second: xyxy.
        plus_one: right and bottom are the last pixel that belongs to the box, so that a width is right - left + 1 (Pascal VOC's devkit).
    """
    return _iou(_fours(first).astype(np.float64), _fours(second).astype(np.float64), plus_one)


def _iou(first: np.ndarray, second: np.ndarray, plus_one: bool = False) -> np.ndarray:
    """As `iou` for float64 that was checked; in place, since non-maximum suppression spends its time here."""
    overlap = _shared(first, second, 0, plus_one)
    overlap *= _shared(first, second, 1, plus_one)
    union = _area(first, plus_one)[:, None] + _area(second, plus_one)
    union -= overlap
    union[union <= 0] = 1  # no area, so nothing shared: 0 / 1
    overlap /= union
    return overlap


def _shared(first: np.ndarray, second: np.ndarray, axis: int, plus_one: bool) -> np.ndarray:
    """The length (N, M) of what two boxes share along one axis, at least 0."""
    length = np.minimum(first[:, axis + 2, None], second[:, axis + 2])
    length -= np.maximum(first[:, axis, None], second[:, axis])
    if plus_one:
        length += 1
    return np.maximum(length, 0, out=length)


def nms(xyxy: np.ndarray, scores: np.ndarray, classes: np.ndarray | None = None, threshold: float = 0.5) -> np.ndarray:
    """Non-maximum suppression: the best box is kept, those that overlap it by an IoU of more than `threshold` are not, and so on.

    Args:
        xyxy: (N, 4).
        scores: (N,); equal ones are taken in their order.
        classes: (N,); a box suppresses those of its class only. None where all are of one.
        threshold: 0..1.

    Returns:
        int64 (K,), indices of the boxes that are kept, the best first.

    Raises:
        CvappError: shapes that do not match, or values that are no numbers.
    """
    xyxy, scores, classes = _checked(xyxy, scores, classes)
    left, kept = np.argsort(-scores, kind="stable"), [np.zeros(0, np.int64)]
    while len(left):
        block, left = left[:_BLOCK], left[_BLOCK:]
        block = block[_settled(np.triu(_rivals(xyxy, classes, block, block, threshold), 1))]
        left = left[~_rivals(xyxy, classes, block, left, threshold).any(0)]
        kept.append(block)
    return np.concatenate(kept)


def _rivals(xyxy: np.ndarray, classes: np.ndarray | None, first: np.ndarray, second: np.ndarray, threshold: float) -> np.ndarray:
    """Whether boxes of two sets of indices are of one class and overlap by more than the threshold: bool (F, S)."""
    over = _iou(xyxy[first], xyxy[second]) > threshold
    return over if classes is None else over & (classes[first, None] == classes[second])


def _settled(over: np.ndarray) -> np.ndarray:
    """Which of B boxes, the best first, stay when each that stays removes those of its row (B, B): bool (B,)."""
    stays = np.ones(len(over), bool)
    for row in np.flatnonzero(over.any(1)):
        if stays[row]:
            stays[over[row]] = False
    return stays


def soft_nms(
    xyxy: np.ndarray,
    scores: np.ndarray,
    classes: np.ndarray | None = None,
    sigma: float = 0.5,
    threshold: float = 0.001,
    method: str = "gaussian",
) -> tuple[np.ndarray, np.ndarray]:
    """Soft non-maximum suppression (Bodla et al. 2017, arXiv:1704.04503): what overlaps a better box loses score instead of its place.

    Args:
        xyxy: (N, 4).
        scores: (N,), 0..1.
        classes: as in `nms`.
        sigma: `gaussian` multiplies a score by exp(-IoU^2 / sigma) (equation 3); for `linear` the IoU above which it does so by 1 - IoU
            (equation 2).
        threshold: 0 or more; a box whose score falls below it is removed.
        method: `gaussian` or `linear`.

    Returns:
        int64 (K,) indices of the boxes that are kept, the best first, and float64 (K,) what became of their scores.

    Raises:
        CvappError: shapes that do not match, values that are no numbers, or no such method.
    """
    if method not in METHODS or not sigma > 0 or not threshold >= 0:
        given = f"method {method!r}, sigma {sigma}, threshold {threshold}"
        raise CvappError(f"{given}: choose one of {', '.join(METHODS)}, a sigma above 0 and a threshold of 0 or more")
    xyxy, scores, classes = _checked(xyxy, scores, classes)
    left, kept, became = np.arange(len(scores)), [], []
    while len(left := left[scores[left] >= threshold]):
        score = scores[left]
        block = np.argsort(-score, kind="stable")[:_BLOCK]  # those that are likely the next
        overlap = _iou(xyxy[left[block]], xyxy[left])
        factors = np.exp(-(overlap**2) / sigma) if method == "gaussian" else np.where(overlap > sigma, 1 - overlap, 1.0)
        if classes is not None:
            factors[classes[left[block], None] != classes[left]] = 1
        rows = dict(zip(block.tolist(), factors))
        while (best := int(score.argmax())) in rows and score[best] >= threshold:
            kept.append(left[best])
            became.append(score[best])
            score *= rows.pop(best)
            score[best], factors[:, best] = -1, 1  # taken, for good
        scores[left] = score
    return np.array(kept, np.int64), np.array(became, np.float64)


def _checked(xyxy: np.ndarray, scores: np.ndarray, classes: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The same as float64 and integers, once they fit together."""
    xyxy, scores = _fours(xyxy).astype(np.float64), np.array(scores, np.float64)  # a copy
    classes = None if classes is None else np.asarray(classes)
    if scores.shape != (len(xyxy),) or (classes is not None and classes.shape != scores.shape):
        shapes = f"{len(xyxy)} boxes, scores {scores.shape}" + ("" if classes is None else f", classes {classes.shape}")
        raise CvappError(f"{shapes}: expected one score, and one class where there are any, for each box")
    if not np.isfinite(scores).all():
        raise CvappError("scores hold values that are no numbers; look for a division by 0 in what made them")
    return xyxy, scores, classes


def _fours(boxes: np.ndarray) -> np.ndarray:
    """Boxes as floating point (N, 4), once they are; an empty list has no boxes."""
    boxes = np.asarray(boxes)
    boxes = boxes.reshape(0, 4) if boxes.shape == (0,) else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "fiu":
        raise CvappError(f"boxes are {boxes.dtype} {boxes.shape}: expected numbers (N, 4), a row of four for each box")
    if not np.isfinite(boxes).all():
        raise CvappError("boxes hold values that are no numbers; look for a division by 0 or an overflow in what made them")
    return boxes if boxes.dtype.kind == "f" else boxes.astype(np.float64)


def _sides(size: tuple[int, int], kind: np.dtype) -> np.ndarray:
    """(height, width) as width, height, width, height."""
    height, width = size
    return np.array((width, height, width, height), kind)
