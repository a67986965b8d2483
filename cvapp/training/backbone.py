"""Pretraining: a network trained from scratch on a generated set, published as a backbone."""

import math
import time
from pathlib import Path
from typing import Any

import keras

from cvapp import card as cards
from cvapp.card import Card
from cvapp.data import generated
from cvapp.files import replacing_folder, write_text
from cvapp.models import mobilenet
from cvapp.progress import Report, silent
from cvapp.recipe import Recipe
from cvapp.training.progress import Interruption, ReportEpochs, history_csv

VALIDATION_PHOTOS = 4096
VALIDATION_SEED = 2**31 - 1  # a stream that no training reads: the recipe allows smaller seeds only


def train(recipe: Recipe, folder: Path, report: Report = silent) -> Card:
    """Train a backbone on a generated set and publish it at `folder`: the module, the Keras weights, the card and the history."""
    size, settings = recipe.images.size, recipe.train
    assert size is not None and recipe.data.generated is not None  # the recipe saw to it
    labels = generated.labels(recipe.data.generated)
    keras.utils.set_random_seed(recipe.seed)
    backbone = mobilenet.build(size, recipe.model.alpha)
    network = mobilenet.with_head(backbone, len(labels), recipe.model.dropout)
    photos = settings.images_per_epoch // settings.batch * settings.batch
    network.compile(_optimiser(recipe, photos * settings.epochs // settings.batch), _loss(recipe, len(labels)), metrics=["accuracy"])
    stream = generated.batches(recipe.data.generated, recipe.seed, size, settings.batch, photos * settings.epochs).map(
        _one_hot(len(labels))
    )
    check = generated.batches(recipe.data.generated, VALIDATION_SEED, size, 256, VALIDATION_PHOTOS).map(_one_hot(len(labels))).cache()
    epochs = ReportEpochs(report, settings.epochs)
    start = time.monotonic()
    steps = photos // settings.batch
    with Interruption() as stop:
        network.fit(
            stream, epochs=settings.epochs, steps_per_epoch=steps, validation_data=check, callbacks=[epochs, stop], shuffle=False, verbose=0
        )
    metrics = {
        "train_seconds": round(time.monotonic() - start),
        "val": {"accuracy": round(epochs.rows[-1]["val_accuracy"], 4), "photos": VALIDATION_PHOTOS},
    }
    with replacing_folder(folder) as work:
        mobilenet.publish(backbone, work)
        write_text(work / "history.csv", history_csv(epochs.rows))
        made = _card(recipe, folder.name, labels, metrics, work)
        cards.write(made, work)
    return made


def _card(recipe: Recipe, name: str, labels: list[str], metrics: dict[str, Any], work: Path) -> Card:
    data = {
        "generated": recipe.data.generated,
        "photos": {"train": recipe.train.images_per_epoch * recipe.train.epochs, "val": VALIDATION_PHOTOS},
    }
    weights = {
        "source": f"trained by cvapp's pretrain_backbone on its own generated {recipe.data.generated!r} set, seed {recipe.seed}",
        "licence": "Apache-2.0",
    }
    return Card(
        name,
        recipe.task,
        tuple(labels),
        recipe.images,
        recipe,
        data,
        metrics,
        weights=weights,
        versions=cards.versions(),
        files=cards.hash_files(work),
    )


def _one_hot(num_classes: int) -> Any:
    return lambda pixels, label: (pixels, keras.ops.one_hot(label, num_classes))


def _loss(recipe: Recipe, num_classes: int) -> keras.losses.Loss:
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.train.label_smoothing)


def _optimiser(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """AdamW under a cosine with warm-up over the first twentieth."""
    warm = math.ceil(steps / 20)
    rate = keras.optimizers.schedules.CosineDecay(0.0, max(1, steps - warm), warmup_target=recipe.train.learning_rate, warmup_steps=warm)
    return keras.optimizers.AdamW(rate, weight_decay=recipe.train.weight_decay)
