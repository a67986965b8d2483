"""The EXIF block that a camera writes into a picture file: where it is, and how the picture is to be turned."""

import re
import struct
import zlib
from typing import Iterator

from cvapp import headers

_ORIENTATION = 274
_PREFIX = b"Exif\0\0"
_START = re.compile(rb"\0*(?:Exif\0\0)?\0*(?=II\*\0|MM\0\*)")  # padding, before the TIFF header of a block
_BEFORE, _LONGEST = 512, 1 << 16  # of a HEIC: bytes in which the TIFF header stands, and of a whole block
_PROFILE = re.compile(rb"Raw profile type (?:exif|APP1)\0", re.IGNORECASE)  # as ImageMagick writes a block into a PNG's text


def orientation(exif: bytes) -> int:
    """The orientation 1..8 that an EXIF block asks for; 1 where it says nothing.

    What counts is the first entry 274 of the first directory, SHORT or LONG (Exif 2.32, 4.6.4: SHORT; some cameras write LONG). The directories
    behind it are of the thumbnail, of the camera and of its maker.
    """
    found = _START.match(exif)
    turn = headers.tags_of(exif[found.end() :]).get(_ORIENTATION, 1) if found else 1
    return turn if 1 <= turn <= 8 else 1


def turn(data: bytes, format: str) -> int:
    """The orientation 1..8 that a picture file of a format asks for; 1 where it says nothing, and for HEIC, whose container turns it.

    `images.decode` turns the stored pixels by this number and by nothing else.
    """
    return orientation(block(data, format)) if format != "HEIC" else 1


def block(data: bytes, format: str) -> bytes:
    """The EXIF block of a picture file of a format, from its TIFF header on; empty where there is none. Of several, the first counts."""
    if format == "TIFF":
        return data
    for found in _BLOCKS[format](data) if format in _BLOCKS else ():
        if start := _START.match(found):
            return found[start.end() :]
    return b""


def neutral(tiff: bytes) -> bytes:
    """The same TIFF file with orientation 1: libtiff turns some kinds of pictures by itself, whatever OpenCV is told."""
    places = [(order, at) for order, at, tag in headers.entries(tiff) if tag == _ORIENTATION]
    entries = {at: struct.pack(order + "HHIHH", _ORIENTATION, 3, 1, 1, 0) for order, at in places}
    if all(tiff[at : at + 12] == entry for at, entry in entries.items()):
        return tiff
    changed = bytearray(tiff)
    for at, entry in entries.items():
        changed[at : at + 12] = entry
    return bytes(changed)


def _jpeg(data: bytes) -> Iterator[bytes]:
    """Segments APP1 that hold EXIF, of the JPEG's own: another picture may lie behind it. XMP stands in such segments too."""
    for marker, at in headers.segments(data):
        if marker == 0xE1 and data.startswith(_PREFIX, at + 4):
            yield data[at + 4 + len(_PREFIX) : at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]]


def _png(data: bytes) -> Iterator[bytes]:
    """The chunk eXIf (PNG 3rd edition, 11.3.4.4), or else a block in hexadecimal digits in a text."""
    texts, at = [], 8
    while at + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == b"eXIf":
            yield data[at + 8 : at + 8 + length]
        if kind == b"IEND":
            break
        if kind in (b"tEXt", b"zTXt") and _PROFILE.match(data, at + 8):
            texts.append((kind, data[at + 8 : at + 8 + length]))
        at += 12 + length
    for kind, text in texts:
        yield _from_text(text[_PROFILE.match(text).end() :], kind == b"zTXt")  # type: ignore[union-attr]


def _from_text(text: bytes, packed: bool) -> bytes:
    """The block of a "raw profile": its name and its length in bytes, a line each, then its bytes in hexadecimal digits."""
    try:
        body = zlib.decompressobj().decompress(text[1:], 4 * _LONGEST) if packed else text
        return bytes.fromhex(b"".join(body.split()[2:]).decode())
    except (ValueError, zlib.error):
        return b""


def _webp(data: bytes) -> Iterator[bytes]:
    """The chunk EXIF (RFC 9649, 2.7.1.5)."""
    at, end = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= end:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"EXIF":
            yield data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _heic(data: bytes) -> Iterator[bytes]:
    """What follows the name of the item, which other names may resemble: the TIFF header stands a few bytes behind it."""
    at = data.find(_PREFIX)
    while at >= 0:
        starts = [start for mark in (b"II*\0", b"MM\0*") if (start := data.find(mark, at, at + _BEFORE)) >= 0]
        if starts:
            yield data[min(starts) : min(starts) + _LONGEST]
        at = data.find(_PREFIX, at + 1)


_BLOCKS = {"JPEG": _jpeg, "PNG": _png, "WebP": _webp, "HEIC": _heic}
