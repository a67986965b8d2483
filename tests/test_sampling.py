"""From a seed to pictures: noise that repeats, classes behind it, bytes, grids, and the arc between two noises."""

import math

import numpy as np
import pytest

from cvapp import sampling
from cvapp.errors import CvappError, Exit


def test_noise_is_numpys_and_the_first_of_more_are_the_same():
    noise = sampling.noise(5, 3, 7)
    assert noise.dtype == np.float32
    np.testing.assert_array_equal(noise, np.random.default_rng(7).standard_normal(15).reshape(5, 3).astype(np.float32))
    np.testing.assert_array_equal(sampling.noise(50, 3, 7)[:5], noise)
    assert not np.array_equal(sampling.noise(5, 3, 8), noise), "another seed"
    assert not np.array_equal(sampling.noise(5, 4, 7)[:, :3], noise), "the length counts too"
    many = sampling.noise(20_000, 2, 0)
    assert abs(many.mean()) < 0.02 and abs(many.std() - 1) < 0.02


@pytest.mark.parametrize(
    "count, seed, line",
    [
        (0, 0, "count is 0: give how many pictures to make, 1 to 100000"),
        (-4, 0, "count is -4: give how many pictures to make, 1 to 100000"),
        (100_001, 0, "count is 100001: give how many pictures to make, 1 to 100000"),
        (1, -1, "seed is -1: give a whole number from 0"),
    ],
)
def test_a_count_or_a_seed_out_of_range_is_a_line(count, seed, line):
    with pytest.raises(CvappError) as error:
        sampling.noise(count, 3, seed)
    assert (str(error.value), error.value.code) == (line, Exit.USAGE)


def test_the_class_stands_behind_the_noise():
    noise = sampling.noise(4, 2, 0)
    np.testing.assert_array_equal(sampling.asked(noise, 3)[:, 2:], [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(sampling.asked(noise, 3, 2)[:, 2:], [[0, 0, 1]] * 4)
    for found in (sampling.asked(noise, 3), sampling.asked(noise, 0), sampling.asked(noise, 3, 0)):
        np.testing.assert_array_equal(found[:, :2], noise)
        assert found.dtype == np.float32
    assert sampling.asked(noise, 0).shape == (4, 2)


def test_a_class_is_found_by_its_name_or_the_nearest_is_told():
    assert sampling.place_of("shoe", ("bag", "shoe"), "mine") == 1
    with pytest.raises(CvappError, match=r"^mine makes no 'sho': choose one of bag, shoe\. Did you mean shoe\?$") as error:
        sampling.place_of("sho", ("bag", "shoe"), "mine")
    assert error.value.code == Exit.USAGE
    with pytest.raises(CvappError, match=r"choose one of l0, l1, .*, l19, \.\.\.$"):
        sampling.place_of("?", tuple(f"l{number}" for number in range(500)), "mine")
    with pytest.raises(
        CvappError, match="^mine makes what it likes of all classes, 'bag' cannot be asked for; leave the label out$"
    ) as error:
        sampling.place_of("bag", (), "mine")
    assert error.value.code == Exit.USAGE


def test_values_become_the_nearest_bytes():
    """-1 is 0, 1 is 255, and 0 lies half way between 127 and 128; NumPy takes the even one."""
    values = np.array([-1, 1, 0, -1.5, 7, 1 / 127.5 - 1, 0.4 / 127.5 - 1, 0.6 / 127.5 - 1, 254.4 / 127.5 - 1], np.float32)
    found = sampling.pictures(values.reshape(1, 3, 3, 1))
    assert found.shape == (1, 3, 3, 3) and found.dtype == np.uint8
    assert found[0, ..., 0].ravel().tolist() == [0, 255, 128, 0, 255, 1, 0, 1, 254]
    assert (found == found[..., :1]).all(), "grey is the same three times"
    cut = ((values.clip(-1, 1) + 1) * 127.5).astype(np.uint8)
    assert cut.tolist() != found[0, ..., 0].ravel().tolist(), "cutting off is not rounding"


def test_colours_stay_in_their_order(rng):
    levels = rng.integers(0, 256, (2, 4, 5, 3)).astype(np.uint8)
    np.testing.assert_array_equal(sampling.pictures((levels / 127.5 - 1).astype(np.float32)), levels)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(number):
    values = np.zeros((2, 4, 4, 1), np.float32)
    values[1, 2, 3] = number
    with pytest.raises(CvappError, match="the generator answers numbers that are none") as error:
        sampling.pictures(values)
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize("count, columns, scale", [(5, 2, 3), (1, 1, 1), (6, 3, 4), (4, 4, 2), (3, 1, 5)])
def test_each_picture_has_its_place_and_the_gap_its_colour(rng, count, columns, scale):
    pictures, gap = rng.integers(100, 256, (count, 3, 4, 3)).astype(np.uint8), max(2, scale // 2)
    rows = math.ceil(count / columns)
    expected = np.full((rows * (3 * scale + gap) + gap, columns * (4 * scale + gap) + gap, 3), 40, np.uint8)
    for place, picture in enumerate(pictures):
        for y in range(3 * scale):
            for x in range(4 * scale):
                top, left = gap + place // columns * (3 * scale + gap), gap + place % columns * (4 * scale + gap)
                expected[top + y, left + x] = picture[y // scale, x // scale]
    np.testing.assert_array_equal(sampling.grid(pictures, columns, scale), expected)
    assert (expected == 40).any() and not (pictures == 40).any()


@pytest.mark.parametrize(
    "count, side, size", [(64, 28, (914, 914)), (64, 32, (1042, 1042)), (64, 64, (1042, 1042)), (64, 96, (786, 786)), (1, 28, (232, 232))]
)
def test_a_grid_is_nearly_square_and_about_900_pixels_wide(count, side, size):
    """8 x 28 x 4 and 9 gaps of 2 are 914; one picture is enlarged 8 times, not 32."""
    assert sampling.grid(np.zeros((count, side, side, 3), np.uint8)).shape == (*size, 3)


@pytest.mark.parametrize("count, shape", [(2, (1, 2)), (3, (2, 2)), (10, (3, 4)), (17, (4, 5))])
def test_columns_are_the_rounded_up_root(count, shape):
    found = sampling.grid(np.zeros((count, 8, 8, 3), np.uint8), scale=1)
    assert found.shape == (shape[0] * 10 + 2, shape[1] * 10 + 2, 3)


def spheres(count=6, length=50):
    """Two noises (count, length), every row of the same norm."""
    first, second = sampling.noise(2 * count, length, 3).reshape(2, count, length)
    return tuple(one / np.linalg.norm(one, axis=1, keepdims=True) * math.sqrt(length) for one in (first, second))


def test_a_walk_keeps_the_norm_where_a_straight_line_shrinks_it():
    first, second = spheres()
    way = sampling.walk(first, second, 20)
    assert way.shape == (20, 6, 50) and way.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(way, axis=2), math.sqrt(50), rtol=1e-5)
    middle = np.linalg.norm((first + second) / 2, axis=1)
    assert (middle < 0.85 * math.sqrt(50)).all()


def test_a_walk_goes_there_and_back_and_its_end_leads_to_its_start():
    first, second = spheres()
    way = sampling.walk(first, second, 20)
    np.testing.assert_allclose(way[0], first, atol=1e-5)
    np.testing.assert_allclose(way[10], second, atol=1e-5)
    np.testing.assert_allclose(way[1:10], way[:10:-1], atol=1e-5)
    steps = np.linalg.norm(np.diff(np.concatenate([way, way[:1]]), axis=0), axis=2)
    assert (steps[0] < steps[5] / 3).all() and (steps[-1] < steps[5] / 3).all(), "slow where it turns"
    assert steps.max() < 0.2 * np.linalg.norm(first - second, axis=1).max()


def test_a_walk_is_the_arc_of_plane_geometry():
    """From 0 to 90 degrees, and from 0 to 120: a quarter of the frames are half the way, in the angle."""
    first = np.array([[1.0, 0.0], [2.0, 0.0]])
    second = np.array([[0.0, 1.0], [2 * math.cos(math.radians(120)), 2 * math.sin(math.radians(120))]])
    way = sampling.walk(first, second, 8)
    np.testing.assert_allclose(np.degrees(np.arctan2(way[2, :, 1], way[2, :, 0])), [45, 60], atol=1e-4)
    share = (1 - math.cos(math.pi / 4)) / 2
    np.testing.assert_allclose(np.degrees(np.arctan2(way[1, :, 1], way[1, :, 0])), [90 * share, 120 * share], atol=1e-4)


def test_rows_of_other_lengths_go_from_one_length_to_the_other():
    first, second = sampling.noise(5, 30, 0), 2 * sampling.noise(5, 30, 1)
    way = sampling.walk(first, second, 16)
    lengths = np.linalg.norm(way, axis=2)
    low, high = (np.linalg.norm(one, axis=1) for one in (first, second))
    assert ((lengths > np.minimum(low, high) - 1e-3) & (lengths < np.maximum(low, high) + 1e-3)).all()
    np.testing.assert_allclose(way[8], second, atol=1e-5)


@pytest.mark.parametrize("factor", [1.0, 3.0, -1.0])
def test_where_there_is_no_arc_the_way_is_straight(factor):
    first = sampling.noise(3, 4, 0)
    way = sampling.walk(first, factor * first, 8)
    assert np.isfinite(way).all()
    np.testing.assert_allclose(way[0], first, atol=1e-5)
    np.testing.assert_allclose(way[2], (1 + factor) / 2 * first, atol=1e-4)
    np.testing.assert_allclose(way[4], factor * first, atol=1e-4)
