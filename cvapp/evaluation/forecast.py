"""A forecast of what more photos are worth: a power law fitted to the learning curve of frozen features, and checked on half of the photos.

The error of a classifier falls with the number n of training photos as a + b n^-c (Hestness et al. 2017, arXiv:1712.00409; Viering and Loog 2021,
arXiv:2103.10948, section 4). Large sets weigh more in the fit, since they are nearer to what is forecast (Figueroa et al. 2012,
doi:10.1186/1472-6947-12-8).
"""

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from cvapp.evaluation import folds, learning_curves
from cvapp.evaluation.learning_curves import LearningCurves
from cvapp.evaluation.words import counted

EXPONENTS = np.linspace(0.1, 1.0, 19)  # c: what is found for errors of real data, up to what theory has for parameters
DRAWS = 200  # bootstrap samples
CERTAINTY = 0.9  # of the intervals
TIMES = (2, 4)  # as many photos as now
_BAND = np.linspace(0, 2, 17)  # of the plot, as powers of 2


@dataclass(frozen=True)
class Estimate:
    """An accuracy from 0 to 1 with the interval that holds it with a certainty of `CERTAINTY`."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Outlook:
    """The accuracy of a class, or of all.

    Args:
        photos: training photos now.
        now: accuracy with the training photos that there are.
        twice: accuracy with twice as many.
        fourfold: accuracy with four times as many.
    """

    photos: int
    now: float
    twice: Estimate
    fourfold: Estimate

    @property
    def gain(self) -> float:
        """Accuracy that twice the photos are expected to add."""
        return self.twice.middle - self.now


@dataclass(frozen=True)
class Check:
    """A forecast made from half of the photos, beside what all of them reached.

    Args:
        half: training photos up to which the curve was known.
        whole: training photos that it was extended to.
        predicted: accuracy that was forecast.
        measured: accuracy that was reached.
    """

    half: int
    whole: int
    predicted: Estimate
    measured: float

    @property
    def passed(self) -> bool:
        """Whether the measured accuracy lies in the forecast's interval."""
        return self.predicted.low <= self.measured <= self.predicted.high


@dataclass(frozen=True)
class Forecast:
    """What more photos are likely to bring.

    Args:
        photos: training photos now.
        curve: (training photos, accuracy) as measured on photos left out.
        band: (training photos, accuracy) from now to four times as many.
        overall: of all photos.
        classes: of each class, in the order of the labels.
        check: of the same method on half of the photos.
    """

    photos: int
    curve: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, Estimate]]
    overall: Outlook
    classes: Sequence[Outlook]
    check: Check


def power_law(photos: np.ndarray, errors: np.ndarray, exponents: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit error = a + b n^-c with a, b >= 0 to learning curves, by least squares weighted with n, for given exponents.

    Args:
        photos: (K,) n.
        errors: (B, K) of B curves.
        exponents: (G,) of c to be tried.

    Returns:
        a (B, G), b (B, G), and the weighted mean square of what is left (B, G).
    """
    weights = photos / photos.sum()
    basis = photos[None] ** -exponents[:, None]  # (G, K)
    middle, mean = basis @ weights, errors @ weights  # (G,), (B,)
    spread = ((basis - middle[:, None]) ** 2) @ weights
    slope = (errors * weights) @ (basis - middle[:, None]).T / spread  # (B, G)
    slope = np.maximum(slope, 0)
    floor = mean[:, None] - slope * middle
    through = (errors * weights) @ basis.T / ((basis**2) @ weights)  # where a would be negative, the curve falls to 0
    slope, floor = np.where(floor < 0, np.maximum(through, 0), slope), np.maximum(floor, 0)
    left = errors[:, None] - floor[..., None] - slope[..., None] * basis  # (B, G, K)
    return floor, slope, (left**2) @ weights


def forecast(features: np.ndarray, truth: np.ndarray, groups: Sequence[str], now: np.ndarray, seed: int) -> Forecast | None:
    """Extend the learning curve of frozen features to two and four times the photos.

    Ridge probes learn from growing sets of whole sessions in several random orders (`learning_curves.measure`), and the power law is fitted to the
    mean of their errors. The intervals come from bootstrap samples of the orders and of the sessions or single photos that were left out. They cover
    the chance in which photos were measured, not what photos of another kind would bring. A class has too few photos to tell an exponent of its own:
    it takes that of all classes.

    Args:
        features: (N, F).
        truth: (N,) classes.
        groups: (N,) names of the sessions, "" where unknown.
        now: (C,) training photos that the model has, by class.
        seed: of orders and bootstrap samples.

    Returns:
        None where a class has too few photos, as `obstacle` says.
    """
    if obstacle(truth, groups, [""] * len(now)):
        return None
    curves = learning_curves.measure(features, truth, groups, seed)
    return None if curves is None else extend(curves, now, seed)


def obstacle(truth: np.ndarray, groups: Sequence[str], labels: Sequence[str]) -> str:
    """Why no forecast can be made of these photos, in words; "" where one can.

    Photos of a single session would be forecast from others of the same moments, which flatters as their accuracy does.

    Args:
        truth: (N,) classes.
        groups: (N,) names of the sessions, "" where unknown.
        labels: of all classes.
    """
    session = folds.sessions(groups)
    for index, label in enumerate(labels):
        own = truth == index
        count, photos = len(np.unique(session[own])), int(own.sum())
        if count == 1 < photos:
            return f"class “{label}” has a single session among the training and validation photos, and its accuracy flatters"
        if count < learning_curves.LEAST:
            what = counted(count, "photo") if count == photos else f"{counted(count, 'session')} (single photos counted)"
            return f"class “{label}” has {what} to train and validate on, and {learning_curves.LEAST} are needed"
    return ""


def extend(curves: LearningCurves, now: np.ndarray, seed: int) -> Forecast:
    """The forecast from a measured learning curve; see `forecast`."""
    sizes = now.sum() * 2**_BAND
    overall, classes = _extrapolated(curves, sizes, seed)
    count = int((2 * curves.photos <= 1.01 * curves.photos[-1]).sum())  # whole sessions do not halve exactly
    measured = float(curves.right[:, -1].mean())
    predicted = _estimates(_extrapolated(curves.head(count), curves.photos[-1:], seed)[0])[0]
    check = Check(round(curves.photos[count - 1]), round(curves.photos[-1]), predicted, measured)
    places = [0, *(int(np.argmin(abs(2**_BAND - times))) for times in TIMES)]
    return Forecast(
        int(now.sum()),
        list(zip(curves.photos.tolist(), curves.right.mean((0, 2)).tolist())),
        list(zip(sizes.tolist(), _estimates(overall))),
        _outlook(overall[:, places], int(now.sum())),
        [_outlook(one[:, places], int(photos)) for one, photos in zip(classes, now)],
        check,
    )


def _outlook(accuracies: np.ndarray, photos: int) -> Outlook:
    now, twice, fourfold = _estimates(accuracies)
    return Outlook(photos, now.middle, twice, fourfold)


def _estimates(accuracies: np.ndarray) -> list[Estimate]:
    """From accuracies (1 + B, M): what was measured first, then the bootstrap samples of it."""
    low, high = np.quantile(accuracies[1:], ((1 - CERTAINTY) / 2, (1 + CERTAINTY) / 2), axis=0)
    return [Estimate(min(one, mean), float(mean), max(other, mean)) for one, mean, other in zip(low.tolist(), accuracies[0], high.tolist())]


def _extrapolated(curves: LearningCurves, sizes: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Accuracies at other sizes: of all photos (1 + B, M) and by class (C, 1 + B, M), from the measured curve and bootstrap samples of it."""
    errors, by_class = _resampled(curves, seed)
    floor, slope, left = power_law(curves.photos, errors, EXPONENTS)
    best = left.argmin(1)
    powers = sizes[None] ** -EXPONENTS[best][:, None]  # (1 + B, M)

    def chosen(floor: np.ndarray, slope: np.ndarray) -> np.ndarray:
        rows = np.arange(len(best))
        return np.clip(1 - floor[rows, best, None] - slope[rows, best, None] * powers, 0, 1)

    return chosen(floor, slope), np.stack([chosen(*power_law(curves.photos, one, EXPONENTS)[:2]) for one in by_class])


def _resampled(curves: LearningCurves, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors of all photos (1 + B, K) and by class (C, 1 + B, K): as measured, then of bootstrap samples of rounds and of blocks of photos."""
    generator = np.random.default_rng((seed, DRAWS))
    rounds, blocks = len(curves.right), int(curves.block.max()) + 1
    drawn = generator.multinomial(blocks, np.full(blocks, 1 / blocks), DRAWS)[:, curves.block]
    weights = np.concatenate([np.ones((1, len(curves.truth))), drawn]).astype(np.float32)  # (1 + B, N)
    turns = np.concatenate([np.ones((1, rounds)), generator.multinomial(rounds, np.full(rounds, 1 / rounds), DRAWS)]) / rounds
    wrong, total = [], []
    for index in range(int(curves.truth.max()) + 1):
        own = np.flatnonzero(curves.truth == index)
        missed = 1 - curves.right[:, :, own].astype(np.float32)
        wrong.append(np.einsum("br,rkb->bk", turns, missed @ weights[:, own].T))
        total.append(weights[:, own].sum(1, keepdims=True))
    by_class = np.stack([one / np.maximum(photos, 1) for one, photos in zip(wrong, total)])
    return np.sum(wrong, 0) / np.sum(total, 0), by_class
