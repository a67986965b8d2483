"""The report of a detector: plots, the mistakes as a table and as pictures, and one page that holds it all with a verdict."""

from pathlib import Path
from typing import Any

from cvapp import images
from cvapp.card import Card
from cvapp.evaluation import boxed_mistakes, boxed_page, boxed_plots, boxed_sheets, plots
from cvapp.evaluation.boxed_mistakes import MISSED
from cvapp.evaluation.boxed_sheets import BoxedResults
from cvapp.evaluation.coco import coco_summary
from cvapp.evaluation.detection import pool, summary
from cvapp.evaluation.verdict import Verdict
from cvapp.files import write_text

__all__ = ["BoxedResults", "write"]


def write(card: Card, results: BoxedResults, folder: Path, judged: Verdict | None = None) -> dict[str, Any]:
    """Write the whole report into a folder, and give its figures (those of `detection.summary`, and COCO's as `coco`).

    `report.html` (self-contained), `precision_recall.png`, `missed.png`, `false.png`, `found.png`, `errors.csv`; `curves.png` where there is a
    history. The page begins with the verdict `judged`, where there is one.

    Raises:
        CvappError: boxes and photos that do not fit together (exit 3), or a folder that cannot be written (exit 7).
    """
    labels = card.labels
    found, truths = results.found, results.truths
    figures = {**summary(found, truths, labels, score=results.score), "coco": coco_summary(found, truths, labels)}
    mistakes = boxed_mistakes.find(found, truths, score=results.score)
    there = [place for place, label in enumerate(labels) if label not in figures["classes_without_objects"]]
    pooled = pool(found, truths)
    curves = {labels[place]: pooled.curve(place) for place in there}
    boxed_plots.write_precision_recall(curves, results.score, folder / "precision_recall.png")
    if results.history:
        plots.write_curves(results.history, folder / "curves.png", boxed_plots.LEARNING)
    boxed_mistakes.write_table(mistakes, results.names, labels, folder / "errors.csv")
    for name, missed in (("missed", True), ("false", False)):
        chosen = [one for one in mistakes if (one.kind == MISSED) is missed]
        images.write(folder / f"{name}.png", boxed_sheets.mistakes_sheet(results, chosen, labels))
    images.write(folder / "found.png", boxed_sheets.found_sheet(results, labels))
    write_text(folder / "report.html", boxed_page.compose(card, results, figures, mistakes, folder, judged))
    return figures
