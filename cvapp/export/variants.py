"""The .tflite variants of a model; each takes uint8 RGB 0..255."""

import tempfile
from pathlib import Path
from typing import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from cvapp.errors import CvappError, Exit
from cvapp.progress import hushed


def _saved_model(model: keras.Model, kind: tf.DType, folder: str) -> None:
    """Write the model as a SavedModel whose one function takes a picture (1, H, W, 3) of `kind`, 0..255.

    A conversion from concrete functions around a Keras 3 model leaves weights behind as READ_VARIABLE and answers nonsense; a
    `tf.Module` that lists every variable does not.
    """
    module = tf.Module()
    module.held = [variable.value for variable in model.variables]
    module.model = model
    spec = tf.TensorSpec((1, *model.input_shape[1:]), kind, name="pixels")
    function = tf.function(
        lambda pixels: {"probabilities": model(tf.cast(pixels, tf.float32), training=False)}, input_signature=[spec], autograph=False
    )
    tf.saved_model.save(module, folder, signatures=function.get_concrete_function())


def _pictures(calibration: np.ndarray) -> Callable[[], Iterator[list[np.ndarray]]]:
    """Calibration photos, and an all-black and an all-white picture.

    Unless 0 and 255 are seen, the input scale is not 1 and raw bytes are misread.
    """

    def each() -> Iterator[list[np.ndarray]]:
        for level in (0, 255):
            yield [np.full((1, *calibration.shape[1:]), level, np.float32)]
        for picture in calibration:
            yield [picture[None].astype(np.float32)]

    return each


def convert(model: keras.Model, variant: str, calibration: np.ndarray) -> bytes:
    """Make one variant.

    Args:
        model: pixels 0..255 (B, H, W, 3) -> probabilities.
        variant: `float32`, or `int8` (full integer, uint8 in and out).
        calibration: uint8 photos (N, H, W, 3) that show int8 the range of every tensor.

    Raises:
        CvappError: the converter refuses the model, or what it made is not sound (exit 5).
    """
    with tempfile.TemporaryDirectory() as folder, hushed():
        try:
            _saved_model(model, tf.float32 if variant == "int8" else tf.uint8, folder)
        except (OSError, tf.errors.OpError) as error:  # a full disk is TensorFlow's own error, of several kinds
            raise CvappError(
                f"{folder}: cannot write ({str(error)[:120]}); free some space for temporary files", Exit.CANNOT_WRITE
            ) from error
        try:
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            if variant == "int8":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.representative_dataset = _pictures(calibration)
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.inference_input_type = converter.inference_output_type = tf.uint8
            data = bytes(converter.convert())
        except Exception as error:  # the converter raises whatever its passes raise
            raise CvappError(
                f"{variant}: TensorFlow's converter refused the model ({type(error).__name__}: {str(error)[:160]})", Exit.GATE
            ) from error
    _check_sound(data, variant)
    return data


def _check_sound(data: bytes, variant: str) -> None:
    """No weight left behind; int8 reads raw bytes (scale 1, zero point 0) and computes no float."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=data)
    names = {row["op_name"] for row in interpreter._get_ops_details()}  # the interpreter tells it nowhere else
    left = names & {"READ_VARIABLE", "VAR_HANDLE", "ASSIGN_VARIABLE"}
    if left:
        raise CvappError(f"{variant}: the converter left weights out of the file ({', '.join(sorted(left))})", Exit.GATE)
    if variant == "int8":
        scale, zero = interpreter.get_input_details()[0]["quantization"]
        floats = [row["name"] for row in interpreter.get_tensor_details() if row["dtype"] == np.float32]
        if (scale, zero) != (1.0, 0) or floats:
            raise CvappError(
                f"int8: input scale {scale:g} and zero point {zero} (1 and 0 are wanted), {len(floats)} float tensors (0 are wanted)",
                Exit.GATE,
            )


def write_labels(labels: tuple[str, ...], path: Path) -> None:
    """`labels.txt`: one label a line, in the order of the outputs."""
    path.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
