"""The text of annotation files, in the encodings that people's tools write: UTF-8 or UTF-16, with or without a mark."""

import codecs
import json
from pathlib import Path
from typing import Any

from cvapp.errors import CvappError, Exit
from cvapp.files import special

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def bytes_of(path: Path) -> bytes:
    """The content of a file.

    Raises:
        CvappError: it cannot be read (exit 3).
    """
    if wrong := special(path):
        raise CvappError(f"{path.name}: {wrong}", Exit.BAD_DATA)
    try:
        return path.read_bytes()
    except OSError as error:
        raise CvappError(f"{path.name}: cannot be read ({error.strerror})", Exit.BAD_DATA) from error


def decoded(data: bytes, errors: str = "strict") -> str:
    """Text from bytes, by its mark, else by where UTF-16 has its zeros, else UTF-8; any line end becomes one.

    Raises:
        UnicodeDecodeError: it is none of these, where `errors` is strict.
    """
    mark, encoding = next(((mark, encoding) for mark, encoding in _MARKS if data.startswith(mark)), (b"", ""))
    if not encoding:
        start = data[:2].ljust(2, b"x")
        encoding = "utf-16-be" if not start[0] and start[1] else "utf-16-le" if start[0] and not start[1] else "utf-8"
    return data[len(mark) :].decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n")


def text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        CvappError: it cannot be read, or is neither UTF-8 nor UTF-16 (exit 3).
    """
    try:
        return decoded(bytes_of(path))
    except UnicodeDecodeError as error:
        raise CvappError(f"{path.name}: not UTF-8 text", Exit.BAD_DATA) from error


def start_of(path: Path, count: int = 1 << 16) -> str:
    """The text that a file begins with; nothing where it cannot be read."""
    if special(path):
        return ""
    try:
        with open(path, "rb") as file:
            return decoded(file.read(count), "replace")
    except OSError:
        return ""


def json_of(path: Path) -> Any:
    """What a json file holds.

    Raises:
        CvappError: it cannot be read, is no text or is damaged (exit 3).
    """
    try:
        return json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise CvappError(f"{path}: a damaged json ({error}); copy it again", Exit.BAD_DATA) from error
