"""int8 against float32: size and latency of MobileNetV2 at 224x224, and how near the answers of saved models stay, beside TensorFlow's own int8.

The networks of the first table have random weights, which neither size nor speed depends on. Budgets: size at most 0.40 at alpha 0.35
and 0.31 at 1.0, latency at most 0.8 at 1.0. The second table needs saved models and their photos.

    python benchmarks/int8.py [NAME ...]
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from cvapp import card as cards
from cvapp.data import split
from cvapp.export import parity, photos, quantise, variants
from cvapp.models.classifier import open_model, predict_function
from cvapp.proof import apart
from cvapp.tflite import open_tflite

import keras  # after cvapp's, which keep TensorFlow's start-up lines off the terminal
import tensorflow as tf

SIZE, ROUNDS, PHOTOS = (224, 224), 5, 8


def untrained(alpha: float) -> keras.Model:
    """Pixels 0..255 -> 11 probabilities."""
    pixels = keras.Input((*SIZE, 3))
    network = keras.applications.MobileNetV2((*SIZE, 3), alpha, weights=None, classes=11)
    return keras.Model(pixels, network(keras.layers.Rescaling(1 / 127.5, -1)(pixels)))


def tensorflow_int8(model: keras.Model, calibration: np.ndarray, place: Path) -> bytes:
    """The peer: TensorFlow's converter alone, calibrated on the same photos."""
    with variants._converting(model, tf.float32, "int8", place) as converter:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = partial(quantise._pictures, calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
        return bytes(converter.convert())


def written(folder: Path, **made: bytes) -> dict[str, Path]:
    """Files of the .tflites, by name."""
    for name, data in made.items():
        (folder / f"{name}.tflite").write_bytes(data)
    return {name: folder / f"{name}.tflite" for name in made}


def size_and_speed() -> None:
    """The first table."""
    print(f"MobileNetV2 at 224x224, one thread, median of {ROUNDS} rounds in turns\nalpha  variant    MB  of float32     ms  of float32")
    noise = np.random.default_rng(0).integers(0, 256, (PHOTOS, *SIZE, 3), np.uint8)
    for alpha in (0.35, 1.0):
        with tempfile.TemporaryDirectory() as folder:
            place, model = Path(folder), untrained(alpha)
            int8 = quantise.quantise(variants.ranges(model, noise, place))
            paths = written(place, float32=variants.make(model, "float32", place), int8=int8)
            timed = apart.rounds(paths, SIZE, [1], ROUNDS)
            figures = {name: (path.stat().st_size / 1e6, timed[name]["threads"]["1"]["median_ms"]) for name, path in paths.items()}
        (whole, slow), rows = figures["float32"], figures.items()
        for name, (megabytes, taken) in rows:
            print(f"{alpha:5.2f}  {name:7}  {megabytes:5.2f}  {megabytes / whole:10.3f}  {taken:5.2f}  {taken / slow:10.2f}")


def nearness(name: str) -> None:
    """A saved model's rows of the second table."""
    folder = Path("saved_models") / name
    card, model = cards.read(folder), open_model(folder / "model.keras")
    store, val, known = photos._photos(card, folder, None, lambda *_: None)
    calibration, pixels = (store.read(row.hash for row in rows) for rows in (split.balanced(known, 200), val))
    reference, truth = predict_function(model)(pixels), np.array([card.labels.index(row.label) for row in val])
    with tempfile.TemporaryDirectory() as folder_:
        place = Path(folder_)
        peer, ours = tensorflow_int8(model, calibration, place), quantise.quantise(variants.ranges(model, calibration, place))
        for who, path in written(place, tensorflow=peer, cvapp=ours).items():
            found = parity.compare(open_tflite(path)(pixels), reference, truth)
            points = 100 * (found.accuracy - found.keras_accuracy)
            print(f"{name:12} {who:10} {points:+6.2f}  {100 * found.agreement:6.1f}  {found.mean_difference:.4f}  {found.largest_difference:.4f}")


def main() -> None:
    """Print both tables."""
    size_and_speed()
    if sys.argv[1:]:
        print("\nint8 beside Keras on the validation photos\nmodel        by         points  agree%  mean    largest difference")
    for name in sys.argv[1:]:
        nearness(name)


if __name__ == "__main__":
    main()
