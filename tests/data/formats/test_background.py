"""A photo that lost all its boxes to mistakes is left out and named, never learnt as background; an id is the same however it is written."""

import json

import pytest

from cvapp.data.formats import scan
from cvapp.errors import CvappError
from tests.data.formats.sets import coco_json, lay, voc_xml

YAML = "names: [cat]"


def coco(*annotations, **more):
    whole = json.loads(coco_json(["a.jpg", "b.jpg"]))
    whole["annotations"] = [{"category_id": 1, "bbox": [1, 1, 9, 9], **one} for one in ({"image_id": 1}, *annotations)]
    return {"all.json": json.dumps(whole | more), "a.jpg": "", "b.jpg": ""}


def yolo(lines, **more):
    return {"data.yaml": YAML, "a.jpg": "", "b.jpg": "", "a.txt": lines, "b.txt": "0 .5 .5 .5 .5", **more}


def voc(*objects):
    return {"a.xml": voc_xml("a.jpg", *objects), "b.xml": voc_xml("b.jpg", ("cat", 1, 1, 9, 9)), "a.jpg": "", "b.jpg": ""}


def labelme(*shapes):
    good = {"label": "cat", "points": [[1, 1], [9, 9]], "shape_type": "rectangle"}
    files = {name: json.dumps({"imagePath": f"{name[0]}.jpg", "shapes": some}) for name, some in (("a.json", shapes), ("b.json", [good]))}
    return {**files, "a.jpg": "", "b.jpg": ""}


def createml(*boxes):
    rows = [("a.jpg", boxes), ("b.jpg", [(5, 5, 4, 4)])]
    keys = ("x", "y", "width", "height")
    whole = [{"image": name, "annotations": [{"label": "cat", "coordinates": dict(zip(keys, box))} for box in some]} for name, some in rows]
    return {"all.json": json.dumps(whole), "a.jpg": "", "b.jpg": ""}


def table(*rows):
    text = "\n".join(["filename,class,xmin,ymin,xmax,ymax", *(f"a.jpg,{row}" for row in rows), "b.jpg,cat,1,1,9,9"])
    return {"all.csv": text, "a.jpg": "", "b.jpg": ""}


NESTED = voc_xml("a.jpg", ("cat", 5, 5, 4, 9)).replace("<object>", "<objects><object>").replace("</object>", "</object></objects>")
LOST = {
    "COCO, an undeclared class": coco({"image_id": 0, "category_id": 7}),
    "COCO, an undeclared class twice": coco({"image_id": 0, "category_id": 7}, {"image_id": 0, "category_id": None}),
    "COCO, an undeclared class and a box without size": coco({"image_id": 0, "category_id": 7}, {"image_id": 0, "bbox": [1, 1, 0, 9]}),
    "COCO, an id of no picture": coco({"image_id": "img0"}),
    "COCO, no id": coco({}),
    "COCO, an outline without inside": coco({"image_id": 0, "bbox": None, "segmentation": [[1, 1, 9, 1]]}),
    "COCO, outside": coco({"image_id": 0, "bbox": [100, 1, 9, 9]}),
    "YOLO, an undeclared class": yolo("3 .5 .5 .5 .5"),
    "YOLO, undeclared and beyond": yolo("3 .5 .5 .5 .5\n0 5 5 .1 .1"),
    "YOLO, an outline of an undeclared class": yolo("3 .1 .1 .5 .1 .5 .5"),
    "VOC, no size": voc(("cat", 5, 5, 4, 9)),
    "VOC, objects one level down": {**voc(), "a.xml": NESTED},
    "LabelMe, points and lines": labelme({"label": "cat", "points": [[5, 5]], "shape_type": "point"}),
    "LabelMe, a flat rectangle": labelme({"label": "cat", "points": [[5, 5], [9, 5]], "shape_type": "rectangle"}),
    "CreateML, no size": createml((5, 5, 0, 4), (5, 5, -4, 4)),
    "TensorFlow, swapped corners": table("cat,9,9,1,1"),
}


@pytest.mark.parametrize("files", LOST.values(), ids=list(LOST))
def test_a_photo_that_lost_all_its_boxes_is_left_out_and_named(tmp_path, files):
    found = scan(lay(tmp_path, files))
    assert [(photo.name, len(photo.boxes)) for photo in found.photos] == [("b.jpg", 1)]
    assert list(found.stray) == ["a.jpg"] and found.stray["a.jpg"].endswith("mend them, or it would be learnt as background")


def test_a_photo_whose_label_file_is_called_otherwise_is_no_background(tmp_path):
    files = {"data.yaml": YAML, "images/a.jpg": "", "images/b.jpg": "", "labels/b.txt": "0 .5 .5 .5 .5", "labels/zz.txt": "0 .5 .5 .5 .5"}
    found = scan(lay(tmp_path, files))
    assert [photo.name for photo in found.photos] == ["b.jpg"]
    assert found.stray["a.jpg"].startswith("labels/a.txt: is not there, while labels/zz.txt has no picture: it may be its; ")


KEPT = {
    "COCO": coco(),
    "YOLO, an empty label file": yolo("\n"),
    "YOLO, no label file": {name: text for name, text in yolo("x").items() if name != "a.txt"},
    "VOC": voc(),
    "LabelMe": labelme(),
    "CreateML": createml(),
    "TensorFlow": table(",,,,"),
}


@pytest.mark.parametrize("files", KEPT.values(), ids=list(KEPT))
def test_a_photo_that_never_had_any_is_background(tmp_path, files):
    """The control: examples without objects stay."""
    found = scan(lay(tmp_path, files))
    assert [(photo.name, len(photo.boxes)) for photo in found.photos] == [("a.jpg", 0), ("b.jpg", 1)] and found.stray == {}


def test_what_is_left_of_a_photos_boxes_is_used(tmp_path):
    found = scan(lay(tmp_path, coco({"image_id": 0, "category_id": 7}, {"image_id": 0, "category_id": 2})))
    assert [[box.label for box in photo.boxes] for photo in found.photos] == [["dog"], ["cat"]]
    assert found.mended == ["a.jpg: box 1 is of a class that is not declared (category_id 7): left out"]


@pytest.mark.parametrize("image_id", [20, 20.0, "20", "20.0", " 20 ", "20."])
@pytest.mark.parametrize("category_id", [3, 3.0, "3", "3.0"])
def test_ids_are_compared_by_what_they_say(tmp_path, image_id, category_id):
    whole = {"images": [{"id": 20, "file_name": "a.jpg"}], "categories": [{"id": "3", "name": "cat"}]}
    whole["annotations"] = [{"image_id": image_id, "category_id": category_id, "bbox": [1, 1, 9, 9]}]
    (photo,) = scan(lay(tmp_path, {"all.json": json.dumps(whole), "a.jpg": ""})).photos
    assert [box.label for box in photo.boxes] == ["cat"]


@pytest.mark.parametrize("image_id", ["020", 20.5, True, "twenty", [20], None, float("nan")])
def test_other_ids_are_others(tmp_path, image_id):
    """The control."""
    whole = {"images": [{"id": 20, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}], "categories": [{"id": 3, "name": "cat"}]}
    whole["annotations"] = [{"image_id": one, "category_id": 3, "bbox": [1, 1, 9, 9]} for one in (image_id, 1)]
    found = scan(lay(tmp_path, {"all.json": json.dumps(whole), "a.jpg": "", "b.jpg": ""}))
    assert [photo.name for photo in found.photos] == ["b.jpg"] and list(found.stray) == ["a.jpg"]


def test_texts_are_ids_too(tmp_path):
    whole = {"images": [{"id": "a/1", "file_name": "a.jpg"}], "categories": [{"id": "k", "name": "cat"}]}
    whole["annotations"] = [{"image_id": "a/1", "category_id": "k", "bbox": [1, 1, 9, 9]}]
    (photo,) = scan(lay(tmp_path, {"all.json": json.dumps(whole), "a.jpg": ""})).photos
    assert len(photo.boxes) == 1


@pytest.mark.parametrize("same", [1.0, "1", "1.0"])
def test_two_categories_of_one_id_are_refused(tmp_path, same):
    whole = coco(**{"categories": [{"id": 1, "name": "cat"}, {"id": same, "name": "dog"}]})
    with pytest.raises(CvappError, match="categories.1.: its id 1 is that of 'cat' too; mend it"):
        scan(lay(tmp_path, whole))
