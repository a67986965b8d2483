"""Batches: each picture once an epoch, the same again from any step, ready ahead of the loop, and errors that reach it."""

import hashlib
import threading
import time

import cv2
import numpy as np
import pytest

from cvapp.data import batches
from cvapp.data.augment import augment
from cvapp.data.batches import AHEAD, THREADS, Feed, epoch_batches, reader
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit
from cvapp.recipe import Augment

STRONG = Augment(mirror=True, rotation=30, noise=0.1)


@pytest.fixture
def pixels(rng):
    """Eleven pictures (8, 12)."""
    return rng.integers(0, 256, (11, 8, 12, 3), dtype=np.uint8)


def same(some, others):
    """Whether two lists of batches are equal to the bit."""
    return len(some) == len(others) and all(np.array_equal(a, b) and np.array_equal(i, j) for (a, i), (b, j) in zip(some, others))


def test_each_picture_comes_once_an_epoch_and_the_last_batch_is_short(pixels):
    feed = Feed(pixels.__getitem__, 11, 4, seed=3)
    orders = []
    for epoch in range(3):
        made = list(epoch_batches(feed, epoch))
        assert feed.steps == 3 and [len(chosen) for _, chosen in made] == [4, 4, 3]
        for pictures, chosen in made:
            np.testing.assert_array_equal(pictures, pixels[chosen])
        orders.append(np.concatenate([chosen for _, chosen in made]))
        assert sorted(orders[-1]) == list(range(11))
        np.testing.assert_array_equal(orders[-1], np.random.default_rng((3, epoch)).permutation(11))
    assert not np.array_equal(orders[0], orders[1])


@pytest.mark.parametrize("settings", [Augment(), STRONG])
def test_an_epoch_goes_on_from_any_step(pixels, settings):
    feed = Feed(pixels.__getitem__, 11, 2, seed=1, settings=settings)
    whole = list(epoch_batches(feed, 5))
    for first in range(7):
        assert same(list(epoch_batches(feed, 5, first)), whole[first:])
    assert not same(list(epoch_batches(feed, 6)), whole)


def test_pictures_are_varied_by_their_own_number_whatever_the_batch(pixels):
    made = [dict(zip(*flat(epoch_batches(Feed(pixels.__getitem__, 11, batch, 9, STRONG), 2)))) for batch in (3, 11)]
    for index in range(11):
        np.testing.assert_array_equal(made[0][index], made[1][index])
        np.testing.assert_array_equal(made[0][index], augment(pixels[index : index + 1], [index], 2, 9, STRONG)[0])
        assert not np.array_equal(made[0][index], pixels[index])


def flat(made):
    """All indices and all pictures of some batches."""
    pictures, chosen = zip(*made)
    return np.concatenate(chosen).tolist(), np.concatenate(pictures)


@pytest.mark.parametrize("limit", [11 * 8 * 12 * 3, 11 * 8 * 12 * 3 - 1], ids=["memory", "store"])
def test_pictures_come_out_of_memory_or_the_store(pixels, limit, tmp_path, monkeypatch):
    names = [hashlib.sha256(bytes([number])).hexdigest() for number in range(11)]
    store = Store("pixels", 0, (8, 12, 3), "uint8", tmp_path).open()
    for name, picture in zip(names, pixels):
        store.put(name, picture)
    monkeypatch.setattr(batches, "IN_MEMORY", limit)
    read = reader(store, names)
    reads = []
    plain = store.read
    monkeypatch.setattr(store, "read", lambda names: reads.append(1) or plain(names))
    feed = Feed(read, 11, 4, seed=0)
    assert same(list(epoch_batches(feed, 0)), list(epoch_batches(Feed(pixels.__getitem__, 11, 4, seed=0), 0)))
    assert len(reads) == (0 if limit == pixels.nbytes else 3)


def test_batches_are_ready_ahead_by_two_threads_and_no_more(pixels):
    began, threads = [], set()

    def read(chosen):
        began.append(len(began))
        threads.add(threading.get_ident())
        time.sleep(0.02)
        return pixels[chosen]

    made = epoch_batches(Feed(read, 11, 1, seed=0), 0)
    assert began == [], "nothing is read before the loop asks"
    for taken in range(1, 5):
        next(made)
        end = time.monotonic() + 10
        while len(began) < taken + AHEAD and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.05)  # for one too many to show
        assert len(began) == taken + AHEAD
    made.close()
    assert len(threads) == THREADS and threading.get_ident() not in threads


def test_a_loop_that_stops_early_leaves_nothing_running(pixels):
    before, opencv = threading.active_count(), cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        made = epoch_batches(Feed(pixels.__getitem__, 11, 1, seed=0), 0)
        next(made)
        assert threading.active_count() > before and cv2.getNumThreads() == 1
        made.close()
        assert threading.active_count() == before and cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(opencv)


def test_what_fails_in_a_thread_reaches_the_loop(pixels):
    before = threading.active_count()

    def read(chosen):
        if 7 in chosen:
            raise CvappError("the disk is gone", Exit.BAD_DATA)
        return pixels[chosen]

    feed = Feed(read, 11, 2, seed=0)
    order = np.random.default_rng((0, 0)).permutation(11).tolist()
    seen = []
    with pytest.raises(CvappError, match="^the disk is gone$"):
        for _, chosen in epoch_batches(feed, 0):
            seen.extend(chosen.tolist())
    assert seen == order[: order.index(7) // 2 * 2], "the batches before it came"
    assert threading.active_count() == before
