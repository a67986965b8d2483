"""Steps by name: folded into a table they do what they do one by one, follow the light without flicker, and refuse what they do not know."""

import numpy as np
import pytest

from cvapp.errors import CvappError
from cvapp.isp import denoise, parse, tone
from cvapp.isp import white_balance as wb


@pytest.fixture
def picture(rng):
    """A warm picture with some saturated and some black places."""
    light = (0.02 + 0.6 * rng.random((48, 64, 3)) ** 2) * (1.2, 0.8, 0.5)
    light[:4], light[4:8] = 1, 0
    return tone.to_uint8(light.astype(np.float32))


def off(rgb, other):
    """The largest difference in codes."""
    return int(np.abs(rgb.astype(int) - other).max())


@pytest.mark.parametrize("name, measure", [("grey-world", wb.grey_world), ("white-world", wb.white_world)])
def test_a_balance_is_that_of_the_linear_picture(name, measure, picture):
    linear = tone.from_uint8(picture)
    done = parse(name)(picture)
    assert off(done, tone.to_uint8(wb.apply(linear, measure(linear)))) <= 1
    assert off(done, picture) > 20
    assert measure(tone.from_uint8(done)[8:]) == pytest.approx(np.ones(3), abs=0.06)


def test_steps_are_done_one_after_the_other(picture):
    linear = tone.from_uint8(picture)
    balanced = tone.srgb_encode(wb.apply(linear, wb.grey_world(linear)))
    expected = denoise.median(np.rint(255 * tone.gamma_encode(balanced, 1.6)).astype(np.uint8), 3)
    assert off(parse(" grey-world , gamma=1.6,median=3")(picture), expected) <= 2
    assert np.array_equal(parse("median=5,mean=3")(picture), denoise.mean(denoise.median(picture, 5), 3))
    assert not np.array_equal(parse("median=5,mean=3")(picture), parse("mean=3,median=5")(picture))
    assert np.array_equal(parse("median,gamma=1.5,mean")(picture), denoise.mean(parse("gamma=1.5")(denoise.median(picture))))
    assert np.array_equal(parse("denoise=12")(picture), denoise.bilateral(picture, 12))


def test_plain_gains_work_in_linear_light():
    grey = np.full((2, 2, 3), 128, np.uint8)
    assert parse("red=2,blue=0.5")(grey)[0, 0].tolist() == [176, 128, 92]  # sRGB of 2, 1 and 1/2 times 0.2159
    assert parse("exposure=1")(grey)[0, 0].tolist() == [176] * 3
    assert np.array_equal(parse("exposure=0,gamma=1")(grey), grey)


def test_the_picture_given_is_not_changed(picture):
    before = picture.copy()
    parse("grey-world,gamma,median,mean,denoise")(picture)
    assert np.array_equal(before, picture)


def test_a_new_light_is_followed_slowly_and_reached(picture):
    other = np.ascontiguousarray(picture[..., ::-1])
    live, at_once = parse("grey-world"), parse("grey-world", memory=0)
    live(picture), at_once(picture)
    steps = [live(other) for _ in range(60)]
    target = at_once(other)
    assert np.array_equal(target, parse("grey-world")(other)), "the first frame is balanced at once"
    assert off(steps[0], target) > 20 and off(steps[-1], target) <= 1
    changes = [off(first, second) for first, second in zip(steps, steps[1:])]
    assert max(changes) < 15, "no jump from frame to frame"


def test_an_object_that_comes_into_view_makes_no_flicker(picture):
    passing = picture.copy()
    passing[10:40, 10:40] = (200, 30, 30)
    live, at_once = parse("grey-world"), parse("grey-world", memory=0)
    live(picture)
    corner = np.s_[9:, 50:]
    before = at_once(picture)[corner]
    assert off(live(passing)[corner], before) < 8 < off(at_once(passing)[corner], before)


def test_a_large_frame_is_sampled(rng):
    light = (0.02 + 0.6 * rng.random((480, 640, 3)) ** 2) * (1.2, 0.8, 0.5)
    large = tone.to_uint8(light.astype(np.float32))
    linear = tone.from_uint8(large)
    assert off(parse("grey-world")(large), tone.to_uint8(wb.apply(linear, wb.grey_world(linear)))) <= 2


def test_a_black_frame_stays_black():
    black = np.zeros((20, 20, 3), np.uint8)
    assert not parse("grey-world,white-world,gamma,exposure=2")(black).any()


def test_a_black_frame_between_changes_no_balance(picture):
    live = parse("grey-world")
    first = live(picture)
    live(np.zeros_like(picture))
    assert np.array_equal(live(picture), first)


@pytest.mark.parametrize(
    "text, words",
    [
        ("gray-world", "step 'gray-world': choose of grey-world, white-world, .*Did you mean grey-world?"),
        ("grey-world,medain=3", "Did you mean median?"),
        ("", "step '': choose of"),
        ("median=3,,mean", "step '': choose of"),
        ("grey-world=2", "grey-world takes no value"),
        ("gamma=0", "step 'gamma=0': give gamma=N, .*, 0.1 to 10"),
        ("gamma=", "give gamma=N"),
        ("gamma=nan", "give gamma=N"),
        ("median=4", r"its side in pixels \(odd\), 3 to 31"),
        ("median=3.5", "give median=N"),
        ("exposure", "give exposure=N, stops"),
        ("white-world=20", "by a percentile, 50 to 100"),
    ],
)
def test_a_wrong_step_is_one_line(text, words):
    with pytest.raises(CvappError, match=words):
        parse(text)


def test_only_uint8_colour_pictures_and_a_memory_below_1():
    with pytest.raises(CvappError, match=r"a picture is uint8 RGB \(height, width, 3\); this is float64 \(4, 4, 3\)"):
        parse("median")(np.zeros((4, 4, 3)))
    with pytest.raises(CvappError, match="memory 1: give 0 up to"):
        parse("median", memory=1)
