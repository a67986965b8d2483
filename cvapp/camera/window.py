"""A window on the screen, where there is one: imshow without a display would abort the process."""

import os
import re
import socket
import sys
from pathlib import Path

import cv2
import numpy as np

from cvapp.errors import CvappError, Exit

QUIT_KEYS = (ord("q"), 27)


def has_display() -> bool:
    """Whether a window can be opened: on Linux, whether the X server that DISPLAY names answers (OpenCV's wheel speaks X only)."""
    if sys.platform != "linux":
        return True
    match = re.fullmatch(r"(?:unix|(?P<host>[^:/]*)):(?P<number>\d+)(?:\.\d+)?", os.environ.get("DISPLAY", ""))
    if match is None:
        return False
    host, number = match["host"], int(match["number"])
    if host:
        return _answers(socket.AF_INET, (host, 6000 + number))
    place = f"/tmp/.X11-unix/X{number}"
    return (Path(place).exists() and _answers(socket.AF_UNIX, place)) or _answers(socket.AF_UNIX, f"\0{place}")


def _answers(family: int, address: object) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.settimeout(1)
        try:
            server.connect(address)  # type: ignore[arg-type]
        except OSError:
            return False
    return True


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
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        return self

    def show(self, rgb: np.ndarray, seconds: float = 0.0) -> bool:
        """Show uint8 RGB (H, W, 3) for at least so many seconds; False once the person pressed q or Esc, or closed the window."""
        if not self._shown:
            cv2.resizeWindow(self._title, rgb.shape[1], rgb.shape[0])
            self._shown = True
        cv2.imshow(self._title, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(max(1, round(1000 * seconds))) & 0xFF
        return key not in QUIT_KEYS and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1

    def __exit__(self, *_: object) -> None:
        cv2.destroyWindow(self._title)
