"""The judge: it learns the photos' classes, answers features beside them, is made once for a run, and is the same each time."""

import numpy as np
import pytest

from cvapp.data import parted
from cvapp.data.grey import GreyStore
from cvapp.evaluation.judging import Judge, judge_of, look_at_photos, open_judge, spread
from cvapp.images import Images
from cvapp.models.backbones import open_backbone
from cvapp.recipe import Model, Recipe
from cvapp.training import judge
from cvapp.training.stages import Material
from tests.gan import gan_recipe


@pytest.fixture
def material(photos, workspace):
    found = parted.prepare(photos, gan_recipe("images.size=32,32"))
    return Material(found.rows, found.pixels)


def test_it_learns_the_classes_once_and_alike_each_time(material, workspace, monkeypatch):
    recipe, place, bars = gan_recipe("images.size=32,32"), workspace / "state-judge.keras", []
    monkeypatch.setattr(judge, "EPOCHS", (12, 12))
    monkeypatch.setattr(judge, "SMALL", 0)  # no varied pictures: they are learnt sooner
    network = judge.judge_for(recipe, material, place, lambda *words: bars.append(words))
    made = judge_of(network)
    crowd = look_at_photos(made, material.pixels, [row.hash for row in material.rows], material.truth)
    assert (made.features, made.classes) == (88, 3) and crowd.features.shape == (42, 88)
    np.testing.assert_allclose(crowd.probabilities.sum(1), 1, atol=1e-5)
    learnt = material.of("train")
    assert (crowd.probabilities.argmax(1) == material.truth)[learnt].mean() > 0.6, "a third by chance"
    assert np.unique(crowd.features.round(4), axis=0).shape[0] == 42, "each photo has features of its own"
    assert bars[0] == ("the judge, a small classifier of the same photos, learns from 24 of them",)
    (kept,) = workspace.glob("state-judge-*.keras")
    again = open_judge(kept).look(crowd.pictures)
    np.testing.assert_array_equal(again.features, crowd.features)
    same = judge.judge_for(recipe, material, workspace / "same.keras").get_weights()
    for one, other in zip(network.get_weights(), same, strict=True):
        np.testing.assert_array_equal(one, other)
    other = judge.judge_for(gan_recipe("images.size=32,32", "seed=7"), material, workspace / "same.keras").get_weights()
    assert any((one != another).any() for one, another in zip(same, other))
    assert len(list(workspace.glob("same-*.keras"))) == 1, "one of another run is replaced"
    monkeypatch.setattr(judge, "_classifier", lambda *_: pytest.fail("it is trained once"))
    np.testing.assert_array_equal(judge_of(judge.judge_for(recipe, material, place)).look(crowd.pictures).features, crowd.features)


def test_of_one_class_it_is_the_default_backbone_on_enlarged_pictures(material, workspace):
    one_class = Material([row._replace(label="sign") for row in material.rows], material.pixels)
    made = judge_of(judge.judge_for(gan_recipe("images.size=32,32"), one_class, workspace / "judge.keras"))
    assert (made.features, made.classes) == (1280, 0)
    pictures = np.full((2, 32, 32, 3), 200, np.uint8)  # enlarged, one colour stays what it is
    backbone = open_backbone(Model(), (96, 96))
    expected = np.asarray(backbone.layer(np.full((1, 96, 96, 3), 73 / 128, np.float32)))
    crowd = made.look(pictures)
    np.testing.assert_allclose(crowd.features, expected.repeat(2, 0), atol=1e-4)
    assert crowd.probabilities is None


@pytest.mark.parametrize(
    "photos, size, epochs",
    [(20_000, (28, 28), 3), (54_000, (28, 28), 3), (1_920, (32, 32), 31), (30, (32, 32), 40), (1_920, (96, 96), 3)],
)
def test_few_photos_are_seen_more_often(photos, size, epochs):
    assert judge.settings(Recipe("generate", images=Images(size)), photos).train.epochs == epochs


def test_photos_are_chosen_from_all_over():
    assert spread(5, 10).tolist() == [0, 1, 2, 3, 4] and spread(9, 3).tolist() == [0, 4, 8]
    assert spread(60_000, 20_000).tolist()[::19_999] == [0, 59_999] and len(spread(60_000, 20_000)) == 20_000


def test_of_very_many_photos_some_are_looked_at(material, monkeypatch):
    monkeypatch.setattr("cvapp.evaluation.judging.MOST", 5)
    monkeypatch.setattr("cvapp.evaluation.judging._TOGETHER", 2)
    means = Judge(lambda pictures: pictures.mean((1, 2)).astype(np.float32), 3, 0)
    names = [row.hash for row in material.rows]
    crowd = look_at_photos(means, GreyStore(material.pixels), names, np.arange(42))
    assert crowd.truth.tolist() == [0, 10, 20, 31, 41] and (crowd.features == crowd.features[:, :1]).all()
    colour = material.pixels.read([names[10]])[0].astype(float)
    luma = colour @ (0.299, 0.587, 0.114)
    assert crowd.features[1, 0] == pytest.approx(luma.mean(), abs=0.6) and (colour != colour[..., :1]).any()
