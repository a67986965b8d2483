"""Batch norm in training as one operation of TensorFlow's, forwards and backwards; Keras makes it of a dozen."""

from typing import Any

import keras
import tensorflow as tf

from cvapp.models import dcgan


class FusedNorm(keras.layers.BatchNormalization):
    """Batch norm of maps (B, H, W, C), all of whose weights are Keras' own; the running variance is the unbiased one, as PyTorch's is."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Maps -> maps of the same shape."""
        if not training:
            return super().call(inputs, training=training, mask=mask)
        maps, mean, variance = tf.compat.v1.nn.fused_batch_norm(inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True)
        for running, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            running.assign(running * self.momentum + now * (1.0 - self.momentum))
        return maps


def fused_norm(name: str) -> keras.layers.Layer:
    """`dcgan.batch_norm`, to train with."""
    return FusedNorm(momentum=dcgan.MOMENTUM, epsilon=dcgan.EPSILON, name=name)
