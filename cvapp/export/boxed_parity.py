"""Whether a detector's .tflite finds what the Keras model found: boxes matched by IoU, and mAP50 beside it, against a gate."""

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from cvapp.boxes import Boxes, iou
from cvapp.card import Card
from cvapp.evaluation import detection
from cvapp.evaluation.boxed import LEAST
from cvapp.evaluation.detection import Truth
from cvapp.recipe import Export
from cvapp.windows import detect

SAME = 0.5  # IoU from which a box of the variant stands for one of Keras
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


def boxes_in(maps: np.ndarray, card: Card) -> list[Boxes]:
    """What the maps (N, rows, columns, numbers) of frames say, down to low scores."""
    assert card.scan is not None and card.images.size is not None  # of a detector
    return [detect(one, card.scan, card.images.size, LEAST, card.recipe.detect.overlap, card.nothing) for one in maps]


def compare(variant: np.ndarray, reference: np.ndarray, truths: Sequence[Truth], card: Card) -> BoxedParity:
    """Compare the maps (N, rows, columns, numbers) of a variant and of Keras; `truths` are the objects of each frame."""
    mine, theirs = boxes_in(variant, card), boxes_in(reference, card)
    found, known = (_map50(boxes, truths, card) for boxes in (mine, theirs))
    least = card.threshold
    pairs = [_differences(one, other, least) for one, other in zip(mine, theirs)] + [
        _differences(one, other, least) for one, other in zip(theirs, mine)
    ]
    scores = np.concatenate(pairs)
    there = np.isfinite(scores)
    missed = [np.array([_missed(one, truth, least) for one, truth in zip(boxes, truths)], object) for boxes in (mine, theirs)]
    ours, keras = (np.concatenate([*rows, np.zeros(0, bool)]).astype(bool) for rows in missed)
    return BoxedParity(
        found,
        known,
        min([known - found, *(_lost_without(place, mine, theirs, truths, card) for place in range(len(truths)) if known > found)]),
        float(there.mean()) if len(scores) else 1.0,
        float(np.abs(variant - reference).max()),
        float(scores[there].mean()) if there.any() else 0.0,
        int((ours & ~keras).sum()),
        int((keras & ~ours).sum()),
        len(truths),
    )


def _map50(boxes: Sequence[Boxes], truths: Sequence[Truth], card: Card) -> float:
    return float(detection.summary(boxes, truths, card.labels)["map50"])


def _lost_without(place: int, mine: Sequence[Boxes], theirs: Sequence[Boxes], truths: Sequence[Truth], card: Card) -> float:
    """The share of mAP50 that is lost on all photos but one."""
    others = [number for number in range(len(truths)) if number != place]
    held = [truths[number] for number in others]
    return _map50([theirs[number] for number in others], held, card) - _map50([mine[number] for number in others], held, card)


def _differences(shown: Boxes, other: Boxes, least: float) -> np.ndarray:
    """For each box from a score on, how far the score of the other model's box there is; infinite where it has none."""
    shown, other = shown.take(shown.scores >= least), other.take(other.scores >= NEARLY * least)
    same = (iou(shown.xyxy, other.xyxy) >= SAME) & (shown.classes[:, None] == other.classes[None])
    return np.where(same, np.abs(shown.scores[:, None] - other.scores[None]), np.inf).min(1, initial=np.inf)


def _missed(found: Boxes, truth: Truth, least: float) -> np.ndarray:
    """Which objects no box from a score on stands for."""
    return detection.match(found.take(found.scores >= least), truth).missed


def failures(parity: BoxedParity, variant: str, gate: Export) -> list[str]:
    """Why a variant may not be published; nothing where it passes.

    float32 must answer as Keras does. The others may lose `gate.max_drop` points of mAP50, one photo left out (one box of a rare class moves
    mAP50 by more than that), and must show most of the same boxes.
    """
    reasons = []
    if variant == "float32":
        if parity.largest_difference > gate.max_difference:
            reasons.append(f"a number differs by {parity.largest_difference:.4f} (at most {gate.max_difference:g})")
        if parity.agreement < 1:
            reasons.append(f"shows {100 * parity.agreement:.2f}% of the boxes that Keras shows (100% is wanted)")
        return reasons
    lost = 100 * parity.lost_but_one
    if lost > gate.max_drop:
        reasons.append(f"lost {lost:.2f} points of mAP50, one photo left out (at most {gate.max_drop:g})")
    if parity.agreement < gate.min_agreement:
        reasons.append(f"shows {100 * parity.agreement:.1f}% of the boxes that Keras shows (at least {100 * gate.min_agreement:g}%)")
    return reasons


def check_alive(reference: np.ndarray) -> str | None:
    """Why a comparison would prove nothing: a model that answers the same for every window; None where it would."""
    spread = float(np.ptp(reference[..., 0]))
    return f"the model answers alike for every window (by {spread:.4f} at most); train it first" if spread < 0.01 else None
