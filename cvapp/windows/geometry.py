"""Which part of a picture each cell of a convolutional detector's output looks at."""

from dataclasses import dataclass

import numpy as np

from cvapp.errors import CvappError, Exit

Pair = tuple[int, int]  # (height, width) or (y, x)


@dataclass(frozen=True)
class Windows:
    """The windows of a detector's output cells.

    Args:
        size: (height, width) of a window in pixels.
        stride: (y, x) pixels from one cell's window to the next.
        offset: (y, x) of the first cell's window: its top left corner in the picture; (0, 0) for a network without padding.
    """

    size: Pair
    stride: Pair
    offset: Pair = (0, 0)

    def __post_init__(self) -> None:
        pairs = (self.size, self.stride, self.offset)
        whole = all(len(pair) == 2 and all(isinstance(side, int) for side in pair) for pair in pairs)
        if not whole or min(*self.size, *self.stride) < 1:
            raise CvappError(f"{self}: expected pairs of whole numbers, size and stride above 0", Exit.BAD_DATA)

    def grid(self, size: Pair) -> Pair:
        """How many (rows, columns) of whole windows a picture of `size` (height, width) has; 0 where it is smaller than a window."""
        rows, columns = (
            max(0, (side - window - offset) // stride + 1)
            for side, window, stride, offset in zip(size, self.size, self.stride, self.offset)
        )
        return (rows, columns) if rows and columns else (0, 0)

    def places(self, grid: Pair) -> np.ndarray:
        """Where the windows of a (rows, columns) grid of cells lie: float32 (rows, columns, 4), left, top, right, bottom."""
        top = self.offset[0] + self.stride[0] * np.arange(grid[0], dtype=np.float32)[:, None]
        left = self.offset[1] + self.stride[1] * np.arange(grid[1], dtype=np.float32)[None]
        top, left = np.broadcast_arrays(top, left)
        return np.stack([left, top, left + self.size[1], top + self.size[0]], -1)
