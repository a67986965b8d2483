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


def test_a_class_named_unknown_is_one_of_other_things_too():
    rows = [*[(0, 0.5 + place / 250, 0) for place in range(101)], *[(1, 0.9, 2)] * 40]
    assert choose_threshold(*answers(*rows), ["cat", "dog", "unknown"]) == pytest.approx(0.52)
    assert choose_threshold(*answers(*rows), ["cat", "dog", "bird"]) == pytest.approx(0.52), "95% of right answers, the 40 being plain mistakes"
    rows[101:] = [(1, 0.4, 2)] * 40
    assert choose_threshold(*answers(*rows), ["cat", "dog", "unknown"]) == pytest.approx(0.508)
    assert choose_threshold(*answers(*rows), ["cat", "dog", "bird"]) == pytest.approx(0.52)


def test_int8_can_reach_it_where_every_answer_is_sure():
    sure = answers(*[(0, 0.9999, 0)] * 30, *[(1, 0.9999, 1)] * 30)
    assert choose_threshold(*sure, LABELS) < 255 / 256, "the most that int8 answers"
    alone = np.ones((5, 1)), np.zeros(5, int)
    assert choose_threshold(*alone, ["cat"]) < 255 / 256


def test_right_answers_of_background_are_no_right_answers():
    assert choose_threshold(*answers(*[(2, 0.9, 2)] * 10), LABELS) == 0.0
    assert choose_threshold(*answers(*[(2, 0.99, 2)] * 90, *[(0, 0.6, 0)] * 10), LABELS) == pytest.approx(0.6)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_best_of_all_thresholds(seed):
    """Brute force over every probability that came, ties included: the lowest that holds back 95% of background photos, within the price."""
    rng = np.random.default_rng(seed)
    probabilities = np.round(rng.dirichlet((0.4, 0.4, 0.4), 400), 2)  # rounded, so that many are equal
    truth = np.where(rng.random(400) < 0.7, probabilities.argmax(1), rng.integers(0, 3, 400))
    chosen = choose_threshold(probabilities, truth, LABELS)
    answer, sure = probabilities.argmax(1), probabilities.max(1)

    def kept(threshold):
        right = (answer == truth) & (truth != 2)
        return (sure[right] >= threshold).mean()

    def rejected(threshold):
        return ((answer == 2) | (sure < threshold))[truth == 2].mean()

    above = np.nextafter(np.unique(sure), 1)
    affordable = [one for one in [*np.unique(sure), *above] if kept(one) >= 0.95]
    enough = [one for one in affordable if rejected(one) >= 0.95]
    assert kept(chosen) >= 0.95
    if enough:
        assert rejected(chosen) >= 0.95
        assert kept(chosen) == pytest.approx(min(kept(min(enough)), 0.98), abs=0.02), "no dearer than it must be"
    else:
        assert kept(chosen) == pytest.approx(min(kept(one) for one in affordable), abs=0.02), "as much as the price allows"
