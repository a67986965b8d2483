"""Which font file of this machine can draw a text: the usual folders are searched, and each font's own table of letters is read."""

import contextlib
import importlib.util
import os
import struct
import sys
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Iterator, Sequence

import numpy as np

SUFFIXES = (".ttf", ".otf", ".ttc")
_PLAIN = ("notosans", "dejavusans", "liberationsans")  # families that are easily read, the best first
_ODD = ("serif", "mono", "italic", "oblique", "condensed", "thin", "light", "black", "display", "looped", "kufi", "rashi", "stix", "ui-", "medium")
_USELESS = ("lastresort", "adobeblank", "notdef")  # they draw a box, or nothing, for every letter
_UNSEEN = {0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFE0E, 0xFE0F}  # joiners and marks, which need no glyph


def first_with(letters: str, bold: bool = False, colored: bool = True) -> Path | None:
    """The first font of this machine that has a glyph for each letter; None where there is none.

    Args:
        letters: a text; joiners and marks that are not seen need no glyph.
        bold: whether a bold face is preferred.
        colored: whether a font of colored pictures may be chosen, which comes first for emoji then.
    """
    emoji = colored and _has_emoji(letters)
    return _first_with(frozenset(map(ord, letters)) - _UNSEEN, bold, colored, emoji)


@lru_cache(4096)
def _first_with(codes: frozenset[int], bold: bool, colored: bool, emoji: bool) -> Path | None:
    return next((path for path in _ordered(bold, emoji) if (colored or not is_colored(path)) and has(path, codes)), None)


def is_emoji(letter: str) -> bool:
    """Whether a letter is one of those that are usually seen as colored pictures."""
    return ord(letter) >= 0x1F000 and unicodedata.category(letter) in ("So", "Sk")


def _has_emoji(text: str) -> bool:
    """Whether any letter is an emoji, or is meant as one by the mark U+FE0F after it."""
    return "\ufe0f" in text or any(map(is_emoji, text))


def is_colored(path: Path) -> bool:
    """Whether a font holds colored pictures, by its name."""
    name = path.stem.lower()
    return "emoji" in name and ("color" in name or "apple" in name or "seguiemj" in name) or name == "seguiemj"


def runs(text: str, bold: bool = False, colored: bool = True) -> list[tuple[str, Path]] | None:
    """A text as the longest parts that one font can draw, each with that font, in the order of reading; None where a letter has none.

    Most texts are one part. Emoji are parts of their own, marks and joiners stay with the letter before them.
    """
    if not _has_emoji(text) and (whole := first_with(text, bold, colored)) is not None:
        return [(text, whole)]
    parts: list[tuple[str, Path]] = []
    for piece in _split_emoji(text):
        font = first_with(piece, bold, colored)
        for cluster in [piece] if font is not None else clusters(piece):
            one = parts[-1][1] if cluster.isspace() and font is None and parts else font or first_with(cluster, bold, colored)
            if one is None:
                return None
            if parts and parts[-1][1] == one:
                parts[-1] = (parts[-1][0] + cluster, one)
            else:
                parts.append((cluster, one))
    return parts


def _split_emoji(text: str) -> list[str]:
    """Emoji and what lies between them, blanks too, which are wide among emoji."""
    parts: list[str] = []
    kind: bool | None = None
    for cluster in clusters(text):
        now = _has_emoji(cluster)
        if now == kind:
            parts[-1] += cluster
        else:
            parts.append(cluster)
        kind = now
    return parts


def clusters(text: str) -> list[str]:
    """A text as what a reader takes for letters: marks, joiners and what these join, skin tones, and the halves of a flag stay together."""
    found: list[str] = []
    for letter in text:
        mark = unicodedata.category(letter) in ("Mn", "Mc", "Me", "Cf") or 0x1F3FB <= ord(letter) <= 0x1F3FF
        if found and (mark or found[-1][-1] == "\u200d" or (_flag(letter) and len(found[-1]) == 1 and _flag(found[-1]))):
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _flag(letter: str) -> bool:
    return 0x1F1E6 <= ord(letter) <= 0x1F1FF


@lru_cache(4)
def _ordered(bold: bool, emoji: bool) -> tuple[Path, ...]:
    """All fonts: those of colored pictures first where they are meant, else last; plain upright faces before others."""

    def key(path: Path) -> tuple[object, ...]:
        name = path.stem.lower().replace(" ", "")
        family = next((place for place, start in enumerate(_PLAIN) if name.startswith(start)), len(_PLAIN))
        return is_colored(path) != emoji, sum(word in name for word in _ODD), family, ("bold" in name) != bold, len(name), str(path)

    return tuple(sorted(_files(), key=key))


@lru_cache(1)
def _files() -> tuple[Path, ...]:
    """All font files of the machine."""
    found: dict[str, Path] = {}
    for folder in folders():
        for place, _, names in os.walk(folder):
            for name in names:
                if name.lower().endswith(SUFFIXES) and not any(word in name.lower() for word in _USELESS):
                    found.setdefault(name, Path(place) / name)
    return tuple(found.values())


def folders() -> list[Path]:
    """Where fonts may lie: with matplotlib, with the system, with the person."""
    home, found = Path.home() if os.environ.get("HOME") or os.name == "nt" else Path("/"), []
    with contextlib.suppress(ImportError, ValueError):
        spec = importlib.util.find_spec("matplotlib")
        if spec is not None and spec.origin:
            found.append(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf")
    if sys.platform == "win32":
        found += [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
        found += [Path(os.environ["LOCALAPPDATA"]) / "Microsoft" / "Windows" / "Fonts"] if "LOCALAPPDATA" in os.environ else []
    elif sys.platform == "darwin":
        found += [home / "Library" / "Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")]
    else:
        shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
        found += [home / ".fonts", home / ".local" / "share" / "fonts", *(Path(one) / "fonts" for one in shared.split(":") if one)]
        found += [Path("/system/fonts")]  # Android
    return found


def forget() -> None:
    """Search anew: fonts were installed."""
    for cached in (_first_with, _ordered, _files):
        cached.cache_clear()


def has(path: Path, codes: frozenset[int] | Sequence[int]) -> bool:
    """Whether a font has a glyph for each code point; no for a file that is no font, or damaged."""
    try:
        with open(path, "rb") as file:
            tables = list(_tables(file))
        wanted = np.array(sorted(codes), np.uint32)
        return bool(tables) and bool(np.any([_glyphs(table, wanted) for table in tables], 0).all())
    except (OSError, ValueError, IndexError, struct.error):
        return False


def _tables(file: BinaryIO) -> Iterator[bytes]:
    """The font's tables of letters that are in Unicode (OpenType 1.9, `cmap`), of the first font of a collection."""
    start = 0
    if file.read(4) == b"ttcf":
        file.seek(12)
        (start,) = struct.unpack(">I", file.read(4))
    file.seek(start + 4)
    (count,) = struct.unpack(">H", file.read(2))
    file.seek(start + 12)
    rows = [struct.unpack(">4sIII", file.read(16)) for _ in range(count)]
    for tag, _, offset, length in rows:
        if tag == b"cmap":
            file.seek(offset)
            data = file.read(length)
            (tables,) = struct.unpack_from(">H", data, 2)
            for number in range(tables):
                platform, encoding, at = struct.unpack_from(">HHI", data, 4 + 8 * number)
                if platform == 0 and encoding != 5 or platform == 3 and encoding in (1, 10):
                    yield data[at:]


def _glyphs(table: bytes, codes: np.ndarray) -> np.ndarray:
    """For each code point whether a `cmap` table of format 4 or 12 names a glyph."""
    (kind,) = struct.unpack_from(">H", table)
    if kind == 12:
        (count,) = struct.unpack_from(">I", table, 12)
        groups = np.frombuffer(table, ">u4", 3 * count, 16).reshape(-1, 3)
        place = np.searchsorted(groups[:, 1], codes)  # of the first group that ends at the code or later
        found = groups[np.minimum(place, len(groups) - 1)]
        return (place < len(groups)) & (found[:, 0] <= codes) & (found[:, 2] + (codes - found[:, 0]) > 0)
    if kind != 4:
        return np.zeros(len(codes), bool)
    count = struct.unpack_from(">H", table, 6)[0] // 2
    ends, starts, deltas, ranges = (np.frombuffer(table, ">u2", count, 14 + 2 * count * part + (2 if part else 0)) for part in range(4))
    return np.array([code <= 0xFFFF and _in_segments(table, int(code), (ends, starts, deltas, ranges)) for code in codes], bool)


def _in_segments(table: bytes, code: int, segments: tuple[np.ndarray, ...]) -> bool:
    """The same of one code point in a table of format 4."""
    ends, starts, deltas, ranges = segments
    place = int(np.searchsorted(ends, code))
    if place >= len(ends) or starts[place] > code:
        return False
    if not ranges[place]:
        return (code + int(deltas[place])) % 0x10000 != 0
    at = 16 + 6 * len(ends) + 2 * place + int(ranges[place]) + 2 * (code - int(starts[place]))
    return struct.unpack_from(">H", table, at)[0] != 0
