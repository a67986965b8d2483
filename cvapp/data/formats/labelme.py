"""LabelMe: a json for each picture, with shapes of points in pixels; X-AnyLabeling and AnyLabeling write the same.

Of a rectangle the box is taken, of a polygon, a circle, a turned rectangle or a mask the box around it; points and lines have no inside and are
left out. https://github.com/wkentaro/labelme.
"""

import math
from pathlib import Path
from typing import Any, Mapping

from cvapp.data.boxed import Box, BoxedListing, Corners
from cvapp.data.formats import outlines
from cvapp.data.formats.matching import Files, Found
from cvapp.data.formats.pictures import below, part_of_path, relative
from cvapp.data.formats.reading import UNSHAPED, Draft, Told, listing, sides_of
from cvapp.data.formats.texts import json_of
from cvapp.data.labels import label_of
from cvapp.errors import CvappError
from cvapp.picture_files import PICTURES
from cvapp.progress import Report, silent

_LINES = ("point", "points", "line", "linestrip")


def read(folder: str | Path, report: Report = silent) -> BoxedListing:
    """List a folder of pictures and LabelMe's jsons, or one json.

    Raises:
        CvappError: nothing in it that can be used (exit 3).
    """
    source = Path(folder)
    root = source if source.is_dir() else source.parent
    there = below(root, PICTURES)
    stray: dict[Path, str] = {}
    wholes: dict[Path, Mapping] = {}
    for path in below(root, {".json"}) if source.is_dir() else [source]:
        try:
            whole = json_of(path)
            if isinstance(whole, dict) and isinstance(whole.get("shapes"), list):
                wholes[path] = whole
        except CvappError as error:
            stray[_beside(path, there)] = f"{relative(path, root)}: {str(error).split(': ', 1)[-1]}"
    drafts = []
    for (path, whole), one in zip(wholes.items(), _pictures(wholes, Files(root, there), there)):
        picture = one.path or _beside(path, there)
        called = str(whole.get("imagePath") or path.stem) if one.loosely else ""
        try:
            drafts.append(_draft(whole, picture, relative(path, root), part_of_path(path.relative_to(root)), called))
        except ValueError as error:
            stray[picture] = f"{relative(path, root)}: {error}"
    used = {draft.picture for draft in drafts} | set(stray)
    left = [path for path in there if path not in used]
    if source.is_dir():
        stray |= dict.fromkeys(left, "has no json; give it one, without shapes where it shows none")
    return listing(Told(source, root, "labelme", drafts, [], stray), report)


def _beside(path: Path, there: list[Path]) -> Path:
    """The picture of a json's name beside it, or where it would be."""
    return next((picture for picture in there if picture.parent == path.parent and picture.stem == path.stem), path.with_suffix(".jpg"))


def _pictures(wholes: Mapping[Path, Mapping], files: Files, there: list[Path]) -> list[Found]:
    """The picture of each json: the one that it names, seen from its own folder; else the one beside it; else the one that its name means."""
    known, asked = set(there), []
    for path, whole in wholes.items():
        said, beside = str(whole.get("imagePath") or ""), _beside(path, there)
        named = path.parent / said.replace("\\", "/")
        asked.append((path.parent, beside.name if beside in known and named not in known else said, part_of_path(path.relative_to(files.root))))
    return files.find_from(asked)


def _draft(whole: Mapping, picture: Path, origin: str, part: str | None, called: str) -> Draft:
    boxes, notes, around = {}, [], 0
    for place, shape in enumerate(whole["shapes"], 1):
        where = f"shape {place}"
        if not isinstance(shape, dict):
            raise ValueError(f"{where} is {str(shape)[:80]}, not an object")
        kind = str(shape.get("shape_type") or "polygon")
        try:
            label = label_of(str(shape.get("label") or ""))
            corners = _corners(kind, outlines.pairs(_flat(shape.get("points"))))
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        if kind in _LINES:
            notes.append(f"box {place} ({label}) {UNSHAPED} ({kind}): left out")
            continue
        boxes[place] = Box(label, corners)
        around += kind != "rectangle" or len(shape["points"]) > 2
    said = sides_of(whole.get("imageHeight"), whole.get("imageWidth"))
    return Draft(picture, origin, boxes, said, part, notes=tuple(notes), lost=len(notes), outlines=around, called=called)


def _flat(points: Any) -> list[float]:
    """The numbers of [[x, y], ...]."""
    pairs: list = points if isinstance(points, list) else [None]
    if not all(isinstance(pair, list) and len(pair) == 2 and all(type(value) in (int, float) for value in pair) for pair in pairs):
        raise ValueError(f"points is {str(points)[:80]}, expected [[x, y], ...]")
    try:
        return [float(value) for pair in pairs for value in pair]
    except OverflowError:
        raise ValueError(f"points is {str(points)[:80]}, expected [[x, y], ...]") from None


def _corners(kind: str, points: list[tuple[float, float]]) -> Corners:
    if kind == "circle" and len(points) == 2:
        (x, y), (edge_x, edge_y) = points
        radius = math.hypot(edge_x - x, edge_y - y)
        return x - radius, y - radius, x + radius, y + radius
    return outlines.around(points)
