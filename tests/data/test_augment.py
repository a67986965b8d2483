"""Augmentation: what each setting does to pixels, in which range it is drawn, and that a picture's own number decides it alone."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from cvapp.data.augment import GREY, Change, apply, augment, draw, light, warp
from cvapp.recipe import Augment

ALL = Augment(
    mirror=True, crop=0.3, zoom=0.25, rotation=20, stretch=0.2, brightness=0.1, contrast=0.3, colour=0.2, blur=1.5, noise=0.05, cutout=0.3
)
SINGLE = [{name: value} for name, value in dataclasses.asdict(ALL).items() if value]


@pytest.fixture
def pictures(rng):
    """Six smooth pictures (48, 64), as photos are."""
    return np.stack([cv2.GaussianBlur(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8), (0, 0), 2) for _ in range(6)])


def sampled(picture, matrix):
    """The oracle of a warp: each pixel looked up by its own, between four neighbours, reflected at the border."""
    height, width = picture.shape[:2]
    padded = np.pad(picture.astype(float), ((height - 1,) * 2, (width - 1,) * 2, (0, 0)), "reflect")
    out = np.zeros(picture.shape)
    for y in range(height):
        for x in range(width):
            across, down = matrix @ (x, y, 1) + (width - 1, height - 1)
            left, top = int(np.floor(across)), int(np.floor(down))
            right_share, lower_share = across - left, down - top
            four = padded[top : top + 2, left : left + 2]
            rows = four[:, 0] * (1 - right_share) + four[:, 1] * right_share
            out[y, x] = rows[0] * (1 - lower_share) + rows[1] * lower_share
    return out


def test_off_leaves_pictures_as_they_are(pictures):
    assert augment(pictures, range(6), 0, 0, Augment()) is pictures
    picture = pictures[0]
    assert apply(picture, Change()) is picture
    np.testing.assert_array_equal(augment(pictures, range(6), 0, 0, Augment(mixup=0.2, cutmix=1.0)), pictures)


@pytest.mark.parametrize("setting", [*SINGLE, dataclasses.asdict(ALL)], ids=lambda setting: "-".join(setting)[:20])
def test_each_setting_changes_pictures_and_writes_to_none(setting, pictures):
    before = pictures.copy()
    varied = augment(pictures, range(6), 0, 0, Augment(**setting))
    assert varied.dtype == np.uint8 and varied.shape == pictures.shape
    assert not np.array_equal(varied, pictures)
    np.testing.assert_array_equal(pictures, before)


def test_the_picture_its_number_the_epoch_and_the_seed_decide_alone(pictures):
    numbers = [5, 900, 2, 70_000, 0, 41]
    first = augment(pictures, numbers, 3, 7, ALL)
    order = np.array([4, 0, 5, 1, 3, 2])
    np.testing.assert_array_equal(augment(pictures[order], np.array(numbers)[order], 3, 7, ALL), first[order])
    with ThreadPoolExecutor(4) as pool:
        alone = pool.map(lambda at: augment(pictures[at : at + 1], numbers[at : at + 1], 3, 7, ALL)[0], list(range(6)) * 5)
        for at, picture in enumerate(alone):
            np.testing.assert_array_equal(picture, first[at % 6])
    for others, epoch, seed in [(numbers, 4, 7), (numbers, 3, 8), (numbers, 7, 3), (range(100, 106), 3, 7)]:
        varied = augment(pictures, others, epoch, seed, ALL)
        assert not any(np.array_equal(one, other) for one, other in zip(varied, first))


def test_one_setting_does_not_move_the_others():
    whole = draw(11, 2, 5, ALL)
    for setting in SINGLE:
        alone = draw(11, 2, 5, Augment(**setting))
        changed = [field for field in dataclasses.asdict(alone) if getattr(alone, field) != getattr(Change(), field)]
        assert all(getattr(alone, field) == getattr(whole, field) for field in changed)


@pytest.mark.parametrize(
    "value, low, high, middle",
    [
        (lambda change: change.mirror, 0, 1, 0.5),
        (lambda change: change.kept, 0.7, 1, 0.85),
        (lambda change: change.place[0], -1, 1, 0),
        (lambda change: change.place[1], -1, 1, 0),
        (lambda change: np.log(change.zoom), -np.log(1.25), np.log(1.25), 0),
        (lambda change: change.angle, -20, 20, 0),
        (lambda change: np.log(change.stretch), -np.log(1.2), np.log(1.2), 0),
        (lambda change: change.brightness, -0.1, 0.1, 0),
        (lambda change: np.log(change.contrast), -np.log(1.3), np.log(1.3), 0),
        (lambda change: change.colour[0], 0.8, 1.2, 1),
        (lambda change: change.colour[2], 0.8, 1.2, 1),
        (lambda change: change.blur, 0, 1.5, 0.75),
        (lambda change: change.noise, 0, 0.05, 0.025),
        (lambda change: change.noise_start, 0, 65_535, 32_768),
        (lambda change: change.cutout_place[0], -1, 1, 0),
        (lambda change: change.cutout_place[1], -1, 1, 0),
    ],
)
def test_what_is_drawn_covers_its_range_evenly(value, low, high, middle):
    """Of 2,000 even draws the mean is within 4 standard errors (0.026 of the range), and the outer hundredths are met."""
    drawn = np.array([value(draw(index, 1, 0, ALL)) for index in range(2000)], float)
    span = high - low
    assert low - 1e-9 <= drawn.min() <= low + span / 100 and high - span / 100 <= drawn.max() <= high + 1e-9
    assert abs(drawn.mean() - middle) < 0.026 * span * (1 if set(drawn) != {0, 1} else 2)


def test_numbers_of_one_picture_are_independent():
    drawn = [draw(index, 0, 0, ALL) for index in range(2000)]
    values = np.array([[*one.place, one.kept, one.angle, one.zoom, *one.colour, one.noise, *one.cutout_place] for one in drawn])
    together = np.corrcoef(np.hstack([values[:-1], values[1:]]).T)  # with the next picture's too
    assert np.abs(together - np.eye(len(together))).max() < 0.1


def test_a_mirror_is_exact(pictures):
    np.testing.assert_array_equal(apply(pictures[0], Change(mirror=True)), pictures[0][:, ::-1])
    varied = augment(pictures, range(6), 0, 0, Augment(mirror=True))
    swapped = [draw(index, 0, 0, Augment(mirror=True)).mirror for index in range(6)]
    assert 0 < sum(swapped) < 6
    for picture, was, mirrored in zip(varied, pictures, swapped):
        np.testing.assert_array_equal(picture, was[:, ::-1] if mirrored else was)


def test_a_turn_by_known_angles(pictures):
    """A quarter of a square picture is exact; 30 degrees are OpenCV's, whose angle runs the other way."""
    square = np.ascontiguousarray(pictures[0][:48, :48])
    np.testing.assert_allclose(apply(square, Change(angle=90)).astype(int), np.rot90(square, -1), atol=1)
    np.testing.assert_array_equal(apply(square, Change(angle=180)), square[::-1, ::-1])
    matrix = cv2.getRotationMatrix2D((31.5, 23.5), -30, 1.0)
    expected = cv2.warpAffine(pictures[1], matrix, (64, 48), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    np.testing.assert_allclose(apply(pictures[1], Change(angle=30)).astype(int), expected, atol=1)
    assert np.abs(apply(pictures[1], Change(angle=-30)).astype(int) - expected).max() > 30


@pytest.mark.parametrize("place, top, left", [((-1.0, -1.0), 0, 0), ((1.0, 1.0), 12, 16), ((0.0, 0.5), 9, 8)])
def test_a_crop_is_its_window_enlarged(pictures, place, top, left):
    """Three quarters of each side: 36 x 48 pixels, at (12, 16) x (place + 1) / 2. The window's outermost pixels look beyond it."""
    window = pictures[0][top : top + 36, left : left + 48]
    expected = cv2.resize(window, (64, 48), interpolation=cv2.INTER_LINEAR)
    varied = apply(pictures[0], Change(kept=0.75, place=place))
    np.testing.assert_allclose(varied[1:-1, 1:-1].astype(int), expected[1:-1, 1:-1], atol=1)


def test_a_square_grows_by_the_zoom_and_is_stretched_at_the_same_area():
    picture = np.zeros((101, 101, 3), np.uint8)
    picture[40:61, 40:61] = 255
    for change, width, height in [(Change(zoom=2), 42, 42), (Change(zoom=0.8), 16.8, 16.8), (Change(stretch=1.44), 25.2, 17.5)]:
        varied = apply(picture, change)[..., 0] / 255
        assert varied[50].sum() == pytest.approx(width, abs=1) and varied[:, 50].sum() == pytest.approx(height, abs=1)


def test_all_geometry_is_one_warp(pictures):
    """Against the same matrix sampled pixel by pixel, and against one step after another, which blurs a little more."""
    change = Change(mirror=True, kept=0.8, place=(0.3, -0.6), zoom=1.1, angle=17, stretch=1.2)
    varied = apply(pictures[2], change).astype(int)
    np.testing.assert_allclose(varied, sampled(pictures[2], warp(change, (48, 64))), atol=1)
    steps = [Change(kept=0.8, place=(0.3, -0.6)), Change(stretch=1.2, zoom=1.1), Change(angle=17), Change(mirror=True)]
    stepped = pictures[2]
    for step in steps:
        stepped = apply(stepped, step)
    inside = np.s_[12:-12, 16:-16]
    assert np.abs(varied - stepped)[inside].max() <= 3
    other = apply(apply(pictures[2], steps[3]), dataclasses.replace(change, mirror=False))
    assert np.abs(varied - other)[inside].mean() > 8, "the order counts, or the comparison proves nothing"


def test_light_is_one_known_table():
    """Means 100, 50, 0 with colour 1.2, 1, 1: mean (120 + 50) / 3."""
    values = np.arange(256)
    np.testing.assert_array_equal(light(Change(brightness=0.2), (9, 9, 9))[:, 0], np.minimum(values + 51, 255))
    np.testing.assert_array_equal(light(Change(colour=(1.0, 0.5, 2.0)), (9, 9, 9))[:, 2], np.minimum(2 * values, 255))
    table = light(Change(brightness=-0.1, contrast=1.5, colour=(1.2, 1.0, 1.0)), (100, 50, 0))
    mean = 170 / 3
    assert table[[0, 100, 255], 0].tolist() == [0, round((120 - mean) * 1.5 + mean - 25.5), 255]
    assert table[100, 1] == round((100 - mean) * 1.5 + mean - 25.5)


def test_the_table_is_laid_on_the_pixels(pictures):
    change = Change(brightness=0.05, contrast=0.7, colour=(0.9, 1.0, 1.1))
    table = light(change, pictures[3].mean((0, 1)))
    np.testing.assert_array_equal(apply(pictures[3], change), np.stack([table[pictures[3][..., at], at] for at in range(3)], -1))


@pytest.mark.parametrize("factor", [0.6, 1.5])
def test_contrast_keeps_the_mean_and_scales_the_spread(pictures, factor):
    picture = pictures[4] // 4 + 30  # dark, where a fixed middle would darken it further
    varied = apply(picture, Change(contrast=factor))
    assert varied.mean() == pytest.approx(picture.mean(), abs=0.5) and varied.std() == pytest.approx(factor * picture.std(), rel=0.05)


def test_blur_is_gaussian():
    """The spread of a dot is the standard deviation asked for."""
    picture = np.zeros((41, 41, 3), np.uint8)
    picture[18:23, 18:23] = 255
    row = apply(picture, Change(blur=3.0))[20, :, 0].astype(float)
    assert np.average((np.arange(41) - 20) ** 2, weights=row) == pytest.approx(3.0**2 + 2, rel=0.1)  # 2 is the dot's own variance


def test_noise_is_as_strong_as_asked_for_and_other_elsewhere_in_the_field():
    picture = np.full((64, 64, 3), 128, np.uint8)
    one, other = (apply(picture, Change(noise=0.05, noise_start=start)).astype(float) - 128 for start in (0, 40_000))
    for noise in (one, other):
        assert noise.std() == pytest.approx(0.05 * 255, rel=0.03) and abs(noise.mean()) < 0.5
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05
    assert apply(np.full_like(picture, 255), Change(noise=0.05)).min() > 180, "no value runs over"


@pytest.mark.parametrize(
    "place, rows, columns", [((0.0, 0.0), (18, 30), (26, 38)), ((-1.0, 1.0), (42, 48), (0, 6)), ((1.0, -0.5), (6, 18), (58, 64))]
)
def test_cutout_is_a_grey_square_that_may_leave_the_picture(pictures, place, rows, columns):
    """A quarter of 48 is 12 pixels."""
    varied = apply(pictures[5], Change(cutout=0.25, cutout_place=place))
    expected = pictures[5].copy()
    expected[slice(*rows), slice(*columns)] = GREY
    np.testing.assert_array_equal(varied, expected)


def test_the_asked_for_share_is_taken_anew_and_the_rest_is_as_it_was(pictures):
    plenty = np.repeat(pictures[5:6], 200, 0)
    taken = augment(plenty, np.arange(200), 0, 3, Augment(retake=0.3))
    changed = (taken != plenty).any((1, 2, 3))
    assert 40 <= changed.sum() <= 80, "200 draws of 0.3: 60, give or take three deviations of 6.5"
    np.testing.assert_array_equal(taken, augment(plenty, np.arange(200), 0, 3, Augment(retake=0.3)))
    assert not (augment(plenty, np.arange(200), 1, 3, Augment(retake=0.3)) == taken).all()


def test_another_camera_changes_the_light_and_not_the_scene():
    rgb = cv2.resize(np.random.default_rng(1).integers(60, 190, (6, 6, 3)).astype(np.uint8), (96, 96), interpolation=cv2.INTER_CUBIC)
    for index in range(5):
        taken = augment(rgb[None], [index], 0, 0, Augment(retake=1))[0]
        likeness = np.corrcoef(rgb[..., 1].ravel(), taken[..., 1].ravel())[0, 1]
        assert likeness > 0.8 and (taken != rgb).mean() > 0.5
