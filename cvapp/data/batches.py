"""Batches for a training loop: in an order that the seed and the epoch decide, made ready by threads while the network trains."""

import contextlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable, Iterator, Sequence, TypeVar

import cv2
import numpy as np

from cvapp.data.augment import augment
from cvapp.data.store import Store
from cvapp.recipe import Augment

T = TypeVar("T")
Batch = tuple[np.ndarray, np.ndarray]
THREADS, AHEAD = 2, 3
IN_MEMORY = 2 * 1024**3  # bytes of pixels that are held rather than read from the store again each epoch


@dataclass(frozen=True)
class Feed:
    """What a training loop is fed with.

    Args:
        read: the pictures of some indices (B,), each 0 to `count` - 1, as a new array: uint8 RGB (B, H, W, 3).
        count: how many pictures there are.
        batch: pictures a step.
        seed: of the order and of the augmentation.
        settings: how pictures are varied.
    """

    read: Callable[[np.ndarray], np.ndarray]
    count: int
    batch: int
    seed: int
    settings: Augment = Augment()

    @property
    def steps(self) -> int:
        """Batches in an epoch, a last short one included."""
        return -(-self.count // self.batch)


def reader(store: Store, names: Sequence[str]) -> Callable[[np.ndarray], np.ndarray]:
    """How pictures are read by their index among `names`: out of memory where all fit in, from the store otherwise."""
    if store.read(names[:1]).nbytes * len(names) <= IN_MEMORY:
        pixels = store.read(names)
        return lambda chosen: pixels[chosen]
    return lambda chosen: store.read(names[index] for index in chosen)


def epoch_batches(feed: Feed, epoch: int, first: int = 0) -> Iterator[Batch]:
    """One epoch, each picture once: uint8 RGB (B, H, W, 3) and the indices (B,) of its pictures; the last batch may be short.

    Starting at step `first` gives exactly what a run that was not interrupted would go on with. What fails in a thread is raised here.
    """
    order = np.random.default_rng((feed.seed, epoch)).permutation(feed.count)

    def make(step: int) -> Batch:
        chosen = order[step * feed.batch :][: feed.batch]
        return augment(feed.read(chosen), chosen, epoch, feed.seed, feed.settings), chosen

    return ahead(make, first, feed.steps)


def ahead(make: Callable[[int], T], first: int, steps: int) -> Iterator[T]:
    """`make(step)` for every step from `first` on, in order, made by threads a few steps before they are wanted."""
    with contextlib.ExitStack() as stack:
        stack.callback(cv2.setNumThreads, cv2.getNumThreads())
        cv2.setNumThreads(1)  # OpenCV's own threads would fight with these for the cores
        pool = ThreadPoolExecutor(THREADS)
        stack.callback(pool.shutdown, cancel_futures=True)  # the loop may stop early
        waiting: deque[Future[T]] = deque()
        for step in range(first, steps):
            waiting.append(pool.submit(make, step))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
