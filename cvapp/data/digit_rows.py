"""Rows of digits drawn into a picture, made on the fly: picture `index` depends on the seed and the index alone."""

from functools import cache

import cv2
import numpy as np

from cvapp.errors import CvappError

DIGITS = "0123456789"
TALL = 48  # pixels of a glyph before it is scaled
NARROWEST, LOWEST = 6, 16  # pixels of width for a digit, of height for a picture: less cannot be read
# By name, and weight: of an outline as OpenCV counts it (400 is regular), of a line in pixels. OpenCV 5 draws all Hershey fonts as `sans`.
FONTS: tuple[tuple[str, int], ...] = (
    *(("sans", weight) for weight in (200, 400, 600, 800)),
    *(("italic", weight) for weight in (300, 700)),
    ("uni", 400),  # of one weight only
    *(("pen", weight) for weight in (4, 6, 9)),
    *(("segments", weight) for weight in (4, 7)),
)
# Lines of the pen's digits in a field 4 wide and 6 high, from the top left; their inner corners are rounded.
PEN: dict[str, list[list[tuple[float, float]]]] = {
    "0": [[(2, 0), (0, 0), (0, 6), (2, 6)], [(2, 6), (4, 6), (4, 0), (2, 0)]],
    "1": [[(0.8, 1.4), (2.2, 0)], [(2.2, 0), (2.2, 6)]],
    "2": [[(0, 1.6), (0, 0), (4, 0), (4, 2.4), (0, 6)], [(0, 6), (4, 6)]],
    "3": [[(0, 0.8), (0.4, 0), (4, 0), (4, 2.8), (1.4, 2.8)], [(1.4, 2.8), (4, 2.8), (4, 6), (0.4, 6), (0, 5.2)]],
    "4": [[(3, 0), (0, 4)], [(0, 4), (4, 4)], [(3, 0), (3, 6)]],
    "5": [[(3.6, 0), (0.4, 0)], [(0.4, 0), (0.2, 2.8)], [(0.2, 2.8), (4, 1.6), (4, 6), (0.4, 6), (0, 5.2)]],
    "6": [[(3.4, 0), (0, 1), (0, 4)], [(2, 2.4), (0, 2.4), (0, 6), (2, 6)], [(2, 6), (4, 6), (4, 2.4), (2, 2.4)]],
    "7": [[(0, 0), (4, 0)], [(4, 0), (1.4, 6)]],
    "8": [[(2, 0), (0.2, 0), (0.2, 2.8), (2, 2.8)], [(2, 0), (3.8, 0), (3.8, 2.8), (2, 2.8)], [(2, 2.8), (0, 2.8), (0, 6), (2, 6)],
          [(2, 2.8), (4, 2.8), (4, 6), (2, 6)]],
    "9": [[(0.6, 6), (4, 5), (4, 2)], [(2, 3.6), (0, 3.6), (0, 0), (2, 0)], [(2, 0), (4, 0), (4, 3.6), (2, 3.6)]],
}  # fmt: skip
# The bars of a seven-segment display: top, top left, top right, middle, bottom left, bottom right, bottom.
BARS = [((0, 0), (4, 0)), ((0, 0), (0, 3)), ((4, 0), (4, 3)), ((0, 3), (4, 3)), ((0, 3), (0, 6)), ((4, 3), (4, 6)), ((0, 6), (4, 6))]
LIT = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011")


def picture(seed: int, index: int, size: tuple[int, int], least: int, most: int) -> tuple[np.ndarray, str]:
    """Draw a row of digits in one font, slanted, turned, spaced, blurred and noisy as chance has it.

    Args:
        seed: of the whole set.
        index: which picture of it.
        size: (height, width) in pixels: 16 high at least, and 6 wide for each digit.
        least: digits.
        most: digits; any number from one to the other is as likely.

    Returns:
        uint8 RGB (H, W, 3) and the digits from left to right.

    Raises:
        CvappError: no digits, or no room for them.
    """
    height, width = size
    if not 1 <= least <= most or height < LOWEST or width < NARROWEST * most:
        raise CvappError(
            f"{least} to {most} digits in a picture of {size}: give 1 digit or more, {LOWEST} pixels of height and {NARROWEST} of width a digit"
        )
    rng = np.random.default_rng((seed, index))
    text = "".join(rng.choice(list(DIGITS), rng.integers(least, most + 1)))
    spacing = rng.uniform(0.06, 0.35)  # of a glyph's height
    row = draw(text, FONTS[rng.integers(len(FONTS))], np.maximum(0.04, spacing + rng.uniform(-0.04, 0.04, len(text))), rng)
    return _seen(rng, _placed(rng, row, size)), text


def draw(text: str, font: tuple[str, int], gaps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ink of a row, uint8 (h, w), 0 where there is none: each glyph a little higher or lower than the others, `gaps` (glyph heights) after each."""
    glyphs = [glyph(digit, font) for digit in text]
    tops = rng.integers(0, TALL // 12 + 1, len(text))
    rows = np.zeros((TALL + TALL // 12, sum(part.shape[1] for part in glyphs) + int((TALL * gaps[:-1]).astype(int).sum())), np.uint8)
    left = 0
    for part, top, gap in zip(glyphs, tops, gaps):
        rows[top : top + TALL, left : left + part.shape[1]] = part
        left += part.shape[1] + int(TALL * gap)
    return rows


@cache
def glyph(digit: str, font: tuple[str, int]) -> np.ndarray:
    """Ink of one digit, uint8 (48, w), cut at its borders."""
    sheet, (name, weight) = np.zeros((3 * TALL, 3 * TALL), np.uint8), font
    if name in ("pen", "segments"):
        lit = [np.array(bar) for bar, on in zip(BARS, LIT[int(digit)]) if on == "1"]
        for line in lit if name == "segments" else map(_rounded, PEN[digit]):
            points = np.round((line * (TALL - weight) / 6 + TALL) * 16).astype(np.int32)  # in sixteenths of a pixel
            cv2.polylines(sheet, [points], False, 255, weight, cv2.LINE_AA, 4)
    else:
        cv2.putText(sheet, digit, (TALL, 2 * TALL), 255, cv2.FontFace(name), TALL, weight)
    left, top, wide, tall = cv2.boundingRect(sheet)
    cut = sheet[top : top + tall, left : left + wide]
    return cv2.resize(cut, (max(1, round(wide * TALL / tall)), TALL), interpolation=cv2.INTER_AREA)


def _rounded(line: list[tuple[float, float]]) -> np.ndarray:
    """A line's points (N, 2) with its inner corners cut, three times over (Chaikin 1974); its ends stay."""
    points = np.array(line, float)
    for _ in range(3):
        cut = np.stack([0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]], 1).reshape(-1, 2)
        points = np.concatenate([points[:1], cut, points[-1:]])
    return points


def _placed(rng: np.random.Generator, row: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Ink of a row in a picture of a size: as large as there is room for or somewhat smaller, slanted and turned, all of it inside."""
    (height, width), slant = size, rng.uniform(-0.1, 0.35)
    aspect = row.shape[1] / row.shape[0]
    tall = min(0.8 * height, 0.94 * width / (aspect + abs(slant))) * rng.uniform(0.75, 1)
    wide = tall * aspect
    turn = rng.uniform(-1, 1) * min(0.08, (0.92 * height - tall) / wide)  # radians, as far as the picture's height allows
    small = cv2.resize(row, (max(1, round(wide)), max(1, round(tall))), interpolation=cv2.INTER_AREA)
    room = (width - wide - abs(slant) * tall) / 2 - 1, (height - tall - abs(turn) * wide) / 2 - 1  # beside it and above it, less a pixel
    centre = np.array([side / 2 + rng.uniform(-1, 1) * max(0, free) for side, free in zip((width, height), room)])
    matrix = np.array([[1.0, -slant], [turn, 1.0]])  # the row's (x, y) from its middle -> the picture's
    shift = centre - matrix @ [small.shape[1] / 2, small.shape[0] / 2]
    return cv2.warpAffine(small, np.column_stack([matrix, shift]), (width, height), flags=cv2.INTER_LINEAR)


def _seen(rng: np.random.Generator, ink: np.ndarray) -> np.ndarray:
    """Ink (H, W) of one colour on paper of another, lit unevenly, blurred, with noise: uint8 RGB (H, W, 3)."""
    paper, colour = rng.uniform(150, 255, 3), rng.uniform(0, 80, 3)
    if rng.random() < 0.3:  # light on dark
        paper, colour = colour, paper
    share = ink[..., None] / np.float32(255)
    values = paper * (1 - share) + colour * share
    height, width = ink.shape
    light = np.linspace(*rng.uniform(0.8, 1.1, 2), width)[:, None] * np.linspace(*rng.uniform(0.9, 1.1, 2), height)[:, None, None]
    values = cv2.GaussianBlur(values * light, (0, 0), rng.uniform(0.2, 0.9))
    return np.clip(values + rng.normal(0, rng.uniform(0, 12), values.shape), 0, 255).round().astype(np.uint8)
