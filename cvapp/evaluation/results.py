"""What a finished run left to show and to judge: its history, and its answers to every photo."""

from dataclasses import dataclass
from typing import Any, Sequence

import numpy as np

from cvapp.data.split import Row
from cvapp.data.split_settings import DataSource
from cvapp.data.store import Store
from cvapp.evaluation import metrics
from cvapp.evaluation.forecast import Forecast
from cvapp.evaluation.session_accuracy import BySession, LeaveOneOut, by_session

WORDS = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class Results:
    """What a run left.

    Args:
        history: a row an epoch: stage (`head`, `fine-tuning` or `whole`), epoch (counts on over the stages), loss, accuracy, val_loss,
            val_accuracy, learning_rate.
        rows: all photos of all parts.
        probabilities: (N, C) of the finished model, in the order of `rows`.
        judged: (N, C) by a model that did not learn from the photo: the finished model for val and test, heads trained on other folds for
            train (or the finished model itself, where that was not to be had).
        crossed: whether `judged` of the training photos comes from left-out folds.
        before: (V, C) uncalibrated probabilities of the validation photos.
        pixels: the fitted photos by their hash, uint8 RGB (H, W, 3).
        seen: a contact sheet of what training sees, uint8 RGB, where it augments.
        looks: a sheet of where a transformer looks, uint8 RGB; None of other networks.
        learning: photos trained on, training accuracy, validation accuracy: the learning curve over training-set size; may be empty.
        source: where the photos came from, and what decides their parts.
        leave_one_out: leave-one-session-out cross-validation of the frozen features, where there are sessions enough.
        forecast: what more photos are likely to bring, by the frozen features, where there are photos enough.
        no_forecast: why there is none, in words; "" where there is one, and where there are no frozen features.
    """

    history: Sequence[dict[str, float | str]]
    rows: Sequence[Row]
    probabilities: np.ndarray
    judged: np.ndarray
    crossed: bool
    before: np.ndarray | None
    pixels: Store
    seen: np.ndarray | None = None
    looks: np.ndarray | None = None
    learning: Sequence[tuple[int, float, float]] = ()
    source: DataSource = DataSource()
    leave_one_out: LeaveOneOut | None = None
    forecast: Forecast | None = None
    no_forecast: str = ""


@dataclass(frozen=True)
class Part:
    """Answers (N, C), true classes (N,) and names of the sessions (N,), None where one does not count, of one part of the data."""

    name: str
    probabilities: np.ndarray
    truth: np.ndarray
    groups: Sequence[str | None] = ()

    @property
    def right(self) -> int:
        """How many answers are the label."""
        return int((self.probabilities.argmax(1) == self.truth).sum())

    @property
    def accuracy(self) -> float:
        """The share of answers that are the label."""
        return self.right / len(self.truth)

    @property
    def by_session(self) -> BySession | None:
        """Accuracy by session; None where no photo has a known session."""
        return by_session(self.probabilities.argmax(1) == self.truth, self.groups)

    def figures(self, labels: Sequence[str]) -> dict[str, Any]:
        """The figures of a card and of `evaluate --json`: `metrics.summary`, and accuracy by session where sessions are known."""
        found = self.by_session
        return {**metrics.summary(self.probabilities, self.truth, labels), **(found.figures() if found else {})}


def truth(rows: Sequence[Row], labels: Sequence[str]) -> np.ndarray:
    """The true class of each photo (N,), by its place in `labels`."""
    place = {label: index for index, label in enumerate(labels)}
    return np.array([place[row.label] for row in rows])


def held_out_sessions(held: Sequence[Row], rows: Sequence[Row]) -> list[str | None]:
    """The session of each photo that is measured on; None where the session has photos in train too, so that it would flatter.

    Args:
        held: the photos.
        rows: of the whole split.
    """
    learned = {row.group for row in rows if row.part == "train"} - {""}
    return [None if row.group in learned else row.group for row in held]


def parts(rows: Sequence[Row], probabilities: np.ndarray, labels: Sequence[str]) -> dict[str, Part]:
    """Answers (N, C) to the photos by part: `train`, `val` and where there is one `test`."""
    classes, places = truth(rows, labels), np.array([row.part for row in rows])
    groups = {name: held_out_sessions([row for row in rows if row.part == name], rows if name != "train" else ()) for name in WORDS}
    return {name: Part(name, probabilities[places == name], classes[places == name], groups[name]) for name in WORDS if name in places}


def held_out(found: dict[str, Part]) -> Part:
    """The part that tells how good the model is: test where there is one, else validation."""
    return found.get("test") or found["val"]
