"""The shares of a class: which of its sessions and groups of copies train, validate and test."""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence

from cvapp.data.duplicates import groups
from cvapp.data.listing import Photo, in_order

TRIES = 64  # orders of sessions with photos of several classes, of which the one is taken that is fairest to all


@dataclass(frozen=True)
class Shares:
    """Shares of each class for validation and to be held out to the end; the seed decides the order."""

    val: float
    test: float
    seed: int

    @property
    def by_part(self) -> dict[str, float]:
        """The share of each part that is asked for."""
        return {"train": 1 - self.val - self.test, "val": self.val, **({"test": self.test} if self.test > 0 else {})}


def assign(photos: Sequence[Photo], settled: Mapping[str, str], free: Mapping[str, str], shares: Shares) -> dict[str, str]:
    """Parts for the content hashes that have none, class by class, in an order that the seed and the groups' names decide.

    Copies never lie in different parts. Nor do the photos of one session, but where a class has fewer sessions than parts to fill: then one of
    them is cut into stretches, in the order that they were taken in. Photos that join a session with a part go there; where the session lies
    in several parts, they train.

    Args:
        photos: with their labels, sessions and content hashes.
        settled: parts of content hashes, which count towards the shares.
        free: each other content hash with its group of copies.
        shares: of the parts.
    """
    unit_of = _units(photos, free)
    homes = _homes(photos, settled, unit_of)
    given = {digest: homes[unit] for digest, unit in unit_of.items() if unit in homes}
    given |= _stretches(photos, {**settled, **given}, unit_of, free, shares)
    fixed = {**settled, **given}
    classes: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        classes[photo.label].add(photo.hash)
    sizes = {label: Counter(unit_of[digest] for digest in some if digest in unit_of and digest not in given) for label, some in classes.items()}
    have = {label: Counter(fixed[digest] for digest in some if digest in fixed) for label, some in classes.items()}
    mixed = sum(map(len, sizes.values())) > len(set().union(*sizes.values())) and any(photo.group for photo in photos)
    tried = (_drawn(sizes, have, shares, f"{shares.seed}:{turn}" if turn else f"{shares.seed}") for turn in range(TRIES if mixed else 1))
    part_of = min(tried, key=lambda drawn: _unfairness(drawn, sizes, have, shares))
    return given | {digest: part_of[unit] for digest, unit in unit_of.items() if digest not in given}


def _units(photos: Iterable[Photo], free: Mapping[str, str]) -> dict[str, str]:
    """What each free content hash is not to be parted from: its copies, and the session of any of them, by the smallest name."""
    first: dict[str, str] = {}
    pairs = []
    for photo in photos:
        if photo.group and photo.hash in free:
            pairs.append((first.setdefault(photo.group, free[photo.hash]), free[photo.hash]))
    unit_of = groups(free.values(), pairs)
    return {digest: unit_of[copies] for digest, copies in free.items()}


def _homes(photos: Sequence[Photo], settled: Mapping[str, str], unit_of: Mapping[str, str]) -> dict[str, str]:
    """The part of each unit whose session has photos in a part already; train, where it lies in several."""
    sessions: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        if photo.group and photo.hash in settled:
            sessions[photo.group].add(settled[photo.hash])
    homes: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        if photo.group in sessions and photo.hash in unit_of:
            homes[unit_of[photo.hash]] |= sessions[photo.group]
    return {unit: min(parts) if len(parts) == 1 else "train" for unit, parts in homes.items()}


def _stretches(
    photos: Sequence[Photo], fixed: Mapping[str, str], unit_of: Mapping[str, str], free: Mapping[str, str], shares: Shares
) -> dict[str, str]:
    """Parts of content hashes of classes that have fewer sessions than parts to fill.

    Of one session the first stretch trains, the next validates, the last is held out. Of two, the larger trains and the other is cut in two.
    """
    classes: dict[str, list[Photo]] = defaultdict(list)
    for photo in in_order(photos):
        classes[photo.label].append(photo)
    part_of: dict[str, str] = {}  # of groups of copies
    for _, some in sorted(classes.items()):
        have = {part for photo in some if (part := fixed.get(photo.hash) or part_of.get(free.get(photo.hash, "")))}
        missing = [part for part in shares.by_part if part not in have]
        units: dict[str, list[str]] = defaultdict(list)
        for photo in some:
            if photo.hash in free and photo.hash not in fixed and free[photo.hash] not in part_of:
                units[unit_of[photo.hash]].append(free[photo.hash])
        pieces = sorted((list(dict.fromkeys(copies)) for copies in units.values()), key=lambda copies: (len(copies), copies[0]))
        if not 0 < len(pieces) < len(missing):
            continue
        plan = [missing] if len(pieces) == 1 else [missing[1:], missing[:1]] if len(pieces[0]) > 1 else [missing[2:], missing[:2]]
        if all(len(parts) <= len(copies) for parts, copies in zip(plan, pieces)):
            for parts, copies in zip(plan, pieces):
                part_of |= _cut(copies, {part: shares.by_part[part] for part in parts})
    return {digest: part_of[copies] for digest, copies in free.items() if copies in part_of}


def _cut(copies: Sequence[str], shares: Mapping[str, float]) -> dict[str, str]:
    """Parts for groups of copies in order, a stretch for each part by its share, of one group at least."""
    part_of: dict[str, str] = {}
    start, left = 0, dict(shares)
    for part, share in shares.items():
        rest = len(copies) - start
        count = rest if len(left) == 1 else min(rest - len(left) + 1, max(1, round(rest * share / sum(left.values()))))
        part_of |= dict.fromkeys(copies[start : start + count], part)
        start += count
        del left[part]
    return part_of


def _drawn(sizes: Mapping[str, Mapping[str, int]], have: Mapping[str, Mapping[str, int]], shares: Shares, salt: str) -> dict[str, str]:
    """Parts for the units of all classes; `sizes` is photos by class and unit, `have` photos that have a part, by class and part."""
    part_of: dict[str, str] = {}
    # a class with few units comes first, lest others in the same sessions leave it nothing to train on
    for label, units in sorted(sizes.items(), key=lambda item: (len(item[1]), item[0])):
        count = Counter(have[label])
        for unit, size in units.items():
            if unit in part_of:
                count[part_of[unit]] += size
        order = sorted(units.keys() - part_of.keys(), key=lambda unit: hashlib.sha256(f"{salt}:{unit}".encode()).digest())
        part_of |= draw({unit: units[unit] for unit in order}, count, shares.val, shares.test)
    return part_of


def _unfairness(
    part_of: Mapping[str, str], sizes: Mapping[str, Mapping[str, int]], have: Mapping[str, Mapping[str, int]], shares: Shares
) -> float:
    """How far the classes are from their shares: of each, the shares that are missed, and a whole one for a part that it lacks."""
    total = 0.0
    for label, units in sizes.items():
        count = Counter(have[label])
        for unit, size in units.items():
            count[part_of[unit]] += size
        whole = max(1, sum(count.values()))
        total += sum(abs(count[part] / whole - share) + (not count[part]) for part, share in shares.by_part.items())
    return total


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
