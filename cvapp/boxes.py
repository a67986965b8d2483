"""Boxes: parallel arrays of places, scores and classes, and what is done with them (NumPy only)."""

from dataclasses import dataclass, field
from typing import Sequence

import numpy as np

from cvapp.errors import CvappError


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
        points = self.points if self.points.size else np.zeros((count, 0, 2), np.float32)
        object.__setattr__(self, "points", points)
        if self.xyxy.shape != (count, 4) or self.classes.shape != (count,) or points.shape[::2] != (count, 2):
            shapes = ", ".join(str(part.shape) for part in (self.xyxy, self.scores, self.classes, points))
            raise CvappError(f"boxes of shapes {shapes}: expected (N, 4), (N,), (N,) and (N, L, 2)")

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, chosen: Sequence[int] | np.ndarray) -> "Boxes":
        """Some of the boxes, by index or by a mask."""
        return Boxes(self.xyxy[chosen], self.scores[chosen], self.classes[chosen], self.points[chosen])
