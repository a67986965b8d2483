"""What is wrong with photos with boxes, and what is unusual: files, classes, boxes, and pictures that lie in several parts."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Mapping, NamedTuple

import numpy as np

from cvapp import boxes
from cvapp.data import duplicates
from cvapp.data.boxed import Box, BoxedListing, BoxedPhoto, agreeing, other_boxes
from cvapp.data.boxed_ready import ready
from cvapp.data.depth import dark_line, low_peak
from cvapp.data.folders import look_alike
from cvapp.data.formats import scan
from cvapp.data.formats.reading import KINDS, RESIZED, UNDECLARED, place
from cvapp.data.listing import PARTS, Listing, Photo, files_below
from cvapp.data.photos import decode_each
from cvapp.headers import inspect
from cvapp.progress import Report, silent

SAME = 0.9  # intersection over union from which two boxes are one object: two people agree less well, a slip of the mouse better
TINY = 2.0  # pixels of a side that nobody draws on purpose
START = 20  # objects of a class, to start with


class Sides(NamedTuple):
    """Sides of a class's boxes in pixels, width and height alike."""

    least: float
    median: float
    most: float


@dataclass(frozen=True)
class Tally:
    """What there is of one class.

    Args:
        photos: that show it.
        objects: of it in all.
        parts: objects by part, `none` for photos without one.
        sides: of its boxes; None where it has no object.
    """

    photos: int
    objects: int
    parts: dict[str, int]
    sides: Sides | None


@dataclass(frozen=True)
class BoxedFindings:
    """What `check` found.

    Args:
        format: its name among `formats.READERS`.
        classes: what there is of each class.
        parts: usable photos by part, `none` for those without one.
        empty: photos without any object, by name.
        unusable: why files cannot be used, by name.
        mended: lines about boxes that were clipped or left out, by what was wrong.
        contradictory: lines about one object with two labels.
        twice: lines about one object that has two boxes of one label.
        tiny: lines about boxes hardly larger than a point.
        absent: lines about classes that are to be found, but that nothing trains.
        rare: lines about classes with few objects.
        across: groups of photos, by name, that show one picture in several parts.
        within: groups of copies, exact or near, by name, that lie in one part and are all used.
        duplicates: groups of photos, by name, of the very same content.
        near_duplicates: groups of photos, by name, that show the same picture in different contents.
        left_out: copies that training leaves out, by name, with the reason.
        missing: why training cannot begin; empty where it can.
        few: it cannot because there are too few different photos, and nothing is wrong with those.
        notes: what to know of the classes' names, of files that use few of their bits, and of sessions.
    """

    format: str = ""
    classes: dict[str, Tally] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)
    mended: dict[str, list[str]] = field(default_factory=dict)
    contradictory: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    tiny: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    rare: list[str] = field(default_factory=list)
    across: list[list[str]] = field(default_factory=list)
    within: list[list[str]] = field(default_factory=list)
    duplicates: list[list[str]] = field(default_factory=list)
    near_duplicates: list[list[str]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    missing: str = ""
    few: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def objects(self) -> int:
        """All objects that can be used."""
        return sum(tally.objects for tally in self.classes.values())

    @property
    def pointlike(self) -> bool:
        """Whether most boxes are hardly larger than a point: then their numbers are no pixels."""
        return 2 * len(self.tiny) > self.objects

    @property
    def wrong(self) -> bool:
        """Whether anything should be mended before training."""
        untrue = self.mended.keys() & {UNDECLARED, RESIZED} or self.pointlike
        bad = self.unusable or self.contradictory or self.absent or self.across or self.left_out
        return bool(bad or untrue or not self.objects or (self.missing and not self.few))


def check(source: str | Path, report: Report = silent) -> BoxedFindings:
    """Decode every photo of a source, as `formats.scan` takes it, and say what is wrong.

    Raises:
        CvappError: no such place, or nothing in it that can be used (exit 3).
    """
    listing = scan(source, report)
    thumbnails: dict[str, np.ndarray] = {}
    peaks: dict[str, int] = {}

    def look(photo: Photo, data: bytes, picture: np.ndarray) -> None:
        peaks[photo.name] = low_peak(data, inspect(data, "photo"), picture)
        thumbnails[photo.hash] = duplicates.thumbnail(picture)

    files = [Photo(photo.name, "", photo.part, photo.hash) for photo in listing.photos]
    readable = Listing(listing.source, listing.folder, files, {}, files_below(listing.folder))
    bad = decode_each(readable, {photo.hash for photo in files}, look, "checking photos", report)
    photos = [photo for photo in listing.photos if photo.name not in bad]
    classes = _tallies(listing.labels, photos)
    pairs = [pair for photo in photos for pair in _pairs(photo)]
    near = duplicates.near_copies(thumbnails)
    exact = duplicates.together(photos, {digest: digest for digest in thumbnails})
    copies = duplicates.together(photos, duplicates.groups(thumbnails, near))
    state = ready(agreeing(listing), thumbnails, near)
    left_out = {**other_boxes(photos), **state.left_out}
    return BoxedFindings(
        format=listing.format,
        classes=classes,
        parts=_by_part(photos),
        empty=[photo.name for photo in photos if not photo.boxes],
        unusable={**listing.stray, **dict(sorted(bad.items()))},
        mended=_grouped(listing),
        contradictory=[line for line, same_label in pairs if not same_label],
        twice=[line for line, same_label in pairs if same_label],
        tiny=[line for photo in photos for line in _tiny(photo)],
        absent=[line for label, tally in classes.items() for line in _absent(label, tally, photos)],
        rare=[
            f"class {label!r} has {_counted(tally.objects)}: {START} are a start"
            for label, tally in classes.items()
            if tally.objects < START
        ],
        across=[_in_parts(group) for group in copies if len({photo.part for photo in group}) > 1],
        within=_within(copies, left_out),
        duplicates=[[photo.name for photo in group] for group in exact],
        near_duplicates=[[photo.name for photo in group] for group in copies if len({photo.hash for photo in group}) > 1],
        left_out=left_out,
        missing=state.missing,
        few=state.few,
        notes=[*look_alike(listing.labels), *dark_line(peaks), *state.notes],
    )


def _counted(objects: int) -> str:
    return f"{objects or 'no'} object{'' if objects == 1 else 's'}"


def _by_part(photos: list[BoxedPhoto]) -> dict[str, int]:
    """Photos by part; parts that nothing lies in are left out."""
    counts = Counter(photo.part or "none" for photo in photos)
    return {part: counts[part] for part in (*PARTS, "none") if counts[part]}


def _tallies(labels: list[str], photos: list[BoxedPhoto]) -> dict[str, Tally]:
    """What there is of each class, in one pass through the photos."""
    shown: dict[str, list[tuple[BoxedPhoto, Box]]] = {label: [] for label in labels}
    for photo in photos:
        for box in photo.boxes:
            shown[box.label].append((photo, box))
    return {label: _tally(pairs, list(_by_part(photos))) for label, pairs in shown.items()}


def _tally(pairs: list[tuple[BoxedPhoto, Box]], parts: list[str]) -> Tally:
    corners = np.array([box.xyxy for _, box in pairs]).reshape(-1, 4)
    sides = corners[:, 2:] - corners[:, :2]
    objects = Counter(photo.part or "none" for photo, _ in pairs)
    spread = Sides(float(sides.min()), float(np.median(sides)), float(sides.max())) if pairs else None
    return Tally(len({photo.name for photo, _ in pairs}), len(pairs), {part: objects[part] for part in parts}, spread)


def _grouped(listing: BoxedListing) -> dict[str, list[str]]:
    """The mended lines by what was wrong, in the order of `KINDS`."""
    groups = {kind: [line for line in listing.mended if kind in line] for kind in KINDS}
    return {kind: lines for kind, lines in groups.items() if lines}


def _pairs(photo: BoxedPhoto) -> list[tuple[str, bool]]:
    """Lines about two boxes of a photo that are one object, and whether their labels agree."""
    if len(photo.boxes) < 2:
        return []
    corners = np.array([box.xyxy for box in photo.boxes])
    shared = np.triu(boxes.iou(corners, corners), 1)
    found = []
    for first, second in np.argwhere(shared >= SAME):
        one, other = photo.boxes[first], photo.boxes[second]
        overlap = f"{photo.name}: {_told(one)} and {_told(other)} are {shared[first, second]:.0%} the same"
        found.append((overlap, one.label == other.label))
    return found


def _told(box: Box) -> str:
    return f"{box.label} {place(box.xyxy)}"


def _tiny(photo: BoxedPhoto) -> list[str]:
    sides = [(box, box.xyxy[2] - box.xyxy[0], box.xyxy[3] - box.xyxy[1]) for box in photo.boxes]
    return [f"{photo.name}: {_told(box)} is {width:g}x{height:g} pixels" for box, width, height in sides if min(width, height) <= TINY]


def _absent(label: str, tally: Tally, photos: list[BoxedPhoto]) -> list[str]:
    measured = {part: count for part, count in tally.parts.items() if part in ("val", "test") and count}
    if not measured or tally.parts.get("train") or not any(photo.part == "train" for photo in photos):
        return []
    where = " and ".join(f"{_counted(count)} in {part}" for part, count in measured.items())
    return [f"class {label!r} has {where}, but none in train"]


def _in_parts(group: list[BoxedPhoto]) -> list[str]:
    return [f"{photo.name} ({photo.part or 'none'})" for photo in group]


def _within(copies: list[list[BoxedPhoto]], left_out: Mapping[str, str]) -> list[list[str]]:
    """Copies of one part that are all used, by name."""
    used = [[photo for photo in group if photo.name not in left_out] for group in copies]
    return [[photo.name for photo in group] for group in used if len(group) > 1 and len({photo.part for photo in group}) == 1]
