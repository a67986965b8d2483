"""Contact sheets: many small pictures in rows, each with its lines of text below."""

from typing import Mapping, Sequence

import cv2
import numpy as np

from cvapp.evaluation.words import printable, shorten
from cvapp.images import Images, fit

WIDTH = 176  # of a picture on the sheet: enough to recognise, and eight fill a laptop's screen
_GAP, _LINE, _TEXT, _TITLE = 12, 19, 14, 18
_PAPER, _INK, _DIM = 255, (24, 27, 31), (92, 99, 108)
_FACE = cv2.FontFace("sans")


def contact_sheet(pictures: Sequence[np.ndarray] | np.ndarray, captions: Sequence[str], columns: int, width: int = WIDTH) -> np.ndarray:
    """Pictures in rows of `columns` on white paper.

    Args:
        pictures: uint8 RGB (H, W, 3) each; all take the shape of the first, padded with black where theirs is another.
        captions: the text below each, lines parted by a line break, the first in bold; a line too long for its picture loses its middle.
            Empty for none.
        columns: pictures in a row at most.
        width: of a picture on the sheet, in pixels.

    Returns:
        uint8 RGB.
    """
    shape = pictures[0].shape
    tile = Images(size=(int(np.clip(round(width * shape[0] / shape[1]), width // 4, width * 3 // 2)), width), fit="letterbox")
    assert tile.size is not None
    texts = [caption.split("\n") for caption in captions] or [[]] * len(pictures)
    step = tile.size[0] + _LINE * max(len(lines) for lines in texts) + _GAP
    columns = min(columns, len(pictures))
    sheet = np.full((_GAP + step * -(-len(pictures) // columns), _GAP + (width + _GAP) * columns, 3), _PAPER, np.uint8)
    for number, (picture, lines) in enumerate(zip(pictures, texts, strict=True)):
        top, left = _GAP + step * (number // columns), _GAP + (width + _GAP) * (number % columns)
        sheet[top : top + tile.size[0], left : left + width] = fit(picture, tile)
        for place, line in enumerate(lines):
            weight, colour = (700, _INK) if place == 0 else (400, _DIM)
            base = top + tile.size[0] + _LINE * (place + 1) - 4
            cv2.putText(sheet, _fitted(printable(line), weight, width), (left, base), colour, _FACE, _TEXT, weight)
    return sheet


def stacked(sheets: Mapping[str, np.ndarray]) -> np.ndarray:
    """Contact sheets below each other, uint8 RGB, each under its title; as wide as the widest of them and of the titles."""
    titles = {title: cv2.getTextSize((0, 0), title, (0, 0), _FACE, _TITLE, 700)[2] + 2 * _GAP for title in sheets}
    width = max(*titles.values(), *(sheet.shape[1] for sheet in sheets.values()))
    parts = []
    for title, sheet in sheets.items():
        head = np.full((_TITLE + _GAP, width, 3), _PAPER, np.uint8)
        cv2.putText(head, printable(title), (_GAP, _TITLE + 4), _INK, _FACE, _TITLE, 700)
        parts += [head, np.pad(sheet, ((0, 0), (0, width - sheet.shape[1]), (0, 0)), constant_values=_PAPER)]
    return np.concatenate(parts)


def _fitted(line: str, weight: int, width: int) -> str:
    """The line, shortened to a width in pixels."""
    most, short = len(line), line
    while most > 1 and cv2.getTextSize((0, 0), short, (0, 0), _FACE, _TEXT, weight)[2] > width:
        most -= 1
        short = shorten(line, most)
    return short
