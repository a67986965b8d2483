"""Noise out of a picture by its neighbourhood: mean, median, and bilateral, the best of those measured."""

import cv2
import numpy as np

from cvapp.errors import CvappError

SPREAD = 1.5  # pixels
EDGE = 4.0  # times the noise: differences above are an edge


def mean(picture: np.ndarray, size: int = 3) -> np.ndarray:
    """The mean of a square neighbourhood; averages noise away and blurs edges. uint8 or float (H, W, 3) or (H, W) -> the same kind."""
    return cv2.blur(_taken(picture, size), (size, size), borderType=cv2.BORDER_REFLECT_101)


def median(picture: np.ndarray, size: int = 3) -> np.ndarray:
    """The median of a square neighbourhood, channel by channel (Tukey 1971); removes hot pixels and keeps edges. Float takes sizes 3 and 5."""
    taken = _taken(picture, size)
    if taken.dtype != np.uint8 and size > 5:
        raise CvappError(f"size {size}: the median of float pictures takes 3 or 5")
    return cv2.medianBlur(taken, size)


def bilateral(picture: np.ndarray, noise: float) -> np.ndarray:
    """The mean of neighbours that are alike: weight exp(-d^2 / 2 s^2) exp(-|difference|^2 / 2 t^2) (Tomasi and Manduchi 1998).

    Args:
        picture: uint8 or float (H, W, 3) or (H, W), noise of one size everywhere: after the sRGB curve rather than before.
        noise: its standard deviation, in the picture's own unit (0..255, or 0..1); t is 4 times that, s 1.5 pixels.
    """
    if not noise > 0:
        raise CvappError(f"noise {noise}: give its standard deviation in the picture's unit, above 0")
    return cv2.bilateralFilter(_taken(picture, 3), 0, EDGE * noise, SPREAD, borderType=cv2.BORDER_REFLECT_101)


def _taken(picture: np.ndarray, size: int) -> np.ndarray:
    if size not in range(3, 32, 2):
        raise CvappError(f"size {size}: give an odd number of pixels, 3 to 31")
    floats = np.issubdtype(picture.dtype, np.floating)
    if not (floats or picture.dtype == np.uint8) or picture.ndim not in (2, 3) or picture.shape[2:] not in ((), (3,)) or not picture.size:
        raise CvappError(f"a picture is uint8 or float, (height, width, 3) or (height, width); this is {picture.dtype} {picture.shape}")
    return np.ascontiguousarray(picture, np.float32 if floats else np.uint8)
