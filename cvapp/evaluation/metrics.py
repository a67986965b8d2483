"""Classification figures in NumPy, and the temperature that calibrates probabilities."""

from dataclasses import dataclass
from typing import Any, Sequence

import numpy as np

PRIOR = 0.5  # standard deviation of log T over models: 95% of them between 1/e and e


def accuracy(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Share of rows (N, C) whose largest value stands at the true index (N,)."""
    return float((probabilities.argmax(1) == truth).mean())


def interval(right: float, total: float, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927): where the true share lies when `right` of `total` were counted, 95% for z = 1.96.

    Holds for few photos and for shares near 0 and 1, where the usual p +- z sqrt(p (1 - p) / n) does not.
    """
    share, spread = right / total, z * z / total
    middle = (share + spread / 2) / (1 + spread)
    half = z * np.sqrt(share * (1 - share) / total + spread / total / 4) / (1 + spread)
    return max(0.0, round(float(middle - half), 12)), round(
        float(middle + half), 12
    )  # so that all of all reaches 1, whatever the last bits


def rounded_interval(right: int, total: int) -> list[float]:
    """`interval` of 95%, its two ends to four digits, as figures are written."""
    return [round(end, 4) for end in interval(right, total)]


def confusion(predicted: np.ndarray, truth: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts (C, C): a row a true class, a column an answer."""
    table = np.zeros((num_classes, num_classes), int)
    np.add.at(table, (truth, predicted), 1)
    return table


@dataclass(frozen=True)
class ByClass:
    """Figures of each class (C,), from 0 to 1; a recall and an F1 without any photo of the class are nan.

    Args:
        precision: the share of a class's answers that are right; 0 for a class that is never answered.
        recall: the share of a class's photos that are answered right, its accuracy.
        f1: the harmonic mean of the two, 2 TP / (2 TP + FP + FN).
        photos: of the class.
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    photos: np.ndarray

    def macro(self) -> dict[str, float]:
        """The plain mean over the classes that have photos, each class counting the same: precision, recall, f1."""
        there = self.photos > 0
        return {name: float(getattr(self, name)[there].mean()) for name in ("precision", "recall", "f1")}


def by_class(table: np.ndarray) -> ByClass:
    """Precision, recall and F1 of each class from a confusion matrix (C, C) whose rows are true classes."""
    hits, photos, answers = table.diagonal(), table.sum(1), table.sum(0)
    there = photos > 0
    recall = np.where(there, hits / np.maximum(photos, 1), np.nan)
    f1 = np.where(there, 2 * hits / np.maximum(photos + answers, 1), np.nan)
    return ByClass(hits / np.maximum(answers, 1), recall, f1, photos)


def softmax(logits: np.ndarray) -> np.ndarray:
    """exp(z) / sum exp(z) along the last axis, in float64, shifted so that nothing overflows."""
    powers = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def negative_log_likelihood(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Mean of -log p(true class)."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean())


def reliability(probabilities: np.ndarray, truth: np.ndarray, bins: int = 10) -> np.ndarray:
    """Mean confidence, accuracy and photos (B, 3) of those equal bins of confidence that hold a photo (Guo et al. 2017, equations 1 and 2)."""
    best, right = probabilities.max(1), probabilities.argmax(1) == truth
    place = np.minimum((best * bins).astype(int), bins - 1)
    return np.array([(best[place == one].mean(), right[place == one].mean(), (place == one).sum()) for one in np.unique(place)])


def calibration_error(probabilities: np.ndarray, truth: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017, arXiv:1706.04599, equation 3): mean |accuracy - confidence| over equal bins of confidence."""
    confidence, right, photos = reliability(probabilities, truth, bins).T
    return float((abs(right - confidence) * photos).sum() / photos.sum())


def fit_temperature(logits: np.ndarray, truth: np.ndarray, low: float = 0.5, high: float = 5.0, deviation: float = np.inf) -> float:
    """The temperature T for which softmax(logits / T) has the least negative log likelihood (Guo et al. 2017, section 4.2).

    Found by ternary search over log T, in which the loss has one minimum. Bounded, since a validation set without a mistake asks for T = 0.

    Few photos tell little, so T may be held near 1 by a normal prior on log T (a penalized likelihood):

        T = argmin over T of  sum_i -log softmax(z_i / T)[y_i]  +  (log T)^2 / (2 deviation^2)

    The sum grows with the photos and the penalty does not: 20 photos move T about half of the way, 500 nearly all of it.

    Args:
        logits: (N, C).
        truth: (N,) classes.
        low: the least T.
        high: the largest T.
        deviation: standard deviation of the prior on log T; without limit there is no prior.
    """

    def loss(log: float) -> float:
        return negative_log_likelihood(softmax(logits / np.exp(log)), truth) + (log / deviation) ** 2 / (2 * len(truth))

    left, right = np.log(low), np.log(high)
    for _ in range(60):
        third = (right - left) / 3
        lower, upper = left + third, right - third
        if loss(lower) < loss(upper):
            right = upper
        else:
            left = lower
    return float(np.exp((left + right) / 2))


def unknown_threshold(probabilities: np.ndarray, truth: np.ndarray, kept: float = 0.95) -> float:
    """The probability that `kept` of the right answers reach; an answer below it is no better than "unknown"."""
    right = probabilities.max(1)[probabilities.argmax(1) == truth]
    return float(np.quantile(right, 1 - kept)) if len(right) else 0.0


def summary(probabilities: np.ndarray, truth: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """The figures of one part of the data: accuracy, loss, calibration error, photos, macro averages, accuracy by class."""
    figures = by_class(confusion(probabilities.argmax(1), truth, len(labels)))
    return {
        "accuracy": round(accuracy(probabilities, truth), 4),
        "loss": round(negative_log_likelihood(probabilities, truth), 4),
        "calibration_error": round(calibration_error(probabilities, truth), 4),
        "photos": len(truth),
        **{f"macro_{name}": round(value, 4) for name, value in figures.macro().items()},
        "accuracy_by_class": {label: round(float(recall), 4) for label, recall in zip(labels, figures.recall) if not np.isnan(recall)},
    }
