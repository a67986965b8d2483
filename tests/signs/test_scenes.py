"""Scenes: perspective by plain trigonometry, pictures laid where their corners are, damage within its bounds."""

from math import cos, radians, sin

import cv2
import numpy as np
import pytest

from cvapp.signs import scenes

SEEDS = range(60)


def rng_of(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_square_seen_straight_on_is_a_square():
    np.testing.assert_array_equal(scenes.project((100, 50), 40, (0, 0, 0)), [(80, 30), (120, 30), (120, 70), (80, 70)])


@pytest.mark.parametrize("angle", [-60, -15, 0, 30, 60])
@pytest.mark.parametrize("distance", [1.5, 3.0, 10.0])
def test_turns_are_those_of_trigonometry(angle, distance):
    """A corner at (x, y, z) from a camera `distance` away appears at (x, y) * distance / (distance + z)."""
    c, s = cos(radians(angle)) / 2, sin(radians(angle)) / 2
    near, far = distance / (distance - s), distance / (distance + s)  # of the edges that come to the camera and go from it

    def corners(*turns):
        return scenes.project((0, 0), 1, turns, distance)

    about_y = [(-c * far, -far / 2), (c * near, -near / 2), (c * near, near / 2), (-c * far, far / 2)]
    about_x = [(-near / 2, -c * near), (near / 2, -c * near), (far / 2, c * far), (-far / 2, c * far)]
    about_z = [(s - c, -c - s), (c + s, s - c), (c - s, c + s), (-c - s, c - s)]
    np.testing.assert_allclose(corners(0, angle, 0), about_y, atol=1e-6)
    np.testing.assert_allclose(corners(angle, 0, 0), about_x, atol=1e-6)
    np.testing.assert_allclose(corners(0, 0, angle), about_z, atol=1e-6)


def test_a_turn_of_60_degrees_in_numbers():
    """cos 60 = 0.5 halves the width; the near edge, at 3 - 0.433 sides, is 100 * 3 / 2.567 = 116.9 high, the far one 87.4."""
    corners = scenes.project((0, 0), 100, (0, 60, 0))
    assert corners[2, 1] - corners[1, 1] == pytest.approx(116.9, abs=0.05)
    assert corners[3, 1] - corners[0, 1] == pytest.approx(87.4, abs=0.05)


def test_a_picture_is_laid_exactly_between_its_corners(rng):
    scene = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    before = scene.copy()
    picture = np.full((20, 20, 4), 255, np.uint8)
    picture[:, 10:, 0] = 0  # the right half is cyan
    laid = scenes.place(scene, picture, np.float32([(20, 10), (60, 10), (60, 50), (20, 50)]) - 0.5)
    np.testing.assert_array_equal(scene, before)
    assert (laid[11:49, 21:39] == 255).all() and (laid[11:49, 41:59] == (0, 255, 255)).all()
    outside = np.ones((60, 80), bool)
    outside[9:51, 19:61] = False
    np.testing.assert_array_equal(laid[outside], scene[outside])
    picture[..., 3] = 0
    np.testing.assert_array_equal(scenes.place(scene, picture, np.float32([(20, 10), (60, 10), (60, 50), (20, 50)])), scene)


def test_half_an_alpha_is_half_a_picture():
    laid = scenes.place(np.full((60, 60, 3), 100, np.uint8), np.full((32, 32, 4), (200, 200, 200, 128), np.uint8),
                        np.float32([(10, 10), (50, 10), (50, 50), (10, 50)]))
    assert abs(int(laid[30, 30, 0]) - 150) <= 1 and laid[5, 5, 0] == 100


def test_a_large_picture_is_averaged_when_it_is_laid_small(rng):
    """Black and white noise of 256 pixels on 16 is grey; taken point by point it would stay black and white."""
    noise = np.repeat(rng.choice((0, 255), (256, 256, 1)), 4, -1).astype(np.uint8)
    noise[..., 3] = 255
    laid = scenes.place(np.zeros((32, 32, 3), np.uint8), noise, np.float32([(8, 8), (24, 8), (24, 24), (8, 24)]))
    assert laid[10:22, 10:22].std() < 40 < noise[..., :3].std()


@pytest.mark.parametrize("size", [(60, 80), (96, 96), (120, 50)])
def test_a_background_is_made_by_its_generator_alone(size):
    pictures = [scenes.background(rng_of(seed), size) for seed in SEEDS]
    assert {(picture.shape, picture.dtype.name) for picture in pictures} == {((*size, 3), "uint8")}
    np.testing.assert_array_equal(pictures[7], scenes.background(rng_of(7), size))
    assert len({picture.tobytes() for picture in pictures}) == len(SEEDS)
    assert np.mean([picture.std() for picture in pictures]) > 25, "not just plain walls"


@pytest.mark.parametrize("size", [(240, 320), (320, 240), (96, 96)])
def test_a_pose_is_nearly_whole_in_the_middle_square(size):
    reach = min(size)
    low, high = np.array(size[::-1]) / 2 - reach * 0.57, np.array(size[::-1]) / 2 + reach * 0.57
    sides = []
    for seed in range(200):
        corners = scenes.random_pose(rng_of(seed), size)
        assert corners.shape == (4, 2) and (corners >= low).all() and (corners <= high).all()
        assert cv2.isContourConvex(corners) and cv2.contourArea(corners, oriented=True) > 0, "clockwise on the screen"
        sides.append(np.sqrt(cv2.contourArea(corners)) / reach)
    assert min(sides) < 0.4 and max(sides) > 0.8


def test_what_is_put_in_front_hides_a_third_at_most():
    """A scene of black and one of white, hidden alike, agree where something lies in front."""
    shares = []
    for seed in range(150):
        corners = scenes.random_pose(rng_of(seed), (120, 160))
        pair = [np.full((120, 160, 3), level, np.uint8) for level in (0, 255)]
        for scene in pair:
            scenes.hide_part(rng_of(seed + 1000), scene, corners)
        inside = cv2.fillConvexPoly(np.zeros((120, 160), np.uint8), corners.astype(np.int32), 1) > 0
        shares.append((pair[0] == pair[1]).all(-1)[inside].mean())
    assert max(shares) < 0.34 and 0.03 < np.mean(shares) < 0.15


def test_a_camera_of_no_strength_changes_nothing():
    for seed in SEEDS:
        scene = scenes.background(rng_of(seed), (48, 64))
        seen = scenes.through_camera(rng_of(seed), scene, 0.0)
        assert np.abs(seen.astype(int) - scene).max() <= 1, seed


def test_a_real_camera_changes_a_picture_but_keeps_it_recognisable():
    likeness, strange = [], []
    scenes_seen = [scenes.background(rng_of(seed), (48, 64)) for seed in SEEDS]
    for seed, scene, other in zip(SEEDS, scenes_seen, scenes_seen[1:]):
        seen = scenes.through_camera(rng_of(seed), scene)
        assert seen.shape == scene.shape and seen.dtype == np.uint8 and (seen != scene).any()
        likeness.append(np.corrcoef(seen.ravel(), scene.ravel())[0, 1])
        strange.append(np.corrcoef(seen.ravel(), other.ravel())[0, 1])
    assert np.median(likeness) > 0.7 and np.median(strange) < 0.3
