"""The classifier: pixels 0..255, scaled in the graph, a backbone, a head, probabilities."""

import importlib
import re
from pathlib import Path
from typing import Any, Callable

import keras
import numpy as np
import tensorflow as tf

from cvapp.errors import CvappError, Exit, folded
from cvapp.models.backbones import Backbone
from cvapp.models.surgery import INITIALISERS
from cvapp.recipe import Model

BATCH = 32  # of pictures up to 224x224; fewer of larger ones, lest memory runs out


def head(features: int, num_classes: int, settings: Model) -> keras.Sequential:
    """The recipe's head: features (B, features) -> logits (B, num_classes), linear or with one hidden layer, dropout before each."""
    start = INITIALISERS[settings.initialiser]
    layers = [keras.layers.Dropout(settings.dropout, name="dropout")]
    if settings.head == "mlp":
        layers.append(keras.layers.Dense(settings.hidden, "relu", kernel_initializer=start, name="hidden"))
        layers.append(keras.layers.Dropout(settings.dropout, name="hidden_dropout"))
    layers.append(keras.layers.Dense(num_classes, kernel_initializer=start, name="logits"))
    return keras.Sequential([keras.Input((features,)), *layers], name="head")


def training_network(layer: keras.layers.Layer, backbone: Backbone, trained_head: keras.Sequential) -> keras.Model:
    """What trains: float pixels 0..255 (B, H, W, 3) -> logits (B, num_classes); `layer` is the backbone's, or its copy for training."""
    return _network(layer, backbone, trained_head, "training")


def assemble(backbone: Backbone, trained_head: keras.Sequential) -> keras.Model:
    """What is saved: float pixels 0..255 (B, H, W, 3) -> probabilities (B, num_classes)."""
    logits = _network(backbone.layer, backbone, trained_head, "logits")
    return keras.Model(logits.input, keras.layers.Softmax(name="probabilities")(logits.output), name="classifier")


def _network(layer: keras.layers.Layer, backbone: Backbone, trained_head: keras.Sequential, name: str) -> keras.Model:
    pixels = keras.Input((*backbone.size, 3), name="pixels")
    factor, offset = backbone.scale
    values = layer(keras.layers.Rescaling(factor, offset, name="scale")(pixels))
    if values.dtype != "float32":  # a backbone that computes in 16 bits
        values = keras.layers.Activation("linear", dtype="float32", name="widen")(values)
    for part in trained_head.layers:
        values = part(values)
    return keras.Model(pixels, values, name=name)


def fold_temperature(trained_head: keras.Sequential, temperature: float) -> None:
    """Divide the last layer's weights by the temperature, so that what comes out is calibrated everywhere."""
    layer = trained_head.get_layer("logits")
    layer.set_weights([weight / np.float32(temperature) for weight in layer.get_weights()])


def batched(function: Callable[[Any], Any], shape: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
    """A compiled function over any number of inputs, run in batches of one fixed size: no picture's answer depends on its company."""
    size = max(1, min(BATCH, BATCH * 224 * 224 * 3 // max(1, int(np.prod(shape)))))
    compiled = tf.function(function, input_signature=[tf.TensorSpec((size, *shape), tf.float32)], autograph=False)

    def run(inputs: np.ndarray) -> np.ndarray:
        outputs = []
        for start in range(0, len(inputs), size):
            part = inputs[start : start + size]
            filled = np.zeros((size, *shape), np.float32)
            filled[: len(part)] = part
            outputs.append(compiled(tf.constant(filled)).numpy()[: len(part)])
        return np.concatenate(outputs)

    return run


def predict_function(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """uint8 RGB (B, H, W, 3) -> what the model answers, (B, classes) or maps (B, rows, columns, numbers), dropout off."""
    return batched(lambda pixels: model(pixels, training=False), tuple(model.input_shape[1:]))


def open_model(path: Path) -> keras.Model:
    """Read a `model.keras` (exit 3 where Keras cannot), with every class of cvapp's that it may hold."""
    try:
        importlib.import_module("cvapp.models.registered")
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever its parts raise on a file it cannot read
        unknown = re.search(r"Could not locate (?:class|function) '([^']+)'", str(error))
        if unknown:
            wrong = f"holds {unknown[1]}, which neither Keras nor this cvapp has; was it saved by a newer cvapp? Install that one"
            raise CvappError(f"{path}: {wrong}", Exit.BAD_DATA) from error
        raise CvappError(
            f"{path}: Keras cannot read it ({type(error).__name__}: {folded(error, 120)}); train or copy the model again", Exit.BAD_DATA
        ) from error
