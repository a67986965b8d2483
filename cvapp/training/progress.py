"""What a run tells while it trains, how Ctrl-C ends it, and its history as a table."""

import contextlib
import csv
import io
import signal
import threading
from typing import Any, Sequence

from cvapp.progress import Report


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
    """Lets Ctrl-C end a run between two steps: torn out of the middle of one, TensorFlow crashes. A context manager around the steps.

    Raises:
        KeyboardInterrupt: when the block ends well, if Ctrl-C was pressed in it. Pressed twice, it ends the run at once.
    """

    def __init__(self) -> None:
        self._pressed = threading.Event()
        self._before: Any = None

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def _press(self, *_: Any) -> None:
        self._pressed.set()
        signal.signal(signal.SIGINT, self._before)

    @property
    def pressed(self) -> bool:
        """Whether the run should end now."""
        return self._pressed.is_set()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        with contextlib.suppress(ValueError, TypeError):
            signal.signal(signal.SIGINT, self._before)
        if self._pressed.is_set() and kind is None:
            raise KeyboardInterrupt("what was learnt is kept; the same command with --resume goes on")


def history_csv(rows: Sequence[dict[str, Any]]) -> str:
    """The history as CSV text, a row an epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()} for row in rows)
    return text.getvalue()
