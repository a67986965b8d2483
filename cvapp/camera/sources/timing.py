"""When the frames of a video are: the container's own times, and the constant rate that holds them best."""

import math

import cv2
import numpy as np

from cvapp.camera.sources.capture import Capture

LONGEST = 3600.0  # seconds between two frames; a longer step is a broken clock, as where two broadcasts were joined
SCANNED = 500  # frames whose times tell the rate
REORDERED = 16  # frames that may be stored before one that is shown earlier (ISO/IEC 14496-10)
FASTEST = 120.0  # frames a second of a recording of a varying rate


class Times:
    """Seconds of each frame since the first, which always grow.

    OpenCV's CAP_PROP_POS_MSEC after a read is the time of that frame, but 0 where the container keeps none (raw H.264; B-frames in an AVI; the last
    frames of an MPEG program stream), and of the next frame with OpenCV's own reader of MJPEG. So times count from the first frame, and one that
    does not grow is a usual step after the last.

    Args:
        fps: frames a second as the container states them.
    """

    def __init__(self, fps: float):
        self._step, self._start, self._last = 1 / fps, 0.0, -math.inf

    def __call__(self, stated: float) -> float:
        """The time of the next frame.

        Args:
            stated: seconds by the container, of whatever start.
        """
        if self._last == -math.inf:
            self._start, self._last = stated, 0.0
            return 0.0
        seconds, usual = stated - self._start, self._last + self._step
        if not seconds > self._last:
            seconds = usual
        elif seconds > self._last + LONGEST:
            self._start += seconds - usual
            seconds = usual
        else:
            self._step = min(self._step, seconds - self._last)
        self._last = seconds
        return seconds


def recording_rate(path: str, stated: float) -> float:
    """The constant frames a second at which a recording of a video holds each of its frames, near its time.

    It is the stated rate where the frames obey it. Many containers state an average, or a guess; of a rate that varies, that of frames which
    follow one another fast is taken, so that none must be left out.

    Args:
        path: the video; the times of its first frames are read, without decoding them.
        stated: by the container.
    """
    capture = Capture(path, cv2.CAP_FFMPEG)
    times: list[float] = []
    try:
        if capture.device.set(cv2.CAP_PROP_FORMAT, -1):  # encoded frames
            while len(times) < SCANNED and capture.device.grab():
                times.append(capture.device.get(cv2.CAP_PROP_POS_MSEC) / 1e3)
    finally:
        capture.release()
    ordered = np.unique(times)[: -REORDERED if len(times) == SCANNED else None]
    if len(ordered) < 3:
        return stated
    steps = np.diff(ordered)
    usual = np.median(steps)
    steady = steps[np.abs(steps - usual) <= max(0.002, 0.1 * usual)]
    if len(steady) < 0.95 * len(steps):
        return max(min(1 / float(np.percentile(steps, 10)), FASTEST), stated)
    rate = 1 / float(steady.mean())
    return stated if abs(stated / rate - 1) < max(0.002, 0.0015 / float(steady.sum())) else rate  # times are often whole milliseconds
