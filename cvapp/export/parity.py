"""Whether a .tflite says what training said: both models on the same photos, against a gate."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cvapp.recipe import Export


@dataclass(frozen=True)
class Parity:
    """A variant beside Keras on the same photos.

    Args:
        accuracy: of the variant.
        keras_accuracy: of the Keras model.
        agreement: share of photos with the same first answer; ties within the float gate do not count as disagreement.
        largest_difference: of any probability.
        mean_difference: of all probabilities.
        mended: photos that Keras had wrong and the variant has right.
        broken: photos that Keras had right and the variant has wrong.
        photos: how many.
    """

    accuracy: float
    keras_accuracy: float
    agreement: float
    largest_difference: float
    mean_difference: float
    mended: int
    broken: int
    photos: int


def compare(variant: np.ndarray, reference: np.ndarray, truth: np.ndarray, tie: float = 1e-3) -> Parity:
    """Compare probabilities (N, C) of a variant and of Keras for the true classes (N,)."""
    difference = np.abs(variant - reference)
    mine, theirs = variant.argmax(1), reference.argmax(1)
    rows = np.arange(len(truth))
    same = (mine == theirs) | (reference[rows, theirs] - reference[rows, mine] <= tie)
    right, was_right = mine == truth, theirs == truth
    return Parity(
        float(right.mean()),
        float(was_right.mean()),
        float(same.mean()),
        float(difference.max()),
        float(difference.mean()),
        int((right & ~was_right).sum()),
        int((~right & was_right).sum()),
        len(truth),
    )


def failures(parity: Parity, variant: str, gate: Export) -> list[str]:
    """Why a variant may not be published; nothing where it passes.

    float32 must answer as Keras does. int8 may lose `gate.max_drop` points of accuracy, or one photo where that is more, and must agree
    on most photos.
    """
    reasons = []
    if variant == "float32":
        if parity.largest_difference > gate.max_difference:
            reasons.append(f"a probability differs by {parity.largest_difference:.4f} (at most {gate.max_difference:g})")
        if parity.agreement < 1:
            reasons.append(f"agrees with Keras on {100 * parity.agreement:.2f}% of photos (100% is wanted)")
        return reasons
    lost = parity.broken - parity.mended
    if lost > max(1.0, gate.max_drop / 100 * parity.photos):
        reasons.append(
            f"lost {100 * lost / parity.photos:.2f} points of accuracy, {lost} photos (at most {gate.max_drop:g} points, or one photo)"
        )
    if parity.agreement < gate.min_agreement:
        reasons.append(f"agrees with Keras on {100 * parity.agreement:.1f}% of photos (at least {100 * gate.min_agreement:g}%)")
    return reasons


def check_alive(reference: np.ndarray) -> str | None:
    """Why a comparison would prove nothing: a model that answers the same for every photo; None where it would."""
    spread = float(np.ptp(reference, axis=0).max())
    return (
        f"the model answers alike for every photo (its probabilities differ by {spread:.4f} at most); train it first"
        if spread < 0.01
        else None
    )


def row(parity: Any) -> dict[str, Any]:
    """The figures, rounded, as `export.json` keeps them."""
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in vars(parity).items()}
