"""The threshold under which an answer is "unknown", chosen on validation photos (NumPy)."""

from typing import Sequence

import numpy as np

KEPT = 0.95


def choose_threshold(probabilities: np.ndarray, truth: np.ndarray, labels: Sequence[str]) -> float:
    """The probability that 95% of the right answers reach; 0 where none is right."""
    right = probabilities.max(1)[probabilities.argmax(1) == truth]
    return float(np.quantile(right, 1 - KEPT)) if len(right) else 0.0
