"""Contact sheets: many small pictures in rows, each with its lines of text below."""

from typing import Sequence

import cv2
import numpy as np

from cvapp.evaluation.words import printable, shorten
from cvapp.images import Images, fit

WIDTH = 176  # of a picture on the sheet: enough to recognise, and eight fill a laptop's screen
_GAP, _LINE, _TEXT = 12, 19, 14
_PAPER, _INK, _DIM = 255, (24, 27, 31), (92, 99, 108)
_FACE = cv2.FontFace("sans")


def contact_sheet(pictures: Sequence[np.ndarray] | np.ndarray, captions: Sequence[str], columns: int) -> np.ndarray:
    """Pictures in rows of `columns` on white paper.

    Args:
        pictures: uint8 RGB (H, W, 3) each; all take the shape of the first, padded with black where theirs is another.
        captions: the text below each, lines parted by a line break, the first in bold; a line too long for its picture loses its middle.
            Empty for none.
        columns: pictures in a row at most.

    Returns:
        uint8 RGB.
    """
    height, width = pictures[0].shape[:2]
    tile = Images(size=(int(np.clip(round(WIDTH * height / width), WIDTH // 4, WIDTH * 3 // 2)), WIDTH), fit="letterbox")
    assert tile.size is not None
    texts = [caption.split("\n") for caption in captions] or [[]] * len(pictures)
    step = tile.size[0] + _LINE * max(len(lines) for lines in texts) + _GAP
    columns = min(columns, len(pictures))
    sheet = np.full((_GAP + step * -(-len(pictures) // columns), _GAP + (WIDTH + _GAP) * columns, 3), _PAPER, np.uint8)
    for number, (picture, lines) in enumerate(zip(pictures, texts, strict=True)):
        top, left = _GAP + step * (number // columns), _GAP + (WIDTH + _GAP) * (number % columns)
        sheet[top : top + tile.size[0], left : left + WIDTH] = fit(picture, tile)
        for place, line in enumerate(lines):
            weight, colour = (700, _INK) if place == 0 else (400, _DIM)
            base = top + tile.size[0] + _LINE * (place + 1) - 4
            cv2.putText(sheet, _fitted(printable(line), weight), (left, base), colour, _FACE, _TEXT, weight)
    return sheet


def _fitted(line: str, weight: int) -> str:
    """The line, shortened to the width of a picture."""
    most, short = len(line), line
    while most > 1 and cv2.getTextSize((0, 0), short, (0, 0), _FACE, _TEXT, weight)[2] > WIDTH:
        most -= 1
        short = shorten(line, most)
    return short
