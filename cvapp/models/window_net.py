"""A small network without padding, for windows: made convolutional, it answers for every window exactly as for the window alone."""

from typing import Any

import keras

WIDTHS = (16, 32, 48, 64, 96)  # channels at width 1.0
MOMENTUM = 0.9  # of batch norm; Keras' 0.99 lags behind in the few epochs of a small run


def build(size: tuple[int, int], alpha: float) -> keras.Model:
    """The network without a top: pixels about 0 (B, H, W, 3) -> maps (B, h, w, channels), stride 8; 3x3 maps for windows of 64x64.

    Args:
        size: (height, width) of a window.
        alpha: width, 1.0 for 16, 32, 48, 64 and 96 channels; channels are multiples of 8.
    """
    widths = [max(8, round(width * alpha / 8) * 8) for width in WIDTHS]
    maps = pixels = keras.Input((*size, 3))
    maps = _block(_block(maps, widths[0], 5, 2, 1), widths[1], 3, 1, 2)
    maps = keras.layers.MaxPooling2D(2, name="pool_2")(maps)
    maps = _block(_block(maps, widths[2], 3, 1, 3), widths[3], 3, 1, 4)
    maps = keras.layers.MaxPooling2D(2, name="pool_4")(maps)
    return keras.Model(pixels, _block(maps, widths[4], 3, 1, 5), name="window_net")


def _block(maps: Any, width: int, kernel: int, stride: int, number: int) -> Any:
    maps = keras.layers.Conv2D(width, kernel, stride, "valid", use_bias=False, name=f"conv_{number}")(maps)
    maps = keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=1e-5, name=f"bn_{number}")(maps)
    return keras.layers.ReLU(name=f"relu_{number}")(maps)
