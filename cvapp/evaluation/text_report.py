"""The report of a transcriber: figures by length, curves, what was read wrong, where it looked, and one page that holds it all."""

import csv
import io
from pathlib import Path
from typing import Any, Sequence

from cvapp import images
from cvapp.card import Card
from cvapp.evaluation import markup, plots, text_sheets
from cvapp.evaluation.results import WORDS
from cvapp.evaluation.texts import edit_distance
from cvapp.evaluation.transcribed import TextResults
from cvapp.evaluation.words import counted, percent
from cvapp.files import write_text

LEARNING = {"loss of a character": ("loss", "val_loss"), "texts without a mistake": ("accuracy", "val_accuracy")}
_LOOKS = (
    "A strip for each character, and one for the end, in the order in which they were written: dark where in the picture the last block of the "
    "decoder looked for it, the mean of its heads."
)
_HEADER = ("picture", "truth", "read", "probability", "edit_distance")


def write(card: Card, results: TextResults, history: Sequence[dict[str, Any]], folder: Path) -> None:
    """Write the whole report of what was read in a part, whose figures are among the card's, into a folder.

    `report.html` (self-contained), `curves.png`, `errors.csv`, `errors.png`, `looks.png`.

    Raises:
        CvappError: the folder cannot be written (exit 7).
    """
    plots.write_curves(history, folder / "curves.png", LEARNING)
    write_text(folder / "errors.csv", _table(results))
    images.write(folder / "errors.png", text_sheets.mistakes_sheet(results))
    images.write(folder / "looks.png", text_sheets.looks_sheet(results))
    write_text(folder / "report.html", _page(card, results, history, folder))


def _table(results: TextResults) -> str:
    """All mistakes as CSV, the surest first; a picture's number is that in its stream."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    for place in text_sheets.mistakes(results):
        read, truth = results.scores[place], results.truths[place]
        writer.writerow((place, truth, read.label, f"{read.probability:.4f}", edit_distance(read.label, truth)))
    return text.getvalue()


def _page(card: Card, results: TextResults, history: Sequence[dict[str, Any]], folder: Path) -> str:
    wrong, shown = len(text_sheets.mistakes(results)), text_sheets.SHOWN
    which = f"The {shown} of {wrong:,} that it was surest of." if wrong > shown else f"All {wrong}, the surest first."
    sections = (
        _figures(card, results),
        _course(card, results, folder),
        _wide(folder / "errors.png", "Read wrong", f"{which} In bold the true text; errors.csv names them all." if wrong else "None."),
        _wide(folder / "looks.png", "Where it looked", _LOOKS),
        markup.making(card, history),
    )
    return markup.document(card, sections)


def _figures(card: Card, results: TextResults) -> str:
    """What matters most in large type."""
    figures = card.metrics[results.part]
    beam, wrong = figures["beam"], len(text_sheets.mistakes(results))
    pictures = counted(figures["pictures"], f"{WORDS[results.part]} picture")
    tiles = (
        (percent(figures["accuracy"], 1), "of texts without a mistake", f"{wrong:,} of {pictures} read wrong"),
        (percent(figures["character_error_rate"], 2), "of characters wrong", "edit distance over the true texts' characters"),
        (percent(beam["accuracy"], 1), "of texts by beam search", f"the best of {counted(beam['width'], 'text')} side by side"),
    )
    return f"<section>{markup.tiles(tiles)}</section>"


def _course(card: Card, results: TextResults, folder: Path) -> str:
    """The curves, and beside them how long texts fare."""
    text = "Of training, every character after the true ones before it and with dropout. The epoch with the least validation loss is kept."
    curves = markup.plot(folder / "curves.png", "Course", text)
    return f"<div class=plots><div>{curves}</div><div>{_lengths(card, results)}</div></div>"


def _lengths(card: Card, results: TextResults) -> str:
    rows = [
        markup.cells((length, f"{row['pictures']:,}"))
        + markup.bar(row["accuracy"])
        + markup.cells((percent(row["character_error_rate"], 2),))
        for length, row in card.metrics[results.part]["by_length"].items()
    ]
    heads = ("characters", "pictures", "without a mistake", "characters wrong")
    return f"<section><h2>By length</h2>{markup.table(heads, rows)}</section>"


def _wide(path: Path, title: str, text: str) -> str:
    return f"<div class=wide>{markup.plot(path, title, text)}</div>"
