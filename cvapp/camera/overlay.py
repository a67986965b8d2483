"""The answer drawn on the picture: labels, probabilities, how the run does, and which part the model sees."""

from typing import Sequence

import cv2
import numpy as np

_FACE = cv2.FontFace("sans")
_INK, _DIM, _BAR = (255, 255, 255), (184, 190, 198), (64, 196, 140)
SHOWN = 3
_DARKEN = 51  # of 256: a fifth of the light is left under text


def _text(image: np.ndarray, text: str, place: tuple[int, int], height: int, colour: tuple[int, int, int], weight: int = 400) -> None:
    cv2.putText(image, text, place, colour, _FACE, height, weight)


def _width(text: str, height: int, weight: int = 400) -> int:
    return int(cv2.getTextSize((0, 0), text, (0, 0), _FACE, height, weight)[2])


def _shorten(text: str, height: int, room: int, weight: int = 400) -> str:
    """Cut a label that is too long for its room, with an ellipsis."""
    if _width(text, height, weight) <= room:
        return text
    while text and _width(text + "…", height, weight) > room:
        text = text[:-1]
    return text + "…"


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
    unit = max(9, round(min(height, width * 0.75) / 24))
    rows: list[tuple[str, float | None]] = list(scores[:SHOWN])
    if said is not None and rows and said != rows[0][0]:
        rows = [(said, None), *rows[: SHOWN - 1]]
    panel = min(height, round(unit * (1.9 + 1.25 * len(rows))))
    out[height - panel :] = (out[height - panel :].astype(np.uint16) * _DARKEN >> 8).astype(np.uint8)  # white text reads on any scene
    pad, bar = unit // 2, round(width * 0.3)
    for number, (label, probability) in enumerate(rows):
        size = round(unit * 1.35) if number == 0 else unit
        base = height - panel + round(unit * (1.75 + 1.3 * number)) - (0 if number else unit // 8)
        weight, colour = (700, _INK) if number == 0 else (400, _DIM)
        if probability is None:
            _text(out, label, (pad, base), size, colour, weight)
            continue
        percent = f"{100 * probability:.0f}%"
        edge = width - bar - pad - round(0.6 * unit) - _width(percent, size, weight)
        _text(out, _shorten(label, size, edge - 2 * pad, weight), (pad, base), size, colour, weight)
        _text(out, percent, (edge, base), size, colour, weight)
        left = width - bar - pad
        cv2.rectangle(out, (left, base - unit * 2 // 3), (left + bar, base), (70, 74, 80), -1)
        cv2.rectangle(out, (left, base - unit * 2 // 3), (left + max(1, round(bar * probability)), base), _BAR if number == 0 else _DIM, -1)
    if seen is not None and seen[2:] != (height, width):
        _mark_corners(out, seen, unit)
    if status and height - panel >= round(unit * 1.7):
        _tag(out, status, unit)
    return out


def caption(image: np.ndarray, text: str) -> np.ndarray:
    """One line of text on a copy of a picture: uint8 RGB (H, W, 3)."""
    out = np.ascontiguousarray(image).copy()
    _tag(out, text, max(9, round(min(out.shape[0], out.shape[1] * 0.75) / 16)))
    return out


def listing(image: np.ndarray, rows: Sequence[tuple[str, str]]) -> np.ndarray:
    """Two columns of text on a darkened copy of a picture: uint8 RGB (H, W, 3)."""
    out = (image.astype(np.uint16) * _DARKEN >> 8).astype(np.uint8)
    unit = max(9, round(min(image.shape[0] / (1.6 * len(rows) + 1), image.shape[1] / 24)))
    step = min(1.6 * unit, image.shape[0] / (len(rows) + 0.4))
    column = unit + max(_width(name, unit, 700) for name, _ in rows) + unit
    for number, (name, text) in enumerate(rows, 1):
        base = round(step * number)
        _text(out, name, (unit, base), unit, _INK, 700)
        _text(out, _shorten(text, unit, image.shape[1] - column - unit), (column, base), unit, _DIM)
    return out


def _tag(out: np.ndarray, text: str, unit: int) -> None:
    """A small text at the top right on a darkened patch."""
    size = round(unit * 0.9)
    text = _shorten(text, size, out.shape[1] - unit)
    width = _width(text, size) + unit
    patch = out[: round(unit * 1.7), max(0, out.shape[1] - width) :]
    patch[:] = (patch.astype(np.uint16) * _DARKEN >> 8).astype(np.uint8)
    _text(out, text, (max(0, out.shape[1] - width + unit // 2), round(unit * 1.2)), size, _INK)


def _mark_corners(out: np.ndarray, seen: tuple[int, int, int, int], unit: int) -> None:
    top, left, height, width = seen
    arm, thick = unit, max(1, unit // 10)
    for y, dy in ((top, 1), (top + height - 1, -1)):
        for x, dx in ((left, 1), (left + width - 1, -1)):
            for colour, extra in (((20, 20, 20), 2), (_INK, 0)):
                cv2.line(out, (x, y), (x + dx * arm, y), colour, thick + extra, cv2.LINE_AA)
                cv2.line(out, (x, y), (x, y + dy * arm), colour, thick + extra, cv2.LINE_AA)
