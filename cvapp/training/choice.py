"""`fine_tune="auto"`: how much of a backbone to train, by how much data there is and how well its features do, and why."""

from dataclasses import dataclass
from typing import Callable, Sequence

import numpy as np

from cvapp.evaluation import probe

MUCH_IN_ALL, MUCH_IN_CLASS = 2000, 100  # training photos from which fine-tuning pays: in all, and in the middle class
SIMILAR = 0.7  # chance-adjusted accuracy of a linear probe of the last features, from which the task is like the backbone's
FEW, MORE = "blocks:2", "blocks:6"
MOST_STAGES = 3


@dataclass(frozen=True)
class Choice:
    """What was chosen: `fine_tune` and `stages` as the recipe names them, and the reason in a sentence."""

    fine_tune: str
    stages: int
    reason: str


def choose(
    features: Callable[[int], np.ndarray], truth: np.ndarray, num_classes: int, opaque: bool, seed: int, groups: Sequence[str] = ()
) -> Choice:
    """Follow the usual table of transfer learning.

    Little data and a similar task: a linear head on the last features. Little data, another task: a linear head on features of several
    stages. Much data, a similar task: fine-tune a few layers. Much data, another task: fine-tune more. How similar the task is, a
    cross-validated probe of the frozen features tells.

    Args:
        features: number of stages -> features (N, F) of the training photos.
        truth: (N,) their classes.
        num_classes: C.
        opaque: whether the backbone is a hub module, of which there is one stage and all or nothing to train.
        seed: of the folds.
        groups: (N,) names of their sessions, which no fold separates; single photos if empty.
    """
    sizes = np.bincount(truth, minlength=num_classes)
    much = len(truth) >= MUCH_IN_ALL and np.median(sizes) >= MUCH_IN_CLASS
    likeness = _likeness(features(1), truth, num_classes, seed, groups)
    similar = likeness >= SIMILAR
    data = f"{'much' if much else 'little'} data ({len(truth)} training photos, {int(np.median(sizes))} in the middle class)"
    figure = f"chance-adjusted accuracy of a linear probe: {likeness:.2f}"
    task = f"{'a task like' if similar else 'another task than'} the backbone's ({figure})"
    if much:
        chosen = "all" if opaque else FEW if similar else MORE
        return Choice(
            chosen, 1, f"{data}, {task}: fine-tune {'the whole module' if opaque else 'the last ' + chosen.split(':')[1] + ' blocks'}"
        )
    if similar or opaque:
        only = "" if similar else "; a hub module has no earlier stages to draw on, so"
        return Choice("none", 1, f"{data}, {task}{only}: a head on the last features")
    tried = {
        stages: likeness if stages == 1 else _likeness(features(stages), truth, num_classes, seed, groups) for stages in range(1, MOST_STAGES + 1)
    }
    best = max(tried, key=lambda stages: tried[stages])
    found = ", ".join(f"{stages}: {value:.2f}" for stages, value in tried.items())
    return Choice("none", best, f"{data}, {task}: a head on the features of {best} stage{'s' if best > 1 else ''} (by stages, {found})")


def _likeness(features: np.ndarray, truth: np.ndarray, num_classes: int, seed: int, groups: Sequence[str] = ()) -> float:
    """Chance-adjusted, cross-validated accuracy of a linear probe, classes weighing alike."""
    answers = probe.left_out(features, truth, num_classes, seed, groups).argmax(1)
    return probe.adjusted_accuracy(answers, truth, num_classes)
