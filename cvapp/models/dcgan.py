"""DCGAN: a generator that makes pictures from noise, and a discriminator that tells them from photos (Radford et al. 2016, arXiv:1511.06434).

One rule makes every size: the discriminator halves the picture while it doubles its channels from 64, down to a side of 3 to 6, and a last
convolution over all that is left answers one number; the generator does the same backwards, from the noise as a picture of 1x1.
"""

from dataclasses import dataclass
from typing import Any, Callable

import keras

from cvapp.errors import CvappError

WIDTH = 64  # channels nearest to the picture
MOMENTUM, EPSILON = 0.9, 1e-5  # of batch norm: PyTorch's 0.1 and 1e-5, as Keras counts them
SLOPE = 0.2
Norm = Callable[[str], keras.layers.Layer]  # a layer's name -> a layer that normalises maps (B, H, W, C)


@dataclass(frozen=True)
class Design:
    """What a picture's size decides.

    Args:
        channels: of the picture, 1 for grey.
        side: of the generator's first maps.
        doublings: from there to the picture.
        last: side of the discriminator's last maps.
    """

    channels: int
    side: int
    doublings: int
    last: int

    @property
    def halvings(self) -> int:
        """Of the discriminator, down to its last maps."""
        return self.doublings + (self.last < self.side)


DESIGNS = {28: Design(1, 7, 2, 3), 32: Design(3, 4, 3, 4), 64: Design(3, 4, 4, 4), 96: Design(3, 6, 4, 6)}


def design_of(side: int) -> Design:
    """The design for pictures of a side (exit 2 where there is none)."""
    if side not in DESIGNS:
        raise CvappError(f"pictures of {side}x{side}: a DCGAN makes {', '.join(f'{one}x{one}' for one in DESIGNS)}; give images.size=32,32")
    return DESIGNS[side]


def batch_norm(name: str) -> keras.layers.Layer:
    """Batch norm as in the paper."""
    return keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=name)


def layer_norm(name: str) -> keras.layers.Layer:
    """Layer norm, where a loss wants each picture's gradient by itself (Gulrajani et al. 2017, arXiv:1704.00028, section 4)."""
    return keras.layers.GroupNormalization(1, epsilon=EPSILON, name=name)


def generator(side: int = 28, latent: int = 100, classes: int = 0, norm: Norm = batch_norm) -> keras.Model:
    """The generator: noise (B, latent) -> pictures (B, side, side, channels), -1..1; 28 makes grey pictures, all others colour.

    Args:
        side: 28, 32, 64 or 96.
        latent: numbers of noise, each of N(0, 1).
        classes: how many classes can be asked for; the input is (B, latent + classes) then, the one-hot of the class behind the noise.
        norm: makes its norms.

    Raises:
        CvappError: no such size (exit 2).
    """
    design = design_of(side)
    noise = keras.Input((latent + classes,), name="noise")
    maps = keras.layers.Reshape((1, 1, latent + classes), name="pixel")(noise)
    widths = [WIDTH * 2**step for step in reversed(range(design.doublings))]
    for number, width in enumerate(widths, 1):
        name = f"grow_{number}"
        grown = _wider(width, 4, 2, "same", name) if number > 1 else _wider(width, design.side, 1, "valid", name)
        maps = keras.layers.ReLU(name=f"{name}_relu")(norm(f"{name}_norm")(grown(maps)))
    maps = _wider(design.channels, 4, 2, "same", "picture")(maps)
    return keras.Model(noise, keras.layers.Activation("tanh", name="tanh")(maps), name="generator")


def discriminator(side: int = 28, classes: int = 0, logits: bool = False, norm: Norm = batch_norm) -> keras.Model:
    """The discriminator: pictures (B, side, side, channels), -1..1 -> the probability (B, 1) that each is a photo.

    Args:
        side: 28, 32, 64 or 96.
        classes: of which each picture is said to be one; the input is [pictures, one-hot (B, classes)] then, the class a plane of ones (Mirza
            and Osindero 2014, arXiv:1411.1784).
        logits: answer logits instead, as training wants them.
        norm: makes its norms.

    Raises:
        CvappError: no such size (exit 2).
    """
    design = design_of(side)
    inputs = maps = keras.Input((side, side, design.channels), name="picture")
    if classes:
        asked = keras.Input((classes,), name="class")
        planes = keras.layers.UpSampling2D(side, name="class_planes")(keras.layers.Reshape((1, 1, classes), name="class_pixel")(asked))
        inputs, maps = [inputs, asked], keras.layers.Concatenate(name="picture_and_class")([maps, planes])
    for step in range(design.halvings):
        name = f"shrink_{step + 1}"
        even = maps.shape[1] % 2 == 0  # "same" is padding 1 then; an odd side it takes from 7 to 4, not to 3
        maps = maps if even else keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(maps)
        maps = _narrower(WIDTH * 2**step, 4, 2, "same" if even else "valid", name)(maps)
        maps = norm(f"{name}_norm")(maps) if step else maps
        maps = keras.layers.LeakyReLU(negative_slope=SLOPE, name=f"{name}_relu")(maps)
    maps = _narrower(1, design.last, 1, "valid", "whole")(maps)
    answer = keras.layers.Reshape((1,), name="logit")(maps)
    if not logits:
        answer = keras.layers.Activation("sigmoid", name="probability")(answer)
    return keras.Model(inputs, answer, name="discriminator")


def _wider(width: int, kernel: int, stride: int, padding: str, name: str) -> keras.layers.Layer:
    """A transposed convolution; "same" with kernel 4 and stride 2 is padding 1, which doubles the side."""
    return keras.layers.Conv2DTranspose(width, kernel, stride, padding, use_bias=False, kernel_initializer=_start(), name=name)


def _narrower(width: int, kernel: int, stride: int, padding: str, name: str) -> keras.layers.Layer:
    return keras.layers.Conv2D(width, kernel, stride, padding, use_bias=False, kernel_initializer=_start(), name=name)


def _start() -> dict[str, Any]:
    """N(0, 0.02), section 4 of the paper; a table rather than an object, whose own seed would outlive `set_random_seed`."""
    return {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 0.02, "seed": None}}
