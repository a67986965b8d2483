"""Boxes drawn on the picture, and steadied from frame to frame."""

import colorsys
import math
from collections import Counter
from typing import Any, Sequence

import cv2
import numpy as np

from cvapp.boxes import Boxes, iou
from cvapp.camera.kinds import Kind, Place
from cvapp.camera.overlay import patch, tag, unit_of
from cvapp.lettering import shortened, stand_ins, text_width, write

SAME = 0.4  # IoU from which a box is that of the frame before
NOTHING = "nothing"


def colour_of(index: int) -> tuple[int, int, int]:
    """A class's colour, RGB: bright, and far from those of its neighbours (hues a golden angle apart)."""
    red, green, blue = colorsys.hsv_to_rgb((0.38 + 0.618034 * index) % 1, 0.55, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw(image: np.ndarray, found: Boxes, labels: Sequence[str], status: str = "") -> np.ndarray:
    """Draw boxes with their labels and scores, and their landmarks, on a copy of a picture.

    Args:
        image: uint8 RGB (H, W, 3) of any size.
        found: in its pixels.
        labels: of the classes.
        status: a short text for the top right.
    """
    out = np.ascontiguousarray(image).copy()
    unit = unit_of(out)
    thick = max(1, unit // 8)
    if status:
        tag(out, status, unit)
    for index in reversed(range(len(found))):  # the surest comes last, on top
        colour = colour_of(int(found.classes[index]))
        left, top, right, bottom = np.round(found.xyxy[index]).astype(int).tolist()
        for ink, extra in (((20, 20, 20), 2), (colour, 0)):
            cv2.rectangle(out, (left, top), (right - 1, bottom - 1), ink, thick + extra, cv2.LINE_AA)
            for x, y in np.round(found.points[index]).astype(int).tolist():
                cv2.circle(out, (x, y), thick + 1 + extra, ink, -1, cv2.LINE_AA)
    for index in reversed(range(len(found))):
        left, top = np.round(found.xyxy[index, :2]).astype(int).tolist()
        label, percent = labels[found.classes[index]], f"{100 * found.scores[index]:.0f}%"
        _label(out, (label, percent), (left, top), unit, colour_of(int(found.classes[index])))
    return out


def _label(out: np.ndarray, words: tuple[str, str], corner: tuple[int, int], unit: int, colour: tuple[int, int, int]) -> None:
    """A label and a percentage on a dark patch above a box, or inside it where there is no room above."""
    size, (label, percent) = max(9, round(0.8 * unit)), words
    height, blank = round(1.35 * size), text_width(" ", size, 700)
    label = shortened(label, size, out.shape[1] - size // 2 - blank - text_width(percent, size, 700), 700)  # the percentage is always seen
    reach = text_width(label, size, 700) + blank
    width = reach + text_width(percent, size, 700) + size // 2
    left = max(0, min(corner[0], out.shape[1] - width))
    top = corner[1] - height if corner[1] >= height else min(corner[1], max(0, out.shape[0] - height))
    patch(out, (top, left, height, width))
    left, base = left + size // 4, top + round(1.02 * size)
    write(out, label, (left, base), size, colour, 700)
    write(out, percent, (left + reach, base), size, colour, 700)


def mirrored(found: Boxes, width: int) -> Boxes:
    """Boxes as a mirror shows them, of a picture so many pixels wide."""
    xyxy = found.xyxy.copy()
    xyxy[:, [0, 2]] = width - found.xyxy[:, [2, 0]]
    points = found.points.copy()
    points[..., 0] = width - found.points[..., 0]
    return Boxes(xyxy, found.scores, found.classes, points)


def boxed(labels: Sequence[str]) -> Kind:
    """Answers of a detector: Boxes in the picture's pixels, their classes' names being `labels`."""

    shown = list(stand_ins(labels).values())

    def draw_all(picture: np.ndarray, found: Boxes, status: str, seen: Place | None, mirror: bool) -> np.ndarray:
        return draw(picture, mirrored(found, picture.shape[1]) if mirror else found, shown, status)

    def counted(found: Boxes) -> list[str]:
        return sorted({labels[label] for label in found.classes}) or [NOTHING]

    return Kind(Steadying, lambda found: told(found, labels), lambda found: {"boxes": rows(found, labels)}, counted, draw_all)


def told(found: Boxes, labels: Sequence[str]) -> str:
    """What is said of a frame: `2 heart, 1 moon`, or `nothing`."""
    counts = Counter(labels[label] for label in found.classes)
    return ", ".join(f"{count} {label}" for label, count in counts.items()) or NOTHING


def rows(found: Boxes, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Boxes as plain values: label, score, the box, and landmarks where there are any; pixels rounded to tenths."""
    return [
        {
            "label": labels[label],
            "score": round(float(score), 4),
            "xyxy": np.round(xyxy.astype(float), 1).tolist(),
            **({"points": np.round(points.astype(float), 1).tolist()} if len(points) else {}),
        }
        for xyxy, score, label, points in zip(found.xyxy, found.scores, found.classes, found.points)
    ]


class Steadying:
    """Moves each box only part of the way from where it was in the frame before: what is `seconds` old counts 1/e of what is new.

    Args:
        seconds: the time constant; 0 steadies nothing.
    """

    def __init__(self, seconds: float):
        self._constant = seconds
        self._kept: Boxes | None = None
        self._time = 0.0

    def __call__(self, found: Boxes, seconds: float) -> Boxes:
        """The steadied boxes of a frame of some time; a box that was not there before, or is not there now, is left as it is."""
        before, past = self._kept, seconds - self._time
        self._kept, self._time = found, seconds
        if self._constant <= 0 or before is None or past < 0 or not len(before) or not len(found):
            return found
        overlap = np.where(found.classes[:, None] == before.classes[None], iou(found.xyxy, before.xyxy), 0)
        same, new = overlap.argmax(1), np.float32(1 - math.exp(-past / self._constant))
        share = np.where(overlap.max(1) >= SAME, new, np.float32(1)).astype(np.float32)

        def mixed(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
            weight = share.reshape(-1, *[1] * (ours.ndim - 1))
            return weight * ours + (1 - weight) * theirs[same]

        self._kept = Boxes(
            mixed(found.xyxy, before.xyxy), mixed(found.scores, before.scores), found.classes, mixed(found.points, before.points)
        )
        return self._kept
