"""The one lister of picture files, for all commands: what a folder or a pattern holds, what can be opened, and why the rest cannot."""

import glob
import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from cvapp.errors import CvappError, Exit
from cvapp.files import no_file
from cvapp.images import HEIC_SUFFIXES, RAW_SUFFIXES, SUFFIXES

PICTURES = SUFFIXES | HEIC_SUFFIXES


@dataclass(frozen=True)
class Files:
    """What lies below a folder.

    Args:
        usable: files that can be opened, sorted.
        unusable: why other entries cannot be: links to nowhere, pipes, sockets, devices, and folders that cannot be read or were read before.
        hidden: folders whose names start with a dot; they are not entered. Hidden files are passed over.
        empty: folders that hold nothing, or only what is hidden.
    """

    usable: list[Path] = field(default_factory=list)
    unusable: dict[Path, str] = field(default_factory=dict)
    hidden: list[Path] = field(default_factory=list)
    empty: list[Path] = field(default_factory=list)


def below(folder: Path, depth: int | None = None) -> Files:
    """Every entry below a folder, through links too, no folder twice; `depth` folders deep (0: of the folder alone), or all.

    Raises:
        CvappError: the folder itself cannot be read (exit 3).
    """
    check_readable(folder)
    found = Files()
    seen = {os.path.realpath(folder): folder}
    todo = deque([folder])
    while todo:
        place = todo.popleft()
        real = os.path.realpath(place)
        if seen.setdefault(real, place) != place:
            found.unusable[place] = f"the same folder as {seen[real]}, whose files are taken once"
            continue
        try:
            names = sorted(os.listdir(place))
        except OSError as error:
            found.unusable[place] = f"a folder that cannot be read ({error.strerror}); mend its permissions or remove it"
            continue
        if all(name.startswith(".") for name in names):
            found.empty.append(place)
        ended = depth is not None and len(place.parts) - len(folder.parts) >= depth
        folders = [path for name in names if os.path.isdir(path := place / name) and not ended]
        _sort_files([place / name for name in names], found)
        found.hidden.extend(path for path in folders if path.name.startswith("."))
        plain = [path for path in folders if not path.name.startswith(".")]
        todo.extendleft(path for path in reversed(plain) if not path.is_symlink())
        todo.extend(path for path in plain if path.is_symlink())  # a folder is called by its own name where it has one here
    return Files(sorted(found.usable), dict(sorted(found.unusable.items())), sorted(found.hidden), sorted(found.empty))


def check_readable(folder: str | Path) -> None:
    """Refuse a folder that cannot be listed (exit 3); what is no folder passes."""
    if os.path.isdir(folder):
        try:
            os.scandir(folder).close()
        except OSError as error:
            raise CvappError(f"{folder}: cannot be read ({error.strerror}); mend its permissions", Exit.BAD_DATA) from error


def _sort_files(paths: list[Path], found: Files) -> None:
    """Put what is no folder, and not hidden, where it belongs."""
    for path in paths:
        if path.name.startswith(".") or os.path.isdir(path):
            continue
        wrong = no_file(path)
        if wrong:
            found.unusable[path] = wrong
        else:
            found.usable.append(path)


def pictures(folder: Path, suffixes: frozenset[str] = PICTURES, deep: bool = True) -> Files:
    """The same of files that have a picture's suffix; folders that cannot be read are named too.

    Raises:
        CvappError: the folder itself cannot be read (exit 3).
    """
    found = below(folder, None if deep else 0)
    unusable = {path: wrong for path, wrong in found.unusable.items() if path.suffix.lower() in suffixes or os.path.isdir(path)}
    return Files([path for path in found.usable if path.suffix.lower() in suffixes], unusable, found.hidden)


def matching(pattern: str, suffixes: frozenset[str] = PICTURES) -> Files:
    """The same of what a pattern such as "shots/**/*.jpg" names."""
    found = Files()
    paths = (Path(word) for word in glob.glob(pattern, recursive=True))
    _sort_files([path for path in sorted(paths) if path.suffix.lower() in suffixes], found)
    return found


def wrong_suffix(path: PurePath) -> str | None:
    """Why a file is no picture by its suffix, or None."""
    suffix = path.suffix.lower()
    if suffix in RAW_SUFFIXES:
        return f"a camera's raw file ({path.suffix}); develop it first, with cvapp isp"
    return None if suffix in PICTURES else f"not a picture's suffix ({path.suffix or 'none'})"
