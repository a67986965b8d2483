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
