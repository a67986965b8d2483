"""Folds for cross-validation that keep each capture session whole."""

from typing import Sequence

import numpy as np


def sessions(groups: Sequence[str]) -> np.ndarray:
    """The capture session of each photo as an index (N,); a photo whose group is "" is a session of its own.

    Args:
        groups: (N,) names of the sessions, as `Row.group` gives them.
    """
    index: dict[str | int, int] = {}
    return np.array([index.setdefault(name or photo, len(index)) for photo, name in enumerate(groups)], int)


def blocks(truth: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    """The photos that no fold may separate, as an index (N,): those of a session, but for classes that have only one.

    The photos of a class with a single session are blocks of their own. Otherwise no probe could learn the class and be tested on it.

    Args:
        truth: (N,) classes.
        groups: (N,) names of the sessions, "" where unknown.
    """
    session = sessions(groups)
    single = [index for index in np.unique(truth) if len(np.unique(session[truth == index])) == 1]
    block = np.where(np.isin(truth, single), session.max(initial=-1) + 1 + np.arange(len(truth)), session)
    return np.unique(block, return_inverse=True)[1]


def deal(truth: np.ndarray, seed: int, count: int, block: np.ndarray | None = None) -> np.ndarray:
    """The fold of each photo (N,), from 0 to `count` - 1, with every class spread over the folds as evenly as whole blocks allow.

    Blocks are dealt in a random order, large ones first, each to the fold that has the least of its classes so far.

    Args:
        truth: (N,) classes.
        seed: of the order.
        count: number of folds.
        block: (N,) the block of each photo, as `blocks` makes them; every photo by itself when left out.
    """
    fold = np.zeros(len(truth), int)
    generator = np.random.default_rng((seed, count))
    if block is None or len(np.unique(block)) == len(truth):
        for index in np.unique(truth):
            members = generator.permutation(np.flatnonzero(truth == index))
            fold[members] = np.arange(len(members)) % count
        return fold
    classes, codes = np.unique(truth, return_inverse=True)
    names, block = np.unique(block, return_inverse=True)
    sizes = np.zeros((len(names), len(classes)))
    np.add.at(sizes, (block, codes), 1)
    sizes /= sizes.sum(0)  # shares of each class, so that small classes count as much
    order = generator.permutation(len(names))
    order = order[np.argsort(-sizes[order].sum(1), kind="stable")]
    held, dealt = np.zeros((count, len(classes))), np.zeros(len(names), int)
    for one in order:
        own = np.flatnonzero(sizes[one])
        load = held[:, own] @ sizes[one, own]
        level = np.flatnonzero(np.isclose(load, load.min()))
        dealt[one] = level[held[level].sum(1).argmin()]
        held[dealt[one], own] += sizes[one, own]
    return dealt[block]
