"""Files are written to a temporary neighbour and moved into place, so a crash leaves the old or the new, never half."""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterator

from cvapp import locks
from cvapp.errors import cannot_write


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary neighbour of `path` to write to; it takes the place of `path` when the block ends well.

    The neighbour keeps the suffix, since many writers choose their format by it.

    Raises:
        CvappError: the disk is full, the folder is read-only ... (exit 7); `path` is as it was.
    """
    path = Path(path)
    token = secrets.token_hex(6)  # threads, and processes of several machines or containers with one id, may write the same file at once
    neighbour = path.with_name(f".{path.stem}.{token}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield neighbour
        os.replace(neighbour, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            neighbour.unlink(missing_ok=True)


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
    work, old = work_folder(folder), folder.with_name(f".{folder.name}.old")
    try:
        _empty(work, keep)
        work.mkdir(parents=True, exist_ok=True)
        yield work
        shutil.rmtree(old, ignore_errors=True)
        if keep is not None:
            for path in work.glob(keep):
                _remove(path)
        if folder.exists():
            os.replace(folder, old)
        os.replace(work, folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        if old.exists() and not folder.exists():
            os.replace(old, folder)
        shutil.rmtree(old, ignore_errors=True)
        _empty(work, keep)


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
        _remove(path)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
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
