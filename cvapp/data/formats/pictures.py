"""The files of a detection data set below a folder, and the part that a name speaks of."""

import os
import re
from pathlib import Path, PurePath
from typing import Collection

from cvapp import picture_files
from cvapp.data.listing import part_named
from cvapp.picture_files import PICTURES

_BESIDE = frozenset("annotation annotations annots data dataset image images img imgs label labels obj photos set xml".split())  # with a part


def below(folder: Path, suffixes: frozenset[str] | set[str]) -> list[Path]:
    """The files below a folder with one of these suffixes, sorted, through links too; nothing hidden, no folder twice.

    Links to nowhere and pipes are among them, so that whoever opens one says what it is.
    """
    found = picture_files.below(folder)
    return sorted(path for path in (*found.usable, *found.unusable) if path.suffix.lower() in suffixes and not os.path.isdir(path))


def unreadable(root: Path, suffixes: Collection[str]) -> dict[Path, str]:
    """Why folders below a root, and files with one of these suffixes, cannot be read: nobody knows what they hold."""
    found = picture_files.below(root)
    wrong = {path: reason for path, reason in found.unusable.items() if os.path.isdir(path) or path.suffix.lower() in suffixes}
    for path in (path for path in found.usable if path.suffix.lower() in suffixes):
        try:
            open(path, "rb").close()
        except OSError as error:
            wrong[path] = f"cannot be read ({error.strerror}); mend its permissions or remove it"
    return wrong


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its suffix, whatever its capitals."""
    return path.suffix.lower() in PICTURES


def part_in(text: str) -> str | None:
    """The part that a file's name speaks of: `instances_val2017` is val; `trainval` is what one may train on, so train."""
    return next(filter(None, map(_part_of_word, re.findall("[a-z]+", text.lower()))), None)


def part_of_folder(name: str) -> str | None:
    """The part that a folder's name is: `train2017` and `obj_train_data` are train; `train_station` and `test-bench` speak of something else."""
    words = re.findall(r"[^\W\d_]+", name.lower())
    parts = [part for word in words if (part := _part_of_word(word))]
    return parts[0] if len(parts) == 1 and all(word in _BESIDE or _part_of_word(word) for word in words) else None


def part_of_path(path: Path | PurePath) -> str | None:
    """The part that the folders of a file's path below the root speak of, the first from the top."""
    return next(filter(None, map(part_of_folder, path.parts[:-1])), None)


def part_of_file(path: Path, root: Path) -> str | None:
    """The part of a file that lists pictures: the word in its name, else the nearest folder's below the root."""
    return part_in(path.stem) or next(filter(None, map(part_of_folder, reversed(path.relative_to(root).parts[:-1]))), None)


def part_searched(path: Path, root: Path) -> str | None:
    """The part in whose folders the pictures of such a file lie; None where `trainval` may name pictures of two."""
    return None if "trainval" in path.stem.lower() else part_of_file(path, root)


def _part_of_word(word: str) -> str | None:
    return "train" if word == "trainval" else part_named(word)


def child(folder: Path, *names: str) -> Path | None:
    """The folder inside `folder` that bears one of these names, whatever its capitals."""
    return next((path for path in sorted(folder.iterdir()) if os.path.isdir(path) and path.name.lower() in names), None)


def relative(path: Path, root: Path) -> str:
    """A path below a root with forward slashes; whole where it lies elsewhere."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def plain(path: Path) -> Path:
    """A path without `..`, so that a file has one path; as it is where a link makes that another place."""
    short = Path(os.path.normpath(path))
    return short if os.path.exists(short) and os.path.exists(path) and os.path.samefile(short, path) else path
