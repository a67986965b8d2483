"""The live run: frames answered, drawn, shown, recorded and logged, and a summary at the end."""

import contextlib
import dataclasses
import itertools
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, Sequence

import cv2
import numpy as np

from cvapp.ending import Ending
from cvapp.camera.log import frame_log
from cvapp.camera.loop import Ahead, Answered, Rate, answers, latest
from cvapp.camera.smoothing import Smoothing
from cvapp.camera.sources import Frame, Settings, Source, open_source
from cvapp.camera.stage import Seen, Stage, told
from cvapp.errors import CvappError
from cvapp.progress import Report, silent

Scores = Sequence[tuple[str, float]]
Classify = Callable[[np.ndarray], Scores]
LIVE_SMOOTHING = 0.3  # seconds, of a live source where nothing else is asked for
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
        labels: frames by answer.
        saved: the recording.
    """

    frames: int
    seconds: float
    frames_per_second: float
    answer_milliseconds: float
    age_milliseconds: tuple[float, float]
    dropped: int
    labels: dict[str, int]
    saved: str | None


@dataclass(frozen=True)
class Options:
    """What a live run does besides answering.

    Args:
        show: open a window (exit 6 where there is no display).
        save: a video file of the annotated frames.
        log: a line for each frame, FILE.jsonl or FILE.csv, or `-`.
        snapshots: the folder that the key for snapshots writes to.
        frames: stop after so many.
        mirror: show and record the picture as a mirror does; the model still sees it as the camera did.
        smooth: seconds over which answers are averaged; LIVE_SMOOTHING for a live source, 0 for a file, when left out.
        settings: of the source.
        steps: what is done to every picture first: uint8 RGB (H, W, 3) -> the same.
        seen: which part of a picture of some shape the model sees, to mark its corners.
        prepare: what is done to each picture, in the reader's thread, before the classifier takes it.
        say: what is said of the scores; the best label when left out.
        next_variant: puts the next variant of the model to work; its name.
    """

    show: bool = False
    save: str | Path | None = None
    log: str | Path | None = None
    snapshots: Path = Path("snapshots")
    frames: int | None = None
    mirror: bool = False
    smooth: float | None = None
    settings: Settings = Settings()
    steps: Callable[[np.ndarray], np.ndarray] | None = None
    seen: Seen | None = None
    prepare: Callable[[np.ndarray], np.ndarray] | None = None
    say: Callable[[Scores], str] = lambda scores: scores[0][0]
    next_variant: Callable[[], str] | None = None

    def __post_init__(self) -> None:
        if self.smooth is not None and not 0 <= self.smooth < float("inf"):
            raise CvappError(f"smooth is {self.smooth:g}: give seconds, 0 or more")


@dataclass
class Tally:
    """What a run has done so far."""

    start: float = field(default_factory=time.perf_counter)
    rate: Rate = field(default_factory=Rate)
    first: float | None = None
    frames: int = 0
    dropped: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    answer_times: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    ages: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    oldest: float = 0.0

    def add(self, answered: Answered[Scores], said: str) -> dict[str, Any]:
        """Count a frame; its line of the log."""
        age = 1e3 * (time.monotonic() - answered.captured)
        self.frames, self.oldest = self.frames + 1, max(self.oldest, age)
        self.dropped = answered.frame.index + 1 - self.frames
        self.labels[said] += 1
        self.answer_times.append(answered.milliseconds)
        self.ages.append(age)
        label, probability = answered.answer[0]
        self.first = answered.frame.seconds if self.first is None else self.first
        return {
            "frame": answered.frame.index,
            "seconds": round(answered.frame.seconds - self.first, 4),
            "answer": said,
            "label": label,
            "probability": round(float(probability), 4),
            "milliseconds": round(answered.milliseconds, 2),
            "age_milliseconds": round(age, 1),
            "dropped": self.dropped,
            "frames_per_second": round(self.rate.tick(), 1),
        }

    def summary(self, saved: Path | None) -> Summary:
        """What is told at the end."""
        seconds = time.perf_counter() - self.start
        median, age = (round(float(np.median(values)), 2) if values else 0.0 for values in (self.answer_times, self.ages))
        labels, path = dict(self.labels.most_common()), str(saved) if saved is not None else None
        rate = round(self.frames / seconds, 1)
        return Summary(self.frames, round(seconds, 2), rate, median, (age, round(self.oldest, 2)), self.dropped, labels, path)


def run(
    source: int | str,
    classify: Classify,
    options: Options = Options(),
    each: Callable[[Answered[Scores]], None] | None = None,
    report: Report = silent,
) -> Summary:
    """Run a classifier over a source until it ends, enough frames are done, or the person quits (q, Ctrl-C, SIGTERM).

    Args:
        source: as `open_source` takes it.
        classify: uint8 RGB (H, W, 3) of any size -> label and probability, the best first. Called in a thread of its own.
        options: what else to do.
        each: called with every answered frame.
        report: told how many frames are done, and what happens to the source.
    """
    with contextlib.ExitStack() as stack:
        stack.callback(cv2.setNumThreads, cv2.getNumThreads())
        cv2.setNumThreads(1)  # more would take the core that infers
        ending = stack.enter_context(Ending())
        _check_other_file(source, options.save)
        opened = stack.enter_context(open_source(source, options.settings, report))
        title = f"cvapp {opened.name}" if options.show else None
        stage = stack.enter_context(Stage(title, options.save, opened.fps, options.mirror, options.snapshots, options.seen, report))
        log = stack.enter_context(frame_log(options.log)) if options.log is not None else None
        running = _answering(opened, classify, options, stack)
        stack.callback(ending.hold)  # files are finished, though the person presses Ctrl-C again
        tally, count = Tally(), _counter(opened, options, report)
        try:
            for answered in itertools.islice(running, options.frames):
                ending.hold()
                answered, line = count(tally, answered)
                if each is not None:
                    each(answered)
                if log is not None:
                    log(line)
                if not stage.idle:
                    early = 0.0 if opened.live else answered.frame.seconds - (time.perf_counter() - tally.start)
                    stage.put(answered.frame, answered.answer, line["answer"], _status(line), early)
                ending.release()
                tally.start += stage.pause()
                if stage.controls.quit:
                    break
                if stage.controls.variant:
                    stage.controls.variant = False
                    _switch(options.next_variant, report)
        except KeyboardInterrupt:
            report("stopped")
        return tally.summary(stage.saved)


def _answering(source: Source, classify: Classify, options: Options, stack: contextlib.ExitStack) -> Ahead[Answered[Scores]]:
    """The answered frames; the threads behind them end with the stack, before the source is closed."""
    read = latest(source) if source.live else None  # in a thread of its own: slow steps skip frames then, and queue none
    running = answers(_stepped(read or source, options.steps), classify, options.prepare, newest=source.live)
    stack.callback(running.close)
    if read is not None:
        stack.callback(read.close)
    return running


def _counter(
    source: Source, options: Options, report: Report
) -> Callable[[Tally, Answered[Scores]], tuple[Answered[Scores], dict[str, Any]]]:
    """A function that counts an answered frame: the same with its scores smoothed, and its line of the log."""
    smooth = Smoothing((LIVE_SMOOTHING if source.live else 0.0) if options.smooth is None else options.smooth)
    total = min(filter(None, (source.count, options.frames)), default=None)

    def count(tally: Tally, answered: Answered[Scores]) -> tuple[Answered[Scores], dict[str, Any]]:
        answered = answered._replace(answer=smooth(answered.answer, answered.frame.seconds))
        line = tally.add(answered, options.say(answered.answer))
        if total is not None:
            report("frames", tally.frames, total)
        return answered, line

    return count


def _switch(next_variant: Callable[[], str] | None, report: Report) -> None:
    """Put the next variant to work, and tell."""
    with told(report):
        report(f"{next_variant()} answers now" if next_variant is not None else "there is no other variant")


def _check_other_file(source: int | str, save: str | Path | None) -> None:
    if save is not None and Path(str(source)).is_file() and Path(save).exists() and Path(save).samefile(Path(str(source))):
        raise CvappError(f"--save {save}: it would take the place of the source itself; choose another name")


def _stepped(source: Iterable[Frame], steps: Callable[[np.ndarray], np.ndarray] | None) -> Iterator[Frame]:
    """The frames, each with the steps done to its picture."""
    return iter(source) if steps is None else (dataclasses.replace(frame, image=steps(frame.image)) for frame in source)


def _status(line: dict[str, Any]) -> str:
    dropped = f"  {line['dropped']} dropped" if line["dropped"] else ""
    rate = line["frames_per_second"]
    return f"{rate:.{0 if rate >= 9.5 else 1}f} frames/s  {line['milliseconds']:.0f} ms  {line['age_milliseconds']:.0f} ms old{dropped}"
