"""From a source of data to photos that are parted: listed, hashed, decoded, compared for copies, split, and the split frozen beside them."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

import numpy as np

from cvapp.data import duplicates, split
from cvapp.data.folders import scan
from cvapp.data.listing import PARTS, Listing, hashed, natural
from cvapp.data.photos import fit_all, thumbnails
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit
from cvapp.progress import Report, silent
from cvapp.recipe import Data, Recipe

UNEVEN = 3  # times as many photos in the largest class as in the smallest
TOLD = 5  # files left out that are named before the rest is counted


@dataclass(frozen=True)
class Parted:
    """Photos ready to train on.

    Args:
        rows: of the split, by path.
        pixels: the fitted photos by their hash.
        left_out: the reason for each file, by name, that is not used.
        notes: what a person should know of the split, a line each.
    """

    rows: list[Row]
    pixels: Store
    left_out: dict[str, str]
    notes: list[str]


@dataclass(frozen=True)
class Division:
    """A split.

    Args:
        rows: by path.
        left_out: the reason for each file, by name, that is not used.
        notes: what a person should know of the split, a line each.
        file: where it is frozen, if anywhere.
        kept: how many of its rows were frozen before.
    """

    rows: list[Row]
    left_out: dict[str, str]
    notes: list[str]
    file: Path | None
    kept: int


def prepare(source: str | Path, recipe: Recipe, report: Report = silent) -> Parted:
    """List, hash, fit, compare and part the photos of a source; the split is frozen beside it.

    Args:
        source: as `folders.scan` takes it.
        recipe: its shares, seed and images, whose size is settled, count.
        report: told of the progress, of what is left out and of the notes.

    Raises:
        CvappError: data that cannot be used (exit 3), or a place for fitted photos that cannot be written (exit 7).
    """
    listed = hashed(scan(source), report)
    listing, pixels = fit_all(listed, recipe.images, report)
    digests = sorted({photo.hash for photo in listing.photos})
    kept = dict(zip(digests, duplicates.store().read(digests)))
    division = _divide(listed, listing, kept, recipe.data, recipe.seed)
    notes = list(division.notes)
    if not recipe.train.class_weights and (line := uneven(Counter(row.label for row in division.rows))):
        notes.append(line)
    _tell(division, notes, listing.source, report)
    return Parted(division.rows, pixels, division.left_out, notes)


def freeze(source: str | Path, data: Data, seed: int, report: Report = silent) -> Division:
    """The split that `prepare` makes, frozen beside the source; the photos are decoded, but nothing of them is kept.

    Raises:
        CvappError: data that cannot be used (exit 3).
    """
    listed = hashed(scan(source), report)
    listing, found = thumbnails(listed, report)
    return _divide(listed, listing, found, data, seed)


def uneven(counts: Mapping[str, int]) -> str | None:
    """What to try where classes are of very different size, from the photos of each; None where they are not."""
    most, least = max(counts, key=lambda label: counts[label]), min(counts, key=lambda label: counts[label])
    if not counts[least] or counts[most] < UNEVEN * counts[least]:
        return None
    return f"class {most!r} has {counts[most]} photos, class {least!r} {counts[least]}; --set train.class_weights=True makes up for it"


def _divide(listed: Listing, listing: Listing, thumbs: Mapping[str, np.ndarray], data: Data, seed: int) -> Division:
    """Part the usable photos of what was listed."""
    lost = set(listed.labels) - set(listing.labels)
    if lost:
        name = min(photo.name for photo in listed.photos if photo.label in lost)
        raise CvappError(
            f"no photo of class {min(lost)!r} can be used ({name}: {listing.stray[name]}); mend them or remove the class", Exit.BAD_DATA
        )
    copies = duplicates.near_copies(thumbs)
    file = listing.split_file
    frozen = split.read(file) if file and file.is_file() else []
    rows, left_out = split.make(listing.photos, data.val, data.test, seed, frozen, copies)
    notes = [*_unmeasured(rows, copies), *_disputed(rows, copies, listing.source)]
    parts = {photo.part for photo in listing.photos}
    if "val" in parts and None not in parts:
        file = None  # the source says it all
    elif file is None:
        notes.append("the split lives in the model alone")
    elif note := _write(file, rows, frozen):
        file = None
        notes.append(note)
    return Division(rows, {**listing.stray, **left_out}, notes, file, len(frozen))


def _write(file: Path, rows: Sequence[Row], frozen: Sequence[Row]) -> str | None:
    """Freeze the split, rows of photos that are absent now included; a note where that cannot be."""
    present = {row.hash for row in rows}
    every = sorted([*rows, *(row for row in frozen if row.hash not in present)], key=lambda row: row.path)
    try:
        if every != list(frozen):
            split.write(file, every)
    except CvappError as error:
        if error.code != Exit.CANNOT_WRITE:
            raise
        return f"{file} cannot be written: the split lives in the model alone"
    return None


def _unmeasured(rows: Sequence[Row], copies: Sequence[tuple[str, str]]) -> list[str]:
    """A line for each class that has nothing to train on, or nothing to measure it with."""
    classes: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        classes[row.label].append(row)
    group_of = _groups(rows, copies)
    lines = []
    for label in natural(set(classes)):
        parts = {row.part for row in classes[label]}
        if "train" not in parts:
            lines.append(f"class {label!r} has no photo to train on; a model cannot learn it")
        elif parts == {"train"} and len({group_of[row.hash] for row in classes[label]}) == 1:
            count = len(classes[label])
            lines.append(
                f"class {label!r} is not measured: its {count} photos are copies of one another, and all train; add different ones"
            )
        elif parts == {"train"}:
            lines.append(f"class {label!r} is not measured: all of its photos train; give it some in val or test")
    return lines


def _disputed(rows: Sequence[Row], copies: Sequence[tuple[str, str]], source: Path) -> list[str]:
    """A line where near copies bear different labels."""
    group_of = _groups(rows, copies)
    members: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        members[group_of[row.hash]].setdefault(row.label, row.path)
    found = [list(names.values()) for names in members.values() if len(names) > 1]
    if not found:
        return []
    many = f" ({len(found)} such groups)" if len(found) > 1 else ""
    return [f"near copies bear different labels: {' and '.join(found[0])}{many}; cvapp data check {source} names them all"]


def _groups(rows: Sequence[Row], copies: Sequence[tuple[str, str]]) -> dict[str, str]:
    present = {row.hash for row in rows}
    return duplicates.groups(present, (pair for pair in copies if present.issuperset(pair)))


def _tell(division: Division, notes: Sequence[str], source: Path, report: Report) -> None:
    """Say what the data is, and name files that were left out."""
    for name, reason in list(division.left_out.items())[:TOLD]:
        report(f"left out: {name}: {reason}")
    if len(division.left_out) > TOLD:
        report(f"left out: {len(division.left_out) - TOLD} more files; cvapp data check {source} names them all")
    for note in notes:
        report(note)
    parts = Counter(row.part for row in division.rows)
    classes = len({row.label for row in division.rows})
    report(f"{len(division.rows)} photos of {classes} classes: " + ", ".join(f"{parts[part]} {part}" for part in PARTS if parts[part]))
