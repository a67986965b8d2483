"""The generated set: a hundred classes, none of them a sign, each photo by its seed and number alone."""

from collections import Counter

import numpy as np
import pytest

from cvapp.signs import LABELS
from cvapp.signs.shapes import CLASSES, GLYPHS, SHAPES, TEXTURES, photo

COUNT = 700  # a class is left out of 700 draws of 100 with a chance of 0.1 %, and this seed leaves none


@pytest.fixture(scope="module")
def drawn():
    return [photo(0, index, (32, 32)) for index in range(COUNT)]


def test_there_are_a_hundred_classes_and_none_is_a_sign():
    assert len(CLASSES) == len(set(CLASSES)) == 100 == len(GLYPHS) + len(SHAPES) + len(TEXTURES)
    assert not set(CLASSES) & set(LABELS)


def test_every_class_is_drawn_about_as_often(drawn):
    counts = Counter(label for _, label in drawn)
    assert sorted(counts) == list(range(100)) and max(counts.values()) < 20
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
