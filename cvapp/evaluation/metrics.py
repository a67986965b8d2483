"""Classification figures in NumPy, and the temperature that calibrates probabilities."""

from typing import Any, Sequence

import numpy as np


def accuracy(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Share of rows (N, C) whose largest value stands at the true index (N,)."""
    return float((probabilities.argmax(1) == truth).mean())


def confusion(predicted: np.ndarray, truth: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts (C, C): a row a true class, a column an answer."""
    table = np.zeros((num_classes, num_classes), int)
    np.add.at(table, (truth, predicted), 1)
    return table


def softmax(logits: np.ndarray) -> np.ndarray:
    """exp(z) / sum exp(z) along the last axis, in float64, shifted so that nothing overflows."""
    powers = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def negative_log_likelihood(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Mean of -log p(true class)."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean())


def calibration_error(probabilities: np.ndarray, truth: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017, arXiv:1706.04599, equation 3): mean |accuracy - confidence| over equal bins of confidence."""
    best, right = probabilities.max(1), probabilities.argmax(1) == truth
    place = np.minimum((best * bins).astype(int), bins - 1)
    return float(sum(abs(right[place == one].mean() - best[place == one].mean()) * (place == one).mean() for one in np.unique(place)))


def fit_temperature(logits: np.ndarray, truth: np.ndarray, low: float = 0.5, high: float = 5.0) -> float:
    """The temperature T for which softmax(logits / T) has the least negative log likelihood (Guo et al. 2017, section 4.2).

    Found by ternary search over log T, in which the loss has one minimum. Bounded, since a validation set without a mistake asks for T = 0.
    """
    left, right = np.log(low), np.log(high)
    for _ in range(60):
        third = (right - left) / 3
        lower, upper = left + third, right - third
        if negative_log_likelihood(softmax(logits / np.exp(lower)), truth) < negative_log_likelihood(
            softmax(logits / np.exp(upper)), truth
        ):
            right = upper
        else:
            left = lower
    return float(np.exp((left + right) / 2))


def unknown_threshold(probabilities: np.ndarray, truth: np.ndarray, kept: float = 0.95) -> float:
    """The probability that `kept` of the right answers reach; an answer below it is no better than "unknown"."""
    right = probabilities.max(1)[probabilities.argmax(1) == truth]
    return float(np.quantile(right, 1 - kept)) if len(right) else 0.0


def summary(probabilities: np.ndarray, truth: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """The figures of one part of the data: accuracy, loss, calibration error, accuracy by class, photos."""
    right = probabilities.argmax(1) == truth
    by_class = {label: round(float(right[truth == index].mean()), 4) for index, label in enumerate(labels) if (truth == index).any()}
    return {
        "accuracy": round(float(right.mean()), 4),
        "loss": round(negative_log_likelihood(probabilities, truth), 4),
        "calibration_error": round(calibration_error(probabilities, truth), 4),
        "photos": len(truth),
        "accuracy_by_class": by_class,
    }
