"""Endless generated sets, made on the fly: photo `index` depends on the seed and the index alone."""

from typing import TYPE_CHECKING, Callable

import numpy as np

from cvapp.signs import shapes

if TYPE_CHECKING:
    import tensorflow as tf

SETS: dict[str, tuple[list[str], Callable[[int, int, tuple[int, int]], tuple[np.ndarray, int]]]] = {
    "shapes": (shapes.CLASSES, shapes.photo)
}


def labels(name: str) -> list[str]:
    """The classes of a generated set, in order."""
    return list(SETS[name][0])


def batches(name: str, seed: int, size: tuple[int, int], batch: int, count: int, first: int = 0) -> "tf.data.Dataset":
    """A stream of `count` photos from number `first` on: uint8 RGB (B, H, W, 3) and int32 classes (B,)."""
    import tensorflow as tf

    make = SETS[name][1]

    def one(index: np.ndarray) -> tuple[np.ndarray, np.int32]:
        picture, label = make(seed, int(index), size)
        return picture, np.int32(label)

    def shaped(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        picture, label = tf.numpy_function(one, [index], (tf.uint8, tf.int32))
        return tf.ensure_shape(picture, (*size, 3)), tf.ensure_shape(label, ())

    stream = tf.data.Dataset.range(first, first + count).map(shaped, num_parallel_calls=2, deterministic=True)
    return stream.batch(batch, drop_remainder=True).prefetch(4)
