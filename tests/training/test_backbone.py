"""Pretraining on a generated set, in small."""

import numpy as np

from cvapp import card as cards
from cvapp.data import generated
from cvapp.models import hub, mobilenet
from cvapp.recipe import override
from cvapp.shipped import load_pipeline
from cvapp.training import backbone


def test_a_generated_stream_repeats_and_goes_on():
    first = [(pixels.numpy(), labels.numpy()) for pixels, labels in generated.batches("shapes", 3, (24, 24), 4, 12)]
    rest = [(pixels.numpy(), labels.numpy()) for pixels, labels in generated.batches("shapes", 3, (24, 24), 4, 8, first=4)]
    for (pixels, labels), (same, alike) in zip(first[1:], rest, strict=True):
        np.testing.assert_array_equal(pixels, same)
        np.testing.assert_array_equal(labels, alike)
    other = next(iter(generated.batches("shapes", 4, (24, 24), 4, 4)))[0].numpy()
    assert (first[0][0] != other).any()


def test_a_backbone_is_trained_and_published(workspace, monkeypatch):
    monkeypatch.setattr(backbone, "VALIDATION_PHOTOS", 256)
    recipe = override(
        load_pipeline("pretrain_backbone"), ["images.size=32,32", "train.epochs=1", "train.batch=32", "train.images_per_epoch=64"]
    )
    made = backbone.train(recipe, workspace / "saved_models" / "small")
    folder = workspace / "saved_models" / "small"
    assert cards.read(folder) == made and made.task == "backbone" and len(made.labels) == 200
    layer, size = hub.open_module(hub.resolve(str(folder)))
    assert size == (32, 32)
    weights = mobilenet.build((32, 32), 0.35)
    weights.load_weights(folder / mobilenet.WEIGHTS)
    picture = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    np.testing.assert_allclose(np.asarray(layer(picture)), np.asarray(weights(picture * 2 - 1, training=False)), atol=1e-5)
