"""Photos from a camera or a video into a class folder."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

import numpy as np

from cvapp import images, names
from cvapp.camera.loop import latest
from cvapp.camera.sources import Frame, Source
from cvapp.data.labels import label_of
from cvapp.errors import CvappError
from cvapp.files import check_writable
from cvapp.locks import WAIT, locked
from cvapp.progress import Report, silent

Show = Callable[[np.ndarray, str], bool]


@dataclass(frozen=True)
class Pace:
    """How many photos at most, seconds between two (0 takes every frame), seconds to get ready before the first of a live source."""

    count: int = 40
    interval: float = 0.5
    countdown: float = 3.0

    def __post_init__(self) -> None:
        if not (self.count >= 1 and self.interval >= 0 and self.countdown >= 0):
            came = f"count {self.count}, interval {self.interval:g}, countdown {self.countdown:g}"
            raise CvappError(f"{came}: give a count of at least 1 and no negative seconds")


def collect(
    label: str, source: Source, out: str | Path, pace: Pace = Pace(), show: Show | None = None, report: Report = silent
) -> list[Path]:
    """Save frames of a source into the folder of a class below `out`, paced by the source's own time.

    Args:
        label: the class; its folder is made. The names of the photos tell the session, so that a split keeps it whole.
        source: an open camera, video or folder.
        out: the data folder.
        pace: how many, how often.
        show: shown every frame with a text of what happens; False ends the session.
        report: told how many are saved.

    Raises:
        CvappError: text that is no label, or no folder's name, or another process collects it there (exit 2); a place that cannot be written
            (exit 7).
    """
    folder = _class_folder(label, Path(out), report)
    check_writable(folder)
    with locked(folder, f"{WAIT}: both would name their photos alike"):
        return _collect(folder, source, pace, show, report)


def _collect(folder: Path, source: Source, pace: Pace, show: Show | None, report: Report) -> list[Path]:
    """As `collect`, into a folder that no other process writes."""
    stem = f"{names.composed(folder.name)}-{_session(folder)}{'' if source.live else 'v'}"
    saved: list[Path] = []
    frames = latest(source)
    try:
        for text, frame, take in _timed(frames, pace.interval, pace.countdown if source.live else 0.0):
            if take:
                path = folder / f"{stem}-{len(saved) + 1:04d}.jpg"
                images.write(path, frame.image)
                saved.append(path)
                report(folder.name, len(saved), pace.count)
            if show is not None and not show(frame.image, text or f"{folder.name}: {len(saved)} of {pace.count}"):
                break
            if len(saved) == pace.count:
                break
    except KeyboardInterrupt:
        report(f"stopped after {len(saved)} photos")
    finally:
        frames.close()
    return saved


def _class_folder(text: str, out: Path, report: Report) -> Path:
    """The folder of a class: the one that is there for it, though its name be written in another way, or a new one."""
    if not text.strip() or text.strip().startswith(".") or any(mark in text for mark in '/\\:*?"<>|'):
        raise CvappError(f"label {text!r} cannot be a folder's name; use letters, digits, blanks, - and _")
    try:
        label = label_of(text)
    except ValueError as error:
        raise CvappError(f"{error}; use letters, digits, blanks, - and _") from error
    there = sorted(path.name for path in out.iterdir() if path.is_dir()) if os.access(out, os.R_OK) and out.is_dir() else []
    found = names.meant(label, there)
    if found and names.composed(found[0]) == label:
        return out / found[0]
    if found:
        report(f"there is a class {found[0]!r} too, which looks like {label!r}; if they are one, collect {found[0]!r}")
    return out / label


def _timed(frames: Iterator[Frame], interval: float, countdown: float) -> Iterator[tuple[str, Frame, bool]]:
    """Each frame with the countdown's text, and whether it is due to be taken."""
    start: float | None = None
    due = 0.0
    for frame in frames:
        start = frame.seconds if start is None else start
        wait = start + countdown - frame.seconds
        if wait > 0:
            yield f"ready in {int(np.ceil(wait))}", frame, False
            continue
        take = frame.seconds >= due - 1e-6  # times of frames are rounded
        if take:
            due = max(due, frame.seconds - interval) + interval if due else frame.seconds + interval
        yield "", frame, take


def _session(folder: Path) -> str:
    """The time now, which names a session's photos (`sessions.COLLECTED`); later by seconds where another session bears it already."""
    seconds = time.time()
    while any(folder.parent.glob(f"*/*-{(stamp := time.strftime('%Y%m%d-%H%M%S', time.localtime(seconds)))}*-*")):
        seconds += 1
    return stamp
