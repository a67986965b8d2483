"""The loop of a generator and its discriminator: steps, notes, alarms, the best epoch, and a state from which a killed run goes on exactly."""

import math
import time
from dataclasses import dataclass
from typing import Callable, Iterator

import numpy as np

from cvapp import sampling
from cvapp.errors import CvappError, Exit
from cvapp.evaluation.generated import diversity
from cvapp.progress import Report
from cvapp.recipe import Recipe
from cvapp.training import alarms, run_alarms
from cvapp.training.adversarial import FIGURES, Adversaries, Step
from cvapp.training.progress import Course, Interruption, ReportEpochs
from cvapp.training.state import Keeper, Progress
from cvapp.training.watching import Watch, forget

STAGE = "adversarial"
INTERVAL, EPOCH = "interval", "epoch"  # over which the figures of steps are averaged
SHOWN, WIDE = 64, 450  # samples on a grid, and pixels that it is about as wide as


@dataclass(frozen=True)
class Run:
    """What a run is made of.

    Args:
        recipe: its counts and rates.
        adversaries: that learn.
        step: one step of theirs.
        batches: (epoch, first step) -> photos uint8 (k B, H, W, C) and classes (k B,) of each step of that epoch from that one on.
        steps: an epoch.
        shown: -> the samples of a grid, uint8 RGB (SHOWN, H, W, 3), always of the same noise.
        distance: -> the Fréchet distance of samples to the validation photos.
        real_diversity: of photos.
        strict: whether a collapse ends the run.
    """

    recipe: Recipe
    adversaries: Adversaries
    step: Step
    batches: Callable[[int, int], Iterator[tuple[np.ndarray, np.ndarray]]]
    steps: int
    shown: Callable[[], np.ndarray]
    distance: Callable[[], float]
    real_diversity: float
    strict: bool = False

    @property
    def every(self) -> int:
        """Steps between two notes."""
        return max(1, self.recipe.generate.preview // 2)


@dataclass(frozen=True)
class Telling:
    """Who is told of a run: the state's keeper, the folder that a person watches, and the report."""

    keeper: Keeper
    watch: Watch
    report: Report


def run(job: Run, progress: Progress, telling: Telling) -> None:
    """Train, and leave the moving average with the weights of its best epoch, that of the least Fréchet distance to validation photos.

    Args:
        job: what to train.
        progress: kept up to date.
        telling: the keeper saves the state now and then, and when Ctrl-C is pressed; what it resumed from is taken up.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; the state is saved.
        CvappError: a figure was not finite before any epoch had ended, or samples collapsed in a strict run (exit 5).
    """
    weights = job.adversaries.average.variables
    best = _begin(job, progress, telling)

    def save(now: bool = False) -> None:
        if now or telling.keeper.due():
            telling.keeper.save(progress, [*(np.asarray(variable) for variable in job.adversaries.state), *best])

    epochs = job.recipe.train.epochs
    clock, first, finite = time.monotonic(), _done(job, progress), True
    with Interruption() as ctrl_c:
        while finite and not ctrl_c.pressed and not telling.keeper.done and progress.epoch < epochs:
            finite = _epoch(job, progress, telling, ctrl_c, save)
            if finite and progress.step == job.steps:
                found = job.distance()
                if found < progress.least:
                    progress.least, progress.kept = found, progress.epoch
                    best = [np.asarray(variable) for variable in weights]
                _end_epoch(job, progress, telling, found, (time.monotonic() - clock) / max(1, _done(job, progress) - first))
                progress.epoch, progress.step = progress.epoch + 1, 0
            if finite:
                save(now=ctrl_c.pressed)
    for variable, array in zip(weights, best, strict=True):
        variable.assign(array)
    telling.watch.close()
    if not finite:
        _explain(job, progress, telling)


def _done(job: Run, progress: Progress) -> int:
    """Steps that were taken."""
    return progress.epoch * job.steps + progress.step


def _begin(job: Run, progress: Progress, telling: Telling) -> list[np.ndarray]:
    """Start, or take up what was kept; the best weights so far."""
    keeper, watch = telling.keeper, telling.watch
    if keeper.resumed is None:
        progress.begin(STAGE, float("inf"))
        forget(watch.folder)
        watch.start(0, [], [])
        watch.grid(0, _grid(job.shown()))
        return [np.asarray(variable) for variable in job.adversaries.average.variables]
    (kept, arrays), state = keeper.resumed, job.adversaries.state
    keeper.resumed = None
    for variable, array in zip(state, arrays[: len(state)], strict=True):
        variable.assign(array)
    vars(progress).update(vars(kept))
    watch.start(_done(job, progress), progress.notes, progress.rows)
    return list(arrays[len(state) :])


def _epoch(job: Run, progress: Progress, telling: Telling, ctrl_c: Interruption, save: Callable[..., None]) -> bool:
    """Train from the step that comes next to the epoch's end, or to Ctrl-C; whether every figure was finite."""
    bar = ReportEpochs(telling.report, Course(job.recipe.train.epochs))
    for photos, classes in job.batches(progress.epoch, progress.step):
        number = _done(job, progress)
        figures = job.step(photos, classes, number)
        if not np.isfinite(list(figures.values())).all():
            return False
        progress.step += 1
        _count(progress, figures)
        bar.step(progress.epoch, progress.step, job.steps)
        if not _look(job, progress, telling, number + 1):
            save(now=True)
            told = run_alarms.fatal(job.recipe, progress.notes)
            raise run_alarms.refused(told, "nothing is replaced; --resume without --strict goes on")
        if ctrl_c.pressed:
            break
        save()
    return True


def _count(progress: Progress, figures: dict[str, float]) -> None:
    """Add a step's figures to the sums over the interval and over the epoch."""
    for span in (INTERVAL, EPOCH):
        for name, value in {"steps": 1.0, **figures}.items():
            progress.sums[f"{span} {name}"] = progress.sums.get(f"{span} {name}", 0.0) + value


def _means(progress: Progress, span: str) -> dict[str, float]:
    """The means of what was summed, which begins anew."""
    sums = {name: progress.sums.pop(f"{span} {name}") for name in ("steps", *FIGURES)}
    return {name: sums[name] / sums["steps"] for name in FIGURES}


def _look(job: Run, progress: Progress, telling: Telling, done: int) -> bool:
    """After so many steps, write the note and the grid that are due; False where a strict run must end."""
    noted, drawn = done % job.every == 0, done % job.recipe.generate.preview == 0
    if not (noted or drawn):
        return True
    pictures = job.shown()
    if drawn:
        telling.watch.grid(done, _grid(pictures))
    if not noted:
        return True
    row = {"step": done, **_means(progress, INTERVAL), "diversity": diversity(pictures), "real_diversity": job.real_diversity}
    progress.notes.append(row)
    found = run_alarms.note(job.recipe, progress.notes, telling.report)
    telling.watch.note(row)
    return not (job.strict and alarms.collapsed(found, ended=run_alarms.lasts(progress.notes)))


def _grid(pictures: np.ndarray) -> np.ndarray:
    """Samples as one picture, about WIDE pixels wide, in whole enlargements."""
    return sampling.grid(pictures, scale=max(1, round(WIDE / (math.sqrt(SHOWN) * pictures.shape[2]))))


def _end_epoch(job: Run, progress: Progress, telling: Telling, distance: float, seconds: float) -> None:
    """Note a finished epoch, and tell of it with the time that is left at so many seconds a step."""
    number, epochs = progress.epoch + 1, job.recipe.train.epochs
    rate = float(job.adversaries.generator_optimiser.learning_rate)
    shown = progress.notes[-1]["diversity"] if progress.notes else diversity(job.shown())
    means = _means(progress, EPOCH)
    row = {
        "stage": STAGE,
        "epoch": number,
        "step": number * job.steps,
        **means,
        "diversity": shown,
        "frechet": distance,
        "learning_rate": rate,
    }
    progress.rows.append(row)
    telling.watch.note(row)
    left = seconds * job.steps * (epochs - number)
    figures = "  ".join(f"{name} {row[name]:.3g}" for name in ("frechet", "d_loss", "g_loss", "d_real", "d_fake"))
    if epochs <= 50 or number % 5 == 0 or number == 1:
        telling.report(f"epoch {number}/{epochs}  {figures}" + (f"  {_span(left)} left" if number < epochs else ""))


def _span(seconds: float) -> str:
    """`40 s`, `3 min`, `1 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _explain(job: Run, progress: Progress, telling: Telling) -> None:
    """A figure that is not finite ends the run: with the best weights where an epoch had ended, with an error otherwise or where it is strict."""
    wrong = f"a loss or a gradient was not finite in epoch {progress.epoch + 1}, step {progress.epoch * job.steps + progress.step + 1}"
    cure = "lower train.learning_rate and generate.discriminator_rate, or clip with train.clip_norm=1"
    if progress.kept < 0:
        telling.keeper.discard()
    if progress.kept < 0 or job.strict:
        raise CvappError(f"{wrong}: the weights are broken; {cure}", Exit.GATE)
    telling.report(f"{wrong}; stopped, the best weights before it are kept; {cure}")
