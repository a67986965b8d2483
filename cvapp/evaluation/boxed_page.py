"""The page of a detector's report, like the classifier's: one HTML file that holds all it shows."""

from html import escape
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from cvapp.card import Card
from cvapp.evaluation import markup
from cvapp.evaluation.boxed_mistakes import KINDS, MISSED, SIZES, BoxedMistake
from cvapp.evaluation.boxed_plots import shown_classes
from cvapp.evaluation.boxed_sheets import LEGEND, OF_SIZE, BoxedResults, by_size, caption, cut_out
from cvapp.evaluation.page import verdict_section
from cvapp.evaluation.results import WORDS
from cvapp.evaluation.verdict import Verdict
from cvapp.evaluation.words import counted, percent

_MEANINGS = {
    "wrong class": "it lies on an object of another class",
    "poor place": "an object of its class is near, with an overlap of less than one half",
    "twice": "a better box has the object already",
    "background": "no object is near",
}


def compose(
    card: Card,
    results: BoxedResults,
    figures: dict[str, Any],
    mistakes: Sequence[BoxedMistake],
    folder: Path,
    judged: Verdict | None = None,
) -> str:
    """The whole page, from the figures of `detection.summary` and as `coco` those of `coco_summary`; the pictures are those that lie in `folder`."""
    missed = [one for one in mistakes if one.kind == MISSED]
    false = [one for one in mistakes if one.kind != MISSED]
    lost = "True objects without a box. In bold the class; those that no box comes near come first."
    invented = "Boxes that stand for no object, the surest first: look here for objects that the truth forgot."
    sections = (
        verdict_section(judged, results.source.name) if judged else "",
        _figures(results, figures),
        _classes(results, figures),
        _plots(card, folder),
        _kinds(figures),
        _cut_outs("Missed objects", lost, results, missed, card.labels),
        _cut_outs("False boxes", invented, results, false, card.labels),
        _found(folder),
        markup.making(card, results.history),
    )
    return markup.document(card, sections)


def _figures(results: BoxedResults, figures: dict[str, Any]) -> str:
    """What matters most in large type."""
    missed, false = (sum(figures[name].values()) for name in ("missed_by_size", "false"))
    objects = counted(figures["objects"], "object")
    tiles = (
        (percent(figures["map50"], 1), "mean average precision", f"mAP50, all points; {percent(figures['map50_11'], 1)} by 11 points"),
        (f"{figures['objects'] - missed:,}", f"of {objects} found", f"in {counted(figures['photos'], f'{WORDS[results.part]} photo')}"),
        (f"{false:,}", "false box" if false == 1 else "false boxes", f"{false / max(figures['photos'], 1):.2f} a photo"),
        (percent(results.score), "is the threshold", f"boxes under it are not shown; F1 is best at {percent(figures['best_threshold'])}"),
    )
    return f"<section>{markup.tiles(tiles)}{_coco(figures)}</section>"


def _coco(figures: dict[str, Any]) -> str:
    """COCO's figures, precision and recall in a row each, less those that have no object to be reckoned from."""
    told = {name: value for name, value in figures["coco"].items() if value is not None}
    rows = [{name: value for name, value in told.items() if name.startswith(kind)} for kind in ("ap", "ar")]
    return "".join(
        markup.table(
            ("", *(name.replace("_", " ").upper() for name in row)),
            [markup.cells(("COCO", *(percent(value, 1) for value in row.values())))],
        )
        for row in rows
        if row
    )


def _classes(results: BoxedResults, figures: dict[str, Any]) -> str:
    rows = [
        markup.cells((label, f"{one['objects']:,}"))
        + "".join(markup.bar(np.nan if one[name] is None else one[name]) for name in ("ap", "precision", "recall", "f1"))
        + markup.cells(("–" if one["best_threshold"] is None else percent(one["best_threshold"]),))
        for label, one in figures["by_class"].items()
    ]
    text = (
        "Average precision: the area under precision over recall. Precision: the share of boxes that are right. Recall: the share of objects "
        f"that are found. F1: their harmonic mean. These three count the boxes from the score threshold on, {percent(results.score)}; the last "
        "column has the threshold where the F1 of the class would be best."
    )
    absent = ", ".join(figures["classes_without_objects"])
    left_out = f" Without objects, so not in the mean: {escape(absent)}." if absent else ""
    heads = ("class", "objects", "average precision", "precision", "recall", "F1", "F1 is best at")
    return f"<section><h2>Each class, on {WORDS[results.part]} photos</h2><p>{text}{left_out}</p>{markup.table(heads, rows)}</section>"


def _plots(card: Card, folder: Path) -> str:
    dots = f"Boxes are added by their score; a dot marks the threshold.{shown_classes(card.labels)}"
    precision = markup.plot(folder / "precision_recall.png", "Precision and recall", dots)
    kept = "Above the loss of training, below what is found in whole validation photos. The best epoch of each stage is kept."
    curves = folder / "curves.png"
    return f"<div class=plots><div>{markup.plot(curves, 'Course', kept) if curves.is_file() else ''}</div><div>{precision}</div></div>"


def _kinds(figures: dict[str, Any]) -> str:
    """How many boxes are false and why, and how large the objects are that go wrong."""
    kinds = [markup.cells((f"{kind}: {_MEANINGS[kind]}", f"{figures['false'][kind]:,}")) for kind in KINDS]
    sizes = [markup.cells((size, *(f"{figures[name][size]:,}" for name in ("missed_by_size", "false_by_size")))) for size in SIZES]
    text = "Small is under 32 x 32 pixels of the picture as the model sees it, large from 96 x 96 on."
    tables = markup.table(("kind", "false boxes"), kinds) + f"<h3>By size</h3><p>{text}</p>"
    return f"<section><h2>Mistakes</h2>{tables}{markup.table(('size', 'missed objects', 'false boxes'), sizes)}</section>"


def _cut_outs(title: str, text: str, results: BoxedResults, mistakes: Sequence[BoxedMistake], labels: Sequence[str]) -> str:
    """The worst mistakes of each size as pictures with their captions, so that they flow with the width of the screen."""
    if not mistakes:
        return f"<section><h2>{title}</h2><p>None.</p></section>"
    groups = ""
    for size, group in by_size(mistakes).items():
        shown = "".join(_tile(results, one, labels) for one in group[:OF_SIZE])
        which = f"the worst {OF_SIZE} of {len(group):,}" if len(group) > OF_SIZE else f"{len(group)}"
        groups += f"<h3>{size.capitalize()}: {which}</h3><div class=photos>{shown}</div>"
    return f"<section><h2>{title}</h2><p>{text} In the pictures {LEGEND}; all are in errors.csv.</p>{groups}</section>"


def _tile(results: BoxedResults, mistake: BoxedMistake, labels: Sequence[str]) -> str:
    what, kind, name = (escape(line) for line in caption(mistake, results.names, labels))
    picture = markup.jpeg(cut_out(results, mistake), f"{what}, {kind}")
    return f"<figure>{picture}<figcaption><b>{what}</b><span>{kind}</span><small>{name}</small></figcaption></figure>"


def _found(folder: Path) -> str:
    text = "From the photo with the most mistakes to one with the fewest."
    return f"<div class=wide>{markup.plot(folder / 'found.png', 'Whole photos', text)}</div>"
