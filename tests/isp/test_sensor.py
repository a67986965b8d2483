"""Levels and vignetting: numbers worked by hand, and the way there and back."""

import math

import numpy as np
import pytest

from cvapp.errors import CvappError
from cvapp.isp.sensor import add_vignetting, correct_vignetting, levels, natural_gain, radial_gain, radius


def test_levels_take_black_off_and_divide_by_the_range():
    raw = np.array([[100, 612, 1124], [50, 1200, 356]], np.uint16)
    assert levels(raw, 100, 1124).tolist() == [[0, 0.5, 1], [-50 / 1024, 1, 0.25]]
    assert levels(raw, 100, 1124).dtype == np.float32


def test_each_place_has_its_own_level_at_odd_sizes_too():
    raw = np.full((3, 3), 10, np.uint16)
    found = levels(raw, [0, 2, 4, 6], [10, 12, 14, 16])
    assert found.tolist() == pytest.approx(np.array([[1, 0.8, 1], [0.6, 0.4, 0.6], [1, 0.8, 1]]))
    assert not np.allclose(found, levels(raw, 3, 13))


def test_the_mean_of_noise_about_black_is_kept(rng):
    raw = np.rint(rng.normal(2000, 30, (200, 200))).astype(np.uint16)
    assert abs(levels(raw, 2000, 16000).mean()) < 2e-5
    assert np.maximum(levels(raw, 2000, 16000), 0).mean() > 5e-4, "clipping at black would brighten shadows"


@pytest.mark.parametrize(
    "black, white, words", [(5, 5, "white must be above black"), ([1, 2], 9, "give one number, or four"), (float("nan"), 9, "black nan")]
)
def test_wrong_levels_are_refused(black, white, words):
    with pytest.raises(CvappError, match=words):
        levels(np.zeros((4, 4), np.uint16), black, white)


def test_a_colour_picture_has_no_levels():
    with pytest.raises(CvappError, match=r"a sensor's numbers are \(height, width\)"):
        levels(np.zeros((4, 4, 3), np.uint16), 0, 1)


def test_the_radius_is_1_at_the_corners():
    found = radius((31, 41))
    assert found[15, 20] == 0 and found[0, 0] == pytest.approx(1) and found[30, 40] == pytest.approx(1)
    assert found[15, 40] == pytest.approx(20 / 25)


@pytest.mark.parametrize("focal", [0.8, 1.0, 2.31])
def test_natural_vignetting_is_the_fourth_power_of_the_cosine(focal):
    gain = natural_gain((31, 41), focal)
    for y, x in ((15, 20), (0, 0), (15, 40), (3, 9)):
        angle = math.atan(math.hypot(y - 15, x - 20) / 25 / focal)
        assert gain[y, x] == pytest.approx(1 / math.cos(angle) ** 4, rel=1e-5)


def test_focal_length_of_half_a_diagonal_loses_three_quarters_in_the_corner():
    assert natural_gain((31, 41), 1)[0, 0] == pytest.approx(4)


def test_a_polynomial_is_summed_in_even_powers():
    gain = radial_gain((31, 41), (0.5, 0.25, -0.1))
    assert gain[15, 20] == 1 and gain[0, 0] == pytest.approx(1.65)
    assert gain[15, 40] == pytest.approx(1 + 0.5 * 0.64 + 0.25 * 0.64**2 - 0.1 * 0.64**3, rel=1e-5)


@pytest.mark.parametrize("shape", [(31, 41), (31, 41, 3)])
def test_vignetting_is_undone(shape, rng):
    picture = rng.random(shape, np.float32)
    gain = natural_gain((31, 41), 0.9)
    dark = add_vignetting(picture, gain)
    assert dark[0, 0] == pytest.approx(picture[0, 0] / gain[0, 0])
    assert correct_vignetting(dark, gain) == pytest.approx(picture, rel=1e-5)
    assert np.abs(correct_vignetting(dark, natural_gain((31, 41), 2)) - picture).max() > 0.2, "another lens must not"


@pytest.mark.parametrize(
    "wrong, words",
    [
        (lambda: natural_gain((4, 4), 0), "focal 0"),
        (lambda: radial_gain((4, 4), [-1.5]), "gain falls to -0.5"),
        (lambda: correct_vignetting(np.zeros((4, 5)), np.ones((4, 4))), "alike in height and width"),
        (lambda: correct_vignetting(np.zeros((4, 4), np.uint8), np.ones((4, 4))), "a float picture"),
        (lambda: radius((1, 1)), "give .height, width."),
    ],
)
def test_wrong_input_is_one_line(wrong, words):
    with pytest.raises(CvappError, match=words):
        wrong()
