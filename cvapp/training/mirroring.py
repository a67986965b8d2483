"""`augment.mirror=auto`: pictures are mirrored unless photos show that left and right differ; one who asks for it is obeyed, and told."""

import dataclasses
from typing import Any

import numpy as np

from cvapp.evaluation import mirroring
from cvapp.models.backbones import Backbone, open_backbone
from cvapp.progress import Report
from cvapp.recipe import AUTO, DRAWINGS_BACKBONE, Model, Recipe
from cvapp.training import features
from cvapp.training.stages import Material

TRIED = 1000  # photos at most: enough to tell, and soon computed


def settle(recipe: Recipe, backbone: Backbone, material: Material, report: Report) -> tuple[Recipe, dict[str, Any]]:
    """The recipe with `augment.mirror` settled, and the figures of the trial, empty where nothing is mirrored.

    Training and validation photos are named by probes of frozen features: those of the recipe's backbone, or, where it starts from random
    weights, of the backbone of drawings, which knows shapes.
    """
    if not recipe.augment.mirror:
        return recipe, {}
    known = open_backbone(Model(backbone=DRAWINGS_BACKBONE), None) if recipe.model.from_scratch else backbone
    some = np.concatenate([material.of("train"), material.of("val")])
    some = np.sort(np.random.default_rng(recipe.seed).permutation(some)[:TRIED])
    rows = [material.rows[place] for place in some]
    plain, mirrored = (features.frozen(known, rows, material.pixels, report, mirrored=one) for one in (False, True))
    trial = mirroring.compare(plain, mirrored, material.truth[some], material.labels, recipe.seed, material.groups[some])
    said = mirroring.sentence(trial.figures)
    if recipe.augment.mirror != AUTO:
        if trial.harmful:
            report(f"pictures are mirrored, as augment.mirror=yes asks, but {said}; try augment.mirror=no, or auto")
        return recipe, trial.figures
    chosen = "left and right differ, pictures are not mirrored" if trial.harmful else "pictures are mirrored"
    report(f"augment.mirror=auto: {chosen}: {said}{'' if trial.harmful else '; where left and right differ, give augment.mirror=no'}")
    return dataclasses.replace(recipe, augment=dataclasses.replace(recipe.augment, mirror=not trial.harmful)), trial.figures
