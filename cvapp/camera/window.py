"""A window on the screen, where there is one: imshow without a display would abort the process."""

import contextlib

import cv2
import numpy as np

from cvapp.camera.display import has_display
from cvapp.camera.keys import QUIT
from cvapp.errors import CvappError, Exit


class Window:
    """One window; use it as a context manager.

    Raises:
        CvappError: there is no display (exit 6).
    """

    def __init__(self, title: str):
        if not has_display():
            raise CvappError("no display to open a window on; use --no-show, with --save OUT.mp4 to keep the picture", Exit.NO_DEVICE)
        self._title, self._shown = title, False

    def __enter__(self) -> "Window":
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        return self

    def show(self, rgb: np.ndarray, seconds: float = 0.0) -> int:
        """Show uint8 RGB (H, W, 3) for at least so many seconds; the key that was pressed, -1 for none; a closed window gives `keys.QUIT`."""
        if not self._shown:
            cv2.resizeWindow(self._title, rgb.shape[1], rgb.shape[0])
            self._shown = True
        cv2.imshow(self._title, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(max(1, round(1000 * seconds)))
        try:
            return key if cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1 else QUIT
        except cv2.error:  # Qt is gone with its last window
            return QUIT

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(cv2.error):  # the person closed it
            cv2.destroyWindow(self._title)
