"""The image pyramid on one canvas, and single windows cut out of it."""

import cv2
import numpy as np

from cvapp.images import resize
from cvapp.windows.geometry import Pair
from cvapp.windows.scan import Scan, lay_out


def paint(frame: np.ndarray, scan: Scan) -> np.ndarray:
    """A frame at every scale on one canvas: uint8 RGB (H, W, 3) -> uint8 RGB, black between the levels."""
    tiles, size = lay_out(scan, (frame.shape[0], frame.shape[1]))
    canvas = np.zeros((*size, 3), np.uint8)
    for tile in tiles:
        top, left = tile.top + scan.margin, tile.left + scan.margin
        height, width = tile.size[0] - 2 * scan.margin, tile.size[1] - 2 * scan.margin
        canvas[top : top + height, left : left + width] = resize(frame, (height, width))
    return canvas


def crop(frame: np.ndarray, place: np.ndarray, size: Pair) -> np.ndarray:
    """One window: the part of a frame at `place` (left, top, right, bottom; whole pixels), black beyond its edge, at `size` (height, width)."""
    left, top, right, bottom = (int(value) for value in place)
    height, width = frame.shape[:2]
    part = frame[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    beyond = max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width)
    if any(beyond):
        part = cv2.copyMakeBorder(part, *beyond, cv2.BORDER_CONSTANT) if part.size else np.zeros((bottom - top, right - left, 3), np.uint8)
    return resize(part, size)
