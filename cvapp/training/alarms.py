"""Alarms in words while a generator trains: its discriminator wins outright, all samples look alike, numbers break, both swing."""

import math
from dataclasses import dataclass
from typing import Mapping, Sequence

from cvapp.evaluation.words import percent

WINDOW = 4  # rows that must agree: one may be chance
UNTRAINED = 2  # rows at the start that prove nothing: the generator draws one grey, the discriminator tells that at once
SURE_REAL, SURE_FAKE = 0.98, 0.02  # one that wins outright answers 0.997 and 0.004; a healthy one gets to 0.95 and 0.05 at times
CATCHING_UP = 0.05  # by which the answer for samples must rise over the window for the generator to be winning ground
ALIKE = 0.25  # of the real photos' diversity: below it samples are variations of one picture
WIDENING = 0.05  # of the real photos' diversity, gained over the window: it is learning to vary them
SWING = 0.3  # of the answer for samples, from row to row: steady training stays within a tenth
FIGURES = ("d_loss", "g_loss", "d_real", "d_fake", "d_norm", "g_norm", "diversity")
NOT_FINITE, DISCRIMINATOR, DIVERSITY, OSCILLATION = "not finite", "discriminator", "diversity", "oscillation"


@dataclass(frozen=True)
class Alarm:
    """Something that is going wrong.

    Args:
        name: `not finite`, `discriminator`, `diversity` or `oscillation`.
        text: one line: what was seen, what it means, what to try.
    """

    name: str
    text: str


def check(rows: Sequence[Mapping[str, float]], real_diversity: float, probabilities: bool = True, target: float = 1.0) -> list[Alarm]:
    """What is going wrong by the last WINDOW rows; numbers that break are looked for in all of them.

    Args:
        rows: notes every so many steps, the oldest first, each a mean over its interval: `step`, `d_loss`, `g_loss`, `d_real` and `d_fake`
            (the discriminator's answers for photos and samples, 0..1), `d_norm` and `g_norm` (of the gradients), `diversity` (of samples,
            as `generated.diversity`). What a row lacks is not looked at.
        real_diversity: of the real photos.
        probabilities: whether the answers are probabilities, as they are not for the loss "wasserstein"; nothing is said about them then.
            Those of "least-squares" and "hinge" seldom get near 0 and 1, and so seldom alarm.
        target: what the discriminator is to answer for photos: 1 less `generate.label_smoothing`.

    Returns:
        at most one alarm of each name, the worst first; none where all is well or nothing can be told yet.
    """
    window = rows[UNTRAINED:][-WINDOW:]
    full = len(window) == WINDOW
    found = [
        _not_finite(rows),
        _alike(window, real_diversity) if full else None,
        _outright(window, target) if full and probabilities else None,
        _swings(window) if full and probabilities else None,
    ]
    return [alarm for alarm in found if alarm is not None]


def collapsed(alarms: Sequence[Alarm], ended: bool = True) -> bool:
    """Whether a run counts as collapsed: its samples are alike or its numbers broke, or it ended with a discriminator that wins outright.

    Args:
        alarms: of the last check.
        ended: whether that was the run's end; before, a generator may still catch up with its discriminator.
    """
    fatal = {NOT_FINITE, DIVERSITY} | ({DISCRIMINATOR} if ended else set())
    return any(alarm.name in fatal for alarm in alarms)


def _not_finite(rows: Sequence[Mapping[str, float]]) -> Alarm | None:
    for row in rows:
        broken = [name for name in FIGURES if name in row and not math.isfinite(row[name])]
        if broken:
            seen = f"by step {row['step']:.0f} {' and '.join(broken)} {'is' if len(broken) == 1 else 'are'} no finite number"
            cure = "divide train.learning_rate and generate.discriminator_rate by 5, or another generate.loss"
            return Alarm(NOT_FINITE, f"{seen}: the weights are broken and stay so. Stop, and try: {cure}")
    return None


def _alike(window: Sequence[Mapping[str, float]], real_diversity: float) -> Alarm | None:
    """All samples look the same, and that is not getting better."""
    values = _column(window, "diversity")
    widens = values and values[-1] - values[0] > WIDENING * real_diversity
    if not values or widens or not max(values) < ALIKE * real_diversity:
        return None
    seen = f"two samples differ by {percent(_mean(values), 1)} of the range, two photos by {percent(real_diversity, 1)}"
    means = "the generator draws nearly one picture whatever the noise (collapse)"
    cure = (
        "half of train.learning_rate and generate.discriminator_rate, generate.instance_noise=0.1, generate.augment=translation,cutout, "
        "or generate.loss=wasserstein with generate.steps=5"
    )
    return Alarm(DIVERSITY, f"{_when(window)} {seen}: {means}. Try: {cure}")


def _outright(window: Sequence[Mapping[str, float]], target: float) -> Alarm | None:
    """The discriminator is sure of photos and samples alike, and the generator wins no ground."""
    real, fake = _column(window, "d_real"), _column(window, "d_fake")
    if not real or not fake or not (_mean(real) > SURE_REAL * target and _mean(fake) < SURE_FAKE):
        return None
    if fake[-1] - fake[0] > CATCHING_UP:
        return None
    seen = f"the discriminator answers {_mean(real):.3f} for photos and {_mean(fake):.3f} for samples, without a change"
    means = "it wins outright, and its gradient no longer tells the generator what to mend"
    smooth = "" if target < 1 else "generate.label_smoothing=0.1, "
    noise = "generate.instance_noise=0.1, or generate.augment=translation,cutout"
    cure = f"half of both rates, or a quarter of generate.discriminator_rate alone, generate.steps=1, {smooth}{noise}"
    return Alarm(DISCRIMINATOR, f"{_when(window)} {seen}: {means}. Try: {cure}")


def _swings(window: Sequence[Mapping[str, float]]) -> Alarm | None:
    """The answer for samples goes up and down, far, from row to row."""
    fake = _column(window, "d_fake")
    moves = [after - before for before, after in zip(fake, fake[1:])]
    turns = all(first * second < 0 for first, second in zip(moves, moves[1:]))
    if not moves or not turns or not min(map(abs, moves)) > SWING:
        return None
    seen = f"the discriminator's answer for samples swings between {min(fake):.2f} and {max(fake):.2f}"
    means = "each of the two runs after the other's last move and neither settles"
    return Alarm(OSCILLATION, f"{_when(window)} {seen}: {means}. Try: half of train.learning_rate and generate.discriminator_rate")


def _column(window: Sequence[Mapping[str, float]], name: str) -> list[float]:
    """A figure of all rows of the window; none of it where one of them lacks it."""
    return [row[name] for row in window] if all(name in row for row in window) else []


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _when(window: Sequence[Mapping[str, float]]) -> str:
    return f"steps {window[0]['step']:.0f} to {window[-1]['step']:.0f}:"
