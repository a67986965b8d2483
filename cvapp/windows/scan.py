"""The Scan: how a detector looks over a frame. It travels on the card, so that training, camera and phone look alike."""

import math
from dataclasses import dataclass

from cvapp.errors import CvappError, Exit
from cvapp.windows.geometry import Pair, Windows

BOX = 5  # numbers before the classes in a refined answer: p_c, b_x, b_y, b_h, b_w


@dataclass(frozen=True)
class Scan:
    """How a frame is looked over with windows of one size: the frame is shrunk or stretched, not the window.

    Args:
        windows: where each cell of the network's output looks.
        scales: (y, x) factor of each level of the pyramid: pixels of the level over pixels of the frame.
        margin: black pixels about each level, so that windows reach beyond the frame's edge.
        fill: share of the window's side that an object takes up where window and object fit.
        refined: whether an answer is p_c, b_x, b_y, b_h, b_w, the classes and the landmarks, the box in shares of the window; the classes
            alone otherwise, and the box is the window's middle.
        points: landmarks (l_x, l_y) of an answer.
    """

    windows: Windows
    scales: tuple[tuple[float, float], ...]
    margin: int
    fill: float
    refined: bool = True
    points: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.windows, Windows):  # as the card's JSON has it
            object.__setattr__(self, "windows", Windows(**{name: tuple(pair) for name, pair in self.windows.items()}))
        object.__setattr__(self, "scales", tuple((float(y), float(x)) for y, x in self.scales))
        positive = self.scales and all(0 < factor < math.inf for scale in self.scales for factor in scale)
        counts = all(isinstance(count, int) and count >= 0 for count in (self.margin, self.points))
        if not positive or not 0 < self.fill <= 1 or not counts or not isinstance(self.refined, bool):
            raise CvappError(
                "a scan needs scales above 0, a fill of 0 to 1, whole numbers of margin and points, and refined true or false",
                Exit.BAD_DATA,
            )


@dataclass(frozen=True)
class Tile:
    """One level of the pyramid on the canvas.

    Args:
        top: of the tile, its margin included, in pixels of the canvas.
        left: likewise.
        size: (height, width) of the tile, its margin included.
        scale: (y, x) that the frame is drawn at, rounding included.
    """

    top: int
    left: int
    size: Pair
    scale: tuple[float, float]


def lay_out(scan: Scan, frame: Pair) -> tuple[tuple[Tile, ...], Pair]:
    """Where the levels of a frame of (height, width) lie on one canvas, and the canvas' (height, width): one pass of the network sees all.

    Levels are laid in rows, the tallest first (as the patchwork of Dubout and Fleuret 2012). Each begins at a multiple of the stride, so
    that its cells are those it would have alone.

    Raises:
        CvappError: a level is smaller than a window (exit 2).
    """
    stride = scan.windows.stride
    levels = []
    for scale in scan.scales:
        inner = (max(1, round(frame[0] * scale[0])), max(1, round(frame[1] * scale[1])))
        levels.append(((inner[0] + 2 * scan.margin, inner[1] + 2 * scan.margin), (inner[0] / frame[0], inner[1] / frame[1])))
    small = [level for level, _ in levels if any(side < window for side, window in zip(level, scan.windows.size))]
    if small:
        raise CvappError(f"a frame of {frame} is {min(small)} at one scale, less than a window of {scan.windows.size}; use a larger frame")
    width = max(_up(size[1], stride[1]) for size, _ in levels)
    tiles: list[Tile] = []
    top = left = tall = 0
    for (height, wide), scale in sorted(levels, reverse=True):
        if left and left + wide > width:
            top, left, tall = top + tall, 0, 0
        tiles.append(Tile(top, left, (height, wide), scale))
        left, tall = left + _up(wide, stride[1]), max(tall, _up(height, stride[0]))
    return tuple(tiles), (top + tall, width)


def _up(side: int, stride: int) -> int:
    return -(-side // stride) * stride
