"""Contact sheets: many small pictures in rows, each with its lines of text below."""

import bisect
from typing import Mapping, Sequence

import numpy as np

from cvapp.evaluation.words import printable, shorten
from cvapp.images import Images, fit
from cvapp.lettering import text_width, write

WIDTH = 176  # of a picture on the sheet: enough to recognise, and eight fill a laptop's screen
_GAP, _LINE, _TEXT, _TITLE = 12, 19, 14, 18
_PAPER, _INK, _DIM = 255, (24, 27, 31), (92, 99, 108)


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
            write(sheet, _fitted(printable(line), weight, width), (left, base), _TEXT, colour, weight)
    return sheet


def stacked(sheets: Mapping[str, np.ndarray]) -> np.ndarray:
    """Contact sheets below each other, uint8 RGB, each under its title; as wide as the widest of them and of the titles."""
    titles = {title: text_width(title, _TITLE, 700) + 2 * _GAP for title in sheets}
    width = max(*titles.values(), *(sheet.shape[1] for sheet in sheets.values()))
    parts = []
    for title, sheet in sheets.items():
        head = np.full((_TITLE + _GAP, width, 3), _PAPER, np.uint8)
        write(head, printable(title), (_GAP, _TITLE + 4), _TITLE, _INK, 700)
        parts += [head, np.pad(sheet, ((0, 0), (0, width - sheet.shape[1]), (0, 0)), constant_values=_PAPER)]
    return np.concatenate(parts)


def _fitted(line: str, weight: int, width: int) -> str:
    """The line, shortened to a width in pixels."""
    if text_width(line, _TEXT, weight) <= width:
        return line
    return shorten(line, max(1, bisect.bisect(range(len(line)), width, key=lambda most: text_width(shorten(line, most), _TEXT, weight)) - 1))
