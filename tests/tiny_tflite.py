"""A real .tflite in small, made without TensorFlow, and the folder of a saved model around it."""

import json
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from cvapp import card as cards
from cvapp.card import Card
from cvapp.files import sha256
from cvapp.images import Images
from cvapp.proof import golden, metadata
from cvapp.recipe import Recipe

SIZE = (8, 8)
LABELS = ("bee", "Käfer", "ant")
WEIGHTS = np.random.default_rng(0).normal(0, 1e-3, (len(LABELS), 8 * 8 * 3)).astype(np.float32)
BIAS = np.array([0.1, 0.0, -0.1], np.float32)
KINDS = {"uint8": schema.TensorType.UINT8, "int32": schema.TensorType.INT32, "float32": schema.TensorType.FLOAT32}


def softmax_of_pixels(pictures: np.ndarray) -> np.ndarray:
    """What the model computes, in NumPy: pictures (B, 8, 8, 3) -> probabilities (B, 3)."""
    powers = np.exp(pictures.reshape(len(pictures), -1).astype(np.float64) @ WEIGHTS.T + BIAS)
    return powers / powers.sum(1, keepdims=True)


def _made(kind: type, **fields: object):
    made = kind()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def tiny_tflite(kind: str = "uint8") -> bytes:
    """Pictures (1, 8, 8, 3) of some kind -> cast -> flat -> dense -> softmax: float32 probabilities (1, 3)."""
    constants = [WEIGHTS, BIAS, np.array([1, WEIGHTS.shape[1]], np.int32)]
    buffers = [schema.BufferT()] + [_made(schema.BufferT, data=np.frombuffer(value.tobytes(), np.uint8)) for value in constants]
    shapes = [(1, *SIZE, 3), (1, *SIZE, 3), (1, WEIGHTS.shape[1]), (1, len(LABELS)), (1, len(LABELS))]
    places = [(shape, kind if number == 0 else "float32", 0) for number, shape in enumerate(shapes)]
    places += [(value.shape, value.dtype.name, number) for number, value in enumerate(constants, 1)]
    tensors = [_made(schema.TensorT, name=b"t", shape=list(shape), type=KINDS[name], buffer=buffer) for shape, name, buffer in places]
    operators = [
        _made(schema.OperatorT, opcodeIndex=0, inputs=[0], outputs=[1]),
        _made(schema.OperatorT, opcodeIndex=1, inputs=[1, 7], outputs=[2]),
        _made(
            schema.OperatorT,
            opcodeIndex=2,
            inputs=[2, 5, 6],
            outputs=[3],
            builtinOptions=schema.FullyConnectedOptionsT(),
            builtinOptionsType=schema.BuiltinOptions.FullyConnectedOptions,
        ),
        _made(
            schema.OperatorT,
            opcodeIndex=3,
            inputs=[3],
            outputs=[4],
            builtinOptions=_made(schema.SoftmaxOptionsT, beta=1.0),
            builtinOptionsType=schema.BuiltinOptions.SoftmaxOptions,
        ),
    ]
    kinds = [getattr(schema.BuiltinOperator, name) for name in ("CAST", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX")]
    codes = [_made(schema.OperatorCodeT, builtinCode=code, deprecatedBuiltinCode=code, version=1) for code in kinds]
    graph = _made(schema.SubGraphT, tensors=tensors, operators=operators, inputs=[0], outputs=[4])
    model = _made(schema.ModelT, version=3, subgraphs=[graph], operatorCodes=codes, buffers=buffers)
    return _packed(model)


def remade(change) -> bytes:
    """The model after `change` of its parts, as the schema names them."""
    model = schema.ModelT.InitFromPackedBuf(tiny_tflite())
    change(model)
    return _packed(model)


def _packed(model: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def save_model(folder: Path, task: str = "classify", labels: tuple[str, ...] = LABELS) -> Path:
    """A saved model as training and export leave it, but for what is in `model.keras`."""
    (folder / "lite").mkdir(parents=True)
    (folder / "model.keras").write_bytes(b"stands for a Keras model")
    files = {"model.keras": sha256(folder / "model.keras")}
    pixels = np.random.default_rng(1).integers(0, 256, (4, *SIZE, 3)).astype(np.uint8)
    card = Card(folder.name, task, labels, Images(SIZE), Recipe(), files=files)
    write_export(folder, card, pixels, softmax_of_pixels(pixels), {"photos": 4})
    publish(folder, with_metadata(folder.name))
    return folder


def write_export(folder: Path, card: Card, given: np.ndarray, answers: np.ndarray, told: dict) -> None:
    """The card, and what export leaves beside a float32.tflite that is yet to be put there."""
    cards.write(card, folder)
    (folder / "lite/labels.txt").write_text("".join(f"{label}\n" for label in card.labels), encoding="utf-8")
    golden.write(folder / "lite" / golden.FILE, given, {"keras": answers, "float32": answers})
    export = {"schema": 2, "model": card.files["model.keras"], "card": sha256(folder / cards.FILE), "chosen": "float32", **told}
    export["files"] = {name: sha256(folder / "lite" / name) for name in ("labels.txt", golden.FILE)}
    (folder / "lite/export.json").write_text(json.dumps({**export, "variants": {"int8": {"published": False}}}))


def with_metadata(name: str, model: bytes | None = None, **others: object) -> bytes:
    """The model, or another, that says of itself what the card of `save_model` says, but for `others`."""
    said = {"description": "", "version": "1", "author": "", "licence": "", "labels": LABELS, "threshold": 0.0}
    return metadata.write(model or tiny_tflite(), metadata.Metadata(**{"name": name, **said, **others}))


def publish(folder: Path, data: bytes) -> None:
    """Put a float32.tflite there and its hash into `export.json`."""
    (folder / "lite/float32.tflite").write_bytes(data)
    row = {"published": True, "sha256": sha256(folder / "lite/float32.tflite")}
    change_export(folder, lambda values: values["variants"].update(float32=row))


def change_export(folder: Path, change) -> None:
    """Change the values of `export.json` in place."""
    values = json.loads((folder / "lite/export.json").read_text())
    change(values)
    (folder / "lite/export.json").write_text(json.dumps(values))
