"""Edge Impulse: `bounding_boxes.labels` beside the pictures of training/ and of testing/, with the boxes of each, in pixels from the corner.

`{"boundingBoxes": {"a.jpg": [{"label": "cat", "x": 10, "y": 10, "width": 30, "height": 20}]}}`.
https://docs.edgeimpulse.com/reference/image-dataset-annotation-formats.
"""

from pathlib import Path
from typing import Any

from cvapp.data.boxed import BoxedListing
from cvapp.data.formats import entries
from cvapp.data.formats.entries import Entry
from cvapp.data.formats.pictures import below
from cvapp.data.formats.texts import json_of
from cvapp.errors import CvappError, Exit
from cvapp.progress import Report, silent


def read(path: str | Path, report: Report = silent) -> BoxedListing:
    """List a file of labels, or all those of a folder.

    Raises:
        CvappError: a damaged file, or nothing that can be used (exit 3).
    """
    source = Path(path)
    files = [file for file in below(source, {".labels"}) if file.name != "info.labels"] if source.is_dir() else [source]
    return entries.read(source, "edge_impulse", [one for file in files for one in _entries(file)], report)


def _entries(path: Path) -> list[Entry]:
    whole = json_of(path)
    listed = whole.get("boundingBoxes") if isinstance(whole, dict) else None
    if not isinstance(listed, dict):
        raise CvappError(f"{path}: not of Edge Impulse; expected an object with boundingBoxes", Exit.BAD_DATA)
    return [_entry(path, called, some) for called, some in listed.items()]


def _entry(path: Path, called: str, some: Any) -> Entry:
    try:
        if not isinstance(some, list) or not all(isinstance(one, dict) for one in some):
            raise ValueError(f"is {str(some)[:80]}, not a list of boxes")
        boxes = {place: entries.named(f"[{place - 1}]", one, one.get("label"), centered=False) for place, one in enumerate(some, 1)}
    except ValueError as error:
        return Entry(path, repr(called[:80]), called, wrong=str(error))
    return Entry(path, repr(called[:80]), called, boxes)
