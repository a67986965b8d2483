"""COCO: parts from names of files, pictures wherever they lie, and the element named that is wrong."""

import json
import re

import pytest

from cvapp.data.boxed import Box
from cvapp.data.formats import coco
from cvapp.errors import CvappError, Exit
from tests.data.formats.sets import coco_json, lay


def parts(listing):
    return {photo.name: photo.part for photo in listing.photos}


def test_boxes_categories_crowds_and_landmarks(tmp_path):
    marks = {"keypoints": [1, 2, 2, 3.5, 4, 1], "iscrowd": 1}
    text = coco_json(
        ["a.jpg", "b.jpg"], (1, 2, [0, 0, 64, 48]), (0, 1, [1.5, 2, 10, 20], marks), (0, 1, [5, 5, 5, 5], {"keypoints": [0] * 6})
    )
    found = coco.read(lay(tmp_path, {"labels.json": text, "images/a.jpg": "", "images/b.jpg": ""}))
    assert [(photo.name, photo.boxes, photo.size) for photo in found.photos] == [
        ("a.jpg", (Box("cat", (1.5, 2.0, 11.5, 22.0), True, ((1.0, 2.0), (3.5, 4.0))), Box("cat", (5.0, 5.0, 10.0, 10.0))), (48, 64)),
        ("b.jpg", (Box("dog", (0.0, 0.0, 64.0, 48.0)),), (48, 64)),
    ]
    assert (found.labels, found.mended, found.stray, found.folder) == (["cat", "dog"], [], {}, tmp_path / "images")


def test_the_official_layout_reads_each_task_once(tmp_path):
    one = coco_json(["1.jpg"], (0, 1, [1, 1, 5, 5]))
    names = ("instances_train2017", "instances_val2017", "person_keypoints_train2017", "captions_train2017")
    lay(tmp_path, {f"annotations/{name}.json": one for name in names})
    found = coco.read(lay(tmp_path, {"train2017/1.jpg": "", "val2017/1.jpg": "", "test2017/1.jpg": ""}))
    assert parts(found) == {"train2017/1.jpg": "train", "val2017/1.jpg": "val"} and found.stray == {}
    alone = coco.read(tmp_path / "annotations" / "person_keypoints_train2017.json")
    assert parts(alone) == {"train2017/1.jpg": "train"}


def test_jsons_may_lie_beside_the_pictures_of_their_part(tmp_path):
    files = {f"{part}/_annotations.coco.json": coco_json(["1.jpg"]) for part in ("train", "valid", "test")}
    found = coco.read(lay(tmp_path, {**files, **{f"{part}/1.jpg": "" for part in ("train", "valid", "test")}}))
    assert parts(found) == {"train/1.jpg": "train", "valid/1.jpg": "val", "test/1.jpg": "test"}


def test_pictures_that_are_missing_or_may_be_several_are_strays(tmp_path):
    text = coco_json(["gone.jpg", "x/2.jpg", "C:\\y\\3.jpg", "4.jpg", "sub/5.jpg"])
    found = coco.read(lay(tmp_path, {"all.json": text, "y/3.jpg": "", "x/4.jpg": "", "y/4.jpg": "", "x/sub/5.jpg": "", "y/2.jpg": ""}))
    assert parts(found) == {"y/3.jpg": None, "x/sub/5.jpg": None}
    assert found.mended == [
        "a file is found by the last parts of a name alone, y/3.jpg, which all.json calls 'C:\\\\y\\\\3.jpg'",
        "x/4.jpg: is in no annotation: not used",
        "y/2.jpg: is in no annotation: not used",
        "y/4.jpg: is in no annotation: not used",
    ]
    assert found.stray == {
        "images/gone.jpg": "all.json: images[0]: no such file",
        "images/x/2.jpg": "all.json: images[1]: no such file",
        "images/4.jpg": "all.json: images[3]: several pictures may be meant, such as x/4.jpg and y/4.jpg; name its folder too",
    }


def test_bad_boxes_are_told_and_the_good_ones_stay(tmp_path):
    bad = [[0, 0, 0, 5], [5, 5, -3, 5], [1, 1, float("nan"), 5], [64, 0, 5, 5], [60, 40, 20, 20], [-500, 0, 100, 9]]
    boxes = [(0, 1, box) for box in bad] + [(0, 7, [1, 1, 2, 2]), (0, 2, [1, 1, 2, 2]), (99, 1, [1, 1, 2, 2])]
    boxes += [(0, 1, [1, 1, 3, 3], {"keypoints": [1, 1, 2, 0, 0, 0]}), (0, 1, [1, 1, 4, 4], {"keypoints": [1, float("inf"), 2]})]
    found = coco.read(lay(tmp_path, {"all.json": coco_json(["a.jpg"], *boxes), "a.jpg": ""}))
    corners = [(60.0, 40.0, 64.0, 48.0), (1.0, 1.0, 3.0, 3.0), (1.0, 1.0, 4.0, 4.0), (1.0, 1.0, 5.0, 5.0)]
    assert [(box.xyxy, box.points) for box in found.photos[0].boxes] == [(one, ()) for one in corners]
    assert found.mended == [
        "all.json: annotations[8] belongs to no picture (1 with image_id 99)",
        "a.jpg: box 7 is of a class that is not declared (category_id 7): left out",
        "a.jpg: box 9 (cat) has landmarks that are not marked (1 of 2): its landmarks are left out",
        "a.jpg: box 1 (cat) 0..0 x 0..5 has no size, or its corners are swapped: left out",
        "a.jpg: box 2 (cat) 5..2 x 5..10 has no size, or its corners are swapped: left out",
        "a.jpg: box 3 (cat) 1..nan x 1..6 has no size, or its corners are swapped: left out",
        "a.jpg: box 4 (cat) 64..69 x 0..5 lies outside the picture (64x48): left out",
        "a.jpg: box 5 (cat) 60..80 x 40..60 reaches beyond the picture (64x48): clipped",
        "a.jpg: box 6 (cat) -500..-400 x 0..9 lies outside the picture (64x48): left out",
        "a.jpg: box 10 (cat) has landmarks that are not marked (not all are numbers): its landmarks are left out",
    ]


@pytest.mark.parametrize(
    "bbox, extra, reason",
    [
        (None, {}, "bbox is None, not a list of numbers"),
        ([1, 2, 3], {}, r"bbox has 3 numbers, expected \[left, top, width, height\]"),
        (["1", 2, 3, 4], {}, r"bbox is \['1', 2, 3, 4\], not a list of numbers"),
        ([10**400, 2, 3, 4], {}, "bbox is .1000.*, not a list of numbers"),
        ([1, 2, 3, 4], {"keypoints": [1, 2]}, "keypoints has 2 numbers, expected x, y, v for each"),
    ],
)
def test_a_damaged_annotation_makes_its_picture_a_stray(tmp_path, bbox, extra, reason):
    text = coco_json(["a.jpg", "b.jpg"], (1, 1, [1, 1, 5, 5]), (0, 1, bbox, extra))
    found = coco.read(lay(tmp_path, {"all.json": text, "a.jpg": "", "b.jpg": ""}))
    assert parts(found) == {"b.jpg": None} and list(found.stray) == ["a.jpg"]
    assert re.fullmatch(rf"all.json: images\[0\]: annotations\[1\]: {reason}", found.stray["a.jpg"])


@pytest.mark.parametrize(
    "text, line",
    [
        (coco_json(["a.jpg"])[:-9], "all.json: a damaged json .*; copy it again"),
        ('{"images": ' + "[" * 100_000, "all.json: a damaged json"),
        (
            '{"images": [3], "annotations": [], "categories": []}',
            "not COCO; expected an object with the lists images, .*, and images is none",
        ),
        ('{"images": [], "annotations": {}, "categories": []}', "and annotations is none"),
        (b'{"images": ["\xff"]}', "all.json: not UTF-8 text"),
        (coco_json([]), "none of its 0 pictures can be used"),
        (coco_json(["gone.jpg"]), "none of its 1 pictures can be used, such as images/gone.jpg: all.json: images.0.: no such file"),
    ],
)
def test_a_damaged_json_is_an_error(tmp_path, text, line):
    with pytest.raises(CvappError, match=line) as caught:
        coco.read(lay(tmp_path, {"all.json": text}))
    assert caught.value.code == Exit.BAD_DATA


def test_one_id_for_two_images_and_one_picture_in_two_jsons_are_told(tmp_path):
    whole = json.loads(coco_json(["a.jpg", "b.jpg"], (0, 1, [1, 1, 5, 5])))
    whole["images"][1]["id"] = 0
    found = coco.read(lay(tmp_path, {"1.json": json.dumps(whole), "a.jpg": "", "b.jpg": "", "c.jpg": "", "3.json": coco_json(["c.jpg"])}))
    assert found.stray == {
        "a.jpg": "1.json: images[0]: its id 0 is that of images[1] too",
        "b.jpg": "1.json: images[1]: its id 0 is that of images[0] too",
    }
    (tmp_path / "3.json").unlink()
    lay(tmp_path, {"1.json": coco_json(["a.jpg", "b.jpg"], (0, 1, [1, 1, 5, 5]))})
    found = coco.read(lay(tmp_path, {"2.json": coco_json(["c.jpg", "a.jpg"])}))
    assert found.stray["a.jpg"] == "annotated twice, in 1.json and in 2.json; keep the one that is right"


def test_a_picture_that_is_told_of_twice_once_in_vain_is_not_used(tmp_path):
    whole = json.loads(coco_json(["a.jpg", "b.jpg"], (1, 1, [1, 1, 5, 5])))
    whole["images"].append({"file_name": "a.jpg"})
    found = coco.read(lay(tmp_path, {"1.json": json.dumps(whole), "a.jpg": "", "b.jpg": ""}))
    assert parts(found) == {"b.jpg": None}
    assert found.stray == {"a.jpg": "1.json: images[2]: it has no id, so its annotations cannot be known"}


def test_a_json_named_instances_hides_no_other(tmp_path):
    names = ("instances_train", "val", "person_keypoints_test")
    files = {f"annotations/{name}.json": coco_json([f"{place}.jpg"]) for place, name in enumerate(names)}
    files["annotations/person_keypoints_train2017.json"] = coco_json(["0.jpg"])
    found = coco.read(lay(tmp_path, {**files, **{f"images/{place}.jpg": "" for place in range(3)}}))
    assert parts(found) == {"0.jpg": "train", "1.jpg": "val", "2.jpg": "test"} and found.stray == {} and found.mended == []


def test_a_category_without_id_is_nobodys(tmp_path):
    whole = json.loads(coco_json(["a.jpg", "b.jpg"], (0, None, [1, 1, 9, 9]), (1, 1, [1, 1, 9, 9])))
    del whole["annotations"][0]["category_id"]
    whole["categories"] = [{"id": None, "name": "ghost"}, {"name": "nameless"}, {"id": 1, "name": "cat"}]
    found = coco.read(lay(tmp_path, {"all.json": json.dumps(whole), "a.jpg": "", "b.jpg": ""}))
    assert [[box.label for box in photo.boxes] for photo in found.photos] == [["cat"]] and found.labels == ["cat"]
    assert "of a class that is not declared (category_id None)" in found.stray["a.jpg"]


def test_the_part_may_be_that_of_a_folder_further_up(tmp_path):
    files = {f"{part}/annotations/a.json": coco_json(["1.jpg"]) for part in ("train", "val")}
    found = coco.read(lay(tmp_path, {**files, **{f"{part}/images/1.jpg": "" for part in ("train", "val")}}))
    assert parts(found) == {"train/images/1.jpg": "train", "val/images/1.jpg": "val"}
