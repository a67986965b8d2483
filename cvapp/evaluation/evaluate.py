"""Measure a saved model on one part of its own split."""

from pathlib import Path
from typing import Any

import numpy as np

from cvapp import card as cards
from cvapp.data import split
from cvapp.evaluation.held import held_photos
from cvapp.evaluation.results import Part
from cvapp.loading import load
from cvapp.progress import Report, each, silent


def evaluate(
    folder: Path, data: str | Path | None = None, part: str | None = None, variant: str | None = None, report: Report = silent
) -> dict[str, Any]:
    """Figures of a model on photos of its split.

    Args:
        folder: `saved_models/NAME`.
        data: where the photos lie; those that training kept are used when left out.
        part: `train`, `val` or `test`; when left out `test` where the split has one, else `val`.
        variant: as `load` takes it.
        report: told how many photos are done.

    Raises:
        CvappError: no such model, part or variant (exit 2); photos or files that are missing (exit 3).
    """
    bundle = load(folder, variant)
    rows = split.read(cards.check_file(bundle.card, folder, split.FILE))
    part, store, held = held_photos(folder, rows, bundle.card, (data, part), report)
    answers = np.concatenate([bundle.predict(store.read([row.hash])) for row in each(held, f"evaluating {bundle.variant}", report)])
    truth = np.array([bundle.card.labels.index(row.label) for row in held])
    return {
        "name": folder.name,
        "variant": bundle.variant,
        "split": part,
        **Part(part, answers, truth, [row.group for row in held]).figures(bundle.card.labels),
        "fingerprint": split.fingerprint(rows),
    }
