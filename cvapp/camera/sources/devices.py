"""Cameras by index or device path: opened as asked, and named when they are not there."""

import os
import sys
from pathlib import Path

import cv2

from cvapp.camera.sources.capture import Capture, backend_number, registry
from cvapp.camera.sources.frames import Settings, Source
from cvapp.camera.sources.reconnecting import Line, Reconnecting
from cvapp.errors import CvappError, Exit
from cvapp.progress import Report

OPEN_SECONDS, READ_SECONDS = 20.0, 5.0  # some drivers take ten seconds to start


def open_camera(name: str, settings: Settings, report: Report) -> Source:
    """Open a camera: its index or its path below /dev.

    Raises:
        CvappError: it is not there, may not be opened, or gives no picture (exit 6); no such backend (exit 2).
    """
    backend = backend_number(settings.backend, registry.getCameraBackends())
    if sys.platform == "darwin":  # there only the main thread may ask the person for leave to use the camera
        cv2.VideoCapture(_place(name), backend).release()
    camera = Reconnecting(
        Line(f"camera {name}", lambda: _connect(name, backend, settings, report), OPEN_SECONDS, READ_SECONDS), settings.patience, report
    )
    fps, _ = camera.open()
    return Source(name, camera.frames(), True, fps, None, camera.close)


def _place(name: str) -> int | str:
    return min(int(name), 2**31 - 1) if name.isdecimal() else name


def _connect(name: str, backend: int, settings: Settings, report: Report) -> Capture:
    capture = Capture(_place(name), backend)
    asked: dict[int, float] = {}
    if settings.size is not None:
        asked |= {cv2.CAP_PROP_FRAME_WIDTH: settings.size[1], cv2.CAP_PROP_FRAME_HEIGHT: settings.size[0]}
    if settings.fps is not None:
        asked[cv2.CAP_PROP_FPS] = settings.fps
    asked[cv2.CAP_PROP_BUFFERSIZE] = 1  # the newest frame, not a queue, where the driver obeys
    for what, value in asked.items():
        capture.device.set(what, value)
    rgb = capture.read()
    if rgb is None:
        capture.release()
        raise CvappError(f"no picture from camera {name}: {_why(name)}", Exit.NO_DEVICE)
    height, width = rgb.shape[:2]
    if settings.size not in (None, (height, width)):
        report(f"camera {name} gives {height}x{width} pixels (height x width), not the {settings.size[0]}x{settings.size[1]} asked for")
    if settings.fps is not None and abs(capture.fps - settings.fps) > 0.5:
        report(f"camera {name} gives {capture.fps:g} frames/s, not the {settings.fps:g} asked for")
    return capture


def _why(name: str) -> str:
    """What stands in the way of a camera, as far as this machine tells."""
    path = Path(f"/dev/video{name}" if name.isdecimal() else name)
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return f"you may not open {path}; join its group (sudo usermod -aG video $USER) and log in again"
    found = cameras()
    if any(name.removeprefix("/dev/video") == camera.split()[0] for camera in found):
        return "it is there and gives none; does another program use it, or is it the second device of one camera?"
    return f"there are {', '.join(found)}" if found else "none was found; plug one in, or give a video file"


def cameras() -> list[str]:
    """The cameras of this machine, as `index (name)`."""
    if sys.platform == "linux":
        found = sorted(Path("/sys/class/video4linux").glob("video*"), key=lambda path: int(path.name[5:]))
        return [f"{path.name[5:]} ({(path / 'name').read_text().strip()})" for path in found]
    found_indices = []
    for index in range(4):
        capture = cv2.VideoCapture(index)
        if capture.isOpened():
            found_indices.append(str(index))
        capture.release()
    return found_indices
