"""From a colour filter array to a colour picture and back. Borders are mirrored about the last pixel, which keeps the array's phase."""

import cv2
import numpy as np

from cvapp.errors import CvappError
from cvapp.isp.shapes import colours, linear, plane

METHODS = ("bilinear", "edge-aware")
CROSS = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 4  # green: 2 of 4 places
SQUARE = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 4  # red, blue: 1 of 4 places
GREEN = np.array([[-1, 2, 2, 2, -1]], np.float32) / 4
SIDES = np.array([[1, 0, 1]], np.float32) / 2
THREE = np.array([[1, 1, 1]], np.float32) / 3
# weights of the changes along a row near a place; a change stands where it begins, so the one that ends here is 2 to the left
NEAR = np.array([[1, 0, 1, 0, 0], [0, 1, 0, 0, 0], [3, 0, 3, 0, 0], [0, 1, 0, 0, 0], [1, 0, 1, 0, 0]], np.float32)


def mosaic(rgb: np.ndarray, pattern: str) -> np.ndarray:
    """What a sensor behind a colour filter array sees of a picture: float (H, W, 3) -> float32 (H, W)."""
    rgb = linear(rgb)
    return np.take_along_axis(rgb, colours(rgb.shape, pattern)[..., None].astype(np.intp), 2)[..., 0]


def demosaic(raw: np.ndarray, pattern: str, method: str = "edge-aware") -> np.ndarray:
    """Interpolate the two colours that each place of a mosaic does not see: float (H, W) -> float32 (H, W, 3).

    What a place saw itself is not changed. The edge-aware result may pass the range of its input a little at edges.

    Args:
        raw: linear values, at least 2x2, odd sizes too; best white-balanced, so that colour differences are small.
        pattern: `RGGB`, `BGGR`, `GRBG` or `GBRG`.
        method: `bilinear` or `edge-aware`.
    """
    raw = plane(raw)
    seen = colours(raw.shape, pattern)
    if method not in METHODS:
        raise CvappError(f"method {method!r}: choose one of {', '.join(METHODS)}")
    return _bilinear(raw, seen) if method == "bilinear" else _edge_aware(raw, seen)


def superpixel(raw: np.ndarray, pattern: str) -> np.ndarray:
    """One pixel of each 2x2 places, its greens averaged: float (H, W) -> float32 (H // 2, W // 2, 3); nothing is interpolated, for measuring."""
    raw = plane(raw)
    height, width = (side // 2 * 2 for side in raw.shape)
    tiles = raw[:height, :width].reshape(height // 2, 2, width // 2, 2).transpose(0, 2, 1, 3).reshape(height // 2, width // 2, 4)
    tile = colours((2, 2), pattern).reshape(4)
    return np.stack([tiles[..., tile == colour].mean(-1) for colour in range(3)], -1)


def _filter(values: np.ndarray, kernel: np.ndarray, border: int = cv2.BORDER_REFLECT_101) -> np.ndarray:
    return cv2.filter2D(values, cv2.CV_32F, kernel, borderType=border)


def _bilinear(raw: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The mean of the nearest places that saw the colour: 2 or 4 of them (Longere et al. 2002, Proc. IEEE 90(1))."""
    kernels = (SQUARE, CROSS, SQUARE)
    return np.dstack([_filter(np.where(seen == colour, raw, 0), kernel) for colour, kernel in enumerate(kernels)])


def _edge_aware(raw: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Directional filtering with a-posteriori decision (Menon, Andriani, Calvagno 2007, IEEE Trans. Image Processing 16(1)).

    Green is interpolated along rows and along columns, each corrected by the curvature of the colour that is there (Hamilton and Adams 1997);
    of the two, the one with smoother colour differences is taken. Red and blue follow as differences to green, then all are refined once.
    """
    is_red, is_green, is_blue = (seen == colour for colour in range(3))
    rows = is_red.any(1, keepdims=True)  # rows with red; the others hold blue
    by_row, by_column = (np.where(is_green, raw, _filter(raw, kernel)) for kernel in (GREEN, GREEN.T))
    across = _roughness(np.where(is_green, 0, raw - by_row)) <= _roughness(np.where(is_green, 0, raw - by_column).T).T
    green = np.where(across, by_row, by_column)
    red, blue = (
        np.where(is_green, green + _steer(np.where(own, raw - green, 0), SIDES, way), np.where(own, raw, 0))
        for own, way in ((is_red, rows), (is_blue, ~rows))
    )
    cross = _steer(red - blue, SIDES, across)
    red, blue = np.where(is_blue, raw + cross, red), np.where(is_red, raw - cross, blue)
    return _refine(np.dstack([red, green, blue]), seen, across, rows)


def _refine(rgb: np.ndarray, seen: np.ndarray, across: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Menon 2007, the refining step: smooth the colour differences along the edge, and make the colours that were not seen anew from them."""
    is_red, is_green, is_blue = (seen == colour for colour in range(3))
    red, green, blue = (np.ascontiguousarray(rgb[..., colour]) for colour in range(3))
    smooth_red, smooth_blue = (_steer(colour - green, THREE, across) for colour in (red, blue))
    green = np.where(is_red, red - smooth_red, np.where(is_blue, blue - smooth_blue, green))
    red, blue = (np.where(is_green, green + _steer(colour - green, SIDES, way), colour) for colour, way in ((red, rows), (blue, ~rows)))
    smooth = _steer(red - blue, THREE, across)
    return np.dstack([np.where(is_blue, blue + smooth, red), green, np.where(is_red, red - smooth, blue)])


def _steer(values: np.ndarray, kernel: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Filter along the row where `across`, along the column elsewhere."""
    return np.where(across, _filter(values, kernel), _filter(values, kernel.T))


def _roughness(differences: np.ndarray) -> np.ndarray:
    """How much colour differences change along rows near each place (Menon 2007)."""
    differences = np.ascontiguousarray(differences)
    ahead = cv2.copyMakeBorder(differences, 0, 0, 0, 2, cv2.BORDER_REFLECT_101)[:, 2:]
    return _filter(np.abs(differences - ahead), NEAR, cv2.BORDER_CONSTANT)
