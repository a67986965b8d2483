"""What the cells of a detector's output say: boxes in the frame."""

from typing import Sequence

import numpy as np

from cvapp.boxes import Boxes, nms
from cvapp.windows.geometry import Pair
from cvapp.windows.merging import merge
from cvapp.windows.scan import BOX, Scan, Tile, lay_out

MOST, SHOWN = 1000, 300  # boxes that are kept for the suppression, and after it, the best


def places(scan: Scan, tile: Tile) -> tuple[Pair, np.ndarray]:
    """The cells whose windows lie inside a tile: (row, column) of the first on the canvas, and the windows, float32 (rows, columns, 4), in
    pixels of the canvas."""
    windows = scan.windows
    start, end = [], []
    for axis, begin in enumerate((tile.top, tile.left)):
        stride, offset = windows.stride[axis], windows.offset[axis]
        start.append(max(0, -(-(begin - offset) // stride)))
        end.append((begin + tile.size[axis] - windows.size[axis] - offset) // stride + 1)
    rows, columns = end[0] - start[0], end[1] - start[1]
    shift = np.float32([start[1] * windows.stride[1], start[0] * windows.stride[0]] * 2)
    return (start[0], start[1]), windows.places((rows, columns)) + shift


def to_frame(xy: np.ndarray, scan: Scan, tile: Tile) -> np.ndarray:
    """Points (..., 2) on the canvas as points in the frame, both (x, y) in pixels."""
    origin = np.float32([tile.left + scan.margin, tile.top + scan.margin])
    return ((xy - origin) / np.array(tile.scale[::-1])).astype(np.float32)


def decode(maps: np.ndarray, scan: Scan, frame: Pair, least: float, nothing: Sequence[int] = ()) -> tuple[Boxes, np.ndarray]:
    """Boxes of the cells that are at least so sure, the best first, nothing suppressed yet.

    Args:
        maps: float32 (rows, columns, numbers), what the network answered for a frame's canvas.
        scan: how the frame was looked over.
        frame: its (height, width).
        least: score that counts, 0..1: p_c times the class's probability, or that probability alone.
        nothing: classes that stand for no object.

    Returns:
        the boxes in the frame's pixels, at most `MOST`, and the window that each was seen in: float32 (N, 4), which may reach beyond the frame.
    """
    found = [_of_tile(maps, scan, tile, least, nothing) for tile in lay_out(scan, frame)[0]]
    xyxy, scores, classes, points, windows = (np.concatenate(parts) for parts in zip(*found))
    xyxy = np.clip(xyxy, 0, np.float32([frame[1], frame[0]] * 2))
    whole = np.flatnonzero((xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1]))
    chosen = whole[np.argsort(-scores[whole], kind="stable")[:MOST]]
    return Boxes(xyxy[chosen], scores[chosen], classes[chosen], points[chosen]), windows[chosen]


def detect(maps: np.ndarray, scan: Scan, frame: Pair, least: float, overlap: float, nothing: Sequence[int] = ()) -> Boxes:
    """What a frame shows, the best first: `decode`, then of boxes of one class that overlap by more than the IoU `overlap` the surest.

    Where windows do not say where in them an object lies (`scan.refined` is False), those that show one object are merged before that.
    """
    found, _ = decode(maps, scan, frame, least, nothing)
    found = found if scan.refined else merge(found)
    return found.take(nms(found.xyxy, found.scores, found.classes, overlap)[:SHOWN])


def _of_tile(maps: np.ndarray, scan: Scan, tile: Tile, least: float, nothing: Sequence[int]) -> tuple[np.ndarray, ...]:
    (top, left), windows = places(scan, tile)
    cells = maps[top : top + windows.shape[0], left : left + windows.shape[1]]
    numbers = cells.shape[-1]
    end = numbers - 2 * scan.points
    scores = cells[..., :1] * cells[..., BOX:end] if scan.refined else cells[..., :end].copy()
    scores[..., list(nothing)] = 0
    rows, columns, classes = np.nonzero(scores >= max(least, 1e-6))
    chosen, window = cells[rows, columns], windows[rows, columns]
    corner, side = window[:, :2], window[:, 2:] - window[:, :2]
    centre, extent = (chosen[:, 1:3], chosen[:, 4:2:-1]) if scan.refined else (np.float32(0.5), np.full_like(side, scan.fill))
    low, high = (corner + side * (centre + sign * np.maximum(extent, 0) / 2) for sign in (-1, 1))
    points = corner[:, None] + side[:, None] * chosen[:, end:].reshape(len(rows), scan.points, 2)
    xyxy, seen = (np.concatenate([to_frame(one, scan, tile) for one in pair], 1) for pair in ((low, high), (corner, corner + side)))
    return xyxy, scores[rows, columns, classes].astype(np.float32), classes.astype(np.int32), to_frame(points, scan, tile), seen
