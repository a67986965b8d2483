"""Streams and videos at an address: RTSP, or HTTP with MJPEG, read by FFmpeg within time limits."""

import re
import time

import cv2

from cvapp.camera.sources.capture import Capture, backend_number, registry
from cvapp.camera.sources.files import play
from cvapp.camera.sources.frames import Settings, Source
from cvapp.camera.sources.reconnecting import Line, Reconnecting
from cvapp.errors import CvappError, Exit
from cvapp.progress import Report

SCHEMES = ("rtsp", "rtsps", "http", "https")
OPEN_SECONDS, READ_SECONDS = 4.0, 3.0  # FFmpeg's own limits
MARGIN = 2.0  # that our limits leave to FFmpeg's, which do not hold for a name look-up, and to asking a server why it failed


def is_address(word: str) -> bool:
    """Whether a word is an address, of whatever kind."""
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", word) is not None


def open_address(word: str, settings: Settings, report: Report) -> Source:
    """Open a live stream, opened again when it is lost; or a video of known length, played once.

    Raises:
        CvappError: the server refuses, is silent, or answers something else (exit 6); no such kind of address or backend (exit 2).
    """
    shown = without_password(word)
    if word.partition("://")[0].lower() not in SCHEMES:
        raise CvappError(f"{shown}: no such kind of address; it begins with {', '.join(f'{scheme}://' for scheme in SCHEMES)}")
    backend = backend_number(settings.backend or "FFMPEG", registry.getStreamBackends())
    line = Line(shown, lambda: _connect(word, shown, backend), OPEN_SECONDS + MARGIN, READ_SECONDS + MARGIN)
    stream = Reconnecting(line, settings.patience, report)
    fps, count = stream.open()
    if count is None:
        return Source(shown, stream.frames(), True, fps, None, stream.close)
    stream.close()

    def check(frames: int, seconds: float) -> None:
        lasts = count / fps
        if frames < 0.95 * count - 1 and seconds < 0.95 * lasts - 1:  # the count is a guess, and sound may go on after the pictures
            report(f"{shown}: the pictures ended after {seconds:.1f} of {lasts:.1f} s; if that is too early, look at the connection")

    return play(shown, _capture(word, backend), check, settings.realtime)


def _capture(word: str, backend: int) -> Capture:
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(1e3 * OPEN_SECONDS), cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(1e3 * READ_SECONDS)]
    return Capture(word, backend, limits if backend == cv2.CAP_FFMPEG else [])


def _connect(word: str, shown: str, backend: int) -> Capture:
    start = time.monotonic()
    capture = _capture(word, backend)
    if capture.read() is None:
        capture.release()
        spent = time.monotonic() - start
        if spent > 0.95 * min(OPEN_SECONDS, READ_SECONDS):
            why = f"no picture within {spent:.0f} s; is the address right, and the camera on?"
        else:
            from cvapp.camera.sources.asking import why_not  # late: it is slow to import

            why = why_not(word)
        raise CvappError(f"{shown}: {why}", Exit.NO_DEVICE)
    if capture.count is None and capture.read() is None:
        capture.release()
        raise CvappError(f"{shown}: one picture, not a stream; give the camera's address for MJPEG or RTSP", Exit.NO_DEVICE)
    return capture


def without_password(word: str) -> str:
    """An address as it may be shown."""
    return re.sub(r"(?<=://)([^/@:]*):[^/]*@", r"\1:***@", word)
