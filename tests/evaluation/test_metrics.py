"""Figures against numbers worked out by hand, and the temperature against a search over a grid."""

import numpy as np
import pytest

from cvapp.evaluation import metrics

PROBABILITIES = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.55, 0.45]])
TRUTH = np.array([0, 1, 1, 0])


def test_accuracy_and_confusion():
    assert metrics.accuracy(PROBABILITIES, TRUTH) == 0.75
    np.testing.assert_array_equal(metrics.confusion(PROBABILITIES.argmax(1), TRUTH, 2), [[2, 0], [1, 1]])


def test_likelihood():
    assert metrics.negative_log_likelihood(PROBABILITIES, TRUTH) == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.55]).mean())


def test_calibration_error():
    """Bins 0.5-0.6 (0.55 right), 0.6-0.7 (0.6 wrong), 0.8-0.9 (0.8 right), 0.9-1 (0.9 right), a quarter of the photos in each."""
    assert metrics.calibration_error(PROBABILITIES, TRUTH) == pytest.approx((0.45 + 0.6 + 0.2 + 0.1) / 4)


def test_calibration_error_of_a_calibrated_and_of_a_boastful_model(rng):
    confidence = rng.uniform(0.5, 1, 20000)
    truth = (rng.random(20000) > confidence).astype(int)
    assert metrics.calibration_error(np.stack([confidence, 1 - confidence], 1), truth) < 0.02
    assert metrics.calibration_error(np.tile([0.99, 0.01], (20000, 1)), truth) > 0.2


def test_temperature_against_a_grid(rng):
    truth = rng.integers(0, 4, 400)
    logits = 3.0 * (np.eye(4)[truth] + rng.normal(0, 0.8, (400, 4)))
    grid = np.exp(np.linspace(np.log(0.5), np.log(5), 2000))
    best = grid[np.argmin([metrics.negative_log_likelihood(metrics.softmax(logits / value), truth) for value in grid])]
    assert metrics.fit_temperature(logits, truth) == pytest.approx(best, rel=2e-3)


def test_temperature_stays_in_bounds_without_a_mistake():
    assert metrics.fit_temperature(np.eye(3) * 5, np.arange(3)) == pytest.approx(0.5, rel=1e-6)


def test_few_photos_leave_the_temperature_near_1():
    """Without a mistake the likelihood alone asks for the lowest T; the minimum is that of the penalized likelihood over a grid."""
    found = []
    for photos in (20, 200, 2000):
        truth = np.arange(photos) % 4
        logits = 3.0 * np.eye(4)[truth]
        assert metrics.fit_temperature(logits, truth) == pytest.approx(0.5, rel=1e-6)
        grid = np.linspace(np.log(0.1), np.log(5), 4000)
        losses = [photos * metrics.negative_log_likelihood(metrics.softmax(logits / np.exp(log)), truth) + log**2 / (2 * 0.5**2) for log in grid]
        found.append(metrics.fit_temperature(logits, truth, 0.1, deviation=0.5))
        assert found[-1] == pytest.approx(np.exp(grid[np.argmin(losses)]), rel=2e-3)
    assert 0.5 < found[0] < 1 and found[0] > found[1] > found[2], found


def test_many_photos_overrule_the_prior(rng):
    truth = rng.integers(0, 4, 2000)
    logits = 3.0 * (np.eye(4)[truth] + rng.normal(0, 0.8, (2000, 4)))
    free, held = (metrics.fit_temperature(logits, truth, deviation=deviation) for deviation in (np.inf, metrics.PRIOR))
    assert free > 1.5 and held == pytest.approx(free, rel=0.01)


def test_softmax_does_not_overflow():
    np.testing.assert_allclose(metrics.softmax(np.array([[1000.0, 1000.0], [-1000.0, 0.0]])), [[0.5, 0.5], [0, 1]])


def test_threshold_keeps_most_right_answers():
    probabilities = np.stack([np.linspace(0.5, 1, 101), 1 - np.linspace(0.5, 1, 101)], 1)
    threshold = metrics.unknown_threshold(probabilities, np.zeros(101, int))
    assert threshold == pytest.approx(0.525)
    assert metrics.unknown_threshold(probabilities, np.ones(101, int)) in (0.0, 0.5)


def test_summary_leaves_out_classes_that_are_absent():
    found = metrics.summary(PROBABILITIES, TRUTH, ["a", "b"])
    assert found["accuracy_by_class"] == {"a": 1.0, "b": 0.5} and found["photos"] == 4
    assert "b" not in metrics.summary(PROBABILITIES[:1], TRUTH[:1], ["a", "b"])["accuracy_by_class"]
    assert {name: found[name] for name in ("macro_precision", "macro_recall", "macro_f1")} == pytest.approx(
        {"macro_precision": (2 / 3 + 1) / 2, "macro_recall": 0.75, "macro_f1": (0.8 + 2 / 3) / 2}, abs=1e-4
    )


def test_figures_of_each_class_by_hand():
    """Of 10 ants 8 are found; 9 answers are ants: precision 8/9, recall 8/10, F1 16/19."""
    found = metrics.by_class(np.array([[8, 2], [1, 9]]))
    np.testing.assert_allclose(found.precision, [8 / 9, 9 / 11])
    np.testing.assert_allclose(found.recall, [0.8, 0.9])
    np.testing.assert_allclose(found.f1, [16 / 19, 18 / 21])
    np.testing.assert_array_equal(found.photos, [10, 10])
    assert found.macro() == pytest.approx({"precision": (8 / 9 + 9 / 11) / 2, "recall": 0.85, "f1": (16 / 19 + 18 / 21) / 2})


def test_figures_of_each_class_against_a_loop(rng):
    """Class 5 has no photo and class 6 is never answered."""
    truth = rng.choice([0, 1, 2, 3, 4, 6], 300)
    answers = np.where(rng.random(300) < 0.6, truth % 6, rng.integers(0, 6, 300))
    found = metrics.by_class(metrics.confusion(answers, truth, 7))
    for one in range(7):
        hits = sum(answer == label == one for answer, label in zip(answers, truth))
        false_alarms = sum(answer == one != label for answer, label in zip(answers, truth))
        missed = sum(answer != one == label for answer, label in zip(answers, truth))
        assert found.photos[one] == hits + missed
        assert found.precision[one] == pytest.approx(hits / (hits + false_alarms) if hits + false_alarms else 0)
        if one == 5:
            assert np.isnan(found.recall[one]) and np.isnan(found.f1[one])
        else:
            assert found.recall[one] == pytest.approx(hits / (hits + missed))
            assert found.f1[one] == pytest.approx(2 * hits / (2 * hits + false_alarms + missed))
    present = [0, 1, 2, 3, 4, 6]
    assert found.macro()["f1"] == pytest.approx(np.mean([found.f1[one] for one in present]))
    assert found.precision[6] == found.f1[6] == 0


def test_a_macro_average_is_not_the_share_of_all_photos():
    """95 of 95 and 0 of 5: 95% of the photos, but half of the classes."""
    found = metrics.by_class(np.array([[95, 0], [5, 0]]))
    assert found.macro()["recall"] == 0.5


def test_the_interval_against_published_numbers_and_its_definition():
    """Newcombe 1998 (Statistics in Medicine 17:857), table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    published = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0.0, 0.1611), (1, 29): (0.0061, 0.1718)}
    for (right, total), (low, high) in published.items():
        assert metrics.interval(right, total) == pytest.approx((low, high), abs=2e-4)
    for share in metrics.interval(7, 25):  # where the normal score of what was seen is exactly z
        assert abs(7 / 25 - share) / np.sqrt(share * (1 - share) / 25) == pytest.approx(1.96)


def test_more_photos_make_the_interval_shorter():
    few, many = metrics.interval(9, 10), metrics.interval(900, 1000)
    assert few[1] - few[0] > 5 * (many[1] - many[0]) and few[0] < many[0] < 0.9 < many[1] < few[1]
    assert metrics.interval(10, 10)[1] == 1.0 and metrics.interval(10, 10)[0] < 0.75


def test_reliability_by_hand():
    """As in the calibration error: a photo in each of four bins."""
    np.testing.assert_allclose(metrics.reliability(PROBABILITIES, TRUTH), [(0.55, 1, 1), (0.6, 0, 1), (0.8, 1, 1), (0.9, 1, 1)])
    np.testing.assert_allclose(metrics.reliability(np.array([[1.0, 0.0], [0.96, 0.04]]), np.array([0, 1])), [(0.98, 0.5, 2)])
