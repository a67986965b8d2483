"""What a picture file says of itself before it is decoded: format, size, alpha, and whether all of it is there."""

import struct
from dataclasses import dataclass, field
from pathlib import Path

from cvapp.errors import CvappError, Exit

MIN_SIDE, MAX_PIXELS = 8, 100_000_000
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


@dataclass(frozen=True)
class Header:
    """Facts of a picture file.

    Args:
        format: `JPEG`, `PNG` ... or `unknown`.
        size: (height, width) as stored, before EXIF orientation; None where the format is left to the decoder.
        alpha: it may have transparent parts.
        notes: what is unusual but usable, in words: grey, 16-bit, CMYK, animated, transparent.
    """

    format: str
    size: tuple[int, int] | None = None
    alpha: bool = False
    complete: bool = True
    notes: tuple[str, ...] = field(default=())


def _jpeg(data: bytes) -> Header:
    """Walk the segments to the frame header, then look for the end marker, which cannot occur in entropy-coded data (ITU T.81, B.1.1)."""
    at, size, parts, depth, seen_scan = 2, None, 3, 8, len(data)
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD8 or marker == 0x01:
            at += 1 if marker == 0xFF else 2
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            depth, height, width, parts = struct.unpack(">BHHB", data[at + 4 : at + 10])
            size = (height, width)
        if marker == 0xDA:
            seen_scan = at
            break
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    notes = {1: ("grey",), 4: ("CMYK: programs differ in its colours; save it as RGB",)}.get(parts, ())
    return Header("JPEG", size, False, data.find(b"\xff\xd9", seen_scan) >= 0, notes + (("12-bit",) if depth > 8 else ()))


def _png(data: bytes) -> Header:
    if len(data) < 33:
        return Header("PNG", complete=False)
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    before_pixels = data[: data.find(b"IDAT")]
    alpha = colour in (4, 6) or b"tRNS" in before_pixels
    notes = [
        word
        for word, holds in (
            ("grey", colour in (0, 4)),
            ("16-bit", depth == 16),
            ("animated: the first picture is used", b"acTL" in before_pixels),
            ("transparent parts: laid on white", alpha),
        )
        if holds
    ]
    return Header("PNG", (height, width), alpha, b"IEND" in data[-32:] or b"IEND" in data, tuple(notes))


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
    return Header("GIF", (height, width), True, complete, ("animated: the first picture is used",) if pictures > 1 else ())


def _webp(data: bytes) -> Header:
    whole = len(data) >= 8 + struct.unpack("<I", data[4:8])[0]
    flags = data[20] if data[12:16] == b"VP8X" and len(data) > 20 else 0
    lossless_alpha = data[12:16] == b"VP8L" and len(data) > 24 and bool(data[24] & 0x10)
    size = None
    if flags or data[12:16] == b"VP8X":
        size = (1 + int.from_bytes(data[27:30], "little"), 1 + int.from_bytes(data[24:27], "little"))
    alpha = bool(flags & 0x10) or lossless_alpha
    notes = (("animated: the first picture is used",) if flags & 0x02 else ()) + (("transparent parts: laid on white",) if alpha else ())
    return Header("WebP", size, alpha, whole, notes)


def _tiff(data: bytes) -> Header:
    """Width, height, depth and kind of the first picture's directory (TIFF 6.0, section 2)."""
    order = "<" if data[:2] == b"II" else ">"
    tags = {}
    start = struct.unpack(order + "I", data[4:8])[0]
    if start + 2 <= len(data):
        count = struct.unpack(order + "H", data[start : start + 2])[0]
        for at in range(start + 2, min(start + 2 + 12 * count, len(data) - 11), 12):
            tag, kind, number = struct.unpack(order + "HHI", data[at : at + 8])
            value = data[at + 8 : at + 12]
            if kind == 3 and number > 2:  # a list of depths, one a channel, lies elsewhere
                place = struct.unpack(order + "I", value)[0]
                value = data[place : place + 4].ljust(4, b"\0")
            tags[tag] = struct.unpack(order + ("H" if kind == 3 else "I"), value[:2] if kind == 3 else value)[0]
    size = (tags[257], tags[256]) if 256 in tags and 257 in tags else None
    notes = [
        word
        for word, holds in (
            ("16-bit", tags.get(258) == 16),
            ("grey", tags.get(262) in (0, 1)),
            ("CMYK: programs differ in its colours; save it as RGB", tags.get(262) == 5),
            ("transparent parts: laid on white", 338 in tags),
        )
        if holds
    ]
    return Header("TIFF", size, 338 in tags, size is not None, tuple(notes))


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
    if data[4:8] == b"ftyp":
        return Header("HEIC" if data[8:12] in HEIC_BRANDS and b"avif" not in data[8:40] else "AVIF")
    return Header("unknown")


def inspect(data: bytes, name: str | Path) -> Header:
    """Read what a picture's bytes say of themselves.

    Raises:
        CvappError: empty, truncated, HEIC, or of an absurd size (exit 3); `name` says which file.
    """
    if not data:
        raise CvappError(f"{name}: the file is empty (0 bytes); copy it again", Exit.BAD_DATA)
    header = _sniff(data)
    if header.format == "HEIC":
        raise CvappError(
            f"{name}: a HEIC photo, which OpenCV cannot read; convert it to JPEG (heif-convert photo.heic photo.jpg) or set the "
            "phone's camera to 'Most compatible'",
            Exit.BAD_DATA,
        )
    if header.format == "unknown":
        raise CvappError(f"{name}: not a picture (unknown file signature); use JPEG, PNG, WebP, BMP, TIFF, GIF or AVIF", Exit.BAD_DATA)
    if not header.complete:
        raise CvappError(f"{name}: the {header.format} file is truncated ({len(data)} bytes); copy it again", Exit.BAD_DATA)
    if header.size is not None:
        height, width = header.size
        if min(height, width) < MIN_SIDE or height * width > MAX_PIXELS:
            raise CvappError(
                f"{name}: {width}x{height} pixels; a photo has sides of at least {MIN_SIDE} and at most {MAX_PIXELS // 1_000_000} million pixels",
                Exit.BAD_DATA,
            )
    return header
