"""Photos with boxes: what a detection data set holds, whatever format it came in."""

import dataclasses
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Sequence

from cvapp.data import split
from cvapp.data.capture import Capture
from cvapp.data.listing import Listing, Photo, files_below

HOMES = ("JPEGImages", "images")  # folders of a layout that holds its photos apart
NOTHING = "no object"  # what a photo without any is called in a split

Corners = tuple[float, float, float, float]


class Box(NamedTuple):
    """One object in a photo.

    Args:
        label: its class.
        xyxy: left, top, right, bottom in pixels of the upright photo; edges, so that right - left is the width.
        difficult: not to be counted, neither when found nor when missed (Pascal VOC's word).
        points: its landmarks (x, y) in pixels, in an order that is the same for all objects of a set.
    """

    label: str
    xyxy: Corners
    difficult: bool = False
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class BoxedPhoto:
    """One photo with its objects; one without any is an example too.

    Args:
        name: its path below the listing's folder, with forward slashes.
        boxes: its objects.
        size: (height, width) of the upright photo; None where the listing was not read from files.
        part: `train`, `val` or `test` where the source says so, else None.
        hash: sha256 of the photo's file, once known.
        capture: when and by which camera it was taken, where that is known.
    """

    name: str
    boxes: tuple[Box, ...] = ()
    size: tuple[int, int] | None = None
    part: str | None = None
    hash: str = ""
    capture: Capture | None = None


@dataclass(frozen=True)
class BoxedListing:
    """What a detection data set holds.

    Args:
        source: the folder or file that a person named.
        folder: the names of photos are paths below it.
        photos: the examples, by name.
        labels: the classes, in the order that the source gives or else as a person would sort them.
        stray: photos that cannot be used, by name, with the reason.
        mended: boxes that were clipped or left out, a line each: which photo, which box, what was wrong, what was done.
        format: its name among `formats.READERS`.
        root: the folder that holds everything; `folder` where it is left out.
    """

    source: Path
    folder: Path
    photos: list[BoxedPhoto]
    labels: list[str]
    stray: dict[str, str] = field(default_factory=dict)
    mended: list[str] = field(default_factory=list)
    format: str = ""
    root: Path | None = None

    @property
    def split_file(self) -> Path:
        """Where the frozen split belongs: in the root, whichever folder the photos are in; elsewhere where an earlier one lies there."""
        homes = [self.root or self.folder, self.folder, *((self.root or self.folder) / home for home in HOMES)]
        return next((path for home in homes if (path := home / split.FILE).is_file()), homes[0] / split.FILE)


def as_listing(boxed: BoxedListing) -> Listing:
    """The photos as examples of their rarest class, by which they are parted."""
    counts = Counter(box.label for photo in boxed.photos for box in photo.boxes)
    photos = []
    for photo in boxed.photos:
        rarest = min((box.label for box in photo.boxes), key=lambda label: (counts[label], label), default=NOTHING)
        photos.append(Photo(photo.name, rarest, photo.part, photo.hash, capture=photo.capture))
    return Listing(boxed.source, boxed.folder, photos, dict(boxed.stray), files_below(boxed.folder), boxed.split_file)


def other_boxes(photos: Sequence[BoxedPhoto]) -> dict[str, str]:
    """The reason for each photo, by name, whose very content bears other boxes too: which are right cannot be known."""
    same: dict[str, list[BoxedPhoto]] = defaultdict(list)
    for photo in photos:
        same[photo.hash].append(photo)
    wrong = {}
    for group in (group for digest, group in same.items() if digest):
        boxes = [sorted(photo.boxes) for photo in group]
        others = [photo for photo, some in zip(group, boxes) if some != boxes[0]]
        for photo, some in zip(group, boxes) if others else ():
            other = others[0] if some == boxes[0] else group[0]
            wrong[photo.name] = f"same picture as {other.name}, which has other boxes; keep the one that is right"
    return wrong


def agreeing(boxed: BoxedListing) -> BoxedListing:
    """The listing with copies whose boxes differ among the strays."""
    wrong = other_boxes(boxed.photos)
    return dataclasses.replace(boxed, photos=[photo for photo in boxed.photos if photo.name not in wrong], stray={**boxed.stray, **wrong})
