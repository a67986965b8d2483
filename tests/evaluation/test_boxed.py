"""Figures of a saved detector: on the frames of its split, with the truth that was saved beside it."""

import dataclasses
import json

import numpy as np
import pytest

from cvapp import card as cards
from cvapp import images
from cvapp.boxes import iou
from cvapp.bundle import Bundle
from cvapp.data import split
from cvapp.data.boxed import Box
from cvapp.data.frames import TRUTH, write_truth
from cvapp.data.photos import store_for
from cvapp.data.split import Row
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import boxed
from cvapp.evaluation.boxed import LEAST, evaluate, figures_of, landmark_error, truth_of
from cvapp.images import Images
from cvapp.windows import Scan, Windows
from tests.evaluation.detections import boxes
from tests.windows.drawn import detector_card, draw, perfect

SCAN = Scan(Windows((32, 32), (8, 8)), ((1.0, 1.0),), 16, 0.625)
FRAMES = Images((96, 128), "letterbox")
LABELS = ("cat", "dog")
PLACES = [(10, 10, 30, 30), (70, 40, 90, 60), (100, 8, 120, 28), (40, 70, 60, 90)]


@pytest.fixture
def folder(workspace, monkeypatch):
    """A saved detector that calls every drawn object a cat, and its frames: photo p shows the first p places, the last one a dog."""
    home, store, rows, known = workspace / "saved_models" / "found", store_for(FRAMES), [], {}
    for number, part in enumerate(("train", "val", "val", "test", "test")):
        digest = f"{number}{number}{'0' * 62}"
        store.put(digest, draw((96, 128), *PLACES[:number]))
        known[digest] = tuple(Box("dog" if place == 3 else "cat", tuple(map(float, PLACES[place]))) for place in range(number))
        rows.append(Row(digest, f"{number}.png", "cat", part))
    split.write(home / split.FILE, rows)
    write_truth(home / TRUTH, known)
    card = detector_card(SCAN, FRAMES, LABELS, data={"fingerprint": "ab"})
    monkeypatch.setattr(boxed, "load", lambda place, variant: Bundle(card_of(home, card), perfect(SCAN, 2), variant or "keras"))
    return home


def card_of(folder, card):
    return dataclasses.replace(card, files=cards.hash_files(folder))


def test_the_truth_as_arrays():
    found = truth_of([Box("dog", (1.0, 2.0, 3.5, 4.0), True), Box("cat", (0.0, 0.0, 9.0, 9.0))], LABELS)
    assert found.xyxy.tolist() == [[1, 2, 3.5, 4], [0, 0, 9, 9]] and found.xyxy.dtype == np.float32
    assert (found.classes.tolist(), found.difficult.tolist()) == ([1, 0], [True, False])
    assert truth_of([Box("dog", (0, 0, 1, 1))], LABELS[::-1]).classes.tolist() == [0], "places among the labels that are given"


def test_the_truth_of_an_empty_photo_has_the_shapes_of_any_other():
    found = truth_of([], LABELS)
    assert [part.shape for part in found] == [(0, 4), (0,), (0,)] and [part.dtype.kind for part in found] == ["f", "i", "b"]
    assert figures_of([boxes()], [()], LABELS)["map50"] == 0


def test_figures_hold_those_of_voc_and_of_coco():
    """One of two objects is found, very nearly: 0.5 of the area at any threshold up to 0.9."""
    true = [Box("cat", (0, 0, 100, 99)), Box("cat", (200, 200, 300, 300))]
    figures = figures_of([boxes((0, 0, 100, 100, 0.9, 0))], [true], LABELS)
    assert figures["map50"] == 0.5 and figures["recall"] == 0.5 and figures["precision"] == 1
    assert len(figures["coco"]) == 12 and 0.5 < figures["coco"]["ap50"] < 0.51 and json.dumps(figures)


MARKED = [Box("cat", (0, 0, 40, 90), False, ((10, 10), (30, 80))), Box("dog", (100, 0, 120, 20), False, ((105, 5), (115, 15)))]


def marked(found, *points):
    return dataclasses.replace(found, points=np.array(points, np.float32))


def test_landmarks_are_as_far_off_as_the_side_of_a_square_of_the_boxs_area():
    """The cat's lie 3, 4 and 0 off, its area is that of a square of 60; the dog's 6 each, of 20."""
    found = marked(boxes((0, 0, 40, 90, 0.9, 0), (100, 0, 120, 20, 0.8, 1)), ((13, 14), (30, 80)), ((105, 11), (109, 15)))
    assert landmark_error([found], [MARKED], LABELS, 0.5) == pytest.approx((2.5 / 60 + 6 / 20) / 2, abs=1e-4)
    assert landmark_error([found], [MARKED], LABELS, 0.85) == pytest.approx(2.5 / 60, abs=1e-4), "what is shown counts"
    assert figures_of([found], [MARKED], LABELS)["landmark_error"] == landmark_error([found], [MARKED], LABELS, 0.8)


def test_landmarks_of_wrong_boxes_and_of_none_are_not_measured():
    far = ((0, 0), (0, 0))
    found = marked(boxes((0, 0, 40, 90, 0.9, 0), (0, 0, 40, 90, 0.8, 1), (300, 0, 340, 90, 0.7, 0)), ((10, 10), (30, 80)), far, far)
    assert landmark_error([found], [MARKED], LABELS, 0.5) == 0
    assert landmark_error([found.take([1, 2])], [MARKED], LABELS, 0.5) is None
    assert landmark_error([boxes((0, 0, 40, 90, 0.9, 0))], [MARKED], LABELS, 0.5) is None, "a detector without landmarks"
    assert "landmark_error" not in figures_of([boxes((0, 0, 40, 90, 0.9, 0))], [MARKED], LABELS)


def test_the_figures_of_the_part_that_is_held_out(folder):
    """Of the test photos the first shows 3 cats, the other 3 cats and a dog, which is taken for a cat."""
    found = evaluate(folder)
    assert (found["name"], found["variant"], found["split"], found["fingerprint"]) == ("found", "keras", "test", "ab")
    assert (found["photos"], found["objects"]) == (2, 7) and 0.45 < found["map50"] <= 0.5
    assert (found["by_class"]["cat"]["recall"], found["by_class"]["dog"]["recall"]) == (1, 0)
    assert found["false"] == {"wrong class": 1, "poor place": 0, "twice": 0, "background": 0}


def test_another_part_and_variant_are_had_for_the_asking(folder):
    found = evaluate(folder, part="val", variant="int8")
    assert (found["variant"], found["split"], found["photos"], found["objects"], found["map50"]) == ("int8", "val", 2, 3, 1)
    assert evaluate(folder, part="train")["photos"] == 1


def test_boxes_count_from_a_low_score(folder, monkeypatch):
    """The threshold of the card decides what is shown, not what is measured."""
    asked = []
    kept = Bundle.detect
    monkeypatch.setattr(Bundle, "detect", lambda self, frame, least=None: asked.append(least) or kept(self, frame, least))
    evaluate(folder)
    assert asked == [LEAST, LEAST] == [0.01, 0.01]


def test_frames_are_told_as_they_are_measured(folder):
    told = []
    evaluate(folder, report=lambda *words: told.append(words))
    assert told == [("evaluating keras", done, 2) for done in (0, 1, 2)]


def test_what_cannot_be_measured_is_told(folder, workspace):
    with pytest.raises(CvappError, match="has no tset photos in its split; choose one of test, train, val$") as error:
        evaluate(folder, part="tset")
    assert error.value.code == Exit.USAGE
    store = store_for(FRAMES)
    (store.folder / "44" / ("44" + "0" * 62)).unlink()
    wanted = "^1 of the model's 2 photos are not to be had; name the folder that it learnt from with --split test --data DIR$"
    with pytest.raises(CvappError, match=wanted) as error:
        evaluate(folder)
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize("name", [split.FILE, TRUTH])
def test_an_altered_file_of_the_model_is_refused(folder, name, monkeypatch):
    card = card_of(folder, detector_card(SCAN, FRAMES, LABELS, data={"fingerprint": "ab"}))
    monkeypatch.setattr(boxed, "load", lambda place, variant: Bundle(card, perfect(SCAN, 2), "keras"))
    (folder / name).write_text((folder / name).read_text() + "\n")
    with pytest.raises(CvappError, match=f"{name}: altered since it was saved") as error:
        evaluate(folder)
    assert error.value.code == Exit.BAD_DATA
    (folder / name).unlink()
    with pytest.raises(CvappError, match=f"{name}: missing from the saved model"):
        evaluate(folder)


def test_the_control_the_drawn_objects_are_found_where_they_are():
    bundle = Bundle(detector_card(SCAN, FRAMES, LABELS), perfect(SCAN, 2), "keras")
    found = bundle.detect(draw((96, 128), *PLACES))
    assert len(found) == 4 and iou(found.xyxy, np.array(PLACES)).max(1).min() > 0.9
    assert len(bundle.detect(images.fit(np.zeros((96, 128, 3), np.uint8), FRAMES))) == 0
