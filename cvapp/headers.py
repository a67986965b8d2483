"""What a picture file says of itself before it is decoded: format, size, alpha, and whether all of it is there."""

import math
import re
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator

from cvapp import heif
from cvapp.errors import CvappError, Exit
from cvapp.limits import MAX_PIXELS, check_size, max_pixels

ANIMATED, TRANSPARENT = "animated: the first picture is used", "transparent parts: laid on white"
CMYK = "CMYK: programs differ in its colours; save it as RGB"
_PNM = re.compile(rb"P([56])" + 2 * rb"(?:\s|#.*\n)+(\d{1,9})" + rb"(?:\s|#.*\n)+255\s")
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # of a JPEG, in its scans: neither a stuffed byte, nor a restart, nor a fill byte


@dataclass(frozen=True)
class Header:
    """Facts of a picture file.

    Args:
        format: `JPEG`, `PNG` ... or `unknown`.
        size: (height, width) as stored, before EXIF orientation, which HEIC ignores; None where the format is left to the decoder.
        alpha: it may have transparent parts.
        notes: what is unusual but usable, in words: grey, 10-bit, 16-bit, CMYK, animated, transparent.
        coefficients: bytes a pixel that a JPEG of several scans (a progressive one) holds while it is decoded.
    """

    format: str
    size: tuple[int, int] | None = None
    alpha: bool = False
    complete: bool = True
    notes: tuple[str, ...] = field(default=())
    coefficients: float = field(default=0.0, compare=False)


def segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and place of each segment of a JPEG, up to its first scan (ITU T.81, B.1.1)."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD7 or marker == 0x01:
            at += 1 if marker == 0xFF else 2
            continue
        if marker != 0xD8:  # where another picture begins
            yield marker, at
        if marker in (0xD8, 0xDA):
            return
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]


def _ends(data: bytes, at: int) -> bool:
    """Whether a JPEG's scans, and tables between them, from `at` on, end before the file does or another picture begins (ITU T.81, B.2.1)."""
    while found := _MARKER.search(data, at):
        marker, at = data[found.start() + 1], found.end()
        if marker in (0xD8, 0xD9):
            return marker == 0xD9
        if 0xC0 <= marker and at + 2 <= len(data):  # a segment, of a length that it says
            start, at = at, at + struct.unpack(">H", data[at : at + 2])[0]
            if marker < 0xE0 and b"\xff\xd8\xff" in data[start : at + 3]:
                return False
    return False


def _jpeg(data: bytes) -> Header:
    """Walk the segments to the frame header, then the scans to their end: another picture may lie behind, as phones have it."""
    size, parts, depth, scan, held, several = None, 3, 8, len(data), 0.0, False
    for marker, at in segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            depth, height, width, parts = struct.unpack(">BHHB", data[at + 4 : at + 10])
            size, held, several = (height, width), _coefficients(data[at + 11 : at + 10 + 3 * parts : 3]), marker in _PROGRESSIVE
        if marker == 0xDA:
            scan, several = at, several or data[at + 4] < parts
    notes = {1: ("grey",), 4: (CMYK,)}.get(parts, ()) + (("12-bit",) if depth > 8 else ())
    return Header("JPEG", size, False, _ends(data, scan), notes, held if several else 0.0)


def _coefficients(samplings: bytes) -> float:
    """Bytes a pixel of all coefficients, two a sample, by each component's sampling factors (ITU T.81, B.2.2)."""
    pairs = [(max(1, one >> 4), max(1, one & 15)) for one in samplings] or [(1, 1)]
    across, down = (max(pair[side] for pair in pairs) for side in (0, 1))
    return 2 * sum(width * height for width, height in pairs) / (across * down)


def _png(data: bytes) -> Header:
    """Walk the chunks up to IEND, checking the sum of each (PNG 1.2, section 3.2)."""
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at + 12 <= len(data) and b"IEND" not in chunks:
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        end = at + 8 + length
        if end + 4 > len(data) or zlib.crc32(data[at + 4 : end]) != struct.unpack(">I", data[end : end + 4])[0]:
            break
        chunks.setdefault(kind, data[at + 8 : end])
        at = end + 4
    if len(chunks.get(b"IHDR", b"")) < 10:
        return Header("PNG", complete=False)
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    alpha = colour in (4, 6) or (b"tRNS" in chunks and colour != 0)
    notes = {"grey": colour in (0, 4), "16-bit": depth == 16, ANIMATED: b"acTL" in chunks, TRANSPARENT: alpha}
    return Header("PNG", (height, width), alpha, b"IEND" in chunks, tuple(note for note, holds in notes.items() if holds))


def _gif(data: bytes) -> Header:
    """Walk the blocks (GIF89a, section 12) and count the pictures, up to the trailer."""
    if len(data) < 13:
        return Header("GIF", complete=False)
    width, height, flags = struct.unpack("<HHB", data[6:11])
    at, pictures, complete = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0), 0, False
    while at < len(data) and not complete:
        kind = data[at]
        complete = kind == 0x3B
        if kind == 0x2C and at + 10 <= len(data):
            pictures += 1
            at += 11 + (3 << (data[at + 9] & 7) + 1 if data[at + 9] & 0x80 else 0)
        else:
            at += 2
        while at < len(data) and data[at] and not complete:  # sub-blocks, up to an empty one
            at += 1 + data[at]
        at += 1
    return Header("GIF", (height, width), True, complete, (ANIMATED,) if pictures > 1 else ())


def _webp(data: bytes) -> Header:
    """Size and flags of the three kinds of WebP: extended, lossless, lossy (RFC 9649, section 2)."""
    kind, body = data[12:16], data[20:30].ljust(10, b"\0")
    flags, alpha = 0, False
    if kind == b"VP8X":
        flags, alpha = body[0], bool(body[0] & 0x10)
        width, height = 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    elif kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        width, height, alpha = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), bool(bits >> 28 & 1)
    else:
        width, height = (value & 0x3FFF for value in struct.unpack("<HH", body[6:10]))
    whole = len(data) >= 30 and len(data) >= 8 + struct.unpack("<I", data[4:8])[0]
    notes = ((ANIMATED,) if flags & 0x02 else ()) + ((TRANSPARENT,) if alpha else ())
    return Header("WebP", (height, width), alpha, whole, notes)


def entries(data: bytes) -> Iterator[tuple[str, int, int]]:
    """The entries of the first directory of a TIFF (TIFF 6.0, section 2), which an EXIF block is too: byte order of `struct`, place, tag."""
    order = "<" if data[:2] == b"II" else ">"
    start = struct.unpack(order + "I", data[4:8])[0] if len(data) >= 8 else len(data)
    count = struct.unpack(order + "H", data[start : start + 2])[0] if start + 2 <= len(data) else 0
    for at in range(start + 2, min(start + 2 + 12 * count, len(data) - 11), 12):
        yield order, at, struct.unpack(order + "H", data[at : at + 2])[0]


def tags_of(data: bytes) -> dict[int, int]:
    """First values of the tags of the first directory of a TIFF that are SHORT or LONG; of a tag that is there twice, the first counts."""
    tags: dict[int, int] = {}
    for order, at, tag in entries(data):
        kind, number = struct.unpack(order + "HI", data[at + 2 : at + 8])
        value = data[at + 8 : at + 12]
        if kind == 3 and number > 2:  # a list of depths, one a channel, lies elsewhere
            place = struct.unpack(order + "I", value)[0]
            value = data[place : place + 4].ljust(4, b"\0")
        if kind in (3, 4) and number:
            tags.setdefault(tag, struct.unpack(order + ("H" if kind == 3 else "I"), value[:2] if kind == 3 else value)[0])
    return tags


def _tiff(data: bytes) -> Header:
    """Width, height, depth and kind of the first picture."""
    tags = tags_of(data)
    size = (tags[257], tags[256]) if 256 in tags and 257 in tags else None
    notes = {"16-bit": tags.get(258) == 16, "grey": tags.get(262) in (0, 1), CMYK: tags.get(262) == 5, TRANSPARENT: 338 in tags}
    return Header("TIFF", size, 338 in tags, size is not None, tuple(note for note, holds in notes.items() if holds))


def _pnm(found: re.Match[bytes], length: int) -> Header:
    """Grey (P5) or colour (P6) with a byte a value (Netpbm, pgm(5) and ppm(5)), in a file of `length` bytes."""
    width, height = int(found[2]), int(found[3])
    return Header("PNM", (height, width), False, length - found.end() >= width * height * (3 if found[1] == b"6" else 1))


def _heic(data: bytes) -> Header:
    """The primary picture of a HEIF container, upright: its rotation is part of the container, and every decoder obeys it."""
    found = heif.inspect(data)
    if found is None:
        return Header("HEIC", complete=False)
    notes = {"grey": found.channels == 1, f"{found.bits}-bit": found.bits > 8, ANIMATED: found.animated, TRANSPARENT: found.alpha}
    # the largest picture decides whether the file is refused: a decoder would make room for it
    size = found.size if math.prod(found.largest) <= MAX_PIXELS else found.largest
    return Header("HEIC", size, found.alpha, True, tuple(note for note, holds in notes.items() if holds))


def _avif(data: bytes) -> Header:
    """A picture of one size, or of tiles; where the boxes tell several sizes, or nothing, the size is left to the decoder."""
    found = heif.inspect(data)
    size = None if found is None or (found.size != found.largest and math.prod(found.largest) <= MAX_PIXELS) else found.largest
    return Header("AVIF", size, alpha=True, notes=("turned",) if heif.avif_turned(data) else ())


def _sniff(data: bytes) -> Header:
    if data[:3] == b"\xff\xd8\xff":
        return _jpeg(data)
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _png(data)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return _gif(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data[:4] in (b"II*\0", b"MM\0*") and len(data) >= 8:
        return _tiff(data)
    if data[:2] == b"BM" and len(data) >= 26:
        width, height = struct.unpack("<ii", data[18:26])
        return Header("BMP", (abs(height), width), False, len(data) >= struct.unpack("<I", data[2:6])[0])
    if found := _PNM.match(data):
        return _pnm(found, len(data))
    brands = heif.brands(data)
    if brands & heif.AVIF_BRANDS:
        return _avif(data)
    return _heic(data) if brands & heif.BRANDS else Header("unknown")


def inspect(data: bytes, name: str | Path) -> Header:
    """Read what a picture's bytes say of themselves.

    Raises:
        CvappError: empty, truncated, of an absurd size, or HEIC where `pi-heif` is not installed (exit 3); `name` says which file.
    """
    if not data:
        raise CvappError(f"{name}: the file is empty (0 bytes); copy it again", Exit.BAD_DATA)
    header = _sniff(data)
    if header.format == "HEIC" and not heif.readable():
        raise heif.missing(name)
    if header.format == "unknown":
        raise CvappError(
            f"{name}: not a picture (unknown file signature); use JPEG, PNG, WebP, BMP, TIFF, GIF, HEIC, AVIF or 8-bit PNM", Exit.BAD_DATA
        )
    if not header.complete:
        raise CvappError(f"{name}: the {header.format} file is truncated ({len(data)} bytes); copy it again", Exit.BAD_DATA)
    if "turned" in header.notes:
        raise CvappError(f"{name}: an AVIF that asks to be turned, which OpenCV does not do; save it upright as JPEG or PNG", Exit.BAD_DATA)
    if header.size is not None:
        most = max_pixels(header.format, header.alpha, "16-bit" in header.notes, header.coefficients)
        check_size(header.size, name, most, "; save it smaller" + ("" if header.format == "JPEG" else ", or as JPEG"))
    return header
