"""The verdict on a detector's run, as `verdict` gives it of a classifier's: by mAP50 on training and on validation photos."""

import dataclasses
from typing import Any

from cvapp.card import Card
from cvapp.evaluation import boxed_observations
from cvapp.evaluation.boxed_sheets import BoxedResults
from cvapp.evaluation.cures import PHOTOS, Cure, less_regularised, more_regularised, more_validation
from cvapp.evaluation.observations import Observation
from cvapp.evaluation.verdict import BIAS, BOTH, GOOD, JUDGEMENTS, SURE_GAP, VARIANCE, Verdict, least_difference
from cvapp.evaluation.words import counted, percent
from cvapp.recipe import Recipe
from cvapp.recipe.model import WIDTHS

LEARNED = 0.8  # mAP50 on training photos: with less, one object in five of the very photos it learned from is missed or badly boxed
GAP = 0.1  # training over validation mAP50: validation sets of a hundred objects differ by half of it
_EPOCHS, _HIDDEN, _ALPHA = 100_000, 65_536, 2.0  # the most that the recipe takes


def verdict(card: Card, results: BoxedResults) -> Verdict:
    """Judge a run by the finished detector's mAP50; test photos have no say in the kind, as with a classifier.

    Args:
        card: whose metrics have the figures of `train` (some of the photos) and `val`.
        results: of the part that is held out to the end, where the other observations are made.
    """
    train, val, recipe = card.metrics["train"], card.metrics["val"], card.recipe
    biased, gap = train["map50"] < LEARNED, train["map50"] - val["map50"]
    wide = gap >= GAP and val["objects"] > 0
    varied = wide and least_difference(_right(train), _right(val)) >= SURE_GAP
    kind = {(False, False): GOOD, (True, False): BIAS, (False, True): VARIANCE, (True, True): BOTH}[biased, varied]
    said, tried = [_figures(train, val), JUDGEMENTS[kind]], []
    if varied:
        tried += [PHOTOS, *_varied(recipe), *(more_regularised(recipe) if not biased else [])]
    if biased:
        tried += _larger(recipe) + (less_regularised(recipe) if not varied else [])
    if wide and not varied:
        said.append(f"The gap of {100 * gap:.0f} points may be chance: {counted(val['objects'], 'validation object')} cannot tell.")
        tried.append(_more_validation(recipe, results))
    first, seen = boxed_observations.lacking(card, results), boxed_observations.observe(card, results)
    cures = [*_cures(first), *tried, *_cures(seen)]
    return Verdict(kind, (*said, *(one.sentence for one in [*first, *seen])), tuple(dict.fromkeys(cures)))


def _cures(seen: list[Observation]) -> list[Cure]:
    return [cure for one in seen for cure in one.cures]


def _right(figures: dict[str, Any]) -> tuple[int, int]:
    """Objects that are found, of these and the false boxes together (the critical success index): both mistakes count."""
    missed, false = (sum(figures[name].values()) for name in ("missed_by_size", "false"))
    return figures["objects"] - missed, figures["objects"] + false


def _figures(train: dict[str, Any], val: dict[str, Any]) -> str:
    known, held = (
        f"{percent(one['map50'], 1)} on {counted(one['photos'], f'{name} photo')} ({counted(one['objects'], 'object')})"
        for name, one in (("training", train), ("validation", val))
    )
    return f"mAP50 is {known}, {held}." if val["objects"] else f"mAP50 is {known}; no object is marked in the validation photos."


def _larger(recipe: Recipe) -> list[Cure]:
    """Against high bias: longer training, a larger network."""
    epochs, hidden, model = min(_EPOCHS, 2 * recipe.train.epochs), min(_HIDDEN, 2 * recipe.detect.hidden), recipe.model
    settings = [f"train.epochs={epochs}"] if epochs > recipe.train.epochs else []
    cures = [Cure("Train longer", tuple(settings))] if settings else []
    larger = [f"detect.hidden={hidden}"] if hidden > recipe.detect.hidden else []
    if model.backbone in WIDTHS and model.alpha < _ALPHA and model.from_scratch:
        larger.append(f"model.alpha={min(_ALPHA, 1.5 * model.alpha):g}")
    return [*cures, Cure("A larger network, which is slower on a device too", tuple(larger))] if larger else cures


def _varied(recipe: Recipe) -> list[Cure]:
    """Against high variance: windows laid another way, where that is as good an example."""
    if recipe.detect.turn:
        return []
    turned = Cure("Turned and mirrored windows, where up is as good as down (as under a microscope)", ("detect.turn=True",))
    mirrored = Cure("Mirrored windows, where left and right may be swapped (not in writing)", ("augment.mirror=True",))
    return [turned] if recipe.augment.mirror else [mirrored, turned]


def _more_validation(recipe: Recipe, results: BoxedResults) -> Cure:
    """A larger share for validation. `cvapp data split` parts class folders only, so a frozen split is deleted by hand."""
    source = results.source
    cure = more_validation(recipe, (), dataclasses.replace(source, frozen=False))
    frozen = source.frozen and cure.settings
    return dataclasses.replace(cure, text=f"{cure.text} (first delete split.csv beside the photos)") if frozen else cure
