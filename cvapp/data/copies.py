"""Copies stay together: the part that a photo is bound to by what it shows, and the photos that no part can hold."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import AbstractSet as Set
from typing import Iterable, Mapping, Sequence

from cvapp.data.duplicates import groups
from cvapp.data.listing import PARTS, Photo


@dataclass(frozen=True)
class Bound:
    """What copies decide before any part is drawn.

    Args:
        parts: of the content hashes that are settled or copies of one that is.
        free: the other content hashes, each with its group of copies.
        left_out: the reason for each photo, by name, that no part can hold.
    """

    parts: dict[str, str] = field(default_factory=dict)
    free: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def two_labels(photos: Iterable[Photo]) -> dict[str, str]:
    """The reason for each photo, by name, whose very content bears another label too: which one is right cannot be known."""
    same: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        same[photo.hash].append(photo)
    wrong = {}
    for group in same.values():
        if len({photo.label for photo in group}) > 1:
            for photo in group:
                other = next(other for other in group if other.label != photo.label)
                wrong[photo.name] = f"same picture as {other.name}, which is labelled {other.label!r}"
    return wrong


def bind(photos: Sequence[Photo], settled: Mapping[str, str], allowed: Mapping[str, Set[str]], copies: Iterable[tuple[str, str]]) -> Bound:
    """Bind photos to the parts of their copies.

    Where settled parts hold copies of one another, those in test stay, else those in val: what is measured stays, its copies are left out.
    A photo that came later goes where its copy is. As a copy of photos in different parts it is left out, and its new copies with it. So is
    one whose part is not among those that its source allows, however often it is asked.

    Args:
        photos: with their content hashes.
        settled: the parts that are given or frozen, by the photo's name.
        allowed: the parts that the source allows, by the photo's name; of others it allows all.
        copies: pairs of content hashes that show the same picture.
    """
    known = {photo.hash for photo in photos}
    old = {photo.hash for photo in photos if photo.name in settled}
    pairs = [pair for pair in copies if known.issuperset(pair)]
    new = groups(known - old, [pair for pair in pairs if old.isdisjoint(pair)])
    group_of = new | groups(old, [pair for pair in pairs if old.issuperset(pair)])
    homes = _homes(photos, settled, allowed, group_of)
    for first, second in [*pairs, *(pair[::-1] for pair in pairs)]:
        if first in new and second in old:
            homes[new[first]] = homes[group_of[second]] | homes[new[first]]
    bound = Bound()
    for photo in photos:
        home = homes[group_of[photo.hash]]
        if not home:
            bound.free[photo.hash] = group_of[photo.hash]
        elif len(home) > 1:
            bound.left_out[photo.name] = "near copy of " + " and of ".join(f"{home[part].name} in {part}" for part in PARTS if part in home)
        else:
            ((part, copy),) = home.items()
            bound.parts[photo.hash] = part
            if part not in allowed.get(photo.name, PARTS) or settled.get(photo.name, part) != part:
                bound.left_out[photo.name] = _why_not(photo, part, copy, allowed.get(photo.name, set()))
    return bound


def _homes(
    photos: Iterable[Photo], settled: Mapping[str, str], allowed: Mapping[str, Set[str]], group_of: Mapping[str, str]
) -> dict[str, dict[str, Photo]]:
    """For each group the part that it is settled in, the most measured of several, with a photo that stays there; empty for the others."""
    homes: dict[str, dict[str, Photo]] = defaultdict(dict)
    there = [photo for photo in photos if photo.name in settled]
    order = {photo.name: settled[photo.name] not in allowed.get(photo.name, PARTS) for photo in there}
    for photo in sorted(there, key=lambda photo: (-PARTS.index(settled[photo.name]), order[photo.name], photo.name)):
        homes[group_of[photo.hash]] = homes[group_of[photo.hash]] or {settled[photo.name]: photo}
    return homes


def _why_not(photo: Photo, part: str, copy: Photo, allowed: Set[str]) -> str:
    """Why a photo is left out of the part that is home to its copies, of which one is named."""
    if copy.name == photo.name:
        here = " or ".join(one for one in PARTS if one in allowed)
        return f"split.csv has it in {part}, its place in the data says {here}; move it back, or delete split.csv to part all anew"
    return f"{'same picture as' if copy.hash == photo.hash else 'near copy of'} {copy.name}, which is in {part}"
