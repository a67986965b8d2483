"""The convolutional form of each kind of Keras layer, over pictures larger than the window that the layer was made for."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NoReturn

import keras
import numpy as np
from keras import layers

from cvapp.errors import CvappError
from cvapp.models.hub import HubModule
from cvapp.windows.geometry import Pair

_DROPPED = (
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.AlphaDropout,
    layers.ActivityRegularization,
)
_EACH_NUMBER = (layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Rescaling, layers.Identity)
_LAST_AXIS = (layers.Softmax, layers.BatchNormalization, layers.LayerNormalization)
_POOLING = (layers.MaxPooling2D, layers.AveragePooling2D)
_SLIDING = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, *_POOLING)
_EDGES = (layers.ZeroPadding2D, layers.Cropping2D)
_GLOBAL = (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)
_MERGING = (layers.Concatenate, layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum)
_LOWEST = float(np.finfo(np.float32).min)  # pads what a maximum is taken of; infinity has no place in a saved model


@dataclass(frozen=True)
class Maps:
    """What the detector holds where the classifier holds the output of one of its layers.

    Args:
        values: symbolic (B, H', W', C).
        shape: (h, w, C) of what the classifier holds there for its one window.
        stride: (y, x) pixels from one cell to the next.
        rank: 4 where the classifier holds maps (B, h, w, C), 2 where it has flattened them to (B, h * w * C).
        padded: whether padding has come in: the classifier then sees zeros around its window where the detector sees the picture go on.
    """

    values: Any
    shape: tuple[int, int, int]
    stride: Pair = (1, 1)
    rank: int = 4
    padded: bool = False

    @property
    def spread(self) -> bool:
        """Whether a vector of the classifier still lies spread over several cells."""
        return self.rank == 2 and self.shape[:2] != (1, 1)


def through(names: set[str], model: keras.Model, maps: Any) -> Any:
    """Convert a network layer by layer, in the order of its graph."""
    function = getattr(model, "_functional", model)
    if not hasattr(function, "_run_through_graph"):  # which is how Keras' own clone_model goes through a network
        _refuse(model, "is a network whose layers are not known", "build it from keras.Input with keras.Model or keras.Sequential")
    return function._run_through_graph(maps, operation_fn=lambda layer: partial(_convert, names, layer))


def _convert(names: set[str], layer: Any, maps: Any, *more: Any, **_: Any) -> Any:
    """What the detector has for one layer."""
    if isinstance(layer, HubModule):
        _refuse(layer, "is a hub module, which is opaque", "train with --set model.backbone=efficientnet_lite0 or another Keras backbone")
    if isinstance(layer, keras.Model):
        return through(names, layer, maps)
    if not isinstance(layer, layers.Layer) or more:
        _refuse(layer, "is a bare operation", "use a layer for it, as keras.layers.Rescaling or Add, or --set model.backbone=efficientnet_lite0")
    if getattr(layer, "data_format", None) == "channels_first":
        _refuse(layer, "has its channels first", "train with channels last")
    if isinstance(layer, _DROPPED):
        return maps
    for kinds, convert in _TABLE:
        if isinstance(layer, kinds):
            return convert(names, layer, maps)
    _refuse(layer, "has no convolutional form", "use convolutions, pooling, Dense, batch normalisation and activations")


def _refuse(layer: Any, why: str, instead: str) -> NoReturn:
    raise CvappError(f"layer {layer.name} ({type(layer).__name__}) {why}, so no detector can be made from it; {instead}")


def _unique(names: set[str], name: str) -> str:
    """A name that no layer of the detector has: nested networks may repeat those of each other."""
    while name in names:
        name += "_"
    names.add(name)
    return name


def _copied(names: set[str], layer: layers.Layer, values: Any, **changes: Any) -> Any:
    """What a copy of a layer, with its weights, makes of values."""
    copy = type(layer).from_config({**layer.get_config(), "trainable": True, **changes, "name": _unique(names, layer.name)})
    made = copy(values)
    copy.set_weights(layer.get_weights())
    return made


def _each_number(names: set[str], layer: layers.Layer, maps: Maps) -> Maps:
    """A layer that treats every number alike, or with a softmax those of the last axis."""
    softmax = isinstance(layer, layers.Activation) and layer.activation in (keras.activations.softmax, keras.activations.log_softmax)
    if maps.spread and (softmax or isinstance(layer, layers.Rescaling) and np.size(layer.scale) + np.size(layer.offset) > 2):
        _refuse(layer, "mixes places after flattening", "put it before the Flatten or behind the Dense")
    return replace(maps, values=_copied(names, layer, maps.values))


def _last_axis(names: set[str], layer: layers.Layer, maps: Maps) -> Maps:
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    if [axis % maps.rank for axis in axes] != [maps.rank - 1]:
        _refuse(layer, f"works over the axes {axes}, which are not the channels alone", "give it axis=-1")
    if maps.spread:
        _refuse(layer, "mixes places after flattening", "put it before the Flatten or behind the Dense")
    return replace(maps, values=_copied(names, layer, maps.values, axis=-1))


def _before(side: int, extent: int, stride: int) -> tuple[int, int]:
    """How many rows "same" padding puts before the first of `side`, and how many in all (TensorFlow's rule)."""
    total = max((-(-side // stride) - 1) * stride + extent - side, 0)
    return total // 2, total


def _slide(names: set[str], layer: Any, maps: Maps) -> Maps:
    """A convolution or pooling: as it is, but "same" padding before a stride is made to be that of the window whatever the picture's size."""
    kernel, dilation = (layer.pool_size, (1, 1)) if isinstance(layer, _POOLING) else (layer.kernel_size, layer.dilation_rate)
    extents = [(side - 1) * rate + 1 for side, rate in zip(kernel, dilation)]
    values, changes, padded = maps.values, {}, maps.padded
    if layer.padding == "same":
        axes = list(zip(maps.shape, maps.values.shape[1:3], extents, layer.strides))
        first = [_before(own, extent, stride)[0] for own, _, extent, stride in axes]
        padded |= any(_before(own, extent, stride)[1] for own, _, extent, stride in axes)
        met = [
            {_before(side, extent, stride)[0] for side in ([now] if now else range(stride, 2 * stride))} for _, now, extent, stride in axes
        ]
        if met != [{before} for before in first]:
            # one row fewer than the kernel's in all: as many cells as "same" gives, so that branches still meet
            ends = [(before, extent - 1 - before) for before, extent in zip(first, extents)]
            values, changes = _pad(names, layer, values, ends), {"padding": "valid"}
    shape = layer.compute_output_shape((None, *maps.shape))[1:]
    stride = (maps.stride[0] * layer.strides[0], maps.stride[1] * layer.strides[1])
    return Maps(_copied(names, layer, values, **changes), shape, stride, padded=padded)


def _pad(names: set[str], layer: layers.Layer, values: Any, ends: list[tuple[int, int]]) -> Any:
    if isinstance(layer, layers.AveragePooling2D):
        _refuse(
            layer, 'averages with "same" padding that depends on the size of the picture', "use padding='valid', or a fixed size that fits"
        )
    if isinstance(layer, layers.MaxPooling2D):
        return keras.ops.pad(values, [(0, 0), *ends, (0, 0)], constant_values=_LOWEST)
    return layers.ZeroPadding2D(ends, name=_unique(names, f"{layer.name}_padding"), dtype=layer.dtype_policy)(values)


def _edges(names: set[str], layer: layers.Layer, maps: Maps) -> Maps:
    shape = layer.compute_output_shape((None, *maps.shape))[1:]
    padded = maps.padded or isinstance(layer, layers.ZeroPadding2D)
    return replace(maps, values=_copied(names, layer, maps.values), shape=shape, padded=padded)


def _global(names: set[str], layer: Any, maps: Maps) -> Maps:
    """Pooling over the window's maps, wherever the window stands."""
    kind = layers.AveragePooling2D if isinstance(layer, layers.GlobalAveragePooling2D) else layers.MaxPooling2D
    pool = kind(maps.shape[:2], strides=1, name=_unique(names, layer.name), dtype=layer.dtype_policy)
    return replace(maps, values=pool(maps.values), shape=(1, 1, maps.shape[2]), rank=4 if layer.keepdims else 2)


def _flatten(names: set[str], layer: layers.Layer, maps: Maps) -> Maps:
    """Nothing yet: the Dense that follows reads the maps themselves."""
    shape = layer.compute_output_shape((None, int(np.prod(maps.shape))))[1:]
    if len(shape) != 1 and shape != maps.shape:
        _refuse(layer, f"makes {shape} of {maps.shape}, which mixes places", "use Flatten")
    return replace(maps, rank=len(shape) + 1)


def _dense(names: set[str], layer: layers.Dense, maps: Maps) -> Maps:
    """A convolution; where the classifier has flattened its maps, with a kernel of their whole size (Flatten's order: row, column, channel)."""
    kernel = maps.shape[:2] if maps.spread else (1, 1)
    options = {"activation": layer.activation, "use_bias": layer.use_bias, "dtype": layer.dtype_policy}
    made = layers.Conv2D(layer.units, kernel, name=_unique(names, layer.name), **options)
    values = made(maps.values)
    weight, *bias = layer.get_weights()
    made.set_weights([weight.reshape(*kernel, -1, layer.units), *bias])
    places = (1, 1) if maps.spread else maps.shape[:2]
    return replace(maps, values=values, shape=(*places, layer.units))


def _merge(names: set[str], layer: layers.Layer, parts: list[Maps]) -> Maps:
    """Branches joined or added: of one feature map, or vectors of which the finer ones are thinned to the stride of the coarsest."""
    if len({(part.shape[:2], part.rank) for part in parts}) > 1:
        came = " and ".join(str(part.shape) for part in parts)
        _refuse(layer, f"brings together {came} (as squeeze-and-excitation does)", "train with --set model.backbone=efficientnet_lite0")
    joined = isinstance(layer, layers.Concatenate)
    if joined and (layer.axis % parts[0].rank != parts[0].rank - 1 or parts[0].spread):
        _refuse(layer, "joins places", "join channels (axis=-1), and after a Dense, not a Flatten")
    stride = (max(part.stride[0] for part in parts), max(part.stride[1] for part in parts))
    thinned = []
    for part in parts:
        factor = (stride[0] // part.stride[0], stride[1] // part.stride[1])
        whole = (factor[0] * part.stride[0], factor[1] * part.stride[1]) == stride
        if factor != (1, 1) and (not whole or part.shape[:2] != (1, 1)):
            _refuse(layer, f"brings together strides of {part.stride} and {stride} pixels", "give the branches the same strides")
        name = _unique(names, f"{layer.name}_thinned") if factor != (1, 1) else ""
        thinned.append(layers.MaxPooling2D(1, factor, name=name)(part.values) if name else part.values)
    shape = (*parts[0].shape[:2], sum(part.shape[2] for part in parts) if joined else max(part.shape[2] for part in parts))
    values = _copied(names, layer, _cropped(names, layer, thinned), **({"axis": -1} if joined else {}))
    return Maps(values, shape, stride, parts[0].rank, any(part.padded for part in parts))


def _cropped(names: set[str], layer: layers.Layer, parts: list[Any]) -> list[Any]:
    """Maps of fixed size without the last rows and columns that only some of them have."""
    sizes = [part.shape[1:3] for part in parts]
    if len(set(sizes)) == 1 or any(None in size for size in sizes):
        return parts
    least = np.min(sizes, 0)
    ends = [[(0, int(end)) for end in np.subtract(size, least)] for size in sizes]
    return [layers.Cropping2D(end, name=_unique(names, f"{layer.name}_cropped"))(part) for end, part in zip(ends, parts)]


_TABLE = (
    (_EACH_NUMBER, _each_number),
    (_LAST_AXIS, _last_axis),
    (_SLIDING, _slide),
    (_EDGES, _edges),
    (_GLOBAL, _global),
    ((layers.Flatten, layers.Reshape), _flatten),
    (layers.Dense, _dense),
    (_MERGING, _merge),
)
