"""What the cache holds, and how it is emptied without taking anything from a process that is at work."""

import contextlib
from pathlib import Path

from cvapp.data.store import ROOT
from cvapp.errors import CvappError, cannot_write
from cvapp.files import remove
from cvapp.locks import locked

_LOCK = ".lock"
_CLEARED = ".cache.cleared"  # what is being removed, beside the cache


def sizes(root: Path = ROOT) -> dict[str, int]:
    """Bytes by kind (`pixels`, `features`, `thumbnails`, `module`, `signs`), the largest first; nothing where there is no cache."""
    found: dict[str, int] = {}
    for folder in root.iterdir() if root.is_dir() else ():
        if folder.is_dir():
            kind = folder.name.split("-")[0]
            found[kind] = found.get(kind, 0) + _bytes(folder)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # gone meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total


def clear(root: Path = ROOT) -> int:
    """Remove the cache; the bytes that it held.

    The locks of all models beside it, and of all that is made in it, are held meanwhile: whoever trains, exports or draws keeps what is used. The
    folder is moved aside at once, so that a training that begins then fills a new one.

    Raises:
        CvappError: a model is being written (exit 2), or the folder cannot be removed (exit 7).
    """
    held = [lock.parent / lock.name[1 : -len(_LOCK)] for place in (root.parent, root) if place.is_dir() for lock in place.glob(f".*{_LOCK}")]
    aside = root.with_name(_CLEARED)
    with contextlib.ExitStack() as stack:
        for folder in sorted(held):
            stack.enter_context(locked(folder, "the cache is in use; wait until it ends"))
        freed = sum(sizes(root).values())
        try:
            remove(aside)
            if root.is_dir():
                root.rename(aside)
        except OSError as error:
            raise cannot_write(root, error) from error
    remove(aside)
    if aside.exists():
        raise CvappError(f"{aside}: not all of it can be removed; remove it by hand")
    return freed
