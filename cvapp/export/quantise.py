"""Full int8 (Jacob et al. 2018, arXiv:1712.05877): calibrated once, quantised in a moment, the biases mended, layers that hurt kept in float."""

import struct
import warnings
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Collection, Iterator

import cvapp.models  # noqa: F401 - loads TensorFlow with its start-up lines kept off the terminal
import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

# Not in TensorFlow's public interface, but what its QuantizationDebugger is made of. The debugger itself gives models with float inputs.
from tensorflow.lite.python.convert import mlir_quantize

from cvapp.ending import uninterrupted
from cvapp.errors import CvappError, Exit, folded
from cvapp.progress import Report, each, hushed, silent
from cvapp.proof.flatbuffer import Kept, Table, build

BIASES = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}  # place of the bias among a layer's inputs
LAYERS = frozenset(BIASES)
ATTENDS, DELEGATE = "BATCH_MATMUL", "DELEGATE"  # the sign of attention; what a kernel library takes over, listed beside its operations
# of the public schema: the kind of file, the fields of a model and how many it may have, those of a subgraph, a tensor and a buffer
_KIND, _VERSION, _SUBGRAPHS, _BUFFERS, _FIELDS, _TENSORS, _BUFFER, _DATA = b"TFL3", 0, 2, 4, 10, 0, 2, 0
PHOTOS = 48  # that biases are mended on and layers judged by


@dataclass(frozen=True)
class Calibrated:
    """A float model in which every tensor has its range, and what it does on some training photos.

    Args:
        model: the .tflite; takes float pictures (1, H, W, 3) of 0..255, a generator's noise (1, n).
        photos: uint8 (N, H, W, 3), or float32 (N, n).
        means: of each layer's output by channel (C,), over photos and places; layers in the order in which they run.
        answers: probabilities (N, classes).
    """

    model: bytes
    photos: np.ndarray
    means: list[np.ndarray]
    answers: np.ndarray


def calibrate(converter: tf.lite.TFLiteConverter, calibration: np.ndarray) -> Calibrated:
    """Let a float model see the calibration photos, uint8 (N, H, W, 3), or noise (N, n), and note the range of every tensor."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = partial(_pictures, calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter._experimental_calibrate_only = True
    model = bytes(converter.convert())
    photos = calibration[:PHOTOS]
    interpreter = _open(model)
    return Calibrated(model, photos, _means(interpreter, _layers(interpreter), photos), _answers(interpreter, photos))


def _pictures(calibration: np.ndarray) -> Iterator[list[np.ndarray]]:
    """An all-black and an all-white picture, and the photos; noise as it is.

    Unless 0 and 255 are seen, the input scale is not 1 and raw bytes are misread.
    """
    for level in (0, 255) if calibration.dtype == np.uint8 else ():
        yield [np.full((1, *calibration.shape[1:]), level, np.float32)]
    for picture in calibration:
        yield [picture[None].astype(np.float32)]


def quantise(calibrated: Calibrated, in_float: Collection[str] = ()) -> bytes:
    """The int8 model, uint8 in and out; a generator's, which is calibrated on noise, float32 in and out.

    Args:
        calibrated: the float model with its ranges.
        in_float: operations that stay in float, by the names of their outputs.

    Raises:
        CvappError: TensorFlow's quantiser refuses the model (exit 5).
    """
    kind = tf.as_dtype(calibrated.photos.dtype)
    with uninterrupted(), hushed():
        try:
            model = mlir_quantize(calibrated.model, input_data_type=kind, output_data_type=kind, denylisted_nodes=list(in_float))
        except Exception as error:  # the converter raises whatever its passes raise
            raise CvappError(
                f"int8: TensorFlow's quantiser refused the model ({type(error).__name__}: {folded(error, 160)})", Exit.GATE
            ) from error
    return _mend_biases(_own_biases(model), calibrated)


def _own_biases(model: bytes) -> bytearray:
    """The model, each bias with bytes of its own: the converter writes equal constants once, such as the zeros of layers without a bias."""
    root = Table.root(model, _KIND)
    tensors, buffers = list(next(root.tables(_SUBGRAPHS)).tables(_TENSORS)), list(root.tables(_BUFFERS))
    numbers = [int(tensor.number(_BUFFER, "I")) for tensor in tensors]
    uses = Counter(numbers)
    biases = sorted({index for index in map(_bias, _layers(_open(model))) if index is not None})
    shared = [index for index in biases if uses[numbers[index]] > 1]
    if not shared:
        return bytearray(model)
    places = {number: root.target(number) for number in range(1, _FIELDS)}
    fields: dict[int, Any] = {number: Kept(place) for number, place in places.items() if place is not None}
    fields[_VERSION] = np.uint32(root.number(_VERSION, "I"))
    fields[_BUFFERS] = [*(Kept(buffer.place) for buffer in buffers), *({_DATA: buffers[numbers[index]].bytes(_DATA)} for index in shared)]
    head = build(fields, _KIND)
    made = bytearray(head + model)
    for number, index in enumerate(shared, len(buffers)):
        struct.pack_into("<I", made, len(head) + (tensors[index].field(_BUFFER) or 0), number)
    return made


def _mend_biases(model: bytearray, calibrated: Calibrated) -> bytes:
    """Shift each int8 layer's bias so that its output has the float layer's mean, channel by channel, from the first layer to the last.

    Rounded weights move the mean of what a layer answers, and the layers behind it amplify that (bias correction, Nagel et al. 2019,
    arXiv:1906.04721, section 4.2, measured on photos instead of derived from batch norm).
    """
    for number, wanted in enumerate(calibrated.means):
        interpreter = _open(bytes(model))
        layer = _layers(interpreter)[number]
        index = _bias(layer)
        bias = None if index is None else interpreter.get_tensor_details()[index]
        if bias is None or bias["dtype"] != np.int32:
            continue
        shift = wanted - _means(interpreter, [layer], calibrated.photos)[0]
        values, limits = _constant(model, bias["index"], np.int32), np.iinfo(np.int32)
        values[:] = np.clip(values + np.round(shift / bias["quantization_parameters"]["scales"]), limits.min, limits.max)
    return bytes(model)


def spared(calibrated: Calibrated) -> list[str]:
    """What stays in float for a network with attention: every operation without weights, by the names of their outputs; nothing for others.

    Layer norms, softmaxes and residual sums lose more in 8 bits than any layer with weights; those, nearly all of the file and of the
    work, stay in 8 bits.
    """
    interpreter = _open(calibrated.model)
    operations = _operations(interpreter)
    if not any(operation["op_name"] == ATTENDS for operation in operations):
        return []
    return [_output(interpreter, operation)["name"] for operation in operations if operation["op_name"] not in {*LAYERS, DELEGATE}]


def harm(calibrated: Calibrated, report: Report = silent) -> list[str]:
    """The operations with weights, by the names of their outputs, those first that move the answers most when they alone are in int8."""
    interpreter = _open(calibrated.model)
    names = [_output(interpreter, operation)["name"] for operation in _operations(interpreter)]
    layers = [_output(interpreter, layer)["name"] for layer in _layers(interpreter)]
    moved = {}
    for name in each(layers, "finding the layers that int8 hurts", report):
        alone = _open(quantise(calibrated, [other for other in names if other != name]))
        moved[name] = float(np.abs(_answers(alone, calibrated.photos) - calibrated.answers).mean())
    return sorted(moved, key=lambda name: -moved[name])


def _open(model: bytes) -> Interpreter:
    """An interpreter whose every tensor can be read after a run, on the kernels that devices use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it takes memory
        interpreter = Interpreter(model_content=model, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    return interpreter


def _operations(interpreter: Interpreter) -> list[dict[str, Any]]:
    return interpreter._get_ops_details()  # the interpreter tells it nowhere else


def _layers(interpreter: Interpreter) -> list[dict[str, Any]]:
    return [operation for operation in _operations(interpreter) if operation["op_name"] in LAYERS]


def _bias(layer: dict[str, Any]) -> int | None:
    """Which tensor is a layer's bias; None where it has none."""
    place = BIASES[layer["op_name"]]
    index = int(layer["inputs"][place]) if len(layer["inputs"]) > place else -1
    return index if index >= 0 else None


def _output(interpreter: Interpreter, operation: dict[str, Any]) -> dict[str, Any]:
    return interpreter.get_tensor_details()[operation["outputs"][0]]


def _read(interpreter: Interpreter, details: dict[str, Any]) -> np.ndarray:
    """A tensor's values as float."""
    scale, zero = details["quantization"]
    values = interpreter.get_tensor(details["index"]).astype(np.float32)
    return (values - zero) * np.float32(scale) if scale else values


def _run(interpreter: Interpreter, photos: np.ndarray, look: Callable[[], Any]) -> list[Any]:
    source = interpreter.get_input_details()[0]
    seen = []
    for photo in photos:
        interpreter.set_tensor(source["index"], photo[None].astype(source["dtype"]))
        interpreter.invoke()
        seen.append(look())
    return seen


def _answers(interpreter: Interpreter, photos: np.ndarray) -> np.ndarray:
    target = interpreter.get_output_details()[0]
    return np.concatenate(_run(interpreter, photos, lambda: _read(interpreter, target)))


def _means(interpreter: Interpreter, layers: list[dict[str, Any]], photos: np.ndarray) -> list[np.ndarray]:
    """The mean output of each layer by channel."""
    outputs = [_output(interpreter, layer) for layer in layers]
    seen = _run(interpreter, photos, lambda: [_read(interpreter, one).reshape(-1, one["shape"][-1]).mean(0) for one in outputs])
    return [np.mean(column, axis=0) for column in zip(*seen)]


def _constant(model: bytearray, tensor: int, kind: type) -> np.ndarray:
    """A constant tensor as a flat array that lies in the model itself."""
    root = schema.Model.GetRootAsModel(model, 0)
    buffer = root.Buffers(root.Subgraphs(0).Tensors(tensor).Buffer())
    start = buffer._tab.Vector(buffer._tab.Offset(4))  # of `data`, the table's first field
    return np.frombuffer(model, kind, buffer.DataLength() // np.dtype(kind).itemsize, start)
