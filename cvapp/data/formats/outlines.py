"""The box around an outline, a mask of runs or a rotated box."""

import math
from typing import Any, Iterable, Sequence

from cvapp.data.boxed import Corners

_MOST = 1 << 30  # pixels of a mask


def around(points: Iterable[tuple[float, float]]) -> Corners:
    """The box around points; not a number where one of them is none, or there are none."""
    xs, ys = zip(*points, strict=True) if (points := list(points)) else ((math.nan,), (math.nan,))
    if not all(map(math.isfinite, (*xs, *ys))):
        return (math.nan,) * 4
    return min(xs), min(ys), max(xs), max(ys)


def pairs(numbers: Sequence[float]) -> list[tuple[float, float]]:
    """The points of [x, y, x, y, ...].

    Raises:
        ValueError: a number has no partner.
    """
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def rotated(corners: Corners, radians: float) -> Corners:
    """The box around a box that is turned about its middle."""
    left, top, right, bottom = corners
    cos, sin = abs(math.cos(radians)), abs(math.sin(radians))
    x, y, width, height = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    across, down = (width * cos + height * sin) / 2, (width * sin + height * cos) / 2
    return x - across, y - down, x + across, y + down


def of_segmentation(value: Any) -> Corners:
    """The box around what COCO calls a segmentation: polygons [[x, y, ...], ...], one polygon, or runs {size, counts}.

    Raises:
        ValueError: it is none of these; the reason in words.
    """
    try:
        if isinstance(value, dict):
            counts = value["counts"]
            return _of_runs(value["size"], _runs(counts) if isinstance(counts, str) else counts)
        polygons = value if value and isinstance(value[0], list) else [value]
        points = [point for polygon in polygons for point in pairs(polygon)]
        if any(isinstance(number, (bool, str)) for point in points for number in point):
            raise TypeError
        return around([(float(x), float(y)) for x, y in points])
    except (TypeError, KeyError, ValueError, OverflowError):
        raise ValueError(f"segmentation is {str(value)[:80]}, expected polygons [[x, y, ...]] or runs with size and counts") from None


def _of_runs(size: Any, counts: Any) -> Corners:
    """The box around runs of off and on in turn, column by column (cocodataset.org, maskApi)."""
    height, width = size
    if not all(isinstance(value, int) and value >= 0 for value in (height, width, *counts)) or not 0 < height * width <= _MOST:
        raise ValueError
    lefts, tops, rights, bottoms, at = [], [], [], [], 0
    for place, count in enumerate(counts):
        if place % 2 and count:
            first, last = at, at + count - 1
            lefts.append(first // height)
            rights.append(last // height + 1)
            whole = first // height != last // height
            tops.append(0 if whole else first % height)
            bottoms.append(height if whole else last % height + 1)
        at += count
    if at > height * width:
        raise ValueError
    return (float(min(lefts)), float(min(tops)), float(max(rights)), float(max(bottoms))) if lefts else (math.nan,) * 4


def _runs(text: str) -> list[int]:
    """Runs from pycocotools' letters: six bits each, five of a number and whether more follow; from the third on, changes to the last but one."""
    counts: list[int] = []
    at = 0
    while at < len(text):
        value, shift, more = 0, 0, True
        while more:
            bits = ord(text[at : at + 1] or "\0") - 48
            if not 0 <= bits < 64 or shift > 60:
                raise ValueError
            value |= (bits & 0x1F) << shift
            more, at, shift = bool(bits & 0x20), at + 1, shift + 5
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    return counts
