"""From a camera's colours to the screen's: colour matrix, exposure, gamma and the sRGB curve, and their inverses."""

from typing import Sequence

import numpy as np

from cvapp.errors import CvappError
from cvapp.isp.shapes import frame, linear

# IEC 61966-2-1: linear sRGB to CIE XYZ
SRGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)  # CIE 15, chromaticities x, y of daylight
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
HIGHLIGHTS = 99.0  # percentile that automatic exposure takes to white
MOST_STOPS = 4.0


def saturate(picture: np.ndarray) -> np.ndarray:
    """Clip at 1, as a sensor does; noise below 0 stays, so that its mean does."""
    return np.minimum(picture, 1)


def srgb_encode(linear_light: np.ndarray) -> np.ndarray:
    """The sRGB curve (IEC 61966-2-1): 12.92 v up to 0.0031308, 1.055 v^(1/2.4) - 0.055 above. Any shape; clipped to 0..1."""
    light = np.clip(np.asarray(linear_light, np.float32), 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055).astype(np.float32)


def srgb_decode(picture: np.ndarray) -> np.ndarray:
    """Its inverse: floats 0..1, or uint8 0..255, to linear light, float32 0..1."""
    picture = np.asarray(picture)
    if picture.dtype == np.uint8:
        return srgb_decode(np.arange(256, dtype=np.float32) / 255)[picture]
    if not np.issubdtype(picture.dtype, np.floating):
        raise CvappError(f"sRGB values are uint8 or float 0..1; these are {picture.dtype}")
    coded = np.clip(picture.astype(np.float32), 0, 1)
    return np.where(coded <= 0.04045, coded / 12.92, np.power((coded + 0.055) / 1.055, 2.4)).astype(np.float32)


def gamma_encode(linear_light: np.ndarray, gamma: float = 2.2) -> np.ndarray:
    """v^(1 / gamma), float32 0..1; above 1 it lifts shadows."""
    return np.power(np.clip(np.asarray(linear_light, np.float32), 0, 1), 1 / _allowed(gamma))


def gamma_decode(picture: np.ndarray, gamma: float = 2.2) -> np.ndarray:
    """Its inverse, v^gamma."""
    return np.power(np.clip(np.asarray(picture, np.float32), 0, 1), _allowed(gamma))


def _allowed(gamma: float) -> np.float32:
    if not 0.1 <= gamma <= 10:
        raise CvappError(f"gamma {gamma:g}: give 0.1 to 10; 2.2 is usual")
    return np.float32(gamma)


def white_xyz(xy: Sequence[float]) -> np.ndarray:
    """A white's XYZ at Y = 1 from its chromaticity: (x / y, 1, (1 - x - y) / y)."""
    x, y = xy
    return np.array([x / y, 1.0, (1 - x - y) / y])


def bradford(source: Sequence[float], target: Sequence[float]) -> np.ndarray:
    """The matrix (3, 3) that takes XYZ seen under one white to another, both x, y (Lam 1985; CIE 160:2004): B^-1 diag(B t / B s) B."""
    ratio = (BRADFORD @ white_xyz(target)) / (BRADFORD @ white_xyz(source))
    return np.linalg.inv(BRADFORD) @ (ratio[:, None] * BRADFORD)


def camera_to_srgb(xyz_to_camera: np.ndarray, white: Sequence[float] = D65) -> np.ndarray:
    """The matrix (3, 3) from white-balanced camera colours to linear sRGB; its rows sum to 1, so grey stays grey.

    A DNG's ColorMatrix C takes XYZ to camera colours (DNG 1.6, chapter 6). White in camera colours is n = C w; white balance divides by n, so
    sRGB = S^-1 A C^-1 diag(n), with S of sRGB to XYZ and A, Bradford, from the matrix's white w to D65.

    Args:
        xyz_to_camera: C, (3, 3).
        white: x, y of the light that C was measured under; D65 for ColorMatrix2 and for what LibRaw holds.
    """
    matrix = np.asarray(xyz_to_camera, np.float64)
    if matrix.shape != (3, 3) or not abs(np.linalg.det(matrix)) > 1e-6:
        raise CvappError(f"a colour matrix is 3x3 and has an inverse; this is {matrix.tolist()}")
    neutral = matrix @ white_xyz(white)
    to_srgb = np.linalg.inv(SRGB_TO_XYZ) @ bradford(white, D65) @ np.linalg.inv(matrix) * neutral
    return to_srgb / to_srgb.sum(1, keepdims=True)  # the standard's matrix is rounded to four digits


def apply_matrix(rgb: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Multiply each pixel by a matrix (3, 3): linear (H, W, 3) -> float32, which may leave 0..1."""
    return linear(rgb) @ np.asarray(matrix, np.float32).T


def expose(rgb: np.ndarray, stops: float) -> np.ndarray:
    """Multiply a linear picture by 2^stops, -16 to 16."""
    if not -16 <= stops <= 16:
        raise CvappError(f"exposure {stops:g}: give -16 to 16 stops; each doubles the light")
    return linear(rgb) * np.float32(2.0**stops)


def automatic_stops(rgb: np.ndarray) -> float:
    """Stops that take the brightest hundredth of a linear picture, by luminance, to white: 0 to 4, since light that was caught is not taken back."""
    high = float(np.percentile(linear(rgb) @ SRGB_TO_XYZ[1].astype(np.float32), HIGHLIGHTS))
    return float(np.clip(-np.log2(high), 0, MOST_STOPS)) if high > 0 else 0.0


def to_uint8(rgb: np.ndarray) -> np.ndarray:
    """Linear (H, W, 3) -> uint8 RGB by the sRGB curve."""
    return np.rint(srgb_encode(linear(rgb)) * 255).astype(np.uint8)


def from_uint8(rgb: np.ndarray) -> np.ndarray:
    """Its inverse: uint8 RGB (H, W, 3) -> linear float32."""
    return srgb_decode(frame(rgb))
