"""Pictures of a transcriber's report: texts that were read wrong, and where in the picture each character was looked for."""

from typing import Sequence

import cv2
import numpy as np

from cvapp.evaluation.sheets import contact_sheet, stacked
from cvapp.evaluation.transcribed import TextResults
from cvapp.evaluation.words import percent
from cvapp.lettering import write

SHOWN, COLUMNS, _TILE = 40, 4, 240  # texts that were read wrong, side by side, pixels of width of each
RIGHT, WRONG = 6, 4  # texts of which the looks are shown
_WIDTH, _ROW, _NAME = 480, 17, 26  # pixels: of a picture's width, of a strip's height, for the character beside it
_GAP = 14  # between two pictures
_INK, _DIM = (24, 27, 31), (92, 99, 108)
_HEAT = np.array([(255, 255, 255), (190, 211, 234), (47, 111, 181), (16, 42, 77)], np.float32)  # from no look to the strongest
END_NAME = "end"


def mistakes(results: TextResults) -> list[int]:
    """The places of the pictures that were read wrong, the surest first."""
    wrong = [place for place, truth in enumerate(results.truths) if results.scores[place].label != truth]
    return sorted(wrong, key=lambda place: -results.scores[place].probability)


def mistakes_sheet(results: TextResults) -> np.ndarray:
    """Texts that were read wrong as a contact sheet, uint8 RGB: the picture, the true text, what was read and how surely."""
    worst = mistakes(results)[:SHOWN]
    if not worst:
        return contact_sheet([np.full((44, 176, 3), 255, np.uint8)], ["No mistakes"], 1)
    captions = [f"{results.truths[place]}\nread {caption(results, place)}" for place in worst]
    height, width = results.pictures.shape[1:3]
    lacking = max(0, -(-width // 4) - height)  # a contact sheet's tiles are a quarter as high as wide
    margins = ((0, 0), (lacking // 2, lacking - lacking // 2), (0, 0), (0, 0))
    sheet = contact_sheet(np.pad(results.pictures[worst], margins, constant_values=255), captions, COLUMNS, _TILE)
    missing = max(0, COLUMNS - len(worst))  # few are shown no larger than many
    return np.pad(sheet, ((0, 0), (0, missing * sheet.shape[1] // len(worst[:COLUMNS])), (0, 0)), constant_values=255)


def caption(results: TextResults, place: int) -> str:
    """`1234, 98% sure`."""
    text, probability = results.scores[place]
    return f"{text or 'nothing'}, {percent(probability)} sure"


def looks_sheet(results: TextResults) -> np.ndarray:
    """Pictures of several lengths that were read right, and some that were not, uint8 RGB; below each a strip for each character that was
    written, dark where the decoder looked."""
    wrong = mistakes(results)
    right = sorted(set(range(len(results.truths))) - set(wrong), reverse=True)
    first = sorted({len(results.truths[place]): place for place in right}.items())  # of each length
    spread = [first[at][1] for at in np.unique(np.linspace(0, len(first) - 1, RIGHT).astype(int))] if first else []
    groups = {"Read right": spread, "Read wrong": wrong[:WRONG]}
    return stacked({title: _side_by_side([look(results, place) for place in places]) for title, places in groups.items() if places})


def look(results: TextResults, place: int) -> np.ndarray:
    """A picture, and below it where each character and the end were looked for, named at the left: uint8 RGB."""
    picture, (text, _) = results.pictures[place], results.scores[place]
    names = [*text, END_NAME][: results.looks.shape[1]]
    looks = results.looks[place, : len(names)]  # (characters, S)
    large = cv2.resize(picture, (_WIDTH, round(_WIDTH * picture.shape[0] / picture.shape[1])), interpolation=cv2.INTER_CUBIC)
    shares = cv2.resize(looks / looks.max(1, keepdims=True), (_WIDTH, len(names)), interpolation=cv2.INTER_NEAREST)
    strips = np.repeat(_heat(shares), _ROW, 0)
    strips[_ROW - 1 :: _ROW] = 255  # a line of paper between two
    drawn = np.concatenate([large, np.full((4, _WIDTH, 3), 255, np.uint8), strips])
    drawn = np.pad(drawn, ((_GAP + 8, 0), (_NAME, 0), (0, 0)), constant_values=255)
    truth = results.truths[place]
    title = caption(results, place) + ("" if text == truth else f"; it is {truth}")
    write(drawn, title, (_NAME, 16), 14, _INK, 700)
    for number, name in enumerate(names):
        base = len(drawn) - _ROW * (len(names) - number) + 13
        write(drawn, name, (0, base), 11 if name == END_NAME else 14, _DIM if name == END_NAME else _INK)
    return drawn


def _heat(shares: np.ndarray) -> np.ndarray:
    """Shares 0..1 of the strongest (h, w) as colours, uint8 (h, w, 3)."""
    steps = np.linspace(0, 1, len(_HEAT))
    return np.stack([np.interp(shares, steps, channel) for channel in _HEAT.T], -1).round().astype(np.uint8)


def _side_by_side(drawn: Sequence[np.ndarray]) -> np.ndarray:
    """Drawings of one width and several heights, two in a row, on white paper."""
    pairs = [drawn[start : start + 2] for start in range(0, len(drawn), 2)]
    rows = []
    for pair in pairs:
        height = max(map(len, pair)) + _GAP
        padded = [np.pad(one, ((0, height - len(one)), (_GAP, _GAP), (0, 0)), constant_values=255) for one in pair]
        rows.append(np.concatenate([*padded, *[np.full_like(padded[0], 255)] * (2 - len(pair))], 1))
    return np.concatenate(rows)
