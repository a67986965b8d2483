"""Scenes of several signs, near and far, some before others, with the truth about each: for detectors."""

from functools import lru_cache
from typing import NamedTuple, Sequence

import cv2
import numpy as np

from cvapp.signs import icons, scenes, things
from cvapp.signs.photos import SIGN_SIDE, blank_sheet, rng_for
from cvapp.signs.pictograms import PLATES, SIGNS, draw

SMALLEST, LARGEST = 32.0, 0.625  # a thing's side: in pixels, and over the scene's shorter side
OTHERS = 3  # at most as many things in a scene that are no signs
WHOLE, BEHIND_BAR = 0.85, 0.2  # of the things: those that stand inside the frame, those with a finger or a twig before them
TRIES = 20
BLUR = 0.25  # of a photo's: a sign of 32 pixels has little to lose

Rng = np.random.Generator


class Sign(NamedTuple):
    """A sign in a scene.

    Args:
        label: which sign.
        corners: of the square that the sign is drawn in, (x, y) in pixels clockwise from its own top left; the scene's left edge is x = 0,
            its right edge x = width. Some may lie outside the scene.
        hidden: how much of its plate is not seen, 0..1: behind other things, or outside the scene.
    """

    label: str
    corners: tuple[tuple[float, float], ...]
    hidden: float


class Layer(NamedTuple):
    """A flat thing to be laid on a scene: RGBA (side, side, 4), its corners (4, 2) in pixels from the scene's edges, its label if a sign's."""

    picture: np.ndarray
    corners: np.ndarray
    label: str | None = None


def scene(seed: int, index: int, size: scenes.Size = (480, 640), most: int = 6) -> tuple[np.ndarray, tuple[Sign, ...]]:
    """Scene number `index` of up to `most` signs, or of none: uint8 RGB (H, W, 3), and its signs, the farthest first."""
    rng = rng_for(seed, index)
    rgb = _behind(rng, size)
    signs = lay(rng, rgb, arrange(rng, size, most))
    return scenes.through_camera(rng, rgb, rng.random(), BLUR), signs


def outline(label: str, corners: Sequence[Sequence[float]]) -> np.ndarray:
    """The edge of a sign's plate where its square has these corners: float32 (N, 2)."""
    square = np.float32([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    matrix = cv2.getPerspectiveTransform(square, np.float32(corners))
    return cv2.perspectiveTransform(np.float32([PLATES[SIGNS[label].plate]]), matrix)[0]


def _behind(rng: Rng, size: scenes.Size) -> np.ndarray:
    """What all stands before; other things than signs are drawn at half the size, which is four times as fast and a little soft."""
    if rng.random() < 0.5:
        return scenes.background(rng, size)
    half = things.scene(rng, ((size[0] + 1) // 2, (size[1] + 1) // 2))
    return cv2.resize(half, size[::-1], interpolation=cv2.INTER_LINEAR)


def arrange(rng: Rng, size: scenes.Size, most: int) -> list[Layer]:
    """Signs and other things of any size and pose, the farthest first; those that find no place are left out."""
    wanted: list[str | None] = [str(label) for label in rng.choice(list(SIGNS), int(rng.integers(0, most + 1)))]
    wanted += [None] * int(rng.integers(0, OTHERS + 1))
    largest = max(SMALLEST, LARGEST * min(size))
    sides = np.exp(rng.uniform(np.log(SMALLEST), np.log(largest), len(wanted)))
    layers: list[Layer] = []
    for place in np.argsort(-sides, kind="stable"):  # the large ones first, while there is room
        corners = _find_place(rng, size, sides[place], [layer.corners for layer in layers])
        if corners is not None:
            label = wanted[place]
            layers.append(Layer(_other(rng) if label is None else _sign(label), corners, label))
    return layers[::-1]


@lru_cache(maxsize=len(SIGNS))
def _sign(label: str) -> np.ndarray:
    return draw(SIGNS[label], SIGN_SIDE)


def _other(rng: Rng) -> np.ndarray:
    """A made-up sign, an empty sheet, or a piece of some thing: uint8 RGBA."""
    kind = rng.integers(0, 3)
    if kind == 0:
        return icons.icon(int(rng.integers(0, icons.COUNT)))
    return blank_sheet(rng) if kind == 1 else things.cut_out(rng, 96)


def _find_place(rng: Rng, size: scenes.Size, side: float, nearer: Sequence[np.ndarray]) -> np.ndarray | None:
    """Corners (4, 2) of a thing where what is nearer hides little of it, now and then much; None where there is no room."""
    corners = scenes.project((0, 0), side, scenes.random_turns(rng), rng.uniform(1.8, 4))
    low, high = (-corners.min(0), size[::-1] - corners.max(0)) if rng.random() < WHOLE else (np.zeros(2), np.array(size[::-1]))
    allowed = rng.random() ** 3 * cv2.contourArea(corners)
    for _ in range(TRIES):
        moved = np.asarray(corners + rng.uniform(low, high), np.float32)
        if sum(cv2.intersectConvexConvex(moved, other)[0] for other in nearer) <= allowed:
            return moved
    return None


def lay(rng: Rng, rgb: np.ndarray, layers: Sequence[Layer]) -> tuple[Sign, ...]:
    """Lay things on a scene one after the other, in place; what is seen of the signs among them in the end."""
    owner, areas = (
        np.zeros(rgb.shape[:2], np.uint8),
        [1],
    )  # which layer each pixel shows (0: none), how many pixels each has when nothing hides it
    for number, layer in enumerate(layers, 1):
        areas.append(_lay_one(rgb, owner, layer, number))
        if rng.random() < BEHIND_BAR:
            bar = scenes.random_bar(rng, layer.corners)
            cv2.line(rgb, *bar, cv2.LINE_AA)
            cv2.line(owner, bar.start, bar.end, 0, bar.width)
    hidden = 1 - np.bincount(owner.ravel(), minlength=len(areas)) / areas
    return tuple(
        Sign(layer.label, tuple((float(x), float(y)) for x, y in layer.corners), float(hidden[number]))
        for number, layer in enumerate(layers, 1)
        if layer.label
    )


def _lay_one(rgb: np.ndarray, owner: np.ndarray, layer: Layer, number: int) -> int:
    """Lay a thing on a scene and note its pixels as its own, in place; how many it would have in a frame without end."""
    low = np.floor(layer.corners.min(0)).astype(int) - 1
    width, height = (np.ceil(layer.corners.max(0)).astype(int) + 1 - low).tolist()
    patch = scenes.warp(layer.picture, layer.corners - 0.5 - low, (height, width))  # warped by itself: most things are small
    first, last = np.maximum(low, 0), np.minimum(low + (width, height), rgb.shape[1::-1])
    here = slice(first[1], last[1]), slice(first[0], last[0])
    there = slice(first[1] - low[1], last[1] - low[1]), slice(first[0] - low[0], last[0] - low[0])
    rgb[here] = scenes.blend(rgb[here], patch[there])
    covered = patch[..., 3] > 127
    owner[here][covered[there]] = number
    return max(1, int(covered.sum()))
