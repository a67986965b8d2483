"""Measure a saved model on one part of its own split, or on other labeled photos."""

from pathlib import Path
from typing import Any, Sequence

import numpy as np

from cvapp import card as cards
from cvapp.bundle import Bundle, rank
from cvapp.data import split
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.evaluation import metrics, new_photos
from cvapp.evaluation.held import held_photos
from cvapp.evaluation.new_photos import NewPhotos
from cvapp.evaluation.results import Part, held_out_sessions
from cvapp.loading import load
from cvapp.progress import Report, silent

BATCH = 32  # photos that a model is asked about at once


def evaluate(
    folder: Path, data: str | Path | None = None, part: str | None = None, variant: str | None = None, report: Report = silent
) -> dict[str, Any]:
    """Figures of a classifier on labeled photos, or on those of its split.

    Args:
        folder: `saved_models/NAME`.
        data: photos to measure on, as `new_photos.read` takes them; with a part, where the photos of the split lie. Those that training kept are
            used when left out.
        part: of the split: `train`, `val` or `test`; without data, too, `test` where the split has one, else `val`.
        variant: as `load` takes it.
        report: told how many photos are done.

    Returns:
        `name`, `variant`, `split` (the part; None for other photos), the figures of `metrics.summary`, `accuracy_interval` (95%, Wilson), the
        `fingerprint` of the photos; for other photos also what `NewPhotos.figures` says.

    Raises:
        CvappError: no such model, part or variant (exit 2); photos or files that are missing, or photos that do not fit the model (exit 3).
    """
    bundle = load(folder, variant)
    rows = split.read(cards.check_file(bundle.card, folder, split.FILE))
    name = {"name": folder.name, "variant": bundle.variant}
    if data is not None and part is None:
        new = new_photos.read(data, bundle.card, rows, report)
        figures = _figures(bundle, str(data), new.store, new.rows, held_out_sessions(new.rows, rows), report)
        return {**name, **figures, **new.figures(_unknown(bundle, new, report)), "fingerprint": split.fingerprint(new.rows)}
    part, store, held = held_photos(folder, rows, bundle.card, (data, part), report)
    groups = held_out_sessions(held, rows if part != "train" else ())
    return {**name, "split": part, **_figures(bundle, part, store, held, groups, report), "fingerprint": split.fingerprint(rows)}


def _figures(
    bundle: Bundle, origin: str, store: Store, rows: Sequence[Row], groups: Sequence[str | None], report: Report
) -> dict[str, Any]:
    answers = _answers(bundle, store, rows, f"evaluating {bundle.variant}", report)
    truth = np.array([bundle.card.labels.index(row.label) for row in rows])
    found = Part(origin, answers, truth, groups)
    return {**found.figures(bundle.card.labels), "accuracy_interval": metrics.rounded_interval(found.right, len(rows))}


def _answers(bundle: Bundle, store: Store, rows: Sequence[Row], text: str, report: Report) -> np.ndarray:
    """The probabilities (N, C) of photos, `BATCH` at a time: Keras takes as long for one."""
    answers = []
    for start in range(0, len(rows), BATCH):
        report(text, start, len(rows))
        answers.append(bundle.predict(store.read([row.hash for row in rows[start : start + BATCH]])))
    report(text, len(rows), len(rows))
    return np.concatenate(answers)


def _unknown(bundle: Bundle, new: NewPhotos, report: Report) -> dict[str, int] | None:
    """How many photos of each class that the model does not know it answers as unknown; None where it has no such answer."""
    if not bundle.card.threshold and not bundle.card.nothing:
        return None
    count = {}
    for label, rows in new.extra.items():
        answers = _answers(bundle, new.store, rows, f"looking at {label}", report)
        count[label] = sum(bundle.answer(rank(bundle.card.labels, scores)) == cards.UNKNOWN for scores in answers)
    return count
