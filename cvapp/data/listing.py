"""What a source of data holds: its photos with their labels, and the files that cannot be examples with the reason."""

import dataclasses
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Callable, Iterator, Mapping

from cvapp.images import HEIC_SUFFIXES, SUFFIXES
from cvapp.progress import Report, each, silent

PARTS = ("train", "val", "test")
_ALIASES = {"valid": "val", "validation": "val", "training": "train"}


@dataclass(frozen=True)
class Photo:
    """One example.

    Args:
        name: its path below the listing's folder, with forward slashes; an absolute path where a CSV says so.
        label: its class.
        part: `train`, `val` or `test` where the source says so, else None.
        hash: sha256 of the content, once known.
    """

    name: str
    label: str
    part: str | None = None
    hash: str = ""


@dataclass(frozen=True)
class Listing:
    """What a source of data holds.

    Args:
        source: the folder or CSV that a person named.
        folder: the names of photos are paths below it.
        photos: the examples.
        stray: what cannot be an example, by name, with the reason.
        read: the bytes of a photo, as a picture file has them; OSError where they are not to be had.
        split_file: where the frozen split of this source belongs, if anywhere.
    """

    source: Path
    folder: Path
    photos: list[Photo]
    stray: dict[str, str]
    read: Callable[[Photo], bytes]
    split_file: Path | None = None

    @property
    def labels(self) -> list[str]:
        """The classes, numbers in their order ("2" before "10")."""
        return natural({photo.label for photo in self.photos})


def files_in(folder: Path) -> Iterator[Path]:
    """Every file below a folder, through links too, no folder twice, hidden ones left out."""
    seen = set()
    for place, inside, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        inside[:] = [] if real in seen else [name for name in inside if not name.startswith(".")]
        if real not in seen:
            yield from (Path(place) / name for name in names if not name.startswith("."))
        seen.add(real)


def natural(words: set[str]) -> list[str]:
    """Sorted as a person would, digits by their value."""
    return sorted(
        words,
        key=lambda word: (
            [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece.casefold()) for piece in re.split(r"(\d+)", word) if piece],
            word,
        ),
    )


def part_named(word: str) -> str | None:
    """The part that a word stands for (`valid` and `validation` are val, `training` is train), or None."""
    word = _ALIASES.get(word.lower(), word.lower())
    return word if word in PARTS else None


def wrong_suffix(path: PurePath) -> str | None:
    """Why a file is no picture by its suffix, or None."""
    return None if path.suffix.lower() in SUFFIXES | HEIC_SUFFIXES else f"not a picture's suffix ({path.suffix or 'none'})"


def files_below(folder: Path) -> Callable[[Photo], bytes]:
    """How photos are read that are files below a folder, or at an absolute path."""
    return lambda photo: (folder / photo.name).read_bytes()


def without(listing: Listing, bad: Mapping[str, str]) -> Listing:
    """The listing with some photos, by name, among the strays."""
    return dataclasses.replace(
        listing, photos=[photo for photo in listing.photos if photo.name not in bad], stray={**listing.stray, **dict(sorted(bad.items()))}
    )


def hashed(listing: Listing, report: Report = silent) -> Listing:
    """The listing with the content hash of each photo; those that cannot be read are strays now."""
    photos, bad = [], {}
    for photo in each(listing.photos, "reading photos", report):
        try:
            photos.append(dataclasses.replace(photo, hash=hashlib.sha256(listing.read(photo)).hexdigest()))
        except OSError as error:
            bad[photo.name] = f"cannot be read ({error.strerror}); mend its permissions or remove it"
    return without(dataclasses.replace(listing, photos=photos), bad)
