"""A residual network for small pictures, to train from scratch on a small machine (He et al. 2016, arXiv:1512.03385, section 4.2)."""

from typing import Any

import keras

WIDTHS = (64, 128, 256)  # channels of the three stages at width 1.0
BLOCKS = 1  # a stage
LEAST = 16  # channels; with 8, TensorFlow 2.21's gradient of a 1x1 convolution with stride 2 writes past its memory and the process dies
MOMENTUM = 0.9  # of batch norm; Keras' 0.99 lags behind in the few epochs of a small run


def build(size: tuple[int, int], alpha: float) -> keras.Model:
    """The network without a top: pixels about 0 (B, H, W, 3) -> maps (B, H/8, W/8, channels).

    Args:
        size: (height, width) of the pictures.
        alpha: width, 1.0 for 64, 128 and 256 channels; channels are multiples of 8, and 16 at least.
    """
    widths = [max(LEAST, round(width * alpha / 8) * 8) for width in WIDTHS]
    pixels = keras.Input((*size, 3))
    maps = _normal(_convolution(pixels, widths[0], 3, 1, "stem"), "stem")
    maps = keras.layers.MaxPooling2D(2, padding="same", name="stem_pool")(keras.layers.ReLU(name="stem_relu")(maps))
    for stage, width in enumerate(widths):
        for block in range(BLOCKS):
            maps = _block(maps, width, 2 if stage and not block else 1, f"stage{stage + 1}_block{block + 1}")
    return keras.Model(pixels, maps, name="small_resnet")


def _block(maps: Any, width: int, stride: int, name: str) -> Any:
    """relu(F(x) + x); a 1x1 convolution stands in the shortcut where the shape changes."""
    inner = keras.layers.ReLU(name=f"{name}_1_relu")(_normal(_convolution(maps, width, 3, stride, f"{name}_1"), f"{name}_1"))
    inner = _normal(_convolution(inner, width, 3, 1, f"{name}_2"), f"{name}_2")
    if stride != 1 or maps.shape[-1] != width:
        maps = _normal(_convolution(maps, width, 1, stride, f"{name}_0"), f"{name}_0")
    return keras.layers.ReLU(name=f"{name}_relu")(keras.layers.Add(name=f"{name}_add")([maps, inner]))


def _convolution(maps: Any, width: int, kernel: int, stride: int, name: str) -> Any:
    return keras.layers.Conv2D(width, kernel, stride, "same", use_bias=False, name=f"{name}_conv")(maps)


def _normal(maps: Any, name: str) -> Any:
    return keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=1e-5, name=f"{name}_bn")(maps)
