"""Pictograms: plates have the area of their polygons, shapes lie where their tables say, and no two signs look alike."""

import itertools

import cv2
import numpy as np
import pytest

from cvapp.signs import BACKGROUND, LABELS, SIGNS, draw
from cvapp.signs.pictograms import BLACK, CREAM, GREEN, NAVY, ORANGE, PLATES, RED, WHITE, YELLOW, Disc, Polygon, Stroke, paint, regular


def seen(sign, side: int = 32) -> np.ndarray:
    """A sign on white as a camera far away has it: (side, side, 3)."""
    rgba = draw(sign, 256).astype(np.float32)
    alpha = rgba[..., 3:] / 255
    return cv2.resize(rgba[..., :3] * alpha + 255 * (1 - alpha), (side, side), interpolation=cv2.INTER_AREA)


def shoelace(points) -> float:
    """The area of a polygon."""
    x, y = np.transpose(points)
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def test_labels_are_ten_signs_and_the_background():
    assert LABELS == ["arrow", "bolt", "cup", "fish", "heart", "house", "key", "moon", "star", "tree", BACKGROUND] and len(SIGNS) == 10


@pytest.mark.parametrize(
    "plate, area",
    [("square", 1.94**2), ("circle", np.pi * 0.97**2), ("triangle", 0.98 * 1.75), ("diamond", 2 * 0.99**2), ("octagon", 2.772)],
)
def test_a_plate_covers_its_area(plate, area):
    """An octagon's area is 2 sqrt(2) r^2."""
    assert shoelace(PLATES[plate]) == pytest.approx(area, rel=2e-3)
    for sign in (sign for sign in SIGNS.values() if sign.plate == plate):
        alpha = draw(sign, 256)[..., 3]
        assert 4 * alpha.mean() / 255 == pytest.approx(area, rel=0.015)
        assert alpha[0, 0] == alpha[0, 255] == 0 and alpha[128, 128] == 255


@pytest.mark.parametrize(
    "label, point, colour",
    [
        ("arrow", (0, 0), WHITE), ("arrow", (0.7, 0.7), GREEN), ("arrow", (0, -0.93), WHITE), ("bolt", (0, 0), BLACK),
        ("bolt", (0.4, 0.5), YELLOW), ("cup", (0.4, 0.02), CREAM), ("heart", (0, 0), WHITE), ("heart", (0.7, 0.7), RED),
        ("key", (-0.36, 0), ORANGE), ("moon", (0.2, -0.14), NAVY), ("moon", (-0.5, 0), YELLOW),
    ],
)
def test_a_sign_has_its_colours_in_their_places(label, point, colour):
    x, y = (round((value + 1) * 128) for value in point)
    assert tuple(draw(SIGNS[label], 256)[y, x]) == (*colour, 255)


@pytest.mark.parametrize("grey", [False, True], ids=["in colour", "by a printer without colour"])
def test_any_two_signs_differ_by_a_clear_margin(grey):
    pictures = {label: seen(sign) for label, sign in SIGNS.items()}
    pictures = {label: rgb.mean(-1) if grey else rgb for label, rgb in pictures.items()}
    apart = [np.abs(one - other).mean() for one, other in itertools.combinations(pictures.values(), 2)]
    moved = [np.abs(rgb - np.roll(rgb, 1, 1)).mean() for rgb in pictures.values()]
    assert len(apart) == 45 and min(apart) > 25
    assert min(apart) > max(moved), "further apart than any sign is from itself a pixel away"


@pytest.mark.parametrize("side", [64, 256])
def test_the_edge_has_the_colour_of_the_border_however_transparent(side):
    """A darker colour there is a fringe once it is blended with a scene."""
    off = {}
    for label, sign in SIGNS.items():
        rgba = draw(sign, side).astype(int)
        off[label] = np.abs(rgba[rgba[..., 3] < 255][:, :3] - sign.border).max()
    assert {label: by for label, by in off.items() if by > 3} == {}


def test_drawing_is_the_same_each_time_and_of_any_size():
    for side in (16, 96, 300):
        rgba = draw(SIGNS["key"], side)
        assert rgba.shape == (side, side, 4) and rgba.dtype == np.uint8
        np.testing.assert_array_equal(rgba, draw(SIGNS["key"], side))


@pytest.mark.parametrize(
    "shape, share",
    [
        (Polygon((9, 9, 9), [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]), 0.25),
        (Disc((9, 9, 9), (0.2, 0.1), 0.5), np.pi * 0.25 / 4),
        (Stroke((9, 9, 9), [(-0.5, 0), (0.5, 0)], 0.2), (0.2 + np.pi * 0.01) / 4),  # its ends are round
    ],
    ids=["polygon", "disc", "stroke"],
)
@pytest.mark.parametrize("channels", [3, 4])
def test_a_shape_covers_its_area_in_its_colour(shape, share, channels):
    canvas = np.zeros((400, 400, channels), np.uint8)
    paint(canvas, shape)
    assert (canvas[..., 0] > 4).mean() == pytest.approx(share, rel=0.07)
    assert canvas[..., :3].max() == 9 and (channels == 3 or canvas[..., 3].max() == 255)


def test_regular_polygons_stand_on_their_circle_the_first_corner_up():
    np.testing.assert_allclose(regular(4), [(0, -1), (1, 0), (0, 1), (-1, 0)], atol=1e-12)
    np.testing.assert_allclose(regular(4, 2, 90)[0], (2, 0), atol=1e-12)
    star = np.array(regular(5, 0.66, inner=0.27))
    np.testing.assert_allclose(np.linalg.norm(star, axis=1), [0.66, 0.27] * 5)
    assert len(star) == 10 and star[0] == pytest.approx((0, -0.66))
