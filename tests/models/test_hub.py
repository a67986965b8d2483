"""A hub module in a Keras 3 layer: found, frozen, saved inside the .keras, reloaded to the bit."""

import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.models import classifier, hub


def test_the_layer_says_what_the_module_says(tiny_module, rng):
    import tensorflow as tf

    layer, size = hub.open_module(tiny_module)
    pictures = rng.random((3, 32, 32, 3), np.float32)
    assert size == (32, 32) and layer.features == 24
    np.testing.assert_array_equal(layer(pictures), tf.saved_model.load(str(tiny_module))(pictures, training=False))


def test_a_saved_model_holds_its_module_and_reloads_to_the_bit(tiny_module, tmp_path, rng):
    mine = tmp_path / "module"
    shutil.copytree(tiny_module, mine)
    layer, size = hub.open_module(mine)
    model = classifier.assemble(layer, classifier.head(24, 3, 0.2), size)
    pixels = rng.uniform(0, 255, (5, 32, 32, 3)).astype(np.float32)
    answers = np.asarray(model(pixels, training=False))
    assert np.ptp(answers, 0).max() > 0.01, "a model that answers alike for all pictures proves nothing"
    model.save(tmp_path / "model.keras")
    shutil.rmtree(mine)
    np.save(tmp_path / "pixels.npy", pixels)
    code = (
        "import sys, numpy as np; from pathlib import Path; from cvapp.models import classifier\n"
        "model = classifier.open_model(Path(sys.argv[1]) / 'model.keras')\n"
        "np.save(sys.argv[1] + '/answers.npy', model(np.load(sys.argv[1] + '/pixels.npy'), training=False))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(tmp_path / "answers.npy"), answers)
    assert str(tmp_path).encode() not in b"".join(path.read_bytes() for path in [tmp_path / "model.keras"])


def test_the_module_is_frozen(tiny_module):
    layer, size = hub.open_module(tiny_module)
    model = classifier.assemble(layer, classifier.head(24, 3, 0.0), size)
    assert [tuple(weight.shape) for weight in model.trainable_variables] == [(24, 3), (3,)]
    before = [variable.numpy() for variable in layer.module_variables]
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(np.ones((4, 32, 32, 3)), np.array([0, 1, 2, 0]), verbose=0)
    for old, variable in zip(before, layer.module_variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())


def test_handles_that_lead_nowhere(tmp_path, monkeypatch):
    with pytest.raises(CvappError, match="no SavedModel there; give a folder") as error:
        hub.resolve(str(tmp_path))
    assert error.value.code == Exit.BAD_DATA
    import tensorflow_hub

    def offline(handle):
        raise OSError("Name or service not known")

    monkeypatch.setattr(tensorflow_hub, "resolve", offline)
    with pytest.raises(CvappError, match="cannot be fetched .* download the module elsewhere and give its folder") as error:
        hub.resolve("https://example.invalid/module/1")
    assert error.value.code == Exit.NO_WEIGHTS


@pytest.mark.parametrize("made", ["garbage", "no pictures"])
def test_a_saved_model_that_is_no_module_is_refused(made, tmp_path):
    if made == "garbage":
        (tmp_path / "saved_model.pb").write_bytes(b"not a graph")
    else:
        import tensorflow as tf

        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).export(str(tmp_path), verbose=False)
        assert tf.saved_model.contains_saved_model(str(tmp_path))
    with pytest.raises(CvappError, match="not an image feature-vector module") as error:
        hub.open_module(tmp_path)
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.shared
def test_a_real_module_from_tensorflow_hub(shared_data):
    layer, size = hub.open_module(shared_data / "hub" / "mobilenet_v2_035_224_feature_vector")
    assert (size, layer.features) == ((224, 224), 1280)
    assert sum(int(np.prod(variable.shape)) for variable in layer.module_variables) == 410_208
