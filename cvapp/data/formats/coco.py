"""COCO: one json of images, annotations and categories for a part.

`annotations/instances_train2017.json`, `train.json`, `train/_annotations.coco.json` or any other json, its pictures anywhere below; the part is
the word in the file's name, else in its folder's. A `bbox` is [left, top, width, height] in pixels from the corner (cocodataset.org, data
format); where there is none, the box around its `segmentation` is taken, and that around a box turned by CVAT's attribute `rotation`. `iscrowd`
is our `difficult`, `keypoints` [x, y, v, ...] are our points. An id is the same as a number and as text.
"""

import json
import math
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Sequence

from cvapp.data.boxed import Box, BoxedListing, Corners
from cvapp.data.formats import outlines
from cvapp.data.formats.evidence import jsons_of
from cvapp.data.formats.matching import Files, Found, printable
from cvapp.data.formats.pictures import below, part_in, part_of_file, part_searched
from cvapp.data.formats.reading import LOST, STRANGER, UNDECLARED, UNMARKED, Draft, Told, listing, sides_of
from cvapp.data.formats.texts import json_of
from cvapp.data.formats.writing import check_names, number, parted, size_of
from cvapp.data.labels import label_of
from cvapp.errors import CvappError, Exit
from cvapp.files import write_text
from cvapp.picture_files import PICTURES
from cvapp.progress import Report, silent

PHOTOS = "images"
_LISTS = ("images", "annotations", "categories")
_TASK, _SECOND = "instances", "person_keypoints"  # the official set tells of people twice: the first is read where both are there
_NUMBER = re.compile(r"(0|-?[1-9]\d{0,17})(\.0*)?")


class _Source(NamedTuple):
    """One json: its name for people, its part, its three lists."""

    name: str
    part: str | None
    images: list[dict]
    annotations: list[dict]
    labels: dict[Any, str]


def read(path: str | Path, report: Report = silent) -> BoxedListing:
    """List a COCO json, or all those of a folder.

    Raises:
        CvappError: a damaged json, or nothing that can be used (exit 3).
    """
    source = Path(path)
    root = source if source.is_dir() else source.parent.parent if source.parent.name.lower() == "annotations" else source.parent
    there = below(root, PICTURES)
    sources = [_load(file, root) for file in (jsons(source) if source.is_dir() else [source])]
    files = [root / one.name for one in sources]
    asked = [
        (file.parent, str(image.get("file_name") or ""), part_searched(file, root)) for file, one in zip(files, sources) for image in one.images
    ]
    found = iter(Files(root, there).find_from(asked))
    drafts: list[Draft] = []
    stray: dict[Path, str] = {}
    notes: list[str] = []
    for one in sources:
        drafts += _drafts(one, [next(found) for _ in one.images], root, stray, notes)
    told = {draft.picture for draft in drafts} | set(stray)
    unlisted = tuple(picture for picture in there if picture not in told) if source.is_dir() else ()
    labels = list(dict.fromkeys(label for one in sources for label in one.labels.values()))
    return listing(Told(source, root, "coco", drafts, labels, stray, tuple(notes), unlisted), report)


def jsons(folder: Path) -> list[Path]:
    """The json files of a folder that hold COCO's boxes; `person_keypoints` only where there are no `instances` of the same part."""
    found = jsons_of(folder, "coco")
    first = {_of_what(path, _TASK) for path in found if path.name.startswith(_TASK)}
    return [path for path in found if not (path.name.startswith(_SECOND) and _of_what(path, _SECOND) in first)]


def _of_what(path: Path, task: str) -> str:
    """The part, or whatever else, that a file of the official set tells of."""
    return part_in(path.stem) or path.stem.removeprefix(task)


def _drafts(one: _Source, found: Sequence[Found], root: Path, stray: dict[Path, str], notes: list[str]) -> list[Draft]:
    """The pictures of one json; those that cannot be used are added to `stray`, annotations of no picture to `notes`."""
    by_image: dict[Any, list[tuple[int, dict]]] = defaultdict(list)
    for place, annotation in enumerate(one.annotations):
        by_image[_id(annotation.get("image_id"))].append((place, annotation))
    bearers: dict[Any, list[int]] = defaultdict(list)
    for place, image in enumerate(one.images):
        bearers[_id(image.get("id"))].append(place)
    strangers = {key: same for key, same in by_image.items() if key is None or key not in bearers}
    notes += [f"{one.name}: annotations[{same[0][0]}] {STRANGER} ({len(same)} with image_id {key})" for key, same in strangers.items()]
    drafts = []
    for place, (image, picture) in enumerate(zip(one.images, found)):
        key, called = _id(image.get("id")), str(image.get("file_name") or "")
        path = picture.path or root / PHOTOS / (printable(called).lstrip("/") or f"{one.name} images[{place}]")
        others = [other for other in bearers[key] if other != place]
        try:
            if not picture.path:
                raise ValueError(picture.wrong)
            if key is None:
                raise ValueError("it has no id, so its annotations cannot be known")
            if others:
                raise ValueError(f"its id {key} is that of images[{others[0]}] too")
            draft = _draft(image, by_image.get(key, []), path, one)
            if strangers and not draft.boxes and not draft.lost:
                count = sum(map(len, strangers.values()))
                raise ValueError(f"it has no annotation, and {count} belong to no picture, which may be its; {LOST}")
            drafts.append(replace(draft, called=called) if picture.loosely else draft)
        except ValueError as error:
            stray[path] = f"{one.name}: images[{place}]: {error}"
    return drafts


def _load(path: Path, root: Path) -> _Source:
    """One json, its lists checked; exit 3 where it is damaged."""
    whole = json_of(path)
    lists = [whole.get(key) if isinstance(whole, dict) else None for key in _LISTS]
    for key, values in zip(_LISTS, lists):
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise CvappError(f"{path}: not COCO; expected an object with the lists {', '.join(_LISTS)}, and {key} is none", Exit.BAD_DATA)
    images, annotations, categories = (values or [] for values in lists)
    known: dict[Any, str] = {}
    for place, one in enumerate(categories):
        key, name = _id(one.get("id")), str(one.get("name") or "").strip() or str(one.get("id"))
        try:
            label = label_of(name)
            if known.get(key, label) != label:
                raise ValueError(f"its id {key} is that of {known[key]!r} too")
        except ValueError as error:
            raise CvappError(f"{path}: categories[{place}]: {error}; mend it", Exit.BAD_DATA) from error
        if key is not None:
            known[key] = label
    labels = {key: known[key] for key in sorted(known, key=lambda key: (not isinstance(key, int), key if isinstance(key, int) else 0))}
    return _Source(path.relative_to(root).as_posix(), part_of_file(path, root), images, annotations, labels)


def _id(value: Any) -> Any:
    """An id to look up by: 20, 20.0 and "20" are one; None where there is none; whatever else json holds, even a list, is its text."""
    if value is None or value != value:
        return None
    text = str(value).strip()
    found = _NUMBER.fullmatch(text)
    return int(found[1]) if found and not isinstance(value, bool) else text


def _draft(image: Mapping, found: Sequence[tuple[int, dict]], picture: Path, source: _Source) -> Draft:
    boxes, notes, around, lost = {}, [], 0, 0
    for place, (index, annotation) in enumerate(found, 1):
        where = f"annotations[{index}]"
        label = source.labels.get(_id(annotation.get("category_id")))
        corners, outlined = _corners(annotation, where)
        points, wrong = _points(annotation.get("keypoints") or [], where)
        if wrong:
            notes.append(f"box {place} ({label}) {UNMARKED} ({wrong}): its landmarks are left out")
        if label is None:
            lost += 1
            notes.append(f"box {place} {UNDECLARED} (category_id {annotation.get('category_id')}): left out")
        else:
            around += outlined
            boxes[place] = Box(label, corners, _id(annotation.get("iscrowd")) in (1, "True"), points)
    said = sides_of(image.get("height"), image.get("width"))
    return Draft(picture, source.name, boxes, said, source.part, notes=tuple(notes), lost=lost, outlines=around)


def _corners(annotation: Mapping, where: str) -> tuple[Corners, bool]:
    """The edges of an annotation's box, and whether they are those around an outline or a turned box."""
    bbox, outline = annotation.get("bbox"), annotation.get("segmentation")
    if outline and (not bbox or bbox == [0, 0, 0, 0]):
        try:
            return outlines.of_segmentation(outline), True
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
    numbers = _numbers(bbox, where, "bbox")
    if len(numbers) != 4:
        raise ValueError(f"{where}: bbox has {len(numbers)} numbers, expected [left, top, width, height]")
    left, top, width, height = numbers
    edges = left, top, left + width, top + height
    attributes = annotation.get("attributes")
    degrees = attributes.get("rotation") if isinstance(attributes, dict) else None
    turned = isinstance(degrees, (int, float)) and math.isfinite(degrees) and degrees % 360
    return (outlines.rotated(edges, math.radians(float(degrees or 0))), True) if turned else (edges, False)


def _points(values: Any, where: str) -> tuple[tuple[tuple[float, float], ...], str]:
    """Landmarks from [x, y, v, ...]; none where some are not marked (v is 0), since their order would be lost; how many, in words."""
    numbers = _numbers(values, where, "keypoints")
    if len(numbers) % 3:
        raise ValueError(f"{where}: keypoints has {len(numbers)} numbers, expected x, y, v for each")
    marked = [(x, y) for x, y, visible in zip(numbers[::3], numbers[1::3], numbers[2::3]) if visible]
    missing = len(numbers) // 3 - len(marked)
    return ((), f"{missing} of {len(numbers) // 3}" if marked else "") if missing else (tuple(marked), "")


def _numbers(values: Any, where: str, key: str) -> list[float]:
    try:
        if not isinstance(values, list) or any(isinstance(value, (str, bool)) for value in values):
            raise TypeError
        return [float(value) for value in values]
    except (TypeError, OverflowError):
        raise ValueError(f"{where}: {key} is {str(values)[:80]}, not a list of numbers") from None


def write(listing: BoxedListing, folder: Path) -> list[str]:
    """Write one json for each part below a folder, without the photos.

    Returns:
        what COCO cannot hold, a line each: nothing.
    """
    check_names(listing)
    numbers = {photo.name: place for place, photo in enumerate(listing.photos, 1)}
    most = {label: 0 for label in listing.labels}
    for box in (box for photo in listing.photos for box in photo.boxes):
        most[box.label] = max(most[box.label], len(box.points))
    categories = [
        {"id": place, "name": label, **({"keypoints": [f"point {one + 1}" for one in range(most[label])]} if most[label] else {})}
        for place, label in enumerate(listing.labels, 1)
    ]
    ids = {label: place for place, label in enumerate(listing.labels, 1)}
    rest = [photo for photo in listing.photos if not photo.part]
    for name, photos in {
        **{f"instances_{part}": some for part, some in parted(listing).items()},
        **({"instances": rest} if rest else {}),
    }.items():
        sizes = [size_of(listing, photo) for photo in photos]
        entries = [
            {"id": numbers[photo.name], "file_name": photo.name, "width": size[1], "height": size[0]} for photo, size in zip(photos, sizes)
        ]
        pairs = [(photo, box) for photo in photos for box in photo.boxes]
        annotations = [
            {"id": place, "image_id": numbers[photo.name], "category_id": ids[box.label], **_entry(box)}
            for place, (photo, box) in enumerate(pairs, 1)
        ]
        whole = dict(zip(_LISTS, (entries, annotations, categories)))
        write_text(folder / "annotations" / f"{name}.json", json.dumps(whole, ensure_ascii=False))
    return []


def _entry(box: Box) -> dict[str, Any]:
    left, top, right, bottom = box.xyxy
    width, height = number(right - left), number(bottom - top)
    marks = [mark for x, y in box.points for mark in (number(x), number(y), 2)]
    points = {"keypoints": marks, "num_keypoints": len(box.points)} if marks else {}
    return {"bbox": [number(left), number(top), width, height], "area": number(width * height), "iscrowd": int(box.difficult), **points}
