"""The check of photos with boxes: what is there is counted, what is wrong is named, what is good is passed over."""

import cv2
import numpy as np
import pytest

from cvapp import images, signs
from cvapp.cli import main
from cvapp.data.boxed_check import BoxedFindings, Sides, Tally, check
from tests.data.formats.sets import coco_json, lay, picture, voc_xml

SETS = "ImageSets/Main/"


def scene(folder, name, number):
    """A photo of its own, 100x80."""
    images.write(folder / "JPEGImages" / name, signs.photo(2, "cup", number, (80, 100)))


@pytest.fixture
def folder(tmp_path):
    """Three photos, one in each part: 20 cats in the first, and a cat in each other."""
    objects = {
        "a": [("cat", 1 + 4 * place, 1, 4 + 4 * place, 10 + place) for place in range(20)],
        "b": [("cat", 1, 1, 50, 60)],
        "c": [("cat", 1, 1, 9, 9)],
    }
    for number, (name, boxes) in enumerate(objects.items()):
        scene(tmp_path, f"{name}.jpg", number)
        lay(tmp_path, {f"Annotations/{name}.xml": voc_xml(f"{name}.jpg", *boxes, size=(100, 80))})
    return lay(tmp_path, {SETS + "train.txt": "a\n", SETS + "val.txt": "b\n", SETS + "test.txt": "c\n"})


def test_a_good_set_is_counted_and_nothing_is_said(folder):
    found = check(folder)
    tally = Tally(3, 22, {"train": 20, "val": 1, "test": 1}, Sides(4.0, 9.5, 60.0))
    assert found == BoxedFindings("voc", {"cat": tally}, {"train": 1, "val": 1, "test": 1})
    assert found.objects == 22 and not found.wrong


def test_photos_that_use_few_of_their_bits_are_told(folder):
    dark = signs.photo(2, "cup", 9, (80, 100)).astype(np.uint16) * 16
    (folder / "JPEGImages" / "b.jpg").write_bytes(cv2.imencode(".png", dark)[1].tobytes())
    (note,) = check(folder).notes
    assert note.startswith("b.jpg: uses only values up to ") and note.endswith("it looks almost black; --set images.bits=12 stretches it")


def test_one_object_with_two_labels_and_one_with_two_boxes(folder):
    boxes = [("cat", 1, 1, 50, 60), ("dog", 2, 1, 50, 60), ("cat", 1, 1, 50, 58), ("cat", 1, 20, 50, 60)]
    lay(folder, {"Annotations/b.xml": voc_xml("b.jpg", *boxes, size=(100, 80))})
    found = check(folder)
    assert found.contradictory == [
        "b.jpg: cat 0..50 x 0..60 and dog 1..50 x 0..60 are 98% the same",
        "b.jpg: dog 1..50 x 0..60 and cat 0..50 x 0..58 are 95% the same",
    ]
    assert found.twice == ["b.jpg: cat 0..50 x 0..60 and cat 0..50 x 0..58 are 97% the same"]
    assert found.wrong


def test_two_boxes_of_one_label_are_not_wrong(folder):
    """The control: the set trains as it is."""
    lay(folder, {"Annotations/b.xml": voc_xml("b.jpg", *2 * [("cat", 1, 1, 50, 60)], size=(100, 80))})
    assert len(check(folder).twice) == 1 and not check(folder).wrong


def test_classes_that_are_measured_but_not_trained_and_rare_ones(folder):
    boxes = [("cat", 1, 1, 50, 60), ("dog", 1, 1, 20, 20), ("dog", 31, 1, 50, 20)]
    lay(folder, {"Annotations/b.xml": voc_xml("b.jpg", *boxes, size=(100, 80)), "labels.txt": "cow\n"})
    found = check(folder)
    assert found.absent == ["class 'dog' has 2 objects in val, but none in train"] and found.wrong
    assert found.rare == ["class 'cow' has no objects: 20 are a start", "class 'dog' has 2 objects: 20 are a start"]
    assert found.classes["cow"] == Tally(0, 0, {"train": 0, "val": 0, "test": 0}, None)


def test_mended_boxes_are_grouped_and_tiny_ones_named(folder):
    boxes = [("cat", 90, 1, 120, 60), ("cat", 101, 1, 120, 60), ("cat", 9, 9, 5, 5), ("cat", 5, 5, 5, 5)]
    lay(folder, {"Annotations/b.xml": voc_xml("b.jpg", *boxes, size=(100, 80)), "Annotations/c.xml": voc_xml("c.jpg", size=(80, 100))})
    found = check(folder)
    assert {kind: len(lines) for kind, lines in found.mended.items()} == {
        "its annotation says another size": 1,
        "has no size, or its corners are swapped": 1,
        "lies outside the picture": 1,
        "reaches beyond the picture": 1,
    }
    assert found.tiny == ["b.jpg: cat 4..5 x 4..5 is 1x1 pixels"]
    assert found.empty == ["c.jpg"] and found.wrong


def test_clipped_boxes_and_empty_photos_are_not_wrong(folder):
    lay(folder, {"Annotations/b.xml": voc_xml("b.jpg", ("cat", 90, 1, 120, 60)), "Annotations/c.xml": voc_xml("c.jpg", size=(100, 80))})
    lay(folder, {"Annotations/b.xml": voc_xml("b.jpg", ("cat", 90, 1, 120, 60), size=(100, 80))})
    found = check(folder)
    assert found.mended and found.empty and not found.wrong


def test_files_are_decoded_for_real(folder):
    data = bytearray((folder / "JPEGImages" / "b.jpg").read_bytes())
    quantisation = data.find(b"\xff\xdb")
    data[quantisation : quantisation + 2] = b"\xff\xfe"  # a comment now: the header stands, the pixels are lost
    (folder / "JPEGImages" / "b.jpg").write_bytes(bytes(data))
    found = check(folder)
    assert list(found.unusable) == ["b.jpg"] and "cannot decode" in found.unusable["b.jpg"]
    assert found.parts == {"train": 1, "test": 1} and found.objects == 21 and found.wrong


def test_one_picture_in_two_parts_is_told(folder):
    (folder / "JPEGImages" / "c.jpg").write_bytes((folder / "JPEGImages" / "a.jpg").read_bytes())
    found = check(folder)
    assert found.across == [["a.jpg (train)", "c.jpg (test)"]] and found.wrong


def test_copies_in_one_part_are_named_and_not_wrong(folder, capsys):
    """`d` is the very content of `a`, `e` the same picture saved again; a photo of its own, `f`, is none of them."""
    first, boxes = (folder / "JPEGImages" / "a.jpg"), [("cat", 1 + 4 * place, 1, 4 + 4 * place, 10 + place) for place in range(20)]
    (folder / "JPEGImages" / "d.jpg").write_bytes(first.read_bytes())
    cv2.imwrite(str(folder / "JPEGImages" / "e.jpg"), cv2.imread(str(first)), [cv2.IMWRITE_JPEG_QUALITY, 50])
    scene(folder, "f.jpg", 9)
    lay(folder, {f"Annotations/{name}.xml": voc_xml(f"{name}.jpg", *boxes, size=(100, 80)) for name in "def"})
    lay(folder, {SETS + "train.txt": "a\nd\ne\nf\n"})
    found = check(folder)
    assert found.within == found.near_duplicates == [["a.jpg", "d.jpg", "e.jpg"]] and found.duplicates == [["a.jpg", "d.jpg"]]
    assert not (found.unusable or found.across or found.left_out or found.wrong)
    assert main(["data", "check", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "copies, all used: they stay in one part of the split (1)\n  a.jpg, d.jpg, e.jpg\n" in said
    assert "files that cannot be used" not in said


def test_near_copies_in_two_parts_stand_under_a_heading_of_their_own(folder, capsys):
    first = folder / "JPEGImages" / "a.jpg"
    cv2.imwrite(str(folder / "JPEGImages" / "c.jpg"), cv2.imread(str(first)), [cv2.IMWRITE_JPEG_QUALITY, 50])
    assert check(folder).across == [["a.jpg (train)", "c.jpg (test)"]] and check(folder).within == []
    assert main(["data", "check", str(folder)]) == 3
    said = capsys.readouterr().out
    assert "copies that training leaves out (1)\n  a.jpg: near copy of c.jpg, which is in test\n" in said
    assert "in several parts" in said and "files that cannot be used" not in said


def test_without_objects_there_is_nothing_to_train_on(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    found = check(lay(tmp_path, {"data.yaml": "names: [cat]"}))
    assert (found.objects, found.parts, found.wrong) == (0, {"none": 1}, True)


def test_real_cells(shared_data):
    found = check(shared_data / "bccd")
    assert (found.objects, found.parts) == (4888, {"train": 205, "val": 87, "test": 72})
    assert {label: tally.objects for label, tally in found.classes.items()} == {"Platelets": 361, "RBC": 4155, "WBC": 372}
    assert [line.split(":")[0] for line in found.twice] == [
        f"BloodImage_{number}.jpg" for number in "00020 00100 00104 00251 00284 00331 00403".split()
    ]
    assert [line.split(":")[0] for line in found.tiny] == ["BloodImage_00338.jpg", "BloodImage_00343.jpg"]
    assert found.across == [
        ["BloodImage_00037.jpg (val)", "BloodImage_00038.jpg (train)"],
        ["BloodImage_00386.jpg (val)", "BloodImage_00391.jpg (test)"],
    ]
    assert not (found.unusable or found.mended or found.contradictory or found.absent or found.empty)


def test_boxes_in_shares_of_the_picture_are_not_ready(tmp_path):
    """COCO's numbers are pixels; a set whose numbers are shares has boxes of no size."""
    for number in range(4):
        scene(tmp_path, f"{number}.jpg", number)
    boxes = [(number, 1, [0.1, 0.2, 0.5, 0.6]) for number in range(4)]
    lay(tmp_path, {"all.json": coco_json([f"{number}.jpg" for number in range(4)], *boxes)})
    found = check(tmp_path)
    assert len(found.tiny) == 4 and found.pointlike and found.wrong


def test_classes_that_look_alike_are_named(folder):
    lay(folder, {"Annotations/b.xml": voc_xml("b.jpg", ("Cat", 1, 1, 50, 60), size=(100, 80))})
    assert check(folder).notes == ["classes 'Cat' and 'cat' look alike; if they are one, give it one name"]
