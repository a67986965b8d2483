"""Keras callbacks that report progress and keep the history."""

import csv
import io
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


def history_csv(rows: Sequence[dict[str, float]]) -> str:
    """The history as CSV text, a row an epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: round(value, 6) for name, value in row.items()} for row in rows)
    return text.getvalue()
