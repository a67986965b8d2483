"""Endless generated sets, made on the fly: photo `index` depends on the seed and the index alone."""

from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from cvapp.data import digit_rows
from cvapp.recipe import Recipe
from cvapp.signs import shapes

if TYPE_CHECKING:
    import tensorflow as tf

HELD = {"val": (2**31 - 1, 1024), "test": (2**31, 2000)}  # streams that no training reads, recipes allow smaller seeds only; and pictures
SETS: dict[str, tuple[list[str], Callable[[int, int, tuple[int, int]], tuple[np.ndarray, int]]]] = {
    "shapes": (shapes.CLASSES, shapes.photo)
}


def labels(name: str) -> list[str]:
    """The classes of a generated set, in order."""
    return list(SETS[name][0])


def batches(name: str, seed: int, size: tuple[int, int], batch: int, count: int, first: int = 0) -> "tf.data.Dataset":
    """A stream of `count` photos from number `first` on: uint8 RGB (B, H, W, 3) and int32 classes (B,)."""
    make = SETS[name][1]
    return _stream(lambda index: make(seed, index, size), "int32", size, range(first, first + count), batch)


def rows(seed: int, size: tuple[int, int], digits: tuple[int, int], batch: int, count: int, first: int = 0) -> "tf.data.Dataset":
    """The same of rows of so many digits, from one number to the other: uint8 RGB (B, H, W, 3) and their texts, bytes (B,)."""

    def make(index: int) -> tuple[np.ndarray, str]:
        return digit_rows.picture(seed, index, size, *digits)

    return _stream(make, "string", size, range(first, first + count), batch)


def held_rows(part: str, recipe: Recipe) -> tuple[np.ndarray, list[str]]:
    """The pictures that a transcriber is measured on, uint8 RGB (N, H, W, 3), and their texts; of `train` the first that it learns from.

    Raises:
        CvappError: no digits, or no room for them.
    """
    seed, count = HELD.get(part, (recipe.seed, HELD["test"][1]))
    assert recipe.images.size is not None  # the recipe saw to it
    drawn = [digit_rows.picture(seed, index, recipe.images.size, recipe.transcribe.least, recipe.transcribe.most) for index in range(count)]
    return np.stack([picture for picture, _ in drawn]), [text for _, text in drawn]


def _stream(
    make: Callable[[int], tuple[np.ndarray, Any]], kind: str, size: tuple[int, int], numbers: range, batch: int
) -> "tf.data.Dataset":
    """Batches of pictures of a size, each with what it shows, of a dtype."""
    import tensorflow as tf

    types = (tf.uint8, tf.as_dtype(kind))

    def one(index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        picture, shown = make(int(index))
        return picture, np.array(shown, types[1].as_numpy_dtype)

    def shaped(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        picture, shown = tf.numpy_function(one, [index], types)
        return tf.ensure_shape(picture, (*size, 3)), tf.ensure_shape(shown, ())

    stream = tf.data.Dataset.range(numbers.start, numbers.stop).map(shaped, num_parallel_calls=2, deterministic=True)
    return stream.batch(batch, drop_remainder=True).prefetch(4)
