"""The report of a training run: learning curves and a confusion matrix as pictures, and one page that holds them."""

import base64
import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cvapp.card import Card
from cvapp.files import replacing, write_text

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{name}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
img {{ max-width: 100% }}
table {{ border-collapse: collapse }}
td, th {{ padding: .3rem 1rem .3rem 0; text-align: left; border-bottom: 1px solid #ddd }}
</style>
<h1>{name}</h1>
<p>{classes}. {source}</p>
<table><tr><th>part<th>photos<th>accuracy<th>loss<th>calibration error</tr>{rows}</table>
<p>Temperature {temperature}, folded into the model. Under {threshold} an answer is no better than “unknown”.</p>
{pictures}
</html>
"""
TRAIN, VAL = "#2f6fb5", "#d9782d"


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as neighbour:
        figure.savefig(neighbour, dpi=110, metadata={"Software": None})


def write_curves(rows: Sequence[dict[str, float]], path: Path) -> None:
    """Loss and accuracy over epochs, training beside validation; the epoch that was kept is marked."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    epochs = [row["epoch"] for row in rows]
    kept = epochs[int(np.argmin([row["val_loss"] for row in rows]))]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy")):
        axes.plot(epochs, [row[name] for row in rows], color=TRAIN, label="training")
        axes.plot(epochs, [row[f"val_{name}"] for row in rows], color=VAL, label="validation")
        axes.axvline(kept, color="0.6", linewidth=1, linestyle=":", label=f"kept: epoch {kept:g}")
        axes.set_xlabel("epoch")
        axes.set_title(name, loc="left")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
    _save(figure, path)


def write_confusion(table: np.ndarray, labels: Sequence[str], part: str, path: Path) -> None:
    """The confusion matrix (C, C): rows are true classes; shade is the share of the row, the number is photos."""
    count = len(labels)
    side = float(np.clip(1.8 + 0.55 * count, 4, 16))
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.subplots()
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if count <= 30:
        for row, column in np.argwhere(table > 0):
            axes.text(
                column,
                row,
                str(table[row, column]),
                ha="center",
                va="center",
                color="white" if share[row, column] > 0.55 else "0.15",
                fontsize=9,
            )
    if count <= 60:
        axes.set_xticks(range(count), labels, rotation=45, ha="right")
        axes.set_yticks(range(count), labels)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    axes.set_title(f"{part}: {table.trace()} of {table.sum()} right", loc="left")
    _save(figure, path)


@dataclass(frozen=True)
class Results:
    """What a run left to show: its history, and the confusion matrix (C, C) of one part of the data."""

    history: Sequence[dict[str, float]]
    confusion: np.ndarray
    part: str


def write(card: Card, results: Results, folder: Path) -> None:
    """Write the whole report into a folder."""
    write_curves(results.history, folder / "curves.png")
    write_confusion(results.confusion, card.labels, results.part, folder / "confusion.png")
    write_page(card, folder)


def write_page(card: Card, folder: Path) -> None:
    """`report.html`, self-contained: the figures, and the pictures that lie beside it."""
    parts = [part for part in ("train", "val", "test") if part in card.metrics]
    rows = "".join(
        f"<tr><td>{part}<td>{card.metrics[part]['photos']}<td>{100 * card.metrics[part]['accuracy']:.1f}%<td>{card.metrics[part]['loss']:.3f}"
        f"<td>{card.metrics[part]['calibration_error']:.3f}"
        for part in parts
    )
    pictures = "".join(
        f"<h2>{title}</h2><img alt='{title}' src='data:image/png;base64,{base64.b64encode((folder / name).read_bytes()).decode()}'>"
        for title, name in (("Learning curves", "curves.png"), ("Confusion matrix", "confusion.png"))
    )
    write_text(
        folder / "report.html",
        _PAGE.format(
            name=html.escape(card.name),
            classes=f"{len(card.labels)} classes: {html.escape(', '.join(card.labels))}",
            source=_source(card),
            rows=rows,
            temperature=f"{card.temperature:.2f}",
            threshold=f"{card.threshold:.2f}",
            pictures=pictures,
        ),
    )


def _source(card: Card) -> str:
    values: dict[str, Any] = dict(card.weights)
    return f"Backbone: {html.escape(values.get('source', 'unknown'))} (licence: {html.escape(values.get('licence', 'unknown'))})."
