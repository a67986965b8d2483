"""What every source is made of: frames, the settings that a person may choose, and the clock that a live one keeps."""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

import numpy as np

from cvapp.errors import CvappError

MAX_FPS, MAX_SIDE = 1000, 16384


_CLOCK = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def now() -> float:
    """Seconds of a clock that only grows, also while the machine sleeps; Linux's `time.monotonic()` would stand still."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


@dataclass(frozen=True)
class Frame:
    """One picture of a source: uint8 RGB (H, W, 3), its capture time in seconds, its number.

    The time is `now()` when the frame arrived (of a drawn or played one: when it was due) where the source is live, the time into the
    file otherwise. Numbers that are left out stand for frames that were lost.
    """

    image: np.ndarray
    seconds: float
    index: int


@dataclass(frozen=True)
class Settings:
    """How a source is opened.

    Args:
        backend: OpenCV's name of what reads a camera, a video or an address (V4L2, FFMPEG ...); its own choice when left out.
        size: (height, width) that a camera is asked for, or that signs are drawn at.
        fps: frames a second that a camera is asked for, or that signs are drawn at.
        realtime: play a file by the clock and treat it as live.
        patience: seconds that a lost camera or stream is waited for; 0 gives up at once.
        bits: how many of the 16 bits of a picture file of 16 bits are used (`images.bits`); all when left out.
    """

    backend: str | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None
    realtime: bool = False
    patience: float = 60.0
    bits: int | None = None

    def __post_init__(self) -> None:
        if self.size is not None and not (len(self.size) == 2 and all(1 <= side <= MAX_SIDE for side in self.size)):
            raise CvappError(f"size is {self.size!r}: give (height, width), each 1 to {MAX_SIDE} pixels")
        if self.fps is not None and not 0 < self.fps <= MAX_FPS:
            raise CvappError(f"fps is {self.fps:g}: give frames a second, above 0 and at most {MAX_FPS}")
        if not 0 <= self.patience < float("inf"):
            raise CvappError(f"patience is {self.patience:g}: give seconds, 0 or more")


_FOR = {"backend": "a camera, a video or an address", "size": "a camera or drawn signs", "fps": "a camera or drawn signs"}


def refuse(settings: Settings, word: str | Path, *names: str) -> None:
    """Fail (exit 2) where a setting was chosen that means nothing to this source."""
    for name in names:
        if getattr(settings, name) is not None:
            raise CvappError(f"{word}: {name} cannot be chosen for it, only for {_FOR[name]}; leave it out")


class Source:
    """An open source: iterate it for Frames, close it (or leave its `with` block) to free the device.

    Attributes:
        name: as the person gave it, a password left out.
        live: frames arrive by the clock, so a slow consumer must skip some.
        fps: frames a second as the device or the file states them, an average or a guess where they vary; 30 where neither does.
        count: how many frames there will be, where known; of many videos it is a guess.
        path: of a video that is a file.
    """

    path: str | None = None

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
        """Free the device or the file; from any thread, and whoever waits for a frame is told that there is none."""
        self._close()


def by_the_clock(frames: Iterator[Frame], rest: Callable[[float], bool]) -> Iterator[Frame]:
    """Give each frame when its time has come, and that time to the frame; one that is late is given at once, and is as old as it is late.

    Args:
        frames: whose times count from their start.
        rest: waits so many seconds, and is True once the source was closed.
    """
    start: float | None = None
    for frame in frames:
        moment = now()
        start = moment - frame.seconds if start is None else start
        due = start + frame.seconds
        if rest(due - moment):
            return
        yield dataclasses.replace(frame, seconds=due)
