"""What to say and to try first where the features of a frozen backbone hardly tell the classes apart."""

import shlex
from typing import Sequence

from cvapp.card import Card
from cvapp.evaluation import probe
from cvapp.evaluation.cures import Cure
from cvapp.evaluation.results import Results, parts
from cvapp.evaluation.words import percent
from cvapp.recipe import DEFAULT_BACKBONE, DRAWINGS_BACKBONE, HUB, Recipe
from cvapp.recipe.model import IMAGENET, PRETRAINED

# Of the way from guessing to perfect. Linear probes of ants and bees, CIFAR-10 and vehicles go 0.50 to 0.88 of it with backbones that have
# seen photos, and 0.10 to 0.24 with one that has seen drawings alone.
POOR = 0.4
METRIC = "probe_accuracy_adjusted"  # where a card keeps the probe's share of the way
_TUNED = "blocks:6"  # as fine_tune=auto tunes for another task, where it has photos enough


def probe_share(results: Results, labels: Sequence[str]) -> float | None:
    """How far from guessing to perfect heads on the frozen features go on training photos that they did not learn from; None from scratch."""
    if not results.crossed:
        return None
    judged = parts(results.rows, results.judged, labels)["train"]
    return probe.adjusted_accuracy(judged.probabilities.argmax(1), judged.truth, len(labels))


def metric(results: Results, labels: Sequence[str]) -> dict[str, float]:
    """The same as an entry of a card's metrics; none from scratch."""
    share = probe_share(results, labels)
    return {} if share is None else {METRIC: round(share, 4)}


def is_poor(share: float | None) -> bool:
    """Whether frozen features hardly tell the classes apart."""
    return share is not None and share < POOR


def sentence(share: float) -> str:
    """What is said of poor features."""
    reach = f"a linear probe of them goes {percent(share)} of the way from guessing to perfect"
    return f"The backbone's features hardly tell these classes apart: {reach}."


def cures(card: Card, share: float | None, data: str) -> tuple[Cure, ...]:
    """What to try against poor features, the likeliest first; nothing where they are good, or where a tuned backbone has made up for them.

    Args:
        card: of the finished model.
        share: what `probe_share` found.
        data: the photos, as the command shall name them.
    """
    recipe = card.recipe
    tuned = recipe.train.fine_tune != "none"
    if not is_poor(share) or (tuned and probe.above_chance(card.metrics["val"]["macro_recall"], len(card.labels)) >= POOR):
        return ()
    backbone = _of_photos(recipe)
    if not backbone:
        text = "A backbone that has seen photos, if these are photos"
        return (Cure(text, command=_train(card.name, data, "", (f"model.backbone={DEFAULT_BACKBONE}",))),)
    command = _train(card.name, data, "", (f"model.backbone={DRAWINGS_BACKBONE}",))
    drawn = Cure("For drawn signs or print, the backbone that has seen drawings", command=command)
    if recipe.train.fine_tune == "all":
        return (drawn,)
    if tuned:
        return Cure("Let the whole backbone learn these pictures", ("train.fine_tune=all",)), drawn
    same = () if backbone == DEFAULT_BACKBONE else (f"model.backbone={backbone}",)
    text = "Let the backbone learn these pictures, which seem to be unlike photos (as drawings, microscopy and X-rays are)"
    return Cure(text, command=_train(card.name, data, "fine_tune", (f"train.fine_tune={_TUNED}", *same))), drawn


def _of_photos(recipe: Recipe) -> str:
    """The backbone of a recipe, where its weights are known to come from photos; also as a hub module."""
    model = recipe.model
    name = model.handle if model.backbone == HUB else model.backbone
    return name if name in PRETRAINED and model.weights == IMAGENET else ""


def _train(name: str, data: str, pipeline: str, settings: Sequence[str]) -> str:
    words = ["cvapp", "train", *([pipeline] if pipeline else []), "--data", data or "DIR", "--name", name]
    return shlex.join([*words, *(word for setting in settings for word in ("--set", setting))])
