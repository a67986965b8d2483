"""Texts out of a decoder, a token at a time: the likeliest token each time (greedy), or several texts side by side (beam search)."""

from typing import Any, Callable, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from cvapp.errors import CvappError
from cvapp.models.token_decoder import END, TokenDecoder


class Written(NamedTuple):
    """Texts of N pictures.

    Args:
        tokens: int32 (N, length); the end fills what is left after the end.
        score: float32 (N,), logarithm of each text's probability.
    """

    tokens: np.ndarray
    score: np.ndarray


Writer = Callable[[np.ndarray], Written]
Step = Callable[[tf.Tensor, Any], tuple[tf.Tensor, Any]]


def greedy(network: keras.Model, length: int | None = None, cached: bool = True) -> Writer:
    """The likeliest token each time. The arguments are `beam`'s."""
    return beam(network, 1, length, cached)


def beam(network: keras.Model, width: int, length: int | None = None, cached: bool = True) -> Writer:
    """The likeliest text that is found when the `width` likeliest beginnings are kept (Graves 2012, arXiv:1211.3711, section 2.5).

    Scores are not divided by a text's length. The search ends where the best beginning of every picture has ended: none can overtake it.

    Args:
        network: as `transcriber.build` makes it: layers named `encoder` and `decoder`.
        width: beginnings kept.
        length: tokens written at most, the end among them; as many as the decoder has places for when None.
        cached: whether keys and values of what is written, and of the picture, are kept, or made again for every token.

    Returns:
        A compiled function: pixels 0..255 (N, H, W, 3) -> `Written`.
    """
    encoder, decoder = network.get_layer("encoder"), network.get_layer("decoder")
    length = decoder.length if length is None else length
    if width < 1 or not 1 <= length <= decoder.length:
        raise CvappError(f"beam width {width}, length {length}: give a width of at least 1 and a length of 1 to {decoder.length}")

    def write(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        memory = encoder(tf.cast(pixels, tf.float32), training=False)  # (N, S, features)
        return _search(decoder, tf.repeat(memory, width, 0), width, length, cached)

    compiled = tf.function(write, input_signature=[tf.TensorSpec(encoder.input_shape)], autograph=False)
    return lambda pixels: Written(*(part.numpy() for part in compiled(tf.cast(pixels, tf.float32))))


def _search(decoder: TokenDecoder, memory: tf.Tensor, width: int, length: int, cached: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """The best texts (N, length) and their scores (N,). The N * width texts on the way lie picture by picture, the best first.

    Args:
        decoder: V tokens.
        memory: (N * width, S, features).
        width: W.
        length: of the texts.
        cached: see `beam`.
    """
    count, tokens = tf.shape(memory)[0] // width, decoder.tokens
    start, step = _stepper(decoder, memory, cached)
    only_end = tf.where(tf.range(tokens) == END, 0.0, -np.inf)  # (V,) what a text that has ended gains

    def going(texts: tf.Tensor, totals: tf.Tensor, kept: Any) -> tf.Tensor:
        return (tf.shape(texts)[1] <= length) & ~tf.reduce_all(texts[::width, -1] == END)

    def grow(texts: tf.Tensor, totals: tf.Tensor, kept: Any) -> tuple[tf.Tensor, tf.Tensor, Any]:
        logits, kept = step(texts, kept)  # (N * W, V)
        gained = tf.where(texts[:, -1:] == END, only_end, tf.nn.log_softmax(logits))  # (N * W, V)
        sums = totals[:, :, None] + tf.reshape(gained, (-1, width, tokens))  # (N, W, V)
        totals, best = tf.math.top_k(tf.reshape(sums, (-1, width * tokens)), width)  # (N, W) each
        if width > 1:  # the beginnings have new places
            rows = tf.reshape(best // tokens + width * tf.range(count)[:, None], [-1])  # (N * W,) whose continuations they are
            texts, kept = tf.nest.map_structure(lambda part: tf.gather(part, rows), (texts, kept))
        return tf.concat([texts, tf.reshape(best % tokens, (-1, 1))], 1), totals, kept  # (N * W, t + 1)

    texts = tf.fill((count * width, 1), tokens)  # token V begins a text
    totals = tf.zeros((count, 1)) + tf.where(tf.range(width) == 0, 0.0, -np.inf)  # (N, W): one empty text, not W of them
    grows = tf.nest.map_structure(lambda part: tf.TensorShape((None, part.shape[1], None, part.shape[3])), start)
    shapes = (tf.TensorShape((None, None)), tf.TensorShape((None, width)), grows)
    texts, totals, _ = tf.while_loop(going, grow, (texts, totals, start), shapes)
    best = texts[::width, 1:]  # (N, t)
    return tf.pad(best, ((0, 0), (0, length - tf.shape(best)[1])), constant_values=END), totals[:, 0]


def _stepper(decoder: TokenDecoder, memory: tf.Tensor, cached: bool) -> tuple[Any, Step]:
    """What is kept at the start, and the step: texts (B, t) and what is kept -> logits (B, V) of their next tokens, and what is kept then."""
    if not cached:
        return [], lambda texts, kept: (decoder(texts, memory, training=False)[:, -1], kept)
    past, whole = decoder.remember(memory)
    return past, lambda texts, kept: decoder.step(texts[:, -1:], tf.shape(texts)[1] - 1, kept, whole)
