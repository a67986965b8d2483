"""A real companion file in small, made without TensorFlow, that looks at what is bright; put beside the variant of a saved model."""

from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from cvapp.files import sha256
from cvapp.proof import golden
from tests.tiny_tflite import KINDS, SIZE, _made, _packed, change_export, save_model

FILE = "lite/attention.tflite"


def brightness(pixels: np.ndarray) -> np.ndarray:
    """What it answers to uint8 (B, 8, 8, 3): float32 (B, 8, 8), the mean of the colours."""
    return pixels.astype(np.float32).mean(3)


def tiny_attention(axis: int = 3) -> bytes:
    """The file: uint8 (1, 8, 8, 3) -> CAST -> MEAN of an axis."""
    answered = (1, *np.delete([*SIZE, 3], axis - 1).tolist())
    places = [((1, *SIZE, 3), "uint8", 0), ((1, *SIZE, 3), "float32", 0), (answered, "float32", 0), ((1,), "int32", 1)]
    tensors = [_made(schema.TensorT, name=b"t", shape=list(shape), type=KINDS[name], buffer=buffer) for shape, name, buffer in places]
    buffers = [schema.BufferT(), _made(schema.BufferT, data=np.frombuffer(np.array([axis], np.int32).tobytes(), np.uint8))]
    mean = {"builtinOptions": schema.ReducerOptionsT(), "builtinOptionsType": schema.BuiltinOptions.ReducerOptions}
    operators = [
        _made(schema.OperatorT, opcodeIndex=0, inputs=[0], outputs=[1]),
        _made(schema.OperatorT, opcodeIndex=1, inputs=[1, 3], outputs=[2], **mean),
    ]
    kinds = [getattr(schema.BuiltinOperator, name) for name in ("CAST", "MEAN")]
    codes = [_made(schema.OperatorCodeT, builtinCode=code, deprecatedBuiltinCode=code, version=1) for code in kinds]
    graph = _made(schema.SubGraphT, tensors=tensors, operators=operators, inputs=[0], outputs=[2])
    return _packed(_made(schema.ModelT, version=3, subgraphs=[graph], operatorCodes=codes, buffers=buffers))


def save_looking(folder: Path) -> Path:
    """A saved model as `save_model` leaves it, with its companion."""
    save_model(folder)
    pixels, answers = golden.read(folder / "lite" / golden.FILE)
    golden.write(folder / "lite" / golden.FILE, pixels, {**answers, "attention": brightness(pixels)})
    change_export(folder, lambda values: values["files"].update({golden.FILE: sha256(folder / "lite" / golden.FILE)}))
    put(folder, tiny_attention())
    return folder


def put(folder: Path, data: bytes) -> None:
    """Put a companion there and its row into `export.json`."""
    (folder / FILE).write_bytes(data)
    row = {"sha256": sha256(folder / FILE), "bytes": len(data), "difference": 0.0, "places": list(SIZE)}
    change_export(folder, lambda values: values.update(attention=row))
