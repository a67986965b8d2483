"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) as a feature extractor, and the two forms in which its weights are published."""

from pathlib import Path

import keras

MOMENTUM = 0.99  # of batch norm; with Keras' 0.999 the statistics lag thousands of steps behind the weights
MODULE, WEIGHTS = "module", "backbone.weights.h5"


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
    """Write one set of weights twice: as a TF2 reusable SavedModel (`module/`) and as Keras weights.

    The module is called as `module(images, training=False)` with float32 RGB in 0..1, as TensorFlow Hub's image modules are, and has
    `.variables` and `.trainable_variables`. The Keras weights fit `keras.applications.MobileNetV2` of the same size and alpha, input in -1..1.
    """
    import tensorflow as tf

    backbone.save_weights(folder / WEIGHTS)
    module = tf.train.Checkpoint()

    @tf.function(autograph=False)
    def call(images, training=False):
        return backbone(images * 2.0 - 1.0, training=training)

    spec = tf.TensorSpec((None, *backbone.input_shape[1:3], 3), tf.float32, name="images")
    call.get_concrete_function(spec, training=False)
    call.get_concrete_function(spec, training=True)
    module.__call__ = call
    module.variables = [variable.value for variable in backbone.variables]
    module.trainable_variables = [variable.value for variable in backbone.trainable_variables]
    module.regularization_losses = []
    tf.saved_model.save(module, str(folder / MODULE), signatures=call.get_concrete_function(spec, training=False))
