"""What a live run has done so far, frame by frame, and the summary of it."""

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cvapp.camera.kinds import Kind
from cvapp.camera.loop import Answered, Rate
from cvapp.camera.sources.frames import now

_KEPT = 100_000  # the newest times, that medians are taken of: an hour of frames; a run of days must not grow


@dataclass(frozen=True)
class Summary:
    """What a live run did.

    Args:
        frames: that were answered.
        seconds: from the first to the end.
        frames_per_second: of those.
        answer_milliseconds: the median time of an answer, fitting included.
        age_milliseconds: the median and the largest age of a frame when its answer was drawn.
        dropped: frames that came but were too old to be answered.
        labels: frames by answer; of boxes, by what they showed.
        saved: the recording that was kept.
        replaced: whether it took the place of another file.
    """

    frames: int
    seconds: float
    frames_per_second: float
    answer_milliseconds: float
    age_milliseconds: tuple[float, float]
    dropped: int
    labels: dict[str, int]
    saved: str | None
    replaced: bool


@dataclass
class Tally:
    """What a run has done so far."""

    start: float = field(default_factory=time.perf_counter)
    end: float = 0.0
    rate: Rate = field(default_factory=Rate)
    first: float | None = None
    frames: int = 0
    dropped: int = 0
    expected: int | None = 0  # the number of the next frame, were none dropped; None where any may come
    labels: Counter[str] = field(default_factory=Counter)
    answer_times: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    ages: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    oldest: float = 0.0

    def add(self, answered: Answered[Any], kind: Kind) -> dict[str, Any]:
        """Count a frame; its line of the log."""
        age = 1e3 * (now() - answered.captured)
        self.frames, self.oldest = self.frames + 1, max(self.oldest, age)
        self.dropped += 0 if self.expected is None else answered.frame.index - self.expected
        self.expected = answered.frame.index + 1
        self.labels.update(kind.counted(answered.answer))
        self.answer_times.append(answered.milliseconds)
        self.ages.append(age)
        self.first = answered.frame.seconds if self.first is None else self.first
        return {
            "frame": answered.frame.index,
            "seconds": round(answered.frame.seconds - self.first, 4),
            "answer": kind.say(answered.answer),
            **kind.line(answered.answer),
            "milliseconds": round(answered.milliseconds, 2),
            "age_milliseconds": round(age, 1),
            "dropped": self.dropped,
            "frames_per_second": round(self.rate.tick(), 1),
        }

    def paused(self, seconds: float) -> None:
        """Take out the time for which the person let the picture stand, and the frames that came meanwhile."""
        if seconds > 0:
            self.start, self.expected = self.start + seconds, None

    def stop(self) -> None:
        """The run is at its end."""
        self.end = time.perf_counter()

    def summary(self, saved: Path | None, replaced: bool) -> Summary:
        """What is told at the end."""
        seconds = self.end - self.start
        median, age = (round(float(np.median(values)), 2) if values else 0.0 for values in (self.answer_times, self.ages))
        labels, path = dict(self.labels.most_common()), str(saved) if saved is not None else None
        rate = round(self.frames / seconds, 1)
        return Summary(self.frames, round(seconds, 2), rate, median, (age, round(self.oldest, 2)), self.dropped, labels, path, replaced)


def status(line: dict[str, Any]) -> str:
    """What the picture says of a line of the log."""
    dropped = f"  {line['dropped']} dropped" if line["dropped"] else ""
    rate = line["frames_per_second"]
    return f"{rate:.{0 if rate >= 9.5 else 1}f} frames/s  {line['milliseconds']:.0f} ms  {line['age_milliseconds']:.0f} ms old{dropped}"
