"""Frames into a video file, counted and read back."""

import contextlib
import shutil
from pathlib import Path
from typing import Iterator

import cv2
import numpy as np

from cvapp import locks
from cvapp.camera.finishing import CODECS, PIECES, held_rate, move, recover, rewrapped, work_path
from cvapp.camera.pieces import Pieces
from cvapp.errors import CvappError, Exit
from cvapp.files import cannot_write, check_replaceable, check_suffix
from cvapp.images import Images, fit
from cvapp.progress import Report, silent

ROOM = 1 << 20  # bytes that a recording leaves free for its own end: what the writer still holds (a quarter of that), copies of it, the index
PIECE_SECONDS = 1.0  # of the video, that a process may lose when it is killed


class Recorder:
    """Writes RGB frames to an open video; `record` makes one. The first frame decides the size, others are letterboxed to it.

    Attributes:
        fps: frames a second of the file.
        count: frames written.
        repeated: how often one was written once more, to keep the times.
        left_out: how many were not, since they came too early.
        kept: whether the file was finished and has its name.
        replaced: whether another file had that name before.
    """

    def __init__(self, path: Path, fps: float):
        self.name, self.fps, self.count = path, held_rate(fps, path.suffix), 0
        self.repeated = self.left_out = 0
        self.kept = self.replaced = False
        self._writer: cv2.VideoWriter | None = None
        self._images = Images()
        self._start: float | None = None  # the time of the file's first frame, were there no cut in it
        self._last: np.ndarray = np.empty(0)
        self._pieces = Pieces(work_path(path))
        self._piece, self._length, self._number = Path(), 0, 0  # the piece that is written, its frames, and how many there were

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
                self.repeated += 1
            if self.count >= due + 1:
                self.left_out += 1
                return
        if self._images.size is None:
            self._images = Images((rgb.shape[0] // 2 * 2, rgb.shape[1] // 2 * 2), "letterbox")  # most codecs want even sides
        if rgb.shape[:2] != self._images.size:
            rgb = fit(rgb, self._images)  # VideoWriter drops a frame of another size without a word
        self._last = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        self._add(self._last)

    def cut(self) -> None:
        """Let the time until the next frame pass unrecorded."""
        self._start = None

    def _add(self, bgr: np.ndarray) -> None:
        check_room(self.name.parent, self.name, bgr.nbytes // 8 + 64 * self.count + self._growing())
        if self._length >= max(1, round(PIECE_SECONDS * self.fps)):
            self._end_piece()
        if self._writer is None:
            self._writer = self._open(*bgr.shape[:2])
        self._writer.write(bgr)
        self.count, self._length = self.count + 1, self._length + 1

    def _growing(self) -> int:
        """Bytes that are on the disk and will be there once more: the piece, and all where the video is rewrapped at its end."""
        piece = self._piece.stat().st_size if self._writer is not None else 0
        return 2 * piece + self._pieces.size if rewrapped(self.name.suffix) else piece

    def _open(self, height: int, width: int) -> cv2.VideoWriter:
        code, suffix = PIECES[self.name.suffix.lower()]
        self._number += 1
        self._piece, self._length = self._pieces.path.with_name(f"{self._pieces.path.name}.{self._number}{suffix}"), 0
        writer = cv2.VideoWriter(str(self._piece), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*code), self.fps, (width, height))
        if not writer.isOpened():
            others = ", ".join(suffix for suffix in CODECS if suffix != self.name.suffix.lower())
            wanted = f"a {width}x{height} {self.name.suffix} video at {self.fps:g} frames/s"
            raise CvappError(f"{self.name}: OpenCV cannot write {wanted}; try {others} or smaller pictures", Exit.CANNOT_WRITE)
        return writer

    def _end_piece(self) -> None:
        """Close the piece, and add it to the file.

        Raises:
            CvappError: there is no room for it (exit 7); what was added before can still be finished.
        """
        if self._writer is None:
            return
        self._writer.release()
        try:
            self._pieces.add(self._piece)
        except (OSError, ValueError) as error:
            raise CvappError(f"{self.name}: cannot write the last second of it; is the disk full?", Exit.CANNOT_WRITE) from error
        finally:
            self._piece.unlink(missing_ok=True)
        self._writer = None

    def finish(self) -> CvappError | None:
        """Give the video its name; what to tell (exit 7) where it holds fewer frames than were written.

        Raises:
            CvappError: it holds none, or there is no room to rewrap it (exit 7), or no frame came (exit 3).
        """
        with contextlib.suppress(CvappError):  # frames are missing then
            self._end_piece()
        if self.count == 0:
            raise CvappError(f"{self.name}: no frame came, so nothing was recorded", Exit.BAD_DATA)
        error = CvappError(f"{self.name}: holds a part of the {self.count} frames written; is the disk full?", Exit.CANNOT_WRITE)
        if not self._pieces.count:
            raise error
        self._pieces.finish()
        replaced = self.name.exists()
        move(self._pieces.path, self.name, self._pieces.count)
        self.kept, self.replaced = True, replaced
        return None if self._pieces.count >= self.count else error  # one more is there where Ctrl-C came between writing and counting

    def close(self) -> None:
        """Let go of the file; what could not be given its name stays, for the next recording to finish."""
        self._pieces.close()
        if not self._pieces.count:
            self._pieces.path.unlink(missing_ok=True)


@contextlib.contextmanager
def record(path: str | Path, fps: float, report: Report = silent) -> Iterator[Recorder]:
    """Record a video that takes its name when the block ends; what was recorded is kept, whatever ended it (Ctrl-C, a lost camera, a full disk).

    A process that is killed leaves all but the last second in a hidden file, which the next recording to that folder makes a video.

    Args:
        path: .mp4, .mov, .mkv or .avi.
        fps: frames a second of the file; the nearest that its codec holds is taken, and told where it is another by a thousandth.
        report: told what was left behind by a recording that was killed.

    Raises:
        CvappError: another suffix, or another process records to this name (exit 2); a place that cannot be written, or a full disk (exit 7).
    """
    path = Path(path)
    check_suffix(path, CODECS)
    check_replaceable(path)
    check_room(path.parent, path)
    recover(path.parent, report, path)
    ended: BaseException | None = None
    with locks.locked(path, "give another name"), contextlib.closing(_recorder(path, fps)) as recorder:
        if abs(recorder.fps / fps - 1) > 1e-3:
            report(f"{path}: recorded at {recorder.fps:g} frames/s, the nearest to {fps:g} that its codec holds")
        try:
            yield recorder
        except BaseException as error:
            ended = error
        try:
            ended = recorder.finish() or ended
        except CvappError:
            if ended is None or recorder.count:
                raise
    if ended is not None:
        raise ended


def _recorder(path: Path, fps: float) -> Recorder:
    try:
        return Recorder(path, fps)
    except OSError as error:
        raise cannot_write(path, error) from error


def check_room(folder: Path, name: Path, more: int = 0) -> None:
    """Fail (exit 7) where the disk has less room than ROOM and so many bytes more, or is gone; it takes two microseconds."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise cannot_write(name, error) from error
    if free < ROOM + more:
        raise CvappError(f"{name}: the disk is almost full; free some space or choose another place", Exit.CANNOT_WRITE)
