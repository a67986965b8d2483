"""Boxes on the picture: readable at every edge and size, mirrored, steadied, and told in words and values."""

import math

import numpy as np
import pytest

from cvapp.boxes import Boxes
from cvapp.camera import boxed as module
from cvapp.camera.boxed import Steadying, boxed, colour_of, draw, mirrored, rows, told
from tests.camera.test_overlay import BACKGROUNDS, LONG, SIZES, STATUS, contrast, luminance, plain

LABELS = ("heart", "moon", "speed limit 30", LONG)


def boxes(*edges, classes=None, scores=None, points=0):
    """Boxes with their corners as landmarks, the scores falling from 0.9."""
    count = len(edges)
    xyxy = np.float32(edges).reshape(count, 4)
    corners = xyxy[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(count, 4, 2)[:, :points]
    found = np.float32(scores if scores is not None else 0.9 - 0.1 * np.arange(count))
    return Boxes(xyxy, found, np.int32(classes if classes is not None else [0] * count), corners)


def everywhere(size):
    """Boxes at each corner and edge, in the middle and over all, as (top, left, height, width) shares of a picture."""
    height, width = size
    starts = [(y, x) for y in (0, 0.4, 0.8) for x in (0, 0.4, 0.8)]
    edges = [(x * width, y * height, (x + 0.2) * width, (y + 0.2) * height) for y, x in starts]
    return [*edges, (0, 0, width, height), (width - 1, height - 1, width, height), (0, 0, 0.3, 0.3)]


@pytest.mark.parametrize("size", [*SIZES, (8, 8), (1, 1)], ids=str)
@pytest.mark.parametrize("points", [0, 4])
def test_the_input_is_untouched_and_the_shape_kept(rng, size, points):
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    kept = image.copy()
    image.flags.writeable = False
    found = boxes(*everywhere(size), classes=[index % 4 for index in range(12)], points=points, scores=np.linspace(1, 0, 12))
    for picture in (image, image[:, ::-1]):
        drawn = draw(picture, found, LABELS, STATUS)
        assert (drawn.shape, drawn.dtype) == (image.shape, np.uint8) and not np.shares_memory(drawn, image)
    np.testing.assert_array_equal(image, kept)
    np.testing.assert_array_equal(draw(image, boxes(), LABELS), image)


@pytest.fixture
def labelled(monkeypatch):
    """The patches and texts of the labels that are drawn: (top, left, height, width) and (text, x, y, height)."""
    patches, texts = [], []
    put, darken = module.write, module.patch
    monkeypatch.setattr(module, "patch", lambda out, place: patches.append(place) or darken(out, place))
    monkeypatch.setattr(module, "write", lambda out, text, at, *more: texts.append((text, *at, *more)) or put(out, text, at, *more))
    return patches, texts


@pytest.mark.parametrize("size", [size for size in SIZES if size[0] >= 48 and size[1] >= 64], ids=str)
@pytest.mark.parametrize("label", range(4))
def test_a_label_lies_whole_within_the_picture_wherever_its_box_is(size, label, labelled):
    for edges in everywhere(size):
        draw(plain(size), boxes(edges, classes=[label]), LABELS)
    patches, texts = labelled
    assert len(patches) == 12
    for (top, left, height, width), named, sure in zip(patches, texts[::2], texts[1::2], strict=True):
        assert 0 <= top and top + height <= size[0] and 0 <= left and left + width <= size[1]
        assert sure[0] == "90%" and (named[0] == LABELS[label] or named[0].endswith("…"))
        end = left
        for text, x, base, letters, _, weight in (named, sure):
            assert end <= x and top < base < top + height
            end = x + module.text_width(text, letters, weight)
        assert end <= left + width + 1


@pytest.mark.parametrize("size", [(24, 32), (8, 8)], ids=str)
def test_a_picture_too_small_for_words_is_drawn_all_the_same(size):
    assert draw(plain(size), boxes((1, 1, 7, 7), classes=[3]), LABELS, STATUS).any()


@pytest.mark.parametrize("value", BACKGROUNDS.values(), ids=BACKGROUNDS)
def test_labels_and_frames_stand_out_from_what_lies_behind_them(value, labelled):
    """WCAG 2.2 asks for a ratio of 3 for bold text of this size."""
    for label in range(12):
        drawn = draw(plain((480, 640), value), boxes((100, 200, 300, 400), classes=[label]), [str(place) for place in range(12)])
        (top, left, height, width) = labelled[0][-1]
        text = drawn[top : top + height, left : left + width].reshape(-1, 3)
        assert contrast(text[luminance(text).argmax()], drawn[top, left]) >= 3
        side = drawn[300, 90:110]
        assert contrast(side[luminance(side).argmax()], side[luminance(side).argmin()]) >= 3, "a bright line with a dark edge"


def test_neighbouring_classes_have_colours_far_apart():
    colours = np.array([colour_of(index) for index in range(40)], int)
    assert len({tuple(colour) for colour in colours}) == 40 and (colours.max(1) == 255).all()
    for apart in (1, 2):
        assert np.abs(colours[apart:] - colours[:-apart]).sum(1).min() > 100
    drawn = [draw(plain((240, 320)), boxes((80, 60, 200, 180), classes=[label]), LABELS)[120, 80] for label in (0, 1)]
    assert np.abs(drawn[0].astype(int) - drawn[1]).sum() > 100


def test_a_box_is_drawn_on_its_own_edges():
    drawn = draw(plain((240, 320), 90), boxes((80, 60, 200, 180)), LABELS)
    changed = (drawn != 90).any(2)
    assert changed[100:170, 76:84].any(1).all() and changed[176:183, 90:190].any(0).all()
    assert not changed[100:170, 90:190].any() and not changed[190:].any() and not changed[:, 206:].any()


def test_the_surest_lies_on_top():
    drawn = draw(plain((240, 320)), boxes((80, 60, 200, 180), (80, 60, 200, 180), classes=[0, 1]), LABELS)
    assert np.abs(drawn[120, 80].astype(int) - colour_of(0)).max() < 40 < 60 < np.abs(drawn[120, 80].astype(int) - colour_of(1)).max()


def test_the_rate_never_covers_a_label():
    image, found = plain((240, 320), 200), boxes((240, 0, 320, 60))
    label = [draw(image, found, LABELS), draw(image, found, LABELS, STATUS)]
    bright = [(one[:12, 240:].max(2).astype(int) - one[:12, 240:].min(2)) > 90 for one in label]
    assert bright[0].sum() > 50 and (bright[1] & bright[0]).sum() > 0.9 * bright[0].sum()
    assert (label[1][:, :240] != label[0][:, :240]).any(), "it is there"


def test_landmarks_are_dots():
    at = np.float32([[[120, 100], [150, 130]]])
    found = Boxes(np.float32([[80, 60, 200, 180]]), np.float32([1]), np.int32([0]), at)
    changed = (draw(plain((240, 320)), found, LABELS) != draw(plain((240, 320)), boxes((80, 60, 200, 180)), LABELS)).any(2)
    changed[:60] = False  # the scores differ
    assert changed[100, 120] and changed[130, 150] and changed.sum() < 250


def test_a_mirror_swaps_left_and_right():
    found = boxes((10, 20, 40, 60), (0, 0, 100, 5), points=4)
    turned = mirrored(found, 100)
    np.testing.assert_array_equal(turned.xyxy, [[60, 20, 90, 60], [0, 0, 100, 5]])
    np.testing.assert_array_equal(turned.points[0], [[90, 20], [60, 20], [60, 60], [90, 60]])
    np.testing.assert_array_equal(mirrored(turned, 100).xyxy, found.xyxy)
    assert (found.xyxy[0] == [10, 20, 40, 60]).all() and turned.scores is found.scores
    image = np.random.default_rng(0).integers(0, 256, (96, 128, 3)).astype(np.uint8)
    kind = boxed(LABELS)
    np.testing.assert_array_equal(
        kind.draw(image, found, "a", None, True), kind.draw(image, mirrored(found, 128), "a", (0, 0, 5, 5), False)
    )


def test_boxes_in_words_and_values():
    found = boxes((0.04, 1, 2.06, 3), (5, 5, 6, 6), (7, 7, 9, 9), classes=[1, 0, 1], points=2)
    assert told(found, LABELS) == "2 moon, 1 heart" and told(boxes(), LABELS) == "nothing"
    first = rows(found, LABELS)[0]
    assert first == {"label": "moon", "score": 0.9, "xyxy": [0.0, 1.0, 2.1, 3.0], "points": [[0.0, 1.0], [2.1, 1.0]]}
    assert "points" not in rows(boxes((0, 0, 1, 1)), LABELS)[0] and rows(boxes(), LABELS) == []
    kind = boxed(LABELS)
    assert kind.counted(found) == ["heart", "moon"] and kind.counted(boxes()) == ["nothing"]
    assert kind.say(found) == "2 moon, 1 heart" and kind.line(found) == {"boxes": rows(found, LABELS)}


def test_a_box_moves_the_part_of_its_way_that_the_time_says():
    """After one time constant what is new counts 1 - 1/e, about 0.632."""
    steady, new = Steadying(0.5), 1 - math.exp(-1)
    first = boxes((0, 0, 100, 100), scores=[0.9], points=1)
    assert steady(first, 2.0) is first
    moved = Boxes(np.float32([[10, 0, 110, 100]]), np.float32([0.5]), np.int32([0]), np.float32([[[10, 20]]]))
    found = steady(moved, 2.5)
    np.testing.assert_allclose(found.xyxy, [[10 * new, 0, 100 + 10 * new, 100]], rtol=1e-6)
    np.testing.assert_allclose(found.scores, [0.9 + (0.5 - 0.9) * new], rtol=1e-6)
    np.testing.assert_allclose(found.points, [[[10 * new, 20 * new]]], rtol=1e-6)
    again = steady(moved, 3.0)
    np.testing.assert_allclose(again.xyxy[0, 0], 10 * (new + (1 - new) * new), rtol=1e-5, err_msg="from where it was drawn, not found")
    assert again.xyxy.dtype == found.scores.dtype == np.float32


@pytest.mark.parametrize(
    "now",
    [boxes((60, 0, 160, 100)), boxes((0, 0, 100, 100), classes=[1]), boxes(), boxes((0, 0, 30, 100))],
    ids=["too far away", "of another class", "gone", "much smaller"],
)
def test_a_box_that_is_another_is_left_as_it_is(now):
    steady = Steadying(10.0)
    steady(boxes((0, 0, 100, 100)), 0.0)
    found = steady(now, 0.1)
    np.testing.assert_array_equal(found.xyxy, now.xyxy)
    assert steady(now, 0.2) is not None and len(found) == len(now)


def test_each_of_several_boxes_keeps_to_its_own():
    steady = Steadying(1.0)
    steady(boxes((0, 0, 100, 100), (200, 0, 300, 100)), 0.0)
    found = steady(boxes((210, 0, 310, 100), (10, 0, 110, 100), (400, 0, 500, 100)), 1e-6)
    np.testing.assert_allclose(found.xyxy[:, 0], [200, 0, 400], atol=1e-3)


def test_nothing_is_steadied_at_0_seconds_nor_when_time_goes_back():
    before, now = boxes((0, 0, 100, 100)), boxes((10, 0, 110, 100))
    for steady, seconds in ((Steadying(0.0), 5.1), (Steadying(9.0), 4.9)):
        steady(before, 5.0)
        assert steady(now, seconds) is now
