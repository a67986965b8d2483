"""Scenes of several signs: each is where its truth says, as hidden as it says, however it was drawn."""

from collections import Counter

import cv2
import numpy as np
import pytest

from cvapp.signs import SIGNS, crowds, draw, scenes
from cvapp.signs.crowds import Sign

SIZE = (240, 320)


@pytest.fixture(scope="module")
def drawn():
    """160 scenes in small."""
    return [crowds.scene(0, index, SIZE) for index in range(160)]


def seen_pixels(monkeypatch, index: int, place: int) -> np.ndarray:
    """Where sign number `place` of a scene is seen (H, W): drawn in black and in white, the scene differs there."""
    pair = []
    for level in (0, 255):
        calls = iter(range(100))

        def keyed(label: str) -> np.ndarray:
            picture = draw(SIGNS[label], 256)
            if next(calls) == place:
                picture[..., :3] = level
            return picture

        with monkeypatch.context() as patch:
            patch.setattr(crowds, "_sign", keyed)
            patch.setattr(scenes, "through_camera", lambda rng, scene, *_: scene)
            pair.append(crowds.scene(0, index, SIZE)[0].astype(int))
    return (pair[1] - pair[0]).mean(-1) > 127


def extent(mask: np.ndarray) -> np.ndarray:
    """Left, top, right and bottom edge of what is set."""
    y, x = np.nonzero(mask)
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])


def told_extent(sign: Sign) -> np.ndarray:
    edge = crowds.outline(sign.label, sign.corners)
    return np.array([*edge.min(0), *edge.max(0)])


@pytest.fixture(scope="module")
def found(drawn):
    """Every sign of 60 scenes with the pixels where it is seen; signs are drawn the nearest first and told the farthest first."""
    with pytest.MonkeyPatch.context() as patch:
        return [
            (sign, seen_pixels(patch, index, len(signs) - 1 - number))
            for index, (_, signs) in enumerate(drawn[:60])
            for number, sign in enumerate(signs)
        ]


def test_a_scene_is_its_seed_and_number(drawn):
    assert {(rgb.shape, rgb.dtype.name) for rgb, _ in drawn} == {((*SIZE, 3), "uint8")}
    assert len({rgb.tobytes() for rgb, _ in drawn}) == len(drawn)
    for index in (150, 3, 0):
        rgb, signs = crowds.scene(0, index, SIZE)
        np.testing.assert_array_equal(rgb, drawn[index][0])
        assert signs == drawn[index][1]
        assert (crowds.scene(1, index, SIZE)[0] != rgb).any()
    assert crowds.scene(0, 0)[0].shape == (480, 640, 3)


def test_signs_are_as_many_of_each_and_some_scenes_have_none(drawn):
    counts = Counter(sign.label for _, signs in drawn for sign in signs)
    each = sum(counts.values()) / len(SIGNS)
    assert sorted(counts) == sorted(SIGNS) and all(0.5 * each < count < 1.6 * each for count in counts.values()), counts
    numbers = Counter(len(signs) for _, signs in drawn)
    assert set(numbers) == set(range(7)) and 0.08 < numbers[0] / len(drawn) < 0.3
    assert all(not crowds.scene(0, index, SIZE, most=0)[1] for index in range(5))


def test_signs_are_of_all_sizes_the_farthest_first(drawn):
    sides = [[cv2.contourArea(np.float32(sign.corners)) ** 0.5 for sign in signs] for _, signs in drawn]
    every = sum(sides, [])
    assert 25 < min(every) < 34 and 120 < max(every) < 155, "of 32 to 150 pixels, turned away a little"
    assert np.median(every) == pytest.approx(np.sqrt(32 * 150), rel=0.15), "as many from 32 to 69 as from 69 to 150"
    pairs = [(far, near) for row in sides for far, near in zip(row, row[1:])]
    assert all(far < 1.35 * near for far, near in pairs) and np.mean([far < near for far, near in pairs]) > 0.9


def test_pixels_are_where_the_truth_says(found):
    """An outline is laid by the truth's corners alone, its extent that of the pixels in the sign's own colour."""
    whole = [(sign, mask) for sign, mask in found if sign.hidden == 0]
    off = [np.abs(extent(mask) - told_extent(sign)).max() for sign, mask in whole]
    assert len(off) > 80 and max(off) < 1.5
    shifted = [np.abs(extent(mask) - told_extent(sign) - 3).max() for sign, mask in whole]
    assert min(shifted) > 1.5, "boxes 3 pixels off are told"


def test_the_share_hidden_is_that_of_the_pixels(found):
    """What is left of an area by the surveyor's formula, which knows no pixels."""
    areas = [cv2.contourArea(crowds.outline(sign.label, sign.corners)) for sign, _ in found]
    counted = np.array([1 - mask.sum() / area for (_, mask), area in zip(found, areas)])
    told = np.array([sign.hidden for sign, _ in found])
    assert np.abs(told - counted).max() < 0.05
    assert (told == 0).mean() > 0.5 and ((told > 0.05) & (told < 0.4)).mean() > 0.1 and (told > 0.4).any()
    assert np.abs(told - np.roll(counted, 1)).max() > 0.3, "of another sign it is another"


def test_the_corners_are_in_the_signs_own_order(drawn):
    """Straightened by its corners, a large sign is like its drawing, and not when they are taken a corner further."""
    likeness = {0: [], 1: []}
    for rgb, signs in drawn:
        for sign in (sign for sign in signs if sign.hidden == 0 and cv2.contourArea(np.float32(sign.corners)) > 60**2):
            picture = draw(SIGNS[sign.label], 64)
            plate = picture[..., 3] == 255
            square = np.float32([(0, 0), (64, 0), (64, 64), (0, 64)])
            for turn, scores in likeness.items():
                matrix = cv2.getPerspectiveTransform(np.roll(np.float32(sign.corners), turn, 0), square)
                patch = cv2.warpPerspective(rgb, matrix, (64, 64))[plate].mean(-1)
                scores.append(np.corrcoef(patch, picture[plate][:, :3].mean(-1))[0, 1])
    assert len(likeness[0]) > 80 and np.median(likeness[0]) > 0.9
    assert np.mean(np.array(likeness[0]) > likeness[1]) > 0.97 and np.median(likeness[1]) < 0.7


def test_what_is_laid_outside_the_frame_is_cut_and_counted():
    """A white sheet of 100 pixels, a quarter of it in the picture; no bar before it by the seed."""
    rgb = np.zeros((200, 300, 3), np.uint8)
    corners = np.float32([(250, 150), (350, 150), (350, 250), (250, 250)])
    signs = crowds.lay(np.random.default_rng(0), rgb, [crowds.Layer(np.full((64, 64, 4), 255, np.uint8), corners, "heart")])
    assert signs == (Sign("heart", ((250, 150), (350, 150), (350, 250), (250, 250)), pytest.approx(0.75, abs=0.01)),)
    assert (rgb[151:, 251:] == 255).all() and (rgb[:149] == 0).all() and (rgb[:, :249] == 0).all()
