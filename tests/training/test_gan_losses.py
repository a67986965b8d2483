"""Losses of discriminator and generator, against NumPy and numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from cvapp.recipe import Generate
from cvapp.training.gan_losses import gradient_penalty, losses

REAL, FAKE = np.array([[2.0], [0.5], [-1.0]], np.float32), np.array([[-2.0], [0.25], [1.5]], np.float32)


def minus_log_sigmoid(values):
    return np.log1p(np.exp(-values))


@pytest.mark.parametrize(
    ("loss", "discriminator", "generator"),
    [
        ("non-saturating", minus_log_sigmoid(REAL).mean() + minus_log_sigmoid(-FAKE).mean(), minus_log_sigmoid(FAKE).mean()),
        # ((1 + .25 + 4) / 3 + (4 + .0625 + 2.25) / 3) / 2 and (9 + .5625 + .25) / 3 / 2
        ("least-squares", (5.25 / 3 + 6.3125 / 3) / 2, 9.8125 / 6),
        # (0 + .5 + 2) / 3 + (0 + 1.25 + 2.5) / 3
        ("hinge", 2.5 / 3 + 3.75 / 3, 0.25 / 3),
        # the samples' mean, -0.25 / 3, less the photos', 0.5
        ("wasserstein", -0.25 / 3 - 0.5, 0.25 / 3),
    ],
)
def test_each_loss_is_its_paper_s(loss, discriminator, generator):
    pair = losses(Generate(loss=loss))
    assert float(pair.discriminator(REAL, FAKE)) == pytest.approx(discriminator, abs=1e-6)
    assert float(pair.generator(FAKE)) == pytest.approx(generator, abs=1e-6)


@pytest.mark.parametrize("loss", ["non-saturating", "least-squares", "hinge", "wasserstein"])
def test_the_two_pull_in_opposite_directions(loss):
    pair, logits = losses(Generate(loss=loss)), tf.constant([[0.3]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        d, g = pair.discriminator(tf.constant([[0.3]]), logits), pair.generator(logits)
    assert float(tape.gradient(d, logits)[0, 0]) > 0 > float(tape.gradient(g, logits)[0, 0])


def test_the_generator_s_loss_does_not_saturate_where_the_discriminator_is_sure():
    logits = tf.constant([[-12.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = losses(Generate()).generator(logits)
    assert float(tape.gradient(loss, logits)[0, 0]) == pytest.approx(-1, abs=1e-4)  # log(1 - D), the saturating one, has 6e-6


def test_smoothing_lowers_the_target_of_photos_alone():
    logits = np.zeros((1, 1), np.float32)
    smooth, plain = losses(Generate(label_smoothing=0.1)), losses(Generate())
    sure = np.full((1, 1), 5.0, np.float32)
    assert float(smooth.discriminator(sure, logits)) == pytest.approx(float(plain.discriminator(sure, logits)) + 0.1 * 5, abs=1e-5)
    assert float(smooth.generator(logits)) == float(plain.generator(logits))


def test_the_penalty_of_a_plane_is_its_slope_s_distance_from_one(rng):
    real, fake = (tf.constant(rng.normal(size=(5, 4, 4, 1)), tf.float32) for _ in range(2))
    shares = tf.constant(rng.uniform(size=(5, 1, 1, 1)), tf.float32)
    slope = rng.normal(size=(4, 4, 1)).astype(np.float32)
    found = gradient_penalty(lambda pictures: tf.reduce_sum(pictures * slope, (1, 2, 3), keepdims=True), real, fake, shares)
    assert float(found) == pytest.approx((np.linalg.norm(slope) - 1) ** 2, rel=1e-5)
    unit = slope / np.linalg.norm(slope)
    flat = gradient_penalty(lambda pictures: tf.reduce_sum(pictures * unit, (1, 2, 3), keepdims=True), real, fake, shares)
    assert float(flat) == pytest.approx(0, abs=1e-8)
