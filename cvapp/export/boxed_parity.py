"""Whether a detector's .tflite finds what the Keras model found: boxes matched by IoU, and mAP50 beside it, against a gate."""

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from cvapp.boxes import Boxes, iou
from cvapp.card import Card
from cvapp.evaluation import detection
from cvapp.evaluation.boxed import LEAST
from cvapp.evaluation.detection import Pool, Truth
from cvapp.recipe import Export
from cvapp.windows import detect

SAME = 0.5  # IoU from which a box of the variant stands for one of Keras; less where one so near would have suppressed it
NEARLY = 0.5  # share of the threshold that its score must reach: a box just above the threshold may fall just below it


@dataclass(frozen=True)
class BoxedParity:
    """A variant beside Keras on the same photos.

    Args:
        map50: of the variant.
        keras_map50: of the Keras model.
        lost_but_one: share of mAP50 that the variant loses where the photo that costs it most is left out.
        agreement: share of the boxes that one of them shows which the other has too.
        largest_difference: of any number of the maps.
        mean_difference: of the scores of boxes that both have.
        broken: objects that Keras found and the variant misses.
        mended: objects that Keras missed and the variant finds.
        photos: how many.
    """

    map50: float
    keras_map50: float
    lost_but_one: float
    agreement: float
    largest_difference: float
    mean_difference: float
    broken: int
    mended: int
    photos: int


def boxes_in(maps: np.ndarray, card: Card, least: float) -> list[Boxes]:
    """What the maps (N, rows, columns, numbers) of frames say, down to a score."""
    assert card.scan is not None and card.images.size is not None  # of a detector
    return [detect(one, card.scan, card.images.size, least, card.recipe.detect.overlap, card.nothing) for one in maps]


def compare(variant: np.ndarray, reference: np.ndarray, truths: Sequence[Truth], card: Card) -> BoxedParity:
    """Compare the maps (N, rows, columns, numbers) of a variant and of Keras; `truths` are the objects of each frame."""
    mine, theirs = boxes_in(variant, card, LEAST), boxes_in(reference, card, LEAST)
    pools, pools_of_keras = ([detection.pool([one], [truth]) for one, truth in zip(boxes, truths)] for boxes in (mine, theirs))
    found, known = _map50(pools), _map50(pools_of_keras)
    # found anew for each score, not chosen among the many: where windows are merged, what they become depends on it
    shown, shown_by_keras = (boxes_in(maps, card, card.threshold) for maps in (variant, reference))
    there_too, in_keras_too = (boxes_in(maps, card, NEARLY * card.threshold) for maps in (variant, reference))
    pairs = [*zip(shown, shown_by_keras, in_keras_too), *zip(shown_by_keras, shown, there_too)]
    least = min(SAME, card.recipe.detect.overlap)
    scores = np.concatenate([np.minimum(_differences(one, sure, least), _differences(one, less, least)) for one, sure, less in pairs])
    there = np.isfinite(scores)
    ours, keras = (np.concatenate([detection.match(*pair).missed for pair in zip(boxes, truths)]) for boxes in (shown, shown_by_keras))
    return BoxedParity(
        found,
        known,
        min([known - found, *(_lost_without(place, pools, pools_of_keras) for place in range(len(truths)) if known > found)]),
        float(there.mean()) if len(scores) else 1.0,
        float(np.abs(variant - reference).max()),
        float(scores[there].mean()) if there.any() else 0.0,
        int((ours & ~keras).sum()),
        int((keras & ~ours).sum()),
        len(truths),
    )


def _map50(pools: Sequence[Pool]) -> float:
    """mAP50 of photos whose boxes were matched one by one."""
    if not pools:
        return 0.0
    scores, classes, right, objects = (np.concatenate(parts) for parts in zip(*pools))
    order = np.argsort(-scores, kind="stable")
    whole = Pool(scores[order], classes[order], right[order], objects)
    curves = [whole.curve(label) for label in np.unique(objects)]
    return float(np.mean([detection.average_precision(curve.recall, curve.precision) for curve in curves] or [0.0]))


def _lost_without(place: int, mine: Sequence[Pool], theirs: Sequence[Pool]) -> float:
    """The share of mAP50 that is lost on all photos but one."""
    found, known = (_map50([*pools[:place], *pools[place + 1 :]]) for pools in (mine, theirs))
    return known - found


def _differences(shown: Boxes, other: Boxes, least: float) -> np.ndarray:
    """For each box, how far the score of the other model's box with at least that IoU is; infinite where it has none."""
    same = (iou(shown.xyxy, other.xyxy) >= least) & (shown.classes[:, None] == other.classes[None])
    return np.where(same, np.abs(shown.scores[:, None] - other.scores[None]), np.inf).min(1, initial=np.inf)


def failures(parity: BoxedParity, variant: str, gate: Export) -> list[str]:
    """Why a variant may not be published; nothing where it passes.

    float32 must answer as Keras does. The others may lose `gate.max_drop` points of mAP50, one photo left out (one box of a rare class moves
    mAP50 by more than that), and must show most of the same boxes.
    """
    reasons = []
    if variant == "float32":
        if not parity.largest_difference <= gate.max_difference:  # what is no number is wrong too
            reasons.append(f"a number differs by {parity.largest_difference:.4f} (at most {gate.max_difference:g})")
        if parity.agreement < 1:
            reasons.append(f"agrees with Keras on {100 * parity.agreement:.2f}% of the boxes (100% is wanted)")
        return reasons
    lost = 100 * parity.lost_but_one
    if lost > gate.max_drop:
        reasons.append(f"lost {lost:.2f} points of mAP50, one photo left out (at most {gate.max_drop:g})")
    if parity.agreement < gate.min_agreement:
        reasons.append(f"agrees with Keras on {100 * parity.agreement:.1f}% of the boxes (at least {100 * gate.min_agreement:g}%)")
    return reasons


def check_alive(reference: np.ndarray, card: Card) -> str | None:
    """Why a comparison would prove nothing: a model that answers the same for every window; None where it would."""
    assert card.scan is not None  # of a detector
    sure = reference[..., :1] if card.scan.refined else reference
    spread = float(np.ptp(sure, (0, 1, 2)).max())
    return f"the model answers alike for every window (by {spread:.4f} at most); train it first" if spread < 0.01 else None
