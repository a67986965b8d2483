"""Batch norm as one operation answers what Keras' answers, forwards and backwards; what it remembers is PyTorch's."""

import keras
import numpy as np
import tensorflow as tf

from cvapp.models import dcgan
from cvapp.training.fused_norm import fused_norm


def both(rng):
    """The two layers with the same scale and shift, and maps."""
    maps = tf.constant(rng.normal(0.3, 2, (6, 5, 5, 8)), tf.float32)
    layers = [make("norm") for make in (dcgan.batch_norm, fused_norm)]
    for layer in layers:
        layer.build(maps.shape)
        layer.gamma.assign(np.linspace(0.5, 1.5, 8))
        layer.beta.assign(np.linspace(-1, 1, 8))
    return layers, maps


def test_it_answers_and_learns_as_keras_does(rng):
    layers, maps = both(rng)
    weights = tf.constant(rng.normal(size=maps.shape), tf.float32)
    found = []
    for layer in layers:
        with tf.GradientTape() as tape:
            tape.watch(maps)
            answer = layer(maps, training=True)
            loss = tf.reduce_sum(answer * weights)
        found.append([answer, *tape.gradient(loss, [maps, layer.gamma.value, layer.beta.value])])
    for mine, theirs in zip(*found):
        np.testing.assert_allclose(mine, theirs, atol=2e-5)


def test_it_remembers_the_unbiased_variance(rng):
    (_, layer), maps = both(rng)
    values = maps.numpy().reshape(-1, 8)
    layer(maps, training=True)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * values.mean(0), atol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * values.var(0, ddof=1), atol=1e-4)
    assert np.abs(layer.moving_variance - (0.9 + 0.1 * values.var(0))).max() > 1e-4  # the biased one is told from it


def test_used_without_training_it_goes_by_what_it_remembers(rng):
    (plain, layer), maps = both(rng)
    layer(maps, training=True)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(maps), plain(maps), atol=1e-6)
    assert isinstance(layer, keras.layers.BatchNormalization)
