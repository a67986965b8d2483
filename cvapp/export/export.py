"""Export: make the variants, prove each on the model's own photos, publish those that pass."""

from collections import defaultdict
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from cvapp import card as cards
from cvapp.bundle import EXPORT, LABELS, LITE, open_tflite
from cvapp.card import Card
from cvapp.data import split
from cvapp.data.photos import find
from cvapp.data.split import Row
from cvapp.errors import CvappError, Exit
from cvapp.export import parity, variants
from cvapp.files import replacing_folder, sha256, write_json
from cvapp.models.classifier import open_model, predict_function
from cvapp.progress import Report, each, silent

SCHEMA = 1
CHOSEN = "float32"


def export(folder: Path, data: str | Path | None = None, report: Report = silent) -> dict[str, Any]:
    """Export a saved model to `lite/` beside it and prove the variants; the old `lite/` stays until the new one is whole.

    Args:
        folder: `saved_models/NAME`.
        data: where the photos of its split lie; those that training kept are used when left out.
        report: told of every step.

    Returns:
        what `lite/export.json` holds.

    Raises:
        CvappError: no photos to prove it on, or a model's file that is missing or altered (exit 3); float32 is not what Keras says (exit 5).
    """
    card = cards.read(folder)
    if card.task != "classify":
        raise CvappError(f"{folder} is a {card.task}; only classifiers are exported")
    model = open_model(cards.check_file(card, folder, "model.keras"))
    rows = split.read(cards.check_file(card, folder, split.FILE))
    store, held = find([row for row in rows if row.part != "test"], data, card.images, report)
    proof = [row for row in held if row.part == "val"]
    known = [row for row in held if row.part == "train"]
    if not proof or not known:
        raise CvappError(f"{folder}: found {len(known)} training and {len(proof)} validation photos, both are needed; name their folder with --data DIR", Exit.BAD_DATA)
    pixels, truth = store.read(row.hash for row in proof), np.array([card.labels.index(row.label) for row in proof])
    reference = predict_function(model)(pixels)
    dead = parity.check_alive(reference)
    if dead:
        raise CvappError(f"{folder}: {dead}", Exit.GATE)
    calibration = store.read(row.hash for row in balanced(known, card.recipe.export.calibration))
    with replacing_folder(folder / LITE) as work:
        table = {name: _prove(name, variants.convert(model, name, calibration), work, card, pixels, reference, truth, report) for name in card.recipe.export.variants}
        made = {"schema": SCHEMA, "model": card.files["model.keras"], "chosen": CHOSEN, "photos": len(proof), "calibration": len(calibration), "variants": table}
        variants.write_labels(card.labels, work / LABELS)
        write_json(work / EXPORT, made)
    return made


def balanced(rows: Sequence[Row], count: int) -> list[Row]:
    """Up to `count` photos, taken from the classes in turn."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.label].append(row)
    return [row for row in chain.from_iterable(zip_longest(*groups.values())) if row is not None][:count]


def _prove(name: str, data: bytes, work: Path, card: Card, pixels: np.ndarray, reference: np.ndarray, truth: np.ndarray, report: Report) -> dict[str, Any]:
    """One variant's row of the table; its file stays in `work` when it passes the gate."""
    path = work / f"{name}.tflite"
    path.write_bytes(data)
    predict = open_tflite(path)
    answers = np.concatenate([predict(picture[None]) for picture in each(list(pixels), f"proving {name}", report)])
    found = parity.compare(answers, reference, truth)
    reasons = parity.failures(found, name, card.recipe.export)
    if reasons and name == CHOSEN:
        raise CvappError(f"{name} {'; '.join(reasons)}: nothing was published", Exit.GATE)
    row = {"published": not reasons, "reasons": reasons, "sha256": sha256(path), "bytes": len(data), **parity.row(found)}
    if reasons:
        path.unlink()
    return row


