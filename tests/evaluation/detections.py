"""Made-up truths and found boxes for the tests of detection figures."""

import numpy as np

from cvapp.boxes import Boxes
from cvapp.evaluation.detection import Truth


def boxes(*rows):
    """Rows of left, top, right, bottom, score, class."""
    table = np.array(rows, float).reshape(-1, 6)
    return Boxes(table[:, :4].astype(np.float32), table[:, 4].astype(np.float32), table[:, 5].astype(np.int32))


def truth(*rows, difficult=()):
    """Rows of left, top, right, bottom, class; places of those that are difficult."""
    table = np.array(rows, float).reshape(-1, 5)
    hard = np.zeros(len(table), bool)
    hard[list(difficult)] = True
    return Truth(table[:, :4].astype(np.float32), table[:, 4].astype(np.int32), hard)


def random_set(rng, counts, photos=12, difficult=0.0):
    """Objects `counts` of each class, none near another of its class, and boxes that hit, miss, double and invent; no two scores are equal."""
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    places = np.array_split(labels, photos)
    found, truths = [], []
    for classes in places:
        count = len(classes)
        cells = 70.0 * np.stack(np.divmod(rng.permutation(64)[:count], 8), 1)
        true = np.concatenate([cells, cells + rng.uniform(15, 60, (count, 2))], 1)
        guess = np.concatenate([true, true[: count // 3], rng.permutation(true)[: count // 4] + 25])
        guess += rng.normal(0, 3, guess.shape)
        answers = np.concatenate([classes, classes[: count // 3], classes[: count // 4]])
        answers = np.where(rng.random(len(guess)) < 0.15, rng.integers(0, len(counts), len(guess)), answers)
        kept = rng.random(len(guess)) < 0.85
        found.append(Boxes(guess[kept].astype(np.float32), rng.random(kept.sum()).astype(np.float32), answers[kept].astype(np.int32)))
        truths.append(Truth(true.astype(np.float32), classes.astype(np.int32), rng.random(count) < difficult))
    return found, truths
