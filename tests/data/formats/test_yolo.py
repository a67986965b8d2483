"""YOLO: shares of the frame, the layouts of several tools, and the line named that is wrong."""

import pytest

from cvapp.data.boxed import Box
from cvapp.data.formats import yolo
from cvapp.errors import CvappError, Exit
from tests.data.formats.sets import lay, picture

YAML = "train: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\n"


def parts(listing):
    return {photo.name: photo.part for photo in listing.photos}


def test_shares_become_pixels_and_a_picture_without_labels_is_an_example(tmp_path):
    lay(tmp_path, {"data.yaml": YAML, "labels/train/a.txt": "1 0.5 0.5 1 1\n\n0 0.25 0.5 0.125 0.25\n", "labels/val/d.txt": "\n"})
    found = yolo.read(lay(tmp_path, {f"images/{name}.jpg": "" for name in ("train/a", "train/b", "val/c", "val/d")}))
    boxes = (Box("dog", (0.0, 0.0, 64.0, 48.0)), Box("cat", (12.0, 18.0, 20.0, 30.0)))
    assert [(photo.name, photo.part, photo.boxes, photo.size) for photo in found.photos] == [
        ("train/a.jpg", "train", boxes, (48, 64)),
        ("train/b.jpg", "train", (), (48, 64)),
        ("val/c.jpg", "val", (), (48, 64)),
        ("val/d.jpg", "val", (), (48, 64)),
    ]
    assert (found.labels, found.stray, found.mended, found.format) == (["cat", "dog"], {}, [], "yolo")
    assert yolo.read(tmp_path / "data.yaml").photos == found.photos


@pytest.mark.parametrize(
    "files",
    [
        {"data.yaml": "train: ../train/images\nval: ../valid/images\nnames: ['cat']\n", "train/labels/1.txt": "0 .5 .5 1 1"},
        {"data.yaml": "path: .\ntrain: [train/images]\nval:\n- valid/images\nnames: {0: cat}\n", "train/labels/1.txt": "0 .5 .5 1 1"},
        {"data.yaml": "names: [cat]", "train/labels/1.txt": "0 .5 .5 1 1"},
        {"classes.txt": "cat\r\n", "train/labels/1.txt": "0 .5 .5 1 1"},
        {
            "obj.names": "cat\n",
            "train.txt": "data/train/images/1.jpg\n",
            "valid.txt": "/x/valid/images/1.jpg",
            "train/images/1.txt": "0 .5 .5 1 1",
        },
    ],
    ids=["Roboflow", "lists", "folders of parts", "classes.txt", "Darknet"],
)
def test_layouts_of_tools(tmp_path, files):
    found = yolo.read(lay(tmp_path, {**files, "train/images/1.jpg": "", "valid/images/1.jpg": "", "valid/labels/1.txt": "\n"}))
    assert parts(found) == {"train/images/1.jpg": "train", "valid/images/1.jpg": "val"}
    assert found.photos[0].boxes == (Box("cat", (0.0, 0.0, 64.0, 48.0)),) and found.photos[1].boxes == ()


def test_pictures_outside_the_folder_of_data_yaml_are_named(tmp_path):
    lay(tmp_path, {"set/data.yaml": "names: [cat]", "set/images/a.jpg": "", "set/labels/a.txt": "0 .5 .5 1 1", "b.jpg": ""})
    found = yolo.read(tmp_path)
    assert parts(found) == {"a.jpg": None} and found.mended == [f"{tmp_path.as_posix()}/b.jpg: is in no annotation: not used"]


def test_a_picture_has_one_path_however_data_yaml_says_its_folder(tmp_path):
    lay(tmp_path, {"set/data.yaml": "train: ../a\nval: ../b\nnames: [cat]", "a/1.jpg": "", "b/2.jpg": "", "a/1.txt": "0 .5 .5 1 1", "b/2.txt": "\n"})
    found = yolo.read(tmp_path)
    assert [(photo.part, len(photo.boxes)) for photo in found.photos] == [("train", 1), ("val", 0)]
    assert found.mended == [] and not any(".." in photo.name for photo in found.photos)


def test_a_flat_folder(tmp_path):
    found = yolo.read(lay(tmp_path, {"classes.txt": "cat", "train.jpg": "", "train.txt": "0 .5 .5 1 1", "b.png": ""}))
    assert parts(found) == {"b.png": None, "train.jpg": None} and len(found.photos[1].boxes) == 1 and found.stray == {}


def test_a_root_elsewhere_is_taken_from_path(tmp_path):
    lay(
        tmp_path,
        {"set/images/a.jpg": "", "set/labels/a.txt": "0 .5 .5 .5 .5", "my.yaml": "path: set\ntrain: images\nval: images\nnames: [cat]"},
    )
    found = yolo.read(tmp_path / "my.yaml")
    assert (parts(found), found.folder) == ({"a.jpg": None}, tmp_path / "set" / "images")


@pytest.mark.parametrize("each, tail", [(2, ".25 .5 .75 1"), (3, ".25 .5 2 .75 1 1")])
def test_landmarks_follow_the_box(tmp_path, each, tail):
    names = f"names: [cat]\nkpt_shape: [2, {each}]  # landmarks\n"
    found = yolo.read(lay(tmp_path, {"data.yaml": names, "images/a.jpg": "", "labels/a.txt": f"0 .5 .5 1 1 {tail}"}))
    assert found.photos[0].boxes[0].points == ((16.0, 24.0), (48.0, 48.0))


def test_landmarks_that_are_not_all_marked_are_left_out(tmp_path):
    lines = "0 .5 .5 1 1 .2 .2 2 0 0 0\n0 .5 .5 1 1 0 0 0 0 0 0\n"
    found = yolo.read(lay(tmp_path, {"data.yaml": "names: [cat]\nkpt_shape: [2, 3]", "images/a.jpg": "", "labels/a.txt": lines}))
    assert [box.points for box in found.photos[0].boxes] == [(), ()]
    assert found.mended == ["a.jpg: box 1 (cat) has landmarks that are not marked (1 of 2): its landmarks are left out"]


def test_bad_boxes_are_told(tmp_path):
    lines = "0 .5 .5 0 .5\n7 .5 .5 .5 .5\n0 1.5 .5 .5 .5\n0 1 .5 .5 .5\n0 nan .5 .5 .5\n0 .5 .5 1.0000004 1\n"
    found = yolo.read(lay(tmp_path, {"data.yaml": YAML, "images/train/a.jpg": "", "images/val/b.jpg": "", "labels/train/a.txt": lines}))
    assert [box.xyxy for box in found.photos[0].boxes] == [(48.0, 12.0, 64.0, 36.0), (0.0, 0.0, 64.0, 48.0)]
    assert found.mended == [
        "train/a.jpg: box 2 is of a class that is not declared (number 7): left out",
        "train/a.jpg: box 1 (cat) 32..32 x 12..36 has no size, or its corners are swapped: left out",
        "train/a.jpg: box 3 (cat) 80..112 x 12..36 lies outside the picture (64x48): left out",
        "train/a.jpg: box 4 (cat) 48..80 x 12..36 reaches beyond the picture (64x48): clipped",
        "train/a.jpg: box 5 (cat) nan..nan x 12..36 has no size, or its corners are swapped: left out",
    ]


@pytest.mark.parametrize(
    "text, reason",
    [
        (
            "0 .5 .5 1 1\n0 .5 .5 1",
            "line 2 has 4 numbers, expected 5 (class x y width height), or an outline's (class x y x y x y ...); "
            "landmarks need kpt_shape in data.yaml",
        ),
        ("cat .5 .5 1 1", "line 1: 'cat' is not a number"),
        ("0.5 .5 .5 1 1", "line 1: the class is '0.5', expected a whole number, its place among the names from 0 on"),
        ("0 .5 .5 1 1,0", "line 1: '1,0' is not a number; write a point where it has a comma"),
        (b"\xff0 .5 .5 1 1", "not UTF-8 text"),
        (b"\xff\xfe0", "not UTF-8 text"),
    ],
)
def test_a_damaged_line_makes_its_picture_a_stray(tmp_path, text, reason):
    found = yolo.read(lay(tmp_path, {"data.yaml": "names: [cat]", "images/a.jpg": "", "images/b.jpg": "", "labels/a.txt": text}))
    assert (parts(found), found.stray) == ({"b.jpg": None}, {"a.jpg": f"labels/a.txt: {reason}"})


def test_missing_pictures_lonely_labels_and_contradicting_lists_are_told(tmp_path):
    lay(tmp_path, {"data.yaml": "train: train.txt\nval: val.txt\nnames: [cat]", "train.txt": "./images/a.jpg\n./images/c.jpg\n"})
    lay(tmp_path, {"val.txt": "images/a.jpg\nimages/gone.jpg\n", "labels/lonely.txt": "0 .5 .5 1 1"})
    found = yolo.read(lay(tmp_path, {**{f"images/{name}.jpg": "" for name in "abc"}, "labels/c.txt": "\n"}))
    assert parts(found) == {"c.jpg": "train"}
    lost = "is not there, while labels/lonely.txt has no picture: it may be its; mend them, or it would be learnt as background"
    assert found.stray == {
        "a.jpg": "listed for train and for val; keep it in one",
        "b.jpg": f"labels/b.txt: {lost}",
        "gone.jpg": "val.txt lists it: no such file",
        "labels/lonely.txt": "has no picture",
    }


def test_an_empty_label_file_without_picture_takes_nobodys_boxes(tmp_path):
    found = yolo.read(lay(tmp_path, {"data.yaml": "names: [cat]", "images/a.jpg": "", "labels/lonely.txt": "\n", "labels/a.txt": "\n"}))
    assert (parts(found), found.stray) == ({"a.jpg": None}, {"labels/lonely.txt": "has no picture"})


@pytest.mark.parametrize(
    "files, line",
    [
        ({"data.yaml": "train: images/trian\nnames: [cat]"}, "data.yaml: train: images/trian is not there; it is looked for below"),
        ({"data.yaml": "train: images\nnames:\n"}, "data.yaml: no classes; expected names: a list, or lines of '0: name'"),
        ({"labels/a.txt": "0 .5 .5 1 1"}, "the classes have no names; add data.yaml with names:, or classes.txt"),
    ],
)
def test_what_cannot_be_read_at_all_is_an_error(tmp_path, files, line):
    with pytest.raises(CvappError, match=line) as caught:
        yolo.read(lay(tmp_path, {**files, "images/a.jpg": ""}))
    assert caught.value.code == Exit.BAD_DATA


def test_the_last_folder_images_becomes_labels(tmp_path):
    """Ultralytics' rule, so that its label of a file is ours."""
    root = tmp_path
    assert yolo.label_file(root / "images/images/a.b.jpg", root) == root / "images/labels/a.b.txt"
    assert yolo.label_file(root / "train/images/a.jpg", root) == root / "train/labels/a.txt"
    assert yolo.label_file(root / "photos/images.jpg", root) == root / "photos/images.txt"
    picture(root / "images" / "a.jpg")
    (root / "images" / "a.txt").write_text("")
    assert yolo.label_file(root / "images/a.jpg", root) == root / "images/a.txt"


def test_a_part_without_any_label_file_is_no_background(tmp_path):
    """Folders of parts, and lists of them; a photo that lacks its own label file in a part that has some is an example without objects."""
    files = {f"images/{name}.jpg": "" for name in ("train/a", "train/b", "val/c", "val/d")} | {"labels/train/a.txt": "0 .5 .5 1 1"}
    found = yolo.read(lay(tmp_path / "folders", {"data.yaml": YAML, **files}))
    assert parts(found) == {"train/a.jpg": "train", "train/b.jpg": "train"}
    lost = "labels/val is not there; add the label files, empty ones for pictures without objects"
    assert found.stray == {"val/c.jpg": lost, "val/d.jpg": lost}
    files = {f"images/{name}.jpg": "" for name in "abc"} | {"labels/a.txt": "0 .5 .5 1 1", "train.txt": "images/a.jpg\nimages/b.jpg\n"}
    found = yolo.read(lay(tmp_path / "lists", {"data.yaml": "train: train.txt\nval: val.txt\nnames: [cat]", "val.txt": "images/c.jpg\n", **files}))
    assert parts(found) == {"a.jpg": "train", "b.jpg": "train"}
    assert found.stray == {"c.jpg": "no picture of val has a label file in labels; add the label files, empty ones for pictures without objects"}


def test_pictures_that_share_a_label_file_are_refused(tmp_path):
    files = {"data.yaml": "names: [cat]", "images/a.jpg": "", "images/a.png": "", "images/b.jpg": "", "images/c.jpg": "", "images/c.png": ""}
    found = yolo.read(lay(tmp_path, {**files, "labels/a.txt": "0 .5 .5 1 1", "labels/b.txt": "0 .5 .5 1 1"}))
    assert [photo.name for photo in found.photos] == ["b.jpg", "c.jpg", "c.png"]
    assert found.stray == dict.fromkeys(("a.jpg", "a.png"), "labels/a.txt: a.jpg and a.png bear its name; rename one of them")


def test_a_test_that_roboflow_names_and_does_not_export_is_noted(tmp_path):
    yaml = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnames: [cat]\n"
    files = {f"{part}/images/{part}.jpg": "" for part in ("train", "valid")}
    found = yolo.read(lay(tmp_path, {"data.yaml": yaml, **files, **{f"{part}/labels/{part}.txt": "0 .5 .5 1 1" for part in ("train", "valid")}}))
    assert [photo.part for photo in found.photos] == ["train", "val"] and found.stray == {}
    assert found.mended == ["test: ../test/images is named in data.yaml and is not there: there is no such part"]


def test_lists_may_name_pictures_elsewhere_by_absolute_paths(tmp_path):
    files = {"far/a.jpg": "", "far/a.txt": "0 .5 .5 1 1", "set/train.txt": f"{tmp_path}/far/a.jpg\n{tmp_path}/far/gone.jpg\n"}
    found = yolo.read(lay(tmp_path, {**files, "set/data.yaml": "train: train.txt\nnames: [cat]"}) / "set")
    assert [(photo.name, photo.part, len(photo.boxes)) for photo in found.photos] == [(f"{tmp_path}/far/a.jpg", "train", 1)]
    assert found.stray == {f"{tmp_path}/far/gone.jpg": "train.txt lists it: no such file"}
