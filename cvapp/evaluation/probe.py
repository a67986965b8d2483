"""Linear probes of features in closed form: what a head could reach, photo by photo left out, and with fewer photos."""

from typing import Sequence

import numpy as np

from cvapp.evaluation import folds, metrics

FOLDS = 5
STRENGTHS = (0.1, 1.0, 10.0)  # of the ridge, as multiples of the features' mean variance
SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)  # of the training photos, for the learning curve
_CHUNKS = 20  # of whole sessions, of which the learning curve takes more and more


def ridge(features: np.ndarray, truth: np.ndarray, num_classes: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Least squares onto one-hot targets with a ridge, classes weighing alike (Hastie et al. 2009, section 4.2, equation 3.44).

    Args:
        features: (N, F).
        truth: (N,) classes.
        num_classes: C.
        strength: of the ridge, as a multiple of N times the features' mean variance.

    Returns:
        weights (F, C) and bias (C,): features @ weights + bias are scores.
    """
    weight = 1 / np.maximum(np.bincount(truth, minlength=num_classes), 1)[truth]
    weight *= len(truth) / weight.sum()
    mean = np.average(features, axis=0, weights=weight)
    targets = np.eye(num_classes)[truth]
    middle = np.average(targets, axis=0, weights=weight)
    root = np.sqrt(weight)[:, None]
    rows, aims = (features - mean) * root, (targets - middle) * root
    penalty = strength * max(float((rows**2).mean()) * len(rows), 1e-12)
    if len(rows) < rows.shape[1]:  # the smaller of the two equal systems
        weights = rows.T @ np.linalg.solve(rows @ rows.T + penalty * np.eye(len(rows)), aims)
    else:
        weights = np.linalg.solve(rows.T @ rows + penalty * np.eye(rows.shape[1]), rows.T @ aims)
    return weights, middle - mean @ weights


def left_out(features: np.ndarray, truth: np.ndarray, num_classes: int, seed: int, groups: Sequence[str] = ()) -> np.ndarray:
    """Probabilities (N, C) for every photo by a probe that did not see it: k-fold cross-validation, the best ridge, calibrated.

    Args:
        features: (N, F).
        truth: (N,) classes.
        num_classes: C.
        seed: of the folds.
        groups: (N,) names of the sessions, which no fold separates but for classes of a single session (`folds.blocks`); single photos if empty.
    """
    fold = folds.deal(truth, seed, FOLDS, folds.blocks(truth, groups) if any(groups) else None)
    tried = []
    for strength in STRENGTHS:
        scores = np.zeros((len(truth), num_classes))
        for one in range(FOLDS):
            out = fold == one
            if out.any() and not out.all():  # of a photo of each class, nothing is left to learn from
                weights, bias = ridge(features[~out], truth[~out], num_classes, strength)
                scores[out] = features[out] @ weights + bias
        answers = metrics.softmax(scores / metrics.fit_temperature(scores, truth, 0.01, 5.0))
        tried.append((metrics.negative_log_likelihood(answers, truth), answers))
    return min(tried, key=lambda pair: pair[0])[1]


def adjusted_accuracy(answers: np.ndarray, truth: np.ndarray, num_classes: int) -> float:
    """Balanced accuracy adjusted for chance: answers (N,) on true classes (N,), 0 at guessing and below, 1 where all are right."""
    return above_chance(macro_recall(answers, truth), num_classes)


def macro_recall(answers: np.ndarray, truth: np.ndarray) -> float:
    """Accuracy of answers (N,) on true classes (N,), each class that is there counting the same."""
    return float(np.mean([(answers[truth == index] == index).mean() for index in np.unique(truth)]))


def above_chance(recall: float, num_classes: int) -> float:
    """A mean recall adjusted for chance: 0 at guessing and below, 1 at perfect."""
    return max(0.0, (recall - 1 / num_classes) / (1 - 1 / num_classes))


def learning_curve(
    known: tuple[np.ndarray, np.ndarray], held: tuple[np.ndarray, np.ndarray], num_classes: int, seed: int, groups: Sequence[str] = ()
) -> list[tuple[int, float, float]]:
    """How accuracy grows with the photos that a probe learns from: (photos, accuracy on them, accuracy on the held-out) for each share.

    Args:
        known: features (N, F) and classes (N,) to learn from.
        held: the same to be measured on.
        num_classes: C.
        seed: of which photos come first.
        groups: (N,) names of the sessions of the photos to learn from, which come whole (`folds.blocks`); single photos if empty.
    """
    features, truth = known
    rank, curve = _ranks(truth, seed, groups), []
    for share in SHARES:
        chosen = rank < share
        if len(np.unique(truth[chosen])) < 2:
            continue
        weights, bias = ridge(features[chosen], truth[chosen], num_classes, 1.0)
        known_right = _right(features[chosen] @ weights + bias, truth[chosen])
        curve.append((int(chosen.sum()), known_right, _right(held[0] @ weights + bias, held[1])))
    return curve


def _ranks(truth: np.ndarray, seed: int, groups: Sequence[str]) -> np.ndarray:
    """When each photo (N,) comes into the learning curve, as a share of its class between 0 and 1."""
    if any(groups):
        return (folds.deal(truth, seed, _CHUNKS, folds.blocks(truth, groups)) + 0.5) / _CHUNKS
    order = np.random.default_rng((seed, len(truth))).permutation(len(truth))
    rank = np.empty(len(truth))
    for index in np.unique(truth):
        places = order[truth[order] == index]
        rank[places] = (np.arange(len(places)) + 0.5) / len(places)
    return rank


def _right(scores: np.ndarray, truth: Sequence[int] | np.ndarray) -> float:
    return float((scores.argmax(1) == truth).mean())
