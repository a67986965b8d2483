"""The backbone's network, and its weights published twice."""

import keras
import numpy as np
import pytest

from cvapp import card as cards
from cvapp.files import sha256
from cvapp.models import hub, mobilenet
from cvapp.recipe import DRAWINGS_BACKBONE
from cvapp.shipped import shipped_models


@pytest.mark.parametrize("alpha, parameters", [(0.35, 410_208), (1.0, 2_257_984)])
def test_parameter_counts(alpha, parameters):
    """Those of keras.applications without its top (Sandler et al. 2018 count 3.4 M at 1.0, 1.28 M of them in the top)."""
    assert mobilenet.build((96, 96), alpha).count_params() == parameters


def test_both_forms_hold_the_same_weights(tmp_path, rng):
    import tensorflow as tf

    network = mobilenet.build((32, 32), 0.35)
    pictures = rng.random((4, 32, 32, 3), np.float32)
    for layer in network.layers:  # a random network answers alike for all pictures until its statistics fit them
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(rng.uniform(-1, 1, (16, 32, 32, 3)).astype(np.float32), training=True)
    mobilenet.publish(network, tmp_path)
    module = tf.saved_model.load(str(tmp_path / hub.MODULE))
    other = mobilenet.build((32, 32), 0.35)
    other.load_weights(tmp_path / mobilenet.WEIGHTS)
    expected = np.asarray(network(pictures * 2 - 1, training=False))
    assert np.ptp(expected, 0).max() > 1e-3
    np.testing.assert_allclose(module(pictures, training=False), expected, atol=3e-4)
    np.testing.assert_allclose(np.asarray(other(pictures * 2 - 1, training=False)), expected, atol=1e-6)
    assert not np.allclose(module(pictures, training=True), expected, atol=1e-3)
    assert len(module.variables) == 260 and len(module.trainable_variables) == 156


def test_the_shipped_backbone_is_whole_and_small():
    folder = shipped_models() / DRAWINGS_BACKBONE
    card = cards.read(folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 6_000_000
    assert {path.relative_to(folder).as_posix() for path in files} == {*card.files, cards.FILE}
    assert all(sha256(folder / name) == digest for name, digest in card.files.items())
    assert card.task == "backbone" and len(card.labels) == 200 and card.weights["licence"] == "Apache-2.0"
    layer, size = hub.open_module(hub.resolve(DRAWINGS_BACKBONE))
    assert (size, layer.features) == ((96, 96), 1280)


def test_the_shipped_keras_weights_say_what_the_shipped_module_says(rng):
    from cvapp import images, signs

    network = mobilenet.build((96, 96), 0.35)
    network.load_weights(shipped_models() / DRAWINGS_BACKBONE / mobilenet.WEIGHTS)
    layer, _ = hub.open_module(hub.resolve(DRAWINGS_BACKBONE))
    shape = images.Images((96, 96))
    pictures = np.stack([images.fit(signs.photo(0, label, 0), shape) for label in signs.LABELS]).astype(np.float32) / 255
    features = np.asarray(layer(pictures))
    assert np.ptp(features, 0).max() > 0.1
    np.testing.assert_allclose(features, np.asarray(network(pictures * 2 - 1, training=False)), atol=1e-4)
