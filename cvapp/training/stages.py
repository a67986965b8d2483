"""The stages of a classifier's training: the head on features computed once, and the network on varied pictures."""

from dataclasses import dataclass
from typing import Any, Iterator, Sequence

import keras
import numpy as np

from cvapp.data.batches import Feed, epoch_batches, reader
from cvapp.data.listing import PARTS, natural
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.models import classifier
from cvapp.models.backbones import Backbone
from cvapp.models.hub import HubModule
from cvapp.models.keras_cv_parts import Mixer
from cvapp.models.surgery import choose_trainable, training_copy
from cvapp.recipe import Recipe
from cvapp.training import optimise
from cvapp.training.loop import Batch, Stage, calibrated


@dataclass(frozen=True)
class Material:
    """What a classifier learns from and is measured on.

    Args:
        rows: all photos of all parts.
        pixels: where the fitted photos are kept.
    """

    rows: Sequence[Row]
    pixels: Store

    @property
    def labels(self) -> list[str]:
        """The classes, in the order of the model's outputs."""
        return natural({row.label for row in self.rows})

    @property
    def truth(self) -> np.ndarray:
        """The class of each photo (N,)."""
        places = {label: index for index, label in enumerate(self.labels)}
        return np.array([places[row.label] for row in self.rows])

    @property
    def groups(self) -> np.ndarray:
        """The name of each photo's session (N,), "" where unknown."""
        return np.array([row.group for row in self.rows], dtype=object)

    def of(self, part: str) -> np.ndarray:
        """The places among the rows (n,) of one part's photos."""
        return np.flatnonzero([row.part == part for row in self.rows])

    @property
    def parts(self) -> list[str]:
        """The parts that there are photos of."""
        return [part for part in PARTS if len(self.of(part))]


def class_weights(truth: np.ndarray, num_classes: int) -> np.ndarray:
    """The weight of each class (C,): the inverse of its share, 1 where all are as many."""
    sizes = np.bincount(truth, minlength=num_classes)
    return np.where(sizes, len(truth) / (np.count_nonzero(sizes) * np.maximum(sizes, 1)), 0.0).astype(np.float32)


def head_stage(recipe: Recipe, trained_head: keras.Sequential, features: np.ndarray, material: Material) -> Stage:
    """The head, on features (N, F) of all rows."""
    learn, check = material.of("train"), material.of("val")
    settings, known, truth = recipe.train, features[learn], material.truth
    targets = np.eye(len(material.labels), dtype=np.float32)[truth[learn]]
    weights = class_weights(truth[learn], targets.shape[1])
    steps = -(-len(learn) // settings.batch)

    def batches(epoch: int, first: int) -> Iterator[Batch]:
        order = np.random.default_rng((recipe.seed, epoch)).permutation(len(learn))
        for start in range(first * settings.batch, len(order), settings.batch):
            chosen = order[start : start + settings.batch]
            yield known[chosen], targets[chosen], targets[chosen] @ weights if settings.class_weights else None

    optimise.prepare(trained_head, settings, settings.learning_rate, settings.epochs, steps)
    answer = classifier.batched(lambda values: trained_head(values, training=False), (known.shape[1],))
    return Stage(
        "head", trained_head, batches, steps, settings.epochs, settings.patience, calibrated(lambda: answer(features[check]), truth[check])
    )


def network_stage(recipe: Recipe, backbone: Backbone, trained_head: keras.Sequential, material: Material, which: str) -> Stage:
    """The whole network, of whose backbone the part `which` trains, on pictures varied as the recipe says."""
    settings, truth, learn, check = recipe.train, material.truth, material.of("train"), material.of("val")
    layer = backbone.layer
    if not isinstance(layer, HubModule):
        layer = training_copy(layer, recipe.model, settings.mixed_precision)
    choose_trainable(layer, which)
    network = classifier.training_network(layer, backbone, trained_head)
    name, epochs, rate = "head", settings.epochs, settings.learning_rate
    if recipe.model.from_scratch:
        name = "whole"
    elif which != "none":
        name, epochs, rate = "fine-tuning", settings.fine_tune_epochs, settings.fine_tune_rate
    read = reader(material.pixels, [material.rows[index].hash for index in learn])
    feed = Feed(read, len(learn), settings.batch, recipe.seed, recipe.augment)
    targets = np.eye(len(material.labels), dtype=np.float32)[truth[learn]]
    weights = class_weights(truth[learn], targets.shape[1])

    def batches(epoch: int, first: int) -> Iterator[Batch]:
        mixer = Mixer(recipe.augment, (recipe.seed, epoch))
        mixer.skip(first, (settings.batch, *backbone.size))
        for pictures, chosen in epoch_batches(feed, epoch, first):
            inputs, aims = mixer(pictures, targets[chosen])
            yield inputs, aims, np.asarray(aims) @ weights if settings.class_weights else None

    optimise.prepare(network, settings, rate, epochs, feed.steps)
    answer = classifier.predict_function(network)
    held = [material.rows[index].hash for index in check]
    return Stage(
        name,
        network,
        batches,
        feed.steps,
        epochs,
        settings.patience,
        calibrated(lambda: chunked(answer, material.pixels, held), truth[check]),
        name == "fine-tuning",
    )


def chunked(answer: Any, pixels: Store, names: Sequence[str], size: int = 1024) -> np.ndarray:
    """Answers for photos by their hashes, a thousand pictures in memory at a time."""
    return np.concatenate([answer(pixels.read(names[start : start + size])) for start in range(0, len(names), size)])


def give_back(stage: Stage, backbone: Backbone) -> None:
    """Put what the copy for training learnt into the backbone that is saved."""
    layer = stage.network.get_layer("backbone")
    if layer is not backbone.layer:
        backbone.layer.set_weights(layer.get_weights())
