"""How the answers of a ridge probe improve with the photos that it learns from, measured on photos left out."""

from dataclasses import dataclass
from itertools import accumulate
from typing import Sequence

import numpy as np

from cvapp.evaluation import folds, gram

STRENGTH = 1.0  # of the ridge, as in `probe.learning_curve`
ROUNDS = 4  # times that every photo is left out, each with other photos to learn from
_STEPS = {20: (1, 2, 3, 4, 6, 8, 11, 16), 10: (1, 2, 3, 4, 6, 8)}  # chunks learned from, by the number of chunks; a fifth is left out
_WORK = 2e12  # multiplications that all rounds together may take; with more, there are fewer rounds


@dataclass(frozen=True)
class Growth:
    """Answers to every photo by probes that learned from growing sets of other photos.

    Args:
        photos: (K,) the size of each set, in the mean over the probes.
        right: (R, K, N) whether the answer to each photo was right, for every round and size.
        truth: (N,) classes.
        block: (N,) which photos stay together, as an index.
    """

    photos: np.ndarray
    right: np.ndarray
    truth: np.ndarray
    block: np.ndarray

    def head(self, count: int) -> "Growth":
        """The same with the first `count` sizes only."""
        return Growth(self.photos[:count], self.right[:, :count], self.truth, self.block)


def measure(features: np.ndarray, truth: np.ndarray, groups: Sequence[str], seed: int) -> Growth | None:
    """Deal the photos into chunks of whole sessions, leave out a fifth of the chunks at a time, and learn from more and more of the others.

    The Gram matrix of each chunk is computed once; a larger set is a sum of chunks.

    Args:
        features: (N, F).
        truth: (N,) classes, of which each index up to the largest has photos.
        groups: (N,) names of the sessions, "" where unknown.
        seed: of the chunks and their order.

    Returns:
        None where a class has fewer than ten sessions or single photos: too few for a curve.
    """
    block = folds.blocks(truth, groups)
    least = min(len(np.unique(block[truth == index])) for index in np.unique(truth))
    count = next((number for number in _STEPS if number <= least), 0)
    if not count or len(np.unique(truth)) < 2:
        return None
    num_classes, columns = int(truth.max()) + 1, features.shape[1]
    features = gram.compress(features, seed)
    chunk = folds.deal(truth, seed, count, block)
    members = [np.flatnonzero(chunk == index) for index in range(count)]
    weights = gram.class_weights(truth, num_classes)
    parts = [gram.sums(features[some], truth[some], weights) for some in members]
    steps = _STEPS[count]
    axes = features.shape[1]
    work = len(steps) * axes * (5 * axes * (axes / 3 + 2 * num_classes) + len(truth) * num_classes)
    rounds = int(np.clip(_WORK // work, 1, ROUNDS))
    generator = np.random.default_rng((seed, count, len(truth)))
    right, photos = np.zeros((rounds, len(steps), len(truth)), bool), np.zeros(len(steps))
    for turn in range(rounds):
        order = generator.permutation(count)
        for held in np.split(order, 5):
            out = np.concatenate([members[index] for index in held])
            learned = list(accumulate(parts[index] for index in generator.permutation(np.setdiff1d(order, held))))
            for place, step in enumerate(steps):
                matrix, bias = gram.solve(learned[step - 1], columns, STRENGTH)
                right[turn, place, out] = (features[out] @ matrix + bias).argmax(1) == truth[out]
                photos[place] += learned[step - 1].counts.sum() / (5 * rounds)
    return Growth(photos, right, truth, block)
