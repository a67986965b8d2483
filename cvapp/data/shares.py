"""The shares of a class: which of its groups of copies train, validate and test."""

import hashlib
from collections import Counter, defaultdict
from typing import Iterable, Mapping

from cvapp.data.listing import Photo


def assign(
    photos: Iterable[Photo], settled: Mapping[str, str], free: Mapping[str, str], val: float, test: float, seed: int
) -> dict[str, str]:
    """Parts for the content hashes that have none, class by class, in an order that the seed and the groups' names decide.

    Args:
        photos: with their labels and content hashes.
        settled: parts of content hashes, which count towards the shares.
        free: each other content hash with its group of copies, which is never torn.
        val: share of each class for validation.
        test: share of each class held out to the end.
        seed: of the order.
    """
    classes: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        classes[photo.label].add(photo.hash)
    part_of: dict[str, str] = {}  # of groups
    # a class with few groups comes first, lest others with the same copies leave it nothing to train on
    for _, hashes in sorted(classes.items(), key=lambda item: (len({free[digest] for digest in item[1] if digest in free}), item[0])):
        placed = {digest: settled.get(digest) or part_of.get(free.get(digest, "")) for digest in hashes}
        sizes = Counter(free[digest] for digest, part in placed.items() if part is None and digest in free)
        order = sorted(sizes, key=lambda group: hashlib.sha256(f"{seed}:{group}".encode()).digest())
        have = Counter(part for part in placed.values() if part)
        part_of |= draw({group: sizes[group] for group in order}, have, val, test)
    return {digest: part_of[group] for digest, group in free.items()}


def draw(sizes: Mapping[str, int], have: Mapping[str, int], val: float, test: float) -> dict[str, str]:
    """Parts for the groups of one class, taken in order, filling up what the class lacks of its shares.

    One group is kept to train on, then one is for validation, then one for test; beyond that the shares are met as near as whole groups can.

    Args:
        sizes: photos of each group that has no part yet.
        have: photos that each part has already.
        val: share for validation.
        test: share held out to the end.
    """
    total = sum(sizes.values()) + sum(have.values())
    no_val, no_test = not have.get("val"), test > 0 and not have.get("test")
    lacks_val = max(0, max(1, round(val * total)) - have.get("val", 0))
    lacks_test = max(0, max(1, round(test * total)) - have.get("test", 0)) if test > 0 else 0
    room = len(sizes) - (not have.get("train"))
    held = _take(sizes, lacks_val + lacks_test, no_val + no_test, room)
    count = sum(held.values())
    wanted = min(lacks_val, count - min(lacks_test, max(0, count - no_val)))  # where both cannot be met, test is
    checks = _take(held, wanted, no_val, max(no_val, len(held) - no_test))
    return {group: "val" if group in checks else "test" if group in held else "train" for group in sizes}


def _take(sizes: Mapping[str, int], wanted: int, least: int, most: int) -> dict[str, int]:
    """Groups in order, each if it brings the count of photos nearer to what is wanted; at least and at most so many groups."""
    taken: dict[str, int] = {}
    for group, size in sizes.items():
        if len(taken) < most and size < 2 * wanted:
            taken[group] = size
            wanted -= size
    for group in sorted(sizes, key=lambda group: sizes[group]):
        if len(taken) < min(least, most) and group not in taken:
            taken[group] = sizes[group]
    return {group: size for group, size in sizes.items() if group in taken}
