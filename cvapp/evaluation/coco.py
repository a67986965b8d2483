"""COCO's twelve figures, reckoned by COCO's own code."""

import contextlib
import io
from types import ModuleType
from typing import Any, Sequence

import numpy as np

from cvapp.boxes import Boxes, to_xywh
from cvapp.errors import missing_extra
from cvapp.evaluation.matching import Truth, check

# in the order in which pycocotools gives them
NAMES = "ap ap50 ap75 ap_small ap_medium ap_large ar_1 ar_10 ar_100 ar_small ar_medium ar_large".split()


def _pycocotools() -> tuple[ModuleType, ModuleType]:
    """Its modules, loaded when they are needed."""
    try:
        from pycocotools import coco, cocoeval
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "pycocotools", "train") from error
    return coco, cocoeval


def coco_summary(found: Sequence[Boxes], truths: Sequence[Truth], labels: Sequence[str]) -> dict[str, float | None]:
    """COCO's twelve figures (cocodataset.org/#detection-eval), 0..1; None for one that has no object to be reckoned from.

    `ap` is the mean over the classes and over the IoU thresholds 0.5, 0.55 ... 0.95; `ar_10` the mean recall of the ten best boxes of a picture
    and class. Difficult objects count as COCO's crowds: a box that lies on one is neither right nor wrong.

    Raises:
        CvappError: pycocotools is not installed, or pictures and classes do not fit together (exit 3).
    """
    check(found, truths, len(labels))
    coco, cocoeval = _pycocotools()
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
        true, answered = (_data_set(coco, rows, len(found), labels) for rows in (_true_rows(truths), _found_rows(found)))
        evaluation = cocoeval.COCOeval(true, answered, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: None if value < 0 else float(value) for name, value in zip(NAMES, evaluation.stats, strict=True)}


def _data_set(coco: ModuleType, rows: list[dict[str, Any]], photos: int, labels: Sequence[str]) -> Any:
    """Rows as COCO's annotations; they are counted from 1, since pycocotools takes 0 for no match."""
    data = coco.COCO()
    data.dataset = {
        "images": [{"id": photo} for photo in range(photos)],
        "categories": [{"id": place, "name": label} for place, label in enumerate(labels)],
        "annotations": [{"id": number, **row} for number, row in enumerate(rows, 1)],
    }
    data.createIndex()
    return data


def _true_rows(truths: Sequence[Truth]) -> list[dict[str, Any]]:
    return [
        {**row, "iscrowd": int(difficult)}
        for photo, truth in enumerate(truths)
        for row, difficult in zip(_rows(photo, truth.xyxy, truth.classes), truth.difficult)
    ]


def _found_rows(found: Sequence[Boxes]) -> list[dict[str, Any]]:
    return [
        {**row, "score": float(score)}
        for photo, one in enumerate(found)
        for row, score in zip(_rows(photo, one.xyxy, one.classes), one.scores)
    ]


def _rows(photo: int, xyxy: np.ndarray, classes: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"image_id": photo, "category_id": int(label), "bbox": box.tolist(), "area": float(box[2] * box[3])}
        for box, label in zip(to_xywh(xyxy).astype(np.float64), classes)
    ]
