"""The generated set: two hundred classes, none of them a sign, each photo by its seed and number alone."""

import itertools
from collections import Counter

import cv2
import numpy as np
import pytest

from cvapp.signs import LABELS, SIGNS, draw, icons
from cvapp.signs.shapes import CLASSES, GLYPHS, NOTHING, SHAPES, TEXTURES, photo

COUNT = 1500


@pytest.fixture(scope="module")
def drawn():
    return [photo(0, index, (32, 32)) for index in range(COUNT)]


def test_the_classes_are_two_hundred_and_none_is_a_sign():
    assert [len(GLYPHS), len(SHAPES), len(TEXTURES), icons.COUNT] == [38, 41, 21, 99]
    assert len(CLASSES) == len(set(CLASSES)) == 38 + 41 + 21 + 99 + 1 and CLASSES[NOTHING] == "nothing"
    assert not set(CLASSES) & set(LABELS)


def test_every_class_is_drawn_half_of_them_icons(drawn):
    counts = Counter(label for _, label in drawn)
    assert sorted(counts) == list(range(200)) and counts[NOTHING] == pytest.approx(0.04 * COUNT, rel=0.3)
    assert sum(counts[label] for label in range(100, 199)) == pytest.approx(0.5 * COUNT, rel=0.1)
    assert max(counts[label] for label in range(199)) < 20, "7.5 of each on the average"
    assert {(rgb.shape, rgb.dtype.name) for rgb, _ in drawn} == {((32, 32, 3), "uint8")}


def test_no_photo_is_empty_and_no_two_are_alike(drawn):
    assert len({rgb.tobytes() for rgb, _ in drawn}) == COUNT
    assert min(rgb.std() for rgb, _ in drawn) > 1 and np.mean([rgb.std() for rgb, _ in drawn]) > 30


def test_a_photo_is_its_seed_and_number(drawn):
    for index in (COUNT - 1, 3, 0):
        rgb, label = photo(0, index, (32, 32))
        np.testing.assert_array_equal(rgb, drawn[index][0])
        assert label == drawn[index][1]
    assert sum(photo(1, index, (32, 32))[1] == drawn[index][1] for index in range(50)) < 10
    assert photo(0, 0)[0].shape == (96, 96, 3)


def test_made_up_signs_differ_from_each_other_and_from_the_real_ones():
    made = [cv2.resize(icons.icon(index), (24, 24), interpolation=cv2.INTER_AREA).astype(float) for index in range(icons.COUNT)]
    real = [cv2.resize(draw(sign), (24, 24), interpolation=cv2.INTER_AREA).astype(float) for sign in SIGNS.values()]
    assert {icon.shape for icon in made} == {(24, 24, 4)}
    alike = [np.abs(one - other).mean() < 1.5 for one, other in itertools.combinations(made, 2)]
    assert sum(alike) <= 1, "of 4,851 pairs"
    assert min(np.abs(one - other).mean() for one, other in itertools.product(made, real)) > 12
