"""From a source of data to photos that are parted: listed, hashed, decoded, compared for copies, split, and the split frozen beside them."""

import shlex
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from cvapp.card import GENERATE
from cvapp.data import duplicates, split, split_settings
from cvapp.data.folders import scan
from cvapp.data.listing import PARTS, Listing, hashed, natural
from cvapp.data.photos import fit_all, thumbnails
from cvapp.data.sessions import flattering, grouped
from cvapp.data.split import Row
from cvapp.data.split_settings import DataSource
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
        source: where they came from, and what decides their parts.
    """

    rows: list[Row]
    pixels: Store
    left_out: dict[str, str]
    notes: list[str]
    source: DataSource = DataSource()


@dataclass(frozen=True)
class Division:
    """A split.

    Args:
        rows: by path.
        left_out: the reason for each file, by name, that is not used.
        notes: what a person should know of the split, a line each.
        file: where it belongs; None where the source gives all parts itself, or has no place for it.
        frozen: the rows that the file held before, and that stay.
        replaced: the rows that the file held before, where the photos were split again.
    """

    rows: list[Row]
    left_out: dict[str, str]
    notes: list[str]
    file: Path | None
    frozen: list[Row]
    replaced: list[Row] = field(default_factory=list)

    @property
    def moved(self) -> int:
        """How many photos are in another part than before the photos were split again."""
        before = {(row.hash, row.path): row.part for row in self.replaced}
        return sum(before.get((row.hash, row.path), row.part) != row.part for row in self.rows)


def prepare(source: str | Path, recipe: Recipe, report: Report = silent, check: Callable[[Sequence[Row]], Any] = len) -> Parted:
    """List, hash, fit, compare and part the photos of a source; the split is frozen beside it, where that can be.

    Args:
        source: as `folders.scan` takes it.
        recipe: its shares, its seed and its images, whose size is settled, count. For a generator one class will do, and no class folders.
        report: told of the progress, of what is left out and of the notes.
        check: is given the rows before they are frozen; what it raises leaves no split behind.

    Raises:
        CvappError: data that cannot be used (exit 3), or a place for fitted photos that cannot be written (exit 7).
    """
    whatever = recipe.task == GENERATE
    listed = scan(source, loose=whatever)
    listing, pixels = fit_all(hashed(listed, report), recipe.images, report)
    digests = sorted({photo.hash for photo in listing.photos})
    seen = dict(zip(digests, duplicates.store().read(digests)))
    _check_lost(listed, listing)
    copies = duplicates.near_copies(seen)
    with split.parting(listing):
        division = divide(grouped(listing, seen), copies, recipe, 1 if whatever else 2)
        check(division.rows)
        notes, kept = list(division.notes), division.file is not None
        try:
            _write(division)
        except CvappError as error:
            kept = False
            notes.append(f"{error}; the split lives in the model alone")
    line = uneven(Counter(row.label for row in division.rows))
    if line and not recipe.train.class_weights and not whatever:
        notes.append(line)
    _tell(division, notes, listing.source, report)
    origin = DataSource(split_settings.public_path(source), split_settings.fixed_shares(listing.photos), kept)
    return Parted(division.rows, pixels, division.left_out, notes, origin)


def freeze(source: str | Path, data: Data, seed: int, report: Report = silent, asked: Mapping[str, str] | None = None) -> Division:
    """The split that `prepare` makes, frozen beside the source; the photos are decoded, but nothing of them is kept.

    Args:
        source: as `folders.scan` takes it.
        data: the shares.
        seed: of the order.
        report: told of the progress.
        asked: the shares, and the seed, that were asked for, by name as a person wrote them: then the split is made anew, whatever was frozen.

    Raises:
        CvappError: a share that the source decides (exit 2), data that cannot be used (exit 3), or a place for the split that cannot be
            written (exit 7).
    """
    listed = scan(source)
    split_settings.check_fixed(listed, asked or {})
    listing, found = thumbnails(hashed(listed, report), report)
    _check_lost(listed, listing)
    copies = duplicates.near_copies(found)
    with split.parting(listing):
        division = divide(grouped(listing, found), copies, Recipe(data=data, seed=seed), anew=bool(asked))
        if asked and division.file:
            division = replace(division, replaced=split.beside(listing))
        _write(division)
    return division


def uneven(counts: Mapping[str, int]) -> str | None:
    """What to try where classes are of very different size, from the photos of each; None where they are not."""
    most, least = max(counts, key=lambda label: counts[label]), min(counts, key=lambda label: counts[label])
    if not counts[least] or counts[most] < UNEVEN * counts[least]:
        return None
    return f"class {most!r} has {counts[most]} photos, class {least!r} {counts[least]}; --set train.class_weights=True makes up for it"


def _check_lost(listed: Listing, listing: Listing) -> None:
    """Refuse a class that was listed but has no usable photo."""
    lost = set(listed.labels) - set(listing.labels)
    if lost:
        name = min(photo.name for photo in listed.photos if photo.label in lost)
        raise CvappError(
            f"no photo of class {min(lost)!r} can be used ({name}: {listing.stray[name]}); mend them or remove the class", Exit.BAD_DATA
        )


def divide(listing: Listing, copies: Sequence[tuple[str, str]], recipe: Recipe, classes: int = 2, anew: bool = False) -> Division:
    """Part usable photos by a recipe's shares and seed; nothing is written.

    Args:
        listing: with content hashes and sessions, of photos that can be decoded.
        copies: pairs of content hashes that show the same picture.
        recipe: its shares and seed count.
        classes: that there must be at least.
        anew: whatever is frozen; else that stays.

    Raises:
        CvappError: what is frozen cannot be read, or nothing can be trained on these photos (exit 3).
    """
    file, data = listing.split_file, recipe.data
    frozen = [] if anew else split.beside(listing)
    rows, left_out = split.divide(listing.photos, data.val, data.test, recipe.seed, frozen, copies)
    split.check_classes(listing.photos, rows, left_out, classes)
    split.check_parts(rows)
    notes = [*listing.notes, *unmeasured(rows, copies).values(), *_disputed(rows, copies, listing.source), *flattering(rows, listing)]
    if frozen:
        notes += split_settings.notes(listing.photos, frozen, recipe, copies, listing.split_file)
    if not split.draws(listing.photos):
        file = None
    elif file is None:
        notes.append("there is no place for a split beside these files: it lives in the model alone")
    return Division(rows, {**listing.stray, **left_out}, notes, file, frozen)


def _write(division: Division) -> None:
    """Freeze a split where it belongs."""
    every = split.lasting(division.rows, division.frozen, division.left_out)
    if division.file and every != division.frozen:
        split.write(division.file, every)


def unmeasured(rows: Sequence[Row], copies: Sequence[tuple[str, str]]) -> dict[str, str]:
    """A line, by label, for each class that has nothing to train on, or nothing to measure it with."""
    classes: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        classes[row.label].append(row)
    group_of = _groups(rows, copies)
    lines = {}
    for label in natural(set(classes)):
        parts = {row.part for row in classes[label]}
        if "train" not in parts:
            lines[label] = f"class {label!r} has no photo to train on; a model cannot learn it"
        elif parts == {"train"} and len({group_of[row.hash] for row in classes[label]}) == 1:
            count = len(classes[label])
            lines[label] = f"class {label!r} is not measured: its {count} photos are copies of one another, and all train; add different ones"
        elif parts == {"train"}:
            lines[label] = f"class {label!r} is not measured: all of its photos train; give it some in val or test"
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
    return [f"near copies bear different labels: {' and '.join(found[0])}{many}; cvapp data check {shlex.quote(str(source))} names them all"]


def _groups(rows: Sequence[Row], copies: Sequence[tuple[str, str]]) -> dict[str, str]:
    present = {row.hash for row in rows}
    return duplicates.groups(present, (pair for pair in copies if present.issuperset(pair)))


def _tell(division: Division, notes: Sequence[str], source: Path, report: Report) -> None:
    """Say what the data is, and name files that were left out."""
    for name, reason in list(division.left_out.items())[:TOLD]:
        report(f"left out: {name}: {reason}")
    if len(division.left_out) > TOLD:
        report(f"left out: {len(division.left_out) - TOLD} more files; cvapp data split {shlex.quote(str(source))} --json names them all")
    for note in notes:
        report(note)
    parts = Counter(row.part for row in division.rows)
    classes = len({row.label for row in division.rows})
    report(
        f"{len(division.rows)} photos of {classes} {'class' if classes == 1 else 'classes'}: "
        + ", ".join(f"{parts[part]} {part}" for part in PARTS if parts[part])
    )
