"""The one error a person can cause, the exit codes it may carry, and how text becomes one line."""

import errno
import re
from enum import IntEnum
from pathlib import Path

from cvapp import installing

# Control characters, line and paragraph separators, marks that turn the direction of what follows, lone surrogates.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # the disk, or one person's share of it


class Exit(IntEnum):
    """What the process answers to the shell."""

    DONE = 0
    BUG = 1
    USAGE = 2
    BAD_DATA = 3
    NO_WEIGHTS = 4
    GATE = 5
    NO_DEVICE = 6
    CANNOT_WRITE = 7
    INTERRUPTED = 130


class CvappError(Exception):
    """One line for a person: what came, what is allowed, what to try.

    Args:
        message: the line; what would break it, such as a line break in a file name, is escaped as in `one_line`.
        code: the exit code of the process, `Exit.USAGE` unless told.
    """

    def __init__(self, message: str, code: Exit = Exit.USAGE):
        super().__init__(one_line(str(message).strip()))
        self.code = code


def one_line(text: str) -> str:
    r"""The text as one line that any terminal shows as it is.

    Line breaks, control characters, marks that turn the direction of the text after them, and bytes of a file name that are not UTF-8 become
    backslash escapes: `a\nb.jpg`, `\x1b`, `\u202e`, `\xff`. Text without them stays as it is.
    """
    return _UNSEEN.sub(lambda found: _escaped(found[0]), text)


def _escaped(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps the byte 80 to ff of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode("ascii")


def folded(error: object, most: int | None = None) -> str:
    """What another library says, in one line: its line breaks and runs of blanks become single blanks; at most so many letters."""
    return " ".join(str(error).split())[:most]


def missing_extra(package: str, extra: str) -> CvappError:
    """The error for a package that only an extra installs."""
    return CvappError(f"{package} is not installed: {installing.command(extra)}")


def cannot_write(path: Path, error: OSError) -> CvappError:
    """The one line for a full disk, a read-only folder or a name that is taken."""
    cure = "free some space or choose another place" if error.errno in _FULL else "choose another place"
    return CvappError(f"{path}: cannot write ({error.strerror or error}); {cure}", Exit.CANNOT_WRITE)
