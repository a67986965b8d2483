"""Trains the judge of a generator's pictures: a small classifier of the same photos, whose features show how like photos samples are."""

import hashlib
from pathlib import Path

import keras
import numpy as np

from cvapp.data import split
from cvapp.evaluation.judging import spread
from cvapp.files import replacing
from cvapp.models import classifier
from cvapp.models.backbones import Backbone, open_backbone
from cvapp.models.classifier import open_model
from cvapp.progress import Report, hushed, silent
from cvapp.recipe import DEFAULT_BACKBONE, Augment, Model, Recipe, Train
from cvapp.training import loop, stages
from cvapp.training.stages import Material
from cvapp.training.state import Keeper, Progress

LEARNT, CHECKED = 20_000, 2_000  # photos at most that it learns from and that choose its best epoch
SEEN, AREA = 60_000, 32 * 32  # pictures that it sees in all, fewer where they have more pixels than this
EPOCHS = (3, 40)
SMALL = 5_000  # photos; under that many batches are small and pictures varied
CLASSIFIER = Model(backbone="small_resnet", weights="none", dropout=0.2, initialiser="he")
BACKBONE = Model()
BACKBONE_SIZE = (96, 96)  # of the pictures it is given: enough for what is made at 28 to 64


def settings(recipe: Recipe, photos: int) -> Recipe:
    """How the judge of a recipe's pictures learns from so many photos of several classes."""
    assert recipe.images.size is not None  # settled by now
    seen = SEEN * min(1.0, AREA / (recipe.images.size[0] * recipe.images.size[1]))
    few = photos < SMALL
    return Recipe(
        seed=recipe.seed,
        images=recipe.images,
        model=CLASSIFIER,
        augment=Augment(crop=0.1, brightness=0.05, contrast=0.1) if few else Augment(),
        train=Train(
            epochs=int(np.clip(seen // photos, *EPOCHS)),
            batch=32 if few else 128,
            learning_rate=4e-3,
            schedule="cosine",
            warmup=0.1,
            weight_decay=5e-2,
            label_smoothing=0.05,
            patience=EPOCHS[1],
        ),
    )


def judge_for(recipe: Recipe, material: Material, place: Path, report: Report = silent) -> keras.Model:
    """The judge of a run: float pixels 0..255 (B, H, W, 3) -> features (B, D) and, of several classes, probabilities (B, C).

    Of one class it is the default backbone, which has seen photos. The same photos and recipe give the same judge.

    Args:
        recipe: of the generator; its seed and its images count.
        material: the photos.
        place: where it is kept while the run lasts, `NAME.keras`; one of the same photos and settings that lies there is taken, any other
            replaced.
        report: told of the training.
    """
    learn = material.of("train")[spread(len(material.of("train")), LEARNT)]
    several = len(material.labels) > 1
    how = settings(recipe, len(learn)) if several else Recipe(images=recipe.images, model=BACKBONE)
    made_of = f"{how} {split.fingerprint(material.rows)} {type(material.pixels).__name__}"
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:12]
    path = place.with_name(f"{place.stem}-{digest}{place.suffix}")
    if path.is_file():
        return open_model(path)
    for old in place.parent.glob(f"{place.stem}-*"):
        old.unlink()
    keras.utils.set_random_seed(recipe.seed)
    network = _classifier(how, material, learn, report) if several else _backbone(recipe)
    with hushed(), replacing(path) as neighbour:
        network.save(neighbour)
    return network


def judge_words(material: Material) -> dict[str, str]:
    """What a card says of the judge of some photos."""
    several = len(material.labels) > 1
    return {"judge": "a small classifier, trained by cvapp on the same photos" if several else f"the backbone {DEFAULT_BACKBONE}"}


def _classifier(how: Recipe, material: Material, learn: np.ndarray, report: Report) -> keras.Model:
    check = material.of("val")[spread(len(material.of("val")), CHECKED)]
    used = {*learn.tolist(), *check.tolist()}
    rows = [row if place in used else row._replace(part="") for place, row in enumerate(material.rows)]  # all classes stay known
    some = Material(rows, material.pixels)
    report(f"the judge, a small classifier of the same photos, learns from {len(learn):,} of them")
    backbone = open_backbone(how.model, how.images.size)
    head = classifier.head(backbone.features, len(material.labels), how.model)
    stage = stages.network_stage(how, backbone, head, some, "all")

    def bar(text: str, done: int | None = None, total: int | None = None) -> None:
        if done is not None:
            report(f"judge, {text}", done, total)

    loop.run(stage, Progress(), Keeper(None, {}), bar)
    stages.give_back(stage, backbone)
    return _judge(backbone, head)


def _judge(backbone: Backbone, head: keras.Sequential) -> keras.Model:
    """The classifier with its features for all to see."""
    pixels = keras.Input((*backbone.size, 3), name="pixels")
    factor, offset = backbone.scale
    features = values = backbone.layer(keras.layers.Rescaling(factor, offset, name="scale")(pixels))
    for part in head.layers:
        values = part(values)
    return keras.Model(pixels, [features, keras.layers.Softmax(name="probabilities")(values)], name="judge")


def _backbone(recipe: Recipe) -> keras.Model:
    """The default backbone on pictures of the recipe's size."""
    assert recipe.images.size is not None
    backbone = open_backbone(BACKBONE, BACKBONE_SIZE)
    pixels = keras.Input((*recipe.images.size, 3), name="pixels")
    factor, offset = backbone.scale
    large = keras.layers.Resizing(*backbone.size, name="enlarge")(pixels)
    return keras.Model(pixels, backbone.layer(keras.layers.Rescaling(factor, offset, name="scale")(large)), name="judge")
