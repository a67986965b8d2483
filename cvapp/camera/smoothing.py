"""Answers smoothed over frames, so that a single bad frame does not flip the label."""

import math
from typing import Sequence


class Smoothing:
    """An exponential mean of the probabilities over time: what is `seconds` old counts 1/e of what is new.

    Args:
        seconds: the time constant; 0 smooths nothing.
    """

    def __init__(self, seconds: float):
        self._constant = seconds
        self._kept: dict[str, float] = {}
        self._time = 0.0

    def __call__(self, scores: Sequence[tuple[str, float]], seconds: float) -> list[tuple[str, float]]:
        """The smoothed scores, the best first.

        Args:
            scores: label and probability of a frame.
            seconds: the frame's time; after a step back, such as a film that begins anew, the mean does too.
        """
        past = seconds - self._time if self._kept else math.inf
        new = 1.0 if self._constant <= 0 or past < 0 else 1 - math.exp(-past / self._constant)
        self._kept = {label: new * probability + (1 - new) * self._kept.get(label, probability) for label, probability in scores}
        self._time = seconds
        return sorted(self._kept.items(), key=lambda score: -score[1])
