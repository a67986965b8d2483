"""The classification task: a head trained on a frozen backbone's features, calibrated, saved with all that later stages need."""

import dataclasses
import time
from collections import Counter
from pathlib import Path
from typing import Any, Sequence

import keras
import numpy as np

from cvapp import card as cards
from cvapp.card import Card
from cvapp.data import split
from cvapp.data.folders import PARTS, Photo, hashed, natural, scan
from cvapp.data.photos import fit_all
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import metrics, report as reports
from cvapp.files import replacing_folder, write_text
from cvapp.models import classifier, hub
from cvapp.progress import Report, silent
from cvapp.recipe import Recipe
from cvapp.training.features import features
from cvapp.training.progress import Interruption, ReportEpochs, history_csv

MODEL = "model.keras"


@dataclasses.dataclass(frozen=True)
class Examples:
    """Features (N, F) and true classes (N,) of one part of the data."""

    features: np.ndarray
    truth: np.ndarray


def train(recipe: Recipe, data: str | Path, folder: Path, report: Report = silent) -> Card:
    """Train a classifier on a folder of photos and save it at `folder`; the model that was there stays until the new one is whole.

    Raises:
        CvappError: photos or backbone that cannot be used (exit 3), weights not to be had (exit 4), a place that cannot be written (exit 7).
    """
    start = time.monotonic()
    source = hub.resolve(recipe.model.handle)
    backbone, own_size = hub.open_module(source)
    recipe = _settle(recipe, own_size)
    rows, pixels, skipped = _photos(recipe, data, report)
    labels = natural({row.label for row in rows})
    parts = _examples(backbone, hub.fingerprint(source), pixels, rows, report)
    trained, history = fit_head(recipe, parts["train"], parts["val"], len(labels), report)
    uncalibrated = metrics.calibration_error(metrics.softmax(logits(trained, parts["val"])), parts["val"].truth)
    temperature = metrics.fit_temperature(logits(trained, parts["val"]), parts["val"].truth)
    classifier.fold_temperature(trained, temperature)
    answers = {part: metrics.softmax(logits(trained, examples)) for part, examples in parts.items()}
    figures: dict[str, Any] = {part: metrics.summary(answers[part], parts[part].truth, labels) for part in parts}
    made = Card(
        name=folder.name,
        task=recipe.task,
        labels=tuple(labels),
        images=recipe.images,
        recipe=recipe,
        data={"fingerprint": split.fingerprint(rows), "photos": dict(Counter(row.part for row in rows)), "skipped": skipped},
        metrics={**figures, "calibration_error_before": round(uncalibrated, 4), "train_seconds": round(time.monotonic() - start, 1)},
        temperature=round(temperature, 6),
        threshold=round(metrics.unknown_threshold(answers["val"], parts["val"].truth), 4),
        weights=_weights(source, recipe.model.handle),
        versions=cards.versions(),
    )
    held_out = "test" if "test" in parts else "val"
    table = metrics.confusion(answers[held_out].argmax(1), parts[held_out].truth, len(labels))
    return _save(made, classifier.assemble(backbone, trained, recipe.images.size), rows, reports.Results(history, table, held_out), folder)


def _photos(recipe: Recipe, data: str | Path, report: Report) -> tuple[list[Row], Store, int]:
    """The usable photos of a folder, parted; where their pixels are kept; how many files were left out."""
    listing = scan(data)
    photos = hashed(listing, report)
    pixels, bad = fit_all(photos, listing.folder, recipe.images, report)
    rows = _split(recipe, [photo for photo in photos if photo.name not in bad], listing.folder)
    skipped = {**listing.stray, **bad}
    _tell(rows, skipped, listing.folder, report)
    return rows, pixels, len(skipped)


def _examples(backbone: hub.HubModule, fingerprint: str, pixels: Store, rows: Sequence[Row], report: Report) -> dict[str, Examples]:
    """Features and true classes of each part that the split has."""
    kept = Store("features", [fingerprint, pixels.folder.name], (backbone.features,), "float32").open()
    values = features(classifier.batched(lambda batch: backbone(batch / 255.0), pixels.shape), pixels, kept, rows, report)
    labels = natural({row.label for row in rows})
    truth, places = np.array([labels.index(row.label) for row in rows]), np.array([row.part for row in rows])
    return {part: Examples(values[places == part], truth[places == part]) for part in PARTS if part in places}


def _settle(recipe: Recipe, own_size: tuple[int, int] | None) -> Recipe:
    """Take the module's own picture size where the recipe names none; another size than a module that fixes one is an error."""
    size = recipe.images.size or own_size
    if size is None:
        raise CvappError("the module takes pictures of any size; choose one with --set images.size=224,224")
    if own_size not in (None, size):
        raise CvappError(f"images.size is {size}, but the module takes {own_size}; leave it out")
    name = Path(recipe.model.handle).name if "://" not in recipe.model.handle else recipe.model.handle
    return dataclasses.replace(
        recipe, images=dataclasses.replace(recipe.images, size=size), model=dataclasses.replace(recipe.model, handle=name)
    )


def _split(recipe: Recipe, photos: Sequence[Photo], folder: Path) -> list[Row]:
    """The folder's frozen split where there is one, with parts for photos that came since; a new split otherwise."""
    frozen = split.read(folder / split.FILE) if (folder / split.FILE).is_file() else []
    rows = split.make(photos, recipe.data.val, recipe.data.test, recipe.seed, frozen)
    present = {row.part for row in rows}
    if not {"train", "val"} <= present:
        raise CvappError(
            f"{folder}: the split has no {' and no '.join(sorted({'train', 'val'} - present))} photos; add some, or remove {split.FILE}",
            Exit.BAD_DATA,
        )
    return rows


def _tell(rows: Sequence[Row], skipped: dict[str, str], folder: Path, report: Report) -> None:
    """Say what the data is, and name the files that were left out."""
    for name, reason in list(skipped.items())[:5]:
        report(f"left out: {reason if str(folder) in reason else f'{folder / name}: {reason}'}")
    if len(skipped) > 5:
        report(f"left out: {len(skipped) - 5} more files; cvapp data check {folder} names them all")
    parts = Counter(row.part for row in rows)
    report(
        f"{len(rows)} photos of {len({row.label for row in rows})} classes: "
        + ", ".join(f"{parts[part]} {part}" for part in ("train", "val", "test") if parts[part])
    )


def fit_head(
    recipe: Recipe, learn: Examples, check: Examples, num_classes: int, report: Report = silent
) -> tuple[keras.Sequential, list[dict[str, float]]]:
    """Train a linear head on features with AdamW, keeping the epoch of the least validation loss; the head and its history."""
    keras.utils.set_random_seed(recipe.seed)
    settings = recipe.train
    trained = classifier.head(learn.features.shape[1], num_classes, recipe.model.dropout)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing)
    trained.compile(keras.optimizers.AdamW(settings.learning_rate, weight_decay=settings.weight_decay), loss, metrics=["accuracy"])
    one_hot = np.eye(num_classes, dtype=np.float32)
    epochs = ReportEpochs(report, settings.epochs)
    least, kept, weights = np.inf, 0, trained.get_weights()
    with Interruption() as ctrl_c:
        for epoch in range(settings.epochs):
            order = np.random.default_rng((recipe.seed, epoch)).permutation(len(learn.truth))
            trained.reset_metrics()
            for start in range(0, len(order), settings.batch):  # `fit` spends ten times as long around each small step
                chosen = order[start : start + settings.batch]
                figures = trained.train_on_batch(learn.features[chosen], one_hot[learn.truth[chosen]], return_dict=True)
            trained.reset_metrics()
            checked = trained.test_on_batch(check.features, one_hot[check.truth], return_dict=True)
            epochs.on_epoch_end(epoch, {**figures, **{f"val_{name}": value for name, value in checked.items()}})
            if checked["loss"] < least:
                least, kept, weights = checked["loss"], epoch, trained.get_weights()
            if epoch - kept >= settings.patience or ctrl_c.pressed:
                break
    trained.set_weights(weights)
    best = min(epochs.rows, key=lambda row: row["val_loss"])
    report(f"kept epoch {best['epoch']} of {len(epochs.rows)}: validation accuracy {best['val_accuracy']:.3f}, loss {best['val_loss']:.3f}")
    return trained, epochs.rows


def logits(trained: keras.Sequential, examples: Examples) -> np.ndarray:
    """What the head answers for features, dropout off: (N, num_classes)."""
    kernel, bias = trained.get_layer("logits").get_weights()
    return examples.features @ kernel + bias


def _weights(module: Path, handle: str) -> dict[str, str]:
    """Source and licence of the backbone: from the card beside its module where cvapp made it."""
    if (module.parent / cards.FILE).is_file():
        return dict(cards.read(module.parent).weights)
    return {"source": handle, "licence": "not stated by the module; see where it came from"}


def _save(made: Card, model: keras.Model, rows: list[Row], results: reports.Results, folder: Path) -> Card:
    with replacing_folder(folder) as work:
        model.save(work / MODEL)
        split.write(work / split.FILE, rows)
        write_text(work / "history.csv", history_csv(results.history))
        made = dataclasses.replace(made, files=cards.hash_files(work))
        reports.write(made, results, work / "report")
        cards.write(made, work)
    return made
