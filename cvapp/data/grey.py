"""Photos as grey ones: each pixel's luma, for generators whose pictures have one channel."""

from typing import Iterable

import cv2
import numpy as np

from cvapp.data.store import Store


def luma(pictures: np.ndarray) -> np.ndarray:
    """uint8 RGB (N, H, W, 3) -> uint8 (N, H, W, 1): 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); what is grey keeps its values."""
    count, height, width, _ = pictures.shape
    return cv2.cvtColor(np.ascontiguousarray(pictures).reshape(count * height, width, 3), cv2.COLOR_RGB2GRAY).reshape(
        count, height, width, 1
    )


class GreyStore(Store):
    """A store of RGB pictures that reads them as grey ones, still uint8 RGB (N, H, W, 3)."""

    def __init__(self, colour: Store):
        vars(self).update(vars(colour))

    def read(self, names: Iterable[str]) -> np.ndarray:
        """The pictures of some photos, in order."""
        return luma(super().read(names)).repeat(3, axis=3)
