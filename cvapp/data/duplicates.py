"""Which photos show the same picture: found by a perceptual hash of a thumbnail, proven by laying one thumbnail on the other.

Found are copies saved again at low quality, resized, cropped by a few percent, mirrored, turned grey or made a little brighter. Another thing
before the same wall is another picture. Pictures smaller than 64 pixels on a side, and plain ones, say too little: they are never near copies.
"""

from collections import defaultdict
from typing import Iterable, Iterator, Mapping, Protocol, TypeVar

import cv2
import numpy as np

from cvapp.data.store import Store

THUMBNAIL = 1  # raise it when `thumbnail` changes what it answers
SIDE, LEAST_SIDE = 32, 64
PLAIN = 2.0  # standard deviation of a thumbnail, of 255, below which it shows next to nothing
NEAR = 16  # bits of 64 in which the hashes of copies may differ: 97 of 100 copies cropped by 5% differ in no more
SMOOTH = 0.7  # of a thumbnail, in its pixels, so that its slopes mean something
TILES, LEFT = 4, 0.1  # of 4 x 4 tiles none may keep more than a tenth of the picture's variance
HOPELESS = 0.4  # share of the variance that the first step leaves of no copy, so that the second is spared
GAIN = 1.5  # contrast may grow or shrink by this factor
_ROWS, _PAIRS = 128, 1000  # compared at once; cv2.remap takes less than 32,768 rows
_Y, _X = np.mgrid[:SIDE, :SIDE].astype(np.float32)
_DOWN, _ACROSS = _Y / (SIDE - 1) * 2 - 1, _X / (SIDE - 1) * 2 - 1
# the eight lowest rows of the orthonormal cosine transform (DCT-II)
_COSINES = np.sqrt(2 / SIDE) * np.cos(np.pi / SIDE * np.arange(8)[:, None] * (np.arange(SIDE) + 0.5)) / np.sqrt([[2]] + 7 * [[1]])


class Hashed(Protocol):
    """A photo of any kind."""

    @property
    def hash(self) -> str:
        """Its content's."""


AnyPhoto = TypeVar("AnyPhoto", bound=Hashed)


def thumbnail(rgb: np.ndarray) -> np.ndarray:
    """The whole of a picture, uint8 RGB (H, W, 3), as grey uint8 (32, 32), whatever its shape; all 0 for a small picture."""
    if min(rgb.shape[:2]) < LEAST_SIDE:
        return np.zeros((SIDE, SIDE), np.uint8)
    return cv2.cvtColor(cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)


def store() -> Store:
    """Where thumbnails are kept, whatever size a model takes."""
    return Store("thumbnails", [THUMBNAIL], (SIDE, SIDE), "uint8")


def perceptual_hash(thumbnails: np.ndarray) -> np.ndarray:
    """Thumbnails (N, 32, 32) -> uint64 (N,): which of the 8 x 8 lowest frequencies are stronger than their median.

    The DCT hash of C. Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010, section 3.2.1.
    """
    low = (_COSINES @ thumbnails.astype(np.float32) @ _COSINES.T).reshape(-1, 64)
    bits = low > np.median(low[:, 1:], axis=1, keepdims=True)  # the first is the mean brightness
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


def near_copies(thumbnails: Mapping[str, np.ndarray]) -> list[tuple[str, str]]:
    """Pairs of content hashes whose thumbnails, uint8 (32, 32), show the same picture, perhaps mirrored."""
    names = sorted(name for name, picture in thumbnails.items() if picture.std() >= PLAIN)
    if not names:
        return []
    pictures = np.stack([thumbnails[name] for name in names])
    smooth = np.stack([cv2.GaussianBlur(picture.astype(np.float32), (0, 0), SMOOTH) for picture in pictures])
    hashes = perceptual_hash(pictures)
    found = set()
    for turned in (slice(None), slice(None, None, -1)):
        for first, second in _candidates(hashes, perceptual_hash(pictures[..., turned])):
            one, other = smooth[first], smooth[second][..., turned]
            same = _shows(one, other)
            same[~same] = _shows(other[~same], one[~same])
            found |= {(names[low], names[high]) for low, high in zip(first[same], second[same])}
    return sorted(found)


def groups(names: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Put together what pairs connect: each name with the smallest name of its group (union-find; Tarjan 1975)."""
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for pair in pairs:
        low, high = sorted(map(root, pair))
        parent[high] = low
    return {name: root(name) for name in parent}


def together(photos: Iterable[AnyPhoto], group_of: Mapping[str, str]) -> list[list[AnyPhoto]]:
    """Photos whose content hashes are of one group, where there are several."""
    members: dict[str, list[AnyPhoto]] = defaultdict(list)
    for photo in photos:
        members[group_of[photo.hash]].append(photo)
    return [group for group in members.values() if len(group) > 1]


def _candidates(hashes: np.ndarray, others: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Places of pairs whose hashes differ in few bits, the first before the second, up to a thousand at once."""
    for start in range(0, len(hashes), _ROWS):
        distance = np.bitwise_count(hashes[start : start + _ROWS, None] ^ others[None, start:])
        first, second = np.nonzero(distance <= NEAR)
        first, second = (places[first < second] + start for places in (first, second))
        for part in range(0, len(first), _PAIRS):
            yield first[part : part + _PAIRS], second[part : part + _PAIRS]


def _shows(moving: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Whether `moving` thumbnails (N, 32, 32), with another contrast and moved a little where need be, are the `fixed` ones: bool (N,).

    The motion takes two steps of Gauss and Newton towards the largest normalised correlation (Lucas and Kanade 1981; Evangelidis and
    Psarakis 2008).
    """
    centred, aim = (pictures - pictures.mean((1, 2), keepdims=True) for pictures in (moving, fixed))
    gain = (centred * aim).sum((1, 2)) / (centred * centred).sum((1, 2))
    answer = _alike(aim - gain[:, None, None] * centred, fixed, gain)
    rest = np.flatnonzero(~answer)
    weights, left = _fit(moving[rest], fixed[rest])
    hopeful = left.var((1, 2)) <= HOPELESS * fixed[rest].var((1, 2))
    rest = rest[hopeful]
    if len(rest):
        weights, left = _fit(_moved(moving[rest], weights[hopeful]), fixed[rest])
        answer[rest] = _alike(left, fixed[rest], weights[:, 0])
    return answer


def _alike(left: np.ndarray, fixed: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Whether little enough is left (N, 32, 32) in every tile: a copy is alike everywhere, another thing before the same wall is not."""
    side = SIDE // TILES
    worst = (left * left).reshape(-1, TILES, side, TILES, side).mean((2, 4)).max((1, 2), initial=0)
    return (worst <= LEFT * fixed.var((1, 2))) & (gain > 1 / GAIN) & (gain < GAIN)


def _fit(moving: np.ndarray, fixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least squares of the fixed thumbnails on the moving ones: weights (N, 8) and what is left (N, 32, 32).

    The weights are of the picture itself, of a constant, and of its slope across and down, each times (1, x, y): an affine motion.
    """
    down, across = np.gradient(moving, axis=(1, 2))
    centred, aim = (values - values.mean((1, 2), keepdims=True) for values in (moving, fixed))
    motion = [slope * place for slope in (across, down) for place in (np.float32(1), _ACROSS, _DOWN)]
    parts = np.stack([centred, np.ones_like(moving), *motion], 1).reshape(-1, 8, SIDE * SIDE)
    gram = parts @ parts.swapaxes(1, 2) + 1e-3 * np.eye(8, dtype=np.float32)  # else one slope alone could not be solved for
    weights = np.linalg.solve(gram, parts @ aim.reshape(-1, SIDE * SIDE, 1))
    return weights[..., 0], aim - (weights.swapaxes(1, 2) @ parts).reshape(aim.shape)


def _moved(pictures: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Thumbnails (N, 32, 32) moved as weights (N, 8) of `_fit` say, each edge drawn out."""
    gain = weights[:, :1]
    motion = (weights[:, 2:] / np.where(np.abs(gain) < 0.05, 0.05, gain))[..., None, None]
    across, down = (part[:, 0] + part[:, 1] * _ACROSS + part[:, 2] * _DOWN for part in (motion[:, :3], motion[:, 3:]))
    first_rows = SIDE * np.arange(len(pictures), dtype=np.float32)[:, None, None]  # one above the other, so that one call moves all
    map_x = np.clip(_X + across, 0, SIDE - 1).astype(np.float32).reshape(-1, SIDE)
    map_y = (np.clip(_Y + down, 0, SIDE - 1) + first_rows).astype(np.float32).reshape(-1, SIDE)
    return cv2.remap(pictures.reshape(-1, SIDE), map_x, map_y, cv2.INTER_LINEAR).reshape(pictures.shape)
