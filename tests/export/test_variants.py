"""The variants: what each takes and computes in, how large it is, and the same bytes whenever it is made."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import cvapp.models  # noqa: F401 - loads TensorFlow quietly
import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from cvapp.errors import CvappError, Exit
from cvapp.export import quantise, variants
from cvapp.models import small_resnet
from cvapp.recipe.export import VARIANTS
from tests.tiny_tflite import tiny_tflite

SIZE = (32, 24)
PHOTOS = np.random.default_rng(0).integers(0, 256, (8, *SIZE, 3)).astype(np.uint8) // np.arange(1, 9, dtype=np.uint8)[:, None, None, None]


def small_network():
    """A residual network with a hidden layer, no hub module in it, the batch norm of the photos themselves."""
    keras.utils.set_random_seed(0)
    backbone = small_resnet.build(SIZE, 0.1)
    pixels = keras.Input((*SIZE, 3), name="pixels")
    maps = backbone(layers.Rescaling(1 / 127.5, -1, name="scale")(pixels))
    hidden = layers.Dense(64, "relu", name="hidden")(layers.GlobalAveragePooling2D(name="pool")(maps))
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
    backbone(PHOTOS / 127.5 - 1, training=True)
    answers = layers.Dense(3, "softmax", kernel_initializer="he_normal", name="answers")(hidden)
    return keras.Model(pixels, answers, name="small")  # every name is given: they get into the file


def make_all(model, place):
    """What int8 is made from, and the bytes of every variant."""
    made = {name: variants.make(model, name, place) for name in VARIANTS if name != "int8"}
    calibrated = variants.ranges(model, PHOTOS, place)
    return calibrated, {**made, "int8": quantise.quantise(calibrated)}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The network, what int8 is made from, and every variant."""
    model = small_network()
    return model, *make_all(model, tmp_path_factory.mktemp("made"))


def opened(data):
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    return interpreter


def answers(data, photos):
    """What a .tflite answers, dequantised by hand."""
    interpreter = opened(data)
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for photo in photos:
        interpreter.set_tensor(source["index"], photo[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(target["index"])[0].astype(float))
    scale, zero = target["quantization"]
    return (np.array(found) - zero) * scale if scale else np.array(found)


def test_every_variant_takes_bytes_and_answers_nearly_as_keras(made):
    model, _, files = made
    keras_says = model.predict(PHOTOS.astype(np.float32), verbose=0)
    assert np.ptp(keras_says, 0).max() > 0.2
    for name, most in {"float32": 1e-4, "float16": 0.01, "dynamic": 0.05, "int8": 0.1}.items():
        (source,) = opened(files[name]).get_input_details()
        assert (source["dtype"], list(source["shape"])) == (np.uint8, [1, *SIZE, 3])
        assert np.abs(answers(files[name], PHOTOS) - keras_says).max() < most, name
        assert np.abs(answers(files[name], PHOTOS)[::-1] - keras_says).max() > most, "a comparison that cannot fail proves nothing"


def test_the_smaller_variants_are_smaller_by_what_a_weight_takes(made):
    model, _, files = made
    sizes = {name: len(data) for name, data in files.items()}
    weights = sum(int(np.prod(layer.kernel.shape)) for layer in model._flatten_layers() if hasattr(layer, "kernel"))
    assert weights > 20_000 and sizes["float32"] > 4 * weights
    assert 1.7 * weights < sizes["float32"] - sizes["float16"] < 2 * weights
    assert 2.5 * weights < sizes["float32"] - sizes["dynamic"] < 3 * weights
    assert 2.5 * weights < sizes["float32"] - sizes["int8"] < 3 * weights


def test_operations_in_float_are_counted(made):
    """Against the kinds of all tensors: an int8 file has no float at all."""
    for name, data in made[2].items():
        kinds = {np.dtype(row["dtype"]).name for row in opened(data).get_tensor_details()}
        assert ("float32" in kinds) is (name != "int8")
        assert (variants.check_sound(data, name) > 0) is (name != "int8")
    assert kinds <= {"uint8", "int8", "int32"}
    assert variants.check_sound(tiny_tflite(), "float32") == 4, "cast, reshape, dense, softmax: each reads or writes float"
    (source,) = opened(made[2]["int8"]).get_input_details()
    assert source["quantization"] == (1.0, 0)


def test_layers_kept_in_float_still_take_raw_bytes(made):
    _, calibrated, files = made
    names = [row["name"] for row in opened(calibrated.model).get_tensor_details()]
    mixed = quantise.quantise(calibrated, [name for name in names if "stem" in name and "Relu" in name])
    interpreter = Interpreter(model_content=mixed)  # its operations, before LiteRT joins them into one of its own
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (source["dtype"], source["quantization"], target["dtype"]) == (np.uint8, (1.0, 0), np.uint8)
    kinds = {row["index"]: row["dtype"] for row in interpreter.get_tensor_details()}
    touched = [[*row["inputs"], *row["outputs"]] for row in interpreter._get_ops_details()]
    in_float = sum(np.float32 in {kinds.get(index) for index in indices} for indices in touched)
    assert variants.check_sound(mixed, "int8") == in_float > 0 == variants.check_sound(files["int8"], "int8")


def test_the_same_model_gives_the_same_bytes_in_another_process(made):
    """Whatever the order of sets is there."""
    code = (
        "import hashlib, json, sys, tempfile\nfrom pathlib import Path\nfrom tests.export import test_variants as mine\n"
        "with tempfile.TemporaryDirectory() as place:\n"
        "    made = mine.make_all(mine.small_network(), Path(place))[1]\n"
        "sys.stdout.write(json.dumps({name: hashlib.sha256(data).hexdigest() for name, data in made.items()}))\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout.splitlines()[-1])
    assert there == {name: hashlib.sha256(data).hexdigest() for name, data in made[2].items()} and len(set(there.values())) == 4


def test_what_the_converter_refuses_is_one_line(tmp_path):
    pixels = keras.Input((*SIZE, 3))
    model = keras.Model(pixels, layers.Softmax()(keras.ops.reshape(keras.ops.real(keras.ops.fft2((pixels, pixels))[0]), (-1, 2304))))
    with pytest.raises(CvappError, match=r"^float32: TensorFlow's converter refused the model \(") as error:
        variants.make(model, "float32", tmp_path)
    assert error.value.code == Exit.GATE and "\n" not in str(error.value)
