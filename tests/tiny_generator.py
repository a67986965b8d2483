"""Small generators that were never trained but are alive, noise moves their pictures: a DCGAN as training saves it, and one as export leaves it.

The second is a real .tflite made without TensorFlow.
"""

from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from cvapp import card as cards
from cvapp.card import GENERATE, Card
from cvapp.files import sha256
from cvapp.images import Images
from cvapp.proof import golden, metadata
from cvapp.recipe import Generate, Recipe
from tests.tiny_tflite import KINDS, _made, _packed, change_export, write_export

LATENT, SIZE = 8, (12, 8)
LABELS = ("bag", "shoe", "shirt / top")


def inputs(count: int, classes: int = 0, seed: int = 1) -> np.ndarray:
    """Noise, and the classes in turn behind it, without any code of the package."""
    noise = np.random.default_rng(seed).standard_normal((count, LATENT)).astype(np.float32)
    one_hot = np.array([[float(place == row % classes) for place in range(classes)] for row in range(count)], np.float32)
    return np.concatenate([noise, one_hot], 1) if classes else noise


def tiny_network(side: int = 28, classes: int = 0):
    """A DCGAN's generator of random weights, batch norm in step with what they answer to noise."""
    import cvapp.models  # noqa: F401 - loads TensorFlow quietly
    import keras

    from cvapp.models import dcgan

    model, rng = dcgan.generator(side, LATENT, classes), np.random.default_rng(7)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for variable in model.trainable_variables:
        large = rng.normal(0, 0.1 if len(variable.shape) == 4 else 0.2, variable.shape)  # kernels; beta, and gamma about 1
        variable.assign(large + variable.path.endswith("gamma"))
    for norm in norms:
        norm.momentum = 0.0
    model(inputs(256, classes), training=True)
    for norm in norms:
        norm.momentum = dcgan.MOMENTUM
    return model


def save_generator(folder: Path, side: int = 28, conditional: bool = False, model=None) -> Path:
    """A saved generator as training leaves it; `model` is another network than the tiny one."""
    model = model or tiny_network(side, len(LABELS) if conditional else 0)
    folder.mkdir(parents=True)
    model.save(folder / "model.keras")
    (folder / "split.csv").write_text("hash,path,label,part\n")
    recipe = Recipe("generate", images=Images((side, side)), generate=Generate(latent=LATENT, conditional=conditional))
    cards.write(_card(folder, (side, side), recipe), folder)
    return folder


def _card(folder: Path, size: tuple[int, int], recipe: Recipe) -> Card:
    data = {"photos": {"train": 60, "val": 12}}
    return Card(folder.name, GENERATE, LABELS, Images(size), recipe, data, files=cards.hash_files(folder))


def weights(classes: int = 0, channels: int = 3) -> np.ndarray:
    """Of the second: (pixels x channels, numbers)."""
    return np.random.default_rng(3).normal(0, 0.4, (SIZE[0] * SIZE[1] * channels, LATENT + classes)).astype(np.float32)


def numbers(given: np.ndarray, classes: int = 0, channels: int = 3) -> np.ndarray:
    """What the second computes, in NumPy: (B, n) -> (B, 12, 8, channels), -1..1."""
    return np.tanh(given.astype(np.float64) @ weights(classes, channels).T).reshape(-1, *SIZE, channels)


def tiny_generator(classes: int = 0, channels: int = 3) -> bytes:
    """The second: float32 (1, n) -> dense -> tanh -> pictures (1, 12, 8, channels)."""
    constants = [weights(classes, channels), np.array([1, *SIZE, channels], np.int32)]
    wide = (1, len(constants[0]))
    places = [((1, LATENT + classes), "float32", 0), (wide, "float32", 0), (wide, "float32", 0), ((1, *SIZE, channels), "float32", 0)]
    places += [(value.shape, value.dtype.name, number) for number, value in enumerate(constants, 1)]
    tensors = [_made(schema.TensorT, name=b"t", shape=list(shape), type=KINDS[name], buffer=buffer) for shape, name, buffer in places]
    dense = {"builtinOptions": schema.FullyConnectedOptionsT(), "builtinOptionsType": schema.BuiltinOptions.FullyConnectedOptions}
    operators = [
        _made(schema.OperatorT, opcodeIndex=0, inputs=[0, 4, -1], outputs=[1], **dense),
        _made(schema.OperatorT, opcodeIndex=1, inputs=[1], outputs=[2]),
        _made(schema.OperatorT, opcodeIndex=2, inputs=[2, 5], outputs=[3]),
    ]
    kinds = [getattr(schema.BuiltinOperator, name) for name in ("FULLY_CONNECTED", "TANH", "RESHAPE")]
    codes = [_made(schema.OperatorCodeT, builtinCode=code, deprecatedBuiltinCode=code, version=1) for code in kinds]
    buffers = [schema.BufferT()] + [_made(schema.BufferT, data=np.frombuffer(value.tobytes(), np.uint8)) for value in constants]
    graph = _made(schema.SubGraphT, tensors=tensors, operators=operators, inputs=[0], outputs=[3])
    return _packed(_made(schema.ModelT, version=3, subgraphs=[graph], operatorCodes=codes, buffers=buffers))


def save_exported(folder: Path, conditional: bool = False, channels: int = 3) -> Path:
    """A saved generator as export leaves it, but for what is in `model.keras`."""
    (folder / "lite").mkdir(parents=True)
    (folder / "model.keras").write_bytes(b"stands for a Keras model")
    recipe, classes = Recipe("generate", generate=Generate(latent=LATENT, conditional=conditional)), len(LABELS) * conditional
    given = inputs(golden.PHOTOS, classes)
    write_export(folder, _card(folder, SIZE, recipe), given, numbers(given, classes, channels), {"samples": 64})
    put(folder, metadata.write(tiny_generator(classes, channels), says(folder.name)))
    return folder


def says(name: str, **others: object) -> metadata.Metadata:
    """What the file of `save_exported` says of itself, but for `others`."""
    said = {"description": "", "version": "1", "author": "", "licence": "", "labels": LABELS, "threshold": 0.0, "makes": True}
    return metadata.Metadata(**{"name": name, **said, **others})


def put(folder: Path, data: bytes) -> None:
    """Put a float32.tflite there and its row into `export.json`."""
    (folder / "lite/float32.tflite").write_bytes(data)
    row = {"published": True, "sha256": sha256(folder / "lite/float32.tflite"), "bytes": len(data), "psnr": 126.0, "samples": 64}
    row |= {"largest_difference": 3e-6}
    change_export(folder, lambda values: values["variants"].update(float32=row))
