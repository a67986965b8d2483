"""Frames into a video file, counted and read back."""

import contextlib
from pathlib import Path
from typing import Iterator

import cv2
import numpy as np

from cvapp.errors import CvappError, Exit
from cvapp.files import check_writable, replacing
from cvapp.images import Images, fit

CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}


class Recorder:
    """Writes RGB frames to an open video; `record` makes one. The first frame decides the size, others are letterboxed to it."""

    def __init__(self, path: Path, fps: float, name: Path):
        self.path, self.fps, self.name, self.count = path, fps, name, 0
        self._writer: cv2.VideoWriter | None = None
        self._images = Images()

    def write(self, rgb: np.ndarray) -> None:
        """Add a frame: uint8 RGB (H, W, 3)."""
        if self._writer is None:
            self._writer = self._open(rgb.shape[0] // 2 * 2, rgb.shape[1] // 2 * 2)  # most codecs want even sides
        if rgb.shape[:2] != self._images.size:
            rgb = fit(rgb, self._images)  # VideoWriter drops a frame of another size without a word
        self._writer.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        self.count += 1

    def _open(self, height: int, width: int) -> cv2.VideoWriter:
        code = cv2.VideoWriter_fourcc(*CODECS[self.path.suffix.lower()])
        writer = cv2.VideoWriter(str(self.path), code, self.fps, (width, height))
        if not writer.isOpened():
            others = ", ".join(suffix for suffix in CODECS if suffix != self.path.suffix.lower())
            wanted = f"a {width}x{height} {self.path.suffix} video at {self.fps:g} frames/s"
            raise CvappError(f"{self.name}: OpenCV cannot write {wanted}; try {others} or smaller pictures", Exit.CANNOT_WRITE)
        self._images = Images((height, width), "letterbox")
        return writer

    def finish(self) -> None:
        """Close the file and count its frames (exit 7 where it holds fewer than were written)."""
        if self._writer is not None:
            self._writer.release()
        held = max(0, count_frames(self.path)) if self.count else 0
        if held < self.count:  # one more is there where Ctrl-C came between writing and counting
            raise CvappError(f"{self.name}: holds {held} of the {self.count} frames written; is the disk full?", Exit.CANNOT_WRITE)


@contextlib.contextmanager
def record(path: str | Path, fps: float) -> Iterator[Recorder]:
    """Record a video that takes its name when the block ends; what was recorded is kept, whatever ended it (Ctrl-C, a lost camera).

    Args:
        path: .mp4, .mov, .mkv or .avi.
        fps: frames a second of the file.

    Raises:
        CvappError: another suffix (exit 2); a place that cannot be written, or a full disk (exit 7).
    """
    path = Path(path)
    if path.suffix.lower() not in CODECS:
        raise CvappError(f"{path}: cannot record {path.suffix or 'without a suffix'}; use {', '.join(CODECS)}")
    check_writable(path.parent)
    if path.is_dir():
        raise CvappError(f"{path}: cannot write (it is a folder); choose another name", Exit.CANNOT_WRITE)
    ended: BaseException | None = None
    try:
        with replacing(path) as neighbour:
            recorder = Recorder(neighbour, fps, path)
            try:
                yield recorder
            except BaseException as error:
                ended = error
            recorder.finish()
            if recorder.count == 0:
                raise CvappError(f"{path}: no frame came, so nothing was recorded", Exit.BAD_DATA)
    except CvappError:
        if ended is None or recorder.count:
            raise
    if ended is not None:
        raise ended


def count_frames(path: str | Path) -> int:
    """How many frames a video file says it holds."""
    capture = cv2.VideoCapture(str(path))
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        capture.release()
