"""Names of pictures as tools write them: another machine's folders, an upload's prefix, a server's address; one picture or none is meant."""

import json
import unicodedata

import pytest

from cvapp.data.formats import coco, pictures, scan
from cvapp.data.formats.matching import MATCHED, Files
from tests.data.formats.sets import coco_json, lay, voc_xml

THERE = ["images/a.jpg", "images/my cat.jpg", "images/é.JPG", "train/1.jpg", "val/1.jpg", "images/2024-05.jpg"]


def meant(tmp_path, *asked, there=THERE):
    """What each name means: a path below the root, and a star where that is known by its last parts alone; the reason where none is."""
    found = Files(tmp_path, [tmp_path / name for name in there]).find_all([one if isinstance(one, tuple) else (one, None) for one in asked])
    return [one.path.relative_to(tmp_path).as_posix() + "*" * one.loosely if one.path else one.wrong for one in found]


@pytest.mark.parametrize(
    "called, expected",
    [
        ("a.jpg", "images/a.jpg"),
        ("./images/a.jpg", "images/a.jpg"),
        ("set/images/a.jpg", "images/a.jpg"),
        ("/home/me/images/a.jpg", "images/a.jpg*"),
        ("/home/me/photos/a.jpg", "images/a.jpg*"),
        ("C:\\Users\\me\\photos\\a.jpg", "images/a.jpg*"),
        ("photos\\a.jpg", "images/a.jpg*"),
        ("A.JPG", "images/a.jpg*"),
        ("é.jpg", "images/é.JPG*"),
        (unicodedata.normalize("NFD", "é.JPG"), "images/é.JPG*"),
        ("0a1b2c3d-a.jpg", "images/a.jpg*"),
        ("abc123-a.jpg", "images/a.jpg*"),
        ("/data/upload/7/0a1b2c3d-my%20cat.jpg", "images/my cat.jpg*"),
        ("0f8fad5b-d9cb-469f-a165-70867728950e_a.jpg", "images/a.jpg*"),
        ("my%20cat.jpg", "images/my cat.jpg*"),
        ("https://bucket.s3.amazonaws.com/x/a.jpg?X-Amz-Signature=1f&t=3#top", "images/a.jpg*"),
        ("/data/local-files/?d=photos/a.jpg", "images/a.jpg*"),
        ("s3://bucket/photos/a.jpg", "images/a.jpg*"),
        ("file:///home/me/a.jpg", "images/a.jpg*"),
        ("a", "images/a.jpg*"),
        ("2024-05", "images/2024-05.jpg*"),
        ("/x/training/1.jpg", "train/1.jpg*"),
        ("1.jpg", "several pictures may be meant, such as train/1.jpg and val/1.jpg; name its folder too"),
        ("/x/test/1.jpg", "no such file"),
        ("b.jpg", "no such file"),
        ("photo-a.jpg", "no such file"),
        ("20240105-a.jpg", "no such file"),
        ("a.png", "no such file"),
        ("", "no such file"),
        ("/", "no such file"),
        ("//[x", "no such file"),
    ],
)
def test_a_name_means_one_picture_or_none(tmp_path, called, expected):
    assert meant(tmp_path, called) == [expected]


def test_a_part_chooses_among_several(tmp_path):
    assert meant(tmp_path, ("1.jpg", "val"), ("/elsewhere/1.jpg", "train")) == ["val/1.jpg", "train/1.jpg*"]


def test_a_picture_that_another_name_means_is_never_guessed(tmp_path):
    assert meant(tmp_path, "x/a.jpg", "images/a.jpg") == ["no such file", "images/a.jpg"]
    assert meant(tmp_path, "x/a.jpg", "y/a.jpg") == ["no such file"] * 2, "two guesses at one picture are none"


def test_the_longer_trail_wins(tmp_path):
    there = ["one/batch/a.jpg", "two/other/a.jpg"]
    assert meant(tmp_path, "/x/BATCH/a.jpg", there=there) == ["one/batch/a.jpg*"]


def test_an_upload_prefix_may_be_the_pictures(tmp_path):
    assert meant(tmp_path, "a.jpg", there=["0a1b2c3d-a.jpg"]) == ["0a1b2c3d-a.jpg*"]


@pytest.mark.parametrize("called", ["C:\\me\\pics\\a.jpg", "0a1b2c3d-a.jpg", "/data/local-files/?d=pics/a.jpg", "A.JPG"])
def test_every_reader_says_in_one_line_which_files_it_found_so(tmp_path, called):
    """Two pictures each, one of which is called properly: its line tells of one."""
    boxes = [(0, 1, [1, 1, 9, 9]), (1, 1, [1, 1, 9, 9])]
    shapes = [{"label": "cat", "points": [[1, 1], [9, 9]], "shape_type": "rectangle"}]
    entry = {"label": "cat", "coordinates": {"x": 5, "y": 5, "width": 8, "height": 8}}
    sets = {
        "coco": {"all.json": coco_json([called, "b.jpg"], *boxes)},
        "voc": {"xml/x.xml": voc_xml(called, ("cat", 2, 2, 9, 9)), "xml/b.xml": voc_xml("b.jpg", ("cat", 2, 2, 9, 9))},
        "labelme": {
            "json/x.json": json.dumps({"imagePath": called, "shapes": shapes}),
            "json/b.json": json.dumps({"imagePath": "../images/b.jpg", "shapes": shapes}),
        },
        "createml": {"all.json": json.dumps([{"image": name, "annotations": [entry]} for name in (called, "b.jpg")])},
        "tensorflow": {"all.csv": f"filename,class,xmin,ymin,xmax,ymax\n{called},cat,1,1,9,9\nb.jpg,cat,1,1,9,9\n"},
        "yolo": {
            "data.yaml": "train: t.txt\nval: v.txt\nnames: [cat]",
            "t.txt": f"{called}\n",
            "v.txt": "images/b.jpg\n",
            "labels/a.txt": "0 .5 .5 .5 .5",
            "labels/b.txt": "0 .5 .5 .5 .5",
        },
    }
    for name, files in sets.items():
        found = scan(lay(tmp_path / name, {**files, "images/a.jpg": "", "images/b.jpg": ""}))
        assert (found.format, found.stray) == (name, {})
        assert [(photo.name, len(photo.boxes)) for photo in found.photos] == [("a.jpg", 1), ("b.jpg", 1)]
        (line,) = found.mended
        assert line.startswith(f"a file is {MATCHED}, images/a.jpg, which ") and line.endswith(repr(called)), name


def test_a_label_file_of_another_name_belongs_to_the_picture_that_it_alone_fits(tmp_path):
    lay(tmp_path, {"classes.txt": "cat", "images/a.jpg": "", "images/B.jpg": "", "images/sub/c.jpg": ""})
    lay(tmp_path, {"labels/0a1b2c3d-a.txt": "0 .5 .5 1 1", "labels/b.TXT": "0 .5 .5 1 1", "labels/c.txt": "0 .5 .5 1 1"})
    found = scan(tmp_path)
    assert [len(photo.boxes) for photo in found.photos] == [1, 1, 1] and found.stray == {}
    assert found.mended == [f"3 label files are {MATCHED}, such as labels/b.TXT for images/B.jpg"]


def test_folders_of_another_machine_in_data_yaml(tmp_path):
    yaml = "path: /content/datasets/x\ntrain: /content/datasets/x/train/images\nval: D:\\x\\valid\\images\nnames: [cat]"
    lay(tmp_path, {"data.yaml": yaml, "train/images/a.jpg": "", "valid/images/b.jpg": ""})
    lay(tmp_path, {"train/labels/a.txt": "0 .5 .5 1 1", "valid/labels/b.txt": "\n"})
    found = scan(tmp_path)
    assert [(photo.name, photo.part, len(photo.boxes)) for photo in found.photos] == [
        ("train/images/a.jpg", "train", 1),
        ("valid/images/b.jpg", "val", 0),
    ]
    assert [line.split(": ", 2)[-1] for line in found.mended] == [
        f"'/content/datasets/x/train/images' is {MATCHED}: train/images",
        f"'D:\\\\x\\\\valid\\\\images' is {MATCHED}: valid/images",
    ]


def test_jsons_each_mean_the_pictures_beside_them(tmp_path):
    files = {f"batch{place}/coco.json": coco_json(["1.jpg"], (0, place, [1, 1, 9, 9])) for place in (1, 2)}
    found = coco.read(lay(tmp_path, {**files, "batch1/1.jpg": "", "batch2/1.jpg": ""}))
    assert [(photo.name, photo.boxes[0].label) for photo in found.photos] == [("batch1/1.jpg", "cat"), ("batch2/1.jpg", "dog")]
    assert found.mended == []


CATS = {"label": "cat", "points": [[1, 1], [9, 9]], "shape_type": "rectangle"}
IMPULSE = {"label": "cat", "x": 1, "y": 1, "width": 9, "height": 9}


def listing_of(kind, names):
    """The file that lists these pictures, each with a box, in a format."""
    entry = {"label": "cat", "coordinates": {"x": 5, "y": 5, "width": 8, "height": 8}}
    return {
        "coco": ("_annotations.coco.json", coco_json(names, *((place, 1, [1, 1, 9, 9]) for place in range(len(names))))),
        "createml": ("_annotations.createml.json", json.dumps([{"image": name, "annotations": [entry]} for name in names])),
        "tensorflow": ("_annotations.csv", "\n".join(["filename,class,xmin,ymin,xmax,ymax", *(f"{name},cat,1,1,9,9" for name in names)])),
        "edge_impulse": ("bounding_boxes.labels", json.dumps({"boundingBoxes": {name: [IMPULSE] for name in names}})),
    }[kind]


@pytest.mark.parametrize("one, other", [("train", "valid"), ("training", "testing"), ("A", "B")])
@pytest.mark.parametrize("kind", ["coco", "createml", "tensorflow", "edge_impulse"])
def test_boxes_of_a_lost_picture_go_to_no_other_of_its_name(tmp_path, kind, one, other):
    """1.jpg of the one folder is lost, and that of the other is in no annotation."""
    files = {}
    for folder, names in ((one, ["0.jpg", "1.jpg"]), (other, ["2.jpg"])):
        name, text = listing_of(kind, names)
        files[f"{folder}/{name}"] = text
    found = scan(lay(tmp_path, {**files, f"{one}/0.jpg": "", f"{other}/1.jpg": "", f"{other}/2.jpg": ""}))
    assert [(photo.name, len(photo.boxes)) for photo in found.photos] == sorted([(f"{one}/0.jpg", 1), (f"{other}/2.jpg", 1)])
    (reason,) = found.stray.values()
    assert reason.endswith("no such file") and found.mended == [f"{other}/1.jpg: is in no annotation: not used"]


@pytest.mark.parametrize("homes", [("A", "B"), ("json/A", "json/B"), ("A/json", "B/json"), ("json/train", "json/val"), ("train", "val")])
@pytest.mark.parametrize("kind", ["labelme", "voc"])
def test_a_json_or_xml_of_a_lost_picture_takes_no_other_of_its_name(tmp_path, kind, homes):
    """B/1.jpg is lost, and A/1.jpg has no annotation; the annotations lie beside the pictures or in folders like theirs."""
    files = {}
    for home, names in zip(homes, (("0",), ("1", "2"))):
        for name in names:
            text = voc_xml(f"{name}.jpg", ("cat", 1, 1, 9, 9)) if kind == "voc" else json.dumps({"imagePath": f"{name}.jpg", "shapes": [CATS]})
            files[f"{home}/{name}.{'xml' if kind == 'voc' else 'json'}"] = text
    one, other = (next(word for word in home.split("/") if word != "json") for home in homes)
    found = scan(lay(tmp_path, {**files, f"{one}/0.jpg": "", f"{one}/1.jpg": "", f"{other}/2.jpg": ""}))
    assert [(photo.name, len(photo.boxes)) for photo in found.photos] == [(f"{one}/0.jpg", 1), (f"{other}/2.jpg", 1)]
    assert sorted(reason.split(";")[0].split(": ")[-1] for reason in found.stray.values()) == [
        f"has no {'xml' if kind == 'voc' else 'json'}",
        "no such file",
    ]


def test_a_folder_of_jsons_alone_means_no_picture_that_lies_with_other_jsons(tmp_path):
    jsons = {f"{name}.json": json.dumps({"imagePath": f"{name[-1]}.jpg", "shapes": [CATS]}) for name in ("A/0", "B/1")}
    found = scan(lay(tmp_path, {**jsons, "A/0.jpg": "", "A/1.jpg": ""}))
    assert [photo.name for photo in found.photos] == ["A/0.jpg"] and found.stray["B/1.jpg"] == "no such file"


@pytest.mark.parametrize(
    "called, there, expected",
    [
        ("cam1/9.jpg", ["cam1/0.jpg", "cam2/9.jpg"], "no such file"),
        ("cam1/9.jpg", ["cam1/0.jpg", "9.jpg"], "no such file"),
        ("/home/me/cam1/9.jpg", ["cam1/0.jpg", "cam2/9.jpg"], "no such file"),
        ("C:\\me\\CAM1\\9.jpg", ["cam1/0.jpg", "cam2/9.jpg"], "no such file"),
        ("http://x/cam1/9.jpg?v=1", ["cam1/0.jpg", "cam2/9.jpg"], "no such file"),
        ("a/cam1/9.jpg", ["a/cam1/0.jpg", "b/cam1/9.jpg"], "no such file"),
        ("cam1/9.jpg", ["cam1/images/9.jpg", "cam2/images/9.jpg"], "cam1/images/9.jpg*"),
        ("cam1/9.jpg", ["cam1/9.JPG", "cam2/9.jpg"], "cam1/9.JPG*"),
        ("cam3/9.jpg", ["cam1/0.jpg", "cam2/9.jpg"], "cam2/9.jpg*"),
    ],
)
def test_the_folder_that_a_name_has_is_not_another(tmp_path, called, there, expected):
    """The last three are the control."""
    assert meant(tmp_path, called, there=there) == [expected]


def test_a_file_of_two_parts_means_pictures_of_both(tmp_path):
    text = coco_json(["1.jpg", "2.jpg"], (0, 1, [1, 1, 9, 9]), (1, 1, [1, 1, 9, 9]))
    found = scan(lay(tmp_path, {"annotations/instances_trainval.json": text, "train/1.jpg": "", "val/2.jpg": ""}))
    assert [photo.part for photo in found.photos] == ["train", "train"] and found.stray == {}


@pytest.mark.parametrize(
    "folder, part",
    [("train", "train"), ("Train2017", "train"), ("valid", "val"), ("val_2", "val"), ("testing", "test"), ("trainval", "train")]
    + [("obj_train_data", "train"), ("train_images", "train"), ("images-val", "val"), ("validation set", "val")]
    + [("train_station", None), ("test-bench", None), ("training day", None), ("trains", None), ("train_test", None), ("größe_train", None)],
)
def test_the_part_of_a_folder_is_its_whole_word(folder, part):
    assert pictures.part_of_folder(folder) == part


def test_the_part_of_a_file_is_a_word_of_its_name():
    assert [pictures.part_in(name) for name in ("instances_val2017", "my-train.v2", "trainval", "training", "station")] == [
        *("val", "train", "train", "train"),
        None,
    ]
