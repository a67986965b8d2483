"""The threshold under which an answer is "unknown", chosen on validation photos (NumPy)."""

from typing import Sequence

import numpy as np

from cvapp.card import NOTHING

KEPT = (0.95, 0.98)  # shares of the right answers: as many are kept at the least, and no more need be
REJECTED = 0.95  # share of the background photos that should be unknown
HIGHEST = 0.996  # int8 answers in steps of 1/256 and never more than 255/256; above it all would be unknown


def choose_threshold(probabilities: np.ndarray, truth: np.ndarray, labels: Sequence[str]) -> float:
    """The probability under which an answer is "unknown", an answer of `background` being unknown anyway.

    Right answers are traded for other things that are not named. Without photos of other things nothing tells what those would get, so 5% of the
    right answers, the least sure, are given up. With them the class does most of the work and 2% are enough: given up in any case, since the
    world holds more than the background photos show. Up to 5% are where that keeps 95% of the background photos unknown. Never more: one
    background photo that looks like another class would else make the whole model mute.

    Args:
        probabilities: (V, C) of the validation photos.
        truth: (V,) their classes.
        labels: C; `background` and `unknown` are classes of other things.

    Returns:
        the threshold, 0 to 0.996; 0 where no answer was right, so that nothing can be told.
    """
    nothing = np.isin(labels, NOTHING)
    answer, sure = probabilities.argmax(1), probabilities.max(1)
    right = sure[(answer == truth) & ~nothing[truth]]
    if not len(right):
        return 0.0
    most, least = (float(np.quantile(right, 1 - kept, method="lower")) for kept in KEPT)
    others = np.where(nothing[answer], 0.0, sure)[nothing[truth]]
    if not len(others):
        return min(most, HIGHEST)
    needed = np.nextafter(np.quantile(others, REJECTED, method="inverted_cdf"), 1)  # just above, since to equal the threshold is to be known
    return float(min(np.clip(needed, least, most), HIGHEST))
