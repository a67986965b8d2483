"""Frames of files: a video, a picture, a camera's raw file, a folder or a pattern of pictures."""

import glob
import os
import re
import threading
from pathlib import Path
from typing import Callable, Iterator

import cv2
import numpy as np

from cvapp import images, picture_files
from cvapp.camera.sources import containers
from cvapp.camera.sources.capture import Capture, backend_number, registry
from cvapp.camera.sources.frames import Frame, Settings, Source, by_the_clock, refuse
from cvapp.camera.sources.timing import Times
from cvapp.errors import CvappError, Exit
from cvapp.files import special
from cvapp.progress import Report, hushed, silent

PICTURE_SECONDS = 1.0
RAW_SUFFIXES = images.RAW_SUFFIXES | {".npz"}
SUFFIXES = picture_files.PICTURES | RAW_SUFFIXES


def open_files(word: str, settings: Settings, report: Report = silent) -> Source:
    """Open what a path or a pattern ("shots/*.jpg") names; numbers within names are sorted as numbers.

    Of several pictures, one that cannot be read is told and left out; the source ends with an error then (exit 3).

    Raises:
        CvappError: nothing is there, or it cannot be played (exit 3); a setting that means nothing to it (exit 2).
    """
    if word and os.path.isdir(word):
        return _open_pictures(word, files_of(word), "no pictures in this folder", settings, report)
    if os.path.isfile(word):
        picture = Path(word).suffix.lower() in SUFFIXES - {".gif"}  # a .gif may move
        return _open_pictures(word, files_of(word), "", settings, report) if picture else _open_video(word, settings)
    if glob.has_magic(word):
        return _open_pictures(word, files_of(word), "no picture has such a name", settings, report)
    if wrong := special(word):
        raise CvappError(f"{word}: {wrong}", Exit.BAD_DATA)
    raise CvappError(
        f"no source {word!r}: give a camera's index (0), a video file, a picture or a folder of pictures, a pattern ('shots/*.jpg'), "
        "an address (http://, rtsp://) or synthetic:signs",
        Exit.BAD_DATA,
    )


def files_of(word: str) -> list[Path]:
    """The files that a path or a pattern names: itself, or the pictures in the folder or of such names; none of a camera or an address."""
    if word and os.path.isdir(word):
        return _in_order(picture_files.pictures(Path(word), SUFFIXES, deep=False))
    return [Path(word)] if os.path.isfile(word) else _in_order(picture_files.matching(word, SUFFIXES))


def _in_order(found: picture_files.Files) -> list[Path]:
    """The pictures by the numbers in their names; of those that cannot be opened, reading says why."""
    return sorted([*found.usable, *found.unusable], key=lambda path: natural(str(path)))


def natural(name: str) -> list[tuple[int, str]]:
    """A key by which "shot 10" comes after "shot 2"."""
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _open_pictures(word: str, files: list[Path], none: str, settings: Settings, report: Report) -> Source:
    if not files:
        raise CvappError(f"{word}: {none}; give photos, a video file or a camera's index", Exit.BAD_DATA)
    refuse(settings, word, "backend", "size", "fps")
    closed = threading.Event()

    def frames() -> Iterator[Frame]:
        index, bad = 0, []
        for file in files:
            if closed.is_set():
                return
            try:
                picture = _read(file, settings.bits)
            except CvappError as error:
                if len(files) == 1:
                    raise
                report(str(error))
                bad.append(file.name)
                continue
            yield Frame(picture, index * PICTURE_SECONDS, index)
            index += 1
        if bad:
            raise CvappError(f"{word}: {len(bad)} of {len(files)} pictures could not be read: {', '.join(bad)}", Exit.BAD_DATA)

    return _timed(Source(word, frames(), False, 1 / PICTURE_SECONDS, len(files), closed.set), closed, settings.realtime)


def _read(path: Path, bits: int | None) -> np.ndarray:
    if path.suffix.lower() not in RAW_SUFFIXES:
        return images.read(path, bits)
    from cvapp.isp.develop import develop  # late: few need it

    return develop(path)


def _open_video(word: str, settings: Settings) -> Source:
    refuse(settings, word, "size", "fps")
    backend = backend_number(settings.backend, registry.getStreamBackends())
    with hushed():
        capture = Capture(word, backend)
    if not capture.device.isOpened():
        why = containers.why_no_video(word) or "OpenCV cannot play it (not a video, damaged, or a codec it lacks); convert it to H.264 .mp4"
        raise CvappError(f"{word}: {why}", Exit.BAD_DATA)

    stated = capture.count or 0

    def check(frames: int, seconds: float) -> None:
        if missing := containers.what_is_missing(word, frames, stated):
            raise CvappError(f"{word}: {missing}; copy it again", Exit.BAD_DATA)

    source = play(word, capture, check, settings.realtime)
    source.path = word
    return source


def play(name: str, capture: Capture, check: Callable[[int, float], None], realtime: bool = False) -> Source:
    """A source of an open video: every frame that can be decoded, at its own time, then an error where there is none (exit 3).

    Args:
        name: as messages call it.
        capture: the video, before its first frame.
        check: called after the last frame with their number and its seconds; raises what is to be told.
        realtime: by the clock, as a camera would.
    """
    fps, count, codec, closed = capture.fps, capture.count, _codec(capture), threading.Event()

    def frames() -> Iterator[Frame]:
        index, seconds, times = 0, 0.0, Times(fps)
        while not closed.is_set() and (shot := capture.read_timed()) is not None:
            seconds = times(shot[1])
            yield Frame(shot[0], seconds, index)
            index += 1
        if closed.is_set():
            return
        check(index, seconds)
        if index == 0:
            raise CvappError(f"{name}: not one frame could be decoded{codec}; convert it to H.264 .mp4", Exit.BAD_DATA)

    def close() -> None:
        closed.set()
        capture.release()

    return _timed(Source(name, frames(), False, fps, count, close), closed, realtime)


def _codec(capture: Capture) -> str:
    """The codec by its four letters, where they are some."""
    letters = (int(capture.device.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF).to_bytes(4, "little").decode("latin-1")
    return f" (codec {letters})" if letters.isascii() and letters.isprintable() else ""


def _timed(source: Source, closed: threading.Event, realtime: bool) -> Source:
    """The source itself, or the same by the clock."""
    if not realtime:
        return source
    return Source(source.name, by_the_clock(iter(source), closed.wait), True, source.fps, source.count, source.close)
