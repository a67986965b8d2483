"""Pictures a second that reach a training loop at 224x224, beside Keras' own way: `image_dataset_from_directory` and keras-cv's layers.

First epoch: read the file, decode, fit, vary (mirror, crop, zoom, rotation, stretch, brightness, contrast, colour); both in turn in one run.
Budget: at least 5 times. Then cvapp's second epoch, its pixels kept, without and with augmentation. Budget: 5,000 without.

    python benchmarks/input_pipeline.py DIR
"""

import dataclasses
import statistics
import sys
import time
from pathlib import Path
from typing import Callable

import cvapp.models  # noqa: F401 - loads TensorFlow quietly
from cvapp import images
from cvapp.data.batches import Feed, epoch_batches
from cvapp.data.folders import scan
from cvapp.recipe import Augment

import keras
import keras_cv
import numpy as np
import tensorflow as tf

tf.get_logger().setLevel("ERROR")  # how it converts keras-cv's layers
ROUNDS, BATCH, SHAPE = 5, 32, images.Images((224, 224))
SETTINGS = Augment(mirror=True, crop=0.2, zoom=0.2, rotation=15, stretch=0.1, brightness=0.1, contrast=0.2, colour=0.1)


def keras_way(folder: Path) -> tf.data.Dataset:
    """The peer: the nearest layers that keras-cv has, mapped in parallel."""
    layers = keras.Sequential(
        [
            keras_cv.layers.RandomFlip("horizontal"),
            keras_cv.layers.RandomTranslation(0.1, 0.1),
            keras_cv.layers.RandomZoom(0.2, 0.2),
            keras_cv.layers.RandomRotation(15 / 360),
            keras_cv.layers.RandomBrightness(0.1),
            keras_cv.layers.RandomContrast((0, 255), 0.2),
            keras_cv.layers.RandomChannelShift((0, 255), 0.1),
        ]
    )
    stream = keras.utils.image_dataset_from_directory(
        folder, labels=None, image_size=SHAPE.size, batch_size=BATCH, crop_to_aspect_ratio=True, verbose=False
    )
    return stream.map(lambda pictures: layers(pictures, training=True), num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def rate(batches: Callable[[], object]) -> float:
    """Pictures a second of one epoch."""
    start = time.perf_counter()
    count = sum(len(batch[0]) if isinstance(batch, tuple) else len(batch) for batch in batches())
    return count / (time.perf_counter() - start)


def main(folder: str) -> None:
    """Print the rates of each round, the medians and the ratio."""
    listing = scan(folder)
    paths = [listing.folder / photo.name for photo in listing.photos]
    many = np.arange(4000) % len(paths)  # an epoch of some length, however few photos there are

    def read(chosen: np.ndarray) -> np.ndarray:
        return np.stack([images.fit(images.read(paths[index]), SHAPE) for index in many[chosen]])

    pixels = read(np.arange(len(paths)))
    first = Feed(read, len(many), BATCH, 0, SETTINGS)
    plain = Feed(lambda chosen: pixels[many[chosen]], len(many), BATCH, 0)
    peer = keras_way(listing.folder)
    columns = {
        "Keras, first": lambda: peer,
        "cvapp, first": lambda: epoch_batches(first, 0),
        "second, plain": lambda: epoch_batches(plain, 1),
        "second, varied": lambda: epoch_batches(dataclasses.replace(plain, settings=SETTINGS), 1),
    }
    rate(columns["Keras, first"])  # traced; the files are in memory
    print(f"{len(paths)} photos, images/s\nround   " + "".join(f"{name:>16}" for name in columns) + "   ratio")
    rows = []
    for number in range(ROUNDS):
        rows.append([rate(batches) for batches in columns.values()])
        print(f"{number + 1:<8}" + "".join(f"{value:>16,.0f}" for value in rows[-1]) + f"{rows[-1][1] / rows[-1][0]:>8.1f}")
    medians = [statistics.median(column) for column in zip(*rows)]
    ratio = statistics.median(row[1] / row[0] for row in rows)
    print("median  " + "".join(f"{value:>16,.0f}" for value in medians) + f"{ratio:>8.1f}")
    print("budget  " + f"{'':>16}{'':>16}{5000:>16,}{'':>16}{5:>8.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
