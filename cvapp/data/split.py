"""The frozen split: which photo trains, which validates, which is held out to the end, by content hash in `split.csv`."""

import contextlib
import csv
import hashlib
import io
from collections import defaultdict
from itertools import chain, zip_longest
from pathlib import Path
from typing import Iterable, Iterator, Mapping, NamedTuple, Sequence

from cvapp import locks
from cvapp.data.copies import bind, two_labels
from cvapp.data.listing import PARTS, Listing, Photo
from cvapp.data.shares import Shares, assign
from cvapp.errors import CvappError, Exit
from cvapp.files import write_text

FILE = "split.csv"
COLUMNS = ("hash", "path", "label", "group", "part")
_FIRST_COLUMNS = ("hash", "path", "label", "part")  # of files that were written before sessions were told


class Row(NamedTuple):
    """One photo of a split: a row of `split.csv`."""

    hash: str
    path: str
    label: str
    part: str
    group: str = ""  # the session that it was taken in, where that is known


def make(
    photos: Sequence[Photo], val: float, test: float, seed: int, frozen: Iterable[Row] = (), copies: Iterable[tuple[str, str]] = ()
) -> tuple[list[Row], dict[str, str]]:
    """`divide`, and refuse what no classifier can be trained on.

    Raises:
        CvappError: one class only, a class of fewer than two different photos, nothing to train on or to validate with (exit 3).
    """
    rows, left_out = divide(photos, val, test, seed, frozen, copies)
    check_classes(photos, rows, left_out)
    check_parts(rows)
    return rows, left_out


def divide(
    photos: Sequence[Photo], val: float, test: float, seed: int, frozen: Iterable[Row] = (), copies: Iterable[tuple[str, str]] = ()
) -> tuple[list[Row], dict[str, str]]:
    """Part the photos, class by class, in an order that the seed and each photo's content decide; copies never lie in different parts.

    A class of at least three different photos gets one in each part that is asked for; of two, one trains and one validates. Parts that the
    source gives are kept, as are those of `frozen` rows, so that adding photos moves none of the old.

    So do the photos of one session (`Photo.group`), wherever it may be; see `shares.assign`.

    Args:
        photos: with their content hashes.
        val: share of each class for validation.
        test: share of each class held out to the end. Where the source gives parts, none are drawn for test, and for val only if it gives none.
        seed: of the order.
        frozen: rows of an earlier split.
        copies: pairs of content hashes that show the same picture. (Not groups: a new photo may connect two old ones, which must not move.)

    Returns:
        the rows by path, and the reason for each photo, by name, that is left out: see `copies.two_labels` and `copies.bind`.
    """
    left_out = two_labels(photos)
    clear = [photo for photo in photos if photo.name not in left_out]
    given = any(photo.part for photo in photos)
    draws_val = given and all(photo.part != "val" for photo in photos)  # the source knows train and test only
    allowed = {photo.name: {"train", "val"} if draws_val and photo.part == "train" else {photo.part} for photo in clear if photo.part}
    given_parts = {name: min(parts) for name, parts in allowed.items() if len(parts) == 1}
    bound = bind(clear, given_parts | _frozen_parts(clear, frozen), allowed, copies)
    left_out |= bound.left_out
    used = [photo for photo in clear if photo.name not in left_out]
    counted = {digest: part for digest, part in bound.parts.items() if not (draws_val and part == "test")}
    part_of = bound.parts | assign(used, counted, bound.free, Shares(val, 0.0 if given else test, seed))
    rows = sorted((Row(photo.hash, photo.name, photo.label, part_of[photo.hash], photo.group) for photo in used), key=lambda row: row.path)
    return rows, left_out


def _frozen_parts(photos: Iterable[Photo], frozen: Iterable[Row]) -> dict[str, str]:
    """The parts of photos, by name, that an earlier split holds: by content, and by name where one content lies in several parts."""
    by_hash: dict[str, dict[str, str]] = defaultdict(dict)
    for row in frozen:
        by_hash[row.hash][row.path] = row.part
    return {
        photo.name: known.get(photo.name) or max(known.values(), key=PARTS.index) for photo in photos if (known := by_hash.get(photo.hash))
    }


def beside(listing: Listing) -> list[Row]:
    """The rows that are frozen beside a source; none where there is no such file (exit 3 where it cannot be read)."""
    return read(listing.split_file) if listing.split_file and listing.split_file.is_file() else []


@contextlib.contextmanager
def parting(listing: Listing) -> Iterator[None]:
    """Let no other process part the photos of a source from when what is frozen is read until the new split is written; it is waited for."""
    with locks.locked(listing.split_file, wait=True) if listing.split_file else contextlib.nullcontext():
        yield


def draws(photos: Iterable[Photo]) -> bool:
    """Whether any part is drawn, so that a split must be frozen; else the source gives all parts itself."""
    parts = {photo.part for photo in photos}
    return None in parts or "val" not in parts


def lasting(rows: Iterable[Row], frozen: Iterable[Row], left_out: Mapping[str, str]) -> list[Row]:
    """What a split's file is to hold: its rows, and of those that it held before the ones of photos that are absent or left out now."""
    rows = list(rows)
    present, used = {row.hash for row in rows}, {row.path for row in rows}  # a row of a list that repeats another is left out by the same path
    kept = (row for row in frozen if row.hash not in present or row.path in left_out and row.path not in used)
    return sorted([*rows, *kept], key=lambda row: row.path)


def check_classes(photos: Sequence[Photo], rows: Sequence[Row], left_out: Mapping[str, str], least: int = 2) -> None:
    """Refuse fewer than `least` classes, and a class of fewer than two different photos (exit 3)."""
    held: dict[str, set[str]] = {photo.label: set() for photo in photos}
    for row in rows:
        held[row.label].add(row.hash)
    if len(held) < least:
        only = next(iter(held), "none")
        raise CvappError(
            f"only one class ({only!r}): a classifier needs at least 2 class folders; add one, if only 'background'", Exit.BAD_DATA
        )
    for label, hashes in sorted(held.items()):
        if len(hashes) < 2:
            out = next(
                (
                    f" ({photo.name} is left out: {left_out[photo.name]})"
                    for photo in photos
                    if photo.label == label and photo.name in left_out
                ),
                "",
            )
            raise CvappError(
                f"class {label!r} has {'one photo' if hashes else 'no photo'}{out}: 2 are the least (one trains, one validates), 20 a start; "
                "add photos or remove the class",
                Exit.BAD_DATA,
            )


def check_parts(rows: Iterable[Row]) -> None:
    """Refuse a split with nothing to train on or to validate with (exit 3)."""
    missing = {"train", "val"} - {row.part for row in rows}
    if missing:
        raise CvappError(
            f"no photo to {' and none to '.join('train on' if part == 'train' else 'validate with' for part in sorted(missing))}: "
            "add different photos (copies of one another lie in one part), or mend the parts that the data gives",
            Exit.BAD_DATA,
        )


def counts(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    """Photos by class and part."""
    table: dict[str, dict[str, int]] = {}
    for row in rows:
        table.setdefault(row.label, dict.fromkeys(PARTS, 0))[row.part] += 1
    return table


def fingerprint(rows: Iterable[Row]) -> str:
    """One hash for a split: which photos, with which labels, in which parts, wherever they lie."""
    lines = sorted(f"{row.hash},{row.label},{row.part}" for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write `split.csv`, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([getattr(row, column) for column in COLUMNS] for row in rows)
    write_text(path, text.getvalue())


def read(path: Path) -> list[Row]:
    """Read `split.csv` (exit 3 where it is missing or no such table)."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            columns, *lines = [tuple(line) for line in csv.reader(file)] or [()]
            rows = [Row(**dict(zip(columns, line, strict=True))) for line in lines] if columns in (COLUMNS, _FIRST_COLUMNS) else None
    except (OSError, ValueError, csv.Error) as error:
        raise CvappError(f"{path}: cannot be read as a split ({error}); delete it to split again", Exit.BAD_DATA) from error
    if rows is None or any(row.part not in PARTS for row in rows):
        wanted = f"the columns {','.join(COLUMNS)} and the parts {', '.join(PARTS)}"
        raise CvappError(f"{path}: not a split; expected {wanted}; delete it to split again", Exit.BAD_DATA)
    return rows


def is_one(path: Path) -> bool:
    """Whether a file is a split, by its first line."""
    with open(path, "rb") as file:
        return file.readline(200).decode(errors="replace").strip() in (",".join(COLUMNS), ",".join(_FIRST_COLUMNS))


def balanced(rows: Sequence[Row], count: int) -> list[Row]:
    """Up to `count` photos, taken from the classes in turn."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.label].append(row)
    return [row for row in chain.from_iterable(zip_longest(*groups.values())) if row is not None][:count]
