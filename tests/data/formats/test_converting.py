"""From any format into any other and back: the same photos, parts, classes, boxes and landmarks."""

import dataclasses
import itertools
import json

import numpy as np
import pytest

from cvapp.data import split
from cvapp.data.boxed import Box, as_listing
from cvapp.data.formats import FORMATS, coco, scan
from cvapp.data.formats.converting import convert
from cvapp.errors import CvappError, Exit
from tests.data.formats.sets import lay, random_listing

ORDERS = list(itertools.permutations(FORMATS))


def content(listing):
    """What a conversion must keep."""
    return listing.labels, [(photo.name, photo.part, photo.size, photo.boxes) for photo in listing.photos]


def through(listing, folder, formats):
    """The listing after it was written and read in each of the formats."""
    for place, name in enumerate(formats):
        assert convert(listing, name, folder / f"{place}-{name}") == []
        listing = scan(folder / f"{place}-{name}")
        assert (listing.format, listing.stray, listing.mended) == (name, {}, [])
    return listing


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("points", [0, 4])
def test_a_round_of_all_formats_changes_nothing(tmp_path, order, points):
    first = random_listing(tmp_path / "photos", np.random.default_rng(points), points)
    assert content(through(first, tmp_path, [*order, order[0]])) == content(first)


def test_a_round_keeps_sets_without_parts(tmp_path, rng):
    first = random_listing(tmp_path / "photos", rng)
    first = dataclasses.replace(first, photos=[dataclasses.replace(photo, part=None) for photo in first.photos])
    assert content(through(first, tmp_path, ["voc", "yolo", "coco", "voc"])) == content(first)


def test_a_box_that_moved_a_hundred_thousandth_is_seen(tmp_path, rng):
    """The control of the rounds."""
    first = random_listing(tmp_path / "photos", rng)
    convert(first, "yolo", tmp_path / "out")
    path = next(path for path in sorted((tmp_path / "out" / "labels").rglob("*.txt")) if path.stat().st_size)
    number, x, *rest = path.read_text().split(" ")
    path.write_text(" ".join([number, str(float(x) + 1e-6), *rest]))
    assert content(scan(tmp_path / "out")) != content(first)


def test_difficult_is_kept_by_voc_and_coco_and_told_lost_by_yolo(tmp_path):
    boxes = (Box("a", (0.0, 0.0, 4.0, 5.0), True), Box("a", (1.0, 0.0, 4.0, 5.0)))
    first = random_listing(tmp_path / "photos", np.random.default_rng(0), count=1)
    first = dataclasses.replace(first, photos=[dataclasses.replace(first.photos[0], boxes=boxes)], labels=["a"])
    assert content(through(first, tmp_path, ["voc", "coco", "voc"])) == content(first)
    assert convert(first, "yolo", tmp_path / "yolo") == ["objects marked difficult, ordinary ones now: 1"]
    assert [box.difficult for box in scan(tmp_path / "yolo").photos[0].boxes] == [False, False]


def test_landmarks_that_yolo_cannot_hold_are_told(tmp_path):
    marks = ((1.0, 2.0), (3.0, 4.0))
    boxes = (Box("a", (0.0, 0.0, 4.0, 5.0), points=marks), Box("a", (0.0, 0.0, 5.0, 5.0), points=marks[:1]), Box("a", (0.0, 0.0, 6.0, 5.0)))
    first = random_listing(tmp_path / "photos", np.random.default_rng(0), count=1)
    first = dataclasses.replace(first, photos=[dataclasses.replace(first.photos[0], boxes=boxes)], labels=["a"])
    assert content(through(first, tmp_path, ["voc", "coco", "voc"])) == content(first)
    assert convert(first, "yolo", tmp_path / "yolo") == ["landmarks of objects that have fewer than 2, left out: 1"]
    assert [box.points for box in scan(tmp_path / "yolo").photos[0].boxes] == [marks, (), ()]


def test_pycocotools_reads_what_is_written(tmp_path, rng, capsys):
    oracle = pytest.importorskip("pycocotools.coco")
    first = random_listing(tmp_path / "photos", rng, 3, 20)
    convert(first, "coco", tmp_path / "out")
    seen = {}
    for path in sorted((tmp_path / "out" / "annotations").glob("*.json")):
        read = oracle.COCO(str(path))
        assert [one["name"] for one in read.loadCats(read.getCatIds())] == first.labels
        for image in read.loadImgs(read.getImgIds()):
            entries = read.loadAnns(read.getAnnIds(imgIds=image["id"]))
            seen[image["file_name"]] = [(read.cats[one["category_id"]]["name"], one["bbox"], one["num_keypoints"]) for one in entries]
    assert set(seen) == {photo.name for photo in first.photos} and sum(map(len, seen.values())) > 20
    for photo in first.photos:
        for box, (label, (left, top, width, height), points) in zip(photo.boxes, seen[photo.name], strict=True):
            assert (label, points) == (box.label, 3)
            np.testing.assert_allclose((left, top, left + width, top + height), box.xyxy, atol=1e-6)


@pytest.mark.parametrize("to", ["voc", "coco", "yolo"])
def test_a_frozen_split_is_kept(tmp_path, rng, to):
    first = random_listing(tmp_path / "photos", rng, count=12)
    photos = [dataclasses.replace(photo, part=None) for photo in first.photos]
    convert(dataclasses.replace(first, photos=photos), "coco", tmp_path / "set")
    made = scan(tmp_path / "set")
    rows = [split.Row(photo.hash, photo.name, "", ("train", "val", "test")[place % 3]) for place, photo in enumerate(made.photos)]
    split.write(made.split_file, rows)
    convert(made, to, tmp_path / "out")
    again = scan(tmp_path / "out")
    assert {row.hash: row.part for row in split.beside(as_listing(again))} == {row.hash: row.part for row in rows}


def test_a_folder_that_holds_something_is_refused(tmp_path, rng):
    first = random_listing(tmp_path / "photos", rng, count=2)
    lay(tmp_path, {"out/mine.txt": "mine"})
    for out in ("out", "out/mine.txt"):
        with pytest.raises(CvappError, match="holds something already; give a new folder") as caught:
            convert(first, "voc", tmp_path / out)
        assert caught.value.code == Exit.USAGE
    with pytest.raises(CvappError, match="'vok': choose one of voc, coco, yolo"):
        convert(first, "vok", tmp_path / "new")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["voc", "yolo"])
def test_photos_that_would_share_an_annotation_are_refused_and_nothing_is_left(tmp_path, rng, name):
    first = random_listing(tmp_path / "photos", rng, count=1)
    photo = first.photos[0]
    first = dataclasses.replace(first, photos=[photo, dataclasses.replace(photo, name=photo.name.replace(".jpg", ".png"))])
    with pytest.raises(CvappError, match="a b 0.jpg and a b 0.png would share one annotation; rename one of them"):
        convert(first, name, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_size_is_taken_from_the_photo_where_the_listing_has_none(tmp_path, rng, name):
    first = random_listing(tmp_path / "photos", rng, count=6)
    convert(dataclasses.replace(first, photos=[dataclasses.replace(photo, size=None) for photo in first.photos]), name, tmp_path / "out")
    assert content(scan(tmp_path / "out")) == content(first)


def test_real_cells_come_back(shared_data, tmp_path):
    first = scan(shared_data / "bccd")
    assert (len(first.photos), sum(len(photo.boxes) for photo in first.photos), first.stray, first.mended) == (364, 4888, {}, [])
    assert first.labels == ["Platelets", "RBC", "WBC"]
    assert through(first, tmp_path, ["coco", "yolo", "voc"]).photos == first.photos


@pytest.mark.parametrize("name, photos, boxes", [("coco", 5, 57), ("voc", 4, 6)])
def test_real_small_sets_come_back(shared_data, tmp_path, name, photos, boxes):
    first = scan(shared_data / "detection-mini" / name)
    assert (first.format, len(first.photos), sum(len(photo.boxes) for photo in first.photos)) == (name, photos, boxes)
    assert through(first, tmp_path, ["voc", "yolo", "coco"]).photos == first.photos


def test_what_is_written_for_coco_is_plain(tmp_path, rng):
    first = random_listing(tmp_path / "photos", rng, count=1)
    box = Box("b 2", (1.5, 2.0, 4.0, 8.0), True, ((1.0, 2.25),))
    coco.write(dataclasses.replace(first, photos=[dataclasses.replace(first.photos[0], boxes=(box,), part=None)], labels=["b 2"]), tmp_path)
    whole = json.loads((tmp_path / "annotations" / "instances.json").read_text())
    assert whole["annotations"] == [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 1,
            "bbox": [1.5, 2, 2.5, 6],
            "area": 15,
            "iscrowd": 1,
            "keypoints": [1, 2.25, 2],
            "num_keypoints": 1,
        }
    ]


def laid_out_elsewhere(tmp_path):
    """A data.yaml whose photos lie elsewhere, said by absolute paths, and one photo beside it."""
    files = {f"set/images/{part}/{part}.jpg": "" for part in ("train", "val")}
    files |= {f"set/labels/{part}/{part}.txt": "0 .5 .5 .5 .5\n" for part in ("train", "val")}
    yaml = f"train: [{tmp_path}/set/images/train, mine]\nval: {tmp_path}/set/images/val\nnames: [cat]\n"
    return lay(tmp_path, {**files, "proj/data.yaml": yaml, "proj/mine/train.jpg": "", "proj/mine/train.txt": "0 .5 .5 1 1\n"})


@pytest.mark.parametrize("name", list(FORMATS))
def test_photos_outside_the_folder_are_copied_and_their_sources_stay(tmp_path, name):
    laid_out_elsewhere(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    first = scan(tmp_path / "proj" / "data.yaml")
    assert convert(first, name, tmp_path / "out") == []
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and "out" not in path.parts} == before
    again = scan(tmp_path / "out")
    assert [(photo.name, photo.part, len(photo.boxes)) for photo in again.photos] == [
        ("mine/train.jpg", "train", 1),
        ("outside/train/train.jpg", "train", 1),
        ("outside/val/val.jpg", "val", 1),
    ]
    assert again.stray == {} and again.mended == []


def test_photos_that_all_lie_outside_need_no_folder_of_their_own(tmp_path):
    laid_out_elsewhere(tmp_path)
    (tmp_path / "proj" / "data.yaml").write_text(f"train: {tmp_path}/set/images/train\nval: {tmp_path}/set/images/val\nnames: [cat]\n")
    first = scan(tmp_path / "proj" / "data.yaml")
    convert(first, "voc", tmp_path / "out")
    assert [photo.name for photo in scan(tmp_path / "out").photos] == ["train/train.jpg", "val/val.jpg"]
    with pytest.raises(CvappError, match="lies inside the photos that are converted"):
        convert(first, "voc", tmp_path / "set" / "images" / "train" / "out")


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("called", ["{0}/photos/a b 0.jpg", "../a b 0.jpg", "x/../../a b 0.jpg"])
def test_a_writer_refuses_what_leads_out_of_its_folder_before_it_writes(tmp_path, rng, name, called):
    first = random_listing(tmp_path / "photos", rng, count=1)
    first = dataclasses.replace(first, photos=[dataclasses.replace(first.photos[0], name=called.format(tmp_path))])
    with pytest.raises(CvappError, match="a b 0.jpg: lies outside .*; give a photo to write a name below it") as caught:
        FORMATS[name].write(first, tmp_path / "out")
    assert caught.value.code == Exit.BAD_DATA and [path.name for path in tmp_path.iterdir()] == ["photos"]
