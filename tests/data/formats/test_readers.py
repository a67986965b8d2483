"""LabelMe, CreateML, TensorFlow's CSV and Edge Impulse: what each says by hand, from each into what is written, and what is damaged named."""

import json

import pytest

from cvapp.data.boxed import Box
from cvapp.data.formats import FORMATS, is_boxed, scan
from cvapp.data.formats.converting import convert
from cvapp.errors import CvappError, Exit
from tests.data.formats.sets import lay

CAT, DOG = Box("cat", (10.0, 10.0, 40.0, 30.0)), Box("dog", (1.0, 2.0, 5.0, 8.0))


def labelme(name, *shapes, **more):
    keys = ("label", "points", "shape_type")
    return json.dumps({"version": "5.0", "shapes": [dict(zip(keys, shape)) for shape in shapes], "imagePath": name, **more})


def createml(*rows):
    return json.dumps(
        [
            {"image": name, "annotations": [{"label": label, "coordinates": dict(zip(("x", "y", "width", "height"), box))} for label, box in some]}
            for name, *some in rows
        ]
    )


HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
SETS = {
    "labelme": {
        "train/a.json": labelme("a.jpg", ("cat", [[40, 30], [10, 10]], "rectangle"), ("dog", [[1, 2], [5, 8]], "rectangle")),
        "val/b.json": labelme("b.jpg"),
        "train/a.jpg": "",
        "val/b.jpg": "",
    },
    "createml": {
        "train/_annotations.createml.json": createml(("a.jpg", ("cat", (25, 20, 30, 20)), ("dog", (3, 5, 4, 6)))),
        "val/_annotations.createml.json": createml(("b.jpg",)),
        "train/a.jpg": "",
        "val/b.jpg": "",
    },
    "tensorflow": {
        "train_labels.csv": f"{HEADER}a.jpg,64,48,cat,10,10,40,30\na.jpg,64,48,dog,1,2,5,8\n",
        "val_labels.csv": f"{HEADER}b.jpg,64,48,,,,,\n",
        "train/a.jpg": "",
        "val/b.jpg": "",
    },
    "edge_impulse": {
        "training/bounding_boxes.labels": json.dumps(
            {
                "version": 1,
                "boundingBoxes": {
                    "a.jpg": [
                        {"label": "cat", "x": 10, "y": 10, "width": 30, "height": 20},
                        {"label": "dog", "x": 1, "y": 2, "width": 4, "height": 6},
                    ]
                },
            }
        ),
        "val/bounding_boxes.labels": json.dumps({"boundingBoxes": {"b.jpg": []}}),
        "training/a.jpg": "",
        "val/b.jpg": "",
    },
}


@pytest.mark.parametrize("name", list(SETS))
def test_a_set_by_hand(tmp_path, name):
    found = scan(lay(tmp_path, SETS[name]))
    assert [(photo.name.split("/")[-1], photo.part, photo.boxes, photo.size) for photo in found.photos] == [
        ("a.jpg", "train", (CAT, DOG), (48, 64)),
        ("b.jpg", "val", (), (48, 64)),
    ]
    assert (found.format, found.labels, found.stray, found.mended) == (name, ["cat", "dog"], {}, [])


@pytest.mark.parametrize("name", list(SETS))
@pytest.mark.parametrize("to", list(FORMATS))
def test_it_is_written_as_what_is_written(tmp_path, name, to):
    first = scan(lay(tmp_path / "set", SETS[name]))
    assert convert(first, to, tmp_path / "out") == []
    again = scan(tmp_path / "out")
    assert (again.format, again.photos, again.labels) == (to, first.photos, first.labels)


@pytest.mark.parametrize("name, file", [("createml", "train/_annotations.createml.json"), ("tensorflow", "train_labels.csv")])
def test_one_file_may_be_named(tmp_path, name, file):
    lay(tmp_path, SETS[name])
    assert is_boxed(tmp_path / file)
    found = scan(tmp_path / file)
    assert [photo.boxes for photo in found.photos] == [(CAT, DOG)] and found.mended == []


@pytest.mark.parametrize(
    "shape, box",
    [
        (("cat", [[40, 30], [10, 10]], "rectangle"), (10, 10, 40, 30)),
        (("cat", [[10, 10], [40, 10], [40, 30], [10, 30]], "rectangle"), (10, 10, 40, 30)),
        (("cat", [[10, 12], [40, 10], [20, 30]], "polygon"), (10, 10, 40, 30)),
        (("cat", [[20, 20], [23, 24]], "circle"), (15, 15, 25, 25)),
        (("cat", [[10, 20], [20, 10], [30, 20], [20, 30]], "rotation"), (10, 10, 30, 30)),
    ],
)
def test_shapes_of_labelme(tmp_path, shape, box):
    (photo,) = scan(lay(tmp_path, {"a.json": labelme("a.jpg", shape), "a.jpg": ""})).photos
    assert [one.xyxy for one in photo.boxes] == [box]


def test_points_and_lines_of_labelme_are_left_out_and_said(tmp_path):
    shapes = [("cat", [[5, 5]], "point"), ("cat", [[1, 1], [9, 9]], "line"), ("dog", [[1, 2], [5, 8]], "rectangle")]
    found = scan(lay(tmp_path, {"a.json": labelme("a.jpg", *shapes), "a.jpg": ""}))
    assert found.photos[0].boxes == (DOG,)
    assert found.mended == [
        "a.jpg: box 1 (cat) is no shape with an inside (point): left out",
        "a.jpg: box 2 (cat) is no shape with an inside (line): left out",
    ]


def test_a_picture_of_labelme_lies_where_its_json_says_or_beside_it(tmp_path):
    shape = ("dog", [[1, 2], [5, 8]], "rectangle")
    files = {"json/1.json": labelme("..\\images\\a.jpg", shape), "json/2.json": labelme("old name.jpg", shape)}
    found = scan(lay(tmp_path, {**files, "json/2.jpg": "", "images/a.jpg": "", "images/c.jpg": ""}))
    assert [photo.name for photo in found.photos] == ["images/a.jpg", "json/2.jpg"] and found.mended == []
    assert found.stray == {"images/c.jpg": "has no json; give it one, without shapes where it shows none"}


@pytest.mark.parametrize(
    "text",
    [
        "filename;class;xmin;ymin;xmax;ymax\na.jpg;cat;10;10;40;30\n",
        "\ufeffImage_Path\tLabel\tXMin\tYMin\tXMax\tYMax\r\nc:\\x\\a.jpg\tcat\t10\t10\t40\t30\r\n",
        'filename,xmin,ymin,xmax,ymax,class\n"a.jpg", 10 ,10,40,30,"cat"\n\n',
        "filename,class,xmin,ymin,xmax,ymax\na.jpg,cat,0.15625,0.2083333333,0.625,0.625\n",
    ],
    ids=["semicolons", "other names", "another order", "shares"],
)
def test_csvs_as_people_have_them(tmp_path, text):
    (photo,) = scan(lay(tmp_path, {"boxes.csv": text, "a.jpg": ""})).photos
    assert photo.boxes == (Box("cat", pytest.approx((10, 10, 40, 30), abs=1e-5)),)


DAMAGED = {
    "labelme": ({"x.json": labelme("a.jpg", ("cat", [[1, 1], [2]]))}, "x.json: shape 1: points is [[1, 1], [2]], expected [[x, y], ...]"),
    "labelme, a label": ({"x.json": labelme("a.jpg", ("a\nb", [[1, 1], [9, 9]]))}, "label 'a\\nb' is not readable text: it holds a line break"),
    "labelme, cut": ({"a.json": labelme("a.jpg", ("cat", [[1, 1], [9, 9]]))[:-20]}, "a.json: a damaged json"),
    "createml": ({"x.json": createml(("a.jpg", ("cat", (1, 1, "x", 1))))}, "x.json: [0]: annotations[0]: width is 'x', not a number"),
    "createml, no label": ({"x.json": createml(("a.jpg", ("", (1, 1, 1, 1))))}, "x.json: [0]: annotations[0]: has no label"),
    "tensorflow": ({"x.csv": f"{HEADER}a.jpg,64,48,cat,1,1,9\n"}, "x.csv: line 2: ymax is '', not a number"),
    "tensorflow, no label": ({"x.csv": f"{HEADER}a.jpg,64,48,,1,1,9,9\n"}, "x.csv: line 2: has no label"),
    "edge_impulse": ({"x.labels": '{"boundingBoxes": {"a.jpg": [{"x": null}]}}'}, "x.labels: 'a.jpg': [0]: x is 'None', not a number"),
}


@pytest.mark.parametrize("files, reason", DAMAGED.values(), ids=list(DAMAGED))
def test_what_is_damaged_is_named(tmp_path, files, reason):
    lay(tmp_path, {**files, "a.jpg": ""})
    assert is_boxed(tmp_path)
    with pytest.raises(CvappError) as caught:
        scan(tmp_path)
    assert reason in str(caught.value) and caught.value.code == Exit.BAD_DATA and "a.jpg: " in str(caught.value)


def test_pictures_that_no_annotation_tells_of_are_named(tmp_path):
    for name in ("createml", "tensorflow", "edge_impulse"):
        found = scan(lay(tmp_path / name, {**SETS[name], "more/c.jpg": ""}))
        assert found.mended == ["more/c.jpg: is in no annotation: not used"] and len(found.photos) == 2


@pytest.mark.parametrize("bottom", ["1.0000001", "1.2", "0.9"])
def test_shares_of_a_csv_may_reach_a_little_beyond_the_frame(tmp_path, bottom):
    rows = "".join(f"{name}.jpg,cat,0.25,0.25,0.5,{bottom if name == 'a' else 0.75}\n" for name in "abc")
    lay(tmp_path, {"x.csv": f"filename,class,xmin,ymin,xmax,ymax\n{rows}", **{f"{name}.jpg": "" for name in "abc"}})
    corners = [photo.boxes[0].xyxy for photo in scan(tmp_path).photos]
    assert corners == [(16.0, 12.0, 32.0, min(float(bottom), 1) * 48), *2 * [(16.0, 12.0, 32.0, 36.0)]]


def test_pixels_of_a_csv_stay_pixels(tmp_path):
    """The control: small boxes, with broken numbers too."""
    lay(tmp_path, {"x.csv": "filename,class,xmin,ymin,xmax,ymax\na.jpg,cat,0,0,1.5,3\na.jpg,cat,0.5,0.5,2,2\n", "a.jpg": ""})
    assert [box.xyxy for box in scan(tmp_path).photos[0].boxes] == [(0.0, 0.0, 1.5, 3.0), (0.5, 0.5, 2.0, 2.0)]


def test_testing_is_edge_impulses_test(tmp_path):
    files = {f"{part}/bounding_boxes.labels": json.dumps({"boundingBoxes": {f"{part}.jpg": []}}) for part in ("training", "testing")}
    found = scan(lay(tmp_path, {**files, "training/training.jpg": "", "testing/testing.jpg": ""}))
    assert {photo.name: photo.part for photo in found.photos} == {"testing/testing.jpg": "test", "training/training.jpg": "train"}
