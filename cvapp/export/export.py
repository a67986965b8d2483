"""Export: make the variants, prove each on the model's own photos, publish those that pass."""

import tempfile
from pathlib import Path
from typing import Any, Iterator, Sequence

import cvapp.models  # noqa: F401 - loads TensorFlow with its start-up lines kept off the terminal
import numpy as np

from cvapp import card as cards
from cvapp.bundle import EXPORT, LABELS, LITE, latent_of
from cvapp.card import GENERATE, Card
from cvapp.errors import CvappError, Exit
from cvapp.export import companion, generated, variants
from cvapp.export.photos import Proof, prove
from cvapp.export.quantise import harm, quantise, spared
from cvapp.files import replacing_folder, sha256, write_json, write_text
from cvapp.locks import locked
from cvapp.models.classifier import open_model, predict_function
from cvapp.progress import Report, each, silent
from cvapp.proof import apart, golden, metadata
from cvapp.recipe import Export
from cvapp.tflite import Predict, open_generator, open_tflite

SCHEMA = 2
FLOAT32, SMALLEST = "float32", "smallest"
KEPT_IN_FLOAT = (2, 4, 8, 16)  # layers that are tried in float, one number after the other, where int8 fails


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
        CvappError: another process writes the model (exit 2); no photos to prove it on, or a model's file that is missing or altered (exit 3);
            float32 is not what Keras says (exit 5).
    """
    with locked(folder):
        return _export(folder, data, wishes, use, report)


def _export(folder: Path, data: str | Path | None, wishes: Export | None, use: str, report: Report) -> dict[str, Any]:
    """As `export`, where no other process writes the model."""
    card = cards.read(folder)
    cards.refuse_transcriber(card)
    if card.task == "backbone":
        raise CvappError(f"{folder} is a backbone; only classifiers, detectors and generators are exported")
    if card.task == GENERATE and data is not None:
        raise CvappError(f"{data}: {card.name} is a generator, which is proven on noise; name no photos")
    model = open_model(cards.check_file(card, folder, "model.keras"))
    wishes = wishes or card.recipe.export
    if card.task == GENERATE:
        proof = generated.prove(card, folder, model, wishes)
    else:
        proof = prove(card, folder, model, wishes, data, report)
    with replacing_folder(folder / LITE) as work, tempfile.TemporaryDirectory() as place:
        table = {name: _try(proof, name, work, Path(place), report) for name in wishes.variants}
        published = [name for name, row in table.items() if row["published"]]
        if use not in (SMALLEST, *published):
            raise CvappError(f"{folder}: {use} cannot be put in use, published are {', '.join(published)}: nothing was replaced", Exit.GATE)
        files = {name: work / f"{name}.tflite" for name in published}
        for name, figures in apart.rounds(files, apart.taken(card), apart.thread_counts(), report=report).items():
            table[name] |= figures
        looks = companion.make(model, proof.pixels, work, Path(place), report) if card.task == "classify" else {}
        write_text(work / LABELS, "".join(f"{label}\n" for label in card.labels))
        _write_golden(proof, work, [*published, *looks])
        made = {
            "schema": SCHEMA,
            "model": card.files["model.keras"],
            "card": sha256(folder / cards.FILE),
            "files": {name: sha256(work / name) for name in (LABELS, golden.FILE)},
            "chosen": min(published, key=lambda name: table[name]["bytes"]) if use == SMALLEST else use,
            **proof.told,
            "calibration": len(proof.calibration),
            "host": {"machine": apart.machine(), **cards.versions()},
            "variants": table,
            **looks,
        }
        write_json(work / EXPORT, made)
    return made


def _try(proof: Proof, name: str, work: Path, place: Path, report: Report) -> dict[str, Any]:
    """As `_publish`; what cannot be made of a generator, but float32, is a row with its reason."""
    try:
        return _publish(proof, name, work, place, report)
    except CvappError as error:
        if error.code != Exit.GATE or name == FLOAT32 or proof.card.task != GENERATE:
            raise
        report(str(error))
        (work / f"{name}.tflite").unlink(missing_ok=True)
        return {"published": False, "reasons": [f"could not be made ({error})"]}


def _publish(proof: Proof, name: str, work: Path, place: Path, report: Report) -> dict[str, Any]:
    """Make one variant; its row of the table. Its file stays in `work` when it passes the gate."""
    path = work / f"{name}.tflite"
    row: dict[str, Any] = {}
    for data, kept in _attempts(proof, name, place, report):
        path.write_bytes(metadata.write(data, _says(proof)))
        predict = _opened(proof.card, path)
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
    hurt in float too. Of a generator all of it.
    """
    report(f"converting to {name}, up to half a minute")
    if name != variants.INT8:
        yield variants.make(proof.model, name, place), 0
        return
    calibrated = variants.ranges(proof.model, proof.calibration, place)
    yield quantise(calibrated), 0
    if proof.card.task == GENERATE:
        return  # TensorFlow's quantiser keeps no transposed convolution in float
    between = spared(calibrated)
    if between:
        yield quantise(calibrated, between), 0
    hurt = harm(calibrated, report)
    for count in KEPT_IN_FLOAT:
        if count <= len(hurt):
            yield quantise(calibrated, [*between, *hurt[:count]]), count


def _says(proof: Proof) -> metadata.Metadata:
    """What the file says of the model."""
    card, wishes, makes = proof.card, proof.wishes, proof.card.task == GENERATE
    return metadata.Metadata(
        name=card.name,
        description=wishes.description or _does(card),
        version=wishes.version,
        author=wishes.author,
        licence=wishes.licence or card.weights.get("licence", ""),
        labels=card.labels,
        threshold=card.threshold,
        maps=card.scan is not None,
        makes=makes,
        color_space="GRAYSCALE" if makes and proof.model.output_shape[-1] == 1 else "RGB",
    )


def _does(card: Card) -> str:
    """What the model is for, in the file."""
    height, width = card.images.size or (0, 0)
    photos = sum(card.data.get("photos", {}).values())
    if card.task == GENERATE:
        behind = ", and the class that is asked for behind them" if latent_of(card)[1] else ""
        return f"Makes pictures of {width} x {height} pixels of {latent_of(card)[0]} numbers of noise{behind}, learnt from {photos} photos."
    does = f"Tells {len(card.labels)} classes apart" if card.scan is None else f"Finds objects of {len(card.labels)} classes"
    return f"{does}, learnt from {photos} photos. Fit a picture by {card.images.fit} to {width} x {height} pixels."


def _write_golden(proof: Proof, work: Path, published: Sequence[str]) -> None:
    """The golden samples, with the answers of the Keras model and of each published file on this machine."""
    answers = {name: _opened(proof.card, work / f"{name}.tflite")(proof.shown) for name in published}
    golden.write(work / golden.FILE, proof.shown, {"keras": predict_function(proof.model)(proof.shown), **answers})


def _opened(card: Card, path: Path) -> Predict:
    return open_generator(path) if card.task == GENERATE else open_tflite(path)
