"""Class folders, with or without train/, val/ and test/ inside: which photo has which label."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from cvapp.errors import CvappError, Exit
from cvapp.files import sha256
from cvapp.images import HEIC_SUFFIXES, SUFFIXES
from cvapp.progress import Report, each, silent

PARTS = ("train", "val", "test")
_ALIASES = {"valid": "val", "validation": "val", "training": "train"}
_SIDE_FILES = {"split.csv", "thumbs.db", "desktop.ini", "readme.md", "readme.txt", "license", "truth.csv"}


@dataclass(frozen=True)
class Photo:
    """A file that stands for one example.

    Args:
        name: its path below the data folder, with forward slashes.
        label: the class folder's name.
        part: `train`, `val` or `test` where the folder says so, else None.
        hash: sha256 of the content, once known.
    """

    name: str
    label: str
    part: str | None = None
    hash: str = ""


@dataclass(frozen=True)
class Listing:
    """What a data folder holds: its photos, and the files that cannot be examples with the reason."""

    folder: Path
    photos: list[Photo]
    stray: dict[str, str]

    @property
    def labels(self) -> list[str]:
        """The classes, numbers in their order ("2" before "10")."""
        return natural(set(photo.label for photo in self.photos))


def natural(words: set[str]) -> list[str]:
    """Sorted as a person would, digits by their value."""
    return sorted(
        words,
        key=lambda word: (
            [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece.casefold()) for piece in re.split(r"(\d+)", word) if piece],
            word,
        ),
    )


def scan(folder: str | Path) -> Listing:
    """List a data folder: DIR/CLASS/photo.jpg or DIR/train/CLASS/photo.jpg. Hidden files and cvapp's own are passed over.

    Raises:
        CvappError: no such folder, or no photo in a class folder (exit 3).
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CvappError(f"no folder {folder}: give a folder of class folders, such as {folder}/cats/1.jpg", Exit.BAD_DATA)
    parted = any(
        _part(child.name) == "train" and any(inner.is_dir() for inner in child.iterdir()) for child in folder.iterdir() if child.is_dir()
    )
    photos, stray = [], {}
    for path in sorted(_walk(folder)):
        pieces = path.relative_to(folder).parts
        if not path.is_file() or any(piece.startswith(".") for piece in pieces) or path.name.lower() in _SIDE_FILES:
            continue
        part = _part(pieces[0]) if parted and len(pieces) > 1 else None
        inner = pieces[1:] if part else pieces
        name = path.relative_to(folder).as_posix()
        wrong = "lies beside train/; move it into train/, val/ or test/" if parted and not part else _why_not(path, inner, folder)
        if wrong:
            stray[name] = wrong
        else:
            photos.append(Photo(name, inner[0], part))
    if not photos:
        first = next(iter(stray.items()), None)
        found = f"{len(stray)} files but none that can be used, such as {first[0]}: {first[1]}" if first else "nothing"
        raise CvappError(f"{folder}: expected class folders with photos, {folder}/CLASS/photo.jpg; found {found}", Exit.BAD_DATA)
    return Listing(folder, photos, stray)


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder, through links too, no folder twice."""
    seen = set()
    for place, inside, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            inside.clear()
            continue
        seen.add(real)
        yield from (Path(place) / name for name in names)


def _part(name: str) -> str | None:
    name = _ALIASES.get(name.lower(), name.lower())
    return name if name in PARTS else None


def _why_not(path: Path, inner: tuple[str, ...], folder: Path) -> str | None:
    """Why a file is no example by its place or suffix, or None."""
    if path.suffix.lower() not in SUFFIXES | HEIC_SUFFIXES:
        return f"not a picture's suffix ({path.suffix or 'none'})"
    if len(inner) == 1:
        return "lies in no class folder; move it into one"
    if len(inner) > 2:
        return f"lies {len(inner) - 1} folders deep; expected {folder.name}/CLASS/photo{path.suffix}"
    return None


def hashed(listing: Listing, report: Report = silent) -> list[Photo]:
    """The photos with their content hashes."""
    photos = []
    for photo in each(listing.photos, "reading photos", report):
        try:
            photos.append(Photo(photo.name, photo.label, photo.part, sha256(listing.folder / photo.name)))
        except OSError as error:
            raise CvappError(
                f"{listing.folder / photo.name}: cannot be read ({error.strerror}); mend its permissions or remove it", Exit.BAD_DATA
            ) from error
    return photos
