"""Texts that were read: said, steadied from frame to frame, and written large below the picture, of which they cover nothing."""

import math
from typing import Any

import numpy as np

from cvapp.camera.kinds import Kind, Place
from cvapp.camera.overlay import tag, unit_of
from cvapp.lettering import text_width, write

Text = tuple[str, float]  # and its probability, 0..1
NOTHING = "nothing"
_INK, _DIM = (255, 255, 255), (184, 190, 198)
_LEAST = 1e-4  # weight under which a text of earlier frames is forgotten


def draw(image: np.ndarray, answer: Text, status: str = "") -> np.ndarray:
    """A copy of a picture, uint8 RGB, with a dark strip below it that says the text and how sure that is.

    Args:
        image: uint8 RGB (H, W, 3) of any size.
        answer: the text and its probability.
        status: a short text for the top right.
    """
    unit = unit_of(image)
    strip, room = round(3.2 * unit), image.shape[1] - 2 * unit
    out = np.concatenate([image, np.zeros((strip, *image.shape[1:]), np.uint8)])
    text, percent = said(answer), f"{100 * answer[1]:.0f}%"
    size, small = round(2.4 * unit), round(1.2 * unit)
    room -= text_width(percent, small) + unit
    size = max(9, min(size, size * room // max(1, text_width(text, size, 700))))
    base = len(image) + (strip + round(0.72 * size)) // 2
    write(out, text, (unit, base), size, _INK, 700)
    if text_width(text, size, 700) <= room:
        write(out, percent, (image.shape[1] - unit - text_width(percent, small), base), small, _DIM)
    if status:
        tag(out, status, unit)
    return out


def said(answer: Text) -> str:
    """The text, or `nothing` where there is none."""
    return answer[0] or NOTHING


def written() -> Kind:
    """Answers of a transcriber: a text and its probability."""

    def line(answer: Text) -> dict[str, Any]:
        return {"text": answer[0], "probability": round(float(answer[1]), 4)}

    def draw_all(picture: np.ndarray, answer: Text, status: str, seen: Place | None, mirrored: bool) -> np.ndarray:
        return draw(picture, answer, status)

    return Kind(Voting, said, line, lambda answer: [said(answer)], draw_all)


class Voting:
    """The text that the latest frames are surest of: an exponential mean of each text's probability, 0 in a frame that shows another.

    Args:
        seconds: the time constant: what is so old counts 1/e of what is new; 0 takes each frame by itself.
    """

    def __init__(self, seconds: float):
        self._constant = seconds
        self._kept: dict[str, float] = {}
        self._time = 0.0

    def __call__(self, answer: Text, seconds: float) -> Text:
        """The text that leads at a frame's time, and its mean; after a step back, such as a film that begins anew, all begins anew."""
        past = seconds - self._time if self._kept else math.inf
        new = 1.0 if self._constant <= 0 or past < 0 else 1 - math.exp(-past / self._constant)
        found = {text: (1 - new) * mean for text, mean in self._kept.items() if (1 - new) * mean > _LEAST}
        found[answer[0]] = found.get(answer[0], 0.0) + new * answer[1]
        self._kept, self._time = found, seconds
        return max(found.items(), key=lambda row: row[1])
