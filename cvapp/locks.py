"""One writer of a folder at a time: a lock beside it, which ends with its process, and what a second one is told."""

import contextlib
import errno
import json
import os
import platform
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Iterator

from cvapp.errors import CvappError, cannot_write

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

WAIT = "wait until it ends"
_PATIENCE, _PAUSE = 1.0, 0.05  # seconds: a lock whose holder cannot be told is tried again that long, that far apart
_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}  # what a file that another process has locked raises
_NO_PLACE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT}  # no file can be made beside the folder
_BYTE = 1 << 30  # that Windows locks: locked bytes cannot be read, and what the file says is to be
_held: dict[tuple[Path, int], int | None] = {}  # file descriptors by lock file and thread


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock.

    Args:
        pid: its id.
        start: when it began, in the system's own count, where that can be told: another process may get the same id later.
        host: the machine's name.
        since: when it took the lock, as people write it.
    """

    pid: int
    start: int | None
    host: str
    since: str

    @property
    def alive(self) -> bool:
        """Whether the process still runs, as far as can be told from here."""
        if self.host != platform.node() or os.name == "nt":  # there, os.kill would end it
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:  # of another person
            pass
        start = _started(self.pid)
        return start == self.start or None in (start, self.start)


@contextlib.contextmanager
def locked(folder: str | Path, cure: str = WAIT, wait: bool = False) -> Iterator[None]:
    """Let no other process write `folder` while the block runs; the same thread may ask for it again within the block.

    The kernel holds the lock, on a file `.NAME.lock` beside the folder, and frees it when the process ends, however it ends. Where the file
    system has no locks, the process that the file names decides. Where no file can be made beside the folder, nothing can be swapped in
    there either, and there is no lock.

    Args:
        folder: that is to be written; it need not be there.
        cure: what to try where another process has it.
        wait: wait for the other process, rather than refuse.

    Raises:
        CvappError: another process has it (exit 2), or the lock cannot be written (exit 7).
    """
    path = lock_file(folder)
    key = path, threading.get_ident()
    if key in _held:
        yield
        return
    _held[key] = _take(path, Path(folder), cure, wait)
    try:
        yield
    finally:
        handle = _held.pop(key, None)
        if handle is not None:
            _release(path, handle)


def lock_file(folder: str | Path) -> Path:
    """The lock of a folder: `.NAME.lock` beside it, one and the same however the folder is named."""
    place = Path(os.path.realpath(folder))
    return place.with_name(f".{place.name}.lock")


def holder(folder: str | Path) -> Holder | None:
    """The process that writes a folder now; None where none does."""
    found = _read(lock_file(folder))
    return found if found is not None and found.alive else None


def _take(path: Path, folder: Path, cure: str, wait: bool) -> int | None:
    """Open and lock the file; its descriptor, or None where there is no place for it."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            if error.errno in _NO_PLACE and not path.exists():
                return None
            raise cannot_write(folder, error) from error
        try:
            if _lock(handle, path) and _sign(handle, path):
                return handle
        except OSError as error:  # it is locked, but there is no room to say by whom
            _release(path, handle)
            raise cannot_write(folder, error) from error
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        other = holder(folder)
        if not wait and (other is not None or time.monotonic() > deadline):
            raise _refused(folder, other, cure)
        time.sleep(_PAUSE)


def _lock(handle: int, path: Path) -> bool:
    """Lock an open file; False where another process has it."""
    try:
        _system_lock(handle)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        found = _read(path)  # no locks here: the process that the file names has it
        return found is None or not found.alive
    return True


def _system_lock(handle: int) -> None:
    """Ask the kernel for the lock (OSError where it is taken, or where there are none)."""
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        os.lseek(handle, _BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)


def _sign(handle: int, path: Path) -> bool:
    """Write into the file who holds it; False where it is the lock no more: who held it may have removed it while it was being opened."""
    me = Holder(os.getpid(), _started(os.getpid()), platform.node(), time.strftime("%Y-%m-%d %H:%M:%S"))
    os.lseek(handle, 0, os.SEEK_SET)
    os.truncate(handle, 0)
    os.write(handle, json.dumps(asdict(me)).encode())
    return _is(handle, path)


def _is(handle: int, path: Path) -> bool:
    """Whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _release(path: Path, handle: int) -> None:
    """Remove the file, then unlock it: nobody locks one that is about to be removed."""
    with contextlib.suppress(OSError):  # Windows removes no open file; the next one takes it over
        if _is(handle, path):
            path.unlink()
    os.close(handle)


def _read(path: Path) -> Holder | None:
    """Who holds a lock, as its file says; None where it says nothing."""
    try:
        return Holder(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _started(pid: int) -> int | None:
    """When a process began, in clock ticks since the machine did; 0 of one that has ended, None where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()  # the name before may hold anything
        return 0 if fields[0] in (b"Z", b"X") else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None


def _refused(folder: Path, other: Holder | None, cure: str) -> CvappError:
    if other is None:
        return CvappError(f"{folder} is being written by another process: {cure}")
    place, stale = "", ""
    if other.host != platform.node():
        place, stale = f" on {other.host}", f"; remove {lock_file(folder)} if that process is gone"
    return CvappError(f"{folder} is being written by process {other.pid}{place} since {other.since}: {cure}{stale}")


def _forget() -> None:
    """A forked child holds none of its parent's locks, and keeps none alive."""
    for handle in _held.values():
        if handle is not None:
            os.close(handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
