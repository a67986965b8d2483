"""White balance: gains worked by hand, casts put on and taken off, and what must not mislead them."""

import numpy as np
import pytest

from cvapp import images
from cvapp.errors import CvappError
from cvapp.isp import tone
from cvapp.isp import white_balance as wb

WARM = np.float32([1.0, 0.67, 0.4])


@pytest.fixture
def grey_scene(rng):
    """A picture whose channels are alike on average, up to 0.8, with colour in it."""
    return (0.1 + 0.7 * rng.random((60, 80, 3)) ** 2).astype(np.float32)


def test_gains_worked_by_hand():
    rgb = np.float32([[[0.2, 0.4, 0.1], [0.4, 0.6, 0.3]]])
    assert wb.grey_world(rgb) == pytest.approx([0.5 / 0.3, 1, 0.5 / 0.2])
    assert wb.white_world(rgb, 100) == pytest.approx([1.5, 1, 2])
    assert wb.patch(rgb, (1, 0, 2, 1)) == pytest.approx([1.5, 1, 2])
    assert wb.camera((2.0, 0.5, 1.0, 0.0)) == pytest.approx([4, 1, 2])
    assert wb.apply(rgb, (2, 1, 0.5))[0, 0] == pytest.approx([0.4, 0.4, 0.05])
    assert wb.keep_white(np.float32([0.5, 1, 2])).tolist() == [1, 2, 4]


@pytest.mark.parametrize("measure", [wb.grey_world, wb.white_world])
def test_a_cast_is_found_and_undone(measure, grey_scene):
    gains = measure(grey_scene * WARM)
    assert wb.angular_error(1 / gains, WARM) < 1 < 15 < wb.angular_error(WARM, (1, 1, 1))
    balanced = wb.apply(grey_scene * WARM, gains)
    assert measure(balanced) == pytest.approx(np.ones(3), abs=0.03)


def test_a_mosaic_is_balanced_by_its_places(grey_scene):
    from cvapp.isp import mosaic

    for pattern in ("RGGB", "GBRG"):
        found = wb.apply(mosaic(grey_scene, pattern), (2, 1, 3), pattern)
        assert np.array_equal(found, mosaic(wb.apply(grey_scene, (2, 1, 3)), pattern))


def test_saturated_and_black_pixels_do_not_mislead(grey_scene):
    cast = grey_scene * WARM
    spoilt = cast.copy()
    spoilt[:20], spoilt[20:30] = 1, 0
    for measure in (wb.grey_world, wb.white_world):
        assert wb.angular_error(1 / measure(spoilt), WARM) < 1.5
    assert wb.angular_error(spoilt.mean((0, 1)), WARM) > 5, "the plain mean is misled"
    assert wb.angular_error(spoilt.max((0, 1)), WARM) > 15, "the plain maximum is misled"


def test_hot_pixels_do_not_mislead_white_world(grey_scene):
    cast = grey_scene * WARM * 0.5
    cast[5, 5], cast[9, 40] = (0.1, 0.1, 0.97), (0.1, 0.9, 0.1)
    assert wb.angular_error(1 / wb.white_world(cast), WARM) < 1
    assert wb.angular_error(1 / wb.white_world(cast, 100), WARM) > 15


def test_a_picture_that_tells_nothing_is_left_alone():
    for picture in (np.zeros((8, 8, 3)), np.ones((8, 8, 3))):
        assert wb.grey_world(picture).tolist() == wb.white_world(picture).tolist() == [1, 1, 1]
    red = np.zeros((8, 8, 3)) + (0.5, 0, 0.01)
    assert wb.grey_world(red).tolist() == [1 / 8, 1, 1 / 8], "and gains have limits"


def test_a_saturated_place_stays_white():
    gains = wb.keep_white(np.float32([0.6, 1, 1.8]))
    assert tone.saturate(wb.apply(np.ones((1, 1, 3)), gains)).tolist() == [[[1, 1, 1]]]
    assert tone.saturate(wb.apply(np.ones((1, 1, 3)), [0.6, 1, 1.8])).tolist() != [[[1, 1, 1]]]


def test_the_angle_between_colours():
    assert wb.angular_error((1, 1, 1), (3, 3, 3)) == pytest.approx(0, abs=1e-5)
    assert wb.angular_error((1, 0, 0), (0, 2, 0)) == pytest.approx(90)
    assert wb.angular_error((1, 1, 0), (1, 0, 0)) == pytest.approx(45)


@pytest.mark.shared
def test_casts_on_photos_are_undone(shared_data):
    before, grey, white, left = [], [], [], []
    for index in (1, 3, 5, 6, 7, 9, 10, 12):
        linear = tone.from_uint8(images.read(shared_data / "kodak" / f"kodim{index:02d}.png")[::2, ::2])
        cast = tone.from_uint8(tone.to_uint8(linear * WARM))
        before.append(wb.angular_error(WARM, (1, 1, 1)))
        grey.append(wb.angular_error(1 / wb.grey_world(cast), WARM))
        white.append(wb.angular_error(1 / wb.white_world(cast), WARM))
        left.append(wb.angular_error(wb.grey_world(linear) / wb.grey_world(cast), WARM))
    assert np.mean(before) > 19 and np.mean(grey) < 10 and np.mean(white) < 10
    assert np.max(left) < 1, "the photo's own colours aside, grey world takes off what was put on"


@pytest.mark.parametrize(
    "wrong, words",
    [
        (lambda: wb.grey_world(np.zeros((4, 4, 3), np.uint8)), "a linear picture is float .height, width, 3. in 0..1; this is uint8"),
        (lambda: wb.white_world(np.zeros((4, 4, 3)), 20), "percentile 20: give 50 to 100"),
        (lambda: wb.patch(np.zeros((4, 4, 3)), (0, 0, 5, 2)), "within 4x4 pixels"),
        (lambda: wb.patch(np.ones((4, 4, 3)), (0, 0, 2, 2)), "too dark or saturated"),
        (lambda: wb.camera((1, 0, 1)), "three numbers above 0 are expected"),
        (lambda: wb.apply(np.zeros((4, 4, 3)), (1, 2)), "gains .1, 2.: give three numbers above 0"),
        (lambda: wb.angular_error((0, 0, 0), (1, 1, 1)), "not black"),
    ],
)
def test_wrong_input_is_one_line(wrong, words):
    with pytest.raises(CvappError, match=words):
        wrong()
