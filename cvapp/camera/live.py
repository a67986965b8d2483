"""The live run: frames answered, drawn, shown, recorded and logged, and a summary at the end."""

import contextlib
import dataclasses
import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator

import cv2
import numpy as np

from cvapp.ending import Ending
from cvapp.camera.keys import Controls
from cvapp.camera.kinds import Kind, Place, named
from cvapp.camera.log import frame_log
from cvapp.camera.loop import Ahead, Answered, answers, latest
from cvapp.camera.sources import Frame, Settings, Source, open_source
from cvapp.camera.sources.files import files_of
from cvapp.camera.sources.timing import recording_rate
from cvapp.camera.stage import Stage, told
from cvapp.camera.tally import Summary, Tally, status
from cvapp.errors import CvappError
from cvapp.files import check_no_input
from cvapp.progress import Report, silent

Answer = Callable[[Any], Any]
Seen = Callable[[tuple[int, ...]], Place]
LIVE_SMOOTHING = 0.3  # seconds, of a live source where nothing else is asked for
MOST_FPS = 120.0  # frames a second of a live recording; some streams state a thousand, and each one would be written
NAMED_SECONDS = 3.0  # for which the picture names the variant that the person chose


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
        prepare: what is done to each picture, in the reader's thread, before it is answered.
        kind: of the answers; those of a classifier when left out.
        next_variant: puts the next variant of the model to work; its name.
        attention: lets answers show where the model looks, or no longer.
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
    prepare: Callable[[np.ndarray], Any] | None = None
    kind: Kind = named()
    next_variant: Callable[[], str] | None = None
    attention: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        if self.smooth is not None and not 0 <= self.smooth < float("inf"):
            raise CvappError(f"smooth is {self.smooth:g}: give seconds, 0 or more")


def run(
    source: int | str,
    answer: Answer,
    options: Options = Options(),
    each: Callable[[Answered[Any]], None] | None = None,
    report: Report = silent,
) -> Summary:
    """Run a model over a source until it ends, enough frames are done, or the person quits (q, Ctrl-C, SIGTERM).

    Args:
        source: as `open_source` takes it.
        answer: takes what `prepare` made of a picture, or the picture, uint8 RGB (H, W, 3) of any size; gives an answer of the kind. Called in a
            thread of its own.
        options: what else to do.
        each: called with every answered frame.
        report: told how many frames are done, and what happens to the source.

    Raises:
        CvappError: what cannot work, before the first frame; `Stopped` after it.
    """
    tally = Tally()
    try:
        with contextlib.ExitStack() as stack:
            stack.callback(cv2.setNumThreads, cv2.getNumThreads())
            cv2.setNumThreads(1)  # more would take the core that infers
            ending = stack.enter_context(Ending())
            check_no_input([path for path in (options.save, options.log) if path is not None], files_of(str(source)))
            opened = stack.enter_context(open_source(source, options.settings, report))
            stage = stack.enter_context(_stage(opened, options, report))
            log = stack.enter_context(frame_log(options.log)) if options.log is not None else None
            running = _answering(opened, answer, options, stack)
            stack.callback(ending.hold)  # files are finished, though the person presses Ctrl-C again
            count, switch = _counter(opened, options, report), _Switch(options, report)
            tally.start = time.perf_counter()
            stack.callback(tally.stop)
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
                        stage.put(answered.frame, answered.answer, switch.named() + status(line), early)
                    ending.release()
                    tally.paused(stage.pause())
                    if stage.controls.quit:
                        break
                    switch.obey(stage.controls)
                else:
                    _end_progress(tally.frames, _total(opened, options), report)
            except KeyboardInterrupt:
                report("stopped")
    except CvappError as error:
        if tally.frames == 0:
            raise
        raise Stopped(error, tally.summary(*stage.saved)) from error
    return tally.summary(*stage.saved)


class Stopped(CvappError):
    """An error that ended a run after its first frame: a lost camera, a full disk; `summary` says what was done before."""

    def __init__(self, error: CvappError, summary: Summary):
        super().__init__(str(error), error.code)
        self.summary = summary


def _stage(source: Source, options: Options, report: Report) -> Stage:
    title = f"cvapp {source.name}" if options.show else None
    fps = source.fps
    if source.path is not None and (options.show or options.save is not None):
        fps = recording_rate(source.path, fps)
    fps = min(fps, MOST_FPS) if source.live else fps

    def draw(picture: np.ndarray, answer: Any, text: str, mirrored: bool) -> np.ndarray:
        return options.kind.draw(picture, answer, text, options.seen(picture.shape) if options.seen is not None else None, mirrored)

    return Stage(title, options.save, fps, options.mirror, options.snapshots, draw, source.live, report)


def _answering(source: Source, answer: Answer, options: Options, stack: contextlib.ExitStack) -> Ahead[Answered[Any]]:
    """The answered frames. With the stack the source is closed first, so that no thread waits for a frame of it, then they end."""
    read = latest(source) if source.live else None  # in a thread of its own: slow steps skip frames then, and queue none
    running = answers(_stepped(read or source, options.steps), answer, options.prepare, newest=source.live)
    stack.callback(running.close)
    if read is not None:
        stack.callback(read.close)
    stack.callback(source.close)
    return running


def _counter(source: Source, options: Options, report: Report) -> Callable[[Tally, Answered[Any]], tuple[Answered[Any], dict[str, Any]]]:
    """A function that counts an answered frame: the same with its answer steadied, and its line of the log."""
    steady = options.kind.steady((LIVE_SMOOTHING if source.live else 0.0) if options.smooth is None else options.smooth)
    total = _total(source, options)

    def count(tally: Tally, answered: Answered[Any]) -> tuple[Answered[Any], dict[str, Any]]:
        answered = answered._replace(answer=steady(answered.answer, answered.frame.seconds))
        line = tally.add(answered, options.kind)
        if total is not None and tally.frames <= total:  # it may be a guess
            report("frames", tally.frames, total)
        return answered, line

    return count


def _total(source: Source, options: Options) -> int | None:
    """How many frames will be answered, where that is known or guessed."""
    return min(filter(None, (source.count, options.frames)), default=None)


def _end_progress(frames: int, total: int | None, report: Report) -> None:
    """Say that all frames are done where there were fewer than was guessed."""
    if total is not None and 0 < frames < total:
        report("frames", frames, frames)


class _Switch:
    """Puts the next variant of the model to work, and names it on the picture for a while; shows where the model looks, or no longer."""

    def __init__(self, options: Options, report: Report):
        self._next, self._attention, self._report, self._name, self._until = options.next_variant, options.attention, report, "", 0.0

    def obey(self, controls: Controls) -> None:
        """Fulfil what the person wishes of the model, or tell why not."""
        with told(self._report):
            if controls.variant:
                controls.variant = False
                self._go_on()
            if controls.attention:
                controls.attention = False
                if self._attention is None:
                    raise CvappError("there is no attention to show")
                self._attention()

    def _go_on(self) -> None:
        """To the next variant."""
        if self._next is None:
            raise CvappError("there is no other variant")
        self._name = self._next()
        self._until = time.monotonic() + NAMED_SECONDS
        self._report(f"{self._name} answers now")

    def named(self) -> str:
        """What the picture says of it now."""
        return f"{self._name}  " if time.monotonic() < self._until else ""


def _stepped(source: Iterable[Frame], steps: Callable[[np.ndarray], np.ndarray] | None) -> Iterator[Frame]:
    """The frames, each with the steps done to its picture."""
    return iter(source) if steps is None else (dataclasses.replace(frame, image=steps(frame.image)) for frame in source)
