"""What is done to a backbone whose layers are known: stages pooled, the last layers chosen, a copy made for training."""

import re
from typing import Any

import keras

from cvapp.errors import CvappError
from cvapp.models.transformer_blocks import EncoderBlock
from cvapp.recipe import Model

INITIALISERS = {"glorot": "glorot_uniform", "he": "he_normal", "lecun": "lecun_normal"}
_BLOCK = re.compile(r"(conv\d+_block\d+|block_?\d+[a-z]?|expanded_conv(_\d+)?|stage\d+_block\d+|v2_stack_\d+_block\d+)(?=_|$)")
HALF_PRECISION = "mixed_bfloat16"
MOMENTUM = 0.9  # of batch norm that learns from scratch; with the 0.999 of some its statistics lag thousands of steps behind the weights


def stage_outputs(network: keras.Model) -> list[Any]:
    """The last maps (B, h, w, C) of each resolution, from the largest to the smallest."""
    last: dict[tuple[int, int], Any] = {}
    for layer in network.layers:
        shape = layer.output.shape
        padded = isinstance(layer, (keras.layers.InputLayer, keras.layers.ZeroPadding2D))
        squeezed = shape[1:3] == (1, 1) and layer is not network.layers[-1]  # within a squeeze-and-excitation
        if len(shape) == 4 and not padded and not squeezed:
            last[shape[1], shape[2]] = layer.output
    return list(last.values())


def pooled(network: keras.Model, stages: int) -> keras.Model:
    """The network with the means of its last `stages` resolutions as features: (B, H, W, 3) -> (B, F)."""
    maps = stage_outputs(network)
    if stages > len(maps):
        raise CvappError(f"model.stages is {stages}: {network.name} has {len(maps)} resolutions at this size")
    means = [keras.layers.GlobalAveragePooling2D(name=f"mean_{index}")(values) for index, values in enumerate(maps[-stages:])]
    features = keras.layers.Concatenate(name="features")(means) if stages > 1 else means[0]
    return keras.Model(network.input, features, name="backbone")


def blocks(network: keras.Model) -> list[list[keras.layers.Layer]]:
    """The layers with weights, grouped by the block that their names tell; what comes before and after the blocks is a group each."""
    groups: dict[str, list[keras.layers.Layer]] = {}
    for layer in network.layers:
        found = _BLOCK.match(layer.name)
        key = found.group(0) if found else "top" if any(name != "stem" for name in groups) else "stem"
        if layer.weights:
            groups.setdefault(key, []).append(layer)
    return list(groups.values())


def choose_trainable(layer: keras.layers.Layer, which: str) -> None:
    """Let the chosen part of a backbone train: `none`, `all`, or the last N by `layers:N` or `blocks:N`.

    Raises:
        CvappError: more layers or blocks than there are.
    """
    layer.trainable = which != "none"
    kind, _, count = which.partition(":")
    if not count:
        return
    groups = blocks(layer) if kind == "blocks" else [[one] for one in layer.layers if one.weights]
    if int(count) > len(groups):
        raise CvappError(f"train.fine_tune is {which}: {layer.name} has {len(groups)} {kind} with weights; give at most that, or all")
    for group in groups[: -int(count)]:
        for one in group:
            one.trainable = False


def turn_channels(network: keras.Model) -> None:
    """Turn the first convolution's kernel from blue, green, red to red, green, blue."""
    first = next(layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D))
    kernel, *rest = first.get_weights()
    first.set_weights([kernel[:, :, ::-1], *rest])


class InferenceNorm(keras.layers.BatchNormalization):
    """Batch norm whose statistics stay those of the pretraining: on little data they would lag behind the weights."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise by the moving statistics, in training too."""
        return super().call(inputs, training=False, mask=mask)


def freeze_norms(network: keras.Model) -> None:
    """Let a pretrained network's batch norm keep its statistics, scale and shift while the rest trains: Keras runs a frozen one as in inference."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


class StochasticAdd(keras.layers.Layer):
    """x + F(x), where training pictures leave F out by chance; what is kept is scaled up, so that inference needs nothing.

    Huang et al. 2016, arXiv:1603.09382, equation 2. The dropout layer's noise is one number a picture.
    """

    def __init__(self, rate: float, branch: int, **options: Any):
        super().__init__(**options)
        self.branch = branch
        self.drop = keras.layers.Dropout(rate, noise_shape=(None, 1, 1, 1), dtype=self.dtype_policy)

    def call(self, inputs: list[Any], training: bool | None = None) -> Any:
        """The sum of the two (B, h, w, C)."""
        return inputs[1 - self.branch] + self.drop(inputs[self.branch], training=training)


def training_copy(network: keras.Model, settings: Model, half: bool) -> keras.Model:
    """A copy with the same weights for training alone: stochastic depth, 16-bit compute, and batch norm as the weights' origin wants it.

    From scratch batch norm learns its statistics, and the initialiser is the recipe's; a pretrained one keeps them.
    """
    sums = [layer for layer in network.layers if isinstance(layer, (keras.layers.Add, EncoderBlock))]
    rates = {layer.name: settings.stochastic_depth * (place + 1) / len(sums) for place, layer in enumerate(sums)}
    if settings.stochastic_depth and not sums:
        raise CvappError(f"model.stochastic_depth is {settings.stochastic_depth:g}: {settings.backbone} has no residuals to skip")

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        options = layer.get_config()
        if half:
            options["dtype"] = HALF_PRECISION
        if isinstance(layer, keras.layers.Dropout):  # EfficientNetV2's own stochastic depth, fixed at 0.2
            return keras.layers.Dropout(0.0, name=layer.name)
        if isinstance(layer, keras.layers.BatchNormalization) and not settings.from_scratch:
            return InferenceNorm.from_config(options)
        if isinstance(layer, keras.layers.BatchNormalization):
            options["momentum"] = min(options["momentum"], MOMENTUM)
        if isinstance(layer, EncoderBlock):
            options["depth_drop"] = rates[layer.name]
        elif rates.get(layer.name):
            return StochasticAdd(rates[layer.name], residual_branch(layer), name=layer.name, dtype=options.get("dtype"))
        if settings.from_scratch and isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
            name = "depthwise_initializer" if isinstance(layer, keras.layers.DepthwiseConv2D) else "kernel_initializer"
            options[name] = INITIALISERS[settings.initialiser]
        return type(layer).from_config(options)

    made = keras.models.clone_model(network, clone_function=copy)
    if not settings.from_scratch:
        made.set_weights(network.get_weights())
    return made


def residual_branch(layer: keras.layers.Layer) -> int:
    """Which input of an Add is F(x): the one that more layers lie behind."""
    first, second = (len(_behind(one)) for one in layer.input)
    return 0 if first > second else 1


def _behind(tensor: Any) -> list[Any]:
    """All tensors that one is computed from, itself among them. Keras keeps no list of a layer's ancestors."""
    found, waiting = {}, [tensor]
    while waiting:
        one = waiting.pop()
        if id(one) not in found:
            found[id(one)] = one
            waiting += one._keras_history.operation._inbound_nodes[0].input_tensors
    return list(found.values())
