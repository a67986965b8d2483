"""Pictures varied for training: all geometry in one warp, all light in one look-up table; blur, noise, cutout and another camera where asked for."""

import functools
import math
from dataclasses import dataclass
from typing import Sequence

import cv2
import numpy as np

from cvapp import isp
from cvapp.recipe import Augment

NOISE_STARTS = 65_536
GREY = 127  # what cutout lays on the picture: DeVries and Taylor's 0 after normalisation


@dataclass(frozen=True)
class Change:
    """What is done to one picture; as made, nothing.

    Args:
        mirror: left and right swapped.
        kept: share of each side that stays, the rest is cut away.
        place: of what stays, across and down, -1 (left, top) to 1 (right, bottom).
        zoom: enlargement about the middle.
        angle: turn about the middle, in degrees, clockwise as the picture is seen.
        stretch: width to height, the area kept.
        brightness: added, as a share of the full range.
        contrast: factor of the distance from the picture's mean.
        colour: factor of each channel.
        blur: standard deviation in pixels.
        noise: standard deviation as a share of the full range.
        noise_start: where in the field of noise.
        cutout: side of a grey square, as a share of the picture's shorter side.
        cutout_place: its middle, across and down, -1 to 1; a part may fall outside.
    """

    mirror: bool = False
    kept: float = 1.0
    place: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    angle: float = 0.0
    stretch: float = 1.0
    brightness: float = 0.0
    contrast: float = 1.0
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur: float = 0.0
    noise: float = 0.0
    noise_start: int = 0
    cutout: float = 0.0
    cutout_place: tuple[float, float] = (0.0, 0.0)


def augment(pictures: np.ndarray, indices: Sequence[int] | np.ndarray, epoch: int, seed: int, settings: Augment) -> np.ndarray:
    """Vary pictures: uint8 RGB (B, H, W, 3) -> the same shape, a new array unless nothing is on.

    What happens to a picture depends on (seed, epoch, its index in the data set) alone: not on the batch, the order or the thread.
    MixUp and CutMix need the labels too and are not done here.
    """
    if settings.off:
        return pictures
    varied = np.empty_like(pictures)
    for out, picture, index in zip(varied, pictures, indices, strict=True):
        out[...] = apply(picture, draw(int(index), epoch, seed, settings))
        if settings.retake:
            out[...] = _retaken(out, _generator(int(index), epoch, seed, 1), settings.retake)
    return varied


def _generator(index: int, epoch: int, seed: int, use: int) -> np.random.Generator:
    """Philox (Salmon et al. 2011) answers any place of its stream at once: the key is (seed, epoch), the place is the index and the use."""
    return np.random.Generator(np.random.Philox(key=(seed, epoch), counter=(0, index, use, 0)))


def _retaken(picture: np.ndarray, generator: np.random.Generator, share: float) -> np.ndarray:
    """The picture, or, in a share of cases, as another camera would have taken it."""
    return isp.retake(picture, isp.draw(generator), generator) if generator.uniform() < share else picture


def draw(index: int, epoch: int, seed: int, settings: Augment) -> Change:
    """Draw what is done to picture `index` in an epoch."""
    generator = _generator(index, epoch, seed, 0)
    # every number is drawn whatever is on, so that one setting never moves the others
    half, across, down, crop, zoom, angle, stretch, *others = generator.uniform(-1, 1, 16).tolist()
    brightness, contrast, red, green, blue, blur, noise, cut_across, cut_down = others
    return Change(
        mirror=bool(settings.mirror) and half < 0,
        kept=1 - settings.crop * abs(crop),
        place=(across, down),
        zoom=(1 + settings.zoom) ** zoom,
        angle=settings.rotation * angle,
        stretch=(1 + settings.stretch) ** stretch,
        brightness=settings.brightness * brightness,
        contrast=(1 + settings.contrast) ** contrast,
        colour=(1 + settings.colour * red, 1 + settings.colour * green, 1 + settings.colour * blue),
        blur=settings.blur * abs(blur),
        noise=settings.noise * abs(noise),
        noise_start=int(generator.integers(NOISE_STARTS)),
        cutout=settings.cutout,
        cutout_place=(cut_across, cut_down),
    )


def apply(picture: np.ndarray, change: Change) -> np.ndarray:
    """Do a change: uint8 RGB (H, W, 3) -> the same shape; the picture itself where there is nothing to do."""
    height, width = picture.shape[:2]
    matrix = warp(change, (height, width))
    if not np.array_equal(matrix, np.eye(2, 3)):
        # reflected rather than black beyond the border: a model must not learn that turned pictures have black corners
        picture = cv2.warpAffine(picture, matrix, (width, height), None, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REFLECT_101)
    if (change.brightness, change.contrast, change.colour) != (0.0, 1.0, (1.0, 1.0, 1.0)):
        picture = cv2.LUT(picture, light(change, cv2.mean(picture)[:3])[:, None])
    if change.blur:
        picture = cv2.GaussianBlur(picture, (0, 0), change.blur)
    if change.noise:
        noise = _noise_field(picture.size)[change.noise_start :][: picture.size].reshape(picture.shape)
        picture = cv2.addWeighted(picture, 1, noise, 255 * change.noise, 0, dtype=cv2.CV_8U)
    return _cut_out(picture, change) if change.cutout else picture


def warp(change: Change, size: tuple[int, int]) -> np.ndarray:
    """The matrix (2, 3) that says for each pixel (x, y) of the varied picture where in the picture it comes from.

    Seen from the picture: the part that stays is enlarged to the whole, stretched, zoomed, turned and mirrored, all about the middle.
    """
    middle = np.array([size[1] - 1, size[0] - 1]) / 2
    angle, root = math.radians(change.angle), math.sqrt(change.stretch)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    scale = change.kept / change.zoom / np.array([root, 1 / root])
    matrix = scale[:, None] * turn * ((-1, 1) if change.mirror else (1, 1))
    place = (1 - change.kept) / 2 * np.array([size[1], size[0]]) * change.place
    return np.hstack([matrix, (middle + place - matrix @ middle)[:, None]])


def light(change: Change, means: Sequence[float]) -> np.ndarray:
    """The look-up table uint8 (256, 3) of colour, contrast and brightness, for a picture whose channels have these means."""
    mean = np.dot(means, change.colour) / 3
    values = np.arange(256)[:, None] * change.colour
    return np.clip(np.rint((values - mean) * change.contrast + mean + 255 * change.brightness), 0, 255).astype(np.uint8)


@functools.lru_cache(1)
def _noise_field(count: int) -> np.ndarray:
    """Normal noise, drawn once: a picture's own starts somewhere in it."""
    return np.random.default_rng(0).standard_normal(count + NOISE_STARTS, np.float32)


def _cut_out(picture: np.ndarray, change: Change) -> np.ndarray:
    picture = picture.copy()
    side = round(change.cutout * min(picture.shape[:2]))
    left, top = (round((1 + place) / 2 * length - side / 2) for place, length in zip(change.cutout_place, picture.shape[1::-1]))
    picture[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = GREY
    return picture
