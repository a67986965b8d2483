"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) as a feature extractor, and the two forms in which its weights are published."""

from pathlib import Path

import keras

from cvapp.models import hub

MOMENTUM = 0.99  # of batch norm; with Keras' 0.999 the statistics lag thousands of steps behind the weights
WEIGHTS = "backbone.weights.h5"


def build(size: tuple[int, int], alpha: float) -> keras.Model:
    """MobileNetV2 without its top, average-pooled: float (B, H, W, 3) in -1..1 -> (B, 1280), weights random.

    At alpha 0.35 it has 410,208 parameters.
    """
    network = keras.applications.MobileNetV2(input_shape=(*size, 3), alpha=alpha, include_top=False, weights=None, pooling="avg")
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM
    return network


def with_head(backbone: keras.Model, num_classes: int, dropout: float) -> keras.Model:
    """The whole network that is pretrained: pixels 0..255 (B, H, W, 3) -> logits (B, num_classes)."""
    pixels = keras.Input(backbone.input_shape[1:], name="pixels")
    features = backbone(keras.layers.Rescaling(1 / 127.5, -1, name="scale")(pixels))
    return keras.Model(pixels, keras.layers.Dense(num_classes, name="logits")(keras.layers.Dropout(dropout)(features)), name="pretraining")


def publish(backbone: keras.Model, folder: Path) -> None:
    """Write one set of weights twice: as a hub module (`module/`, see `hub.save_module`) and as Keras weights.

    The Keras weights fit `keras.applications.MobileNetV2` of the same size and alpha, input in -1..1.
    """
    backbone.save_weights(folder / WEIGHTS)
    hub.save_module(backbone, (2.0, -1.0), folder / hub.MODULE)
