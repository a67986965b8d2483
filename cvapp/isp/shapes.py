"""What the steps take: linear float32 pictures (H, W, 3), mosaics (H, W), uint8 frames; anything else is refused in one line."""

import numpy as np

from cvapp.errors import CvappError

PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")


def linear(picture: np.ndarray, name: str = "a linear picture") -> np.ndarray:
    """Take a colour picture of any float kind as float32 (H, W, 3).

    Raises:
        CvappError: another shape, or whole numbers, which are not linear 0..1.
    """
    return _floats(picture, picture.ndim == 3 and picture.shape[2] == 3, f"{name} is float (height, width, 3) in 0..1")


def plane(raw: np.ndarray) -> np.ndarray:
    """Take a mosaic of any float kind as float32 (H, W); whole numbers want `levels` first."""
    return _floats(raw, raw.ndim == 2 and min(raw.shape) >= 2, "a mosaic is float (height, width) in 0..1, at least 2x2")


def _floats(array: np.ndarray, fits: bool, wanted: str) -> np.ndarray:
    if not fits or not array.size or not np.issubdtype(array.dtype, np.floating):
        hint = "; levels or srgb_decode makes linear floats of whole numbers" if fits and array.size else ""
        raise CvappError(f"{wanted}; this is {array.dtype} {array.shape}{hint}")
    return np.asarray(array, np.float32)


def frame(picture: np.ndarray) -> np.ndarray:
    """Take a uint8 RGB picture (H, W, 3), and nothing else."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise CvappError(f"a picture is uint8 RGB (height, width, 3); this is {picture.dtype} {picture.shape}")
    return picture


def colours(shape: tuple[int, ...], pattern: str) -> np.ndarray:
    """Which colour each place of a colour filter array sees: int8 (H, W), 0 red, 1 green, 2 blue.

    Args:
        shape: (H, W, ...).
        pattern: the 2x2 places from the top left, row by row: `RGGB`, `BGGR`, `GRBG` or `GBRG` (Bayer, US patent 3,971,065).
    """
    if pattern not in PATTERNS:
        raise CvappError(f"pattern {pattern!r}: choose one of {', '.join(PATTERNS)}")
    tile = np.array(["RGB".index(letter) for letter in pattern], np.int8).reshape(2, 2)
    height, width = shape[:2]
    return np.tile(tile, (height // 2 + 1, width // 2 + 1))[:height, :width]
