"""The frozen split: which photo trains, which validates, which is held out to the end, by content hash in `split.csv`."""

import csv
import hashlib
import io
from collections import Counter, defaultdict
from pathlib import Path
from typing import Iterable, NamedTuple, Sequence

from cvapp.data.folders import PARTS, Photo
from cvapp.errors import CvappError, Exit
from cvapp.files import write_text

FILE = "split.csv"


class Row(NamedTuple):
    """One photo of a split; the fields are the columns of `split.csv`."""

    hash: str
    path: str
    label: str
    part: str


def make(photos: Sequence[Photo], val: float, test: float, seed: int, frozen: Iterable[Row] = ()) -> list[Row]:
    """Part the photos, class by class, in an order that the seed and each photo's content decide.

    A class of at least 3 photos gets at least one in each part that is asked for; of 2, one trains and one validates. Parts that the folder
    gives are kept, as are those of `frozen` rows, so that adding photos moves none of the old.

    Raises:
        CvappError: a class too small to part, or one class only (exit 3).
    """
    old = {row.hash: row.part for row in frozen}
    groups: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        groups[photo.label].append(photo)
    _check_classes(groups)
    parted = any(photo.part for photo in photos)
    needs_val = parted and not any(photo.part == "val" for photo in photos)
    rows, placed = [], dict(old)
    for label, group in groups.items():
        part_of = {photo.hash: old.get(photo.hash) or photo.part or placed.get(photo.hash) for photo in group}
        if needs_val:  # the folder knows train and test only
            part_of = {digest: None if part == "train" and digest not in old else part for digest, part in part_of.items()}
        fixed = Counter(part for part in part_of.values() if part and not (needs_val and part == "test"))
        free = [digest for digest, part in part_of.items() if part is None]
        part_of.update(_assign(free, fixed, val, 0.0 if parted else test, seed))
        placed |= part_of  # the same picture in two classes stays in one part
        rows += [Row(photo.hash, photo.name, label, str(part_of[photo.hash])) for photo in group]
    return sorted(rows, key=lambda row: row.path)


def _check_classes(groups: dict[str, list[Photo]]) -> None:
    if len(groups) < 2:
        only = next(iter(groups), "none")
        raise CvappError(
            f"only one class ({only!r}): a classifier needs at least 2 class folders; add one, if only 'background'", Exit.BAD_DATA
        )
    small = [label for label, group in groups.items() if len({photo.hash for photo in group}) < 2]
    if small:
        raise CvappError(
            f"class {small[0]!r} has one photo: 2 are the least (one trains, one validates), 20 a start; add photos or remove the folder",
            Exit.BAD_DATA,
        )


def _assign(free: Sequence[str], have: dict[str, int], val: float, test: float, seed: int) -> dict[str, str]:
    """Parts for the photos that have none, filling up what the class lacks of its shares."""
    order = sorted(free, key=lambda digest: hashlib.sha256(f"{seed}:{digest}".encode()).digest())
    total = len(order) + sum(have.values())
    want_val = max(1, round(val * total)) if total >= 2 else 0
    want_test = max(1, round(test * total)) if test > 0 and total >= 3 else 0
    room = len(order) - (not have.get("train"))  # one is kept to train on
    take_test = min(max(0, want_test - have.get("test", 0)), max(0, room - (not have.get("val"))))
    take_val = min(max(0, want_val - have.get("val", 0)), max(0, room - take_test))
    parts = ["val"] * take_val + ["test"] * take_test + ["train"] * (len(order) - take_val - take_test)
    return dict(zip(order, parts))


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
    writer.writerow(Row._fields)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read(path: Path) -> list[Row]:
    """Read `split.csv` (exit 3 where it is missing or no such table)."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = [Row(*row) for row in csv.reader(file)]
    except (OSError, TypeError, UnicodeDecodeError, csv.Error) as error:
        raise CvappError(f"{path}: cannot be read as a split ({error}); make it again with cvapp data split", Exit.BAD_DATA) from error
    if not rows or rows[0] != Row._fields or any(row.part not in PARTS for row in rows[1:]):
        raise CvappError(
            f"{path}: not a split; expected the columns {','.join(Row._fields)} and the parts {', '.join(PARTS)}", Exit.BAD_DATA
        )
    return rows[1:]
