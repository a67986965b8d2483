"""How the answers of a ridge probe improve with the photos that it learns from, measured on photos left out."""

from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from operator import add, sub
from typing import Sequence

import numpy as np

from cvapp.evaluation import folds, gram
from cvapp.evaluation.gram import Sums

FOLDS = 5  # parts of the photos, each left out in number
ROUNDS = 4  # times that every photo is left out, each with other photos to learn from
LEAST = 10  # sessions or single photos of a class
_STEPS = {20: (1, 2, 3, 4, 6, 8, 11, 16), LEAST: (1, 2, 3, 4, 6, 8)}  # chunks learned from, by the number of chunks; a fifth is left out
_WORK = 2e12  # multiplications that all rounds together may take; with more, there are fewer rounds


@dataclass(frozen=True)
class LearningCurves:
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

    def head(self, count: int) -> "LearningCurves":
        """The same with the first `count` sizes only."""
        return LearningCurves(self.photos[:count], self.right[:, :count], self.truth, self.block)


@dataclass(frozen=True)
class _Chunks:
    """Photos in chunks: features (N, K), classes (N,), the photos of each chunk and their sums, features before compression."""

    features: np.ndarray
    truth: np.ndarray
    members: list[np.ndarray]
    parts: list[Sums]
    columns: int

    def photos(self, chunks: np.ndarray) -> np.ndarray:
        """The photos of some chunks, as indices."""
        return np.concatenate([self.members[index] for index in chunks])


def measure(features: np.ndarray, truth: np.ndarray, groups: Sequence[str], seed: int) -> LearningCurves | None:
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
    fewest = min(len(np.unique(block[truth == index])) for index in np.unique(truth))
    count = next((number for number in _STEPS if number <= fewest), 0)
    if not count or len(np.unique(truth)) < 2:
        return None
    chunks, steps = _deal(features, truth, folds.deal(truth, seed, count, block), seed), _STEPS[count]
    rounds = int(np.clip(_WORK // _work(chunks, len(steps)), 1, ROUNDS))
    generator = np.random.default_rng((seed, count, len(truth)))
    orders = [generator.permutation(count) for _ in range(rounds)]
    strength = _strength(chunks, orders[0])
    right, photos = np.zeros((rounds, len(steps), len(truth)), bool), np.zeros(len(steps))
    for number, order in enumerate(orders):
        for fold in np.split(order, FOLDS):
            test = chunks.photos(fold)
            learned = list(accumulate(chunks.parts[index] for index in generator.permutation(np.setdiff1d(order, fold))))
            largest = learned[-1].photos
            for index, step in enumerate(steps):
                known = learned[step - 1]
                matrix, bias = gram.solve(known, chunks.columns, min(gram.MAX_STRENGTH, strength * largest / known.photos))
                right[number, index, test] = (chunks.features[test] @ matrix + bias).argmax(1) == truth[test]
                photos[index] += known.photos / (FOLDS * rounds)
    return LearningCurves(photos, right, truth, block)


def _deal(features: np.ndarray, truth: np.ndarray, chunk: np.ndarray, seed: int) -> _Chunks:
    weights = gram.class_weights(truth, int(truth.max()) + 1)
    narrow = gram.compress(features, seed)
    members = [np.flatnonzero(chunk == index) for index in range(chunk.max() + 1)]
    return _Chunks(narrow, truth, members, [gram.sums(narrow[some], truth[some], weights) for some in members], features.shape[1])


def _work(chunks: _Chunks, steps: int) -> float:
    """Multiplications of a round: the solutions, and the answers to the photos left out."""
    (photos, axes), classes = chunks.features.shape, len(chunks.parts[0].counts)
    return steps * axes * (FOLDS * axes * (axes / 3 + 2 * classes) + photos * classes)


def _strength(chunks: _Chunks, order: np.ndarray) -> float:
    """The strength of the ridge that is best for the largest sets.

    For smaller sets it is multiplied by how much smaller they are, since it counts in multiples of N, and the penalty that suits a problem does not
    depend on N: it stands for a prior of the weights (Hastie et al. 2009, section 3.4.1).
    """
    whole = reduce(add, chunks.parts)
    tried = []
    for fold in np.split(order, FOLDS):
        test = chunks.photos(fold)
        tried.append((reduce(sub, (chunks.parts[index] for index in fold), whole), chunks.features[test], chunks.truth[test]))
    return gram.choose_strength(tried, chunks.columns)
