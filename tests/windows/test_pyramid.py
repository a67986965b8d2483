"""The canvas of all levels, and windows cut out of a frame, against slices of arrays."""

import cv2
import numpy as np
import pytest

from cvapp.windows import Scan, Windows, crop, lay_out, paint


@pytest.fixture
def frame(rng):
    """Noise, so that every pixel is known by its place."""
    return rng.integers(1, 256, (60, 80, 3), dtype=np.uint8)


def scan(*scales, margin=10):
    return Scan(Windows((16, 16), (8, 8)), scales, margin, 0.6)


def test_a_level_of_scale_1_is_the_frame_itself_about_a_black_margin(frame):
    canvas = paint(frame, scan((1, 1)))
    assert canvas.shape == (80, 104, 3) and canvas.dtype == np.uint8
    np.testing.assert_array_equal(canvas[10:70, 10:90], frame)
    canvas[10:70, 10:90] = 0
    assert not canvas.any()


def test_levels_are_the_frame_resized_and_black_lies_between_them(frame):
    wanted = scan((1, 1), (0.5, 0.5), (0.4, 0.75), (1.5, 1.25), (1.2, 0.5))
    canvas = paint(frame, wanted)
    tiles, size = lay_out(wanted, (60, 80))
    assert canvas.shape == (*size, 3)
    for tile in tiles:
        height, width = tile.size[0] - 20, tile.size[1] - 20
        kind = cv2.INTER_AREA if height <= 60 and width <= 80 else cv2.INTER_LINEAR
        part = canvas[tile.top + 10 : tile.top + 10 + height, tile.left + 10 : tile.left + 10 + width]
        np.testing.assert_array_equal(part, cv2.resize(frame, (width, height), interpolation=kind))
        part[:] = 0
    assert not canvas.any(), "nothing is drawn but the levels"


def test_half_a_level_is_the_mean_of_four_pixels(frame):
    canvas = paint(frame, scan((0.5, 0.5)))
    means = frame.reshape(30, 2, 40, 2, 3).mean((1, 3))
    assert np.abs(canvas[10:40, 10:50] - means).max() <= 0.5
    assert np.abs(canvas[11:41, 10:50] - means).max() > 50, "the control: one pixel lower"


def test_a_crop_inside_the_frame_is_a_slice(frame):
    np.testing.assert_array_equal(crop(frame, np.array([5, 7, 25, 17]), (10, 20)), frame[7:17, 5:25])
    np.testing.assert_array_equal(crop(frame, np.float32([0, 0, 80, 60]), (60, 80)), frame)


def test_a_crop_beyond_the_edge_is_black_there(frame, rng):
    far = np.pad(frame, ((200, 200), (200, 200), (0, 0)))
    seen = set()
    for _ in range(300):
        left, top = rng.integers(-120, 120, 2)
        width, height = rng.integers(1, 70, 2)
        found = crop(frame, np.array([left, top, left + width, top + height]), (height, width))
        expected = far[200 + top : 200 + top + height, 200 + left : 200 + left + width]
        np.testing.assert_array_equal(found, expected)
        seen.add((bool(expected.any()), bool((expected == 0).any())))
    assert seen == {(True, True), (True, False), (False, True)}, "inside, across the edge and outside were all tried"


@pytest.mark.parametrize("place", [(-30, -30, 0, 0), (80, 10, 96, 26), (10, 60, 26, 76), (-16, 5, 0, 21), (500, 500, 540, 510)])
def test_a_window_wholly_outside_is_black(frame, place):
    found = crop(frame, np.array(place), (16, 16))
    assert found.shape == (16, 16, 3) and found.dtype == np.uint8 and not found.any()


@pytest.mark.parametrize("place, size", [((10, 10, 42, 42), (16, 16)), ((-8, -4, 24, 28), (16, 16)), ((0, 0, 80, 60), (16, 16))])
def test_a_larger_part_is_averaged(frame, place, size):
    left, top, right, bottom = place
    far = np.pad(frame, ((50, 50), (50, 50), (0, 0)))[50 + top : 50 + bottom, 50 + left : 50 + right]
    found = crop(frame, np.array(place), size)
    np.testing.assert_array_equal(found, cv2.resize(far, size[::-1], interpolation=cv2.INTER_AREA))
    assert found.shape == (*size, 3)


def test_a_smaller_part_is_enlarged_smoothly():
    ramp = np.repeat(np.arange(0, 200, 10, dtype=np.uint8)[None, :, None], 20, 0).repeat(3, 2)
    found = crop(ramp, np.array([4, 4, 12, 12]), (16, 16)).astype(int)
    assert (np.diff(found[0, :, 0]) >= 0).all() and set(np.diff(found[0, 1:-1, 0])) == {5}
    assert (found[..., 0] == found[0, :, 0]).all()


def test_the_frame_stays_as_it_was(frame):
    kept = frame.copy()
    crop(frame, np.array([-5, -5, 30, 30]), (16, 16))[:] = 0
    paint(frame, scan((1, 1)))[:] = 0
    np.testing.assert_array_equal(frame, kept)
