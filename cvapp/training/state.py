"""The state of an interrupted run: everything that the rest of it depends on, in one file that is replaced whole."""

import io
import json
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from cvapp import runs
from cvapp.errors import CvappError, Exit, folded
from cvapp.files import remove, write_bytes
from cvapp.runs import FILE, KEPT, Start

__all__ = ["FILE", "KEPT", "Keeper", "Progress"]
_LEAST_SECONDS = 2.0
_SHARE = 0.05  # of the time may go into saving


@dataclass
class Progress:
    """How far a run is.

    Args:
        stage: that runs.
        epoch: of that stage, from 0, that runs.
        step: of that epoch that comes next.
        sums: of the epoch's figures so far, each photo counted.
        rows: the history of all stages: figures by epoch.
        notes: figures every so many steps, of a generator.
        least: the best validation loss of this stage so far.
        kept: the epoch of this stage that had it, -1 for its start.
    """

    stage: str = ""
    epoch: int = 0
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    least: float = float("inf")
    kept: int = -1
    notes: list[dict[str, Any]] = field(default_factory=list)

    def begin(self, stage: str, least: float) -> None:
        """Start another stage from weights of some validation loss; the history stays."""
        self.stage, self.epoch, self.step, self.least, self.kept = stage, 0, 0, least, -1

    def count(self, photos: int, figures: dict[str, float]) -> None:
        """Note a finished step: how many photos it had, and its mean loss and accuracy."""
        self.step += 1
        self.sums["photos"] += photos
        for name in ("loss", "accuracy"):
            self.sums[name] += photos * float(figures[name])


class Keeper:
    """Saves the state now and then: often enough to lose little, seldom enough to cost little.

    Args:
        folder: where the state lies, beside the model that is being made; None keeps none.
        identity: what the run is (its settings and photos, by name); a state of another run is refused.
        start: whether to go on from the state that lies there, or to end with it; it is removed otherwise.
        began: when the run began, by `time.monotonic`; now when left out.

    Raises:
        CvappError: the state to go on from is of another run, or there is no epoch to end with (exit 2); it is unreadable (exit 3).
    """

    def __init__(self, folder: Path | None, identity: dict[str, Any], start: Start = Start.NEW, began: float | None = None):
        self._path = folder / FILE if folder is not None else None
        self._identity = json.loads(json.dumps(identity))
        self._last, self._cost = time.monotonic(), 0.0
        self._began, self._before = self._last if began is None else began, 0.0
        self.finishes = start is Start.FINISH
        going_on = start in (Start.RESUME, Start.FINISH)
        self.resumed = self._load() if going_on else None
        self.note = self._note(going_on)
        self._told: dict[str, Any] = {}
        if self.finishes:
            self._check_finish()
        if not going_on:
            self.discard()

    def _note(self, going_on: bool) -> str:
        """What a person should know of an earlier run's state."""
        if self.resumed is None:
            return "no interrupted run to go on with: training from the start" if going_on else ""
        progress = self.resumed[0]
        if self.finishes:
            return f"finishing with the best epoch so far of a run interrupted {runs.place(vars(progress))}"
        return f"going on with epoch {progress.epoch + 1} of {progress.stage}"

    def _check_finish(self) -> None:
        """See that there is something to finish with."""
        if self.resumed is None:
            raise CvappError(f"--finish: no interrupted run in {self._path and self._path.parent}; cvapp list shows them")
        if not self.resumed[0].rows:
            raise CvappError("--finish: no epoch of the interrupted run has ended, so none is the best; --resume goes on with it")
        self._told = {"finished_early": runs.place(vars(self.resumed[0]))}

    @property
    def done(self) -> bool:
        """Whether nothing more is to be trained: the run is to end with what an interrupted one had learnt, which is taken up."""
        return self.finishes and self.resumed is None

    def figures(self) -> dict[str, Any]:
        """What a card tells of the run: the seconds of all its parts, each up to its last state, and where it was ended early."""
        return {"train_seconds": round(self._seconds(), 1), **self._told}

    def _seconds(self) -> float:
        """That the run has taken so far, with its parts before interruptions."""
        return self._before + time.monotonic() - self._began

    def discard(self) -> None:
        """Remove the state and what is kept beside it: nothing good can come of it."""
        for path in self._path.parent.glob(KEPT) if self._path is not None else ():
            remove(path)

    def beside(self, name: str) -> Path | None:
        """The path of another file that the run needs to go on, beside the state; None where none is kept."""
        return self._path.with_name(f"{self._path.stem}-{name}") if self._path is not None else None

    def due(self) -> bool:
        """Whether enough time has passed since the last saving."""
        return self._path is not None and time.monotonic() - self._last > max(_LEAST_SECONDS, self._cost / _SHARE)

    def save(self, progress: Progress, arrays: Sequence[np.ndarray]) -> None:
        """Save now (exit 7 when the disk is full)."""
        if self._path is None:
            return
        start = time.monotonic()
        data = io.BytesIO()
        note = json.dumps({"identity": self._identity, "progress": vars(progress), "seconds": self._seconds()})
        np.savez(data, note=np.array(note), **{f"a{index}": array for index, array in enumerate(arrays)})
        write_bytes(self._path, data.getvalue())
        self._last = time.monotonic()
        self._cost = self._last - start

    def _load(self) -> tuple[Progress, list[np.ndarray]] | None:
        """The saved state, or None where there is none."""
        if self._path is None or not self._path.is_file():
            return None
        try:
            with open(self._path, "rb") as opened, np.load(opened) as file:
                note = json.loads(str(file["note"]))
                arrays = [file[f"a{index}"] for index in range(len(file.files) - 1)]
            progress, kept, self._before = Progress(**note["progress"]), note["identity"], float(note.get("seconds", 0))
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise CvappError(
                f"{self._path}: cannot be read ({type(error).__name__}: {folded(error)}); --restart trains anew", Exit.BAD_DATA
            ) from error
        wrong = [
            f"other {name} (some were added, removed or changed since)" if name == "photos" else f"{name} {kept.get(name)} (now {value})"
            for name, value in self._identity.items()
            if kept.get(name) != value
        ]
        if wrong:
            raise CvappError(
                f"the interrupted run had {', '.join(wrong[:3])}; give what it was started with; --restart discards it and trains anew"
            )
        return progress, arrays
