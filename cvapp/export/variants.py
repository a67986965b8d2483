"""The .tflite variants of a model; each takes uint8 RGB 0..255, a generator's float noise."""

import contextlib
from pathlib import Path
from typing import Iterator

import cvapp.models  # noqa: F401 - loads TensorFlow with its start-up lines kept off the terminal
import keras
import numpy as np
import tensorflow as tf

from cvapp.ending import uninterrupted
from cvapp.errors import CvappError, Exit, folded
from cvapp.export.quantise import Calibrated, calibrate
from cvapp.progress import hushed

INT8 = "int8"


def make(model: keras.Model, variant: str, place: Path) -> bytes:
    """Make one of the variants that compute in float.

    Args:
        model: pixels 0..255 (B, H, W, 3) -> probabilities; or a generator, noise (B, n) -> pictures.
        variant: `float32`, `float16` or `dynamic`.
        place: a folder for temporary files; what lies there from the same model is used again.

    Raises:
        CvappError: the converter refuses the model, or left weights out of the file (exit 5).
    """
    with _converting(model, tf.float32 if makes_pictures(model) else tf.uint8, variant, place) as converter:
        if variant != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if variant == "float16":
            converter.target_spec.supported_types = [tf.float16]
        data = bytes(converter.convert())
    check_sound(data, variant)
    return data


def ranges(model: keras.Model, calibration: np.ndarray, place: Path) -> Calibrated:
    """What int8 is made from: the model with the range of every tensor over the calibration photos, uint8 (N, H, W, 3), or noise (N, n)."""
    with _converting(model, tf.float32, INT8, place) as converter:
        return calibrate(converter, calibration)


def makes_pictures(model: keras.Model) -> bool:
    """Whether a model is a generator: what it takes is no picture."""
    return len(model.input_shape) == 2


@contextlib.contextmanager
def _converting(model: keras.Model, kind: tf.DType, variant: str, place: Path) -> Iterator[tf.lite.TFLiteConverter]:
    """A converter of the model with a uint8 or a float signature; what goes wrong in the block is told in one line."""
    folder = place / kind.name
    with uninterrupted(), hushed():
        if not folder.is_dir():
            try:
                _save(model, kind, folder)
            except (OSError, tf.errors.OpError) as error:  # a full disk is TensorFlow's own error, of several kinds
                raise CvappError(
                    f"{folder}: cannot write ({folded(error, 120)}); free some space for temporary files", Exit.CANNOT_WRITE
                ) from error
        try:
            yield tf.lite.TFLiteConverter.from_saved_model(str(folder))
        except Exception as error:  # the converter raises whatever its passes raise
            raise CvappError(
                f"{variant}: TensorFlow's converter refused the model ({type(error).__name__}: {folded(error, 160)})", Exit.GATE
            ) from error


def _save(model: keras.Model, kind: tf.DType, folder: Path) -> None:
    """Write the model as a SavedModel whose one function takes a picture (1, H, W, 3) of `kind`, 0..255; or noise (1, n).

    A conversion from concrete functions around a Keras 3 model leaves weights behind as READ_VARIABLE and answers nonsense; a
    `tf.Module` that lists every variable does not.
    """
    module = tf.Module()
    module.held = [variable.value for variable in model.variables]
    module.model = model
    source, target = ("noise", "pictures") if makes_pictures(model) else ("pixels", "probabilities")
    spec = tf.TensorSpec((1, *model.input_shape[1:]), kind, name=source)
    function = tf.function(
        lambda values: {target: model(tf.cast(values, tf.float32), training=False)}, input_signature=[spec], autograph=False
    )
    tf.saved_model.save(module, str(folder), signatures=function.get_concrete_function())


def check_sound(data: bytes, variant: str) -> int:
    """Check that no weight was left behind, and that int8 reads raw bytes (scale 1, zero point 0); how many operations compute in float."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=data)
    operations = interpreter._get_ops_details()  # the interpreter tells it nowhere else
    left = {row["op_name"] for row in operations} & {"READ_VARIABLE", "VAR_HANDLE", "ASSIGN_VARIABLE"}
    if left:
        raise CvappError(f"{variant}: the converter left weights out of the file ({', '.join(sorted(left))})", Exit.GATE)
    source = interpreter.get_input_details()[0]
    scale, zero = source["quantization"]
    if variant == INT8 and source["dtype"] != np.float32 and (scale, zero) != (1.0, 0):
        raise CvappError(f"int8: input scale {scale:g} and zero point {zero}; 1 and 0 are wanted, or raw bytes are misread", Exit.GATE)
    kinds = {row["index"]: row["dtype"] for row in interpreter.get_tensor_details()}
    return sum(any(kinds.get(index) == np.float32 for index in (*row["inputs"], *row["outputs"])) for row in operations)
