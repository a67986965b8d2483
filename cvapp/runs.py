"""Runs of training: how one begins beside what an interrupted one left, and what is known of those."""

import contextlib
import enum
import json
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import numpy as np

from cvapp import card as cards
from cvapp import locks
from cvapp.errors import CvappError
from cvapp.files import check_writable, settle, work_folder

FILE, KEPT = "state.npz", "state*"  # the state of an interrupted run, and the pattern of all files that it needs to go on
GOES_ON = "--resume goes on with it, --finish makes a model of its best epoch so far"
STOPPED = "what was learnt is kept; the same command with --resume goes on, with --finish makes a model of the best epoch so far"
OTHER_NAME = f"{locks.WAIT}, or give another --name"


class Start(enum.Enum):
    """How a run begins: only where no interrupted one is; on from it; with its best epoch so far, trained no further; anew, in its place."""

    NEW = "new"
    RESUME = "resume"
    FINISH = "finish"
    RESTART = "restart"


@dataclass(frozen=True)
class Interrupted:
    """What a run left that has not come to its end.

    Args:
        name: of the model.
        place: how far it is, in words.
        saved: when its state was saved, as people write it.
        pid: of the process that runs it now; None where it was interrupted.
    """

    name: str
    place: str
    saved: str
    pid: int | None


@contextlib.contextmanager
def begin(folder: Path, start: Start = Start.NEW) -> Iterator[None]:
    """Keep other processes off a model's folder while a run makes it; asked for before any work.

    Args:
        folder: `saved_models/NAME`.
        start: how the run begins. What an interrupted run left is removed once the new one has begun to train, not before.

    Raises:
        CvappError: another process writes the folder, an interrupted run is there and this is a new one, or none is there to resume or to
            finish (exit 2); the place cannot be written (exit 7).
        KeyboardInterrupt: as it came, with what to do next where a state is kept.
    """
    check_writable(folder.parent)
    with locks.locked(folder, OTHER_NAME):
        settle(folder)
        _check(folder, start)
        try:
            yield
        except KeyboardInterrupt as error:
            if error.args or not _is_interrupted(folder):
                raise
            raise KeyboardInterrupt(STOPPED) from error


def _is_interrupted(folder: Path) -> bool:
    """Whether a state lies beside a model's folder."""
    return (work_folder(folder) / FILE).is_file()


def _check(folder: Path, start: Start) -> None:
    """Refuse a start that does not fit what is there."""
    there = _is_interrupted(folder)
    if start is Start.NEW and there:
        raise CvappError(
            f"an interrupted run of {folder} is kept ({_place(folder)}): cvapp train with {GOES_ON}, --restart discards it; or give another --name"
        )
    if start is Start.FINISH and not there:
        raise CvappError(f"--finish: no interrupted run of {folder} is there; cvapp list shows them")
    if start is Start.RESUME and not there and (folder / cards.FILE).is_file():
        raise CvappError(f"--resume: {folder} is finished, no interrupted run of it is there; leave --resume out to train it anew")


def interrupted(root: Path) -> list[Interrupted]:
    """The runs below a folder of models that have not come to their end."""
    found = []
    for path in sorted(root.glob(f".*.work/{FILE}")):
        folder = root / path.parent.name.removeprefix(".").removesuffix(".work")
        holder = locks.holder(folder)
        try:
            saved = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(path.stat().st_mtime))
        except FileNotFoundError:  # it came to its end just now
            continue
        found.append(Interrupted(folder.name, _place(folder), saved, holder.pid if holder else None))
    return found


def _place(folder: Path) -> str:
    """How far the interrupted run of a model is."""
    try:
        with np.load(work_folder(folder) / FILE) as file:
            return place(json.loads(str(file["note"]))["progress"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return "its state cannot be read"


def place(progress: dict[str, Any]) -> str:
    """How far a run is, by its progress as the state has it."""
    ended = len(progress["rows"])
    return f"in epoch {progress['epoch'] + 1} of {progress['stage']}, {ended} epoch{'' if ended == 1 else 's'} ended"
