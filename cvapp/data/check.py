"""What is wrong with a source of data, and what is unusual: files, classes, and copies of one picture."""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Iterable, Mapping

import cv2
import numpy as np

from cvapp import exif, headers
from cvapp.data import duplicates
from cvapp.data.depth import bits_of, dark_notes, low_peak
from cvapp.data.folders import scan
from cvapp.data.listing import Photo, hashed, without
from cvapp.data.parted import divide, uneven, unmeasured
from cvapp.data.photos import decode_each
from cvapp.data.sessions import by_class, flattering, grouped
from cvapp.errors import CvappError
from cvapp.images import decode
from cvapp.limits import reduction
from cvapp.progress import Report, silent
from cvapp.recipe import Recipe

LEAST, START = 2, 20  # photos of a class: to be learnt at all, to start with
BLANK = 2.0  # standard deviation of every channel, of 255, below which a picture is of one colour
FORMATS = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "JPEG"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **dict.fromkeys((".pgm", ".ppm"), "PNM"),
    **dict.fromkeys((".heic", ".heif"), "HEIC"),
    **{".png": "PNG", ".bmp": "BMP", ".webp": "WebP", ".gif": "GIF", ".avif": "AVIF"},
}
LIES = (
    "upright",
    "mirrored",
    "upside down",
    "upside down, mirrored",
    "on its side, mirrored",
    "on its side",
    "on its side, mirrored",
    "on its side",
)


@dataclass(frozen=True)
class Findings:
    """What `check` found.

    Args:
        photos: usable photos by class.
        unusable: why files cannot be used, by name.
        unlearnable: lines about classes that cannot be learnt.
        across: groups of copies, exact or near, by name, that bear different labels.
        classes: lines about classes that can be learnt, but badly.
        within: groups of copies, exact or near, by name, of one label.
        duplicates: groups of files, by name, of the very same content.
        near_duplicates: groups of files, by name, that show the same picture in different contents.
        unusual: what to know of files that are used, by name.
        left_out: why training leaves photos out that could be used, by name.
        notes: what to know of names and labels, a line each.
        sessions: how many sessions the photos of each class come from, where any is known.
    """

    photos: dict[str, int] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    unlearnable: list[str] = field(default_factory=list)
    across: list[list[str]] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    within: list[list[str]] = field(default_factory=list)
    duplicates: list[list[str]] = field(default_factory=list)
    near_duplicates: list[list[str]] = field(default_factory=list)
    unusual: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sessions: dict[str, int] = field(default_factory=dict)

    @property
    def wrong(self) -> bool:
        """Whether anything should be mended before training."""
        return bool(self.unusable or self.unlearnable or self.across)


def check(source: str | Path, report: Report = silent) -> Findings:
    """Decode every photo of a source of data, as `folders.scan` takes it, and say what is wrong.

    Raises:
        CvappError: no such place, or nothing in it that could be a photo (exit 3).
    """
    scanned = scan(source)
    listed = hashed(scanned, report)
    seen = _Seen()
    bad = decode_each(listed, {photo.hash for photo in listed.photos}, seen.look, "checking photos", report)
    listing = without(listed, bad)
    by_label: dict[str, list[Photo]] = {label: [] for label in scanned.labels}
    for photo in listing.photos:
        by_label[photo.label].append(photo)
    thumbnails = seen.thumbnails
    pairs = duplicates.near_copies(thumbnails)
    group_of = duplicates.groups(thumbnails, pairs)
    exact, copies = (duplicates.together(listing.photos, of) for of in ({digest: digest for digest in thumbnails}, group_of))
    unlearnable, classes = _class_lines(by_label, group_of)
    left_out: dict[str, str] = {}
    sessions: dict[str, int] = {}
    try:
        division = divide(grouped(listing, thumbnails), pairs, Recipe())
    except CvappError as error:  # what training would end with
        unlearnable = unlearnable or [str(error)]
    else:
        left_out = {name: reason for name, reason in division.left_out.items() if listing.stray.get(name) != reason}
        sessions = {label: len(found) for label, found in by_class(division.rows).items() if found}
        lines = unmeasured(division.rows, pairs)
        classes += [line for label, line in lines.items() if len({group_of[photo.hash] for photo in by_label[label]}) > 1]
        classes += flattering(division.rows, listing)
    return Findings(
        photos={label: len(photos) for label, photos in by_label.items()},
        unusable=listing.stray,
        unlearnable=unlearnable,
        across=_names(group for group in copies if len({photo.label for photo in group}) > 1),
        classes=classes,
        within=_names(used for group in copies if len(used := _used(group, left_out)) > 1 and len({photo.label for photo in group}) == 1),
        duplicates=_names(exact),
        near_duplicates=_names(group for group in copies if len({photo.hash for photo in group}) > 1),
        unusual={name: "; ".join(some) for name, some in seen.told(listing.photos).items() if some},
        left_out=left_out,
        notes=list(listing.notes),
        sessions=sessions,
    )


@dataclass(frozen=True)
class _Seen:
    """What a look at each photo found, by content hash.

    Args:
        formats: of the files.
        notes: what is unusual.
        peaks: the largest values of files that use few of their 16 bits.
        thumbnails: to find copies by.
    """

    formats: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    thumbnails: dict[str, np.ndarray] = field(default_factory=dict)

    def look(self, photo: Photo, data: bytes, picture: np.ndarray) -> None:
        """Keep what a photo's file and its decoded picture show."""
        header = headers.inspect(data, "photo")
        peak = low_peak(data, header, picture)
        light = decode(data, "photo", bits_of({"": peak})) if peak else picture
        self.formats[photo.hash], self.peaks[photo.hash] = header.format, peak
        self.notes[photo.hash] = header.notes + _large(header) + _lying(data, header.format) + _blank(light)
        self.thumbnails[photo.hash] = duplicates.thumbnail(picture)

    def told(self, photos: Iterable[Photo]) -> dict[str, list[str]]:
        """What is unusual about each photo, by name; where all are grey, none of them is unusual for it."""
        usual = ["grey"] if all("grey" in some for some in self.notes.values()) else []
        dark = {digest: [note] for digest, note in dark_notes(self.peaks).items()}
        told = {digest: [*(note for note in some if note not in usual), *dark.get(digest, [])] for digest, some in self.notes.items()}
        return {photo.name: [*_suffix(photo.name, self.formats[photo.hash]), *told[photo.hash]] for photo in photos}


def _large(header: headers.Header) -> tuple[str, ...]:
    """A note where a photo is so large that it is decoded reduced."""
    factor = reduction(header.size) if header.size else 1
    return (f"{header.size[1]}x{header.size[0]} pixels: read at 1/{factor} of its sides",) if header.size and factor > 1 else ()


def _lying(data: bytes, kind: str) -> tuple[str, ...]:
    """A note where EXIF asks to turn the picture, which cvapp does and many programs do not."""
    turn = exif.turn(data, kind)
    return () if turn == 1 else (f"EXIF orientation {turn}: stored {LIES[turn - 1]}, turned upright here but not by every program",)


def _blank(picture: np.ndarray) -> tuple[str, ...]:
    return ("all of one colour",) if cv2.meanStdDev(picture)[1].max() < BLANK else ()


def _suffix(name: str, kind: str) -> list[str]:
    suffix = PurePosixPath(name).suffix
    wrong = FORMATS.get(suffix.lower(), kind) != kind
    return [f"a {kind} file named {suffix}: read by its content, rename it"] if wrong else []


def _used(group: Iterable[Photo], left_out: Mapping[str, str]) -> list[Photo]:
    return [photo for photo in group if photo.name not in left_out]


def _names(groups: Iterable[list[Photo]]) -> list[list[str]]:
    return [[photo.name for photo in group] for group in groups]


def _class_lines(classes: Mapping[str, list[Photo]], group_of: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """What is said of classes that cannot be learnt, and of those that can, but badly."""
    unlearnable, poor = [], []
    for label, photos in classes.items():
        different = len({photo.hash for photo in photos})
        has = f"class {label!r} has {len(photos)} usable photo{'' if len(photos) == 1 else 's'}"
        has += f", {different} of them different" if different < len(photos) else ""
        if different < LEAST:
            unlearnable.append(f"{has}: {LEAST} are the least, {START} a start")
        elif len({group_of[photo.hash] for photo in photos}) == 1:
            poor.append(f"{has}, copies of one another: they train, but nothing measures them; add different ones")
        elif different < START:
            poor.append(f"{has}: small, {START} are a start")
    if len(classes) < 2:
        unlearnable.append(f"only one class ({next(iter(classes))!r}): a classifier needs at least 2")
    line = uneven({label: len(photos) for label, photos in classes.items()})
    return unlearnable, [*poor, line] if line else poor
