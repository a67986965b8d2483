"""Shares: groups that are never torn, counted by hand and against every way of parting them."""

import itertools
import random

import pytest

from cvapp.data.listing import Photo
from cvapp.data.shares import Shares, assign, draw


@pytest.mark.parametrize(
    "sizes, have, expected",
    [
        ([1, 1, 1, 1, 1], {}, ["val", "test", "train", "train", "train"]),
        ([1, 1], {}, ["val", "train"]),
        ([1], {}, ["train"]),
        ([1], {"train": 4}, ["val"]),
        ([1], {"train": 4, "val": 1}, ["test"]),
        ([1], {"train": 4, "val": 1, "test": 1}, ["train"]),
        ([1, 1], {"val": 3}, ["test", "train"]),
        ([60, 3, 2], {}, ["train", "test", "val"]),
        ([50, 60, 40], {}, ["val", "train", "test"]),
        ([4, 1, 5, 3, 7], {}, ["val", "test", "test", "train", "train"]),
        ([], {"train": 3, "val": 1}, []),
    ],
)
def test_shares_by_hand(sizes, have, expected):
    """A fifth each for val and test."""
    names = "abcdefgh"[: len(sizes)]
    assert [draw(dict(zip(names, sizes)), have, 0.2, 0.2)[name] for name in names] == expected


def test_without_a_share_for_test_nothing_is_held_out():
    assert draw({"a": 3, "b": 3, "c": 3}, {}, 0.3, 0.0) == {"a": "val", "b": "train", "c": "train"}


def off(parts, sizes, val, test):
    """How far a parting is from the shares, in photos."""
    total = sum(sizes.values())
    return sum(
        abs(sum(sizes[group] for group in sizes if parts[group] == part) - share * total) for part, share in (("val", val), ("test", test))
    )


def test_every_part_has_a_group_and_the_shares_are_not_far_from_the_best_possible():
    """Against all 3 to the n ways of parting up to seven groups: no worse than the best by more than two of the largest group."""
    for seed in range(60):
        rng = random.Random(seed)
        sizes = {f"{number}": rng.choice((1, 1, 2, 5, 9)) for number in range(rng.randrange(3, 8))}
        parts = draw(sizes, {}, 0.25, 0.2)
        assert set(parts) == set(sizes) and set(parts.values()) == {"train", "val", "test"}
        ways = (dict(zip(sizes, way)) for way in itertools.product(("train", "val", "test"), repeat=len(sizes)))
        best = min(off(way, sizes, 0.25, 0.2) for way in ways if len(set(way.values())) == 3)
        assert off(parts, sizes, 0.25, 0.2) <= best + 2 * max(sizes.values())


def test_a_group_of_two_classes_has_one_part_and_both_classes_train():
    for seed in range(20):
        photos = [
            Photo(f"{label}{number}", label, None, f"{label}{number}") for label, count in (("a", 2), ("b", 6)) for number in range(count)
        ]
        free = {photo.hash: photo.hash for photo in photos} | {"b0": "a0", "b1": "a1"}
        parts = assign(photos, {}, free, Shares(0.3, 0.2, seed))
        assert parts["a0"] == parts["b0"] and parts["a1"] == parts["b1"]
        assert {parts["a0"], parts["a1"]} == {"train", "val"} and {parts[f"b{number}"] for number in range(6)} == {"train", "val", "test"}
