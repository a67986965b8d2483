"""The one error a person can cause, and the exit codes it may carry."""

import errno
from enum import IntEnum
from pathlib import Path

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
        message: the line; line breaks in what came are folded to blanks.
        code: the exit code of the process, `Exit.USAGE` unless told.
    """

    def __init__(self, message: str, code: Exit = Exit.USAGE):
        super().__init__(" ".join(str(message).split()))
        self.code = code


def missing_extra(package: str, extra: str) -> CvappError:
    """The error for a package that only an extra installs."""
    return CvappError(f"{package} is not installed: pip install 'cvapp[{extra}]'")


def cannot_write(path: Path, error: OSError) -> CvappError:
    """The one line for a full disk, a read-only folder or a name that is taken."""
    cure = "free some space or choose another place" if error.errno in _FULL else "choose another place"
    return CvappError(f"{path}: cannot write ({error.strerror or error}); {cure}", Exit.CANNOT_WRITE)
