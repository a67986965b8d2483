"""Plain Keras opens every kind of model that cvapp saves, in a process that imports nothing of cvapp but `cvapp.keras_layers`."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import cvapp.models  # noqa: F401 - loads TensorFlow quietly
import keras
import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from cvapp.keras_layers import CLASSES
from cvapp.models import classifier, dcgan, sliding, small_resnet, transcriber, window
from cvapp.models.backbones import TABLE, open_backbone, open_network
from cvapp.recipe import HUB, Detect, Model, Recipe
from tests.models.classifiers import classifier_of

ROOT = Path(__file__).parents[1]
REGISTER = "register_keras_serializable"


def registered(text):
    """Names of what a source registers with Keras, by a decorator or a call; an import of the function under another name counts as one too."""
    tree, found = ast.parse(text), []
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and any(REGISTER in ast.unparse(one) for one in node.decorator_list):
            found.append(node.name)
    others = text.count(REGISTER) - len(found)
    return found + ["by another way than a decorator"] * others


def test_every_registration_of_the_sources_is_in_the_list():
    found = [name for path in sorted((ROOT / "cvapp").rglob("*.py")) for name in registered(path.read_text())]
    assert sorted(found) == sorted(one.__name__ for one in CLASSES)


@pytest.mark.parametrize(
    "text, names",
    [
        ("@keras.saving.register_keras_serializable('cvapp')\nclass A: pass", ["A"]),
        ("@register_keras_serializable('cvapp')\ndef f(): pass", ["f"]),
        ("keras.saving.register_keras_serializable('cvapp')(A)", ["by another way than a decorator"]),
    ],
)
def test_a_registration_is_seen_however_it_is_written(text, names):
    assert registered(text) == names


def test_their_names_are_those_of_saved_models():
    """They are in every file that was saved, so that they never change."""
    assert sorted(keras.saving.get_registered_name(one) for one in CLASSES) == [
        "cvapp>ClassToken",
        "cvapp>DecoderBlock",
        "cvapp>EncoderBlock",
        "cvapp>FeedForward",
        "cvapp>GridPositions",
        "cvapp>HubModule",
        "cvapp>LearnedPositions",
        "cvapp>MultiHeadAttention",
        "cvapp>SinusoidalPositions",
        "cvapp>TokenDecoder",
    ]


def _hub(module):
    settings = Model(backbone=HUB, handle=str(module))
    opened = open_backbone(settings, (32, 32))
    return classifier.assemble(opened, classifier.head(opened.features, 3, settings))


def _with_hidden_layer(module):
    settings = Model(backbone="vit_small", weights="none", head="mlp", hidden=8)
    opened = open_backbone(settings, (32, 32))
    return classifier.assemble(opened, classifier.head(opened.features, 3, settings))


def _windows(module):
    settings = Model(backbone="window_net", weights="none", alpha=0.35)
    network, row, _ = open_network(settings, (48, 48))
    made = window.networks(network, row.scale, 3, 2, Recipe(task="detect", images=Images((96, 128)), model=settings, detect=Detect(hidden=12)))
    return made[1]


def _sliding(module):
    return sliding.to_detector(classifier_of("mobilenet_v2", (32, 32)), (64, 96))


def _transcriber(module):
    return transcriber.build(transcriber.Design((16, 32), "0123456789", 5, features=16, num_heads=2, hidden=16))


# One of each kind is enough: larger ones of a family, and a MobileNetV2 with weights of its own, hold the same layers.
LEFT_OUT = {"resnet_50", "mobilenet_v2_drawings", "mobilenet_v3_large", *(f"efficientnet_lite{number}" for number in range(1, 5))}
KINDS = {
    **{f"classifier on {name}": lambda module, name=name: classifier_of(name, TABLE[name].size) for name in TABLE if name not in LEFT_OUT},
    "classifier with a hidden layer": _with_hidden_layer,
    "classifier on a hub module": _hub,
    "window detector": _windows,
    "slid classifier": _sliding,
    "generator": lambda module: dcgan.generator(28, 16),
    "conditional generator": lambda module: dcgan.generator(28, 16, 3),
    "judge": lambda module: classifier_of("small_resnet", (28, 28)),
    "transcriber": _transcriber,
    "backbone": lambda module: small_resnet.build((32, 32), 0.5),
    "vision transformer without a head": lambda module: open_network(Model(backbone="vit_compact", weights="none"), (32, 32))[0],
}

PROGRAM = """
import json, sys
import numpy as np
import cvapp.keras_layers
import keras
answers = {}
for path in sys.argv[1:]:
    model = keras.models.load_model(path)
    inputs = [np.ones((1, *[size or 4 for size in one.shape[1:]]), one.dtype) for one in model.inputs]
    output = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    answers[path] = [float(np.sum(np.abs(np.asarray(one)))) for one in keras.tree.flatten(output)]
print(json.dumps(answers))
"""


def answered(model):
    """What PROGRAM says of a model."""
    inputs = [np.ones((1, *[size or 4 for size in one.shape[1:]]), one.dtype) for one in model.inputs]
    output = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    return [float(np.sum(np.abs(np.asarray(one)))) for one in keras.tree.flatten(output)]


def test_plain_keras_loads_each_kind_that_is_saved(tmp_path, tiny_module):
    expected = {}
    for number, (kind, make) in enumerate(KINDS.items()):
        keras.backend.clear_session()
        keras.utils.set_random_seed(number)
        path = tmp_path / f"{kind}.keras"
        (model := make(tiny_module)).save(path)
        expected[str(path)] = answered(model)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM, *expected], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    for path, numbers in expected.items():
        np.testing.assert_allclose(answers[path], numbers, rtol=1e-4, err_msg=path)


def test_without_that_import_plain_keras_does_not_know_the_layers(tmp_path):
    classifier_of("vit_small").save(tmp_path / "vit.keras")
    program = f"import keras; keras.models.load_model({str(tmp_path / 'vit.keras')!r})"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and "Could not locate class" in done.stderr


def test_cvapp_says_in_one_line_which_class_is_not_known(tmp_path):
    @keras.saving.register_keras_serializable("cvapp")
    class OfTomorrow(keras.layers.Layer):
        def call(self, values):
            return values

    keras.Sequential([keras.Input((4,)), OfTomorrow()]).save(tmp_path / "model.keras")
    del keras.saving.get_custom_objects()["cvapp>OfTomorrow"]
    with pytest.raises(CvappError, match=r"model\.keras: holds OfTomorrow, which neither Keras nor this cvapp has; was it saved by a newer") as error:
        classifier.open_model(tmp_path / "model.keras")
    assert error.value.code == Exit.BAD_DATA and "\n" not in str(error.value)
