"""Tone: the standards' own numbers, inverses, and a colour matrix worked out another way."""

import numpy as np
import pytest

from cvapp.errors import CvappError
from cvapp.isp import tone
from tests.isp.small_dng import CAMERA


def test_the_srgb_curve_at_known_values():
    assert tone.srgb_encode(np.float32([0, 0.0031308, 0.18, 0.5, 1, 1.7, -0.1])) == pytest.approx(
        [0, 0.0404499, 0.461356, 0.735357, 1, 1, 0], abs=1e-5
    )
    assert tone.srgb_decode(np.uint8([0, 10, 128, 255])) == pytest.approx([0, 0.0030353, 0.2158605, 1], abs=1e-6)


def test_curves_are_undone():
    codes = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    assert np.array_equal(tone.to_uint8(tone.from_uint8(codes)), codes)
    light = np.linspace(0, 1, 1001, dtype=np.float32)
    assert tone.srgb_decode(tone.srgb_encode(light)) == pytest.approx(light, abs=1e-6)
    assert tone.gamma_decode(tone.gamma_encode(light, 1.8), 1.8) == pytest.approx(light, abs=1e-6)
    assert np.abs(tone.gamma_decode(tone.gamma_encode(light, 1.8), 2.2) - light).max() > 0.05
    assert tone.gamma_encode(np.float32([0.25]), 2).tolist() == [0.5]


def test_bradford_takes_one_white_to_another():
    matrix = tone.bradford(tone.D50, tone.D65)
    assert matrix @ tone.white_xyz(tone.D50) == pytest.approx(tone.white_xyz(tone.D65))
    # Lindbloom's published matrix from D50 to D65
    published = [[0.9555766, -0.0230393, 0.0631636], [-0.0282895, 1.0099416, 0.0210077], [0.0122982, -0.0204830, 1.3299098]]
    assert matrix == pytest.approx(np.array(published), abs=5e-4)
    assert tone.bradford(tone.D65, tone.D65) == pytest.approx(np.eye(3), abs=1e-9)


def test_a_camera_that_sees_xyz_or_srgb_gets_the_standards_matrix():
    to_srgb = tone.camera_to_srgb(np.eye(3))
    white = tone.white_xyz(tone.D65)
    assert to_srgb == pytest.approx(np.linalg.inv(tone.SRGB_TO_XYZ) * white, abs=2e-3)
    assert tone.camera_to_srgb(np.linalg.inv(tone.SRGB_TO_XYZ)) == pytest.approx(np.eye(3), abs=1e-3)


def test_colours_come_back_from_a_camera_and_grey_stays_grey():
    colours = np.float32([[[0.5, 0.5, 0.5], [0.8, 0.2, 0.1], [0.1, 0.6, 0.3]]])
    seen = colours @ (CAMERA @ tone.SRGB_TO_XYZ).T
    balanced = seen / (CAMERA @ tone.white_xyz(tone.D65))
    assert tone.apply_matrix(balanced, tone.camera_to_srgb(CAMERA)) == pytest.approx(colours, abs=1e-3)
    assert np.abs(balanced - colours).max() > 0.1, "without the matrix they do not"
    assert tone.camera_to_srgb(CAMERA, tone.D50).sum(1) == pytest.approx(np.ones(3))


def test_exposure_takes_the_brightest_hundredth_to_white():
    picture = np.full((100, 100, 3), 0.1, np.float32)
    picture[:2] = 0.25
    assert tone.automatic_stops(picture) == pytest.approx(2)
    assert tone.expose(picture, 2)[0, 0].tolist() == [1, 1, 1]
    assert tone.automatic_stops(picture * 8) == 0, "light is not taken back"
    assert tone.automatic_stops(np.zeros((4, 4, 3))) == 0
    assert tone.automatic_stops(picture / 1000) == 4


@pytest.mark.parametrize(
    "wrong, words",
    [
        (lambda: tone.gamma_encode(np.zeros(3), 0), "gamma 0: give 0.1 to 10"),
        (lambda: tone.srgb_decode(np.zeros(3, np.uint16)), "sRGB values are uint8 or float 0..1; these are uint16"),
        (lambda: tone.camera_to_srgb(np.ones((3, 3))), "3x3 and has an inverse"),
        (lambda: tone.to_uint8(np.zeros((4, 4))), "a linear picture is float"),
        (lambda: tone.from_uint8(np.zeros((4, 4, 3))), "a picture is uint8 RGB"),
        (lambda: tone.expose(np.zeros((4, 4, 3)), float("nan")), "exposure nan: give -16 to 16 stops"),
    ],
)
def test_wrong_input_is_one_line(wrong, words):
    with pytest.raises(CvappError, match=words):
        wrong()
