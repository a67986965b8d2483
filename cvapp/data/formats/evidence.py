"""What annotation files hold, told by their content: which format each is of, whatever its name."""

import csv
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, Iterator, Mapping

from cvapp import names, picture_files
from cvapp.data.formats import tools
from cvapp.data.formats.pictures import is_picture
from cvapp.data.formats.texts import start_of, text_of
from cvapp.data.formats.xmls import first_tag
from cvapp.errors import CvappError

DEPTH, FEW = 3, 12  # folders below the source that are looked into, and files of a suffix in each that are opened
WHOLE = 1 << 25  # bytes of a json up to which all of it is read to tell what it is
_BOXES = re.compile(r"""["<](bbox|bndbox|box2d|bounding_?box(es)?|polygons?|x_?min|xtl|rectangle_?labels|regions)[\s"/>]""", re.IGNORECASE)
_OMITTED = ("captions_", "stuff_", "panoptic_", "image_info_")  # the official set's other tasks
_CORNERS = {"xmin", "ymin", "xmax", "ymax"}
NAME_COLUMNS, LABEL_COLUMNS = ("filename", "file", "image", "image_name", "image_path", "path"), ("class", "label", "class_name", "name")


def files(folder: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Each folder from a source down that holds files, with those that can be opened, three folders deep; nothing hidden, no folder twice."""
    found: dict[Path, list[Path]] = defaultdict(list)
    for path in picture_files.below(folder, DEPTH).usable:
        found[path.parent].append(path)
    yield from sorted(found.items())


def few(found: list[Path], *suffixes: str) -> list[Path]:
    """The first files with one of these suffixes."""
    return [path for path in found if path.suffix.lower() in suffixes][:FEW]


def jsons_of(folder: Path, kind: str) -> list[Path]:
    """The json files of a folder that are of a kind."""
    return sorted(path for _, found in files(folder) for path in found if path.suffix.lower() == ".json" and json_kind(path) == kind)


def json_kind(path: Path) -> str:
    """The format of a json file, by its name in `formats.READERS` or among `tools.NAMES`; empty where it holds no boxes."""
    if path.name.startswith(_OMITTED):
        return ""
    try:
        whole = None if path.stat().st_size > WHOLE else json.loads(text_of(path))
    except (CvappError, OSError, ValueError, RecursionError):
        whole = None
    if whole is None:
        return _damaged_kind(path)
    if isinstance(whole, dict):
        return _object_kind(whole) or tools.of_object(whole) or _unknown(whole)
    if isinstance(whole, list):
        return _list_kind(whole) or tools.of_list(whole) or _unknown(whole)
    return ""


def _damaged_kind(path: Path) -> str:
    """The same, of a json that is very large or damaged, by the lists that it names."""
    try:
        text = text_of(path)
    except CvappError:
        text = start_of(path)
    has = {key for key in ("images", "annotations", "shapes") if re.search(rf'"{key}"\s*:\s*\[', text)}
    if "shapes" in has and ('"imagePath"' in text or '"points"' in text):
        return "labelme"
    if re.search(r'"coordinates"\s*:\s*\{', text) and '"annotation' in text:
        return "createml"
    return "coco" if has & {"images", "annotations"} else ""


def _object_kind(whole: Mapping[str, Any]) -> str:
    images, annotations = whole.get("images"), whole.get("annotations")
    if {"images", "annotations"} <= whole.keys() and (isinstance(images, list) or isinstance(annotations, list)):
        some = annotations[:FEW] if isinstance(annotations, list) else []
        other = [one for one in some if isinstance(one, dict) and ("caption" in one or "segments_info" in one)]
        return "" if other else "coco"
    if isinstance(whole.get("shapes"), list) and whole.keys() & {"imagePath", "imageData", "imageHeight"}:
        return "labelme"
    return "edge_impulse" if isinstance(whole.get("boundingBoxes"), dict) else ""


def _list_kind(whole: list) -> str:
    entries = [one for one in whole[:FEW] if isinstance(one, dict)]
    some = [one.get("annotations", one.get("annotation")) for one in entries]
    boxes = [box for value in some if isinstance(value, list) for box in value]
    if not entries or not all(isinstance(value, list) for value in some) or any(image_of(one) is None for one in entries):
        return ""
    return "createml" if all(isinstance(box, dict) and "coordinates" in box for box in boxes) else ""


def image_of(entry: Mapping[str, Any]) -> str | None:
    """What an entry of CreateML calls its picture."""
    return next((str(entry[key]) for key in ("image", "imagefilename", "imageFilename", "filename") if isinstance(entry.get(key), str)), None)


def _unknown(whole: Any) -> str:
    """Whether a json plainly holds boxes, of a format that nobody knows."""
    return tools.UNKNOWN if _BOXES.search(json.dumps(whole)[: 1 << 20]) else ""


def xml_kind(path: Path) -> str:
    """The format of an xml, as of a json."""
    tag, text = first_tag(path), start_of(path)
    if tag == "annotation":
        return "voc"
    known = next((name for first, inner, name in tools.OF_TAGS if tag == first and f"<{inner}" in text), "")
    return known or (tools.UNKNOWN if tag and _BOXES.search(text) else "")


def csv_kind(path: Path) -> str:
    """The format of a csv, as of a json, by its columns; empty where it holds labels alone."""
    columns, rows = columns_of(start_of(path))
    if _CORNERS <= set(columns) and any(one in columns for one in NAME_COLUMNS) and any(one in columns for one in LABEL_COLUMNS):
        return "tensorflow"
    if known := tools.of_columns(columns):
        return known
    first = rows[0] if rows else []
    if len(first) == 6 and is_picture(Path(first[0])):
        return tools.HEADLESS
    return tools.UNKNOWN if _CORNERS <= set(columns) or {"x1", "y1", "x2", "y2"} <= set(columns) else ""


def columns_of(text: str) -> tuple[list[str], list[list[str]]]:
    """The columns of a csv, folded, and its first rows, the header among them; separated by commas, semicolons or tabs."""
    lines = text.split("\n")[:FEW]
    separator = max(",;\t", key=(lines or [""])[0].count)
    try:
        rows = [[word.strip() for word in row] for row in csv.reader(lines, delimiter=separator) if row]
    except csv.Error:
        rows = []
    return [names.key(word) for word in rows[0]] if rows else [], rows
