"""Frames into a video file, counted and read back."""

import contextlib
import shutil
from pathlib import Path
from typing import Iterator

import cv2
import numpy as np

from cvapp.errors import CvappError, Exit
from cvapp.files import cannot_write, check_writable, replacing
from cvapp.images import Images, fit

ROOM = 1 << 20  # bytes that a recording leaves free for its own end: what the writer still holds (a quarter of that), and its index
CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}


class Recorder:
    """Writes RGB frames to an open video; `record` makes one. The first frame decides the size, others are letterboxed to it.

    Attributes:
        count: frames written.
        kept: whether the file was finished and has its name.
        replaced: whether another file had that name before.
    """

    def __init__(self, path: Path, fps: float, name: Path):
        self.path, self.fps, self.name, self.count = path, fps, name, 0
        self.kept = self.replaced = False
        self._writer: cv2.VideoWriter | None = None
        self._images = Images()
        self._start: float | None = None  # the time of the file's first frame, were there no cut in it
        self._last: np.ndarray = np.empty(0)

    def write(self, rgb: np.ndarray, seconds: float | None = None) -> None:
        """Add a frame.

        Args:
            rgb: uint8 (H, W, 3).
            seconds: when it was taken. The frame before is repeated until then, and one that is more than a frame early is left out, so
                that the video lasts as long as life did; without it, each frame is one frame of the video.

        Raises:
            CvappError: the disk is almost full (exit 7); what was recorded can still be finished.
        """
        if seconds is not None:
            self._start = seconds - self.count / self.fps if self._start is None else self._start
            due = (seconds - self._start) * self.fps
            while self.count and self.count <= due - 1:
                self._add(self._last)
            if self.count >= due + 1:
                return
        if self._writer is None:
            self._writer = self._open(rgb.shape[0] // 2 * 2, rgb.shape[1] // 2 * 2)  # most codecs want even sides
        if rgb.shape[:2] != self._images.size:
            rgb = fit(rgb, self._images)  # VideoWriter drops a frame of another size without a word
        self._last = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        self._add(self._last)

    def cut(self) -> None:
        """Let the time until the next frame pass unrecorded."""
        self._start = None

    def _add(self, bgr: np.ndarray) -> None:
        check_room(self.path.parent, self.name, bgr.nbytes // 8 + 64 * self.count)
        assert self._writer is not None
        self._writer.write(bgr)
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

    def finish(self) -> CvappError | None:
        """Close the file and count its frames; what to tell (exit 7) where it holds fewer than were written, but can be played.

        Raises:
            CvappError: it cannot be played (exit 7), or no frame came (exit 3).
        """
        if self._writer is not None:
            self._writer.release()
        if self.count == 0:
            raise CvappError(f"{self.name}: no frame came, so nothing was recorded", Exit.BAD_DATA)
        if count_frames(self.path) >= self.count:  # one more is there where Ctrl-C came between writing and counting
            return None
        error = CvappError(f"{self.name}: holds a part of the {self.count} frames written; is the disk full?", Exit.CANNOT_WRITE)
        if not _plays(self.path):
            raise error
        return error


@contextlib.contextmanager
def record(path: str | Path, fps: float) -> Iterator[Recorder]:
    """Record a video that takes its name when the block ends; what was recorded is kept, whatever ended it (Ctrl-C, a lost camera, a full disk).

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
    check_room(path.parent, path)
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
            short = recorder.finish()
            ended, recorder.replaced = short or ended, path.exists()
        recorder.kept = True
    except CvappError:
        if ended is None or recorder.count:
            raise
    if ended is not None:
        raise ended


def check_room(folder: Path, name: Path, more: int = 0) -> None:
    """Fail (exit 7) where the disk has less room than ROOM and so many bytes more, or is gone; it takes two microseconds."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise cannot_write(name, error) from error
    if free < ROOM + more:
        raise CvappError(f"{name}: the disk is almost full; free some space or choose another place", Exit.CANNOT_WRITE)


def _plays(path: Path) -> bool:
    capture = cv2.VideoCapture(str(path))
    try:
        return bool(capture.read()[0])
    finally:
        capture.release()


def count_frames(path: str | Path) -> int:
    """How many frames a video file says it holds."""
    capture = cv2.VideoCapture(str(path))
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        capture.release()
