"""A hub module in a Keras 3 layer: found, frozen, saved inside the .keras, reloaded to the bit."""

import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.models import classifier, hub
from cvapp.models.backbones import Backbone
from cvapp.recipe import Model


def around(layer, size, classes=3):
    """A classifier on a module."""
    backbone = Backbone(layer, (1 / 255, 0.0), layer.features, size, {}, "")
    return classifier.assemble(backbone, classifier.head(layer.features, classes, Model()))


def step(model):
    """Train one step."""
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    pixels = np.random.default_rng(1).uniform(0, 255, (4, *model.input_shape[1:])).astype(np.float32)
    model.train_on_batch(pixels, np.array([0, 1, 2, 0]))


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
    model = around(layer, size)
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


def test_a_frozen_module_stays_as_it_is(tiny_module, tmp_path):
    layer, size = hub.open_module(tiny_module)
    assert not layer.trainable, "unless it is asked for"
    model = around(layer, size)
    assert [tuple(weight.shape) for weight in model.trainable_variables] == [(24, 3), (3,)]
    before = [np.asarray(variable) for variable in layer.variables]
    step(model)
    model.save(tmp_path / "model.keras")
    again = classifier.open_model(tmp_path / "model.keras")
    assert [tuple(weight.shape) for weight in again.trainable_variables] == [(24, 3), (3,)]
    assert len(before) == 1
    for old, variable in zip(before, layer.variables, strict=True):
        np.testing.assert_array_equal(old, np.asarray(variable))


def test_a_module_is_tuned_whole_and_saved_as_it_became(tiny_module, tmp_path, rng):
    layer, size = hub.open_module(tiny_module)
    layer.trainable = True
    model = around(layer, size)
    assert [tuple(weight.shape) for weight in model.trainable_variables] == [(5, 5, 3, 12), (24, 3), (3,)]
    pixels = rng.uniform(0, 255, (5, 32, 32, 3)).astype(np.float32)
    before, said = np.asarray(layer.variables[0]), np.asarray(model(pixels, training=False))
    step(model)
    moved = np.asarray(layer.variables[0])
    assert (moved != before).mean() > 0.5
    answers = np.asarray(model(pixels, training=False))
    assert np.abs(answers - said).max() > 1e-3
    model.save(tmp_path / "model.keras")
    again = classifier.open_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(again(pixels, training=False)), answers)
    np.testing.assert_array_equal(np.asarray(again.get_layer("backbone").variables[0]), moved)
    untouched, _ = hub.open_module(tiny_module)
    np.testing.assert_array_equal(np.asarray(untouched.variables[0]), before)


def test_weights_taken_and_put_back_are_the_modules_own(tiny_module, rng):
    """The loop keeps the best weights in this way."""
    layer, _ = hub.open_module(tiny_module)
    pictures = rng.random((2, 32, 32, 3), np.float32)
    kept, said = layer.get_weights(), np.asarray(layer(pictures))
    layer.set_weights([weight * 2 + 0.1 for weight in kept])
    assert np.abs(np.asarray(layer(pictures)) - said).max() > 0.1
    layer.set_weights(kept)
    np.testing.assert_array_equal(np.asarray(layer(pictures)), said)


def test_a_resnet_50_without_biases_has_the_course_notes_parameters(tmp_path, rng):
    """Frozen under a new Dense(10): 23,561,152 frozen and 20,490 trainable, 23,581,642 in all."""
    import tensorflow as tf

    def without_bias(layer):
        options = layer.get_config()
        return type(layer).from_config({**options, "use_bias": False} if isinstance(layer, keras.layers.Conv2D) else options)

    made = keras.applications.ResNet50(input_shape=(32, 32, 3), include_top=False, weights=None, pooling="avg")
    network = keras.models.clone_model(made, clone_function=without_bias)
    assert made.count_params() - network.count_params() == 26_560, "Keras' own has a bias under every batch norm"
    module = tf.train.Checkpoint()
    call = tf.function(lambda images, training=False: network(images, training=False), autograph=False)
    call.get_concrete_function(tf.TensorSpec((None, 32, 32, 3), tf.float32), training=False)
    module.__call__, module.variables = call, [variable.value for variable in network.variables]
    module.trainable_variables = [variable.value for variable in network.trainable_variables]
    tf.saved_model.save(module, str(tmp_path))
    layer, size = hub.open_module(tmp_path)
    layer.trainable = False
    backbone = Backbone(layer, (1 / 255, 0.0), layer.features, size, {}, "")
    model = classifier.assemble(backbone, classifier.head(2048, 10, Model()))
    frozen, trainable = (
        sum(int(np.prod(weight.shape)) for weight in some) for some in (model.non_trainable_weights, model.trainable_weights)
    )
    assert (frozen, trainable, model.count_params()) == (23_561_152, 20_490, 23_581_642)
    pictures = rng.random((2, 32, 32, 3), np.float32)
    np.testing.assert_allclose(layer(pictures), network(pictures, training=False), rtol=1e-4, atol=1e-4)
    layer.trainable = True
    assert sum(int(np.prod(weight.shape)) for weight in model.non_trainable_weights) == 53_120, "the statistics of batch norm"


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
def test_a_real_module_from_tensorflow_hub_is_tuned_whole_or_not_at_all(shared_data, tmp_path):
    folder = shared_data / "hub" / "mobilenet_v2_035_224_feature_vector"
    layer, size = hub.open_module(folder)
    assert (size, layer.features) == ((224, 224), 1280)
    assert sum(int(np.prod(variable.shape)) for variable in layer.variables) == 410_208
    model = around(layer, size)
    pixels = np.random.default_rng(2).uniform(0, 255, (2, 224, 224, 3)).astype(np.float32)
    for trainable in (False, True):
        layer.trainable = trainable
        before = layer.get_weights()
        step(model)
        moved = [not np.array_equal(old, new) for old, new in zip(before, layer.get_weights(), strict=True)]
        assert sum(moved) == (156 if trainable else 0) and len(moved) == 260
    answers = np.asarray(model(pixels, training=False))
    model.save(tmp_path / "model.keras")
    again = classifier.open_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(again(pixels, training=False)), answers)
