"""Generated scenes of several signs put on disk, with the box and the corners of each, as a detection data set."""

import json
from pathlib import Path
from typing import Sequence

import cv2
import numpy as np

from cvapp import images
from cvapp.data.boxed import Box, BoxedListing, BoxedPhoto
from cvapp.data.formats import coco
from cvapp.errors import CvappError
from cvapp.files import check_writable
from cvapp.progress import Report, each, silent
from cvapp.signs import SIGNS, crowds

LOST, DIFFICULT = 0.6, 0.4  # a sign hidden more than this is no object; one hidden more than this is a difficult one
PARTS = ("train", "train", "train", "val", "test")  # in turn: 60, 20 and 20 of a hundred, and a scene's part does not depend on the count


def boxes_of(signs: Sequence[crowds.Sign], size: tuple[int, int]) -> tuple[Box, ...]:
    """The objects in a scene of a size (height, width): the box of what lies inside the frame of a sign's plate, whatever stands before it.

    The landmarks are the corners of the square that the sign is drawn in: top left, top right, bottom right, bottom left as it is read,
    outside the frame where they are. Signs that are hidden more than 60% are left out; those hidden more than 40% are difficult.
    """
    height, width = size
    frame = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    boxes = []
    for sign in signs:
        if sign.hidden <= LOST:
            _, seen = cv2.intersectConvexConvex(crowds.outline(sign.label, sign.corners), frame)
            left, top, right, bottom = (float(edge) for edge in (*seen.min((0, 1)), *seen.max((0, 1))))
            boxes.append(Box(sign.label, (left, top, right, bottom), sign.hidden > DIFFICULT, sign.corners))
    return tuple(boxes)


def write_scenes(out: str | Path, count: int, seed: int, report: Report = silent) -> BoxedListing:
    """Write `count` scenes as `out/images/00001.jpg` ... and what they show as COCO's `out/annotations/instances_train.json`, val and test."""
    if count < len(PARTS):
        raise CvappError(f"--count {count}: give how many scenes, at least {len(PARTS)}: three to train, one to validate, one to test")
    _check_own(Path(out))
    check_writable(out)
    folder = Path(out) / "images"
    photos = [_write_one(folder, seed, index) for index in each(range(count), "drawing scenes", report)]
    listing = BoxedListing(Path(out), folder, photos, list(SIGNS), format="coco")
    coco.write(listing, Path(out))
    return listing


def _check_own(out: Path) -> None:
    """Refuse a folder that holds photos or annotations other than scenes that were drawn there before (exit 2)."""
    drawn = out / "annotations" / "instances_train.json"
    try:
        own = [kind["name"] for kind in json.loads(drawn.read_bytes())["categories"]] == list(SIGNS)
    except (OSError, ValueError, KeyError, TypeError):
        own = False
    if not own and any(place.is_dir() and any(place.iterdir()) for place in (out / "images", drawn.parent)):
        raise CvappError(f"--scenes {out}: holds other photos or annotations; give a new folder")


def _write_one(folder: Path, seed: int, index: int) -> BoxedPhoto:
    rgb, signs = crowds.scene(seed, index)
    name, size = f"{index + 1:05d}.jpg", (rgb.shape[0], rgb.shape[1])
    images.write(folder / name, rgb, quality=90)
    return BoxedPhoto(name, boxes_of(signs, size), size, PARTS[index % len(PARTS)])
