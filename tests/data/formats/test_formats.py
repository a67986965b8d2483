"""Which format a source is, told from class folders and from nothing; and what a picture's own file decides."""

import hashlib
import os
from pathlib import Path

import pytest

from cvapp import images
from cvapp.data.boxed import Box
from cvapp.data.formats import is_boxed, reading, scan
from cvapp.errors import CvappError, Exit
from tests.data.formats.sets import coco_json, lay, picture, voc_xml
from tests.data.test_check import turned

YAML = "train: images\nval: images\nnames: [cat]\n"
LAYOUTS = {
    "voc": {"Annotations/a.xml": voc_xml("a.jpg"), "JPEGImages/a.jpg": ""},
    "voc ": {"annotations/a.xml": voc_xml("a.jpg"), "images/a.jpg": ""},
    "voc  ": {"a.xml": voc_xml("a.jpg"), "a.jpg": ""},
    "voc   ": {"valid/a.xml": voc_xml("a.jpg"), "valid/a.jpg": ""},
    "coco": {"annotations/instances_train.json": coco_json(["a.jpg"]), "images/a.jpg": ""},
    "coco ": {"result.json": coco_json(["a.jpg"]), "a.jpg": ""},
    "coco  ": {"train/_annotations.coco.json": coco_json(["a.jpg"]), "train/a.jpg": ""},
    "yolo": {"data.yaml": YAML, "images/a.jpg": ""},
    "yolo ": {"classes.txt": "cat", "images/a.jpg": "", "labels/a.txt": "0 .5 .5 1 1"},
    "yolo  ": {"obj.names": "cat", "obj_train_data/a.jpg": "", "obj_train_data/a.txt": "0 .5 .5 1 1"},
    "yolo   ": {"classes.txt": "cat", "a.jpg": "", "a.txt": "0 .5 .5 1 1"},
}


@pytest.mark.parametrize("name, files", LAYOUTS.items(), ids=[repr(name) for name in LAYOUTS])
def test_the_layouts_are_recognised(tmp_path, name, files):
    lay(tmp_path, files)
    assert is_boxed(tmp_path) and scan(str(tmp_path)).format == name.strip()
    assert [photo.name.split("/")[-1] for photo in scan(tmp_path).photos] == ["a.jpg"]


@pytest.mark.parametrize(
    "files",
    [
        {
            "cats/1.jpg": "",
            "dogs/1.jpg": "",
            "split.csv": "hash,path,label,part\n",
            "about.json": '{"author": "me"}',
            "notes.xml": "<notes/>",
        },
        {"train/cats/1.jpg": "", "train/dogs/1.jpg": "", "val/cats/1.jpg": "", "classes.txt": "cats\ndogs\n", "env.yaml": "name: x\n"},
        {"images/1.jpg": "", "labels/1.jpg": ""} | {"images/about.txt": "labels of clothes"},
        {"a.csv": "path,label\n"},
    ],
)
def test_class_folders_are_not_boxed(tmp_path, files):
    files = {name: text for name, text in files.items() if not name.startswith("labels")}
    assert not is_boxed(lay(tmp_path, files))
    with pytest.raises(CvappError, match="no photos with boxes; expected Annotations.*VOC.*COCO.*YOLO") as caught:
        scan(tmp_path)
    assert caught.value.code == Exit.BAD_DATA


def test_files_are_recognised_by_their_suffix(tmp_path):
    lay(tmp_path, {"a.json": coco_json(["a.jpg"]), "b.yml": YAML, "a.csv": "path,label\n", "images/a.jpg": ""})
    assert (scan(tmp_path / "a.json").format, scan(tmp_path / "b.yml").format) == ("coco", "yolo")
    assert is_boxed(tmp_path / "a.json") and not is_boxed(tmp_path / "a.csv") and not is_boxed(tmp_path / "gone.json")
    with pytest.raises(CvappError, match="holds coco and yolo; keep one, or name its json, csv or data.yaml"):
        scan(tmp_path)
    with pytest.raises(CvappError, match="gone.json: no such place; expected Annotations"):
        scan(tmp_path / "gone.json")


def test_real_class_folders_and_boxes_are_told_apart(shared_data):
    assert not is_boxed(shared_data / "hymenoptera-256") and not is_boxed(shared_data / "fashion-mnist")
    assert is_boxed(shared_data / "bccd") and is_boxed(shared_data / "detection-mini" / "coco" / "labels.json")


def test_the_picture_says_how_large_it_is(tmp_path):
    xml = voc_xml("a.jpg", ("cat", 1, 1, 60, 40), size=(32, 24))
    found = scan(lay(tmp_path, {"Annotations/a.xml": xml, "JPEGImages/a.jpg": ""}))
    assert (found.photos[0].size, found.photos[0].boxes[0].xyxy) == ((48, 64), (0.0, 0.0, 60.0, 40.0))
    assert found.mended == ["a.jpg: its annotation says another size (32x24) than the picture has (64x48): the picture's is used"]
    assert found.photos[0].hash == hashlib.sha256((tmp_path / "JPEGImages" / "a.jpg").read_bytes()).hexdigest()


def test_a_picture_that_exif_turns_has_the_size_that_is_seen(tmp_path):
    lay(tmp_path, {"images/a.jpg": turned(6), "images/b.jpg": turned(3), "classes.txt": "cat", "labels/a.txt": "0 .5 .5 1 1"})
    found = scan(tmp_path)
    assert [photo.size for photo in found.photos] == [images.read(tmp_path / "images" / name).shape[:2] for name in ("a.jpg", "b.jpg")]
    assert found.photos[0].size == found.photos[1].size[::-1]
    height, width = found.photos[1].size
    (tmp_path / "labels" / "a.txt").unlink()
    lay(tmp_path / "voc", {"a.xml": voc_xml("a.jpg", size=(width, height)), "a.jpg": turned(6)})
    (line,) = scan(tmp_path / "voc").mended
    said, seen = f"{width}x{height}", f"{height}x{width}, turned upright"
    assert line == f"a.jpg: its annotation says another size ({said}) than the picture has ({seen}): the picture's is used"


def test_a_size_of_nought_is_no_lie(tmp_path):
    assert scan(lay(tmp_path, {"a.xml": voc_xml("a.jpg", size=(0, 0)), "a.jpg": ""})).mended == []


def test_files_that_are_no_pictures_are_strays(tmp_path):
    whole = picture(tmp_path / "images" / "whole.jpg").read_bytes()
    lay(tmp_path, {"data.yaml": YAML, "images/cut.jpg": whole[:-40], "images/text.png": "text", "images/empty.jpg": "x"})
    (tmp_path / "images" / "empty.jpg").write_bytes(b"")
    found = scan(tmp_path)
    assert [photo.name for photo in found.photos] == ["whole.jpg"]
    assert {name: reason.split(";")[0].split("(")[0].strip() for name, reason in found.stray.items()} == {
        "cut.jpg": "the JPEG file is truncated",
        "empty.jpg": "the file is empty",
        "text.png": "not a picture",
    }


@pytest.mark.parametrize(
    "corners, kept, word",
    [
        ((0, 0, 64, 48), (0, 0, 64, 48), ""),
        ((-1, -1, 65, 49), (0, 0, 64, 48), ""),
        ((-1.01, 0, 64, 48), (0, 0, 64, 48), "clipped"),
        ((0, 0, 64, 50), (0, 0, 64, 48), "clipped"),
        ((64, 0, 70, 48), None, "outside"),
        ((-5, 0, 0, 48), None, "outside"),
        ((5, 5, 5, 9), None, "no size"),
        ((9, 5, 5, 9), None, "no size"),
        ((float("-inf"), 5, 5, 9), None, "no size"),
    ],
)
def test_a_box_is_held_against_the_frame(corners, kept, word):
    box, told = reading.framed(Box("cat", corners), (48, 64))
    assert (box and box.xyxy) == kept and (word in told if word else told == "")


def test_a_linked_folder_of_pictures_is_followed_and_a_loop_ends(tmp_path):
    lay(tmp_path, {"far/a.jpg": "", "set/data.yaml": YAML, "set/labels/a.txt": "0 .5 .5 1 1"})
    (tmp_path / "set" / "images").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "loop").symlink_to(tmp_path / "far")
    found = scan(tmp_path / "set")
    assert [(photo.name, len(photo.boxes)) for photo in found.photos] == [("a.jpg", 1)] and list(found.stray) == ["loop"]


OPENABLE = {  # a reader: its files, but for the pictures a, b and c
    "voc": {f"{name}.xml": voc_xml(f"{name}.jpg", ("cat", 2, 2, 20, 20)) for name in "abc"},
    "coco": {"all.json": coco_json(["a.jpg", "b.jpg", "c.jpg"], *((number, 1, [1, 1, 9, 9]) for number in range(3)))},
    "yolo": {"data.yaml": "names: [cat]\n", **{f"{name}.txt": "0 .5 .5 .5 .5\n" for name in "abc"}},
    "tensorflow": {"all.csv": "filename,class,xmin,ymin,xmax,ymax\n" + "".join(f"{name}.jpg,cat,1,1,9,9\n" for name in "abc")},
}


@pytest.mark.parametrize("name", OPENABLE)
def test_what_cannot_be_opened_is_named_and_never_opened(tmp_path, monkeypatch, name):
    """A picture that is a pipe, one that is a link to nowhere, an annotation that is a pipe, and a folder that is closed."""
    lay(tmp_path, {**OPENABLE[name], "a.jpg": "", "shut/d.jpg": ""})
    os.mkfifo(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").symlink_to("gone")
    for suffix in ("xml", "json", "txt", "csv"):
        os.mkfifo(tmp_path / f"pipe.{suffix}")
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda place: listdir(place) if Path(place).name != "shut" else listdir("/gone"))
    found = scan(tmp_path)
    assert [(photo.name, len(photo.boxes)) for photo in found.photos] == [("a.jpg", 1)]
    assert {name: reason.split(" (")[0] for name, reason in found.stray.items() if "pipe.jpg" not in name} == {
        "b.jpg": "a named pipe, not a file; remove it",
        "c.jpg": "a link to nowhere",
        "shut": "a folder that cannot be read",
        **{pipe: "a named pipe, not a file; remove it" for pipe in {"coco": ["pipe.json"], "tensorflow": ["pipe.csv"]}.get(name, [])},
    }


def test_a_source_that_cannot_be_read_is_no_empty_one(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "scandir", lambda place: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    for ask in (scan, is_boxed):
        with pytest.raises(CvappError, match="cannot be read .Permission denied.; mend its permissions") as raised:
            ask(tmp_path)
        assert raised.value.code == Exit.BAD_DATA
