"""Smoothing over time, by numbers that a person can check."""

import math

import pytest

from cvapp.camera.smoothing import Smoothing


def test_what_is_one_constant_old_counts_1_over_e():
    smooth = Smoothing(0.5)
    assert smooth([("a", 1.0), ("b", 0.0)], 10.0) == [("a", 1.0), ("b", 0.0)]
    found = dict(smooth([("a", 0.0), ("b", 1.0)], 10.5))
    assert found["a"] == pytest.approx(math.exp(-1)) and sum(found.values()) == pytest.approx(1)


def test_the_rate_of_frames_does_not_matter():
    slow, fast = Smoothing(1.0), Smoothing(1.0)
    for smooth in (slow, fast):
        smooth([("a", 1.0)], 0.0)
    once = dict(slow([("a", 0.0)], 0.6))
    for step in range(1, 7):
        often = dict(fast([("a", 0.0)], step / 10))
    assert once["a"] == pytest.approx(often["a"])


def test_one_bad_frame_does_not_flip_the_label_but_it_does_without_smoothing():
    for seconds, label in ((0.3, "a"), (0.0, "b")):
        smooth = Smoothing(seconds)
        for frame in range(10):
            smooth([("a", 0.9), ("b", 0.1)], frame / 30)
        assert smooth([("b", 0.9), ("a", 0.1)], 10 / 30)[0][0] == label


def test_a_step_back_in_time_begins_anew():
    smooth = Smoothing(5.0)
    smooth([("a", 1.0)], 100.0)
    assert smooth([("a", 0.2)], 0.0) == [("a", 0.2)]
