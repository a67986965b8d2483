"""Ridge probes from sums over photos that are computed once, then added and subtracted as folds and learning curves need them."""

from dataclasses import dataclass
from typing import Sequence

import numpy as np

MAX_FEATURES = 1280  # features that a probe works on: with more, a solution takes too long
STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0)  # of the ridge that are tried
MAX_STRENGTH = 100.0  # above, all scores are alike but for rounding


@dataclass(frozen=True)
class Sums:
    """What a ridge regression needs to know of a set of photos.

    Args:
        gram: (F, F), the sum of x x^T, each photo weighted as its class is in `probe.ridge` on all photos.
        totals: (C, F), the sum of x by class, unweighted.
        counts: (C,) photos by class.
        weights: (C,) the weight of a photo by class.
    """

    gram: np.ndarray
    totals: np.ndarray
    counts: np.ndarray
    weights: np.ndarray

    @property
    def photos(self) -> int:
        """How many photos."""
        return int(self.counts.sum())

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.gram + other.gram, self.totals + other.totals, self.counts + other.counts, self.weights)

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(self.gram - other.gram, self.totals - other.totals, self.counts - other.counts, self.weights)


def compress(features: np.ndarray, seed: int = 0, most: int = MAX_FEATURES) -> np.ndarray:
    """Features (N, F) centered and rotated onto at most min(N, `most`) axes: float32 (N, K).

    A ridge gives the same scores in any rotation, so where N or F is at most `most` nothing is lost. Otherwise the axes are those that a
    randomized range finder with one power iteration finds (Halko et al. 2011, arXiv:0909.4061, algorithms 4.1 and 4.3).
    """
    centered = np.asarray(features - features.mean(0), np.float32)
    axes = min(len(centered), most)
    if centered.shape[1] <= axes:
        return centered
    sketch = centered @ np.random.default_rng(seed).normal(size=(centered.shape[1], axes)).astype(np.float32)
    return centered @ np.linalg.qr(centered.T @ sketch)[0]


def sums(features: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> Sums:
    """The sums of some photos.

    Args:
        features: (N, F).
        truth: (N,) classes.
        weights: (C,) of a photo by class, as `class_weights` makes them.
    """
    totals = np.zeros((len(weights), features.shape[1]), features.dtype)
    np.add.at(totals, truth, features)
    rows = features * np.sqrt(weights[truth]).astype(features.dtype)[:, None]
    return Sums(rows.T @ rows, totals, np.bincount(truth, minlength=len(weights)), weights)


def class_weights(truth: np.ndarray, num_classes: int) -> np.ndarray:
    """The weight of a photo by class (C,): the inverse of the class's size, 1 in the mean over all photos."""
    weights = 1 / np.maximum(np.bincount(truth, minlength=num_classes), 1)
    return weights * len(truth) / weights[truth].sum()


def solve(found: Sums, columns: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """The ridge of `probe.ridge` from sums.

    The scatter within the classes is pooled with the weights of the whole set, that between them is weighted so that all classes count alike
    in this subset, too. Where each class has the same share of its photos in the subset, the result equals that of `probe.ridge`.

    Args:
        found: of the photos to learn from.
        columns: number of features before `compress`.
        strength: of the ridge, as a multiple of N times the features' mean variance.

    Returns:
        weights (F, C) and bias (C,); a class without photos never wins.
    """
    there, kind = found.counts > 0, found.gram.dtype
    counts, totals = found.counts[there], found.totals[there]
    means = totals / counts[:, None].astype(kind)
    inside = found.weights[there] * counts
    share = counts.sum() / len(counts)  # what each class weighs in all
    middle = means.mean(0)
    apart = means - middle
    scatter = found.gram - (totals * (inside / counts**2).astype(kind)[:, None]).T @ totals
    scatter = scatter * kind.type(counts.sum() / inside.sum()) + kind.type(share) * apart.T @ apart
    penalty = strength * max(float(np.trace(scatter)) / columns, 1e-12)
    scatter[np.diag_indices_from(scatter)] += kind.type(penalty)
    aims = kind.type(share) * apart.T  # (F, C): the weighted sum of (x - middle) (y - 1 / C)
    weights, bias = np.zeros((len(middle), len(there)), kind), np.full(len(there), -np.inf, kind)
    weights[:, there] = np.linalg.solve(scatter, aims)
    bias[there] = kind.type(1 / len(counts)) - middle @ weights[:, there]
    return weights, bias


def choose_strength(folds: Sequence[tuple[Sums, np.ndarray, np.ndarray]], columns: int) -> float:
    """The strength of the ridge with the most right answers.

    Args:
        folds: the sums of the photos to learn from, then features (N, F) and classes (N,) to be measured on.
        columns: number of features before `compress`.
    """

    def right(strength: float) -> int:
        found = ((solve(known, columns, strength), features, truth) for known, features, truth in folds)
        return sum(int(((features @ matrix + bias).argmax(1) == truth).sum()) for (matrix, bias), features, truth in found)

    return max(STRENGTHS, key=right)
