"""White balance: gains (red, green, blue) from a picture, a patch or a camera, green being 1; applying them is a step of its own."""

from typing import Sequence

import numpy as np

from cvapp.errors import CvappError
from cvapp.isp.shapes import colours, linear, plane

DARK, BRIGHT = 0.005, 0.98  # noise and the sensor's limit begin about there
LEAST_SHARE = 0.001  # of the pixels must be usable
LIMIT = 8.0  # sensors under real light want up to about 4; beyond that the picture is of one colour, not the light


def usable(rgb: np.ndarray) -> np.ndarray:
    """The pixels that tell of the light: (N, 3) of a linear picture, those left out where any channel is saturated or all are black.

    A saturated channel no longer grows with light and would pull the estimate to grey (Ebner 2007, "Color Constancy").
    """
    pixels = linear(rgb).reshape(-1, 3)
    peak = pixels.max(1)
    return pixels[(peak > DARK) & (peak < BRIGHT)]


def grey_world(rgb: np.ndarray) -> np.ndarray:
    """Gains float32 (3,) that make the channels' means alike: mean(G) / mean(channel) (Buchsbaum 1980).

    Linear picture (H, W, 3). Gains are all 1 where hardly a pixel is usable, and kept to 1/8..8.
    """
    pixels = usable(rgb)
    return settled(pixels.mean(0, dtype=np.float64)) if _enough(pixels, rgb) else np.ones(3, np.float32)


def white_world(rgb: np.ndarray, percentile: float = 99.0) -> np.ndarray:
    """Gains float32 (3,) that make the channels' maxima alike: max(G) / max(channel) (Land and McCann 1971, "white patch").

    The maximum is a percentile of the usable pixels, against hot pixels. Linear picture (H, W, 3); limits as for `grey_world`.
    """
    check_percentile(percentile)
    pixels = usable(rgb)
    return settled(np.percentile(pixels, percentile, axis=0)) if _enough(pixels, rgb) else np.ones(3, np.float32)


def check_percentile(percentile: float) -> None:
    """Refuse a percentile that is no maximum."""
    if not 50 <= percentile <= 100:
        raise CvappError(f"percentile {percentile:g}: give 50 to 100; 100 is the maximum itself")


def _enough(pixels: np.ndarray, rgb: np.ndarray) -> bool:
    return len(pixels) >= max(1, LEAST_SHARE * rgb.shape[0] * rgb.shape[1])


def settled(light: np.ndarray) -> np.ndarray:
    """Gains float32 (3,) from an estimate of the light (3,): green over each channel, kept to 1/8..8."""
    light = np.maximum(light, 1e-9)
    return np.clip(light[1] / light, 1 / LIMIT, LIMIT).astype(np.float32)


def patch(rgb: np.ndarray, box: Sequence[int]) -> np.ndarray:
    """Gains float32 (3,) from a neutral patch: mean(G) / mean(channel) within a box (left, top, right, bottom) in pixels.

    Raises:
        CvappError: the box lies outside, or the patch is black or saturated.
    """
    picture = linear(rgb)
    left, top, right, bottom = (int(value) for value in box)
    height, width = picture.shape[:2]
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise CvappError(f"patch {list(box)}: give left, top, right, bottom within {width}x{height} pixels")
    part = picture[top:bottom, left:right]
    pixels = usable(part)
    if len(pixels) < part.shape[0] * part.shape[1] / 2 or pixels.mean(0).min() <= 0:
        raise CvappError(f"patch {list(box)}: it is too dark or saturated to measure; choose a grey one")
    return settled(pixels.mean(0, dtype=np.float64))


def camera(multipliers: Sequence[float]) -> np.ndarray:
    """Gains float32 (3,) from a camera's own multipliers for red, green, blue (a fourth, of the second green, is not used)."""
    values = np.asarray(multipliers[:3], np.float64)
    if values.shape != (3,) or not np.isfinite(values).all() or values.min() <= 0:
        raise CvappError(
            f"camera multipliers {np.ravel(multipliers).tolist()}: three numbers above 0 are expected; choose grey-world instead"
        )
    return (values / values[1]).astype(np.float32)


def apply(picture: np.ndarray, gains: Sequence[float] | np.ndarray, pattern: str | None = None) -> np.ndarray:
    """Multiply each channel by its gain: linear (H, W, 3), or a mosaic (H, W) with its pattern -> float32 of the same shape, which may pass 1."""
    factors = np.asarray(gains, np.float32)
    if factors.shape != (3,) or not np.isfinite(factors).all() or factors.min() <= 0:
        raise CvappError(f"gains {np.ravel(gains).tolist()}: give three numbers above 0")
    if pattern is None:
        return linear(picture) * factors
    raw = plane(picture)
    return raw * factors[colours(raw.shape, pattern)]


def keep_white(gains: np.ndarray) -> np.ndarray:
    """The same balance with no gain below 1: where every channel is saturated, all stay at 1 or above and clip to white, not to a colour."""
    return np.asarray(gains, np.float32) / np.min(gains)


def angular_error(light: Sequence[float] | np.ndarray, other: Sequence[float] | np.ndarray) -> float:
    """The angle between two colours of light in degrees, whatever their brightness: arccos(a.b / |a||b|) (Hordley and Finlayson 2006).

    Light is the inverse of gains: compare `1 / gains` with `1 / gains`.
    """
    first, second = (np.asarray(vector, np.float64).reshape(-1) for vector in (light, other))
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    if first.shape != (3,) or second.shape != (3,) or not lengths > 0:
        raise CvappError(f"angular error of {light} and {other}: give two colours of three numbers, not black")
    return float(np.degrees(np.arccos(np.clip(first @ second / lengths, -1, 1))))
