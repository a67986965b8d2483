"""The verdict on a run, in words: does the model underfit, overfit, both or neither, what else is seen, and what to try."""

from dataclasses import dataclass

import numpy as np

from cvapp.card import Card
from cvapp.evaluation.cures import Cure, fewer_features, larger, less_regularised, more_data, more_regularised, more_validation
from cvapp.evaluation.metrics import interval
from cvapp.evaluation.observations import faults, observe, weak_backbone
from cvapp.evaluation.poor_features import is_poor
from cvapp.evaluation.results import WORDS, Part, Results, held_out, parts
from cvapp.evaluation.words import counted, percent

GOOD, BIAS, VARIANCE, BOTH = "good fit", "high bias", "high variance", "high bias and high variance"
LEARNED = 0.9  # training accuracy: a model that misses one in ten of the very photos it learned from has not learned them
GAP = 0.05  # training over held-out accuracy: one photo in twenty is what more training data could win back
SURE_GAP = 0.02  # the least that the gap must be with 95% certainty, so that a few unlucky photos do not make a verdict
JUDGEMENTS = {
    GOOD: "It has learned its photos, and nothing shows that it does much worse on others.",
    BIAS: "It underfits: it has not even learned the photos it was shown.",
    VARIANCE: "It overfits: it knows the photos it learned from much better than others.",
    BOTH: "It underfits and overfits: it has not learned all the photos it was shown, and does much worse on others.",
}


@dataclass(frozen=True)
class Verdict:
    """The judgement of a run.

    Args:
        kind: `good fit`, `high bias`, `high variance`, or `high bias and high variance`.
        sentences: what is seen, the judgement first.
        cures: what to try, the likeliest first.
        doubts_labels: whether mistakes may be held against the labels: not where the features are too poor to know better.
    """

    kind: str
    sentences: tuple[str, ...]
    cures: tuple[Cure, ...]
    doubts_labels: bool = True


def verdict(card: Card, results: Results) -> Verdict:
    """Judge a run by the finished model's accuracy on training photos and on those held out: test where there is such a part, else validation.

    Validation photos chose the epoch and the calibration, so they may flatter; where test photos tell otherwise, these are right.
    """
    found = parts(results.rows, results.probabilities, card.labels)
    train, held = found["train"], held_out(found)
    biased = train.accuracy < LEARNED
    gap = train.accuracy - held.accuracy
    varied = gap >= GAP and least_difference((train.right, len(train.truth)), (held.right, len(held.truth))) >= SURE_GAP
    kind = {(False, False): GOOD, (True, False): BIAS, (False, True): VARIANCE, (True, True): BOTH}[biased, varied]
    recipe, said, tried = card.recipe, [_figures(train, held), JUDGEMENTS[kind]], []
    if biased:
        tried += larger(card, results.history) + (less_regularised(recipe) if not varied else [])
    if varied:
        tried += more_data(card) + (more_regularised(recipe) + fewer_features(card) if not biased else [])
    elif gap >= GAP:
        said.append(f"The gap of {100 * gap:.0f} points may be chance: {counted(len(held.truth), f'{WORDS[held.name]} photo')} cannot tell.")
        tried += [more_validation(recipe, results.rows, results.source)] if held.name == "val" else []
    poor = weak_backbone(card, results)
    if poor:  # then settings of the head are of no use
        tried = []
    first, seen = faults(card, results, found), observe(card, results, found)
    noted = [*([poor] if poor else []), *first]
    cures = [*(cure for one in noted for cure in one.cures), *tried, *(cure for one in seen for cure in one.cures)]
    sentences = (*said[:2], *([poor.sentence] if poor else []), *said[2:], *(one.sentence for one in [*first, *seen]))
    return Verdict(kind, sentences, tuple(dict.fromkeys(cures)), not is_poor(card))


def least_difference(larger: tuple[int, int], smaller: tuple[int, int]) -> float:
    """The least difference of two shares, (right, of how many) each, at 95% (Newcombe 1998, method 10, from two Wilson intervals)."""
    (low, _), (_, high) = interval(*larger), interval(*smaller)
    one, other = (right / max(1, count) for right, count in (larger, smaller))
    return float(one - other - np.hypot(one - low, high - other))


def _figures(train: Part, held: Part) -> str:
    low, high = interval(held.right, len(held.truth))
    return (
        f"{percent(train.accuracy, 1)} right on {counted(len(train.truth), 'training photo')}, {percent(held.accuracy, 1)} on "
        f"{counted(len(held.truth), f'{WORDS[held.name]} photo')}, which puts the true figure between {percent(low)} and {percent(high)}."
    )
