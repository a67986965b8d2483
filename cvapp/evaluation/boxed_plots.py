"""Plots of a detector's report: precision against recall of each class."""

from pathlib import Path
from typing import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from cvapp.evaluation.detection import Curve, average_precision
from cvapp.evaluation.figures import name, save, tidy
from cvapp.evaluation.plots import WIDTH
from cvapp.evaluation.words import percent

# of the windows, whose validation loss would cost as much as an epoch; validation is measured on whole pictures
LEARNING = {"window loss": ("loss",), "validation mAP50": ("val_map50",)}
MOST_CURVES = 10  # whose colours can be told apart


def write_precision_recall(curves: dict[str, Curve], score: float, path: Path) -> None:
    """Precision over recall of each class as boxes are added by their score; a dot marks the boxes that reach `score`.

    Of more than MOST_CURVES classes those with the least average precision are shown.
    """
    areas = {label: average_precision(curve.recall, curve.precision) for label, curve in curves.items()}
    shown = sorted(curves, key=areas.__getitem__)[:MOST_CURVES] if len(curves) > MOST_CURVES else list(curves)
    figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
    axes = figure.subplots()
    for number, label in enumerate(shown):
        recall, precision, scores = curves[label]
        line = {"color": f"C{number}", "linewidth": 1.4, "label": f"{name(label)}: average precision {percent(areas[label], 1)}"}
        axes.plot([0, *recall], [*precision[:1], *precision] or [0], **line)
        last = int((scores >= score).sum()) - 1
        if last >= 0:
            axes.plot(recall[last], precision[last], "o", color=f"C{number}", markersize=6)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("recall: the share of objects that are found")
    axes.set_ylabel("precision: the share of boxes that are right")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    tidy(axes)
    if shown:
        figure.legend(loc="outside upper left", frameon=False, fontsize="small", ncols=1 if len(shown) <= 5 else 2)
    save(figure, path)


def shown_classes(labels: Sequence[str]) -> str:
    """A sentence for the page where not all classes have a curve."""
    return f" The {MOST_CURVES} classes with the least average precision are shown." if len(labels) > MOST_CURVES else ""
