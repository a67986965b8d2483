"""Folds: classes are dealt out evenly, and no session is cut but where a class has no other."""

import numpy as np
import pytest

from cvapp.evaluation import folds


@pytest.mark.parametrize("sizes", [(25, 25), (7, 23, 11), (2, 40)])
def test_every_class_is_dealt_out_evenly(sizes):
    truth = np.random.default_rng(1).permutation(np.repeat(np.arange(len(sizes)), sizes))
    fold = folds.deal(truth, 4, 5)
    for index, size in enumerate(sizes):
        counts = np.bincount(fold[truth == index], minlength=5)
        assert counts.sum() == size and counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(fold, folds.deal(truth, 4, 5))
    assert (fold != folds.deal(truth, 5, 5)).any()


def test_a_photo_without_a_group_is_a_session_of_its_own():
    np.testing.assert_array_equal(folds.sessions(["", "a", "", "a", "b"]), [0, 1, 2, 1, 3])
    assert len(folds.sessions([])) == 0


@pytest.mark.parametrize("seed", range(5))
def test_sessions_stay_whole_and_classes_even(seed):
    """Sessions of 1 to 12 photos, some with photos of two classes."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 13, 60)
    names = np.repeat([f"s{index}" for index in range(60)], sizes)
    truth = np.repeat(generator.integers(0, 3, 60), sizes)
    mixed = np.isin(names, ["s1", "s2", "s3"])
    truth[mixed] = generator.integers(0, 3, mixed.sum())
    block = folds.blocks(truth, names)
    fold = folds.deal(truth, seed, 5, block)
    assert all(len(set(fold[names == name])) == 1 for name in set(names))
    for index in range(3):
        counts = np.bincount(fold[truth == index], minlength=5)
        assert counts.max() - counts.min() <= 12, "no further apart than one session"
    np.testing.assert_array_equal(fold, folds.deal(truth, seed, 5, block))


def test_a_class_of_a_single_session_is_dealt_out_by_photos():
    """Whole, no probe could know it; the other sessions stay whole."""
    truth = np.repeat([0, 1], (20, 40))
    names = ["only"] * 20 + [f"s{index // 4}" for index in range(40)]
    block = folds.blocks(truth, names)
    assert len(set(block[:20])) == 20 and len(set(block[20:])) == 10 and not set(block[:20]) & set(block[20:])
    assert set(folds.deal(truth, 0, 5, block)[:20]) == set(range(5))
