"""Folders and files that cannot be read, pipes and links: each is named, none is a traceback and none makes a photo background."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from cvapp.data.boxed_check import check
from cvapp.data.formats import is_boxed, scan
from cvapp.errors import CvappError
from tests.data.formats.sets import coco_json, lay, voc_xml

NOBODY = 65534
SHAPES = [{"label": "cat", "points": [[1, 1], [9, 9]], "shape_type": "rectangle"}]
PARTS = ("train", "val")
SETS = {
    "yolo": {
        "data.yaml": "train: images/train\nval: images/val\nnames: [cat]\n",
        **{f"images/{part}/{part}.jpg": "" for part in PARTS},
        **{f"labels/{part}/{part}.txt": "0 .5 .5 .5 .5\n" for part in PARTS},
    },
    "labelme": {f"labels/{part}/{part}.json": json.dumps({"imagePath": f"{part}.jpg", "shapes": SHAPES}) for part in PARTS}
    | {f"labels/{part}/{part}.jpg": "" for part in PARTS},
    "voc": {f"labels/{part}/{part}.xml": voc_xml(f"{part}.jpg", ("cat", 1, 1, 9, 9)) for part in PARTS}
    | {f"images/{part}/{part}.jpg": "" for part in PARTS},
    "coco": {f"labels/{part}/{part}.json": coco_json([f"{part}.jpg"], (0, 1, [1, 1, 9, 9])) for part in PARTS}
    | {f"images/{part}/{part}.jpg": "" for part in PARTS},
}


@pytest.fixture
def open_folder():
    """A folder that everybody may enter, read by somebody whom permissions stop."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in (path for path in folder.rglob("*") if path.exists()):
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def as_nobody():
    """Permissions count, even for who runs the tests as root."""
    before = os.geteuid()
    yield lambda: os.seteuid(NOBODY) if before == 0 else None
    os.seteuid(before)


@pytest.mark.parametrize("closed", ["labels/val", "images/val", "labels", "images"])
@pytest.mark.parametrize("mode", [0, 0o444, 0o111])
@pytest.mark.parametrize("name", list(SETS))
def test_a_folder_that_cannot_be_read_is_named(open_folder, as_nobody, name, mode, closed):
    """Mode 444 is a folder whose names are to be had and nothing else, 111 one whose files are."""
    lay(open_folder, SETS[name])
    if not (open_folder / closed).is_dir():
        pytest.skip("no such folder in this layout")
    (open_folder / closed).chmod(mode)
    as_nobody()
    is_boxed(open_folder)
    try:
        found = scan(open_folder)
    except CvappError as error:
        assert "\n" not in str(error)
        return
    assert all(photo.boxes for photo in found.photos), "none is background"
    assert any(closed in path or "cannot be read" in reason for path, reason in found.stray.items())


def test_the_rest_of_a_set_is_read(open_folder, as_nobody):
    lay(open_folder, SETS["yolo"])
    (open_folder / "labels" / "val").chmod(0)
    as_nobody()
    found = scan(open_folder)
    assert [photo.name for photo in found.photos] == ["train/train.jpg"]
    assert found.stray == {
        "val/val.jpg": "labels/val/val.txt: cannot be read (Permission denied)",
        "labels/val": "a folder that cannot be read (Permission denied); mend its permissions or remove it",
    }


def test_pipes_and_links_in_the_place_of_label_files_are_named(tmp_path):
    lay(tmp_path, {"data.yaml": "names: [cat]", **{f"images/{name}.jpg": "" for name in "abcd"}, "labels/a.txt": "0 .5 .5 1 1"})
    os.mkfifo(tmp_path / "labels" / "b.txt")
    (tmp_path / "labels" / "c.txt").symlink_to("nowhere.txt")
    (tmp_path / "labels" / "d.txt").mkdir()
    found = scan(tmp_path)
    assert [photo.name for photo in found.photos] == ["a.jpg"] and found.mended == []
    assert found.stray == {
        "b.jpg": "labels/b.txt: a named pipe, not a file; remove it",
        "c.jpg": "labels/c.txt: a link to nowhere (nowhere.txt); fetch what it stands for, or remove it",
        "d.jpg": "labels/d.txt: cannot be read (Is a directory)",
    }


@pytest.mark.parametrize(
    "files",
    [
        {"coco.json": coco_json(["a.jpg"], (0, 1, [1, 1, 9, 9]))},
        {"a.json": json.dumps({"imagePath": "a.jpg", "shapes": SHAPES})},
        {"a.json": '[{"image": "a.jpg", "annotations": [{"label": "x", "coordinates": {"x": 9, "y": 9, "width": 4, "height": 4}}]}]'},
        {"boxes.csv": "filename,class,xmin,ymin,xmax,ymax\na.jpg,cat,1,1,9,9\n"},
        {"bounding_boxes.labels": '{"boundingBoxes": {"a.jpg": [{"label": "cat", "x": 1, "y": 1, "width": 9, "height": 9}]}}'},
        {"a.xml": voc_xml("a.jpg", ("cat", 1, 1, 9, 9))},
        {"a.txt": "0 .5 .5 1 1", "classes.txt": "cat"},
    ],
    ids=["coco", "labelme", "createml", "tensorflow", "edge impulse", "voc", "yolo"],
)
def test_a_link_to_a_folder_beside_it_doubles_nothing(tmp_path, files):
    lay(tmp_path, {f"v1/{name}": text for name, text in {**files, "a.jpg": ""}.items()})
    (tmp_path / "latest").symlink_to("v1")
    found = scan(tmp_path)
    assert [(photo.name, len(photo.boxes)) for photo in found.photos] == [("v1/a.jpg", 1)]
    assert found.stray == {"latest": f"the same folder as {tmp_path / 'v1'}, whose files are taken once"}
    assert check(tmp_path / "v1").unusable == {}


def test_a_file_that_may_list_pictures_and_cannot_be_read_is_named(open_folder, as_nobody):
    lay(open_folder, {f"{part}.json": coco_json([f"{part}.jpg"], (0, 1, [1, 1, 9, 9])) for part in PARTS} | {f"{part}.jpg": "" for part in PARTS})
    (open_folder / "val.json").chmod(0)
    (open_folder / "test.json").symlink_to("nowhere.json")
    as_nobody()
    found = scan(open_folder)
    assert [photo.name for photo in found.photos] == ["train.jpg"] and found.mended == ["val.jpg: is in no annotation: not used"]
    assert found.stray == {
        "test.json": "a link to nowhere (nowhere.json); fetch what it stands for, or remove it",
        "val.json": "cannot be read (Permission denied); mend its permissions or remove it",
    }
