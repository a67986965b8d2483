"""Figures of texts, by hand and beside a search through all edits."""

import functools

import pytest

from cvapp.evaluation.texts import edit_distance, summary


@pytest.mark.parametrize(
    "one, other, distance",
    [("kitten", "sitting", 3), ("", "", 0), ("", "123", 3), ("123", "123", 0), ("123", "13", 1), ("21", "12", 2), ("1234", "4123", 2)],
)
def test_edit_distances_known_by_heart(one, other, distance):
    assert edit_distance(one, other) == edit_distance(other, one) == distance


def test_edit_distance_is_that_of_the_recursion(rng):
    @functools.cache
    def recursion(one, other):
        if not one or not other:
            return len(one) + len(other)
        kept = recursion(one[1:], other[1:]) + (one[0] != other[0])
        return min(kept, recursion(one[1:], other) + 1, recursion(one, other[1:]) + 1)

    for _ in range(200):
        one, other = ("".join(rng.choice(list("01"), rng.integers(0, 7))) for _ in range(2))
        assert edit_distance(one, other) == recursion(one, other)


def test_figures_by_hand():
    """Of four texts two are right; 1 + 2 edits on 1 + 1 + 2 + 4 characters."""
    found = summary(["7", "", "42", "1266"], ["7", "3", "42", "1234"])
    assert found == {
        "pictures": 4,
        "accuracy": 0.5,
        "character_error_rate": 0.375,
        "by_length": {
            "1": {"pictures": 2, "accuracy": 0.5, "character_error_rate": 0.5},
            "2": {"pictures": 1, "accuracy": 1.0, "character_error_rate": 0.0},
            "4": {"pictures": 1, "accuracy": 0.0, "character_error_rate": 0.5},
        },
    }


def test_lengths_are_in_their_order():
    assert list(summary(["1" * n for n in (10, 2, 9)], ["1" * n for n in (10, 2, 9)])["by_length"]) == ["2", "9", "10"]


def test_as_many_texts_as_truths():
    with pytest.raises(ValueError):
        summary(["1"], ["1", "2"])
