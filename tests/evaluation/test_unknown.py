"""The threshold of "unknown": right answers stay, background goes."""

import numpy as np
import pytest

from cvapp.evaluation.unknown import choose_threshold

LABELS = ["cat", "dog", "background"]


def answers(*rows):
    """Rows of (class answered, how surely, true class) as probabilities (V, 3) and truth (V,)."""
    probabilities = np.zeros((len(rows), 3))
    for row, (answer, sure, _) in zip(probabilities, rows):
        row[:] = (1 - sure) / 2
        row[answer] = sure
    return probabilities, np.array([true for *_, true in rows])


def test_without_background_95_of_100_right_answers_stay():
    probabilities, truth = answers(*[(0, 0.5 + place / 250, 0) for place in range(101)], (1, 0.99, 0))
    assert choose_threshold(probabilities, truth, LABELS) == pytest.approx(0.5 + 5 / 250)


@pytest.mark.parametrize("background, threshold", [(0.4, 0.508), (0.515, 0.515), (0.9, 0.52)])
def test_background_photos_set_it_between_98_and_95_of_100_right_answers(background, threshold):
    right = [(0, 0.5 + place / 250, 0) for place in range(101)]
    probabilities, truth = answers(*right, *[(1, background, 2)] * 40)
    assert choose_threshold(probabilities, truth, LABELS) == pytest.approx(threshold)


def test_background_that_is_answered_as_such_is_unknown_however_sure():
    right = [(0, 0.5 + place / 250, 0) for place in range(101)]
    probabilities, truth = answers(*right, *[(2, 0.99, 2)] * 40)
    assert choose_threshold(probabilities, truth, LABELS) == pytest.approx(0.508)


def test_nothing_right_gives_no_threshold():
    assert choose_threshold(*answers((0, 0.9, 1)), LABELS) == 0.0
