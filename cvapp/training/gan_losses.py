"""Losses of a discriminator and its generator on the discriminator's logits; each says what the discriminator and what the generator minimises."""

from dataclasses import dataclass
from typing import Any, Callable

import tensorflow as tf

from cvapp.recipe import Generate

WASSERSTEIN = "wasserstein"


@dataclass(frozen=True)
class Losses:
    """A pair of losses.

    Args:
        discriminator: logits of photos and of samples, (B, 1) both -> scalar.
        generator: logits of samples (B, 1) -> scalar.
    """

    discriminator: Callable[[Any, Any], Any]
    generator: Callable[[Any], Any]


def losses(settings: Generate) -> Losses:
    """The recipe's losses. With logits D of photos x and samples G(z), s = settings.label_smoothing:

    non-saturating: the discriminator's cross entropy with targets 1 - s and 0; the generator minimises -log sigmoid(D(G(z))) (Goodfellow et al.
    2014, arXiv:1406.2661, section 3; one-sided smoothing: Salimans et al. 2016, arXiv:1606.03498, section 3.4).
    least-squares: ((D(x) - 1 + s)^2 + D(G(z))^2) / 2; (D(G(z)) - 1)^2 / 2 (Mao et al. 2017, arXiv:1611.04076, equation 9).
    hinge: max(0, 1 - D(x)) + max(0, 1 + D(G(z))); -D(G(z)) (Lim and Ye 2017, arXiv:1705.02894).
    wasserstein: D(G(z)) - D(x), the gradient penalty apart; -D(G(z)) (Gulrajani et al. 2017, arXiv:1704.00028, equation 3).
    """
    target = 1.0 - settings.label_smoothing
    return {
        "non-saturating": Losses(
            lambda real, fake: _cross_entropy(target, real) + _cross_entropy(0.0, fake), lambda fake: _cross_entropy(1.0, fake)
        ),
        "least-squares": Losses(
            lambda real, fake: (_mean((real - target) ** 2) + _mean(fake**2)) / 2, lambda fake: _mean((fake - 1.0) ** 2) / 2
        ),
        "hinge": Losses(lambda real, fake: _mean(tf.nn.relu(1.0 - real)) + _mean(tf.nn.relu(1.0 + fake)), lambda fake: -_mean(fake)),
        WASSERSTEIN: Losses(lambda real, fake: _mean(fake) - _mean(real), lambda fake: -_mean(fake)),
    }[settings.loss]


def gradient_penalty(discriminate: Callable[[Any], Any], real: Any, fake: Any, shares: Any) -> Any:
    """(|grad D(m)| - 1)^2 in the mean, at points m between photos and samples (Gulrajani et al. 2017, algorithm 1).

    Args:
        discriminate: pictures (B, H, W, C) -> logits (B, 1), each of its own picture alone.
        real: pictures (B, H, W, C).
        fake: pictures (B, H, W, C).
        shares: (B, 1, 1, 1) from 0 to 1, of the samples in m.
    """
    between = real + shares * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        answer = tf.reduce_sum(discriminate(between))
    slopes = tape.gradient(answer, between)
    steepness = tf.sqrt(tf.reduce_sum(slopes**2, (1, 2, 3)) + 1e-12)  # its gradient at 0 would be nan
    return _mean((steepness - 1.0) ** 2)


def _cross_entropy(target: float, logits: Any) -> Any:
    return _mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), target), logits))


def _mean(values: Any) -> Any:
    return tf.reduce_mean(values)
