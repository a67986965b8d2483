"""Small detection sets for the tests of the formats: grey pictures, and files as people and tools write them."""

import json
from pathlib import Path

import numpy as np

from cvapp import images
from cvapp.data.boxed import Box, BoxedListing, BoxedPhoto

VOC_OBJECT = """<object><name>{0}</name><difficult>{5}</difficult>
<bndbox><xmin>{1}</xmin><ymin>{2}</ymin><xmax>{3}</xmax><ymax>{4}</ymax></bndbox></object>"""


def picture(path: Path, width: int = 64, height: int = 48) -> Path:
    """A plain picture of this size."""
    images.write(path, np.full((height, width, 3), 90, np.uint8))
    return path


def lay(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Texts and bytes by their names below a folder; a name without any is a picture."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not content:
            picture(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def voc_xml(name: str, *objects: tuple, size: tuple[int, int] = (64, 48)) -> str:
    """An xml of objects (label, xmin, ymin, xmax, ymax)."""
    inner = "\n".join(VOC_OBJECT.format(*one[:5], *(one[5:] or (0,))) for one in objects)
    return f"<annotation><filename>{name}</filename><size><width>{size[0]}</width><height>{size[1]}</height></size>{inner}</annotation>"


def coco_json(names: list[str], *boxes: tuple, labels: tuple[str, ...] = ("cat", "dog")) -> str:
    """A json of pictures 64x48 and of boxes (picture's place, category's id, bbox, further keys)."""
    return json.dumps(
        {
            "images": [{"id": place, "file_name": name, "width": 64, "height": 48} for place, name in enumerate(names)],
            "annotations": [{"image_id": box[0], "category_id": box[1], "bbox": box[2], **dict(*box[3:])} for box in boxes],
            "categories": [{"id": place, "name": label} for place, label in enumerate(labels, 1)],
        }
    )


def random_listing(folder: Path, rng: np.random.Generator, points: int = 0, count: int = 12) -> BoxedListing:
    """Photos of many sizes below `folder`, with boxes of whole and broken coordinates, and names that try a format's patience."""
    photos = []
    for place in range(count):
        name = ("a b {}.jpg", "deep/er/ü{}.png", "1.2.{} 1.jpg", "train/val {}.jpg")[place % 4].format(place)
        width, height = (int(side) for side in rng.integers(9, 200, 2))
        picture(folder / name, width, height)
        boxes = tuple(_random_box(rng, width, height, points) for _ in range(place % 5))
        photos.append(BoxedPhoto(name, boxes, (height, width), (None, "train", "val", "test")[int(rng.integers(4))]))
    return BoxedListing(folder, folder, sorted(photos, key=lambda photo: photo.name), ["b 2", "Zebra: #1", "a,'\"ü", "none of it"])


def _random_box(rng: np.random.Generator, width: int, height: int, points: int) -> Box:
    whole = rng.random() < 0.4
    left, top = (int(rng.integers(side)) if whole else round(rng.random() * (side - 1), 6) for side in (width, height))
    right, bottom = (
        int(rng.integers(low, side) + 1) if whole else round(low + (side - low) * max(rng.random(), 1e-3), 6)
        for low, side in ((int(left) if whole else left, width), (int(top) if whole else top, height))
    )
    marks = tuple((round(float(x), 6), round(float(y), 6)) for x, y in rng.random((points, 2)) * (width, height))
    label = ("b 2", "Zebra: #1", "a,'\"ü")[int(rng.integers(3))]
    return Box(label, (float(left), float(top), float(right), float(bottom)), False, marks)
