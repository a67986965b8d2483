"""Error analysis: every photo whose answer is not its label, the worst first, as a table and as pictures."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Sequence

import numpy as np

from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.evaluation.results import Results, truth
from cvapp.evaluation.sheets import contact_sheet
from cvapp.evaluation.words import percent, printable
from cvapp.files import write_text

SHOWN = 48
COLUMNS = 8
LEFT_OUT, HELD_OUT, ITSELF = "left-out fold", "held out", "itself"
_HEADER = ("path", "part", "label", "answer", "probability", "probability_of_label", "judged_by")


@dataclass(frozen=True)
class Mistake:
    """A photo whose answer is not its label.

    Args:
        row: the photo.
        answer: the class that was answered.
        probability: of the answer.
        of_label: the probability of the photo's own class.
        judged_by: a `left-out fold` (a head trained without the photo), `held out` (the model, which did not learn from it), or the model `itself`.
    """

    row: Row
    answer: str
    probability: float
    of_label: float
    judged_by: str


def find(results: Results, labels: Sequence[str]) -> list[Mistake]:
    """The mistakes among all photos, the least probability of its own label first.

    A photo in the wrong class folder so comes before one that is hard (the self-confidence of Northcutt et al. 2021, arXiv:1911.00068).
    """
    classes, answers = truth(results.rows, labels), results.judged.argmax(1)
    learned = LEFT_OUT if results.crossed else ITSELF
    found = []
    for index in np.flatnonzero(answers != classes):
        row, probabilities = results.rows[index], results.judged[index]
        judge = learned if row.part == "train" else HELD_OUT
        found.append(Mistake(row, labels[answers[index]], float(probabilities.max()), float(probabilities[classes[index]]), judge))
    return sorted(found, key=lambda one: (one.of_label, one.row.path))


def write_table(found: Sequence[Mistake], path: Path) -> None:
    """`errors.csv`: all mistakes, a row each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    for one in found:
        photo = one.row.path, one.row.part, one.row.label
        writer.writerow((*photo, one.answer, f"{one.probability:.4f}", f"{one.of_label:.4f}", one.judged_by))
    write_text(path, text.getvalue())


def sheet(found: Sequence[Mistake], pixels: Store) -> np.ndarray:
    """The worst mistakes as a contact sheet, uint8 RGB: what each is labelled, what was answered and how surely, its file's name."""
    if not found:
        return contact_sheet([np.full((44, 176, 3), 255, np.uint8)], ["No mistakes"], 1)
    worst = found[:SHOWN]
    return contact_sheet(pixels.read(one.row.hash for one in worst), [_caption(one) for one in worst], COLUMNS)


def _caption(one: Mistake) -> str:
    lines = f"labelled {one.row.label}", f"{percent(one.probability)} sure: {one.answer}", PurePosixPath(one.row.path).name
    return "\n".join(printable(line) for line in lines)
