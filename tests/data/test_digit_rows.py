"""Rows of digits: their seed, their texts, their fonts, and that every digit lies inside of its picture."""

import cv2
import numpy as np
import pytest

from cvapp.data import digit_rows
from cvapp.errors import CvappError, Exit


def test_a_picture_is_its_seed_and_index():
    first, text = digit_rows.picture(3, 7, (32, 96), 1, 6)
    again, same = digit_rows.picture(3, 7, (32, 96), 1, 6)
    assert first.shape == (32, 96, 3) and first.dtype == np.uint8 and text == same
    np.testing.assert_array_equal(first, again)
    for seed, index in ((4, 7), (3, 8)):
        assert np.abs(first.astype(int) - digit_rows.picture(seed, index, (32, 96), 1, 6)[0]).mean() > 3


def test_lengths_and_digits_come_evenly():
    texts = [digit_rows.picture(1, index, (16, 48), 2, 5)[1] for index in range(600)]
    lengths = np.bincount([len(text) for text in texts])
    assert lengths[:2].sum() == 0 and len(lengths) == 6 and lengths[2:].min() > 110
    digits = np.bincount([int(digit) for text in texts for digit in text], minlength=10)
    assert digits.min() > 0.8 * digits.mean() and digits.max() < 1.2 * digits.mean()


@pytest.mark.parametrize("font", digit_rows.FONTS)
def test_ten_digits_of_a_font_stand_apart(font, rng):
    """As many pieces of ink as digits: none is broken, empty, or grown together with its neighbour; no two look the same."""
    row = digit_rows.draw(digit_rows.DIGITS, font, np.full(10, 0.15), rng)
    pieces, _ = cv2.connectedComponents((row > 40).astype(np.uint8))
    assert pieces - 1 == 10
    glyphs = [cv2.resize(digit_rows.glyph(digit, font), (32, 48)).astype(float) for digit in digit_rows.DIGITS]
    assert min(np.abs(one - other).mean() for at, one in enumerate(glyphs) for other in glyphs[:at]) > 8


def test_every_font_is_another_one():
    sheets = [np.hstack([cv2.resize(digit_rows.glyph(digit, font), (32, 48)) for digit in digit_rows.DIGITS]) for font in digit_rows.FONTS]
    assert min(np.abs(one.astype(float) - other).mean() for at, one in enumerate(sheets) for other in sheets[:at]) > 4


@pytest.mark.parametrize("size, most", [((32, 96), 8), ((32, 320), 20), ((64, 64), 3), ((16, 40), 6)])
def test_all_ink_lies_inside_of_the_picture(size, most):
    for index in range(60):
        rng = np.random.default_rng(index)
        text = "".join(rng.choice(list(digit_rows.DIGITS), most))
        row = digit_rows.draw(text, digit_rows.FONTS[index % len(digit_rows.FONTS)], np.full(most, 0.2), rng)
        ink = digit_rows._placed(rng, row, size)
        border = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
        assert border.max() < 40 and ink.sum() > 255 * 3 * most


def test_ink_can_be_told_from_its_paper():
    for index in range(40):
        grey = digit_rows.picture(2, index, (32, 96), 2, 4)[0].astype(float).mean(-1)
        low, high = np.percentile(grey, [2, 98])
        assert high - low > 25


@pytest.mark.parametrize("size, least, most", [((32, 96), 0, 3), ((32, 96), 4, 3), ((15, 96), 1, 3), ((32, 17), 1, 3)])
def test_no_digits_and_no_room_are_refused(size, least, most):
    with pytest.raises(CvappError) as error:
        digit_rows.picture(0, 0, size, least, most)
    assert error.value.code == Exit.USAGE
    assert str(error.value) == (
        f"{least} to {most} digits in a picture of {size}: give 1 digit or more, 16 pixels of height and 6 of width a digit"
    )
