"""A recording becomes the video that was asked for, its own or one that a killed process left behind."""

import glob
import itertools
import os
import re
import time
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from cvapp import locks
from cvapp.camera import pieces
from cvapp.errors import CvappError, Exit
from cvapp.files import cannot_write, replacing
from cvapp.progress import Report, silent

CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}
PIECES = {".mp4": ("mp4v", ".mp4"), ".mov": ("mp4v", ".mov"), ".avi": ("jpeg", ".mov"), ".mkv": ("mp4v", ".mp4")}  # the same codecs
WORK = ".recording"  # ends the name of a file that grows
NEW = 10.0  # seconds for which a file without a piece may be that of a process about to lock it
_NAME = re.compile(r"\..+(\.[^.]+)\.\d+-\d+" + re.escape(WORK))
_numbers = itertools.count()


def held_rate(fps: float, suffix: str) -> float:
    """The frames a second nearest to some that a video of a suffix holds.

    OpenCV writes three decimals. MPEG-4 counts a second in at most 65535 parts (ISO/IEC 14496-2, vop_time_increment_resolution), so it holds two
    decimals above 65.5 frames a second, and one above 655.
    """
    digits = 3
    while digits and CODECS[suffix.lower()] == "mp4v" and round(fps, digits) * 10**digits > 65535:
        digits -= 1
    return min(max(round(fps, digits), 0.001), 65535.0)


def work_path(path: Path) -> Path:
    """Where a recording grows that is to become `path`: hidden beside it, of this process."""
    return path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}{WORK}")


def rewrapped(suffix: str) -> bool:
    """Whether a video is written once more when it ends, since it is no MP4 or QuickTime file; its frames stay as they are."""
    return suffix.lower() not in (".mp4", ".mov")


def move(work: Path, target: Path, count: int) -> None:
    """Put a finished file of so many frames at `target`, in the container that its suffix names.

    Raises:
        CvappError: `target` cannot be written, or there is no room for the other container (exit 7); `work` is still there.
    """
    try:
        if not rewrapped(target.suffix):
            os.replace(work, target)
            return
        with replacing(target) as neighbour:
            _rewrap(work, neighbour)
            if count_frames(neighbour) < count:
                raise CvappError(
                    f"{target}: no room to finish it; free some space, and the next recording to {target.parent} finishes it", Exit.CANNOT_WRITE
                )
        work.unlink()
    except OSError as error:
        raise cannot_write(target, error) from error


def _rewrap(source: Path, target: Path) -> None:
    """Copy the encoded frames of a video into another container."""
    capture = cv2.VideoCapture(str(source), cv2.CAP_FFMPEG)
    try:
        capture.set(cv2.CAP_PROP_FORMAT, -1)  # encoded frames
        size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        code, fps = CODECS[target.suffix.lower()], capture.get(cv2.CAP_PROP_FPS)
        settings = [cv2.VIDEOWRITER_PROP_RAW_VIDEO, 1, cv2.VIDEOWRITER_PROP_KEY_INTERVAL, 2**30]
        head = _head(capture) if code == "mp4v" else np.zeros((1, 0), np.uint8)
        writer = cv2.VideoWriter(str(target), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*code), fps, size, settings)
        try:
            while (frame := capture.read()[1]) is not None:
                key = capture.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME)
                writer.set(cv2.VIDEOWRITER_PROP_KEY_FLAG, key)
                writer.write(np.concatenate([head, frame], 1) if key else frame)
        finally:
            writer.release()
    finally:
        capture.release()


def _head(capture: cv2.VideoCapture) -> np.ndarray:
    """What a decoder of MPEG-4 has to know: it stands in the index of an MP4, and before a frame elsewhere."""
    return capture.retrieve(None, int(capture.get(cv2.CAP_PROP_CODEC_EXTRADATA_INDEX)))[1]


def recover(folder: Path, report: Report = silent, taken: Path | None = None) -> None:
    """Finish what recordings to a folder left whose processes were killed, as NAME-recovered.mp4; each is told.

    Args:
        folder: hidden files of other programs in it are left alone.
        report: told of each.
        taken: a path that none of them gets: another recording is about to.
    """
    for work in sorted(path for path in folder.glob(f".*{WORK}") if (found := _NAME.fullmatch(path.name)) and found[1].lower() in CODECS):
        with suppress(OSError), open(work, "r+b") as file:
            if not pieces.lock(file) or not os.path.samestat(os.fstat(file.fileno()), work.stat()):
                continue  # it is being recorded, or was just finished
            count = pieces.finish(file)
            file.flush()
            if not count and time.time() - work.stat().st_mtime < NEW:
                continue
            try:
                if count:
                    report(_recovered(work, count, taken))
            except CvappError as error:
                report(str(error))
                continue
            for stray in (work, *folder.glob(f"{glob.escape(work.name)}.*")):
                stray.unlink(missing_ok=True)
            with suppress(CvappError), locks.locked(_name(work)):  # which removes the lock that the killed process left
                pass


def _name(work: Path) -> Path:
    """The video that a recording was to become."""
    return work.with_name(work.name[1 : -len(WORK)].rpartition(".")[0])


def _recovered(work: Path, count: int, taken: Path | None) -> str:
    """Give what was left a name that no other file has; what is said of it."""
    name = _name(work)
    for number in itertools.count(1):
        target = name.with_stem(f"{name.stem}-recovered" + (f"-{number}" if number > 1 else ""))
        with suppress(FileExistsError):
            if target != taken:
                open(target, "x").close()  # so that nobody else takes the name
                break
    try:
        move(work, target, count)
    except CvappError:
        target.unlink(missing_ok=True)
        raise
    return f"{target}: the first {count} frames of {name.name}, whose recording was cut off"


def count_frames(path: str | Path) -> int:
    """How many frames a video file says it holds."""
    capture = cv2.VideoCapture(str(path))
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        capture.release()
