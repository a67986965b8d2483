"""The live run: frames answered, drawn, shown and recorded, and a summary at the end."""

import contextlib
import itertools
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

import cv2
import numpy as np

from cvapp.camera.loop import Answered, Rate, answers
from cvapp.camera.overlay import draw
from cvapp.camera.recorder import record
from cvapp.camera.sources import open_source
from cvapp.camera.window import Window
from cvapp.progress import Report, silent

Scores = Sequence[tuple[str, float]]
Classify = Callable[[np.ndarray], Scores]


@dataclass(frozen=True)
class Summary:
    """What a live run did: frames, seconds, frames a second, median milliseconds an answer took (fitting included), frames by answer."""

    frames: int
    seconds: float
    frames_per_second: float
    answer_milliseconds: float
    labels: dict[str, int]
    saved: str | None


@dataclass(frozen=True)
class Options:
    """What a live run does besides answering.

    Args:
        show: open a window (exit 6 where there is no display).
        save: a video file of the annotated frames.
        frames: stop after so many.
        mirror: show and record the picture as a mirror does; the model still sees it as the camera did.
        seen: which part of a picture of some shape the model sees, to mark its corners.
        prepare: what is done to each picture, in the reader's thread, before the classifier takes it.
        say: what is said of the scores; the best label when left out.
    """

    show: bool = False
    save: str | Path | None = None
    frames: int | None = None
    mirror: bool = False
    seen: Callable[[tuple[int, ...]], tuple[int, int, int, int]] | None = None
    prepare: Callable[[np.ndarray], np.ndarray] | None = None
    say: Callable[[Scores], str] = lambda scores: scores[0][0]


def run(
    source: int | str,
    classify: Classify,
    options: Options = Options(),
    each: Callable[[Answered[Scores]], None] | None = None,
    report: Report = silent,
) -> Summary:
    """Run a classifier over a source until it ends, enough frames are done, or the person quits.

    Args:
        source: as `open_source` takes it.
        classify: uint8 RGB (H, W, 3) of any size -> label and probability, the best first. Called in a thread of its own.
        options: what else to do.
        each: called with every answered frame.
        report: told how many frames are done.
    """
    times: list[float] = []
    labels: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        stack.callback(cv2.setNumThreads, cv2.getNumThreads())
        cv2.setNumThreads(1)  # more would take the core that infers
        opened = stack.enter_context(open_source(source))
        window = stack.enter_context(Window(f"cvapp {source}")) if options.show else None
        recorder = stack.enter_context(record(options.save, opened.fps)) if options.save is not None else None
        total = min(filter(None, (opened.count, options.frames)), default=None)
        running = answers(opened, classify, options.prepare, newest=opened.live)
        stack.callback(running.close)  # its threads end before the source is closed
        rate, start = Rate(), time.perf_counter()
        try:
            for answered in itertools.islice(running, options.frames):
                times.append(answered.milliseconds)
                said = options.say(answered.answer)
                labels[said] += 1
                if each is not None:
                    each(answered)
                if total is not None:
                    report("frames", len(times), total)
                fps = rate.tick()
                if window is None and recorder is None:
                    continue
                image = cv2.flip(answered.frame.image, 1) if options.mirror else answered.frame.image
                picture = draw(image, answered.answer, fps, options.seen(image.shape) if options.seen else None, said)
                if recorder is not None:
                    recorder.write(picture)
                early = 0.0 if opened.live else answered.frame.seconds - (time.perf_counter() - start)
                if window is not None and not window.show(picture, early):
                    break
        except KeyboardInterrupt:
            report("stopped")
        seconds = time.perf_counter() - start
    return Summary(
        len(times),
        round(seconds, 2),
        round(len(times) / seconds, 1),
        round(float(np.median(times)), 2) if times else 0.0,
        dict(labels.most_common()),
        str(options.save) if options.save is not None else None,
    )
