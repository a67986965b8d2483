"""Export: make the variants, prove each on the model's own photos, publish those that pass."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from cvapp import card as cards
from cvapp.bundle import EXPORT, LABELS, LITE, open_tflite
from cvapp.data import split
from cvapp.data.photos import find
from cvapp.data.split import Row
from cvapp.errors import CvappError, Exit
from cvapp.export import parity, variants
from cvapp.files import replacing_folder, sha256, write_json
from cvapp.models.classifier import open_model, predict_function
from cvapp.recipe import Export
from cvapp.progress import Report, each, silent

SCHEMA = 1
CHOSEN = "float32"


@dataclass(frozen=True)
class Proof:
    """What the variants are compared on: uint8 photos (N, H, W, 3), Keras' probabilities (N, C), true classes (N,)."""

    pixels: np.ndarray
    reference: np.ndarray
    truth: np.ndarray


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
    val, known = ([row for row in held if row.part == part] for part in ("val", "train"))
    if not val or not known:
        found = f"{len(known)} training and {len(val)} validation photos"
        raise CvappError(f"{folder}: found {found}, both are needed; name their folder with --data DIR", Exit.BAD_DATA)
    pixels = store.read(row.hash for row in val)
    proof = Proof(pixels, predict_function(model)(pixels), np.array([card.labels.index(row.label) for row in val]))
    dead = parity.check_alive(proof.reference)
    if dead:
        raise CvappError(f"{folder}: {dead}", Exit.GATE)
    calibration = store.read(row.hash for row in balanced(known, card.recipe.export.calibration))
    with replacing_folder(folder / LITE) as work:
        table = {}
        for name in card.recipe.export.variants:
            report(f"converting to {name}, up to half a minute")
            table[name] = _prove(name, variants.convert(model, name, calibration), work, card.recipe.export, proof, report)
        made = {
            "schema": SCHEMA,
            "model": card.files["model.keras"],
            "chosen": CHOSEN,
            "photos": len(val),
            "calibration": len(calibration),
            "variants": table,
        }
        variants.write_labels(card.labels, work / LABELS)
        write_json(work / EXPORT, made)
    return made


def balanced(rows: Sequence[Row], count: int) -> list[Row]:
    """Up to `count` photos, taken from the classes in turn."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.label].append(row)
    return [row for row in chain.from_iterable(zip_longest(*groups.values())) if row is not None][:count]


def _prove(name: str, data: bytes, work: Path, gate: Export, proof: Proof, report: Report) -> dict[str, Any]:
    """One variant's row of the table; its file stays in `work` when it passes the gate."""
    path = work / f"{name}.tflite"
    path.write_bytes(data)
    predict = open_tflite(path)
    answers = np.concatenate([predict(picture[None]) for picture in each(list(proof.pixels), f"proving {name}", report)])
    found = parity.compare(answers, proof.reference, proof.truth)
    reasons = parity.failures(found, name, gate)
    if reasons and name == CHOSEN:
        raise CvappError(f"{name} {'; '.join(reasons)}: nothing was published", Exit.GATE)
    row = {"published": not reasons, "reasons": reasons, "sha256": sha256(path), "bytes": len(data), **parity.row(found)}
    if reasons:
        path.unlink()
    return row
