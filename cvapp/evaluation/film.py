"""Pictures as a film in one file, to see a generator learn."""

from pathlib import Path
from typing import Sequence

import cv2
import numpy as np

from cvapp.errors import CvappError
from cvapp.files import replacing

MOST = 60  # pictures of a film
EACH, LAST = 150, 3000  # milliseconds that a picture is shown, and the last one
QUALITY = 75


def chosen(count: int) -> list[int]:
    """The places of the pictures that a film shows of so many: MOST at most, from all over, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, MOST)).tolist()})


def write_film(pictures: Sequence[np.ndarray], path: Path) -> None:
    """Write pictures, uint8 RGB (H, W, 3) of one size, as an animated WebP that begins anew after its last one.

    Raises:
        CvappError: the place cannot be written (exit 7).
    """
    film = cv2.Animation()
    film.frames = [cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) for picture in pictures]
    film.durations = [EACH] * (len(pictures) - 1) + [LAST]
    film.loop_count = 0
    with replacing(path) as neighbour:
        if not cv2.imwriteanimation(str(neighbour), film, [cv2.IMWRITE_WEBP_QUALITY, QUALITY]):
            raise CvappError(f"{path}: OpenCV could not write a film of {len(pictures)} pictures")
