"""The CSV of TensorFlow's object detection: a row for each box, filename,width,height,class,xmin,ymin,xmax,ymax, one file for a part.

Columns are known by their names; width and height may be missing. Edges are in pixels, or in shares of the frame where hardly a number of
the file is above 1. A row with a name and nothing else is a picture without objects.
"""

import csv
import io
import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Mapping

from cvapp.data.boxed import Box, BoxedListing
from cvapp.data.formats import entries, evidence
from cvapp.data.formats.entries import Entry
from cvapp.data.formats.pictures import below
from cvapp.data.formats.reading import sides_of
from cvapp.data.formats.texts import text_of
from cvapp.data.labels import label_of
from cvapp.errors import CvappError, Exit
from cvapp.progress import Report, silent

_SHARES = 1.5  # shares that lie a little beyond the frame are clipped; no box in pixels is so small
_EDGES = ("xmin", "ymin", "xmax", "ymax")
Row = tuple[int, Mapping[str, str]]


def read(path: str | Path, report: Report = silent) -> BoxedListing:
    """List a csv, or all those of a folder.

    Raises:
        CvappError: a damaged csv, or nothing that can be used (exit 3).
    """
    source = Path(path)
    found = [file for file in below(source, {".csv", ".tsv"}) if evidence.csv_kind(file) == "tensorflow"] if source.is_dir() else [source]
    return entries.read(source, "tensorflow", [one for file in found for one in _entries(file)], report)


def _entries(path: Path) -> list[Entry]:
    """The pictures of a csv with their rows' boxes; shares are told from pixels by all of them."""
    columns, rows = _rows(path)
    name, label = (next((one for one in known if one in columns), "") for known in (evidence.NAME_COLUMNS, evidence.LABEL_COLUMNS))
    by_name: dict[str, list[Row]] = defaultdict(list)
    for line, row in rows:
        by_name[row.get(name, "")].append((line, row))
    made = [_entry(path, called, label, some) for called, some in by_name.items()]
    edges = sorted(edge for one in made for box in one.boxes.values() for edge in box.xyxy if math.isfinite(edge))
    shares = bool(edges) and edges[len(edges) * 9 // 10] <= _SHARES and any(0 < edge < 1 for edge in edges)  # a few may be wrong
    return [replace(one, relative=True) for one in made] if shares else made


def _rows(path: Path) -> tuple[list[str], list[Row]]:
    text = text_of(path)
    columns, _ = evidence.columns_of(text)
    separator = max(",;\t", key=text.split("\n", 1)[0].count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        next(reader, None)
        rows: list[Row] = [(reader.line_num, dict(zip(columns, (word.strip() for word in row)))) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise CvappError(f"{path}: not a CSV ({error}); save it as 'CSV UTF-8'", Exit.BAD_DATA) from error
    return columns, rows


def _entry(path: Path, called: str, label: str, rows: list[Row]) -> Entry:
    boxes: dict[int, Box] = {}
    said = {sides_of(row.get("height"), row.get("width")) for _, row in rows}
    for line, row in rows:
        try:
            if not called:
                raise ValueError("it names no picture")
            if not any(row.get(key) for key in (label, *_EDGES)):
                continue
            left, top, right, bottom = (_number(row, key) for key in _EDGES)
            boxes[line] = Box(label_of(row.get(label, "")), (left, top, right, bottom))
        except ValueError as error:
            return Entry(path, f"line {line}", called, wrong=str(error))
    return Entry(path, f"line {rows[0][0]}", called, boxes, said=said.pop() if len(said) == 1 else None)


def _number(row: Mapping[str, str], key: str) -> float:
    try:
        return float(row.get(key, ""))
    except ValueError:
        raise ValueError(f"{key} is {row.get(key, '')[:80]!r}, not a number") from None
