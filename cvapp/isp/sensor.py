"""What lies between a sensor's numbers and linear light: black and white level, and the fall of light towards the corners."""

from typing import Sequence

import numpy as np

from cvapp.errors import CvappError

Level = float | Sequence[float] | np.ndarray


def levels(raw: np.ndarray, black: Level, white: Level) -> np.ndarray:
    """Make a sensor's numbers linear: v = min((raw - black) / (white - black), 1), float32 (H, W).

    Values below black stay negative: noise about black must keep its mean, or shadows turn bright and coloured. What the sensor could not count
    any more is 1 (DNG 1.6, chapter 5, "Mapping Raw Values to Linear Reference Values").

    Args:
        raw: whole numbers or floats (H, W).
        black: the value without light; one number, or four for the 2x2 places of the colour filter array, row by row.
        white: the value where the sensor saturates, likewise.
    """
    if raw.ndim != 2 or not raw.size:
        raise CvappError(f"a sensor's numbers are (height, width); this is {raw.dtype} {raw.shape}")
    low, high = _by_place(black, "black", raw.shape), _by_place(white, "white", raw.shape)
    if not np.all(low < high):
        raise CvappError(f"black {black} and white {white}: white must be above black")
    return np.minimum((raw.astype(np.float32) - low) / (high - low), 1)


def _by_place(level: Level, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A level as an array that goes with (H, W): (1, 1), or (H, W) from four values."""
    values = np.asarray(level, np.float32).reshape(-1)
    if values.size not in (1, 4) or not np.isfinite(values).all():
        raise CvappError(f"{name} {level}: give one number, or four for the 2x2 places of the pattern")
    if values.size == 1:
        return values.reshape(1, 1)
    height, width = shape
    return np.tile(values.reshape(2, 2), (height // 2 + 1, width // 2 + 1))[:height, :width]


def radius(size: tuple[int, int]) -> np.ndarray:
    """Distance of each pixel from the middle: float32 (H, W), 1 at the corners, that is in half-diagonals."""
    height, width = size
    if min(size) < 1 or max(size) < 2:
        raise CvappError(f"size {size}: give (height, width) in pixels")
    down, across = np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    return (np.hypot(down[:, None], across) / np.hypot(height - 1, width - 1) * 2).astype(np.float32)


def natural_gain(size: tuple[int, int], focal: float) -> np.ndarray:
    """The gain that undoes natural vignetting: float32 (H, W), 1 in the middle.

    Light falls with cos^4 of its angle to the axis (Kingslake, Optics in Photography, 1992); at distance r and focal length f,
    tan = r / f, so the gain is 1 / cos^4 = (1 + (r / f)^2)^2.

    Args:
        size: (height, width) in pixels.
        focal: focal length in half-diagonals of the sensor: 50 mm on 24x36 mm is 2.31.
    """
    if not focal > 0:
        raise CvappError(f"focal {focal}: give the focal length in half-diagonals of the sensor, above 0")
    return (1 + (radius(size) / np.float32(focal)) ** 2) ** 2


def radial_gain(size: tuple[int, int], coefficients: Sequence[float]) -> np.ndarray:
    """The gain of a measured lens: float32 (H, W), g = 1 + k0 r^2 + k1 r^4 + k2 r^6 ... (DNG 1.6, opcode FixVignetteRadial), r in half-diagonals."""
    square = radius(size) ** 2
    gain = 1 + sum((np.float32(value) * square**power for power, value in enumerate(coefficients, 1)), np.zeros_like(square))
    if not gain.min() > 0:
        raise CvappError(f"coefficients {list(coefficients)}: the gain falls to {gain.min():.3g}; it must stay above 0 up to the corners")
    return gain


def correct_vignetting(picture: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Multiply a linear picture (H, W, 3) or mosaic (H, W) by a gain (H, W); float32, and may pass 1."""
    return picture * _fitting(picture, gain)


def add_vignetting(picture: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """The inverse: divide a linear picture (H, W, 3) or mosaic (H, W) by a gain (H, W)."""
    return picture / _fitting(picture, gain)


def _fitting(picture: np.ndarray, gain: np.ndarray) -> np.ndarray:
    if picture.shape[:2] != gain.shape or not np.issubdtype(picture.dtype, np.floating):
        raise CvappError(
            f"a float picture and its gain are alike in height and width; these are {picture.dtype} {picture.shape} and {gain.shape}"
        )
    return gain if picture.ndim == 2 else gain[..., None]
