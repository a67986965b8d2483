"""The report's plots: learning curves, confusion matrix, reliability diagram, accuracy over training-set size."""

from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter, StrMethodFormatter

from cvapp.evaluation import metrics
from cvapp.evaluation.figures import name, save, tidy
from cvapp.evaluation.forecast import Forecast
from cvapp.evaluation.results import WORDS, Part

TRAIN, VAL, TEST, PALE = "#2f6fb5", "#d9782d", "#7a4fa3", "0.6"
COLOURS = {"train": TRAIN, "val": VAL, "test": TEST}
WIDTH = 4.9  # inches: half of a laptop's page, the whole of a phone's, on which this type can still be read
LEARNING = {"loss": ("loss", "val_loss"), "accuracy": ("accuracy", "val_accuracy")}
MOST_CLASSES = 30  # whose names and numbers a matrix can show
_RIGHT, _WRONG = np.array((0x2F, 0x6F, 0xB5)), np.array((0xD9, 0x78, 0x2D))


def kept_epochs(history: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Of each stage, in order, the epoch of the least validation loss: the one whose weights were kept."""
    stages: dict[str, list[dict[str, Any]]] = {}
    for row in history:
        stages.setdefault(row["stage"], []).append(row)
    return {stage: min(rows, key=lambda row: np.nan_to_num(row["val_loss"], nan=np.inf))["epoch"] for stage, rows in stages.items()}


def write_curves(history: Sequence[dict[str, Any]], path: Path, panels: Mapping[str, Sequence[str]] = LEARNING) -> None:
    """Loss, accuracy and learning rate over the epochs, training beside validation; stages and the epochs that were kept are marked.

    Args:
        history: a row an epoch.
        path: of the picture.
        panels: the title of each of the two upper panels, and the columns it shows; one that starts with `val_` is of validation.
    """
    figure = Figure(figsize=(WIDTH, 6.2), layout="constrained")
    upper, lower, rate = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1))
    epochs = [row["epoch"] for row in history]
    marker = "." if len(epochs) <= 20 else None
    for axes, (title, columns) in zip((upper, lower), panels.items(), strict=True):
        for column in columns:
            part = "val" if column.startswith("val_") else "train"
            axes.plot(epochs, [row[column] for row in history], color=COLOURS[part], marker=marker, label=WORDS[part])
        axes.set_title(title, loc="left")
    rate.step(epochs, [row["learning_rate"] for row in history], color="0.3", where="mid", marker=marker)
    rate.set_title("learning rate", loc="left", fontsize="medium")
    rate.set_xlabel("epoch")
    rate.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    lower.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _scale(upper, [row[column] for row in history for column in next(iter(panels.values()))])
    _scale(rate, [row["learning_rate"] for row in history])
    for axes in (upper, lower, rate):
        tidy(axes)
        _mark_stages(axes, history, axes is upper)
    told = {label: handle for axes in (upper, lower) for handle, label in zip(*axes.get_legend_handles_labels())}
    told = dict(sorted(told.items(), key=lambda pair: pair[0] not in WORDS.values()))  # what was kept comes last
    figure.legend(told.values(), told, loc="outside upper left", ncols=3, frameon=False, columnspacing=1)
    save(figure, path)


def _scale(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic axis where the values span more than a hundredfold, one from 0 otherwise."""
    finite = [value for value in values if np.isfinite(value)]
    if finite and 0 < 100 * min(finite) < max(finite):
        axes.set_yscale("log")
    elif finite and max(finite) > 0:
        axes.set_ylim(0, 1.1 * max(finite))


def _mark_stages(axes: Axes, history: Sequence[dict[str, Any]], named: bool) -> None:
    starts: dict[str, int] = {}
    for row in history:
        starts.setdefault(row["stage"], row["epoch"])
    kept = kept_epochs(history)
    for number, epoch in enumerate(kept.values()):
        label = f"kept: epoch {' and '.join(map(str, kept.values()))}" if named and number == 0 else None
        axes.axvline(epoch, color=PALE, linewidth=1.2, linestyle=":", label=label)
    for number, (stage, epoch) in enumerate(starts.items()):
        if number:
            axes.axvline(epoch - 0.5, color="0.3", linewidth=1)
            axes.annotate(stage if named else "", (epoch - 0.4, 1.02), xycoords=("data", "axes fraction"), color="0.3", fontsize="small")


def condense(table: np.ndarray, labels: Sequence[str], most: int = MOST_CLASSES) -> tuple[np.ndarray, list[str]]:
    """A confusion matrix of at most `most` rows: the classes with the most mistakes in their order, then all others as one. Counts are kept."""
    if len(labels) <= most:
        return table, list(labels)
    wrong = table - np.diag(table.diagonal())
    chosen = np.sort(np.argsort(-(wrong.sum(0) + wrong.sum(1)), kind="stable")[: most - 1])
    place = np.full(len(labels), most - 1)
    place[chosen] = np.arange(most - 1)
    small = np.zeros((most, most), int)
    np.add.at(small, (place[:, None], place[None]), table)
    return small, [*(labels[index] for index in chosen), f"the other {len(labels) - most + 1}"]


def write_confusion(table: np.ndarray, labels: Sequence[str], part: str, path: Path) -> None:
    """The confusion matrix (C, C), rows true classes: the number is photos, the shade their share of the row, blue right and orange wrong."""
    right, total = table.trace(), table.sum()
    table, names = condense(table, labels)
    count = len(names)
    side = float(np.clip(2.4 + 0.34 * count, WIDTH * 0.8, 12))
    figure = Figure(figsize=(max(side, WIDTH), side), layout="constrained")
    axes = figure.subplots()
    share = (table / np.maximum(table.sum(1, keepdims=True), 1))[..., None]
    strength = np.where(table[..., None] > 0, 0.12 + 0.88 * share, 0)
    axes.imshow((255 + strength * (np.where(np.eye(count, dtype=bool)[..., None], _RIGHT, _WRONG) - 255)).astype(np.uint8))
    for row, column in np.argwhere(table > 0):
        colour = "white" if share[row, column, 0] > 0.55 else "0.1"
        axes.text(
            column,
            row,
            str(table[row, column]),
            ha="center",
            va="center",
            color=colour,
            fontsize=14 if count <= 4 else 9 if count <= 12 else 8,
        )
    slant = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if count > 4 else {}
    axes.set_xticks(range(count), [name(label) for label in names], **slant)
    axes.set_yticks(range(count), [name(label) for label in names])
    axes.set_xlabel("answer")
    axes.set_ylabel("label")
    axes.set_title(f"{WORDS[part]}: {right} of {total} right", loc="left")
    edges = np.arange(count + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color="0.9", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_color("0.8")
    save(figure, path)


def write_reliability(after: Sequence[Part], before: Part | None, path: Path) -> None:
    """The reliability diagram (Guo et al. 2017, figure 1): accuracy against confidence, and how many photos each point stands for.

    Args:
        after: the calibrated answers to validation and test photos.
        before: the uncalibrated answers to the validation photos.
        path: of the picture.
    """
    figure = Figure(figsize=(WIDTH, 5.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot((0, 1), (0, 1), color=PALE, linewidth=1, linestyle=":", label="as sure as right")
    if before is not None:
        confidence, right, _ = metrics.reliability(before.probabilities, before.truth).T
        upper.plot(
            confidence,
            right,
            color=COLOURS[before.name],
            marker="x",
            linestyle="--",
            linewidth=1,
            alpha=0.6,
            label=_legend(before, "before"),
        )
    edges = np.linspace(0, 1, 11)
    for number, part in enumerate(after):
        bins = metrics.reliability(part.probabilities, part.truth)
        spans = np.array([metrics.interval(share * photos, int(photos)) for _, share, photos in bins])
        reach = np.abs(spans.T - bins[:, 1])
        legend, shift = _legend(part, "after" if before is not None else ""), 0.045 * (number + 0.5) if len(after) > 1 else 0.045
        upper.errorbar(*bins[:, :2].T, reach, color=COLOURS[part.name], marker="o", linewidth=1, elinewidth=0.8, capsize=2, label=legend)
        counts = np.histogram(part.probabilities.max(1), edges)[0]
        bars = lower.bar(edges[:-1] + shift + 0.005, counts, 0.09 / len(after), color=COLOURS[part.name])
        lower.bar_label(
            bars, [str(count) if count else "" for count in counts], fontsize=8, padding=2, rotation=90 if len(after) > 1 else 0
        )
    upper.set_ylabel("share of right answers")
    upper.set_ylim(-0.02, 1.02)
    figure.legend(loc="outside upper left", frameon=False, fontsize="small")
    lower.set_xlabel("probability of the answer")
    lower.set_ylabel("photos")
    lower.margins(y=0.6 if len(after) > 1 else 0.25)
    for axes in (upper, lower):
        tidy(axes)
    for axis in (upper.yaxis, lower.xaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    save(figure, path)


def _legend(part: Part, when: str) -> str:
    """`validation, after: error 0.031`."""
    return f"{WORDS[part.name]}{f', {when}' if when else ''}: error {metrics.calibration_error(part.probabilities, part.truth):.3f}"


def write_learning(learning: Sequence[tuple[int, float, float]], forecast: Forecast | None, path: Path) -> None:
    """Training and held-out accuracy over the number of photos that were trained on, and the forecast for more where it can be trusted.

    Args:
        learning: photos, training accuracy, validation accuracy.
        forecast: of more photos; its curve, of photos left out, takes the place of the validation curve.
        path: of the picture.
    """
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    photos, known, held = zip(*learning)
    axes.plot(photos, known, color=TRAIN, marker="o", label=WORDS["train"])
    if forecast is None:
        axes.plot(photos, held, color=VAL, marker="o", label=WORDS["val"])
    else:
        axes.plot(*zip(*forecast.curve), color=VAL, marker="o", label="photos left out")
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
    if forecast is not None and forecast.check.passed:
        sizes, estimates = zip(*forecast.band)
        axes.fill_between(sizes, [one.low for one in estimates], [one.high for one in estimates], color=VAL, alpha=0.2, linewidth=0)
        axes.plot(sizes, [one.middle for one in estimates], color=VAL, linestyle="--", label="forecast")
        axes.set_xticks([forecast.photos * times for times in (0.125, 0.25, 0.5, 1, 2, 4)])
    axes.set_xlabel("training photos")
    axes.set_title("accuracy", loc="left")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    tidy(axes)
    axes.legend(frameon=False)
    save(figure, path)
