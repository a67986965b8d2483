"""What to say and to try first where the features of a frozen backbone hardly tell the classes apart."""

import shlex
from typing import Sequence

import numpy as np

from cvapp.card import Card
from cvapp.data.split_settings import PLACEHOLDER
from cvapp.evaluation import metrics, probe
from cvapp.evaluation.cures import PHOTOS, Cure, row_of
from cvapp.evaluation.results import Results, parts
from cvapp.recipe import DEFAULT_BACKBONE, DRAWINGS_BACKBONE, Recipe, settings
from cvapp.recipe.model import ALPHA, IMAGENET, PRETRAINED, WIDTHS

# Chance-adjusted accuracy. Linear probes of ants and bees, CIFAR-10 and vehicles have 0.50 to 0.88 with backbones that have seen photos, and 0.10
# to 0.24 with one that has seen drawings alone.
POOR = 0.4
TIMES_CHANCE = 5  # of many classes: a probe that is right five times as often as guessing knows something of them (CIFAR-10: 3, and 6 to 8)
ADJUSTED, HIGHEST = "probe_accuracy_adjusted", "probe_accuracy_adjusted_high"  # in a card: the figure, and the end of its 95% interval
_TUNED = "blocks:6"  # as fine_tune=auto tunes for another task, where it has photos enough
_KEPT = ("seed", "images.fit", "images.resize", "train.class_weights")  # settings that mean the same with any backbone and pipeline


def metric(results: Results, labels: Sequence[str]) -> dict[str, float]:
    """A card's metrics of a linear probe of the frozen features, on training photos that it did not learn from; none from scratch.

    Classes weigh alike, so that a small one makes the figure less certain: C classes of n photos each count as C^2 / (1/n + ... + 1/n) photos.
    """
    if not results.crossed:
        return {}
    judged = parts(results.rows, results.judged, labels)["train"]
    recall = probe.macro_recall(judged.probabilities.argmax(1), judged.truth)
    sizes = np.unique(judged.truth, return_counts=True)[1]
    photos = float(len(sizes) ** 2 / (1 / sizes).sum())
    high = metrics.interval(recall * photos, photos)[1]
    return {name: round(probe.above_chance(value, len(labels)), 4) for name, value in ((ADJUSTED, recall), (HIGHEST, high))}


def is_poor(card: Card) -> bool:
    """Whether the frozen features of a model hardly tell its classes apart, which bad luck with few photos does not explain."""
    high = card.metrics.get(HIGHEST)
    return high is not None and high < limit(len(card.labels))


def limit(num_classes: int) -> float:
    """The chance-adjusted accuracy under which features are poor."""
    return min(POOR, probe.above_chance(min(1.0, TIMES_CHANCE / num_classes), num_classes))


def sentence(card: Card) -> str:
    """What is said of poor features."""
    figure = f"chance-adjusted accuracy of a linear probe: {card.metrics[ADJUSTED]:.2f}"
    return f"The backbone's features hardly tell these classes apart ({figure})."


def cures(card: Card, data: str) -> tuple[Cure, ...]:
    """What to try against poor features, the likeliest first; nothing where they are good, or where a tuned backbone has made up for them.

    Args:
        card: of the finished model.
        data: the photos, as the command shall name them; empty where their path is not known.
    """
    recipe, tuned = card.recipe, card.recipe.train.fine_tune != "none"
    made_up = tuned and probe.above_chance(card.metrics["val"]["macro_recall"], len(card.labels)) >= limit(len(card.labels))
    if not is_poor(card) or made_up:
        return ()
    backbone = _of_photos(recipe)
    if not backbone:
        text = "A backbone that has seen photos, if these are photos"
        return (Cure(text, command=_train(card, data, "", (f"model.backbone={DEFAULT_BACKBONE}",))),)
    drawings = _train(card, data, "", (f"model.backbone={DRAWINGS_BACKBONE}",))
    others = Cure("For drawn signs or print, the backbone that has seen drawings", command=drawings), PHOTOS
    if recipe.train.fine_tune == "all":
        return others
    if tuned:
        return Cure("Let the whole backbone learn these pictures", ("train.fine_tune=all",)), *others
    alpha = (f"model.alpha={recipe.model.alpha:g}",) if backbone in WIDTHS and recipe.model.alpha != ALPHA else ()
    same = () if backbone == DEFAULT_BACKBONE else (f"model.backbone={backbone}", *alpha)
    text = "Let the backbone learn these pictures, which may be unlike the photos that it has seen (as drawings, microscopy and X-rays are)"
    return Cure(text, command=_train(card, data, "fine_tune", (f"train.fine_tune={_TUNED}", *same))), *others


def _of_photos(recipe: Recipe) -> str:
    """The backbone of a recipe, where its weights are known to come from photos; also as a hub module."""
    name = row_of(recipe.model)
    return name if name in PRETRAINED and recipe.model.weights == IMAGENET else ""


def _train(card: Card, data: str, pipeline: str, changes: Sequence[str]) -> str:
    """The command that trains a model of the same name by other settings, and by those of the card that another backbone leaves as they are."""
    words = ["cvapp", "train", *([pipeline] if pipeline else []), "--data", data or PLACEHOLDER, "--name", card.name]
    now, usual = settings(card.recipe), settings(Recipe())
    kept = [f"{name}={now[name]}" for name in _KEPT if now[name] != usual[name]]
    return shlex.join([*words, *(word for setting in (*changes, *kept, *_size(card.recipe)) for word in ("--set", setting))])


def _size(recipe: Recipe) -> list[str]:
    """The setting of the picture size, where it is not the backbone's own."""
    from cvapp.models.backbones import TABLE  # late: it loads TensorFlow, which a terminal's other words do not need

    row, size = TABLE.get(row_of(recipe.model)), recipe.images.size
    return [f"images.size={size[0]},{size[1]}"] if row and size not in (None, row.size) else []
