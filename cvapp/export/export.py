"""Export: make the variants, prove each on the model's own photos, publish those that pass."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

import cvapp.models  # noqa: F401 - loads TensorFlow with its start-up lines kept off the terminal
import keras
import numpy as np

from cvapp import card as cards
from cvapp.bundle import EXPORT, LABELS, LITE, open_tflite
from cvapp.card import Card
from cvapp.data import split
from cvapp.data.frames import TRUTH, read_truth
from cvapp.data.photos import find
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit
from cvapp.evaluation.boxed import truth_of
from cvapp.export import boxed_parity, companion, parity, variants
from cvapp.export.quantise import harm, quantise, spared
from cvapp.files import replacing_folder, sha256, write_json, write_text
from cvapp.models.classifier import open_model, predict_function
from cvapp.progress import Report, each, silent
from cvapp.proof import apart, golden, metadata
from cvapp.recipe import Export
from cvapp.windows import paint

SCHEMA = 2
FLOAT32, SMALLEST = "float32", "smallest"
GOLDEN = 2  # golden samples of a detector: a canvas holds a few thousand windows, and a few million bytes
PROVEN = 100  # validation photos that a detector is proven on, at most: each is a few thousand windows
KEPT_IN_FLOAT = (2, 4, 8, 16)  # layers that are tried in float, one number after the other, where int8 fails


Judge = Callable[[np.ndarray, str], tuple[list[str], dict[str, Any]]]


@dataclass(frozen=True)
class Proof:
    """What the variants are made from and compared on.

    Args:
        card: of the model.
        model: the Keras model.
        wishes: what is to be made, and the gate.
        calibration: uint8 training photos (N, H, W, 3), or canvases of them.
        pixels: uint8 validation photos (V, H, W, 3), or canvases of them.
        judge: (answers to those, the variant's name) -> why it may not be published, and its figures.
    """

    card: Card
    model: keras.Model
    wishes: Export
    calibration: np.ndarray
    pixels: np.ndarray
    judge: Judge


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
    cards.refuse_transcriber(card)
    if card.task == "backbone":
        raise CvappError(f"{folder} is a backbone; only classifiers and detectors are exported")
    model = open_model(cards.check_file(card, folder, "model.keras"))
    store, val, known = _photos(card, folder, data, report)
    wishes = wishes or card.recipe.export
    val = val if card.scan is None else [val[place] for place in np.unique(np.linspace(0, len(val) - 1, PROVEN).astype(int))]
    calibration, pixels = (_inputs(store, rows, card) for rows in (split.balanced(known, _few(wishes.calibration, card)), val))
    judge = _judge(card, folder, predict_function(model)(pixels), val, wishes)
    proof = Proof(card, model, wishes, calibration, pixels, judge)
    photos = golden.PHOTOS if card.scan is None else GOLDEN
    shown = _inputs(store, (split.balanced(val, len(val)) + split.balanced(known, len(known)))[:photos], card)
    with replacing_folder(folder / LITE) as work, tempfile.TemporaryDirectory() as place:
        table = {name: _publish(proof, name, work, Path(place), report) for name in wishes.variants}
        published = [name for name, row in table.items() if row["published"]]
        if use not in (SMALLEST, *published):
            raise CvappError(f"{folder}: {use} cannot be put in use, published are {', '.join(published)}: nothing was replaced", Exit.GATE)
        files = {name: work / f"{name}.tflite" for name in published}
        for name, figures in apart.rounds(files, card.input_size, apart.thread_counts(), report=report).items():
            table[name] |= figures
        looks = companion.make(model, pixels, work, Path(place), report) if card.task == "classify" else {}
        write_text(work / LABELS, "".join(f"{label}\n" for label in card.labels))
        _write_golden(proof, shown, work, [*published, *looks])
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
            **looks,
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


def _inputs(store: Store, rows: Sequence[Row], card: Card) -> np.ndarray:
    """What the network is given for some photos: uint8 RGB (N, H, W, 3)."""
    frames = store.read(row.hash for row in rows)
    return frames if card.scan is None else np.stack([paint(frame, card.scan) for frame in frames])


def _few(count: int, card: Card) -> int:
    """How many photos do for a purpose: of a detector's canvases, each a few thousand windows, a sixteenth, four at least."""
    return count if card.scan is None else max(4, count // 16)


def _judge(card: Card, folder: Path, reference: np.ndarray, val: Sequence[Row], wishes: Export) -> Judge:
    """How a variant's answers to the validation photos are compared with Keras'."""
    boxed = card.scan is not None
    dead = boxed_parity.check_alive(reference, card) if boxed else parity.check_alive(reference)
    if dead:
        raise CvappError(f"{folder}: {dead}", Exit.GATE)
    if boxed:
        truth = read_truth(cards.check_file(card, folder, TRUTH))
        truths = [truth_of(truth[row.hash], card.labels) for row in val]

    def judge(answers: np.ndarray, name: str) -> tuple[list[str], dict[str, Any]]:
        if boxed:
            seen = boxed_parity.compare(answers, reference, truths, card)
            return boxed_parity.failures(seen, name, wishes), parity.row(seen)
        found = parity.compare(answers, reference, np.array([card.labels.index(row.label) for row in val]))
        return parity.failures(found, name, wishes), parity.row(found)

    return judge


def _publish(proof: Proof, name: str, work: Path, place: Path, report: Report) -> dict[str, Any]:
    """Make one variant; its row of the table. Its file stays in `work` when it passes the gate."""
    path = work / f"{name}.tflite"
    row: dict[str, Any] = {}
    for data, kept in _attempts(proof, name, place, report):
        path.write_bytes(metadata.write(data, _says(proof.card, proof.wishes)))
        predict = open_tflite(path)
        answers = np.concatenate([predict(picture[None]) for picture in each(list(proof.pixels), f"proving {name}", report)])
        reasons, figures = proof.judge(answers, name)
        if row and reasons:
            continue  # the first attempt's figures stand
        operations = variants.check_sound(data, name)
        row = {"published": not reasons, "reasons": reasons, "sha256": sha256(path), "bytes": path.stat().st_size}
        row |= {"float_operations": operations, "layers_in_float": kept, **figures}
        if not reasons:
            return row
        report(f"{name} {'; '.join(reasons)}")
    if name == FLOAT32:
        raise CvappError(f"{name} {'; '.join(row['reasons'])}: nothing was published", Exit.GATE)
    path.unlink()
    return row


def _attempts(proof: Proof, name: str, place: Path, report: Report) -> Iterator[tuple[bytes, int]]:
    """The variant, and how many of its layers with weights compute in float.

    Of int8, as long as another is asked for: all of it in 8 bits; where there is attention, what has no weights in float; the layers that
    hurt in float too.
    """
    report(f"converting to {name}, up to half a minute")
    if name != variants.INT8:
        yield variants.make(proof.model, name, place), 0
        return
    calibrated = variants.ranges(proof.model, proof.calibration, place)
    yield quantise(calibrated), 0
    between = spared(calibrated)
    if between:
        yield quantise(calibrated, between), 0
    hurt = harm(calibrated, report)
    for count in KEPT_IN_FLOAT:
        if count <= len(hurt):
            yield quantise(calibrated, [*between, *hurt[:count]]), count


def _says(card: Card, wishes: Export) -> metadata.Metadata:
    """What the file says of the model."""
    height, width = card.images.size or (0, 0)
    photos = sum(card.data.get("photos", {}).values())
    does = f"Tells {len(card.labels)} classes apart" if card.scan is None else f"Finds objects of {len(card.labels)} classes"
    told = f"{does}, learnt from {photos} photos. Fit a picture by {card.images.fit} to {width} x {height} pixels."
    return metadata.Metadata(
        name=card.name,
        description=wishes.description or told,
        version=wishes.version,
        author=wishes.author,
        licence=wishes.licence or card.weights.get("licence", ""),
        labels=card.labels,
        threshold=card.threshold,
        maps=card.scan is not None,
    )


def _write_golden(proof: Proof, pixels: np.ndarray, work: Path, published: Sequence[str]) -> None:
    """The golden samples, with the answers of the Keras model and of each published file on this machine."""
    answers = {name: open_tflite(work / f"{name}.tflite")(pixels) for name in published}
    golden.write(work / golden.FILE, pixels, {"keras": predict_function(proof.model)(pixels), **answers})
