"""The box around outlines, turned boxes and masks, beside pycocotools and by hand; and that every reader says that it took it."""

import json
import math

import numpy as np
import pytest

from cvapp.data.formats import outlines, scan
from cvapp.data.formats.reading import OUTLINED
from tests.data.formats.sets import coco_json, lay

POLYGON = [[10, 10, 40, 12, 38, 30, 12, 28.5]]
BOX = (10.0, 10.0, 40.0, 30.0)


@pytest.mark.parametrize("compressed", [False, True])
def test_runs_have_the_box_that_pycocotools_gives_them(compressed, rng):
    mask = pytest.importorskip("pycocotools.mask")
    for _ in range(40):
        height, width = (int(side) for side in rng.integers(1, 40, 2))
        drawn = np.zeros((height, width), np.uint8, order="F")
        for _ in range(int(rng.integers(1, 4))):
            top, left = int(rng.integers(height)), int(rng.integers(width))
            drawn[top : top + int(rng.integers(1, 12)), left : left + int(rng.integers(1, 12))] = 1
        packed = mask.encode(drawn)
        left, top, wide, high = mask.toBbox(packed)
        runs = packed["counts"].decode()
        if not compressed:
            flat = drawn.ravel(order="F")
            changes = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
            runs = np.diff([0, *changes, flat.size]).tolist()
        assert outlines.of_segmentation({"size": [height, width], "counts": runs}) == (left, top, left + wide, top + high)


@pytest.mark.parametrize("value", [POLYGON, POLYGON[0], [POLYGON[0][:6], POLYGON[0][4:]]])
def test_polygons(value):
    left, top, right, bottom = outlines.of_segmentation(value)
    assert (left, top, right, bottom) == BOX


@pytest.mark.parametrize(
    "value",
    [[[1, 2, 3]], [["1", 2]], [[1, [2]]], "x", 5, {"size": [2, 2]}, {"size": 3}]
    + [{"size": [2, 2], "counts": counts} for counts in ([1, 9], [-1, 2], "\x7f", "~", 3)],
)
def test_what_is_no_outline_is_named(value):
    with pytest.raises(ValueError, match="^segmentation is .*, expected polygons"):
        outlines.of_segmentation(value)


def test_a_turned_box_by_hand():
    """4x2 about (10, 20): a quarter of a turn swaps its sides, an eighth gives both half of (4 + 2) / sqrt 2."""
    assert outlines.rotated((8, 19, 12, 21), math.pi / 2) == pytest.approx((9, 18, 11, 22))
    half = 3 / math.sqrt(2)
    assert outlines.rotated((8, 19, 12, 21), -math.pi / 4) == pytest.approx((10 - half, 20 - half, 10 + half, 20 + half))


def yolo(*rows):
    return {"data.yaml": "names: [cat]", "labels/a.txt": "\n".join(rows), "images/a.jpg": ""}


def voc(inner):
    return {"Annotations/a.xml": f"<annotation><object><name>cat</name>{inner}</object></annotation>", "JPEGImages/a.jpg": ""}


def shares(*points):
    return " ".join(f"{x / 64:.9f} {y / 48:.9f}" for x, y in points)


BNDBOX = "<bndbox><xmin>25</xmin><ymin>20</ymin><xmax>28</xmax><ymax>21</ymax></bndbox>"  # 4x2 about (26, 20)
ROTATION = "<attributes><attribute><name>rotation</name><value>{}</value></attribute></attributes>"
ROTATED = "<robndbox><cx>26</cx><cy>20</cy><w>4</w><h>2</h><angle>1.5707963267948966</angle></robndbox>"
POINTS = [(10, 10), (40, 12), (38, 30), (12, 28.5)]
RUNS = {"segmentation": {"size": [48, 64], "counts": [48 * 2 + 5, 10, 38, 10, 2913]}}  # rows 5 to 14 of columns 2 and 3
OUTLINES = {
    "YOLO, a polygon": (yolo("0 " + shares(*POINTS)), BOX),
    "YOLO, a triangle": (yolo("0 " + shares(*POINTS[:3])), (10.0, 10.0, 40.0, 30.0)),
    "YOLO, beyond the frame": (yolo("0 " + shares((-0.4, 1), (20, 1), (20, 9))), (0.0, 1.0, 20.0, 9.0)),
    "COCO, no bbox": ({"all.json": coco_json(["a.jpg"], (0, 1, None, {"segmentation": POLYGON})), "a.jpg": ""}, BOX),
    "COCO, an empty bbox": ({"all.json": coco_json(["a.jpg"], (0, 1, [], {"segmentation": POLYGON})), "a.jpg": ""}, BOX),
    "COCO, a bbox of noughts": ({"all.json": coco_json(["a.jpg"], (0, 1, [0, 0, 0, 0], {"segmentation": POLYGON})), "a.jpg": ""}, BOX),
    "COCO, turned": (
        {"all.json": coco_json(["a.jpg"], (0, 1, [24, 19, 4, 2], {"attributes": {"rotation": 90.0}})), "a.jpg": ""},
        (25.0, 18.0, 27.0, 22.0),
    ),
    "COCO, runs": (
        {"all.json": coco_json(["a.jpg"], (0, 1, None, RUNS)), "a.jpg": ""},
        (2.0, 5.0, 4.0, 15.0),
    ),
    "VOC, roLabelImg": (voc(ROTATED), (25.0, 18.0, 27.0, 22.0)),
    "VOC, CVAT": (voc(BNDBOX + ROTATION.format("90.0")), (25.0, 18.0, 27.0, 22.0)),
    "VOC, LabelMe's old xml": (voc("<polygon>" + "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in POINTS) + "</polygon>"), BOX),
    "LabelMe": ({"a.json": json.dumps({"imagePath": "a.jpg", "shapes": [{"label": "cat", "points": POINTS}]}), "a.jpg": ""}, BOX),
}


@pytest.mark.parametrize("files, box", OUTLINES.values(), ids=list(OUTLINES))
def test_the_box_around_an_outline_is_used_and_said(tmp_path, files, box):
    (photo,) = (found := scan(lay(tmp_path, files))).photos
    assert [one.xyxy for one in photo.boxes] == [pytest.approx(box, abs=1e-5)]
    (line,) = found.mended
    assert line.startswith(f"1 box is {OUTLINED}, in ")


@pytest.mark.parametrize("files", [yolo("0 .5 .5 .25 .25"), voc(BNDBOX), voc(BNDBOX + ROTATION.format("0.0"))])
def test_of_boxes_nothing_is_said(tmp_path, files):
    """The control."""
    assert scan(lay(tmp_path, files)).mended == []


def test_many_outlines_are_one_line(tmp_path):
    rows = ["0 " + shares(*POINTS)] * 2
    files = {"data.yaml": "names: [cat]", **{f"labels/{name}.txt": "\n".join(rows) for name in "ab"}, "images/a.jpg": "", "images/b.jpg": ""}
    assert scan(lay(tmp_path, files)).mended == [f"4 boxes are {OUTLINED}, in 2 annotations, such as labels/a.txt"]


def test_landmarks_are_no_outline_where_data_yaml_tells_of_them(tmp_path):
    files = yolo("0 .5 .5 1 1 .25 .5 .75 1") | {"data.yaml": "names: [cat]\nkpt_shape: [2, 2]"}
    (photo,) = scan(lay(tmp_path, files)).photos
    assert photo.boxes[0].xyxy == (0, 0, 64, 48) and len(photo.boxes[0].points) == 2
