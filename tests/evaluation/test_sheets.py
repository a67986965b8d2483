"""Contact sheets: each picture in its place, its text below it and within its width."""

import numpy as np
import pytest

from cvapp.evaluation.sheets import WIDTH, contact_sheet

GAP = 12
PAPER = 255


def squares(count, size=WIDTH):
    """Pictures of one colour each, none of it white."""
    return [np.full((size, size, 3), (10 * index % 200, 90, 200), np.uint8) for index in range(count)]


@pytest.mark.parametrize("size", [WIDTH, 32, 500])
def test_each_picture_stands_in_its_place(size):
    sheet = contact_sheet(squares(5, size), [], 3)
    assert sheet.dtype == np.uint8 and sheet.shape == (2 * (WIDTH + GAP) + GAP, 3 * (WIDTH + GAP) + GAP, 3)
    for index in range(5):
        top, left = (GAP + (WIDTH + GAP) * place for place in divmod(index, 3))
        assert (sheet[top : top + WIDTH, left : left + WIDTH] == (10 * index, 90, 200)).all()
    assert (sheet[-WIDTH:, -WIDTH:] == PAPER).all(), "the sixth place is empty"


def test_few_pictures_make_a_narrow_sheet():
    assert contact_sheet(squares(2), [], 8).shape[1] == 2 * (WIDTH + GAP) + GAP


def test_text_stands_below_its_picture_alone():
    sheet = contact_sheet(squares(3), ["one\ntwo\nthree", "", "a very long caption " * 9], 3)
    below = sheet[GAP + WIDTH : -2]
    ink = [(below[:, GAP + (WIDTH + GAP) * place :][:, :WIDTH] < 128).all(2).sum() for place in range(3)]
    assert ink[0] > 100 and ink[1] == 0 and ink[2] > ink[0]
    for place in range(4):
        left = (WIDTH + GAP) * place
        assert (sheet[:, left : left + GAP] == PAPER).all(), "a line too long stays within its picture's width"


def test_pictures_without_captions_take_less_room():
    assert contact_sheet(squares(2), [], 2).shape[0] < contact_sheet(squares(2), ["a", "b"], 2).shape[0]


def test_names_in_any_letters_are_drawn(rng):
    """A byte that is no UTF-8 crashes OpenCV's own text."""
    plain = contact_sheet(squares(1), [""], 1)
    for name in ("Grüße", "日本", "\udcff", "tab\there", '<b>&"'):
        assert (contact_sheet(squares(1), [name], 1) != plain).any(), name


def test_a_picture_of_another_shape_is_padded():
    wide, tall = np.full((50, 100, 3), 200, np.uint8), np.full((100, 50, 3), 200, np.uint8)
    sheet = contact_sheet([wide, tall], [], 2)
    second = sheet[GAP:-GAP, GAP + WIDTH + GAP : -GAP]
    assert second.shape[:2] == (WIDTH // 2, WIDTH)
    assert (second[:, 0] == 0).all() and (second[:, WIDTH // 2] == 200).all()


def test_a_caption_for_each_picture_or_none():
    with pytest.raises(ValueError):
        contact_sheet(squares(3), ["one", "two"], 3)
