"""The classifier around a backbone: its head, its scaling, its answers, and nothing of the training in what is saved."""

import keras
import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.evaluation.metrics import softmax
from cvapp.models import classifier
from cvapp.models.backbones import Backbone
from cvapp.recipe import Model


def test_an_answer_does_not_depend_on_its_company(rng):
    dense = keras.layers.Dense(4)
    run = classifier.batched(dense, (6,))
    inputs = rng.normal(size=(70, 6)).astype(np.float32)
    together = run(inputs)
    assert together.shape == (70, 4)
    np.testing.assert_array_equal(together[41], run(inputs[41:42])[0])
    kernel, bias = dense.get_weights()
    np.testing.assert_allclose(together, inputs @ kernel + bias, atol=1e-6)


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_folding_a_temperature_divides_the_logits(kind, rng):
    head = classifier.head(5, 3, Model(head=kind, hidden=7, dropout=0.3))
    features = rng.normal(size=(4, 5)).astype(np.float32)
    logits = np.asarray(head(features, training=False))
    classifier.fold_temperature(head, 2.5)
    np.testing.assert_allclose(np.asarray(head(features, training=False)), logits / 2.5, atol=1e-6)
    assert not np.allclose(softmax(logits), softmax(logits / 2.5))


@pytest.mark.parametrize("kind, names, parameters", [
    ("linear", ["dropout", "logits"], 5 * 3 + 3),
    ("mlp", ["dropout", "hidden", "hidden_dropout", "logits"], 5 * 7 + 7 + 7 * 3 + 3),
])  # fmt: skip
def test_the_head_is_the_recipes(kind, names, parameters, rng):
    head = classifier.head(5, 3, Model(head=kind, hidden=7, dropout=0.5))
    assert [layer.name for layer in head.layers] == names and head.count_params() == parameters
    features = rng.normal(size=(4, 5)).astype(np.float32)
    values = features
    for kernel, bias in zip(*[iter(head.get_weights())] * 2):
        values = (np.maximum(values, 0) if values is not features else values) @ kernel + bias
    np.testing.assert_allclose(head(features, training=False), values, atol=1e-5)
    assert not np.allclose(head(features, training=True), values, atol=1e-3)
    assert {layer.rate for layer in head.layers if isinstance(layer, keras.layers.Dropout)} == {0.5}


def stub(rng, dtype="float32"):
    """A backbone of which each feature is the mean of a colour."""
    pixels = keras.Input((4, 6, 3))
    network = keras.Model(pixels, keras.layers.GlobalAveragePooling2D(dtype=dtype)(pixels), name="backbone")
    return Backbone(network, ([1 / 255, 1 / 510, 1 / 1020], [0.0, 0.5, -1.0]), 3, (4, 6), {}, "")


def test_what_is_saved_scales_in_the_graph_and_answers_probabilities(tmp_path, rng):
    head = classifier.head(3, 2, Model(dropout=0.5))
    model = classifier.assemble(stub(rng), head)
    assert [layer.name for layer in model.layers] == ["pixels", "scale", "backbone", "dropout", "logits", "probabilities"]
    pixels = rng.integers(0, 256, (40, 4, 6, 3), np.uint8)
    kernel, bias = head.get_weights()
    expected = softmax((pixels.mean((1, 2)) * [1 / 255, 1 / 510, 1 / 1020] + [0, 0.5, -1]) @ kernel + bias)
    answers = classifier.predict_function(model)(pixels)
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(classifier.predict_function(classifier.open_model(tmp_path / "model.keras"))(pixels), answers)


def test_what_trains_shares_the_head_and_answers_logits(rng):
    backbone, head = stub(rng), classifier.head(3, 2, Model())
    network = classifier.training_network(backbone.layer, backbone, head)
    pixels = rng.integers(0, 256, (5, 4, 6, 3)).astype(np.float32)
    saved = classifier.assemble(backbone, head)
    np.testing.assert_allclose(softmax(np.asarray(network(pixels, training=False))), saved(pixels, training=False), atol=1e-6)
    head.set_weights([weight + 1 for weight in head.get_weights()])
    np.testing.assert_allclose(softmax(np.asarray(network(pixels, training=False))), saved(pixels, training=False), atol=1e-6)


def test_a_backbone_of_16_bits_gives_logits_of_32(rng):
    backbone = stub(rng, "mixed_bfloat16")
    network = classifier.training_network(backbone.layer, backbone, classifier.head(3, 2, Model()))
    assert backbone.layer.output.dtype == "bfloat16" and network.output.dtype == "float32"


def test_a_file_that_keras_cannot_read(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"PK not really")
    with pytest.raises(CvappError, match="Keras cannot read it") as error:
        classifier.open_model(tmp_path / "model.keras")
    assert error.value.code == Exit.BAD_DATA
