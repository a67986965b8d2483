"""Whether a generator's .tflite makes the pictures that the Keras model makes: both given the same noise, against a gate."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cvapp import sampling
from cvapp.bundle import latent_of
from cvapp.card import Card
from cvapp.errors import CvappError, Exit
from cvapp.export.parity import row
from cvapp.export.photos import Proof
from cvapp.models.classifier import predict_function
from cvapp.proof import golden
from cvapp.recipe import Export

SAMPLES = 64  # that a variant is proven on
CALIBRATION, PROVEN, SHOWN = 1, 2, 3  # seeds of the noise that int8 is calibrated on, of the proof, and of the golden samples
GENERATED = 1e-4  # how far any number of float32 may be from Keras', of values from -1 to 1
LEAST_LIKE = 30.0  # decibels of the others
PEAK = 2.0  # from -1 to 1
SAME = 1e-6  # difference, in the root mean square, under which a signal-to-noise ratio says no more


@dataclass(frozen=True)
class Likeness:
    """A variant's pictures beside Keras' of the same noise, values -1..1.

    Args:
        psnr: peak signal-to-noise ratio of all pictures together, in decibels; the peak is 2. A difference under a millionth is 126.
        lowest_psnr: of the picture that is least like Keras'.
        largest_difference: of any number.
        mean_difference: of all numbers.
        no_numbers: numbers of the variant that are none (NaN or infinite); each counts as wrong by the peak.
        samples: how many pictures.
    """

    psnr: float
    lowest_psnr: float
    largest_difference: float
    mean_difference: float
    no_numbers: int
    samples: int


def prove(card: Card, folder: Path, model: keras.Model, wishes: Export) -> Proof:
    """What a generator's variants are made from and compared on: noise of fixed seeds, and what Keras makes of it.

    Raises:
        CvappError: the generator answers alike for any noise (exit 5).
    """
    calibration, noise, shown = (
        noise_for(card, count, seed) for count, seed in ((wishes.calibration, CALIBRATION), (SAMPLES, PROVEN), (golden.PHOTOS, SHOWN))
    )
    predict = predict_function(model)
    dead = check_alive(predict(noise_for(card, SAMPLES, PROVEN, 0)))
    if dead:
        raise CvappError(f"{folder}: {dead}", Exit.GATE)
    reference = predict(noise)

    def judge(values: np.ndarray, name: str) -> tuple[list[str], dict[str, Any]]:
        seen = compare(values, reference)
        return failures(seen, name), row(seen)

    gate = {"max_difference": GENERATED, "min_psnr": LEAST_LIKE}
    return Proof(card, model, wishes, calibration, noise, judge, shown, {"samples": SAMPLES, "gate": gate})


def noise_for(card: Card, count: int, seed: int, place: int | None = None) -> np.ndarray:
    """What a generator is given, float32 (count, n), by a seed; `place` of the class that is asked for, all in turn where None."""
    latent, classes = latent_of(card)
    return sampling.asked(sampling.noise(count, latent, seed), classes, place)


def compare(values: np.ndarray, reference: np.ndarray) -> Likeness:
    """Compare the numbers (N, H, W, C) of a variant and of Keras."""
    sound = np.isfinite(values)
    difference = np.where(sound, values.astype(np.float64) - reference, PEAK)
    absolute = np.abs(difference)
    lowest = min(decibels(one) for one in difference)
    return Likeness(decibels(difference), lowest, float(absolute.max()), float(absolute.mean()), int((~sound).sum()), len(values))


def decibels(difference: np.ndarray) -> float:
    """The peak signal-to-noise ratio: 20 log10(PEAK / root mean square of the differences)."""
    return 20 * math.log10(PEAK / max(float(np.sqrt(np.mean(difference**2))), SAME))


def failures(likeness: Likeness, variant: str) -> list[str]:
    """Why a variant may not be published; nothing where it passes. float32 must answer as Keras does, the others nearly."""
    if likeness.no_numbers:
        return [f"answers {likeness.no_numbers} numbers that are none (NaN or infinite)"]
    if variant == "float32":
        off = likeness.largest_difference
        return [f"a number differs by {off:.6f} (at most {GENERATED:g})"] if off > GENERATED else []
    if likeness.psnr < LEAST_LIKE:
        return [f"makes pictures with a signal-to-noise ratio of {likeness.psnr:.1f} dB to Keras' (at least {LEAST_LIKE:g} dB)"]
    return []


def check_alive(reference: np.ndarray) -> str | None:
    """Why a comparison would prove nothing: pictures (N, H, W, C) that are alike whatever the noise; None where it would."""
    if not np.isfinite(reference).all():
        return "the generator answers numbers that are none (NaN or infinite); train it again"
    spread = float(np.ptp(reference, axis=0).max())
    if spread >= 0.01:
        return None
    return f"the generator answers alike for any noise (its numbers, -1 to 1, differ by {spread:.4f} at most); train it first"
