"""The threshold under which an answer is "unknown", chosen on validation photos (NumPy)."""

from typing import Sequence

import numpy as np

from cvapp.bundle import NOTHING

KEPT = (0.95, 0.98)  # share of the right answers that the threshold may leave: never less, no need of more
REJECTED = 0.95  # share of background photos that should be unknown


def choose_threshold(probabilities: np.ndarray, truth: np.ndarray, labels: Sequence[str]) -> float:
    """The probability under which an answer is "unknown".

    Without background photos: what 95% of the right answers reach. With them: what 95% of the background photos stay under, an answer of
    background being under anything; but at least 95% of the right answers are kept, and no more than 98% are when that costs nothing.

    Args:
        probabilities: (V, C) of the validation photos.
        truth: (V,) their classes.
        labels: C; one of them may be `background`.

    Returns:
        the threshold, 0 where no answer was right.
    """
    nothing = np.isin(labels, NOTHING)
    answer, sure = probabilities.argmax(1), probabilities.max(1)
    right = sure[(answer == truth) & ~nothing[truth]]
    if not len(right):
        return 0.0
    most, least = (float(np.quantile(right, 1 - kept)) for kept in KEPT)
    others = np.where(nothing[answer], 0.0, sure)[nothing[truth]]
    return float(np.clip(np.quantile(others, REJECTED), least, most)) if len(others) else most
