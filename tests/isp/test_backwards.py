"""Pictures taken again: the sensor's statistics are those of its equation, and the rest of the way leaves the picture what it is."""

import numpy as np
import pytest

from cvapp import images
from cvapp.errors import CvappError
from cvapp.isp import Capture, draw, retake, sense, tone
from cvapp.isp import white_balance as wb

CLEAN = Capture(electrons=1e6, read=0, dark=0, pattern=None)


@pytest.fixture
def picture():
    """A smooth picture, neither black nor saturated."""
    down, across = np.mgrid[:40, :56] / 12
    return np.dstack([120 + 60 * np.sin(down), 110 + 50 * np.cos(across), 100 + 40 * np.sin(down + across)]).astype(np.uint8)


@pytest.mark.parametrize("value, electrons, read, dark", [(0.5, 1000, 3, 1), (0.1, 200, 6, 2), (0.0, 500, 4, 3), (0.9, 50, 0, 0)])
def test_mean_and_variance_are_those_of_the_equation(value, electrons, read, dark):
    capture = Capture(electrons=electrons, read=read, dark=dark)
    seen = sense(np.full((400, 500), value, np.float32), capture, np.random.default_rng(1)).astype(np.float64)
    variance = value / electrons + (dark + read**2) / electrons**2
    assert seen.mean() == pytest.approx(value, abs=4 * (variance / seen.size) ** 0.5)
    assert seen.var() == pytest.approx(variance, rel=0.02)
    assert not np.isclose(seen.var(), value / electrons / 2, rtol=0.2), "half the light's noise must not pass"


def test_less_light_more_noise(picture):
    errors = [
        np.square(retake(picture, Capture(electrons=electrons), np.random.default_rng(2)).astype(float) - picture).mean()
        for electrons in (100, 1000, 10000)
    ]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


@pytest.mark.parametrize("light", [(1, 1, 1), (1.6, 1, 0.6)])
def test_without_noise_a_balanced_picture_stays_itself(picture, light):
    clean = retake(picture, Capture(light, 1.0, 1e6, 0, 0, None), np.random.default_rng(0))
    assert np.abs(clean.astype(int) - picture).max() <= 1
    sampled = retake(picture, Capture(light, 1.0, 1e6, 0, 0, "GRBG"), np.random.default_rng(0))
    assert 0 < np.abs(sampled.astype(int) - picture).mean() < 1.5, "the filter array leaves a trace"


@pytest.mark.parametrize("pattern", [None, "RGGB"])
def test_what_the_camera_does_not_balance_stays_as_a_cast(picture, pattern):
    light = np.array([1.3, 1, 0.7])
    plain = tone.from_uint8(retake(picture, Capture((1, 1, 1), 1, 1e6, 0, 0, pattern), np.random.default_rng(0)))
    for balanced in (0.0, 0.5, 1.0):
        cast = tone.from_uint8(retake(picture, Capture(tuple(light), balanced, 1e6, 0, 0, pattern), np.random.default_rng(0)))
        assert wb.angular_error(cast.mean((0, 1)) / plain.mean((0, 1)), light ** (1 - balanced)) < 0.3


def test_warm_light_leaves_noise_in_blue(picture):
    grey = np.full((100, 100, 3), 128, np.uint8)
    noisy = retake(grey, Capture((2.0, 1, 0.5), 1.0, 500, 3, 1, None), np.random.default_rng(0)).astype(float)
    red, green, blue = noisy.std((0, 1))
    assert blue > 1.3 * green > 1.3 * red


def test_the_generator_decides_all(picture):
    first, second, other = (retake(picture, draw(np.random.default_rng(seed)), np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, second) and not np.array_equal(first, other)
    assert first.dtype == np.uint8 and first.shape == picture.shape


def test_draws_spread_as_they_say():
    captures = [draw(np.random.default_rng(seed)) for seed in range(2000)]
    lights = np.log([capture.light for capture in captures])
    warmth = (lights[:, 0] - lights[:, 2]) / 2
    assert abs(warmth.mean()) < 0.03 and warmth.std() == pytest.approx(0.35, abs=0.03) and np.abs(warmth).max() <= 1.0001
    electrons = np.log([capture.electrons for capture in captures])
    assert electrons.min() < np.log(220) and electrons.max() > np.log(7500)
    assert np.median(electrons) == pytest.approx(np.log(200 * 8000) / 2, abs=0.15), "evenly on a log scale"
    assert {capture.pattern for capture in captures} == {"RGGB"} and draw(np.random.default_rng(0), None).pattern is None


@pytest.mark.shared
def test_a_photo_keeps_its_mean(shared_data):
    photo = images.read(shared_data / "kodak" / "kodim05.png")[:256, :256]
    noisy = retake(photo, Capture(electrons=2000, pattern=None), np.random.default_rng(0))
    before, after = (tone.from_uint8(picture).mean((0, 1)) for picture in (photo, noisy))
    assert after == pytest.approx(before, rel=0.02)
    assert 2 < np.abs(noisy.astype(int) - photo).mean() < 12


@pytest.mark.parametrize(
    "wrong, words",
    [
        (lambda: Capture(light=(0, 1, 1)), "light .0, 1, 1.: give red, green and blue"),
        (lambda: Capture(electrons=0), "electrons 0: give a number from 1 to 1e.06"),
        (lambda: Capture(balanced=1.5), "balanced 1.5: give a number from 0 to 1"),
        (lambda: retake(np.zeros((8, 8, 3)), CLEAN, np.random.default_rng(0)), "a picture is uint8 RGB"),
        (lambda: retake(np.zeros((8, 8, 3), np.uint8), Capture(pattern="XTRANS"), np.random.default_rng(0)), "pattern 'XTRANS'"),
    ],
)
def test_wrong_input_is_one_line(wrong, words):
    with pytest.raises(CvappError, match=words):
        wrong()
