"""Streams of drawn rows: they repeat, go on where they were cut, and the pictures to measure on lie in none that is learnt from."""

import numpy as np
import pytest

from cvapp.data import digit_rows, generated
from cvapp.errors import CvappError, Exit
from tests.rows import few, rows_recipe


def drawn(seed, count, first=0, batch=4):
    """Batches of rows of one to three digits."""
    return list(generated.rows(seed, (16, 32), (1, 3), batch, count, first).as_numpy_iterator())


def test_a_stream_of_rows_holds_picture_after_picture():
    for number, (pixels, texts) in enumerate(drawn(3, 12)):
        for place in range(4):
            picture, text = digit_rows.picture(3, 4 * number + place, (16, 32), 1, 3)
            np.testing.assert_array_equal(pixels[place], picture)
            assert texts[place].decode() == text


def test_a_stream_goes_on_where_it_was_cut_and_another_seed_is_another():
    whole, rest = drawn(3, 12), drawn(3, 8, first=4)
    for (pixels, texts), (same, alike) in zip(whole[1:], rest, strict=True):
        np.testing.assert_array_equal(pixels, same)
        assert texts.tolist() == alike.tolist()
    assert (whole[0][0] != drawn(4, 4)[0][0]).any()


def test_what_is_measured_on_is_always_the_same_and_of_no_training(monkeypatch):
    few(monkeypatch)
    parts = {part: generated.held_rows(part, rows_recipe()) for part in ("train", "val", "test")}
    assert [pictures.shape for pictures, _ in parts.values()] == [(96, 16, 24, 3), (48, 16, 24, 3), (96, 16, 24, 3)]
    for part, seed in (("train", 0), ("val", 2**31 - 1), ("test", 2**31)):
        picture, text = digit_rows.picture(seed, 5, (16, 24), 1, 2)
        np.testing.assert_array_equal(parts[part][0][5], picture)
        assert parts[part][1][5] == text
    np.testing.assert_array_equal(parts["test"][0], generated.held_rows("test", rows_recipe("seed=9"))[0])
    assert (parts["train"][0] != generated.held_rows("train", rows_recipe("seed=9"))[0]).any()
    for seed in (2**31 - 1, 2**31):
        with pytest.raises(CvappError, match="seed is"):
            rows_recipe(f"seed={seed}")


def test_no_room_for_the_digits_is_one_line():
    with pytest.raises(
        CvappError, match="^1 to 5 digits in a picture of .16, 24.: give 1 digit or more, .* and 6 of width a digit$"
    ) as error:
        generated.held_rows("val", rows_recipe("transcribe.most=5"))
    assert error.value.code == Exit.USAGE
