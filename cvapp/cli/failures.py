"""What the machine or the person did, such as a full disk or a name that is too long, where no reader or writer has said it in its own words."""

import errno
import os
import sys
from pathlib import Path

from cvapp.errors import CvappError, Exit, cannot_write
from cvapp.names import composed
from cvapp.streams import OUTPUT

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}
_TOO_MANY = {errno.EMFILE, errno.ENFILE}
_OF_FILES = "cannot be read or written"


def of_the_machine(error: BaseException) -> CvappError | None:
    """The one line for an error of the system, with its exit code; None where it is a bug.

    Too many open files and too little memory end with exit 6: the device is too small. What is wrong with a file ends with exit 3, with the room
    to write it with exit 7, with a name that no file can bear with exit 2.
    """
    if isinstance(error, MemoryError):
        return CvappError("out of memory; close other programs, or take smaller pictures or a smaller --batch", Exit.NO_DEVICE)
    if isinstance(error, UnicodeEncodeError):
        return _unsayable(error)
    if not isinstance(error, OSError):
        return None
    if _folder_is_gone():
        return CvappError("the current folder was removed; change into one that is there, such as with cd ~")
    if error.errno in _TOO_MANY:
        return CvappError(f"too many open files ({error.strerror}); close other programs, or allow more with ulimit -n 4096", Exit.NO_DEVICE)
    if error.errno == errno.ENOMEM:
        return of_the_machine(MemoryError())
    return _of_a_file(error) if isinstance(error.filename, (str, bytes, os.PathLike)) else _of_no_file(error)


def of_output(error: OSError) -> CvappError:
    """The one line where the answer cannot be printed (exit 7)."""
    if isinstance(error, BrokenPipeError):
        return CvappError(f"{OUTPUT}: whoever reads it went away", Exit.CANNOT_WRITE)
    return cannot_write(Path(OUTPUT), error)


def _of_a_file(error: OSError) -> CvappError:
    path = Path(os.fsdecode(error.filename))
    if error.errno == errno.ENAMETOOLONG:
        longest = max(len(os.fsencode(part)) for part in path.parts)
        shown = f"{str(path)[:40]}..." if len(str(path)) > 43 else path
        return CvappError(f"{shown}: the name is too long ({longest} bytes; most systems allow 255 of a name and 4096 of a path); give a shorter one")
    if error.errno in _NO_ROOM or (isinstance(error, PermissionError) and os.access(path, os.R_OK)):
        return cannot_write(path, error)
    cure = "mend its permissions" if isinstance(error, PermissionError) else "see that it is there and whole, then try again"
    return CvappError(f"{path}: {_OF_FILES} ({error.strerror or error}); {cure}", Exit.BAD_DATA)


def _of_no_file(error: OSError) -> CvappError | None:
    """An error that names no file: of the disk, of a network or of a pipe it is the machine's, of a closed file or a wrong argument a bug."""
    if error.errno in _NO_ROOM:
        return CvappError(f"cannot write ({error.strerror}); free some space or choose another place", Exit.CANNOT_WRITE)
    if isinstance(error, BrokenPipeError):
        return of_output(error)
    if error.errno == errno.EIO:
        return CvappError(f"a file {_OF_FILES} ({error.strerror}); is the disk or the card damaged?", Exit.BAD_DATA)
    if isinstance(error, (ConnectionError, TimeoutError)):
        return CvappError(f"a connection was lost ({error.strerror or error}); check the network and try again", Exit.NO_DEVICE)
    return None


def _folder_is_gone() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _unsayable(error: UnicodeEncodeError) -> CvappError | None:
    """A name that the system's file names cannot hold, in a locale such as C with Python's UTF-8 mode off."""
    encoding = sys.getfilesystemencoding()
    if encoding.replace("-", "").lower() == "utf8" or encoding.lower() != error.encoding.lower():
        return None
    shown = composed(error.object)[:60]
    return CvappError(f"{shown}: this system's file names are {encoding}, which cannot hold it; set PYTHONUTF8=1, or a locale such as C.UTF-8")
