"""Standard output and error of any terminal, pipe or file: what it cannot say is escaped, JSON is UTF-8, and a closed one harms nothing."""

import contextlib
import json
import os
import re
import sys
from typing import Any

from cvapp.errors import CvappError, Exit

OUTPUT = "standard output"
_LONE = re.compile("[\ud800-\udfff]")  # halves of a surrogate pair: bytes of a file name that are not UTF-8, and what JSON may hold by \\ud800


def prepare() -> None:
    """Let both streams escape what their encoding lacks, and put a hole where one of them, or the input, is closed.

    A file that is opened next would otherwise take the number of the closed stream, and all that libraries write there would land in it.

    Raises:
        CvappError: standard output is closed, so that no answer can be given (exit 7).
    """
    closed = sys.stdout is None
    _fill_closed()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if closed:
        raise CvappError(f"{OUTPUT} is closed, so no answer can be given; leave it open, or send it to a file or to {os.devnull}", Exit.CANNOT_WRITE)


def _fill_closed() -> None:
    """Give the numbers 0, 1 and 2 to a hole where they are free."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                hole = os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
                os.set_inheritable(hole, True)


def json_of(values: Any) -> str:
    """Values as one line of JSON; a byte of a file name that is not UTF-8 becomes `\\xff`, so that the text is valid Unicode."""
    return _LONE.sub(lambda found: _named(ord(found[0])), json.dumps(values, ensure_ascii=False))


def _named(code: int) -> str:
    """A lone surrogate within JSON, where a backslash is written twice."""
    return f"\\\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\\\u{code:04x}"


def say(text: str) -> None:
    """Print lines on standard output; OSError where they cannot be written, such as to a full disk."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(values: Any) -> None:
    """Print one line of JSON on standard output, in UTF-8 whatever the terminal's encoding is; OSError as of `say`."""
    raw = getattr(sys.stdout, "buffer", None)
    if raw is None:  # a stream that takes text alone, such as that of a notebook
        say(json_of(values))
        return
    sys.stdout.flush()
    raw.write(json_of(values).encode() + b"\n")
    raw.flush()


def complain(text: str) -> None:
    """Print a line on standard error; nothing where that cannot be written: what was to be told of is not worse for it."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def give_up() -> None:
    """Before the process ends: what a stream still holds and cannot write is dropped, or Python would tell of it, and end with another code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                hole = os.open(os.devnull, os.O_WRONLY)
                os.dup2(hole, stream.fileno())
                os.close(hole)
                stream.flush()
