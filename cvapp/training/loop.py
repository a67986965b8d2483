"""The training loop: steps, validation, the best snapshot, and a state from which a killed run goes on exactly."""

from dataclasses import dataclass
from typing import Any, Callable, Iterator, Sequence

import keras
import numpy as np

from cvapp.errors import CvappError, Exit
from cvapp.evaluation import metrics
from cvapp.progress import Report
from cvapp.training.optimise import DATA_LOSS
from cvapp.training.progress import Course, Interruption, ReportEpochs
from cvapp.training.state import Keeper, Progress

Batch = tuple[np.ndarray | list[np.ndarray], np.ndarray, np.ndarray | None]  # inputs, targets as the loss wants them, weights


NAMES = {"accuracy": "accuracy", "map50": "mAP50"}  # of what is measured, as people write them


@dataclass(frozen=True)
class Stage:
    """One piece of training.

    Args:
        name: `head`, `fine-tuning` or `whole`.
        network: compiled, inputs -> logits; what is trainable trains.
        batches: (epoch, first step) -> the batches of that epoch from that step on, alike in every run.
        steps: batches an epoch.
        epochs: at most.
        patience: epochs without a better validation loss before stopping.
        measure: -> loss and accuracy on what is held for validation; see `calibrated`.
        tuned: whether it starts from weights that are good already, and are kept where no epoch does better.
        metric: what `measure` gives besides the loss, `accuracy` or `map50`; the history has it as `val_` and this name.
        course: how its epochs are counted and named to a person; a stage by itself when None.
    """

    name: str
    network: keras.Model
    batches: Callable[[int, int], Iterator[Batch]]
    steps: int
    epochs: int
    patience: int
    measure: Callable[[], tuple[float, float]]
    tuned: bool = False
    metric: str = "accuracy"
    course: Course | None = None


def run(stage: Stage, progress: Progress, keeper: Keeper, report: Report) -> None:
    """Train one stage and leave the network with the weights of its best epoch.

    A stage that an interrupted run had finished is passed over. Where that run is to be finished, its stage is trained no further, and those
    after it not at all.

    Args:
        stage: what to train.
        progress: kept up to date.
        keeper: saves the state now and then, and when Ctrl-C is pressed; what it resumed from is taken up by the stage that it belongs to.
        report: told of every epoch.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; the state is saved.
        CvappError: the loss was not finite before any epoch had ended (exit 5).
    """
    if keeper.done:
        return
    weights = list(stage.network.weights)
    if keeper.resumed is None:
        progress.begin(stage.name, stage.measure()[0] if stage.tuned else float("inf"))
        best = [np.asarray(variable) for variable in weights]
    elif keeper.resumed[0].stage == stage.name:
        best = _take_up(stage, progress, keeper)
    else:  # finished before the interruption: the state of the later stage holds what it learnt
        return

    def save(now: bool = False) -> None:
        if now or keeper.due():
            keeper.save(progress, [*(np.asarray(variable) for variable in _state(stage.network)), *best])

    epochs = ReportEpochs(report, stage.course or Course(stage.epochs))
    finite = True
    with Interruption() as ctrl_c:
        while finite and not ctrl_c.pressed and not keeper.done and _goes_on(stage, progress):
            finite = _epoch(stage, progress, epochs, ctrl_c, save)
            if finite and progress.step == stage.steps:
                found = _validate(stage, progress, epochs)
                finite = bool(np.isfinite(found))
                if found < progress.least:
                    progress.least, progress.kept = found, progress.epoch
                    best = [np.asarray(variable) for variable in weights]
            if finite:
                if progress.step == stage.steps:
                    progress.epoch, progress.step = progress.epoch + 1, 0
                save(now=ctrl_c.pressed)
    _restore(weights, best)
    if not finite:
        _explain(stage, progress, keeper, report)
    _tell(stage, progress, report)


def _goes_on(stage: Stage, progress: Progress) -> bool:
    """Whether another epoch is to come."""
    return progress.epoch < stage.epochs and progress.epoch - progress.kept - 1 < stage.patience


def _tell(stage: Stage, progress: Progress, report: Report) -> None:
    """Say which weights are kept."""
    ran = [row for row in progress.rows if row["stage"] == stage.name]
    if progress.kept >= 0:
        row, before = ran[progress.kept], stage.course.before if stage.course else 0
        loss = f", loss {row['val_loss']:.3f}" if stage.metric == "accuracy" else ""
        figure = f"validation {NAMES[stage.metric]} {row[f'val_{stage.metric}']:.3f}"
        report(f"kept epoch {before + progress.kept + 1} of {before + len(ran)}: {figure}{loss}")
    elif ran and stage.tuned:
        report(f"no epoch of {stage.name} was better than its start, which is kept")


def _state(network: keras.Model) -> list[Any]:
    """Every variable that the next step depends on, the seeds of dropout among them."""
    return [*network.variables, *network.optimizer.variables]


def _take_up(stage: Stage, progress: Progress, keeper: Keeper) -> list[np.ndarray]:
    """Put a network into the state that was kept; the best weights so far."""
    assert keeper.resumed is not None
    kept, arrays = keeper.resumed
    keeper.resumed = None
    state = _state(stage.network)
    _restore(state, arrays[: len(state)])
    vars(progress).update(vars(kept))
    return list(arrays[len(state) :])


def _restore(variables: Sequence[Any], arrays: Sequence[np.ndarray]) -> None:
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _epoch(stage: Stage, progress: Progress, epochs: ReportEpochs, ctrl_c: Interruption, save: Callable[[], None]) -> bool:
    """Train from the step that comes next to the epoch's end, or to Ctrl-C; whether every loss was finite."""
    if progress.step == 0:
        progress.sums = dict.fromkeys(("photos", "loss", "accuracy"), 0.0)
    for inputs, targets, weight in stage.batches(progress.epoch, progress.step):
        figures = stage.network.train_on_batch(inputs, targets, sample_weight=weight, return_dict=True)
        if not np.isfinite(figures["loss"]):
            return False
        progress.count(len(targets), {**figures, "loss": figures.get(DATA_LOSS, figures["loss"])})
        epochs.step(progress.epoch, progress.step, stage.steps)
        if ctrl_c.pressed:
            break
        save()
    return True


def calibrated(check: Callable[[], np.ndarray], truth: np.ndarray) -> Callable[[], tuple[float, float]]:
    """How a classifier is measured: negative log likelihood on the validation photos after calibration, and accuracy.

    The temperature is folded into the saved model in any case, so an epoch must not lose by being too sure of itself.

    Args:
        check: -> logits (V, C) of the validation photos.
        truth: (V,) their classes.
    """

    def measure() -> tuple[float, float]:
        logits = check()
        if not np.isfinite(logits).all():
            return float("inf"), 0.0
        answers = metrics.softmax(logits / metrics.fit_temperature(logits, truth, deviation=metrics.PRIOR))
        return metrics.negative_log_likelihood(answers, truth), metrics.accuracy(answers, truth)

    return measure


def _validate(stage: Stage, progress: Progress, epochs: ReportEpochs) -> float:
    """Measure the epoch on the validation photos and note it; its loss."""
    found, accuracy = stage.measure()
    if not np.isfinite(found):
        return found
    row = {
        "stage": stage.name,
        "epoch": len(progress.rows) + 1,
        "loss": progress.sums["loss"] / progress.sums["photos"],
        "accuracy": progress.sums["accuracy"] / progress.sums["photos"],
        "val_loss": found,
        f"val_{stage.metric}": accuracy,
        "learning_rate": float(stage.network.optimizer.learning_rate),
    }
    progress.rows.append(row)
    epochs.end(progress.epoch, {name: value for name, value in row.items() if name != "val_loss" or stage.metric == "accuracy"})
    return found


def _explain(stage: Stage, progress: Progress, keeper: Keeper, report: Report) -> None:
    """A loss that is not finite ends the stage: with the best weights where an epoch had ended, otherwise with an error and without a state."""
    wrong = f"the loss was not finite in epoch {progress.epoch + 1} of {stage.name}: the rate is too high or the start is bad"
    rate = "train.learning_rate" if stage.name != "fine-tuning" else "train.fine_tune_rate"
    cure = f"lower {rate} ({float(stage.network.optimizer.learning_rate):.3g} at that step), or clip with train.clip_norm=1"
    if not np.isfinite(progress.least):
        if not progress.rows:
            keeper.discard()
        raise CvappError(f"{wrong}; {cure}", Exit.GATE)
    report(f"{wrong}; stopped, the best weights before it are kept; {cure}")
