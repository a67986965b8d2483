"""A transcriber at work: what it writes of pictures, how sure it is of each token, and where in the picture it looked."""

from pathlib import Path
from typing import Callable, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from cvapp.models import generation
from cvapp.models.classifier import open_model
from cvapp.models.token_decoder import END

BATCH = 64  # pictures at once


class Reading(NamedTuple):
    """What is written of N pictures.

    Args:
        probabilities: float32 (N, T, V) of each token after those that were written before it, the likeliest of which is written; after the
            end the end alone.
        looks: float32 (N, T, S), the share of each column of the picture in what the last block of the decoder saw of it as it wrote that
            token, the mean of its heads.
    """

    probabilities: np.ndarray
    looks: np.ndarray


def reader(network: keras.Model) -> Callable[[np.ndarray], Reading]:
    """A compiled function: pixels 0..255 (N, H, W, 3) -> `Reading` of the greedily written texts."""
    write, encoder, decoder = generation.greedy(network), network.get_layer("encoder"), network.get_layer("decoder")

    def along(pixels: tf.Tensor, tokens: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The whole text (N, T) at once, now that it is there."""
        begun = tf.fill((tf.shape(tokens)[0], 1), decoder.tokens)
        written = tf.concat([begun, tokens[:, :-1]], 1)  # (N, T)
        logits, weights = decoder(written, encoder(pixels, training=False), return_weights=True, training=False)
        only_end = tf.one_hot(END, decoder.tokens)  # (V,)
        return tf.where((written == END)[..., None], only_end, tf.nn.softmax(logits)), tf.reduce_mean(weights, 1)

    signature = [tf.TensorSpec(encoder.input_shape), tf.TensorSpec((None, decoder.length), tf.int32)]
    compiled = tf.function(along, input_signature=signature, autograph=False)

    def read(pixels: np.ndarray) -> Reading:
        parts = [pixels[start : start + BATCH].astype(np.float32) for start in range(0, len(pixels), BATCH)]
        answers = [compiled(part, write(part).tokens) for part in parts]
        return Reading(*(np.concatenate([part.numpy() for part in row]) for row in zip(*answers)))

    return read


def teacher_forced(network: keras.Model) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A compiled function: pixels 0..255 (N, H, W, 3) and the true texts as written so far (N, T) -> logits (N, T, V) of what comes next."""
    signature = [tf.TensorSpec(shape, kind) for shape, kind in zip(network.input_shape, (tf.float32, tf.int32))]
    compiled = tf.function(lambda *inputs: network(inputs, training=False), input_signature=signature, autograph=False)

    def answer(pixels: np.ndarray, written: np.ndarray) -> np.ndarray:
        starts = range(0, len(pixels), BATCH)
        parts = [compiled(pixels[at : at + BATCH].astype(np.float32), written[at : at + BATCH]).numpy() for at in starts]
        return np.concatenate(parts)

    return answer


def open_reader(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The predict function of a saved `model.keras`: uint8 RGB (B, H, W, 3) -> `Reading`'s probabilities."""
    read = reader(open_model(path))
    return lambda pixels: read(pixels).probabilities
