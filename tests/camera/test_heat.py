"""Heat on the picture: a hot place lands on its pixels whatever the fitting, an even map stays cold, and answers pass through unchanged."""

import math

import numpy as np
import pytest

from cvapp.camera import heat
from cvapp.camera.heat import Fading, Looked, looking, paint, spread
from cvapp.camera.kinds import named
from cvapp.camera.live import Options, run
from cvapp.images import Images, fit
from tests.camera.test_overlay import contrast, luminance
from tests.camera.test_recorder import played
from tests.camera.test_sources import write_video

SCORES = [("bee", 0.7), ("ant", 0.3)]


def one_hot(row, column, size=(4, 4), hot=4.0):
    """A map that is even but for one place."""
    attention = np.ones(size, np.float32)
    attention[row, column] = hot
    return attention


def middle(hot):
    """The row and the column of the middle of what is hotter than half."""
    return tuple(np.round(np.argwhere(hot > 127).mean(0), 1))


# The picture's (height, width), how it is fitted into 32x32, the hot place (row, column) of 4x4, the middle of its pixels.
PLACED = [
    ((96, 160), "crop", (0, 0), (12, 32 + 12)),  # sees columns 32 to 128: a place is 24 pixels
    ((96, 160), "crop", (2, 3), (2.5 * 24, 32 + 3.5 * 24)),
    ((160, 96), "crop", (3, 1), (32 + 3.5 * 24, 1.5 * 24)),
    ((80, 160), "letterbox", (1, 0), (-40 + 1.5 * 40, 20)),  # the map reaches 40 rows beyond the frame: a place is 40 pixels
    ((160, 80), "letterbox", (3, 2), (3.5 * 40, -40 + 2.5 * 40)),
    ((96, 160), "stretch", (1, 2), (1.5 * 24, 2.5 * 40)),
    ((96, 160), None, (1, 2), (1.5 * 24, 2.5 * 40)),
]


@pytest.mark.parametrize("mirrored", [False, True], ids=["plain", "mirrored"])
@pytest.mark.parametrize("shape, how, place, expected", PLACED, ids=[f"{how} {shape}" for shape, how, *_ in PLACED])
def test_a_hot_place_lands_on_its_pixels(shape, how, place, expected, mirrored):
    hot = spread(one_hot(*place), shape, how and Images((32, 32), how), mirrored)
    row, column = expected[0] - 0.5, expected[1] - 0.5  # the first pixel's middle is at 0
    assert middle(hot) == pytest.approx((row, shape[1] - 1 - column if mirrored else column), abs=2.5), "a place is 24 or 40 pixels"
    assert hot.shape == shape and hot.dtype == np.uint8 and hot.max() >= 250 and (hot == 0).mean() > 0.5


def test_a_place_in_the_bars_of_a_letterbox_is_not_seen():
    """The picture covers rows 8 to 24 of 32: the first of four rows of places lies just above it, and is half faded there."""
    assert spread(one_hot(0, 2), (80, 160), Images((32, 32), "letterbox")).max() == pytest.approx(120, abs=12)
    assert spread(one_hot(0, 2), (80, 160), Images((32, 32), "stretch")).max() > 250, "the control"


@pytest.mark.parametrize("mirrored", [False, True])
def test_what_a_crop_leaves_out_is_cold(mirrored):
    hot = spread(np.array([[1, 9], [9, 1]], np.float32), (10, 17), Images((8, 8)), mirrored)
    seen = np.flatnonzero(hot.any(0))
    assert (seen[0], seen[-1]) == ((4, 13) if mirrored else (3, 12)), "columns 3 to 13 are seen; mirrored 4 to 14"


def test_it_is_where_the_model_saw_the_bright_thing(rng):
    """For all fittings: a map that is the fitted picture's own brightness lies on the picture's bright square."""
    for how in ("crop", "letterbox", "stretch"):
        for mirrored in (False, True):
            for _ in range(5):
                height, width = rng.integers(60, 200, 2).tolist()
                side = min(height, width)
                top, left = (height - side) // 2 + side // 3, (width - side) // 2 + side // 5
                picture = np.zeros((height, width, 3), np.uint8)
                picture[top : top + side // 3, left : left + side // 3] = 255
                seen = fit(picture, Images((32, 32), how)).astype(np.float32).mean(2)
                hot = spread(seen, picture.shape, Images((32, 32), how), mirrored) > 127
                square = picture[..., 0] > 127
                square = square[:, ::-1] if mirrored else square
                assert (hot & square).sum() / (hot | square).sum() > 0.75
                assert (hot & square[::-1, ::-1]).sum() / (hot | square).sum() < 0.75, "the control"


def test_the_hottest_and_the_coldest_place_are_the_ends_of_the_scale():
    """Three places side by side, 1/6, 1/2 and 5/6 of the width: 0, a quarter and all of the scale."""
    hot = spread(np.array([[0.5, 1.0, 2.5]], np.float32), (30, 300))
    assert hot[15, [0, 50, 150, 250, 299]].tolist() == pytest.approx([0, 0, 64, 255, 255], abs=3)
    np.testing.assert_array_equal(hot, spread(np.array([[5, 10, 25]], np.float32), (30, 300)))
    rising = spread(np.linspace(0, 7, 8, dtype=np.float32)[None], (4, 800))[2].astype(int)
    assert (np.diff(rising) >= 0).all() and np.diff(rising).max() <= 2, "smooth in between"


def test_an_even_map_is_not_made_a_choice():
    assert spread(np.ones((4, 4), np.float32), (20, 20)).max() == 0
    nearly = spread(one_hot(1, 1, hot=1.1), (80, 80))
    assert nearly.max() == pytest.approx(255 * 0.1 / 0.5, abs=2)
    assert spread(one_hot(1, 1, hot=1.6), (80, 80)).max() >= 250, "the control"


@pytest.mark.parametrize("value", [0, 90, 255])
def test_colours_read_on_any_photo(value):
    picture = np.full((80, 80, 3), value, np.uint8)
    kept = picture.copy()
    painted = paint(picture, one_hot(1, 1))
    np.testing.assert_array_equal(picture, kept)
    hot, cold = painted[30, 30], painted[70, 70]
    assert contrast(hot, cold) > 4.5 and hot[0] > hot[2] + 20, "what is hot is light and yellow"
    assert cold.tolist() == pytest.approx([value * 0.4] * 3, abs=4), "what is cold is grey, and darker"


def test_hotter_is_lighter_on_any_grey():
    for value in (0, 120, 255):
        row = paint(np.full((4, 800, 3), value, np.uint8), np.linspace(0, 7, 8, dtype=np.float32)[None])[2]
        assert (np.diff(luminance(row)) > -0.004).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (480, 640), (7, 20_000)])
def test_a_picture_of_any_size_is_painted(rng, shape):
    picture = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
    for how in ("crop", "letterbox", "stretch"):
        painted = paint(picture[:, ::-1], one_hot(2, 2), Images((32, 32), how), True)
        assert painted.shape == picture.shape and painted.dtype == np.uint8


def test_maps_fade_as_smoothing_does():
    fade, first, second = Fading(0.5), one_hot(0, 0), one_hot(3, 3)
    np.testing.assert_array_equal(fade(first, 10.0), first)
    share = math.exp(-1)
    np.testing.assert_allclose(fade(second, 10.5), share * first + (1 - share) * second, atol=1e-6)
    assert fade(None, 10.6) is None
    np.testing.assert_array_equal(fade(first, 10.7), first)
    np.testing.assert_array_equal(fade(second, 3.0), second)
    np.testing.assert_array_equal(fade(first, 3.0), second, "no time has passed")
    sudden = Fading(0.0)
    sudden(first, 1.0)
    np.testing.assert_array_equal(sudden(second, 1.1), second)


def test_answers_are_said_logged_counted_and_steadied_as_those_inside():
    plain, kind = named(lambda scores: "unknown"), looking(named(lambda scores: "unknown"), Images((32, 32)))
    looked = Looked(SCORES, one_hot(0, 0))
    for word in ("say", "line", "counted"):
        assert getattr(kind, word)(looked) == getattr(plain, word)(SCORES)
    mine, theirs = kind.steady(0.3), plain.steady(0.3)
    for time, scores in ((1.0, SCORES), (1.2, [("ant", 0.9), ("bee", 0.1)])):
        assert mine(Looked(scores, None), time) == Looked(theirs(scores, time), None)


def test_the_map_is_drawn_under_the_answer_and_nothing_where_there_is_none(rng):
    images, picture = Images((32, 32)), rng.integers(0, 256, (240, 320, 3)).astype(np.uint8)
    kind, looks = looking(named(), images), one_hot(1, 2)
    for mirrored in (False, True):
        expected = named().draw(paint(picture, looks, images, mirrored), SCORES, "30", None, mirrored)
        np.testing.assert_array_equal(kind.draw(picture, Looked(SCORES, looks), "30", None, mirrored), expected)
        plain = named().draw(picture, SCORES, "30", None, mirrored)
        np.testing.assert_array_equal(kind.draw(picture, Looked(SCORES, None), "30", None, mirrored), plain)
        assert (plain != expected).mean() > 0.5


def test_a_mirrored_recording_shows_the_map_mirrored(workspace):
    video = str(write_video(workspace / "scene.mp4", 4, 25, (120, 160)))

    def answer(rgb):
        return Looked(SCORES, one_hot(0, 0))

    kind = looking(named(), Images((32, 32), "stretch"))
    run(video, answer, Options(kind=kind, save="plain.avi"))
    run(video, answer, Options(kind=kind, save="mirrored.avi", mirror=True))
    for name, columns in (("plain.avi", slice(0, 40)), ("mirrored.avi", slice(120, 160))):
        frame = played(name)[0][2].astype(int)[:30]
        red = (frame[..., 0] - frame[..., 2]).mean(0)
        assert red[columns].mean() > 30 and np.delete(red, columns).mean() < 12, name


def test_the_colours_begin_in_black_and_grow_lighter():
    light = luminance(heat._COLOURS[:, 0])
    assert light[0] < 0.001 and light[-1] > 0.8 and (np.diff(light) > 0).mean() > 0.95
    assert heat._COLOURS[200, 0, 0] > 200 > 50 > heat._COLOURS[200, 0, 2], "orange, not blue"
