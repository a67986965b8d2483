"""What a run tells while it trains, how Ctrl-C ends it, and its history as a table."""

import contextlib
import csv
import io
import signal
import threading
from typing import Any, Sequence

from cvapp.ending import SIGNALS
from cvapp.progress import Report
from cvapp.runs import STOPPED


class ReportEpochs:
    """Reports the epoch under way as a bar, and a line of figures for every finished one (every tenth where there are many)."""

    def __init__(self, report: Report, epochs: int):
        self._report, self._epochs = report, epochs

    def step(self, epoch: int, step: int, steps: int) -> None:
        """Move the bar, where an epoch is long enough to want one."""
        if steps > 50 and step < steps:
            self._report(f"epoch {epoch + 1}/{self._epochs}", step, steps)

    def end(self, epoch: int, figures: dict[str, Any]) -> None:
        """Report the figures of a finished epoch."""
        if self._epochs <= 50 or epoch % 10 == 9 or epoch == 0:
            shown = (f"{name} {value:.4g}" for name, value in figures.items() if isinstance(value, float))
            self._report(f"epoch {epoch + 1}/{self._epochs}  {'  '.join(shown)}")


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
