"""Files are written to a temporary neighbour and moved into place, so a crash leaves the old or the new, never half."""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any, Callable, Collection, Iterable, Iterator

from cvapp import locks
from cvapp.errors import CvappError, Exit, cannot_write

ABSENT = "no such file"
_SPECIAL = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary neighbour of `path` to write to; it takes the place of `path` when the block ends well.

    The neighbour keeps the suffix, since many writers choose their format by it.

    Raises:
        CvappError: the disk is full, the folder is read-only ... (exit 7); `path` is as it was.
    """
    path = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)  # a link stays, and what it stands for is replaced
    check_no_special(path)
    neighbour = _neighbour(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield neighbour
        os.replace(neighbour, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            neighbour.unlink(missing_ok=True)


def _neighbour(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{secrets.token_hex(6)}{path.suffix}")


def work_folder(folder: Path) -> Path:
    """Where a new `folder` is made before it is swapped in: `.NAME.work` beside it."""
    return folder.with_name(f".{folder.name}.work")


@contextlib.contextmanager
def replacing_folder(folder: str | Path, keep: str | None = None) -> Iterator[Path]:
    """Give an empty work folder `.NAME.work` beside `folder`; the whole of it is swapped in when the block ends well.

    Args:
        folder: what is replaced.
        keep: a pattern of what outlives a failure in the work folder, files and folders (the state of an interrupted run); it never gets into
            `folder`.

    Raises:
        CvappError: another process writes `folder` (exit 2), or it cannot be written (exit 7).
    """
    folder = Path(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    with locks.locked(folder), _swapped(folder, keep) as work:
        yield work


@contextlib.contextmanager
def _swapped(folder: Path, keep: str | None) -> Iterator[Path]:
    """As `replacing_folder`, where no other process writes the folder."""
    work, old = work_folder(folder), _old(folder)
    try:
        _put_back(folder)
        _empty(work, keep)
        work.mkdir(parents=True, exist_ok=True)
        yield work
        remove(old)
        if os.path.lexists(folder):
            os.replace(folder, old)
        os.replace(work, folder)
        for path in folder.glob(keep) if keep is not None else ():  # not before: where the swap fails, the run can still go on
            remove(path)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        with contextlib.suppress(OSError):
            _put_back(folder)
            remove(old)
        _empty(work, keep)


def _old(folder: Path) -> Path:
    """Where a folder is while another takes its place."""
    return folder.with_name(f".{folder.name}.old")


def _put_back(folder: Path) -> None:
    """Undo half a swap."""
    if os.path.lexists(_old(folder)) and not os.path.lexists(folder):
        os.replace(_old(folder), folder)


def settle(folder: Path) -> None:
    """See that a folder is there where a swap was begun: wait for the process that is at it, or put back what a killed one left."""
    if os.path.lexists(_old(folder)) and not os.path.lexists(folder):
        with locks.locked(folder, wait=True), contextlib.suppress(OSError):
            _put_back(folder)


def make_once(folder: Path, make: Callable[[Path], None]) -> None:
    """Make a folder that is kept for all, where it is not there yet; another process that is making it is waited for.

    Args:
        folder: of the cache.
        make: fills the work folder that it is given, which is swapped in when that ends well.
    """
    if folder.is_dir():
        return
    check_writable(folder.parent)
    with locks.locked(folder, wait=True):
        if not folder.is_dir():
            with replacing_folder(folder) as work:
                make(work)


def _empty(folder: Path, keep: str | None) -> None:
    """Remove a folder; where it holds files to keep, all but those."""
    for path in list(folder.iterdir()) if folder.is_dir() else []:
        if keep is not None and path.match(keep):
            continue
        remove(path)
    with contextlib.suppress(OSError):
        folder.rmdir()


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; it need not be there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Put `data` at `path`, whole or not at all."""
    with replacing(path) as neighbour:
        neighbour.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Put `text` at `path` as UTF-8, whole or not at all; a file name that is no UTF-8 keeps its bytes."""
    write_bytes(path, text.encode(errors="surrogateescape"))


def write_json(path: str | Path, value: Any) -> None:
    """Put `value` at `path` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def special(path: str | Path) -> str | None:
    """Why a path must not be opened: a link to nowhere, or a pipe or device, which might never end. None where it may be tried."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # a NUL within the name is a ValueError
        nowhere = os.path.islink(path) and not os.path.exists(path)
        return f"a link to nowhere ({os.readlink(path)}); fetch what it stands for, or remove it" if nowhere else None
    kind = _SPECIAL.get(stat.S_IFMT(mode))
    return f"{kind}, not a file; remove it" if kind else None


def no_file(path: str | Path) -> str | None:
    """Why there is no file at a path that can be opened, in words; None where there is one."""
    if wrong := special(path):
        return wrong
    try:
        return "a folder, not a file" if stat.S_ISDIR(os.stat(path).st_mode) else None
    except OSError as error:
        return ABSENT if error.errno in (errno.ENOENT, errno.ENOTDIR) else f"cannot be read ({error.strerror})"
    except ValueError:
        return ABSENT


def sha256(path: str | Path) -> str:
    """The content hash of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_writable(folder: str | Path) -> None:
    """Fail now (exit 7) rather than after an hour of work when `folder` cannot be written."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from error


def check_replaceable(path: str | Path) -> None:
    """The same where no file can be put at `path`: a folder is there, its name is too long ..."""
    path = Path(path)
    try:
        if path.is_dir():
            raise CvappError(f"{path}: cannot write (it is a folder); choose another name", Exit.CANNOT_WRITE)
        path.parent.mkdir(parents=True, exist_ok=True)
        neighbour = _neighbour(path)
        neighbour.touch()
        neighbour.unlink()
    except OSError as error:
        raise cannot_write(path, error) from error


def check_no_special(path: str | Path) -> None:
    """Refuse (exit 7) a pipe or device, whose place no file may take."""
    if os.path.exists(path) and (wrong := special(path)):
        raise CvappError(f"{path}: cannot write (it is {wrong.split(',')[0]}); choose another name", Exit.CANNOT_WRITE)


def check_suffix(path: str | Path, suffixes: Collection[str]) -> None:
    """Refuse (exit 2) to write a file whose suffix, capital or not, is none of these."""
    suffix = Path(path).suffix
    if suffix.lower() not in suffixes:
        raise CvappError(f"{path}: cannot write {suffix or 'a file without suffix'}; use {', '.join(suffixes)}")


def check_no_input(paths: Iterable[str | Path], inputs: Iterable[str | Path]) -> None:
    """Refuse (exit 2) to write over a file that is read, however it is spelled, and through links too."""
    there = {found: path for path in paths if (found := _identity(path)) is not None}
    for one in inputs if there else ():
        if (found := _identity(one)) in there:
            raise CvappError(f"{there[found]}: would take the place of {one}, which is read; choose another name")


def _identity(path: str | Path) -> tuple[int, int] | None:
    """What two names of one file have in common; None where nothing is there."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
