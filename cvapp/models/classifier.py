"""The classifier: pixels 0..255, scaled in the graph, a backbone, a head, probabilities."""

from pathlib import Path
from typing import Any, Callable

import keras
import numpy as np
import tensorflow as tf

from cvapp.errors import CvappError, Exit
from cvapp.models.hub import HubModule

BATCH = 32


def head(features: int, num_classes: int, dropout: float) -> keras.Sequential:
    """The linear head: features (B, features) -> logits (B, num_classes)."""
    return keras.Sequential(
        [keras.Input((features,)), keras.layers.Dropout(dropout, name="dropout"), keras.layers.Dense(num_classes, name="logits")],
        name="head",
    )


def assemble(backbone: HubModule, trained_head: keras.Sequential, size: tuple[int, int]) -> keras.Model:
    """One network of backbone and head: float pixels 0..255 (B, H, W, 3) -> probabilities (B, num_classes)."""
    pixels = keras.Input((*size, 3), name="pixels")
    values = backbone(keras.layers.Rescaling(1 / 255, name="scale")(pixels))
    for layer in trained_head.layers:
        values = layer(values)
    return keras.Model(pixels, keras.layers.Softmax(name="probabilities")(values), name="classifier")


def fold_temperature(trained_head: keras.Sequential, temperature: float) -> None:
    """Divide the last layer's weights by the temperature, so that what comes out is calibrated everywhere."""
    layer = trained_head.get_layer("logits")
    layer.set_weights([weight / np.float32(temperature) for weight in layer.get_weights()])


def batched(function: Callable[[Any], Any], shape: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
    """A compiled function over any number of inputs, run in batches of one fixed size: no picture's answer depends on its company."""
    compiled = tf.function(function, input_signature=[tf.TensorSpec((BATCH, *shape), tf.float32)], autograph=False)

    def run(inputs: np.ndarray) -> np.ndarray:
        outputs = []
        for start in range(0, len(inputs), BATCH):
            part = inputs[start : start + BATCH]
            filled = np.zeros((BATCH, *shape), np.float32)
            filled[: len(part)] = part
            outputs.append(compiled(tf.constant(filled)).numpy()[: len(part)])
        return np.concatenate(outputs)

    return run


def predict_function(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """uint8 RGB (B, H, W, 3) -> probabilities (B, classes), dropout off."""
    return batched(lambda pixels: model(pixels, training=False), tuple(model.input_shape[1:]))


def open_model(path: Path) -> keras.Model:
    """Read a `model.keras` (exit 3 where Keras cannot)."""
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever its parts raise on a file it cannot read
        raise CvappError(
            f"{path}: Keras cannot read it ({type(error).__name__}: {str(error)[:120]}); train or copy the model again", Exit.BAD_DATA
        ) from error


def open_keras(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The predict function of a saved `model.keras`."""
    return predict_function(open_model(path))
