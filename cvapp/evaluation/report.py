"""The report of a training run: plots, the mistakes as a table and as pictures, and one page that holds it all with a verdict."""

from pathlib import Path

from cvapp import images
from cvapp.card import Card
from cvapp.evaluation import metrics, mistakes, page, plots
from cvapp.evaluation.results import Part, Results, held_out, parts
from cvapp.evaluation.verdict import verdict
from cvapp.files import write_text

__all__ = ["Results", "write"]


def write(card: Card, results: Results, folder: Path) -> None:
    """Write the whole report into a folder.

    `report.html` (self-contained), `curves.png`, `confusion.png`, `reliability.png`, `errors.csv`, `errors.png`; `learning.png` and
    `training.png` where there is a learning curve and a sheet of varied training pictures, `attention.png` of a transformer.

    Raises:
        CvappError: the folder cannot be written (exit 7).
    """
    answers = parts(results.rows, results.probabilities, card.labels)
    best, val = held_out(answers), answers["val"]
    plots.write_curves(results.history, folder / "curves.png")
    table = metrics.confusion(best.probabilities.argmax(1), best.truth, len(card.labels))
    plots.write_confusion(table, card.labels, best.name, folder / "confusion.png")
    before = Part("val", results.before, val.truth) if results.before is not None else None
    plots.write_reliability([part for name, part in answers.items() if name != "train"], before, folder / "reliability.png")
    if results.learning:
        plots.write_learning(results.learning, results.forecast, folder / "learning.png")
    if results.seen is not None:
        images.write(folder / "training.png", results.seen)
    if results.looks is not None:
        images.write(folder / "attention.png", results.looks)
    found = mistakes.find(results, card.labels)
    mistakes.write_table(found, folder / "errors.csv")
    images.write(folder / "errors.png", mistakes.sheet(found, results.pixels))
    write_text(folder / "report.html", page.compose(card, results, verdict(card, results), found, folder))
