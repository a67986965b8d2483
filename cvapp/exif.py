"""The EXIF block that a camera writes into a picture file: where it is, and how the picture is to be turned."""

from cvapp import headers

_EXIF = {"JPEG": b"Exif\0\0", "PNG": b"eXIf", "WebP": b"EXIF", "TIFF": b"", "HEIC": b"Exif\0\0"}  # what a block lies behind
_BEFORE, _LONGEST = 512, 1 << 16  # bytes in which the TIFF header stands, and of a whole block: a segment of a JPEG


def orientation(exif: bytes) -> int:
    """The orientation 1..8 that an EXIF block asks for; 1 where it says nothing."""
    start = _tiff(exif)
    tags = headers.tags_of(exif[start:]) if start >= 0 else {}
    return tags[274] if 1 <= tags.get(274, 1) <= 8 and 274 in tags else 1


def turn(data: bytes, format: str) -> int:
    """The orientation 1..8 that a picture file of a format asks for; 1 where it says nothing, and for HEIC, whose container turns it."""
    return orientation(block(data, format)) if format != "HEIC" else 1


def block(data: bytes, format: str) -> bytes:
    """The EXIF block of a picture file of a format, from its TIFF header on, and what follows it; empty where there is none."""
    at = _place(data, format)
    found = data[at : len(data) if format == "TIFF" else at + _LONGEST] if at >= 0 else b""
    start = _tiff(found[:_BEFORE])
    return found[start:] if start >= 0 else b""


def _place(data: bytes, format: str) -> int:
    """Where a picture file's EXIF block begins; -1 where there is none."""
    if format == "JPEG":  # its own segments alone: another picture may lie behind it
        places = (at + 4 for marker, at in headers.segments(data) if marker == 0xE1)
        return next((place for place in places if data.startswith(_EXIF[format], place)), -1)
    return data.find(_EXIF[format]) if format in _EXIF else -1


def _tiff(exif: bytes) -> int:
    """Where the TIFF header of an EXIF block begins, the first: a maker's note inside may bear the other mark. -1 where there is none."""
    return min((start for mark in (b"II*\0", b"MM\0*") if (start := exif.find(mark)) >= 0), default=-1)
