"""The answer drawn on the picture: labels, probabilities, how the run does, and which part the model sees."""

from typing import Sequence

import cv2
import numpy as np

from cvapp.lettering import shortened, text_width, write

_INK, _DIM, _BAR = (255, 255, 255), (184, 190, 198), (64, 196, 140)
SHOWN = 3
_DARKEN = 51  # of 256: a fifth of the light is left under text


def draw(
    image: np.ndarray,
    scores: Sequence[tuple[str, float]],
    status: str = "",
    seen: tuple[int, int, int, int] | None = None,
    said: str | None = None,
) -> np.ndarray:
    """Draw an answer on a copy of a picture.

    Args:
        image: uint8 RGB (H, W, 3) of any size.
        scores: label and probability, the best first; the first three are shown.
        status: a short text for the top right.
        seen: the part the model sees, (top, left, height, width) in pixels; its corners are marked when it is not the whole.
        said: the answer, where it is not the best label ("unknown"); it stands first then, and the guesses below it.
    """
    out = np.ascontiguousarray(image).copy()
    height, width = out.shape[:2]
    unit = unit_of(out)
    rows: list[tuple[str, float | None]] = list(scores[:SHOWN])
    if said is not None and rows and said != rows[0][0]:
        rows = [(said, None), *rows[: SHOWN - 1]]
    panel = min(height, round(unit * (1.9 + 1.25 * len(rows))))
    patch(out, (height - panel, 0, panel, width))
    pad, bar = unit // 2, round(width * 0.3)
    for number, (label, probability) in enumerate(rows):
        size = round(unit * 1.35) if number == 0 else unit
        base = height - panel + round(unit * (1.75 + 1.3 * number)) - (0 if number else unit // 8)
        weight, colour = (700, _INK) if number == 0 else (400, _DIM)
        if probability is None:
            write(out, label, (pad, base), size, colour, weight)
            continue
        percent = f"{100 * probability:.0f}%"
        edge = width - bar - pad - round(0.6 * unit) - text_width(percent, size, weight)
        write(out, shortened(label, size, edge - 2 * pad, weight), (pad, base), size, colour, weight)
        write(out, percent, (edge, base), size, colour, weight)
        left = width - bar - pad
        cv2.rectangle(out, (left, base - unit * 2 // 3), (left + bar, base), (70, 74, 80), -1)
        cv2.rectangle(out, (left, base - unit * 2 // 3), (left + max(1, round(bar * probability)), base), _BAR if number == 0 else _DIM, -1)
    if seen is not None and seen[2:] != (height, width):
        _mark_corners(out, seen, unit)
    if status and height - panel >= round(unit * 1.7):
        tag(out, status, unit)
    return out


def unit_of(image: np.ndarray) -> int:
    """The height of text, in pixels, that suits a picture."""
    return max(9, round(min(image.shape[0], image.shape[1] * 0.75) / 24))


def patch(out: np.ndarray, place: tuple[int, int, int, int]) -> None:
    """Darken a part (top, left, height, width) of a picture in place, so that bright text reads on any scene."""
    top, left, height, width = place
    part = out[top : top + height, left : left + width]
    part[:] = (part.astype(np.uint16) * _DARKEN >> 8).astype(np.uint8)


def caption(image: np.ndarray, text: str) -> np.ndarray:
    """One line of text on a copy of a picture: uint8 RGB (H, W, 3)."""
    out = np.ascontiguousarray(image).copy()
    tag(out, text, max(9, round(min(out.shape[0], out.shape[1] * 0.75) / 16)))
    return out


def listing(image: np.ndarray, rows: Sequence[tuple[str, str]]) -> np.ndarray:
    """Two columns of text on a darkened copy of a picture: uint8 RGB (H, W, 3)."""
    out = (image.astype(np.uint16) * _DARKEN >> 8).astype(np.uint8)
    unit = max(9, round(min(image.shape[0] / (1.6 * len(rows) + 1), image.shape[1] / 24)))
    step = min(1.6 * unit, image.shape[0] / (len(rows) + 0.4))
    column = unit + max(text_width(name, unit, 700) for name, _ in rows) + unit
    for number, (name, text) in enumerate(rows, 1):
        base = round(step * number)
        write(out, name, (unit, base), unit, _INK, 700)
        write(out, shortened(text, unit, image.shape[1] - column - unit), (column, base), unit, _DIM)
    return out


def tag(out: np.ndarray, text: str, unit: int) -> None:
    """A small text at the top right on a darkened patch."""
    size = round(unit * 0.9)
    text = shortened(text, size, out.shape[1] - unit)
    width = text_width(text, size) + unit
    patch(out, (0, max(0, out.shape[1] - width), round(unit * 1.7), width))
    write(out, text, (max(0, out.shape[1] - width + unit // 2), round(unit * 1.2)), size, _INK)


def _mark_corners(out: np.ndarray, seen: tuple[int, int, int, int], unit: int) -> None:
    top, left, height, width = seen
    arm, thick = unit, max(1, unit // 10)
    for y, dy in ((top, 1), (top + height - 1, -1)):
        for x, dx in ((left, 1), (left + width - 1, -1)):
            for colour, extra in (((20, 20, 20), 2), (_INK, 0)):
                cv2.line(out, (x, y), (x + dx * arm, y), colour, thick + extra, cv2.LINE_AA)
                cv2.line(out, (x, y), (x, y + dy * arm), colour, thick + extra, cv2.LINE_AA)
