"""A detector measured on a person's own photos with boxes: figures by hand, classes that the model or the photos do not know."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from cvapp import card as cards
from cvapp import images
from cvapp.bundle import Bundle
from cvapp.data import split
from cvapp.data.frames import TRUTH, write_truth
from cvapp.data.split import Row
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import boxed
from cvapp.evaluation.boxed import evaluate
from cvapp.images import Images
from cvapp.windows import Scan, Windows
from tests.evaluation.detections import boxes
from tests.windows.drawn import detector_card, draw, perfect

SCAN = Scan(Windows((32, 32), (8, 8)), ((1.0, 1.0),), 16, 0.625)
PLACES = [(10, 10, 30, 30), (70, 40, 90, 60), (100, 8, 120, 28), (40, 70, 60, 90)]


def lay(folder, labels, *photos):
    """A COCO set of drawn frames, of each the labels of the first places, which are all that it shows."""
    entries, annotations = [], []
    for number, shown in enumerate(photos):
        frame = draw((96, 128), *PLACES[: len(shown)])
        frame[frame > 0] -= number  # so that no two are of one content
        images.write(folder / "images" / f"{number}.png", frame)
        entries.append({"id": number, "file_name": f"{number}.png", "width": 128, "height": 96})
        for (left, top, right, bottom), label in zip(PLACES, shown):
            box = {"bbox": [left, top, right - left, bottom - top], "category_id": labels.index(label)}
            annotations.append({"image_id": number, "id": len(annotations), **box})
    path = folder / "annotations" / "instances.json"
    path.parent.mkdir(parents=True)
    categories = [{"id": place, "name": label} for place, label in enumerate(labels)]
    path.write_text(json.dumps({"images": entries, "annotations": annotations, "categories": categories}))
    return folder


def save(home, monkeypatch, rows=(), scan=SCAN, label=0):
    """A saved detector of cats and dogs that takes every drawn object for one of them."""
    split.write(home / split.FILE, rows)
    write_truth(home / TRUTH, {})
    card = detector_card(scan, Images((96, 128), "letterbox"), ("cat", "dog"), data={"fingerprint": "ab"}, files=cards.hash_files(home))
    cards.write(card, home)
    monkeypatch.setattr(boxed, "load", lambda place, variant: Bundle(card, perfect(scan, 2, label), variant or "keras"))


@pytest.fixture
def home(workspace, monkeypatch):
    save(workspace / "saved_models" / "found", monkeypatch)
    return workspace / "saved_models" / "found"


def test_boxes_of_unknown_classes_are_not_missed_and_those_of_classes_not_marked_do_not_count(home, monkeypatch):
    """Three cats are found of three. What is found on the owl is a false box, the second surest of four: a third of 1 and two thirds of 3/4."""
    source = lay(Path("new"), ["Cat", "owl"], ["Cat", "Cat"], ["Cat", "owl"], [])
    found = evaluate(home, source)
    assert (found["objects"], found["photos"], found["map50"]) == (3, 3, 0.8333) and list(found["by_class"]) == ["cat"]
    assert found["by_class"]["cat"]["recall"] == 1 and sum(found["missed_by_size"].values()) == 0 and found["false"]["background"] == 1
    assert (found["missing"], found["extra"]) == (["dog"], [{"label": "owl", "boxes": 1}])
    assert found["notes"] == [
        "class 'Cat' is taken for the model's 'cat'",
        "1 of the model's 2 classes could not be measured: 'dog'",
        "class 'owl' is not one of the model's: its 1 box cannot be missed",
    ]
    save(home, monkeypatch, label=1)
    found = evaluate(home, source)
    assert (found["map50"], sum(found["false"].values())) == (0.0, 0), "all are taken for dogs, which the photos do not mark"


def test_photos_that_it_learned_from_are_left_out(home, monkeypatch):
    source = lay(Path("new"), ["cat", "dog"], ["cat"], ["cat", "dog"], ["cat"])
    digests = [hashlib.sha256((source / "images" / f"{number}.png").read_bytes()).hexdigest() for number in range(3)]
    rows = [Row(digest, f"{number}.png", "cat", part) for number, (digest, part) in enumerate(zip(digests, ("train", "test", "val")))]
    save(home, monkeypatch, rows)
    found = evaluate(home, source)
    assert (found["photos"], found["objects"], found["map50"], found["left_out"]["learned"]) == (1, 2, 0.25, 2), "the dog is taken for a cat"
    save(home, monkeypatch, [row._replace(part="train") for row in rows])
    with pytest.raises(CvappError, match="nothing is left to measure on without the 3 photos .* with --split val$"):
        evaluate(home, source)


def test_what_cannot_be_used_is_named_and_copies_that_disagree_are_left_out(home):
    source = lay(Path("new"), ["cat", "dog"], ["cat"], ["cat"], ["dog"])
    (source / "images" / "1.png").write_bytes(b"none")
    shutil.copy(source / "images" / "0.png", source / "images" / "2.png")
    path = source / "annotations" / "instances.json"
    with pytest.raises(CvappError, match="no photo of the model's classes can be used") as error:
        evaluate(home, source)
    assert error.value.code == Exit.BAD_DATA
    path.write_text(path.read_text().replace('"category_id": 1', '"category_id": 0'))
    found = evaluate(home, source)
    assert (found["photos"], found["left_out"]) == (1, {"learned": 0, "repeated": 1, "two_labels": 0, "near_copies": 0, "unusable": 1})
    assert list(found["unusable"]) == ["images/1.png"] or list(found["unusable"]) == ["1.png"]


def test_photos_without_an_object_say_so(home):
    found = evaluate(home, lay(Path("new"), ["cat", "dog"], [], []))
    assert found["objects"] == 0 and "no object of the model's classes is marked in these photos: mAP50 says nothing" in found["notes"]


def test_no_class_in_common_and_no_boxes_are_one_line(home):
    with pytest.raises(CvappError, match=r"^--data new: none of its classes \('dgo'\) is one of the model's .*Did you mean dog\?$") as error:
        evaluate(home, lay(Path("new"), ["dgo"], ["dgo"]))
    assert error.value.code == Exit.BAD_DATA
    images.write("plain/cat/0.png", draw((96, 128)))
    with pytest.raises(CvappError, match="^plain: no photos with boxes; expected "):
        evaluate(home, "plain")


def test_a_classifier_made_a_detector_is_measured_on_photos_with_boxes(home, monkeypatch):
    save(home, monkeypatch, scan=dataclasses.replace(SCAN, refined=False))
    with pytest.raises(CvappError, match="measure the classifier, or give photos with boxes with --data DIR$"):
        evaluate(home)
    monkeypatch.setattr(Bundle, "detect", lambda self, frame, least=None: boxes((*PLACES[0], 0.9, 0)))
    found = evaluate(home, lay(Path("new"), ["cat"], ["cat", "cat"]))
    assert (found["map50"], found["objects"]) == (0.5, 2)
