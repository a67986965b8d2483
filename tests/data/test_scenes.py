"""Scenes on disk: boxes of what lies inside the frame, objects and difficult ones, three parts."""

import cv2
import numpy as np
import pytest

from cvapp import images
from cvapp.data import scenes
from cvapp.data.formats import coco
from cvapp.data.scenes import boxes_of
from cvapp.errors import CvappError, Exit
from cvapp.signs import SIGNS, crowds
from cvapp.signs.crowds import Sign

SQUARE = ((10.0, 20.0), (110.0, 20.0), (110.0, 120.0), (10.0, 120.0))
PLATE = {
    "heart": (11.5, 21.5, 108.5, 118.5),
    "bolt": (11, 22.5, 109, 110),
    "house": (10.5, 20.5, 109.5, 119.5),
    "star": (11.5, 21.5, 108.5, 118.5),
}


@pytest.mark.parametrize("label", PLATE)
def test_a_box_is_that_of_the_plate_and_the_points_are_the_corners(label):
    """A square plate fills 97 of a hundred pixels; a triangle's foot is at 0.8 of the way from the middle to the edge."""
    (box,) = boxes_of([Sign(label, SQUARE, 0.0)], (480, 640))
    assert box == (label, pytest.approx(PLATE[label], abs=0.05), False, SQUARE)


def test_a_box_ends_where_the_picture_ends():
    moved = tuple((x - 60, y + 400) for x, y in SQUARE)
    (box,) = boxes_of([Sign("heart", moved, 0.5)], (480, 640))
    assert box == ("heart", pytest.approx((0, 421.5, 48.5, 480), abs=1e-4), True, moved)


def test_a_box_is_that_of_the_part_inside_not_of_its_corners_cut_off():
    """A diamond whose upper half lies above the picture is widest at the edge; its right quarter is less high than the whole."""
    (half,) = boxes_of([Sign("house", tuple((x, y - 70) for x, y in SQUARE), 0.5)], (480, 640))
    assert half.xyxy == pytest.approx((10.5, 0, 109.5, 49.5), abs=0.05)
    (rest,) = boxes_of([Sign("house", tuple((x - 85, y) for x, y in SQUARE), 0.5)], (480, 640))
    assert rest.xyxy == pytest.approx((0, 70 - 24.5, 24.5, 70 + 24.5), abs=0.05)


@pytest.mark.parametrize("hidden, difficult", [(0.0, [False]), (0.4, [False]), (0.41, [True]), (0.6, [True]), (0.61, []), (1.0, [])])
def test_what_is_hidden_much_is_difficult_or_no_object(hidden, difficult):
    assert [box.difficult for box in boxes_of([Sign("heart", SQUARE, hidden)], (480, 640))] == difficult


def test_boxes_of_many_scenes_are_those_of_their_plates_filled_at_four_times_the_size():
    off, shifted = [], []
    for index in range(80):
        layers = crowds.arrange(np.random.default_rng(index), (240, 320), 6)
        signs = [Sign(layer.label, tuple(map(tuple, layer.corners.tolist())), 0.0) for layer in layers if layer.label]
        for sign, box in zip(signs, boxes_of(signs, (240, 320)), strict=True):
            fixed = np.round(crowds.outline(sign.label, sign.corners) * 4 - 0.5).astype(np.int32)
            plate = cv2.fillPoly(np.zeros((960, 1280), np.uint8), [fixed], 1) > 0
            rows, columns = np.flatnonzero(plate.any(1)), np.flatnonzero(plate.any(0))
            pixels = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / 4
            off.append(np.abs(pixels - box.xyxy).max())
            shifted.append(np.abs(pixels - box.xyxy - np.array(3)).max())
    assert len(off) > 180 and max(off) < 1 < 2 < min(shifted)


def test_scenes_on_disk_are_in_three_parts_with_their_boxes(tmp_path):
    told = []
    listing = scenes.write_scenes(tmp_path / "a", 10, 3, lambda *state: told.append(state))
    assert [photo.part for photo in listing.photos] == ["train", "train", "train", "val", "test"] * 2
    assert [photo.name for photo in listing.photos] == [f"{number:05d}.jpg" for number in range(1, 11)]
    assert listing.labels == list(SIGNS) and told[-1] == ("drawing scenes", 10, 10)
    rgb, signs = crowds.scene(3, 7)
    assert listing.photos[7].boxes == boxes_of(signs, (480, 640)) and listing.photos[7].size == (480, 640)
    written = images.read(tmp_path / "a" / "images" / "00008.jpg")
    assert np.abs(written.astype(int) - rgb).mean() < 12 < np.abs(written.astype(int) - crowds.scene(3, 6)[0]).mean()
    assert sorted(path.name for path in (tmp_path / "a" / "annotations").iterdir()) == [
        f"instances_{part}.json" for part in ("test", "train", "val")
    ]
    again = scenes.write_scenes(tmp_path / "b", 5, 3)
    assert again.photos == listing.photos[:5], "a scene and its part do not depend on how many there are"


def test_what_is_read_again_is_what_was_written(tmp_path):
    written = scenes.write_scenes(tmp_path, 15, 1)
    read = coco.read(tmp_path)
    assert (read.labels, read.stray, read.mended, read.folder) == (list(SIGNS), {}, [], tmp_path / "images")
    assert sum(len(photo.boxes) for photo in read.photos) > 20 and any(not photo.boxes for photo in read.photos)
    for one, other in zip(written.photos, read.photos, strict=True):
        assert (one.name, one.part, one.size) == (other.name, other.part, other.size)
        for box, again in zip(one.boxes, other.boxes, strict=True):
            assert (box.label, box.difficult) == (again.label, again.difficult)
            np.testing.assert_allclose([*box.xyxy, *np.ravel(box.points)], [*again.xyxy, *np.ravel(again.points)], atol=1e-5)


@pytest.mark.parametrize("count", [-1, 0, 4])
def test_too_few_for_three_parts_are_refused(tmp_path, count):
    words = f"^--count {count}: give how many scenes, at least 5: three to train, one to validate, one to test$"
    with pytest.raises(CvappError, match=words) as error:
        scenes.write_scenes(tmp_path / "a", count, 0)
    assert error.value.code == Exit.USAGE and not (tmp_path / "a").exists()


def test_a_place_that_cannot_be_written_is_told_before_anything_is_drawn(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(crowds, "scene", lambda *_: pytest.fail("drawn"))
    with pytest.raises(CvappError, match="file/scenes: cannot write") as error:
        scenes.write_scenes(tmp_path / "file" / "scenes", 5, 0)
    assert error.value.code == Exit.CANNOT_WRITE


def test_scenes_take_the_place_of_scenes_alone(tmp_path):
    scenes.write_scenes(tmp_path / "drawn", 5, 0)
    assert len(scenes.write_scenes(tmp_path / "drawn", 5, 1).photos) == 5
    images.write(tmp_path / "mine" / "images" / "00001.jpg", np.zeros((8, 8, 3), np.uint8))
    for texts in ({}, {"annotations/instances_train.json": '{"categories": [{"name": "cat"}]}'}):
        for name, text in texts.items():
            (tmp_path / "mine" / name).parent.mkdir()
            (tmp_path / "mine" / name).write_text(text)
        with pytest.raises(CvappError, match="mine: holds other photos or annotations; give a new folder") as error:
            scenes.write_scenes(tmp_path / "mine", 5, 0)
        assert error.value.code == Exit.USAGE and not images.read(tmp_path / "mine" / "images" / "00001.jpg").any()
