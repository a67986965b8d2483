"""HEIF containers (HEIC photos): what the boxes say before anything is decoded, and decoding through the optional package `pi-heif`."""

import importlib.util
import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Iterator, NamedTuple

import numpy as np

from cvapp import installing
from cvapp.errors import CvappError, Exit

BRANDS = frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"))
AVIF_BRANDS = frozenset((b"avif", b"avis"))
_ALPHA = (b"urn:mpeg:hevc:2015:auxid:1\0", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")


@dataclass(frozen=True)
class Container:
    """What the boxes of a HEIC file say of its primary picture.

    Args:
        size: (height, width) in pixels as the picture is shown: cropped, rotated and mirrored as its properties ask.
        largest: (height, width) of the largest picture in the file, tiles, thumbnails and alpha included; a decoder may make room for it.
        alpha: it may have transparent parts.
        channels: 1 for grey, 3 for color.
        bits: per channel.
        animated: a film lies in the same file.
    """

    size: tuple[int, int]
    largest: tuple[int, int]
    alpha: bool = False
    channels: int = 3
    bits: int = 8
    animated: bool = False


class _Box(NamedTuple):
    """A box: its kind, and where its body lies in the file."""

    kind: bytes
    start: int
    end: int


class _Cursor:
    """Reads unsigned big-endian numbers from a box, one after the other; EOFError beyond its end."""

    def __init__(self, data: bytes, box: _Box):
        self.data, self.at, self.end = data, box.start, min(box.end, len(data))

    def number(self, length: int) -> int:
        """The next `length` bytes as a number; 0 for no bytes."""
        self.at += length
        if self.at > self.end:
            raise EOFError
        return int.from_bytes(self.data[self.at - length : self.at], "big")


def brands(data: bytes) -> frozenset[bytes]:
    """The brands of the file type box that a file begins with (ISO 14496-12, 4.3); none where it begins otherwise."""
    if data[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(data[:4], "big"), 256, len(data))
    return frozenset(data[at : at + 4] for at in (8, *range(16, end - 3, 4)))


def avif_turned(data: bytes) -> bool:
    """Whether an AVIF asks to be rotated or mirrored (boxes irot and imir, ISO 23008-12, 6.5.10 and 6.5.12), which OpenCV does not do."""
    turn = data.find(b"irot")
    return b"imir" in data[:4096] or (0 <= turn < 4096 and data[turn + 4 : turn + 5] not in (b"", b"\0"))


def inspect(data: bytes) -> Container | None:
    """Read the boxes of a HEIC file; None where they are damaged, or some of what they list lies beyond the file's end."""
    try:
        top = {box.kind: box for box in _boxes(data, 0, len(data))}
        meta = top[b"meta"]
        inside = {box.kind: box for box in _boxes(data, meta.start + 4, meta.end)}
        if meta.end > len(data) or _beyond(data, inside[b"iloc"]):
            return None
        _check_item_names(data, inside[b"iinf"])
        return _primary(data, inside, b"moov" in top)
    except (EOFError, LookupError, ValueError, ZeroDivisionError):
        return None


def _boxes(data: bytes, start: int, end: int) -> Iterator[_Box]:
    """The boxes between two places of a file (ISO 14496-12, 4.2); the last may reach beyond them."""
    while start + 8 <= min(end, len(data)):
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        head = 8
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        size = size or end - start
        if size < head:
            return
        yield _Box(kind, start + head, start + size)
        start += size


def _primary(data: bytes, inside: dict[bytes, _Box], animated: bool) -> Container:
    """The primary picture's properties (ISO 23008-12, 6.5), in the order in which they apply."""
    parts = list(_boxes(data, inside[b"iprp"].start, inside[b"iprp"].end))
    known = [box for part in parts if part.kind == b"ipco" for box in _boxes(data, part.start, part.end)]
    cursor = _Cursor(data, inside[b"pitm"])
    primary = cursor.number(2 if cursor.number(4) < 1 << 24 else 4)
    indices = [index for part in parts if part.kind == b"ipma" for index in _associated(data, part, primary)]
    own = [known[index - 1] for index in indices if 0 < index <= len(known)]
    sizes = [_ispe(data, box) for box in known if box.kind == b"ispe"]
    size = _ispe(data, {box.kind: box for box in own}[b"ispe"])
    for box in own:
        if box.kind == b"clap":
            size = _cropped(data, box, size)
        if box.kind == b"irot" and _Cursor(data, box).number(1) & 1:
            size = size[::-1]
    alpha = any(data.startswith(_ALPHA, box.start + 4, box.end) for box in known if box.kind == b"auxC")
    channels, bits = _depth(data, own, known)
    return Container(size, max(sizes, key=math.prod), alpha, channels, bits, animated)


def _ispe(data: bytes, box: _Box) -> tuple[int, int]:
    """(height, width) of a picture before it is cropped and turned."""
    cursor = _Cursor(data, box)
    _, width, height = (cursor.number(4) for _ in range(3))
    return height, width


def _cropped(data: bytes, box: _Box, size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of what a crop leaves of a picture (box clap, ISO 14496-12, 12.1.4), rounded as libheif does."""
    pairs = struct.iter_unpack(">ii", data[box.start : min(box.end, box.start + 32)])  # width, height, and how far their middle is moved
    width, height, right, down = (Fraction(*pair) for pair in pairs)
    half = Fraction(1, 2)
    top, left = math.trunc(down + (size[0] - height) / 2 + half), math.trunc(right + (size[1] - width) / 2)
    bottom, beyond = min(size[0], top + math.trunc(height + half)), min(size[1], left + math.trunc(width + half))
    return bottom - max(0, top), beyond - max(0, left)


def _depth(data: bytes, own: list[_Box], known: list[_Box]) -> tuple[int, int]:
    """Channels, and bits per channel: as the picture's pixi says, or else the first decoder configuration of the file (ISO 14496-15, 8.3.3.1)."""
    for box in own:
        if box.kind == b"pixi":
            cursor = _Cursor(data, box)
            bits = [cursor.number(1) for _ in range(cursor.number(5) & 0xFF)]
            return (1 if len(bits) == 1 else 3), max(bits, default=8)
    for box in known:
        if box.kind == b"hvcC":
            cursor = _Cursor(data, box._replace(start=box.start + 16))
            return (1 if cursor.number(1) & 3 == 0 else 3), 8 + (cursor.number(1) & 7)
    return 3, 8


def _associated(data: bytes, box: _Box, item: int) -> list[int]:
    """Indices, from 1, of the properties of an item (box ipma, ISO 23008-12, 9.3.1)."""
    cursor = _Cursor(data, box)
    version, wide = cursor.number(1), cursor.number(3) & 1
    for _ in range(cursor.number(4)):
        found = cursor.number(4 if version else 2)
        indices = [cursor.number(1 + wide) & (0x7FFF if wide else 0x7F) for _ in range(cursor.number(1))]  # the top bit: essential
        if found == item:
            return indices
    return []


def _check_item_names(data: bytes, box: _Box) -> None:
    """UnicodeDecodeError where an item's type or name is not UTF-8 (box iinf, ISO 14496-12, 8.11.6): it would crash pi-heif."""
    for item in _boxes(data, box.start + (8 if data[box.start] else 6), box.end):
        data[item.start + (10 if data[item.start] == 3 else 8) : item.end].decode()


def _beyond(data: bytes, box: _Box) -> bool:
    """Whether any item's bytes lie beyond the end of the file (box iloc, ISO 14496-12, 8.11.3)."""
    cursor = _Cursor(data, box)
    version, _ = cursor.number(1), cursor.number(3)
    widths = cursor.number(2)
    offset, length, base, index = (widths >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(cursor.number(4 if version == 2 else 2)):
        cursor.number(4 if version == 2 else 2)
        method = cursor.number(2) & 15 if version else 0
        elsewhere, start = cursor.number(2), cursor.number(base)
        extents = cursor.number(2)
        for _ in range(extents if offset + length else min(extents, 1)):
            cursor.number(index if version else 0)
            end = start + cursor.number(offset) + cursor.number(length)
            if method == 0 and not elsewhere and end > len(data):
                return True
    return False


def readable() -> bool:
    """Whether `pi-heif` is installed; it is not imported."""
    return importlib.util.find_spec("pi_heif") is not None


def missing(name: str | Path) -> CvappError:
    """The one line about a HEIC file where `pi-heif` is not installed (exit 3)."""
    return CvappError(
        f"{name}: a HEIC photo, which needs pi-heif: {installing.command('heic')}; or convert it to JPEG (heif-convert photo.heic photo.jpg)",
        Exit.BAD_DATA,
    )


def decode(data: bytes, name: str | Path) -> tuple[np.ndarray, bool]:
    """Decode a HEIC file's primary picture through libheif.

    libheif crops, rotates and mirrors as the container asks. EXIF orientation does not count in HEIF: phones write both, and a picture that
    is turned twice lies on its side again. A color profile is ignored, as it is in other formats.

    Returns:
        uint8 RGB (H, W, 3) or RGBA (H, W, 4), upright; and whether the color is multiplied by alpha already.

    Raises:
        CvappError: damaged, a codec other than HEVC, or `pi-heif` is not installed (exit 3); `name` says which file.
    """
    try:
        import pi_heif  # late: optional

        # Rows as libheif laid them out: pi-heif's own ways to tidy them write beyond the buffer where a damaged header claims more bits.
        file = pi_heif.open_heif(data, hdr_to_16bit=False, remove_stride=False)
        picture = file[file.primary_index]
        return _pixels(picture), picture.premultiplied_alpha
    except ImportError as error:
        raise missing(name) from error
    except (ValueError, EOFError, SyntaxError, RuntimeError, OSError, LookupError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise CvappError(f"{name}: libheif cannot decode this HEIC file ({why}); save it elsewhere as JPEG or PNG", Exit.BAD_DATA) from error


def _pixels(picture: Any) -> np.ndarray:
    """A copy of a decoded picture's pixels, uint8 (H, W, 3 or 4): the memory is libheif's, and goes with the picture."""
    data = picture.data  # decodes; only then are size and stride those of the pixels
    (width, height), kind = picture.size, picture.mode.partition(";")
    channels, count = (1 if kind[0] in ("L", "I") else len(kind[0])), 2 if kind[1] else 1
    rows = np.frombuffer(data, np.uint8).reshape(height, -1)
    if rows.shape[1] < width * channels * count:
        raise ValueError("its pixels have fewer bits than its header says")
    values = rows[:, : width * channels * count]
    if count == 2:  # grey of more than 8 bits; color comes in 8
        values = np.minimum(np.ascontiguousarray(values).view("<u2") >> (picture.info["bit_depth"] - 8), 255).astype(np.uint8)
    values = values.reshape(height, width, channels)
    return values.repeat(3, 2) if channels == 1 else values.copy()
