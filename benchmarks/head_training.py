"""Twenty epochs of a head on a frozen backbone: features computed once, against Keras `fit` of the whole network. Budget: 15 times.

Both start from the same fitted photos in memory; process start and decoding are excluded, computing the features is included.

    python benchmarks/head_training.py signs
    python benchmarks/head_training.py bees path/of/the/hub/module
"""

import dataclasses
import sys
import tempfile
import time
from pathlib import Path

from cvapp import card as cards
from cvapp.data import split
from cvapp.data.photos import find
from cvapp.evaluation import metrics
from cvapp.models import classifier
from cvapp.models.backbones import open_backbone
from cvapp.progress import silent
from cvapp.training import features, loop, stages
from cvapp.training.stages import Material
from cvapp.training.state import Keeper, Progress

import keras
import numpy as np

EPOCHS = 20


def main(name: str, place: str | None = None) -> None:
    """Print seconds and validation accuracy of both ways, on the photos of a model already trained here."""
    folder = Path("saved_models") / name
    card = cards.read(folder)
    recipe = dataclasses.replace(card.recipe, train=dataclasses.replace(card.recipe.train, epochs=EPOCHS, patience=EPOCHS))
    store, rows = find(split.read(folder / split.FILE), None, card.images)
    rows = [row for row in rows if row.part != "test"]
    learns = np.array([row.part == "train" for row in rows])
    truth = np.array([card.labels.index(row.label) for row in rows])
    pixels = store.read(row.hash for row in rows)
    if place:
        recipe = dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, handle=place))
    backbone = open_backbone(recipe.model, card.images.size)
    material = Material(rows, store)
    check = material.of("val")

    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as empty:
        values = features.frozen(backbone, rows, store, root=Path(empty))
    head = classifier.head(backbone.features, len(card.labels), recipe.model)
    loop.run(stages.head_stage(recipe, head, values, material), Progress(), Keeper(None, {}), silent)
    ours = time.perf_counter() - start
    our_accuracy = metrics.accuracy(np.asarray(head(values[check], training=False)), truth[check])

    keras.utils.set_random_seed(recipe.seed)
    settings = recipe.train
    network = classifier.assemble(backbone, classifier.head(backbone.features, len(card.labels), recipe.model))
    network.compile(
        keras.optimizers.AdamW(settings.learning_rate, weight_decay=settings.weight_decay),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    start = time.perf_counter()
    network.fit(pixels[learns], truth[learns], settings.batch, EPOCHS, validation_data=(pixels[~learns], truth[~learns]), verbose=0)
    theirs = time.perf_counter() - start
    their_accuracy = network.evaluate(pixels[~learns], truth[~learns], verbose=0)[1]

    print(f"{len(rows)} photos at {pixels.shape[1]}x{pixels.shape[2]}, {EPOCHS} epochs     seconds  validation accuracy")
    print(f"features once, then the head     {ours:8.1f}  {our_accuracy:.3f}")
    print(f"Keras fit of the whole network   {theirs:8.1f}  {their_accuracy:.3f}")
    print(f"ratio                            {theirs / ours:8.1f}  (budget 15)")


if __name__ == "__main__":
    main(*sys.argv[1:])
