"""Variations that photos and samples pass through alike before the discriminator, and that gradients pass through (Zhao et al. 2020,
arXiv:2006.10738, section 4.1: colour, translation, cutout)."""

from typing import Any, Sequence

import tensorflow as tf

SHIFT, HOLE = 1 / 8, 1 / 2  # of the side: the largest translation, and the square that is cut out, as in the paper


def vary(pictures: Any, kinds: Sequence[str], seed: Any) -> Any:
    """Vary each picture by itself.

    Args:
        pictures: float (B, H, W, C), -1..1.
        kinds: of `colour`, `translation` and `cutout`, done in that order.
        seed: int32 (2,), which decides all of it.
    """
    for number, (kind, change) in enumerate({"colour": _colour, "translation": _translation, "cutout": _cutout}.items()):
        if kind in kinds:
            pictures = change(pictures, tf.random.experimental.stateless_fold_in(seed, number))
    return pictures


def _draw(pictures: Any, seed: Any, place: int, low: float, high: float) -> Any:
    """A number for each picture, (B, 1, 1, 1)."""
    return tf.random.stateless_uniform((tf.shape(pictures)[0], 1, 1, 1), tf.random.experimental.stateless_fold_in(seed, place), low, high)


def _colour(pictures: Any, seed: Any) -> Any:
    """Brightness moved by -0.5 to 0.5, saturation times 0 to 2, contrast times 0.5 to 1.5."""
    pictures = pictures + _draw(pictures, seed, 0, -0.5, 0.5)
    grey = tf.reduce_mean(pictures, 3, keepdims=True)
    pictures = grey + (pictures - grey) * _draw(pictures, seed, 1, 0.0, 2.0)
    middle = tf.reduce_mean(pictures, (1, 2, 3), keepdims=True)
    return middle + (pictures - middle) * _draw(pictures, seed, 2, 0.5, 1.5)


def _translation(pictures: Any, seed: Any) -> Any:
    """Moved by whole pixels, either way; what comes in from beyond the border is 0, the middle of the range."""
    side = pictures.shape[1]
    reach = max(1, round(side * SHIFT))
    for place, form in ((0, "bij,bjwc->biwc"), (1, "bij,bhjc->bhic")):
        shift = tf.cast(tf.floor(_draw(pictures, seed, place, -float(reach), reach + 1.0)), tf.int32)[:, 0, 0]  # (B, 1)
        # products with rows of the unit matrix: the gradient of a gather sums in an order that differs from run to run
        pictures = tf.einsum(form, tf.one_hot(tf.minimum(shift, reach) + tf.range(side), side), pictures)
    return pictures


def _cutout(pictures: Any, seed: Any) -> Any:
    """A square made 0, its middle anywhere in the picture."""
    side = pictures.shape[1]
    inside = tf.ones((1, 1, 1, 1), tf.bool)
    for place, shape in ((0, (1, side, 1, 1)), (1, (1, 1, side, 1))):
        middle = tf.floor(_draw(pictures, seed, place, 0.0, float(side)))
        inside = inside & (tf.abs(tf.reshape(tf.range(side, dtype=tf.float32), shape) - middle + 0.5) < side * HOLE / 2)
    return tf.where(inside, 0.0, pictures)
