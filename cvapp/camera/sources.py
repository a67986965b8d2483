"""Where frames come from: a camera, a video file, a picture or a folder of pictures."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

import cv2
import numpy as np

from cvapp import images
from cvapp.errors import CvappError, Exit
from cvapp.progress import hushed

PICTURE_SECONDS = 1.0


@dataclass(frozen=True)
class Frame:
    """One picture of a source: uint8 RGB (H, W, 3), its capture time in seconds (of the clock when live, into the file otherwise), its number."""

    image: np.ndarray
    seconds: float
    index: int


class Source:
    """An open source: iterate it for Frames, close it (or leave its `with` block) to free the device.

    Attributes:
        name: as the person gave it.
        live: frames arrive by the clock, so a slow consumer must skip some.
        fps: frames a second as the device or the file states them; 30 where neither does.
        count: how many frames there will be, where known.
    """

    def __init__(
        self, name: str, frames: Iterator[Frame], live: bool, fps: float, count: int | None, close: Callable[[], None] = lambda: None
    ):
        self.name, self.live, self.fps, self.count = name, live, fps, count
        self._frames, self._close = frames, close

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the device or the file."""
        self._close()


def open_source(source: int | str | Path) -> Source:
    """Open a camera by index or device path, a video file, a picture, or a folder of pictures.

    Raises:
        CvappError: no such camera, or it gives no picture (exit 6); no such file, or one that cannot be played (exit 3).
    """
    text = str(source)
    if text.isdecimal() or text.startswith("/dev/"):
        return _open_camera(text)
    path = Path(text)
    if text and os.path.isdir(path):
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in images.SUFFIXES and file.name[0] != "." and file.is_file())
        if not files:
            raise CvappError(
                f"{path}: no pictures in this folder; give a folder of photos, a video file or a camera's index", Exit.BAD_DATA
            )
        return Source(text, _pictures(files), False, 1 / PICTURE_SECONDS, len(files))
    if not os.path.isfile(path):
        raise CvappError(f"no source {text!r}: give a camera's index (0), a video file, a picture or a folder of pictures", Exit.BAD_DATA)
    if path.suffix.lower() in images.SUFFIXES - {".gif"}:
        return Source(text, _pictures([path]), False, 1 / PICTURE_SECONDS, 1)
    return _open_video(path)


def _pictures(files: list[Path]) -> Iterator[Frame]:
    for index, file in enumerate(files):
        yield Frame(images.read(file), index * PICTURE_SECONDS, index)


def _fps(capture: cv2.VideoCapture) -> float:
    fps = capture.get(cv2.CAP_PROP_FPS)
    return float(fps) if 1 <= fps <= 1000 else 30.0


def _open_video(path: Path) -> Source:
    with hushed():
        capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise CvappError(
            f"{path}: OpenCV cannot play it (not a video, damaged, or a codec it lacks); convert it to H.264 .mp4", Exit.BAD_DATA
        )
    fps, count = _fps(capture), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))

    def frames() -> Iterator[Frame]:
        index = 0
        while True:
            got, bgr = capture.read()
            if not got:
                break
            yield Frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), index / fps, index)
            index += 1
        if index == 0:
            raise CvappError(f"{path}: not one frame could be decoded; convert it to H.264 .mp4", Exit.BAD_DATA)
        if index < 0.95 * count - 1:  # headers of whole files are off by a frame or two
            raise CvappError(f"{path}: truncated, it holds {index} of its {count} frames; copy it again", Exit.BAD_DATA)

    return Source(str(path), frames(), False, fps, count if count > 0 else None, capture.release)


def _open_camera(name: str) -> Source:
    capture = cv2.VideoCapture(min(int(name), 2**31 - 1) if name.isdecimal() else name)
    got = capture.isOpened() and capture.read()[0]
    if not got:
        capture.release()
        found = cameras()
        hint = f"there are {', '.join(found)}" if found else "none was found; plug one in, or give a video file"
        raise CvappError(f"no picture from camera {name}: {hint}", Exit.NO_DEVICE)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, not a queue, where the driver obeys

    def frames() -> Iterator[Frame]:
        index = 0
        while True:
            got, bgr = capture.read()
            if not got:
                raise CvappError(f"camera {name} stopped after {index} frames; was it unplugged?", Exit.NO_DEVICE)
            yield Frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), time.monotonic(), index)
            index += 1

    return Source(name, frames(), True, _fps(capture), None, capture.release)


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
