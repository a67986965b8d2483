"""What a source of data holds: its photos with their labels, and the files that cannot be examples with the reason."""

import dataclasses
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable, Mapping

from cvapp.data.capture import Capture, capture_of
from cvapp.errors import CvappError, Exit
from cvapp.files import special
from cvapp.progress import Report, each, silent

PARTS = ("train", "val", "test")
_ALIASES = {"valid": "val", "validation": "val", "training": "train", "testing": "test"}


@dataclass(frozen=True)
class Photo:
    """One example.

    Args:
        name: its path below the listing's folder, with forward slashes; an absolute path where a CSV says so.
        label: its class.
        part: `train`, `val` or `test` where the source says so, else None.
        hash: sha256 of the content, once known.
        group: the session it was taken in, as the source says or as `sessions.grouped` finds; empty where it is not known.
        capture: when and by which camera it was taken, once read and where that is known.
    """

    name: str
    label: str
    part: str | None = None
    hash: str = ""
    group: str = ""
    capture: Capture | None = None


@dataclass(frozen=True)
class Listing:
    """What a source of data holds.

    Args:
        source: the folder or CSV that a person named.
        folder: the names of photos are paths below it.
        photos: the examples.
        stray: what cannot be an example, by name, with the reason.
        read: the bytes of a photo, as a picture file has them; OSError or CvappError where they are not to be had.
        split_file: where the frozen split of this source belongs, if anywhere.
        notes: what a person should know of the names and labels, a line each.
    """

    source: Path
    folder: Path
    photos: list[Photo]
    stray: dict[str, str]
    read: Callable[[Photo], bytes]
    split_file: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> list[str]:
        """The classes, numbers in their order ("2" before "10")."""
        return natural({photo.label for photo in self.photos})


def natural(words: set[str]) -> list[str]:
    """Sorted as a person would, digits by their value."""
    return sorted(
        words,
        key=lambda word: (
            [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece.casefold()) for piece in re.split(r"(\d+)", word) if piece],
            word,
        ),
    )


def in_order(photos: Iterable[Photo]) -> list[Photo]:
    """Photos as they were taken: by time where it is known, else by the numbers in their names."""
    photos = list(photos)
    place = {name: index for index, name in enumerate(natural({photo.name for photo in photos}))}
    return sorted(photos, key=lambda photo: (photo.capture.seconds if photo.capture else 0.0, place[photo.name]))


def part_named(word: str) -> str | None:
    """The part that a word stands for (`valid` and `validation` are val, `training` is train, `testing` is test), or None."""
    word = _ALIASES.get(word.lower(), word.lower())
    return word if word in PARTS else None


def files_below(folder: Path) -> Callable[[Photo], bytes]:
    """How photos are read that are files below a folder, or at an absolute path."""

    def read(photo: Photo) -> bytes:
        path = folder / photo.name
        if wrong := special(path):
            raise CvappError(wrong, Exit.BAD_DATA)
        return path.read_bytes()

    return read


def without(listing: Listing, bad: Mapping[str, str]) -> Listing:
    """The listing with some photos, by name, among the strays."""
    return dataclasses.replace(
        listing, photos=[photo for photo in listing.photos if photo.name not in bad], stray={**listing.stray, **dict(sorted(bad.items()))}
    )


def hashed(listing: Listing, report: Report = silent) -> Listing:
    """The listing with the content hash of each photo, and when it was taken; those that cannot be read are strays now."""
    photos, bad = [], {}
    for photo in each(listing.photos, "reading photos", report):
        try:
            data = listing.read(photo)
            digest = hashlib.sha256(data).hexdigest()
            photos.append(dataclasses.replace(photo, hash=digest, capture=capture_of(data, photo.name)))
        except OSError as error:
            bad[photo.name] = f"cannot be read ({error.strerror}); mend its permissions or remove it"
        except CvappError as error:
            bad[photo.name] = str(error)
    return without(dataclasses.replace(listing, photos=photos), bad)
