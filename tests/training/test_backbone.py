"""Pretraining on a generated set, in small."""

import shutil

import keras
import numpy as np
import pytest

from cvapp import card as cards
from cvapp.data import generated
from cvapp.models import hub, mobilenet, small_resnet
from cvapp.models.surgery import pooled
from cvapp.recipe import override
from cvapp.shipped import load_pipeline
from cvapp.runs import Start
from cvapp.training import backbone, state


def test_a_generated_stream_repeats_and_goes_on():
    first = [(pixels.numpy(), labels.numpy()) for pixels, labels in generated.batches("shapes", 3, (24, 24), 4, 12)]
    rest = [(pixels.numpy(), labels.numpy()) for pixels, labels in generated.batches("shapes", 3, (24, 24), 4, 8, first=4)]
    for (pixels, labels), (same, alike) in zip(first[1:], rest, strict=True):
        np.testing.assert_array_equal(pixels, same)
        np.testing.assert_array_equal(labels, alike)
    other = next(iter(generated.batches("shapes", 4, (24, 24), 4, 4)))[0].numpy()
    assert (first[0][0] != other).any()


def small() -> keras.Model:
    """A network that trains in seconds."""
    return pooled(small_resnet.build((32, 32), 0.2), 1)


@pytest.fixture
def recipe(workspace, monkeypatch):
    """Two epochs of two steps."""
    monkeypatch.setattr(backbone, "VALIDATION_PHOTOS", 256)
    monkeypatch.setattr(mobilenet, "build", lambda size, alpha: small())
    return override(
        load_pipeline("pretrain_backbone"), ["images.size=32,32", "train.epochs=2", "train.batch=32", "train.images_per_epoch=64"]
    )


def test_a_backbone_is_trained_and_published(recipe, workspace):
    made = backbone.train(recipe, workspace / "saved_models" / "small")
    folder = workspace / "saved_models" / "small"
    assert cards.read(folder) == made and made.task == "backbone" and len(made.labels) == 200
    assert made.data["photos"] == {"train": 128, "val": 256}
    assert made.metrics["val"]["accuracy"] == round(float((folder / "history.csv").read_text().split("\n")[best(folder)].split(",")[5]), 4)
    layer, size = hub.open_module(hub.resolve(str(folder)))
    assert size == (32, 32)
    weights = small()
    weights.load_weights(folder / mobilenet.WEIGHTS)
    picture = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    np.testing.assert_allclose(np.asarray(layer(picture)), np.asarray(weights(picture * 2 - 1, training=False)), atol=1e-5)


def best(folder) -> int:
    """The line of the epoch with the least validation loss."""
    losses = [float(line.split(",")[4]) for line in (folder / "history.csv").read_text().split("\n")[1:-1]]
    return 1 + losses.index(min(losses))


def test_a_pretraining_that_was_cut_off_goes_on_to_the_same_end(recipe, workspace, monkeypatch):
    class Killed(Exception):
        pass

    save, saved = state.Keeper.save, []

    def mortal(self, progress, arrays):
        save(self, progress, arrays)
        saved.append(progress.step)
        if len(saved) == 4:
            raise Killed

    backbone.train(recipe, workspace / "whole")
    monkeypatch.setattr(state, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(state, "_SHARE", 1e9)
    monkeypatch.setattr(state.Keeper, "save", mortal)
    with pytest.raises(Killed):
        backbone.train(recipe, workspace / "cut")
    shutil.copytree(workspace / ".cut.work", workspace / ".early.work")
    card = backbone.train(recipe, workspace / "early", start=Start.FINISH)
    assert card.metrics["finished_early"] == "in epoch 2 of whole, 1 epoch ended" and not (workspace / ".early.work").exists()
    assert card.data["photos"]["train"] == recipe.train.images_per_epoch and (workspace / "early" / mobilenet.WEIGHTS).is_file()
    lines = []
    backbone.train(recipe, workspace / "cut", lambda text, *_: lines.append(text), start=Start.RESUME)
    assert saved[:4] == [1, 2, 0, 1] and "going on with epoch 2 of whole" in lines
    found = []
    for name in ("whole", "cut"):
        weights = small()
        weights.load_weights(workspace / name / mobilenet.WEIGHTS)
        found.append(((workspace / name / "history.csv").read_text(), weights.get_weights()))
    assert found[0][0] == found[1][0]
    for one, other in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(one, other)
    assert not (workspace / ".cut.work").exists()
