"""Export: make the variants, prove each on the model's own photos, publish those that pass."""

import tempfile
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, Iterator, Sequence

import cvapp.models  # noqa: F401 - loads TensorFlow with its start-up lines kept off the terminal
import keras
import numpy as np

from cvapp import card as cards
from cvapp.bundle import EXPORT, LABELS, LITE, open_tflite
from cvapp.card import Card
from cvapp.data import split
from cvapp.data.photos import find
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit
from cvapp.export import parity, variants
from cvapp.export.quantise import harm, quantise
from cvapp.files import replacing_folder, sha256, write_json, write_text
from cvapp.models.classifier import open_model, predict_function
from cvapp.progress import Report, each, silent
from cvapp.proof import apart, golden, metadata
from cvapp.recipe import Export

SCHEMA = 2
FLOAT32, SMALLEST = "float32", "smallest"
KEPT_IN_FLOAT = (0, 2, 4, 8, 16)  # layers that are tried in float, one number after the other, where int8 fails


@dataclass(frozen=True)
class Proof:
    """What the variants are made from and compared on.

    Args:
        card: of the model.
        model: the Keras model.
        wishes: what is to be made, and the gate.
        calibration: uint8 training photos (N, H, W, 3).
        pixels: uint8 validation photos (V, H, W, 3).
        reference: Keras' probabilities for those (V, C).
        truth: their true classes (V,).
    """

    card: Card
    model: keras.Model
    wishes: Export
    calibration: np.ndarray
    pixels: np.ndarray
    reference: np.ndarray
    truth: np.ndarray


def export(
    folder: Path, data: str | Path | None = None, wishes: Export | None = None, use: str = FLOAT32, report: Report = silent
) -> dict[str, Any]:
    """Export a saved model to `lite/` beside it and prove the variants; the old `lite/` stays until the new one is whole.

    Args:
        folder: `saved_models/NAME`.
        data: where the photos of its split lie; those that training kept are used when left out.
        wishes: what is to be made, and the gate; the recipe's when left out.
        use: the variant to put in use; SMALLEST takes the smallest that passes.
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
    store, val, known = _photos(card, folder, data, report)
    wishes = wishes or card.recipe.export
    calibration, pixels = (store.read(row.hash for row in rows) for rows in (balanced(known, wishes.calibration), val))
    truth = np.array([card.labels.index(row.label) for row in val])
    proof = Proof(card, model, wishes, calibration, pixels, predict_function(model)(pixels), truth)
    dead = parity.check_alive(proof.reference)
    if dead:
        raise CvappError(f"{folder}: {dead}", Exit.GATE)
    shown = [row.hash for row in (balanced(val, len(val)) + balanced(known, len(known)))[: golden.PHOTOS]]
    with replacing_folder(folder / LITE) as work, tempfile.TemporaryDirectory() as place:
        table = {name: _publish(proof, name, work, Path(place), report) for name in wishes.variants}
        published = [name for name, row in table.items() if row["published"]]
        if use not in (SMALLEST, *published):
            raise CvappError(f"{folder}: {use} cannot be put in use, published are {', '.join(published)}: nothing was replaced", Exit.GATE)
        files = {name: work / f"{name}.tflite" for name in published}
        for name, figures in apart.rounds(files, store.shape[:2], apart.thread_counts(), report=report).items():
            table[name] |= figures
        write_text(work / LABELS, "".join(f"{label}\n" for label in card.labels))
        _write_golden(proof, store.read(shown), work, published)
        made = {
            "schema": SCHEMA,
            "model": card.files["model.keras"],
            "card": sha256(folder / cards.FILE),
            "files": {name: sha256(work / name) for name in (LABELS, golden.FILE)},
            "chosen": min(published, key=lambda name: table[name]["bytes"]) if use == SMALLEST else use,
            "photos": len(val),
            "calibration": len(calibration),
            "gate": {"max_drop": wishes.max_drop, "min_agreement": wishes.min_agreement, "max_difference": wishes.max_difference},
            "host": {"machine": apart.machine(), **cards.versions()},
            "variants": table,
        }
        write_json(work / EXPORT, made)
    return made


def _photos(card: Card, folder: Path, data: str | Path | None, report: Report) -> tuple[Store, list[Row], list[Row]]:
    """Where the fitted photos are kept, and the model's own for validation and training that are there."""
    rows = split.read(cards.check_file(card, folder, split.FILE))
    store, held = find([row for row in rows if row.part != "test"], data, card.images, report)
    val, known = ([row for row in held if row.part == part] for part in ("val", "train"))
    if not val or not known:
        found = f"{len(known)} training and {len(val)} validation photos of it are kept or lie below --data"
        raise CvappError(f"{folder}: {found}, both are needed; name the folder that it learnt from with --data DIR", Exit.BAD_DATA)
    return store, val, known


def balanced(rows: Sequence[Row], count: int) -> list[Row]:
    """Up to `count` photos, taken from the classes in turn."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.label].append(row)
    return [row for row in chain.from_iterable(zip_longest(*groups.values())) if row is not None][:count]


def _publish(proof: Proof, name: str, work: Path, place: Path, report: Report) -> dict[str, Any]:
    """Make one variant; its row of the table. Its file stays in `work` when it passes the gate."""
    path = work / f"{name}.tflite"
    row: dict[str, Any] = {}
    for data, kept in _attempts(proof, name, place, report):
        path.write_bytes(metadata.write(data, _says(proof.card, proof.wishes)))
        predict = open_tflite(path)
        answers = np.concatenate([predict(picture[None]) for picture in each(list(proof.pixels), f"proving {name}", report)])
        found = parity.compare(answers, proof.reference, proof.truth)
        reasons = parity.failures(found, name, proof.wishes)
        if row and reasons:
            continue  # the first attempt's figures stand
        operations = variants.check_sound(data, name)
        row = {"published": not reasons, "reasons": reasons, "sha256": sha256(path), "bytes": path.stat().st_size}
        row |= {"float_operations": operations, "layers_in_float": kept, **parity.row(found)}
        if not reasons:
            return row
        report(f"{name} {'; '.join(reasons)}")
    if name == FLOAT32:
        raise CvappError(f"{name} {'; '.join(row['reasons'])}: nothing was published", Exit.GATE)
    path.unlink()
    return row


def _attempts(proof: Proof, name: str, place: Path, report: Report) -> Iterator[tuple[bytes, int]]:
    """The variant, and how many of its layers compute in float; int8 again with the layers that hurt in float, as long as it is asked for."""
    report(f"converting to {name}, up to half a minute")
    if name != variants.INT8:
        yield variants.make(proof.model, name, place), 0
        return
    calibrated = variants.ranges(proof.model, proof.calibration, place)
    hurt: list[str] = []
    for count in KEPT_IN_FLOAT:
        if count and not hurt:
            hurt = harm(calibrated, report)
        if count <= len(hurt):
            yield quantise(calibrated, hurt[:count]), count


def _says(card: Card, wishes: Export) -> metadata.Metadata:
    """What the file says of the model."""
    height, width = card.images.size or (0, 0)
    photos = sum(card.data.get("photos", {}).values())
    told = f"Tells {len(card.labels)} classes apart, learnt from {photos} photos. Fit a picture by {card.images.fit} to {width} x {height} pixels."
    return metadata.Metadata(
        name=card.name,
        description=wishes.description or told,
        version=wishes.version,
        author=wishes.author,
        licence=wishes.licence or card.weights.get("licence", ""),
        labels=card.labels,
        threshold=card.threshold,
    )


def _write_golden(proof: Proof, pixels: np.ndarray, work: Path, published: Sequence[str]) -> None:
    """The golden samples, with the answers of the Keras model and of each published variant on this machine."""
    answers = {name: open_tflite(work / f"{name}.tflite")(pixels) for name in published}
    golden.write(work / golden.FILE, pixels, {"keras": predict_function(proof.model)(pixels), **answers})
