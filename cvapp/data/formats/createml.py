"""CreateML: a json that lists pictures, each with labels and the coordinates of a box's middle and its size, in pixels.

`[{"image": "a.jpg", "annotations": [{"label": "cat", "coordinates": {"x": 25, "y": 20, "width": 30, "height": 20}}]}]`; one for a part, as
Roboflow writes it. https://developer.apple.com/documentation/createml/building-an-object-detector-data-source.
"""

from pathlib import Path
from typing import Any

from cvapp.data.boxed import BoxedListing
from cvapp.data.formats import entries, evidence
from cvapp.data.formats.entries import Entry
from cvapp.data.formats.texts import json_of
from cvapp.errors import CvappError, Exit
from cvapp.progress import Report, silent


def read(path: str | Path, report: Report = silent) -> BoxedListing:
    """List a json, or all those of a folder.

    Raises:
        CvappError: a damaged json, or nothing that can be used (exit 3).
    """
    source = Path(path)
    files = evidence.jsons_of(source, "createml") if source.is_dir() else [source]
    return entries.read(source, "createml", [one for file in files for one in _entries(file)], report)


def _entries(path: Path) -> list[Entry]:
    whole = json_of(path)
    if not isinstance(whole, list) or not all(isinstance(one, dict) for one in whole):
        raise CvappError(f"{path}: not CreateML; expected a list of objects with image and annotations", Exit.BAD_DATA)
    return [_entry(path, place, one) for place, one in enumerate(whole)]


def _entry(path: Path, place: int, one: dict[str, Any]) -> Entry:
    called, some = evidence.image_of(one) or "", one.get("annotations", one.get("annotation"))
    boxes = {}
    try:
        if not isinstance(some, list):
            raise ValueError(f"annotations is {str(some)[:80]}, not a list")
        for number, annotation in enumerate(some, 1):
            where = f"annotations[{number - 1}]"
            inner = annotation.get("coordinates") if isinstance(annotation, dict) else None
            if not isinstance(inner, dict):
                raise ValueError(f"{where} has no coordinates")
            boxes[number] = entries.named(where, inner, annotation.get("label"), centered=True)
    except ValueError as error:
        return Entry(path, f"[{place}]", called, wrong=str(error))
    return Entry(path, f"[{place}]", called, boxes)
