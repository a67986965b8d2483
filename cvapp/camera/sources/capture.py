"""OpenCV's reader behind one small face: RGB out, freed from any thread, its backend chosen by name."""

import threading
from typing import Sequence

import cv2
import numpy as np

from cvapp.errors import CvappError
from cvapp.recipe.values import did_you_mean

registry = cv2.videoio_registry


class Capture:
    """An opened camera, stream or video.

    Args:
        place: a camera's index, or a path or address.
        backend: OpenCV's number of it; 0 leaves the choice to OpenCV.
        params: property, value, property, value ... that hold while it is opened.
    """

    def __init__(self, place: int | str, backend: int = cv2.CAP_ANY, params: Sequence[int] = ()):
        self.device = cv2.VideoCapture(place, backend, params) if params else cv2.VideoCapture(place, backend)
        self._reading = threading.Lock()  # freeing what is being read crashes the process

    @property
    def fps(self) -> float:
        """Frames a second as stated; 30 where that is nonsense."""
        fps = self.device.get(cv2.CAP_PROP_FPS)
        return float(fps) if 0.01 <= fps <= 1000 else 30.0

    @property
    def count(self) -> int | None:
        """How many frames a file holds, which OpenCV guesses for most containers; None for what has no end."""
        count = int(self.device.get(cv2.CAP_PROP_FRAME_COUNT))
        return count if count > 0 else None

    def read(self) -> np.ndarray | None:
        """The next frame, uint8 RGB (H, W, 3), or None where there is none."""
        with self._reading:
            bgr = self._next()
        return None if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)

    def read_timed(self) -> tuple[np.ndarray, float] | None:
        """The next frame of a video, and its seconds as the container has them (see `timing.Times`), or None where there is none."""
        with self._reading:
            bgr = self._next()
            seconds = self.device.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        return None if bgr is None else (cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), seconds)

    def _next(self) -> np.ndarray | None:
        try:
            got, bgr = self.device.read()
        except cv2.error:  # a frame that the driver garbled
            return None
        return bgr if got else None

    def release(self) -> None:
        """Free it, after a read that is under way; nothing comes after."""
        with self._reading:
            self.device.release()


def backend_number(name: str | None, known: Sequence[int]) -> int:
    """OpenCV's number of a backend.

    Args:
        name: as OpenCV names it, in any case; None leaves the choice to OpenCV.
        known: the numbers of those that may read this kind of source; some may be missing on this machine.

    Raises:
        CvappError: this OpenCV has none of that name for such a source (exit 2).
    """
    if name is None:
        return cv2.CAP_ANY
    numbers = {registry.getBackendName(number): number for number in known if registry.hasBackend(number)}
    if name.upper() not in numbers:
        hint = did_you_mean(name.upper(), numbers)
        raise CvappError(f"backend is {name!r}: this OpenCV has {', '.join(sorted(numbers))} for such a source{hint}")
    return numbers[name.upper()]
