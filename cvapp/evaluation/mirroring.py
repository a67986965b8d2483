"""Whether mirror images help or harm: a probe learns photos with them and without, and each photo left out has a say (NumPy)."""

from dataclasses import asdict, dataclass
from math import comb
from typing import Any, Sequence

import numpy as np

from cvapp.evaluation import folds, gram
from cvapp.evaluation.probe import FOLDS, STRENGTHS

MAX_FEATURES = 320  # a solution takes milliseconds, and scores are hardly worse
CHANCE = 0.01  # that noise alone turns mirroring off


@dataclass(frozen=True)
class Trial:
    """What a probe lost and won by learning mirror images too.

    Args:
        photos: that were left out in turn, and named.
        plain: how many a probe of the photos named right.
        mirrored: how many a probe of the photos and their mirror images named right.
        lost: photos that only the first named right.
        won: photos that only the second named right.
        harmful: whether mirroring loses more than chance explains.
        mistaken: the class, and what it is taken for, of most of the photos lost; empty where it does not harm.
    """

    photos: int
    plain: int
    mirrored: int
    lost: int
    won: int
    harmful: bool
    mistaken: tuple[str, ...] = ()

    @property
    def figures(self) -> dict[str, Any]:
        """For a card."""
        return {**asdict(self), "mistaken": list(self.mistaken)}


def sentence(figures: dict[str, Any]) -> str:
    """A trial's figures in words."""
    photos = figures["photos"]
    counts = f"{figures['lost']} lost, {figures['won']} won"
    said = f"a probe names {figures['plain']} of {photos} photos right, {figures['mirrored']} where it learns mirror images too ({counts})"
    if not figures["mistaken"]:
        return said
    return f"{said}; “{figures['mistaken'][0]}” is then most often taken for “{figures['mistaken'][1]}”"


def by_chance(lost: int, won: int) -> float:
    """How probable it is to lose as many or more of so many differences if either way were as likely (sign test; McNemar 1947, exact)."""
    total = lost + won
    return sum(comb(total, count) for count in range(lost, total + 1)) / 2**total


def compare(
    features: np.ndarray, mirrored: np.ndarray, truth: np.ndarray, labels: Sequence[str], seed: int, groups: Sequence[str] = ()
) -> Trial:
    """Probe photos by cross-validation, learning their mirror images or not; the two answers to each photo are compared.

    Mirroring is harmful where it loses more photos than it wins, overall or in one class, and the sign test over the photos that only one of the
    two names right puts that down to chance with less than `CHANCE` (of a class, a C-th of it, as there are C to look at).

    Args:
        features: of the photos (N, F).
        mirrored: of their mirror images (N, F).
        truth: (N,) classes.
        labels: of the C classes.
        seed: of the folds.
        groups: (N,) names of their sessions, which no fold separates; single photos if empty.
    """
    count, num_classes = len(truth), len(labels)
    values = gram.compress(np.concatenate([features, mirrored]), seed, MAX_FEATURES)
    fold = folds.deal(truth, seed, FOLDS, folds.blocks(truth, groups) if any(groups) else None)
    weights = gram.class_weights(truth, num_classes)
    known = [gram.sums(values[:count][fold == one], truth[fold == one], weights) for one in range(FOLDS)]
    images = [gram.sums(values[count:][fold == one], truth[fold == one], weights) for one in range(FOLDS)]
    both = [first + second for first, second in zip(known, images)]
    plain, more = (_left_out(parts, values[:count], truth, fold, features.shape[1]) for parts in (known, both))
    lost, won = (plain == truth) & (more != truth), (plain != truth) & (more == truth)
    counts = [(int(lost[truth == one].sum()), int(won[truth == one].sum())) for one in range(num_classes)]
    by_class = any(by_chance(*pair) < CHANCE / num_classes for pair in counts)
    harmful = lost.sum() > won.sum() and (by_chance(int(lost.sum()), int(won.sum())) < CHANCE or by_class)
    mistaken: tuple[str, ...] = ()
    if harmful:
        pairs, photos = np.unique(np.stack([truth[lost], more[lost]], 1), axis=0, return_counts=True)
        mistaken = tuple(labels[place] for place in pairs[photos.argmax()])
    right = int((plain == truth).sum()), int((more == truth).sum())
    return Trial(count, *right, int(lost.sum()), int(won.sum()), bool(harmful), mistaken)


def _left_out(parts: Sequence[gram.Sums], features: np.ndarray, truth: np.ndarray, fold: np.ndarray, columns: int) -> np.ndarray:
    """The answers (N,) of probes that did not see the photo or its mirror image, with the ridge that names most photos right."""
    total = sum(parts[1:], parts[0])
    tried = []
    for strength in STRENGTHS:
        answers = np.full(len(truth), -1)
        for one, part in enumerate(parts):
            learned = total - part
            if part.photos and learned.photos:
                weights, bias = gram.solve(learned, columns, strength)
                answers[fold == one] = (features[fold == one] @ weights + bias).argmax(1)
        tried.append(answers)
    return max(tried, key=lambda answers: int((answers == truth).sum()))
