"""The files of a detection data set below a folder, and the part that a name speaks of."""

import os
import re
from pathlib import Path

from cvapp import picture_files
from cvapp.data.listing import part_named
from cvapp.picture_files import PICTURES


def below(folder: Path, suffixes: frozenset[str] | set[str]) -> list[Path]:
    """The files below a folder with one of these suffixes, sorted, through links too; nothing hidden, no folder twice.

    Links to nowhere and pipes are among them, so that whoever opens one says what it is.
    """
    found = picture_files.below(folder)
    return sorted(path for path in (*found.usable, *found.unusable) if path.suffix.lower() in suffixes and not path.is_dir())


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its suffix, whatever its capitals."""
    return path.suffix.lower() in PICTURES


def part_in(text: str) -> str | None:
    """The part that a file's name speaks of: `instances_val2017` is val; `trainval` is what one may train on, so train."""
    words = re.findall("[a-z]+", text.lower())
    return next((part for word in words if (part := "train" if word == "trainval" else part_named(word))), None)


def child(folder: Path, *names: str) -> Path | None:
    """The folder inside `folder` that bears one of these names, whatever its capitals."""
    return next((path for path in sorted(folder.iterdir()) if path.is_dir() and path.name.lower() in names), None)


def relative(path: Path, root: Path) -> str:
    """A path below a root with forward slashes; whole where it lies elsewhere."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def plain(path: Path) -> Path:
    """A path without `..`, so that a file has one path; as it is where a link makes that another place."""
    short = Path(os.path.normpath(path))
    return short if short.exists() and short.samefile(path) else path
