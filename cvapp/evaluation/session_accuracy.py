"""Accuracy by capture session: what to expect in a session, such as a new place, of which the model has seen no photo."""

from dataclasses import dataclass
from typing import Any, Sequence

import numpy as np

from cvapp.evaluation import folds, gram, metrics

MIN_SESSIONS = 3  # sessions: of fewer, no interval can be given
MAX_FOLDS = 20  # of leave-one-session-test: with more sessions, several are left out at a time
_TRIED = 5  # folds by which the strength of the ridge is chosen
_Z = 1.96  # of a 95% interval
_TELLING = 2  # mistakes a session, and right answers: with fewer, sessions do not show how much they differ
_DEGREES = np.array((1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60, 1e9))
_QUANTILES = np.array((12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.306, 2.228, 2.131, 2.086, 2.042, 2.0, 1.96))  # 97.5% of Student's t


@dataclass(frozen=True)
class Session:
    """The share of right answers to the photos of one session."""

    name: str
    accuracy: float
    photos: int


@dataclass(frozen=True)
class BySession:
    """The mean over sessions of the share of right answers in each.

    Args:
        accuracy: from 0 to 1.
        sessions: how many; a photo of no known session counts as one.
        interval: 95%, or None for fewer than `MIN_SESSIONS` sessions.
        named: the sessions that have a name, at least one, the worst first.
    """

    accuracy: float
    sessions: int
    interval: tuple[float, float] | None
    named: tuple[Session, ...]

    @property
    def worst(self) -> Session:
        """Of the sessions that have a name; of several that are as bad, the one with the most photos."""
        return self.named[0]

    def figures(self) -> dict[str, Any]:
        """The same for a card and for `evaluate --json`."""
        return {
            "accuracy_by_session": round(self.accuracy, 4),
            "sessions": self.sessions,
            "session_interval": [round(end, 4) for end in self.interval] if self.interval else None,
            "worst_session": {"name": self.worst.name, "accuracy": round(self.worst.accuracy, 4), "photos": self.worst.photos},
        }


@dataclass(frozen=True)
class LeaveOneOut:
    """Leave-one-session-out cross-validation of a ridge probe.

    Args:
        by_session: accuracy of every photo by a probe that saw no photo of its session.
        photos: how many were counted.
        uncounted: how many were not, since no other session has their class.
        mixed: accuracy of the same photos, by session, where probes saw others of the same session.
        drop: 95% interval of `mixed` less that of `by_session`.
    """

    by_session: BySession
    photos: int
    uncounted: int
    mixed: float
    drop: tuple[float, float]


def by_session(right: np.ndarray, groups: Sequence[str | None]) -> BySession | None:
    """Accuracy by session; None where no photo has a known session.

    Args:
        right: (N,) whether each answer is right.
        groups: (N,) names of the sessions, "" where unknown; None of photos that do not count.
    """
    counted = np.array([name is not None for name in groups], bool)
    right, groups = right[counted] if len(counted) else right, [name for name in groups if name is not None]
    if not any(groups):
        return None
    session = folds.sessions(groups)
    photos = np.bincount(session)
    shares = np.bincount(session, right) / photos
    names = dict(zip(session.tolist(), groups))
    named = [Session(name, float(shares[index]), int(photos[index])) for index, name in names.items() if name]
    named.sort(key=lambda one: (one.accuracy, -one.photos, one.name))
    return BySession(float(shares.mean()), len(shares), _interval(shares, photos), tuple(named))


def _interval(shares: np.ndarray, photos: np.ndarray) -> tuple[float, float] | None:
    """The 95% interval of a mean over sessions (Korn and Graubard 1998, Survey Methodology 24, section 2): Wilson's for an
    effective number of photos.

    With S sessions, V the variance of their shares divided by S (at least what chance alone gives), p the share of right answers:

        n = p (1 - p) / V  (1.96 / t)^2,  t the 97.5% quantile of Student's t with S - 1 degrees of freedom

    V tells little where sessions agree because there are hardly any mistakes: the session in which the model fails may not have been seen.
    With fewer than `_TELLING` mistakes (or right answers, if these are fewer) a session, n is at most S, as if a session were all right or all wrong.

    Args:
        shares: (S,) of right answers.
        photos: (S,) in each session.
    """
    count = len(shares)
    if count < MIN_SESSIONS:
        return None
    right, total = float(shares @ photos), float(photos.sum())
    likely = (right + 1) / (total + 2)
    chance = likely * (1 - likely) * (1 / photos).sum() / count**2  # what sessions that are all alike would vary by
    variance = max(shares.var(ddof=1) / count, chance)
    effective = likely * (1 - likely) / variance * (_Z / _student(count - 1)) ** 2
    if min(right, total - right) < _TELLING * count:
        effective = min(effective, count)
    return metrics.interval(float(shares.mean()) * effective, effective)


def _student(degrees: int) -> float:
    """The 97.5% quantile of Student's t, interpolated in the inverse of the degrees of freedom."""
    return float(np.interp(-1 / degrees, -1 / _DEGREES, _QUANTILES))


def leave_one_out(features: np.ndarray, truth: np.ndarray, groups: Sequence[str], seed: int) -> LeaveOneOut | None:
    """Leave-one-session-out: what to expect of a session that was never seen, beside what folds of single photos promise.

    For each session a ridge probe learns from all others; above `MAX_FOLDS` sessions, several are left out together. Photos whose class no other
    session has are not counted. The comparison deals single photos into as many folds.

    Args:
        features: (N, F) of a frozen backbone, of all photos of all parts.
        truth: (N,) classes.
        groups: (N,) names of the sessions, "" where unknown.
        seed: of what is dealt.

    Returns:
        None for fewer than three sessions with a name, and where no photo can be counted.
    """
    if len(set(groups) - {""}) < MIN_SESSIONS:
        return None
    session = folds.sessions(groups)
    count = min(MAX_FOLDS, int(session.max()) + 1)
    whole = folds.deal(truth, seed, count, session)
    features, columns = gram.compress(features, seed), features.shape[1]
    scores, other = (_scores(features, truth, fold, columns) for fold in (whole, folds.deal(truth, seed, count)))
    counted = np.isfinite(scores[np.arange(len(truth)), truth])
    kept = [name for name, there in zip(groups, counted) if there]
    right, mixed = (one[counted].argmax(1) == truth[counted] for one in (scores, other))
    found = by_session(right, kept)
    if found is None:
        return None
    session = folds.sessions(kept)
    lost = np.bincount(session, mixed.astype(float) - right) / np.bincount(session)
    beside = np.bincount(session, mixed) / np.bincount(session)
    reach = _student(len(lost) - 1) * lost.std(ddof=1) / np.sqrt(len(lost)) if len(lost) > 1 else np.inf
    drop = float(lost.mean() - reach), float(lost.mean() + reach)
    return LeaveOneOut(found, int(counted.sum()), int((~counted).sum()), float(beside.mean()), drop)


def _scores(features: np.ndarray, truth: np.ndarray, fold: np.ndarray, columns: int) -> np.ndarray:
    """Scores (N, C) by ridge probes of the other folds, with the strength that does best; -inf for a class that no other fold has."""
    num_classes = int(truth.max()) + 1
    weights = gram.class_weights(truth, num_classes)
    members = [np.flatnonzero(fold == index) for index in range(fold.max() + 1)]
    total = gram.sums(features, truth, weights)
    learned = [total - gram.sums(features[test], truth[test], weights) for test in members[:_TRIED]]
    tried = [(known, features[test], truth[test]) for known, test in zip(learned, members)]
    strength = gram.choose_strength(tried, columns)
    scores = np.zeros((len(truth), num_classes))
    for index, test in enumerate(members):
        known = learned[index] if index < len(learned) else total - gram.sums(features[test], truth[test], weights)
        matrix, bias = gram.solve(known, columns, strength)
        scores[test] = features[test] @ matrix + bias
    return scores
