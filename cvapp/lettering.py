"""Text on pictures in any script: OpenCV draws what stands letter by letter from the left, Pillow with Raqm what has to be joined or ordered.

Pillow's pictures of a text are kept and blended, so that a label costs little from its second frame on. Where a device has no Pillow, or no
font with the letters, a text is not drawn wrong but named: emoji by their names, a label by its number (`stand_ins`, `legend`).
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Mapping, Sequence

import cv2
import numpy as np

from cvapp import fonts, installing

# A word in each script, and Debian's package with a font for it.
SCRIPTS = {
    "Latin": ("Käfer", "fonts-noto-core"),
    "Cyrillic": ("пчела", "fonts-noto-core"),
    "Greek": ("μέλισσα", "fonts-noto-core"),
    "Hebrew": ("דבורה", "fonts-noto-core"),
    "Arabic": ("نحلة", "fonts-noto-core"),
    "Devanagari": ("मधुमक्खी", "fonts-noto-core"),
    "Thai": ("ผึ้ง", "fonts-noto-core"),
    "Chinese": ("蜜蜂", "fonts-noto-cjk"),
    "Japanese": ("ミツバチ", "fonts-noto-cjk"),
    "Korean": ("꿀벌", "fonts-noto-cjk"),
    "emoji": ("🐝", "fonts-noto-color-emoji"),
}
_FACE = cv2.FontFace("sans")
_COLORED = 109  # pixels: the one size that some fonts of colored pictures have
_BOLD = 600  # the weight from which a bold face is taken
_SAMPLE = 24  # pixels: as high as a letter is drawn to see whether OpenCV has it


@dataclass(frozen=True)
class _Picture:
    """A text drawn by Pillow, to be blended.

    Args:
        ink: its colors times how far they cover, 0..255 * 255, uint16 (h, w, 3).
        rest: how much is seen of what lies behind, 0..255, uint16 (h, w, 1).
        left: of the picture's edge, pixels from where the text begins.
        top: of the picture's edge, pixels from the base line, negative above it.
        width: how far the text goes on.
    """

    ink: np.ndarray
    rest: np.ndarray
    left: int
    top: int
    width: int


def write(image: np.ndarray, text: str, place: tuple[int, int], height: int, color: tuple[int, ...], weight: int = 400) -> None:
    """One line of text in place.

    Args:
        image: uint8 RGB (H, W, 3), contiguous.
        text: in the order of reading, of any script and direction; what cannot be drawn here is written as `drawable` says.
        place: (x, y) of the left end of its base line.
        height: of the letters, in pixels (the em of the font).
        color: RGB of the letters; emoji keep their own.
        weight: 400 is regular, 700 bold.
    """
    text = drawable(text)
    if is_plain(text):
        cv2.putText(image, text, place, color, _FACE, height, weight)
        return
    picture = _pillow(text, height, weight >= _BOLD, color)
    left, top = place[0] + picture.left, place[1] + picture.top
    rows = slice(max(0, -top), min(len(picture.ink), len(image) - top))
    columns = slice(max(0, -left), min(picture.ink.shape[1], image.shape[1] - left))
    if rows.start < rows.stop and columns.start < columns.stop:
        part = image[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop]
        part[:] = (part * picture.rest[rows, columns] + picture.ink[rows, columns] + 127) // 255


def text_width(text: str, height: int, weight: int = 400) -> int:
    """How many pixels wide `write` makes a text."""
    text = drawable(text)
    if is_plain(text):
        return int(cv2.getTextSize((0, 0), text, (0, 0), _FACE, height, weight)[2])
    return _pillow(text, height, weight >= _BOLD, (255, 255, 255)).width


@lru_cache(1024)
def shortened(text: str, height: int, room: int, weight: int = 400) -> str:
    """A text that fits into a width in pixels: whole, or as many of its first letters as there is room for, and an ellipsis."""
    if text_width(text, height, weight) <= room:
        return text
    letters = fonts.clusters(text)
    low, high = 0, len(letters)  # letters that fit, and that do not
    while high - low > 1:
        middle = (low + high) // 2
        fits = text_width("".join(letters[:middle]).rstrip() + "…", height, weight) <= room
        low, high = (middle, high) if fits else (low, middle)
    return "".join(letters[:low]).rstrip() + "…"


@lru_cache(4096)
def is_plain(text: str) -> bool:
    """Whether OpenCV draws a text right: each letter has a glyph there and stands by itself, to the right of the one before."""
    return text.isascii() or all(map(_stands_alone, text))


@lru_cache(4096)
def _stands_alone(letter: str) -> bool:
    if unicodedata.bidirectional(letter) in ("R", "AL", "AN") or unicodedata.category(letter)[0] == "M":
        return False
    return letter.isprintable() and not fonts.is_emoji(letter) and (letter == "?" or not np.array_equal(_drawn(letter), _drawn("?")))


def _drawn(letter: str) -> np.ndarray:
    """A letter by OpenCV, which draws a question mark for what it lacks."""
    sheet = np.zeros((2 * _SAMPLE, 2 * _SAMPLE), np.uint8)
    cv2.putText(sheet, letter, (4, _SAMPLE + 8), 255, _FACE, _SAMPLE, 400)
    return sheet


@lru_cache(4096)
def can_draw(text: str) -> bool:
    """Whether this machine draws a text right."""
    text = unicodedata.normalize("NFC", text)
    return is_plain(text) or (has_pillow() and fonts.runs(text) is not None)


@lru_cache(4096)
def drawable(text: str) -> str:
    """The text as it can be drawn here: itself, in composed form; else emoji by their names, and `?` for each other letter that cannot be."""
    found = _with_names(text)
    return "".join(letter if is_plain(letter) else "?" for letter in unicodedata.normalize("NFC", text)) if found is None else found


def _with_names(text: str) -> str | None:
    """The text, or with the name of each emoji that no font has; None where other letters are lacking too."""
    text = unicodedata.normalize("NFC", text)
    if can_draw(text):
        return text
    named = "".join(cluster if can_draw(cluster) else _named(cluster) for cluster in fonts.clusters(text))
    return named if can_draw(named) else None


def _named(cluster: str) -> str:
    """`:honeybee:` for an emoji, which says what it shows; any other letter as it is."""
    names = [unicodedata.name(letter, "").lower() for letter in cluster if unicodedata.category(letter) in ("So", "Sk")]
    return f":{' '.join(names)}:" if names and all(names) else cluster


def outlined(text: str) -> str:
    """The text for plots, which have no colored pictures: emoji that no font of outlines has by their names, `?` for other letters without a font."""
    letters = [one.replace("\ufe0f", "") if has_outlines(one) else _named(one) for one in fonts.clusters(text)]
    return "".join(one if has_outlines(one) else "?" for one in letters)


def has_outlines(text: str) -> bool:
    """Whether fonts of outlines have all letters of a text."""
    return fonts.runs(text.replace("\ufe0f", ""), colored=False) is not None


def stand_ins(labels: Sequence[str]) -> dict[str, str]:
    """What is drawn for each label: itself, with emoji by their names where no font has them, or `#3`, its number, where it cannot be drawn."""
    return {label: found if (found := _with_names(label)) is not None else f"#{number}" for number, label in enumerate(labels)}


def undrawn(labels: Sequence[str]) -> list[str]:
    """The labels that cannot be drawn here on all pictures and plots, not even with emoji by their names."""
    return [label for label in labels if _with_names(label) is None or outlined(label).count("?") > label.count("?")]


def legend(shown: Mapping[str, str], most: int = 10) -> str | None:
    """One line that says which labels are drawn as their numbers, and what to do; None where all are drawn as they are."""
    numbered = {label: text for label, text in shown.items() if text.startswith("#") and text != label}
    if not numbered:
        return None
    rows = ", ".join(f"{text} {label}" for label, text in list(numbered.items())[:most])
    more = f" and {len(numbered) - most} more" if len(numbered) > most else ""
    return f"labels that cannot be drawn on pictures here are shown as their numbers: {rows}{more}; {cure()}"


def cure() -> str:
    """What a person can do to have all labels drawn."""
    if not has_pillow():
        return f"Pillow with Raqm draws them: {installing.command('labels')}"
    return "install fonts that have the letters, such as Noto (cvapp doctor says which scripts are lacking)"


def forget() -> None:
    """Look anew at what this machine can draw: fonts were installed."""
    fonts.forget()
    for cached in (shortened, can_draw, drawable, has_pillow, _pillow):
        cached.cache_clear()


@lru_cache(1)
def has_pillow() -> bool:
    """Whether Pillow is there, and with it what orders and joins letters."""
    try:
        from PIL import features
    except ImportError:
        return False
    return bool(features.check("raqm"))


def _is_leftward(text: str) -> bool:
    """Whether a text is read from right to left: its first letter with a direction says so (Unicode's bidirectional algorithm, rule P2)."""
    return next((kind != "L" for letter in text if (kind := unicodedata.bidirectional(letter)) in ("L", "R", "AL")), False)


@lru_cache(256)
def _pillow(text: str, height: int, bold: bool, color: tuple[int, ...]) -> _Picture:
    """A text that `can_draw`, drawn: parts of one font each, from the left or from the right as the text is read."""
    leftward = _is_leftward(text)
    parts = fonts.runs(text, bold) or []
    drawn = [_part(part, path, height, color, leftward) for part, path in (reversed(parts) if leftward else parts)]
    starts = np.cumsum([0, *(one.width for one in drawn)]).tolist()
    boxes = [(start + one.left, one.top, start + one.left + one.ink.shape[1], one.top + len(one.ink)) for start, one in zip(starts, drawn)]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    shape = max(box[3] for box in boxes) - top, max(box[2] for box in boxes) - left
    ink, rest = np.zeros((*shape, 3), np.uint32), np.full((*shape, 1), 255, np.uint32)
    for one, (x, y, right, bottom) in zip(drawn, boxes):
        place = np.s_[y - top : bottom - top, x - left : right - left]
        ink[place], rest[place] = ink[place] * one.rest // 255 + one.ink, rest[place] * one.rest // 255
    return _Picture(ink.astype(np.uint16), rest.astype(np.uint16), left, top, starts[-1])


def _part(text: str, path: Path, height: int, color: tuple[int, ...], leftward: bool) -> _Picture:
    """A text of one font."""
    from PIL import Image, ImageDraw, ImageFont

    scale = 1.0
    try:
        font = ImageFont.truetype(str(path), height, layout_engine=ImageFont.Layout.RAQM)
    except OSError:  # a font of pictures, which come in one size
        font, scale = ImageFont.truetype(str(path), _COLORED, layout_engine=ImageFont.Layout.RAQM), height / _COLORED
    options: dict[str, Any] = {"anchor": "ls", "direction": "rtl" if leftward else "ltr"}
    left, top, right, bottom = (int(side) for side in font.getbbox(text, **options))
    sheet = Image.new("RGBA", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(sheet).text((-left, -top), text, (*color[:3], 255), font, embedded_color=True, **options)
    width = font.getlength(text, direction=options["direction"])
    pixels: np.ndarray = np.array(sheet, np.float32)  # the ground being black, colors are there times how far they cover
    if scale != 1:
        size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    pixels = np.minimum(np.round(pixels), np.round(pixels[..., 3:]))
    ink, rest = (pixels[..., :3] * 255).astype(np.uint16), (255 - pixels[..., 3:]).astype(np.uint16)
    return _Picture(ink, rest, round(left * scale), round(top * scale), round(width * scale))
