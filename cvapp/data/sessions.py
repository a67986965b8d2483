"""Which photos were taken in one session: as the source says, by the time and the camera of each, or because they are frames of one film.

Photos of one session share the place, the light and often the very moment. Apart in different parts of a split, those held out would be
recognized by what was learned by heart, and accuracy would flatter.
"""

import os
import re
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Iterable, Mapping, Sequence

import numpy as np

from cvapp.data import split
from cvapp.data.listing import Listing, Photo, in_order
from cvapp.data.split import Row

PAUSE = 60.0  # seconds without a photo that end a session
BURST = 30  # photos a second that a camera may take; of more, the time is not that of the shutter
FILM = 8  # frames that a film has at least
STEADY = 0.5  # of the mean square difference between any two pictures of a series: what neighbors in a film differ by at most
UNLIKELY = 1e-3  # films that are found by chance where pictures are in no order
_SAMPLES = 1000  # pairs by which that mean is estimated
COLLECTED = re.compile(r"-(\d{8}-\d{6})(v?)-\d{4,}$")  # how `collect` ends the names of its photos: when the run began, `v` where not live
NEXT_RUN = 300.0  # seconds from the start of a live run: one that begins before is the same session, at the same table in the same light
_FILM = "film from "  # before the name of its first frame
_NUMBER = re.compile(r"(\d+)(?!.*\d)")


def grouped(listing: Listing, thumbnails: Mapping[str, np.ndarray]) -> Listing:
    """The listing with the session of each photo that belongs to one; those of the split that is frozen beside it keep their names.

    Args:
        listing: of photos with content hashes.
        thumbnails: uint8 (32, 32) by content hash, as `duplicates.thumbnail` makes them.

    Raises:
        CvappError: what is frozen cannot be read (exit 3).
    """
    photos = listing.photos
    found = _films(photos, thumbnails) | _bursts(photos) | _collected(photos)
    sizes = Counter(found.values())
    session = {name: group for name, group in found.items() if sizes[group] > 1}
    known = {row.hash: row.group for row in split.beside(listing) if row.group}
    session |= _kept(photos, session, known)
    return replace(listing, photos=[replace(photo, group=photo.group or session.get(photo.name, "")) for photo in photos])


def by_class(rows: Iterable[Row]) -> dict[str, set[str]]:
    """The sessions of each class; a photo without one is none."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row.label] |= {row.group} - {""}
    return found


def portable(rows: Sequence[Row]) -> list[Row]:
    """The rows with no folder of this machine: absolute paths (of a CSV) by their names, and sessions named after files from their common folder."""
    absolute = [row.path for row in rows if os.path.isabs(row.path)]
    folder = os.path.commonpath([os.path.dirname(path) for path in absolute]) if absolute else ""
    prefix = f"{folder.rstrip(os.sep)}{os.sep}"
    return [
        row._replace(path=os.path.basename(row.path), group=row.group.replace(f"{_FILM}{prefix}", _FILM)) if os.path.isabs(row.path) else row
        for row in rows
    ]


def single(rows: Sequence[Row]) -> list[str]:
    """The classes whose photos all come from one session."""
    loose = {row.label for row in rows if not row.group}
    return [label for label, sessions in by_class(rows).items() if len(sessions) == 1 and label not in loose]


def flattering(rows: Sequence[Row], listing: Listing) -> list[str]:
    """Lines on why accuracy on held-out photos would flatter: classes of a single session, and sessions that lie in train and elsewhere."""
    alone, lines = single(rows), []
    if alone:
        some = ", ".join(map(repr, alone[:5])) + (f" and {len(alone) - 5} more" if len(alone) > 5 else "")
        who = f"class {some} has a single session" if len(alone) == 1 else f"classes {some} have a single session each"
        lines.append(f"{who}: held-out accuracy flatters, of the same moments; take photos on another day, in another place")
    parts: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.group and row.label not in alone:
            parts[row.group].add(row.part)
    torn = [group for group, some in parts.items() if "train" in some and len(some) > 1]
    if torn:
        many = "1 session lies" if len(torn) == 1 else f"{len(torn)} sessions lie"
        given = any(photo.part for photo in listing.photos)
        why = "the data itself has them so" if given else f"delete {listing.split_file} to split them whole"
        lines.append(f"{many} in train and in other parts, such as {torn[0]!r}: held-out accuracy flatters; {why}")
    return lines


def _collected(photos: Iterable[Photo]) -> dict[str, str]:
    """The session of each photo, by name, that `collect` took: its run, joined with the live runs that began shortly before.

    A run on a video is a session by itself: when it was made says nothing of when the video was.
    """
    matches = {photo.name: COLLECTED.search(PurePosixPath(photo.name).stem) for photo in photos}
    found = {name: (match[1], match[2]) for name, match in matches.items() if match}
    first: dict[tuple[str, str], str] = {}
    start, before = "", -np.inf
    for stamp, kind in sorted(set(found.values())):
        seconds = _seconds(stamp)
        if kind or seconds is None:
            first[stamp, kind] = stamp + kind
            continue
        start = start if seconds - before <= NEXT_RUN else stamp
        first[stamp, kind], before = start, seconds
    return {name: f"collected {first[run]}" for name, run in found.items()}


def _seconds(stamp: str) -> float | None:
    """The time that a run began, by its name; None where the figures are no time."""
    try:
        return datetime.strptime(stamp, "%Y%m%d-%H%M%S").timestamp()
    except ValueError:
        return None


def _bursts(photos: Iterable[Photo]) -> dict[str, str]:
    """The session of each photo, by name, whose time is known: a camera's photos without a long pause between them."""
    cameras: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        if photo.capture:
            cameras[photo.capture.camera].append(photo)
    session = {}
    for camera, taken in cameras.items():
        rate = Counter(int(photo.capture.seconds) for photo in taken if photo.capture)
        times = [(photo.capture.seconds, photo.name) for photo in taken if photo.capture and rate[int(photo.capture.seconds)] <= BURST]
        start = before = -np.inf
        for seconds, name in sorted(times):
            start = start if seconds - before <= PAUSE else seconds
            session[name] = f"{datetime.fromtimestamp(start, timezone.utc):%Y-%m-%d %H:%M:%S} {camera}".strip()
            before = seconds
    return session


def _films(photos: Iterable[Photo], thumbnails: Mapping[str, np.ndarray]) -> dict[str, str]:
    """The session of each photo, by name, that is a frame of a film.

    Pictures whose names differ in their number alone are a series. It is a film as long as each is much more like the one before than like
    any other (the ratio of von Neumann 1941, here of picture to picture).
    """
    series: dict[tuple[str, ...], list[Photo]] = defaultdict(list)
    for photo in photos:
        path = PurePosixPath(photo.name)
        if (found := _NUMBER.search(path.stem)) and thumbnails[photo.hash].any():
            series[str(path.parent), path.stem[: found.start()], path.stem[found.end() :]].append(photo)
    session: dict[str, str] = {}
    for members in series.values():
        if len(members) < FILM:
            continue
        ordered = in_order(members)
        pictures = np.stack([thumbnails[photo.hash] for photo in ordered]).reshape(len(ordered), -1).astype(np.float32)
        one, other = np.random.default_rng(0).integers(0, len(ordered), (2, _SAMPLES))
        usual = _differences(pictures[one[one != other]], pictures[other[one != other]])
        near = _differences(pictures[1:], pictures[:-1]) < STEADY * usual.mean()
        chance = max(1 / _SAMPLES, float((usual < STEADY * usual.mean()).mean()))  # that two pictures are as near in no order
        for run in np.split(np.arange(len(ordered)), np.flatnonzero(~near) + 1):
            if len(run) >= FILM and len(ordered) * chance ** (len(run) - 1) < UNLIKELY:
                session |= {ordered[place].name: f"{_FILM}{ordered[run[0]].name}" for place in run}
    return session


def _differences(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean square differences (N,) of pictures (N, P)."""
    return ((one - other) ** 2).mean(1)


def _kept(photos: Sequence[Photo], session: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """The names of frozen sessions: of the photos that bear them, and of later ones of the same session, each by the frozen one before it."""
    members: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        members[session.get(photo.name, "")].append(photo)
    members.pop("", None)
    names = {photo.name: known[photo.hash] for photo in photos if photo.hash in known}
    for ordered in map(in_order, members.values()):
        name = next((names[photo.name] for photo in ordered if photo.name in names), "")
        for photo in ordered if name else ():
            name = names.setdefault(photo.name, name)
    return names
