"""Judges generated pictures by a judge's features and answers, each figure beside what real photos reach."""

from dataclasses import dataclass
from typing import Any, Sequence

import numpy as np

from cvapp.errors import CvappError, Exit
from cvapp.evaluation.crowds import frechet, kernel_distance, precision_recall

COVERED = 0.2  # of a class's share among real photos: samples that show it less often leave it out
MOST_BALLS = 2000  # rows for precision and recall, whose time grows with the square
LEAST = 4  # samples and half as many photos: precision and recall look at the third neighbour
_SPLIT_SEED = 0


@dataclass(frozen=True)
class Crowd:
    """Many pictures, samples or real photos, with what a judge makes of them.

    Args:
        features: (N, D) float, from the judge.
        probabilities: (N, C) of the judge's classes, or None where it has none.
        pictures: (N, H, W, 3) uint8 RGB.
        truth: (N,) int classes, or None where they are not known.

    Raises:
        CvappError: the parts are not of one count (exit 3).
    """

    features: np.ndarray
    probabilities: np.ndarray | None
    pictures: np.ndarray
    truth: np.ndarray | None = None

    def __post_init__(self) -> None:
        counts = [len(part) for part in (self.features, self.probabilities, self.pictures, self.truth) if part is not None]
        if len(set(counts)) > 1:
            raise CvappError(f"a crowd whose parts have {', '.join(map(str, counts))} rows: give one a picture", Exit.BAD_DATA)

    def __len__(self) -> int:
        return len(self.features)


def judge_samples(real: Crowd, made: Crowd, labels: Sequence[str]) -> dict[str, Any]:
    """How samples compare with real photos, as figures for a card.

    The real photos are split at random into two halves, the same ones each time. Samples and the second half are each compared with the
    first, in the same count: what ends in `_floor` (for precision and recall it is a ceiling) is what real photos themselves reach.

    Args:
        real: photos that were not learnt from.
        made: samples.
        labels: the judge's classes, in the order of the probabilities.

    Returns:
        `count` of each side that was compared; `frechet`, `kernel` (see `crowds`; less is better) and `precision`, `recall` (0..1, of at
        most MOST_BALLS; more is better), each with its `_floor`; `diversity` and `real_diversity`. Where both have probabilities also
        `classes` and `real_classes` {label: share}, by the first answers, those of the photos by their truth where it is known; `covered`,
        how many classes have among the samples at least COVERED of their share among the photos; `confidence` and `real_confidence`, the
        mean best probability.

    Raises:
        CvappError: fewer than 4 samples or 8 photos, or values that are not finite (exit 3).
    """
    count = min(len(made), len(real) // 2)
    if count < LEAST:
        raise CvappError(
            f"{len(made)} samples beside {len(real)} held-out photos: judging takes at least {LEAST} samples and {2 * LEAST} photos",
            Exit.BAD_DATA,
        )
    random = np.random.default_rng(_SPLIT_SEED)
    order, picked = random.permutation(len(real)), random.permutation(len(made))[:count]
    first, second = real.features[order[:count]], real.features[order[len(real) // 2 :][:count]]
    figures: dict[str, Any] = {"count": count}
    for ending, crowd in (("", made.features[picked]), ("_floor", second)):
        precision, recall = precision_recall(first[:MOST_BALLS], crowd[:MOST_BALLS])
        figures[f"frechet{ending}"] = _rounded(frechet(first, crowd))
        figures[f"kernel{ending}"] = _rounded(kernel_distance(first, crowd))
        figures[f"precision{ending}"], figures[f"recall{ending}"] = round(precision, 4), round(recall, 4)
    figures["diversity"], figures["real_diversity"] = round(diversity(made.pictures), 4), round(diversity(real.pictures), 4)
    if made.probabilities is not None and real.probabilities is not None:
        figures |= _answers(real, made, labels)
    return figures


def _answers(real: Crowd, made: Crowd, labels: Sequence[str]) -> dict[str, Any]:
    """What the judge answers: classes, how many are covered, how sure it is."""
    assert made.probabilities is not None and real.probabilities is not None  # the caller saw to it
    true = real.truth if real.truth is not None else real.probabilities.argmax(1)
    shares, wanted = _shares(made.probabilities.argmax(1), len(labels)), _shares(true, len(labels))
    return {
        "classes": {label: round(float(share), 4) for label, share in zip(labels, shares, strict=True)},
        "real_classes": {label: round(float(share), 4) for label, share in zip(labels, wanted, strict=True)},
        "covered": int(((shares >= COVERED * wanted - 1e-9) & (wanted > 0)).sum()),  # a fifth of 0.1 is more than 0.02 in floats
        "confidence": round(float(made.probabilities.max(1).mean()), 4),
        "real_confidence": round(float(real.probabilities.max(1).mean()), 4),
    }


def _shares(classes: np.ndarray, count: int) -> np.ndarray:
    return np.bincount(classes, minlength=count) / len(classes)


def _rounded(value: float) -> float:
    """To four digits, wherever the point is."""
    return float(f"{value:.4g}")


def diversity(pictures: np.ndarray) -> float:
    """How different pictures are: the mean absolute difference of two of them at the same pixel, as a share of the full range.

    It is the mean over all pairs, which costs no more than some random ones: of n sorted values the k-th (from 1) counts 2k - n - 1 times.

    Args:
        pictures: (N, H, W, C) uint8.

    Returns:
        0..1: 0 where all are the same (or there is but one), a third where every value is drawn at random by itself.
    """
    count = len(pictures)
    if count < 2:
        return 0.0
    ordered = np.sort(pictures.reshape(count, -1), axis=0)
    times = 2 * np.arange(1, count + 1) - count - 1
    pairs = count * (count - 1) / 2
    return float(times @ ordered.sum(1, dtype=np.int64) / (pairs * ordered.shape[1] * 255))
