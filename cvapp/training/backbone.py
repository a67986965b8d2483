"""Pretraining: a network trained from scratch on a generated set, published as a backbone."""

import dataclasses
import time
from pathlib import Path
from typing import Any, Iterator

import keras
import numpy as np

from cvapp import card as cards
from cvapp import recipe as recipes
from cvapp import runs
from cvapp.card import Card
from cvapp.data import generated
from cvapp.files import replacing_folder, work_folder, write_text
from cvapp.models import classifier, mobilenet
from cvapp.progress import Report, hushed, silent
from cvapp.recipe import Recipe
from cvapp.runs import Start
from cvapp.training import loop, optimise, state
from cvapp.training.loop import Batch, Stage
from cvapp.training.progress import history_csv
from cvapp.training.state import Keeper, Progress

VALIDATION_PHOTOS = 4096
VALIDATION_SEED = 2**31 - 1  # a stream that no training reads: the recipe allows smaller seeds only


def train(recipe: Recipe, folder: Path, report: Report = silent, start: Start = Start.NEW) -> Card:
    """Train a backbone on a generated set and publish it at `folder`: the module, the Keras weights, the card and the history.

    The others say what the arguments and errors are, such as `transcribe.train`.
    """
    with runs.begin(folder, start):
        return _train(recipe, folder, report, start)


def _train(recipe: Recipe, folder: Path, report: Report, start: Start) -> Card:
    """As `train`, where no other process writes the folder."""
    began = time.monotonic()
    assert recipe.images.size is not None and recipe.data.generated is not None  # the recipe saw to it
    labels = generated.labels(recipe.data.generated)
    keras.utils.set_random_seed(recipe.seed)
    backbone = mobilenet.build(recipe.images.size, recipe.model.alpha)
    progress = Progress()
    keeper = Keeper(work_folder(folder), recipes.settings(recipe), start, began)
    if keeper.note:
        report(keeper.note)
    loop.run(_stage(recipe, mobilenet.with_head(backbone, len(labels), recipe.model.dropout), len(labels)), progress, keeper, report)
    kept = min(progress.rows, key=lambda row: row["val_loss"])
    made = Card(
        folder.name,
        recipe.task,
        tuple(labels),
        recipe.images,
        recipe,
        data={
            "generated": recipe.data.generated,
            "photos": {"train": recipe.train.images_per_epoch * len(progress.rows), "val": VALIDATION_PHOTOS},
        },
        metrics={
            **keeper.figures(),
            "val": {"accuracy": round(kept["val_accuracy"], 4), "photos": VALIDATION_PHOTOS},
        },
        weights={
            "source": f"trained by cvapp's pretrain_backbone on its own generated {recipe.data.generated!r} set, seed {recipe.seed}",
            "licence": "Apache-2.0",
        },
        versions=cards.versions(),
    )
    with replacing_folder(folder, keep=state.KEPT) as work:
        with hushed():
            mobilenet.publish(backbone, work)
        write_text(work / "history.csv", history_csv(progress.rows))
        made = dataclasses.replace(made, files=cards.hash_files(work, state.KEPT))
        cards.write(made, work)
    return made


def _stage(recipe: Recipe, network: keras.Model, num_classes: int) -> Stage:
    """The whole network on a stream of pictures that never repeats."""
    settings, name, size = recipe.train, str(recipe.data.generated), recipe.images.size
    assert size is not None
    steps = max(1, settings.images_per_epoch // settings.batch)
    photos = steps * settings.batch
    one_hot = np.eye(num_classes, dtype=np.float32)

    def batches(epoch: int, first: int) -> Iterator[Batch]:
        begin, end = epoch * photos + first * settings.batch, (epoch + 1) * photos
        for pixels, label in generated.batches(name, recipe.seed, size, settings.batch, end - begin, begin).as_numpy_iterator():
            yield pixels.astype(np.float32), one_hot[label], None

    held = list(generated.batches(name, VALIDATION_SEED, size, 256, VALIDATION_PHOTOS).as_numpy_iterator())
    optimise.prepare(network, settings, settings.learning_rate, settings.epochs, steps)
    answer = classifier.predict_function(network)
    truth = np.concatenate([label for _, label in held])

    def check() -> Any:
        return np.concatenate([answer(pixels) for pixels, _ in held])

    return Stage("whole", network, batches, steps, settings.epochs, settings.patience, loop.calibrated(check, truth))
