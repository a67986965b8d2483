"""What a run tells while it trains, how Ctrl-C ends it, and its history as a table."""

import contextlib
import csv
import io
import signal
import threading
import time
from dataclasses import dataclass
from typing import Any, Sequence

from cvapp.ending import SIGNALS
from cvapp.progress import Report
from cvapp.runs import STOPPED


@dataclass(frozen=True)
class Course:
    """How the epochs of a stage are counted where several stages share one count.

    Args:
        epochs: of all of those stages.
        before: epochs of the stages that came before.
        name: of this stage, such as `round 2 of 3`; the time left of all is told beside it. Neither where it is empty.
    """

    epochs: int
    before: int = 0
    name: str = ""


class ReportEpochs:
    """Reports the epoch under way as a bar, and a line of figures for every finished one (every tenth where there are many)."""

    def __init__(self, report: Report, course: Course):
        self._report, self._course = report, course
        self._began, self._ended = time.monotonic(), 0

    def step(self, epoch: int, step: int, steps: int) -> None:
        """Move the bar, where an epoch is long enough to want one."""
        if steps > 50 and step < steps:
            self._report(self._place(epoch), step, steps)

    def end(self, epoch: int, figures: dict[str, Any]) -> None:
        """Report the figures of a finished epoch."""
        self._ended += 1
        if self._course.epochs <= 50 or epoch % 10 == 9 or epoch == 0:
            shown = (f"{name} {value:.4g}" for name, value in figures.items() if isinstance(value, float))
            self._report(f"{self._place(epoch)}{self._left(epoch)}  {'  '.join(shown)}")

    def _place(self, epoch: int) -> str:
        """epoch 3/12, or of a stage with a name epoch 7/12, round 2 of 3."""
        place = f"epoch {self._course.before + epoch + 1}/{self._course.epochs}"
        return f"{place}, {self._course.name}" if self._course.name else place

    def _left(self, epoch: int) -> str:
        """The time that the epochs of all stages still take, by those of this one that have ended."""
        rest = self._course.epochs - self._course.before - epoch - 1
        if not self._course.name or not rest:
            return ""
        seconds = rest * (time.monotonic() - self._began) / self._ended
        return f", {seconds / 60:.0f} min left" if seconds >= 90 else f", {seconds:.0f} s left"


class Interruption:
    """Lets Ctrl-C, SIGTERM or a closed terminal end a run between two steps: torn out of the middle of one, TensorFlow crashes.

    A context manager around the steps. A signal that is ignored, as under nohup, stays so, but for Ctrl-C's.

    Raises:
        KeyboardInterrupt: when the block ends well, if one of them came in it. Pressed twice, Ctrl-C ends the run at once.
    """

    def __init__(self) -> None:
        self._pressed = threading.Event()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if number == signal.SIGINT or signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._press)
        return self

    def _press(self, *_: Any) -> None:
        self._pressed.set()
        self._give_back()

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def pressed(self) -> bool:
        """Whether the run should end now."""
        return self._pressed.is_set()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        with contextlib.suppress(ValueError, TypeError):
            self._give_back()
        if self._pressed.is_set() and kind is None:
            raise KeyboardInterrupt(STOPPED)


def history_csv(rows: Sequence[dict[str, Any]]) -> str:
    """The history as CSV text, a row an epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()} for row in rows)
    return text.getvalue()
