"""A CSV file of photos: a row an example, with the columns path and label, and part (or split) and group (the session) where it says so."""

import csv
import io
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cvapp.data.labels import label_of
from cvapp.data.listing import PARTS, Listing, Photo, files_below, part_named
from cvapp.data.places import Places
from cvapp.errors import CvappError, Exit
from cvapp.files import special
from cvapp.picture_files import wrong_suffix

SUFFIXES = frozenset({".csv", ".tsv"})
_SEPARATORS = ",;\t"


class _Row(NamedTuple):
    line: int
    path: str
    label: str
    part: str
    more: str  # what stands behind the last column
    group: str = ""


def scan(path: Path) -> Listing:
    """List the photos of a CSV; paths are absolute or start at the CSV's own folder.

    UTF-8, separated by commas, semicolons or tabs. A row that cannot be used is a stray, with its line in the reason. A path whose file is there
    by another spelling (composed or not, capitals, blanks) means that file where there is just one.

    Raises:
        CvappError: no such file, not these columns, or no row that can be used (exit 3).
    """
    rows, places = _rows(path), Places(path.parent)
    photos, stray = _photos(rows, places)
    if not photos:
        first = next(iter(stray.items()), None)
        found = f"none of its {len(rows)} rows can be used, such as {first[0]}: {first[1]}" if first else "it has no row below its header"
        raise CvappError(f"{path}: {found}", Exit.BAD_DATA)
    return Listing(path, path.parent, photos, stray, files_below(path.parent), path.with_suffix(".split.csv"), places.notes())


def _rows(path: Path) -> list[_Row]:
    if wrong := special(path):
        raise CvappError(f"{path}: {wrong}", Exit.BAD_DATA)
    try:
        text = path.read_text(encoding="utf-8-sig")
        for separator in _SEPARATORS:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
            columns = [word.strip().lower() for word in next(reader, [])]
            if {"path", "label"} <= set(columns):
                twice = next((name for name in ("path", "label", "part", "group") if columns.count(name) > 1), None)
                if twice:
                    raise CvappError(f"{path}: has the column {twice} twice; keep the one that is right", Exit.BAD_DATA)
                return _read(reader, columns)
        header = text.splitlines()[:1] or [""]
    except UnicodeDecodeError as error:
        raise CvappError(f"{path}: not UTF-8; save it as 'CSV UTF-8'", Exit.BAD_DATA) from error
    except OSError as error:
        raise CvappError(f"no CSV {path}: cannot be read ({error.strerror}); give a CSV of path,label", Exit.BAD_DATA) from error
    except csv.Error as error:
        raise CvappError(f"{path}: not a CSV ({error}); save it as 'CSV UTF-8'", Exit.BAD_DATA) from error
    raise CvappError(f"{path}: expected the columns path and label, found {header[0][:200] or 'nothing'}", Exit.BAD_DATA)


def _read(reader, columns: list[str]) -> list[_Row]:  # type: ignore[no-untyped-def]
    lines, line = [], reader.line_num + 1
    for values in reader:
        if values:  # no empty line
            more = next((value for value in values[len(columns) :] if value.strip()), "")
            lines.append((line, dict(zip(columns, (value.strip() for value in values))), more))
        line = reader.line_num + 1
    part = _part_column(columns, [named for _, named, _ in lines])
    return [
        _Row(at, named.get("path", ""), named.get("label", ""), named.get(part, ""), more, named.get("group", "")) for at, named, more in lines
    ]


def _part_column(columns: list[str], rows: list[dict[str, str]]) -> str:
    """The column of the parts: `part`, or another that people call so where it holds nothing else."""
    others = (name for name in ("split", "subset", "set") if name in columns and "part" not in columns)
    held = ((name, {row.get(name, "") for row in rows} - {""}) for name in others)
    return next((name for name, words in held if words and all(map(part_named, words))), "part")


def _photos(rows: list[_Row], places: Places) -> tuple[list[Photo], dict[str, str]]:
    """The examples, in the order of their names, and what cannot be one."""
    stray: dict[str, str] = {}
    seen: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        try:
            row = _checked(row)
            seen[places.find(row.path)].append(row)
        except ValueError as error:
            stray[row.path or f"line {row.line}"] = f"line {row.line}: {error}"
    photos = []
    for name, same in sorted(seen.items()):
        first, last = same[0], same[-1]
        other = next((row for row in same if (row.label, row.part, row.group) != (first.label, first.part, first.group)), None)
        if other:
            says = [" ".join(filter(None, (row.label, row.part, row.group))) for row in (first, other)]
            stray[name] = f"line {first.line} says {says[0]!r}, line {other.line} {says[1]!r}; keep the one that is right"
            continue
        if last is not first:
            stray[name] = f"line {last.line} repeats line {first.line}; the photo is used once"
        photos.append(Photo(name, first.label, part_named(first.part), group=first.group))
    return photos, stray


def _checked(row: _Row) -> _Row:
    """A row with its label as it is used; ValueError where the row itself is no example."""
    if row.more:
        raise ValueError(f"has more values than the header ({row.more!r}); put a label that holds the separator between quotes")
    if not row.path:
        raise ValueError("has no path")
    label = label_of(row.label)
    try:
        group = label_of(row.group) if row.group else ""
    except ValueError as error:
        raise ValueError(f"its group, as a {error}") from error
    if row.part and not part_named(row.part):
        raise ValueError(f"the part is {row.part!r}; choose one of {', '.join(PARTS)}, or leave it empty")
    if wrong := wrong_suffix(PurePosixPath(row.path)):
        raise ValueError(wrong)
    return row._replace(label=label, group=group)
