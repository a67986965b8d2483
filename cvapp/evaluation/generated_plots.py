"""Plots of a generator's report: its course over the steps, its distance to real photos over the epochs, its classes."""

from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter

from cvapp.evaluation.figures import name, save, tidy
from cvapp.evaluation.plots import MOST_CLASSES, TRAIN, VAL, WIDTH

REAL, MADE = TRAIN, VAL  # real photos, and the discriminator that knows them; samples, and the generator that makes them
# the title of each panel, and the figures it shows: name, words, colour
PANELS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "loss": (("d_loss", "discriminator", REAL), ("g_loss", "generator", MADE)),
    "taken for real": (("d_real", "photos", REAL), ("d_fake", "samples", MADE)),
    "gradient norm": (("d_norm", "discriminator", REAL), ("g_norm", "generator", MADE)),
    "diversity": (("real_diversity", "photos", REAL), ("diversity", "samples", MADE)),
}
_SHARES = ("taken for real", "diversity")


def write_course(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """What happened from step to step: both losses, the discriminator's answers, both gradients' norms, and how varied samples are.

    Args:
        rows: of notes every so many steps, the oldest first: `step`, `d_loss`, `g_loss`, `d_real` and `d_fake` (0..1), `d_norm`, `g_norm`,
            `diversity` and `real_diversity` (0..1). What a row lacks, or is not finite, leaves a gap.
        path: of the picture.
    """
    figure = Figure(figsize=(WIDTH, 7.2), layout="constrained")
    panels = figure.subplots(len(PANELS), 1, sharex=True)
    steps, marker = [row["step"] for row in rows], "." if len(rows) <= 20 else None
    for axes, (title, lines) in zip(panels, PANELS.items(), strict=True):
        columns = {column: _finite([row.get(column, np.nan) for row in rows]) for column, _, _ in lines}
        for column, label, colour in lines:
            if column == "real_diversity":  # one number: a row alone shows it too
                axes.axhline(_last(columns[column]), color=colour, linewidth=1.2, linestyle="--", label=label)
            else:
                axes.plot(steps, columns[column], color=colour, linewidth=1.2, marker=marker, label=label)
        axes.set_title(title, loc="left")
        if title in _SHARES:
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            axes.set_ylim(0, 1.03 if title == _SHARES[0] else None)
        else:
            _far(axes, np.concatenate(list(columns.values())))
        tidy(axes)
        axes.legend(loc="lower right", bbox_to_anchor=(1.01, 0.97), ncols=2, frameon=False, fontsize="small", columnspacing=1)
    panels[-1].set_xlabel("training step")
    panels[-1].xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    save(figure, path)


def write_distances(rows: Sequence[Mapping[str, Any]], floor: float, path: Path) -> None:
    """The Fréchet distance of samples to real photos over the epochs, logarithmic, and that of real photos to each other, dashed.

    Args:
        rows: one an epoch, with `epoch` and `frechet`; one that is not finite leaves a gap.
        floor: of real photos to real photos; not drawn where it is not finite or 0.
        path: of the picture.
    """
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.subplots()
    epochs, distances = [row["epoch"] for row in rows], _finite([row["frechet"] for row in rows])
    axes.plot(epochs, distances, color=MADE, marker="." if len(rows) <= 20 else None, label="samples")
    if np.isfinite(distances).any():
        least = int(np.nanargmin(distances))
        axes.plot(epochs[least], distances[least], "o", color=MADE, label=f"least: {distances[least]:.3g} in epoch {epochs[least]}")
    if np.isfinite(floor) and floor > 0:
        axes.axhline(floor, color=REAL, linestyle="--", linewidth=1.2, label=f"real photos: {floor:.3g}")
    if floor > 0 or (distances > 0).any():
        _logarithmic(axes)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    axes.set_title("Fréchet distance to real photos", loc="left")
    tidy(axes)
    figure.legend(loc="outside upper left", ncols=3, frameon=False, fontsize="small", columnspacing=1)
    save(figure, path)


def write_classes(shares_real: Sequence[float], shares_made: Sequence[float], labels: Sequence[str], path: Path) -> None:
    """How often each class is seen among real photos and among samples, bars beside each other; of many classes those that differ most.

    Args:
        shares_real: (C,) 0..1 among the real photos; not finite counts as none.
        shares_made: (C,) among the samples.
        labels: (C,) their names.
        path: of the picture.
    """
    real, made = (np.nan_to_num(np.asarray(shares, float), nan=0, posinf=0, neginf=0) for shares in (shares_real, shares_made))
    shown = np.sort(np.argsort(-np.abs(real - made), kind="stable")[:MOST_CLASSES])
    figure = Figure(figsize=(WIDTH, 1.3 + 0.34 * len(shown)), layout="constrained")
    axes = figure.subplots()
    rows = np.arange(len(shown))
    axes.barh(rows - 0.2, real[shown], 0.38, color=REAL, label="real photos")
    axes.barh(rows + 0.2, made[shown], 0.38, color=MADE, label="samples")
    for row in rows[made[shown] == 0]:
        axes.annotate("none", (0, row + 0.2), (3, 0), textcoords="offset points", va="center", color=MADE, fontsize=8)
    axes.set_yticks(rows, [name(labels[place]) for place in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)  # the first class on top
    axes.set_xlim(0, 1.08 * max(0.01, real.max(initial=0), made.max(initial=0)))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.3g}%"))
    tidy(axes)
    axes.grid(visible=False, axis="y")
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    if len(labels) > len(shown):
        axes.set_title(f"{len(shown)} of {len(labels)} classes, whose shares differ most", loc="left", fontsize="medium")
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize="small", columnspacing=1)
    save(figure, path)


def _finite(values: Sequence[float]) -> np.ndarray:
    """The values, with a gap for each that cannot be drawn."""
    numbers = np.asarray(values, float)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _last(values: np.ndarray) -> float:
    """The last value that is known."""
    known = values[np.isfinite(values)]
    return float(known[-1]) if len(known) else np.nan


def _far(axes: Axes, values: np.ndarray) -> None:
    """A logarithmic axis where positive values span more than a hundredfold."""
    known = values[np.isfinite(values)]
    if len(known) and 0 < 100 * known.min() < known.max():
        _logarithmic(axes)


def _logarithmic(axes: Axes) -> None:
    """A logarithmic axis with plain numbers at powers of ten, at 2 and 5 times these too where it spans few."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,), numticks=8))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
