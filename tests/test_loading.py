"""Opening a saved model by its folder: LiteRT where it was exported, one clear line where there is nothing to open."""

import subprocess
import sys

import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.loading import load
from tests.tiny_tflite import LABELS, save_model, softmax_of_pixels


@pytest.fixture
def model(workspace):
    return save_model(workspace / "saved_models" / "tiny")


def unexport(folder):
    """Take the exported side away."""
    for path in (folder / "lite").iterdir():
        path.unlink()
    (folder / "lite").rmdir()


@pytest.mark.parametrize("path", ["saved_models/tiny", "./saved_models/tiny/"])
@pytest.mark.parametrize("variant", [None, "float32"])
def test_an_exported_model_opens_on_litert(model, rng, path, variant):
    bundle = load(path, variant, threads=2)
    pictures = rng.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    assert (bundle.variant, bundle.card.labels) == ("float32", LABELS)
    np.testing.assert_allclose(bundle.predict(pictures), softmax_of_pixels(pictures), atol=1e-6)


def test_a_variant_of_a_model_that_was_not_exported_is_a_wrong_use(model):
    unexport(model)
    with pytest.raises(CvappError, match="was not exported, so it has no variant 'int8'; run cvapp export tiny$") as error:
        load(model, "int8")
    assert error.value.code == Exit.USAGE


@pytest.mark.parametrize("variant", [None, "keras", "float32"])
def test_a_name_nobody_saved_is_answered_with_those_that_are(model, variant):
    with pytest.raises(CvappError, match=r"no saved model at saved_models/tinny: .*; there are tiny\. Did you mean tiny\?$") as error:
        load("saved_models/tinny", variant)
    assert error.value.code == Exit.USAGE


def test_with_no_model_at_all_the_answer_is_to_train_one(workspace):
    with pytest.raises(CvappError, match="no saved model at saved_models/tiny: .*; run cvapp train first$") as error:
        load("saved_models/tiny")
    assert error.value.code == Exit.USAGE


def test_a_backbone_is_no_classifier(workspace):
    unexport(save_model(workspace / "saved_models" / "back", task="backbone"))
    with pytest.raises(CvappError, match="is a backbone: it answers features, not labels; train a classifier on it") as error:
        load("saved_models/back")
    assert error.value.code == Exit.USAGE


@pytest.mark.parametrize(
    "change, text",
    [
        (lambda folder: (folder / "model.keras").write_bytes(b"another"), r"model\.keras: altered since it was saved"),
        (lambda folder: (folder / "model.keras").unlink(), r"model\.keras: missing from the saved model; copy the whole folder again"),
        (lambda folder: (folder / "card.json").write_text("{"), r"card\.json: not a card \(JSONDecodeError"),
        (lambda folder: (folder / "card.json").write_text('{"schema": 99}'), r"card\.json: made by a newer cvapp \(schema 99"),
        (lambda folder: (folder / "card.json").write_bytes(b"\xff\xfe"), r"card\.json: not a card \(UnicodeDecodeError"),
    ],
    ids=["altered", "missing", "broken card", "newer card", "card in no encoding"],
)
def test_a_damaged_model_is_refused_before_keras_is_asked(model, change, text):
    unexport(model)
    change(model)
    with pytest.raises(CvappError, match=text) as error:
        load(model)
    assert error.value.code == Exit.BAD_DATA and "\n" not in str(error.value)


def answer_of(program, folder="."):
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_cvapp_load_opens_a_model_every_time_it_is_called(model):
    """The second time matters: importing a module of the same name would put it in the function's place."""
    program = "import cvapp\nfor _ in range(2): print(cvapp.load('saved_models/tiny').variant)"
    assert answer_of(program, model.parents[1]).split() == ["float32", "float32"]


@pytest.mark.parametrize("first", ["import cvapp.loading", "import cvapp.cli.running", "from cvapp import load"])
def test_cvapp_load_is_the_function_whatever_was_imported_before(first):
    assert answer_of(f"{first}\nimport cvapp\nfrom cvapp import load\nprint(callable(cvapp.load), callable(load))") == "True True"


def test_importing_cvapp_is_light_and_other_names_are_errors():
    program = "import sys, cvapp\nprint(sorted({'numpy', 'cv2', 'tensorflow', 'keras', 'ai_edge_litert'} & set(sys.modules)))\ncvapp.lode"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"
    assert done.stderr.strip().endswith("AttributeError: module 'cvapp' has no attribute 'lode'")
