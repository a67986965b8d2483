"""Keras callbacks that report progress and keep the history."""

import contextlib
import csv
import io
import signal
import threading
from typing import Any, Sequence

import keras

from cvapp.progress import Report


class ReportEpochs(keras.callbacks.Callback):
    """Reports the epoch under way as a bar, and a line of figures for every finished one (every tenth where there are many)."""

    def __init__(self, report: Report, epochs: int):
        super().__init__()
        self._report, self._epochs, self._epoch = report, epochs, 0
        self.rows: list[dict[str, float]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember which epoch runs."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar, where an epoch is long enough to want one."""
        steps = self.params.get("steps") or 0
        if steps > 50 and batch + 1 < steps:
            self._report(f"epoch {self._epoch + 1}/{self._epochs}", batch + 1, steps)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the figures, and report them."""
        figures = {name: float(value) for name, value in (logs or {}).items()}
        self.rows.append({"epoch": epoch + 1, **figures})
        if self._epochs <= 50 or epoch % 10 == 9 or epoch == 0:
            self._report(f"epoch {epoch + 1}/{self._epochs}  " + "  ".join(f"{name} {value:.4g}" for name, value in figures.items()))


class Interruption(keras.callbacks.Callback):
    """Lets Ctrl-C end a run between two steps: torn out of the middle of one, TensorFlow crashes. Use it as a context manager around `fit`.

    Raises:
        KeyboardInterrupt: when the block ends, if Ctrl-C was pressed in it. Pressed twice, it ends the run at once.
    """

    def __init__(self) -> None:
        super().__init__()
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

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Stop where Ctrl-C was pressed."""
        if self.pressed:
            self.model.stop_training = True

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        with contextlib.suppress(ValueError, TypeError):
            signal.signal(signal.SIGINT, self._before)
        if self._pressed.is_set():
            raise KeyboardInterrupt


def history_csv(rows: Sequence[dict[str, float]]) -> str:
    """The history as CSV text, a row an epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: round(value, 6) for name, value in row.items()} for row in rows)
    return text.getvalue()
