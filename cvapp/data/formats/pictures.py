"""The files of a detection data set: found below a folder, and by the names that annotations give them."""

import re
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Sequence

from cvapp.data.listing import files_in, part_named
from cvapp.errors import CvappError, Exit
from cvapp.images import HEIC_SUFFIXES, SUFFIXES

PICTURES = SUFFIXES | HEIC_SUFFIXES


def below(folder: Path, suffixes: frozenset[str] | set[str]) -> list[Path]:
    """The files below a folder with one of these suffixes, sorted, through links too; nothing hidden, no folder twice."""
    return sorted(path for path in files_in(folder) if path.suffix.lower() in suffixes)


def part_in(text: str) -> str | None:
    """The part that a file's name speaks of: `instances_val2017` is val; `trainval` is what one may train on, so train."""
    words = re.findall("[a-z]+", text.lower())
    return next((part for word in words if (part := "train" if word == "trainval" else part_named(word))), None)


def child(folder: Path, *names: str) -> Path | None:
    """The folder inside `folder` that bears one of these names, whatever its capitals."""
    return next((path for path in sorted(folder.iterdir()) if path.is_dir() and path.name.lower() in names), None)


def head(path: Path, count: int) -> bytes:
    """The first bytes of a file; none where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(count)
    except OSError:
        return b""


def text_of(path: Path) -> str:
    """The text of a file, UTF-8 with or without its mark.

    Raises:
        CvappError: it cannot be read, or is no UTF-8 (exit 3).
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CvappError(f"{path.name}: not UTF-8 text", Exit.BAD_DATA) from error
    except OSError as error:
        raise CvappError(f"{path.name}: cannot be read ({error.strerror})", Exit.BAD_DATA) from error


def label_of(text: str) -> str:
    """A class's name as all formats can hold it: printable, without blanks around it."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


class Pictures:
    """The pictures below a folder, to be found by what an annotation calls them."""

    def __init__(self, root: Path, paths: Sequence[Path]) -> None:
        self.root = root
        self._by_name: dict[str, list[PurePosixPath]] = defaultdict(list)
        for path in paths:
            self._by_name[path.name].append(PurePosixPath(path.relative_to(root).as_posix()))

    def find(self, called: str, part: str | None = None) -> Path:
        """The one picture that may be meant: its path below the root ends as the name does, or the name ends as the path does.

        Args:
            called: a name or path as an annotation gives it, of this machine or another.
            part: among several, the one in a folder of this part.

        Raises:
            ValueError: none, or several; the reason in words.
        """
        wanted = PurePosixPath(called.replace("\\", "/"))
        pieces = tuple(piece for piece in wanted.parts if piece not in (".", "..", "/"))
        fits = [path for path in self._by_name.get(wanted.name, []) if _ends(path.parts, pieces)]
        exact = [path for path in fits if path.parts == pieces]
        parted = [path for path in fits if part and part in map(part_in, path.parts[:-1])]
        chosen = exact or (parted if len(parted) == 1 else fits)
        if len(chosen) != 1:
            others = " and ".join(map(str, chosen[:2]))
            raise ValueError(f"several pictures may be meant, such as {others}; name its folder too" if chosen else "no such file")
        return self.root / chosen[0]


def _ends(path: tuple[str, ...], name: tuple[str, ...]) -> bool:
    shared = min(len(path), len(name))
    return path[-shared:] == name[-shared:]
