"""COCO: one json of images, annotations and categories for a part.

`annotations/instances_train2017.json`, `train.json`, `train/_annotations.coco.json` or any other json, its pictures anywhere below; the part is
the word in the file's name, else in its folder's. A `bbox` is [left, top, width, height] in pixels from the corner (cocodataset.org, data
format); `iscrowd` is our `difficult`, `keypoints` [x, y, v, ...] are our points.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Sequence

from cvapp.data.boxed import Box, BoxedListing
from cvapp.data.formats.pictures import PICTURES, Pictures, below, head, label_of, part_in, text_of
from cvapp.data.formats.reading import STRANGER, UNDECLARED, UNMARKED, Draft, Told, listing
from cvapp.data.formats.writing import number, parted, size_of
from cvapp.errors import CvappError, Exit
from cvapp.files import write_text
from cvapp.progress import Report, silent

PHOTOS = "images"
_LISTS = ("images", "annotations", "categories")
_TASKS = ("instances", "person_keypoints")  # the official set says everything several times: the first task that is there is read
_NO_BOXES = ("captions_", "stuff_", "panoptic_", "image_info_")


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
    pictures = Pictures(root, below(root, PICTURES))
    drafts: list[Draft] = []
    stray: dict[Path, str] = {}
    labels: list[str] = []
    notes: list[str] = []
    for file in jsons(source) if source.is_dir() else [source]:
        one = _load(file, root)
        labels += one.labels.values()
        by_image: dict[Any, list[tuple[int, dict]]] = defaultdict(list)
        for place, annotation in enumerate(one.annotations):
            by_image[_id(annotation.get("image_id"))].append((place, annotation))
        taken: set[Any] = set()
        for place, image in enumerate(one.images):
            key = _id(image.get("id"))
            found = by_image.pop(key, [])
            picture = root / PHOTOS / (str(image.get("file_name") or "").lstrip("/") or f"{one.name} images[{place}]")
            try:
                picture = pictures.find(str(image.get("file_name") or ""), one.part)
                if key in taken:
                    raise ValueError(f"its id {key} is another image's too")
                taken.add(key)
                drafts.append(_draft(image, found, picture, one))
            except ValueError as error:
                stray[picture] = f"{one.name}: images[{place}]: {error}"
        notes += [f"{one.name}: annotations[{same[0][0]}] {STRANGER} ({len(same)} with image_id {key})" for key, same in by_image.items()]
    return listing(Told(source, root, "coco", drafts, list(dict.fromkeys(labels)), stray, tuple(notes)), report)


def jsons(folder: Path) -> list[Path]:
    """The json files of a folder that may hold boxes: in it, or one folder down."""
    found = sorted(
        path for pattern in ("*.json", "*/*.json") for path in folder.glob(pattern) if not path.name.startswith((".", *_NO_BOXES))
    )
    found = [path for path in found if looks_like(path)]
    tasks = [[path for path in found if path.name.startswith(task)] for task in _TASKS]
    return next(filter(None, tasks), found)


def looks_like(path: Path) -> bool:
    """Whether a json file begins as COCO's do; not all of it is read."""
    start = head(path, 1 << 16)
    return start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and any(f'"{key}"'.encode() in start for key in _LISTS)


def _load(path: Path, root: Path) -> _Source:
    """One json, its lists checked; exit 3 where it is damaged."""
    try:
        whole = json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise CvappError(f"{path}: a damaged json ({error}); copy it again", Exit.BAD_DATA) from error
    lists = [whole.get(key) if isinstance(whole, dict) else None for key in _LISTS]
    for key, values in zip(_LISTS, lists):
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise CvappError(f"{path}: not COCO; expected an object with the lists {', '.join(_LISTS)}, and {key} is none", Exit.BAD_DATA)
    images, annotations, categories = (values or [] for values in lists)
    known = {_id(one.get("id")): label_of(str(one.get("name") or "")) or str(one.get("id")) for one in categories}
    labels = {key: known[key] for key in sorted(known, key=lambda key: (not isinstance(key, int), key if isinstance(key, int) else 0))}
    part = part_in(path.stem) or (part_in(path.parent.name) if path.parent != root else None)
    return _Source(path.relative_to(root).as_posix(), part, images, annotations, labels)


def _id(value: Any) -> Any:
    """An id to look up by: whatever json holds, even a list where a number belongs."""
    return value if isinstance(value, (int, str)) else repr(value)


def _draft(image: Mapping, found: Sequence[tuple[int, dict]], picture: Path, source: _Source) -> Draft:
    boxes, notes = {}, []
    for place, (index, annotation) in enumerate(found, 1):
        where = f"annotations[{index}]"
        label = source.labels.get(_id(annotation.get("category_id")))
        box = _box(annotation, label or "?", where)
        points, wrong = _points(annotation.get("keypoints") or [], where)
        if wrong:
            notes.append(f"box {place} ({label}) {UNMARKED} ({wrong}): its landmarks are left out")
        if label is None:
            notes.append(f"box {place} {UNDECLARED} (category_id {annotation.get('category_id')}): left out")
        else:
            boxes[place] = box._replace(points=points)
    sides = image.get("height"), image.get("width")
    said = (sides[0], sides[1]) if all(isinstance(side, int) and side > 0 for side in sides) else None
    return Draft(picture, source.name, boxes, said, source.part, notes=tuple(notes))


def _box(annotation: Mapping, label: str, where: str) -> Box:
    numbers = _numbers(annotation.get("bbox"), where, "bbox")
    if len(numbers) != 4:
        raise ValueError(f"{where}: bbox has {len(numbers)} numbers, expected [left, top, width, height]")
    left, top, width, height = numbers
    return Box(label, (left, top, left + width, top + height), bool(annotation.get("iscrowd")))


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
