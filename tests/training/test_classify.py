"""Training a head on frozen features: repeatable, cached, self-contained, and never at the cost of what was saved."""

import shutil

import numpy as np
import pytest

from cvapp import card as cards
from cvapp.data import split
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import metrics
from cvapp.loading import load
from cvapp.models import classifier
from cvapp.training import classify
from cvapp.training.classify import Examples, fit_head
from cvapp.training.features import features
from tests.conftest import small_recipe


def blobs(rng, count=40):
    """Features of three classes that a line can part, but for noise."""
    truth = np.arange(count) % 3
    return Examples((np.eye(3)[truth] * 2 + rng.normal(0, 0.5, (count, 3))).astype(np.float32), truth)


def weights(seed, rng):
    recipe = small_recipe("anything", epochs=5)
    object.__setattr__(recipe, "seed", seed)
    return np.concatenate([weight.ravel() for weight in fit_head(recipe, blobs(rng), blobs(rng), 3)[0].get_weights()])


def test_the_same_seed_gives_the_same_weights_and_another_gives_others():
    first, again, other = (weights(seed, np.random.default_rng(1)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_the_best_validation_epoch_is_kept(rng):
    learn, check = blobs(rng), blobs(rng)
    head, history = fit_head(small_recipe("anything", epochs=60, patience=60, learning_rate=1.0), learn, check, 3)
    found = metrics.negative_log_likelihood(metrics.softmax(classify.logits(head, check)), check.truth)
    losses = [row["val_loss"] for row in history]
    assert losses[-1] > min(losses)
    assert found == pytest.approx(min(losses), abs=1e-5)


def test_features_are_computed_once(tmp_path):
    pixels, kept = Store("pixels", 0, (2, 2, 3), "uint8", tmp_path), Store("features", 0, (3,), "float32", tmp_path)
    rows = [split.Row(f"{index:064x}", f"{index}.png", "a", "train") for index in range(40)]
    for index, row in enumerate(rows):
        pixels.put(row.hash, np.full((2, 2, 3), index))
    calls = []

    def compute(pictures):
        calls.append(len(pictures))
        return pictures.mean((1, 2))

    values = features(compute, pixels, kept, rows)
    assert calls == [32, 8]
    np.testing.assert_array_equal(values[:, 0], np.arange(40))
    np.testing.assert_array_equal(features(compute, pixels, kept, rows[::-1])[:, 0], np.arange(40)[::-1])
    assert calls == [32, 8]


def test_a_saved_model_tells_all_and_no_path_of_this_machine(exported, tiny_module):
    folder = exported / "saved_models" / "mine"
    card = cards.read(folder)
    assert card.labels == ("heart", "moon", "tree") and card.images.size == (32, 32)
    assert card.metrics["val"]["accuracy"] >= 0.6 and card.metrics["val"]["photos"] == 9
    assert set(card.files) == {"model.keras", "split.csv", "history.csv"}
    assert len(split.read(folder / "split.csv")) == 42
    texts = [path.read_text() for path in folder.rglob("*") if path.suffix in (".json", ".csv", ".html", ".txt")]
    assert not any(str(exported) in text or str(tiny_module.parent) in text for text in texts)
    assert {path.name for path in (folder / "report").iterdir()} == {"report.html", "curves.png", "confusion.png"}


def test_the_saved_model_answers_as_its_metrics_say(exported):
    folder = exported / "saved_models" / "mine"
    from cvapp.evaluation.evaluate import evaluate

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(exported)
        for variant in ("keras", "float32"):
            found = evaluate(folder, part="val", variant=variant)
            assert found["accuracy"] == cards.read(folder).metrics["val"]["accuracy"]
            assert found["loss"] == pytest.approx(cards.read(folder).metrics["val"]["loss"], abs=2e-4)


def test_it_loads_and_predicts_elsewhere(exported, tmp_path, rng):
    shutil.copytree(exported / "saved_models" / "mine", tmp_path / "copy")
    pictures = rng.integers(0, 256, (3, 32, 32, 3), np.uint8)
    keras_says, lite_says = (load(tmp_path / "copy", variant).predict(pictures) for variant in ("keras", "float32"))
    np.testing.assert_allclose(keras_says, lite_says, atol=1e-4)


@pytest.mark.parametrize("fault", ["one class", "one photo", "empty"])
def test_bad_data_leaves_the_old_model_as_it_was(fault, home, photos, tiny_module):
    data = home / "data"
    if fault != "empty":
        shutil.copytree(photos / "heart", data / "heart")
    data.mkdir(exist_ok=True)
    if fault == "one photo":
        (data / "moon").mkdir()
        shutil.copy(next((photos / "moon").iterdir()), data / "moon" / "only.png")
    before = (home / "saved_models/mine/model.keras").read_bytes()
    with pytest.raises(CvappError) as error:
        classify.train(small_recipe(tiny_module), data, home / "saved_models/mine")
    assert error.value.code == Exit.BAD_DATA
    assert (home / "saved_models/mine/model.keras").read_bytes() == before


def test_an_interrupted_run_leaves_the_old_model_whole(home, photos, tiny_module, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    before = {path: path.read_bytes() for path in (home / "saved_models/mine").rglob("*") if path.is_file()}
    monkeypatch.setattr(classify.reports, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        classify.train(small_recipe(tiny_module), photos, home / "saved_models/mine")
    assert {path: path.read_bytes() for path in (home / "saved_models/mine").rglob("*") if path.is_file()} == before
    assert not [path for path in (home / "saved_models").iterdir() if path.name.startswith(".mine")]


def test_unreadable_photos_are_left_out_and_named(workspace, photos, tiny_module):
    shutil.copytree(photos, workspace / "data")
    (workspace / "data" / "heart" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    lines = []
    made = classify.train(
        small_recipe(tiny_module, epochs=1), workspace / "data", workspace / "saved_models/mine", lambda text, *_: lines.append(text)
    )
    assert made.data["skipped"] == 1 and sum(made.data["photos"].values()) == 42
    assert any("broken.jpg" in line and "truncated" in line for line in lines)


def test_a_split_beside_the_photos_is_obeyed(workspace, photos, tiny_module):
    shutil.copytree(photos, workspace / "data")
    from cvapp.data.folders import hashed, scan

    rows = split.make(hashed(scan(workspace / "data")), 0.3, 0.3, seed=9)
    split.write(workspace / "data" / "split.csv", rows)
    classify.train(small_recipe(tiny_module, epochs=1), workspace / "data", workspace / "saved_models/mine")
    assert split.read(workspace / "saved_models/mine/split.csv") == rows


def test_a_size_that_the_module_does_not_take(workspace, photos, tiny_module):
    from cvapp.recipe import override

    with pytest.raises(CvappError, match=r"images.size is \(64, 64\), but the module takes \(32, 32\)"):
        classify.train(override(small_recipe(tiny_module), ["images.size=64,64"]), photos, workspace / "saved_models/mine")


def test_the_whole_network_is_the_head_on_the_module(exported, photos):
    model = classifier.open_model(exported / "saved_models/mine/model.keras")
    assert [layer.name for layer in model.layers] == ["pixels", "scale", "backbone", "dropout", "logits", "probabilities"]
