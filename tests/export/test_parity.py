"""The gate, on numbers that a person can check."""

import numpy as np
import pytest

from cvapp.export import parity
from cvapp.recipe import Export

REFERENCE = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.5004, 0.4996]])
TRUTH = np.array([0, 0, 1, 0])
GATE = Export()


def test_alike_is_alike():
    found = parity.compare(REFERENCE, REFERENCE, TRUTH)
    assert (found.agreement, found.largest_difference, found.mended, found.broken, found.accuracy) == (1, 0, 0, 0, 1)
    assert parity.failures(found, "float32", GATE) == [] == parity.failures(found, "int8", GATE)


def test_a_change_in_either_direction_is_counted():
    variant = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.5, 0.5]])
    found = parity.compare(variant, REFERENCE, np.array([0, 0, 0, 0]))
    assert (found.broken, found.mended) == (1, 0)
    found = parity.compare(variant, REFERENCE, np.array([0, 1, 1, 0]))
    assert (found.broken, found.mended, found.agreement) == (0, 1, 0.75)
    assert found.largest_difference == pytest.approx(0.2)


def test_a_tie_within_the_float_gate_is_no_disagreement():
    variant = REFERENCE.copy()
    variant[3] = [0.4998, 0.5002]
    assert parity.compare(variant, REFERENCE, TRUTH).agreement == 1


def test_float32_must_answer_as_keras():
    variant = REFERENCE.copy()
    variant[0] = [0.897, 0.103]
    assert parity.failures(parity.compare(variant, REFERENCE, TRUTH), "float32", GATE) == [
        "a probability differs by 0.0030 (at most 0.001)"
    ]


@pytest.mark.parametrize("photos, lost, passes", [(100, 1, True), (100, 2, False), (1000, 5, True), (1000, 6, False)])
def test_int8_may_lose_half_a_point_or_one_photo(photos, lost, passes):
    reference = np.tile([0.8, 0.2], (photos, 1))
    variant = reference.copy()
    variant[:lost] = [0.3, 0.7]
    reasons = parity.failures(parity.compare(variant, reference, np.zeros(photos, int)), "int8", GATE)
    assert (reasons == []) is passes
    assert passes or f"{lost} photos" in reasons[0]


def test_the_same_accuracy_by_luck_is_not_agreement():
    reference, truth = np.tile([0.8, 0.2], (100, 1)), np.arange(100) % 2
    reasons = parity.failures(parity.compare(1 - reference, reference, truth), "int8", GATE)
    assert reasons == ["agrees with Keras on 0.0% of photos (at least 95%)"]


def test_a_dead_model_proves_nothing():
    assert "alike for every photo" in parity.check_alive(np.full((5, 3), 1 / 3))
    assert parity.check_alive(REFERENCE) is None
