"""From photos to a saved model: repeatable, cached, self-contained, and never at the cost of what was saved."""

import dataclasses
import shutil

import numpy as np
import pytest

from cvapp import card as cards
from cvapp import recipe as recipes
from cvapp.data import split
from cvapp.data.split_settings import DataSource
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import poor_features
from cvapp.loading import load
from cvapp.models import classifier
from cvapp.models.backbones import TABLE, Backbone
from cvapp.recipe import Augment, Images, Model, Recipe, Train
from cvapp.runs import Start
from cvapp.training import classify, features
from tests.conftest import small_recipe


@pytest.fixture
def unreported(monkeypatch):
    """Without the report, which takes longer than a small training; what it was given is kept."""
    given = {}
    monkeypatch.setattr(classify.reports, "write", lambda card, results, folder: given.update(results=results))
    return given


def weights(folder) -> np.ndarray:
    return np.concatenate([weight.ravel() for weight in classifier.open_model(folder / "model.keras").get_weights()])


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(workspace, photos, tiny_module, unreported):
    found = []
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        recipe = dataclasses.replace(small_recipe(tiny_module, epochs=3), seed=seed)
        shutil.copytree(photos, workspace / name)  # each with a split of its own
        classify.train(recipe, workspace / name, workspace / "saved_models" / name)
        found.append(weights(workspace / "saved_models" / name))
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 1e-3


def test_the_best_validation_epoch_is_what_is_saved(workspace, photos, tiny_module, unreported):
    recipe = small_recipe(tiny_module, epochs=60, patience=60, learning_rate=1.0)
    made = classify.train(recipe, photos, workspace / "saved_models/mine")
    losses = [row["val_loss"] for row in unreported["results"].history]
    assert losses[-1] > min(losses) + 1e-3
    assert made.metrics["val"]["loss"] == pytest.approx(min(losses), abs=1e-4)
    probed = poor_features.metric(unreported["results"], made.labels)
    assert probed.items() <= made.metrics.items() and 0 < probed[poor_features.ADJUSTED] <= probed[poor_features.HIGHEST] <= 1
    assert unreported["results"].source == DataSource("", (), True), "for the report, without the folders of this machine"
    assert str(photos.parent) not in (workspace / "saved_models/mine/card.json").read_text()


def test_features_are_computed_once(tmp_path):
    pixels, kept = Store("pixels", 0, (2, 2, 3), "uint8", tmp_path), Store("features", 0, (3,), "float32", tmp_path)
    rows = [split.Row(f"{index:064x}", f"{index}.png", "a", "train") for index in range(40)]
    for index, row in enumerate(rows):
        pixels.put(row.hash, np.full((2, 2, 3), index))
    calls = []

    def compute(pictures):
        calls.append(len(pictures))
        return pictures.mean((1, 2))

    values = features.features(compute, pixels, kept, rows)
    assert calls == [32, 8]
    np.testing.assert_array_equal(values[:, 0], np.arange(40))
    np.testing.assert_array_equal(features.features(compute, pixels, kept, rows[::-1])[:, 0], np.arange(40)[::-1])
    assert calls == [32, 8]


def test_features_are_those_of_the_scaled_pixels_and_belong_to_their_backbone(tmp_path, rng):
    """Two backbones do not read each other's."""
    import keras

    pixels = Store("pixels", 0, (4, 4, 3), "uint8", tmp_path)
    rows = [split.Row(f"{index:064x}", f"{index}.png", "a", "train") for index in range(3)]
    for row in rows:
        pixels.put(row.hash, rng.integers(0, 256, (4, 4, 3)))
    inputs = keras.Input((4, 4, 3))
    layer = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    means = pixels.read(row.hash for row in rows).mean((1, 2))
    for factor, offset, name in ((2.0, 1.0, "one"), ([1.0, 2.0, 3.0], [0.0, 0.0, -5.0], "other")):
        backbone = Backbone(layer, (factor, offset), 3, (4, 4), {}, name)
        for _ in range(2):
            found = features.frozen(backbone, rows, pixels, root=tmp_path)
            np.testing.assert_allclose(found, means * factor + offset, rtol=1e-5)


def test_a_saved_model_tells_all_and_no_path_of_this_machine(exported, tiny_module):
    folder = exported / "saved_models" / "mine"
    card = cards.read(folder)
    assert card.labels == ("heart", "moon", "tree") and card.images.size == (32, 32)
    assert card.metrics["val"]["accuracy"] >= 0.6 and card.metrics["val"]["photos"] == 9
    assert set(card.files) == {"model.keras", "split.csv", "history.csv"}
    assert len(split.read(folder / "split.csv")) == 42
    texts = [path.read_text() for path in folder.rglob("*") if path.suffix in (".json", ".csv", ".html", ".txt")]
    assert not any(str(exported) in text or str(tiny_module.parent) in text for text in texts)
    assert {"report.html", "curves.png", "confusion.png"} <= {path.name for path in (folder / "report").iterdir()}
    assert card.weights == {"source": "tiny", "licence": "not stated by the module; see where it came from"}


def test_the_saved_model_answers_as_its_metrics_say(exported):
    folder = exported / "saved_models" / "mine"
    from cvapp.evaluation.evaluate import evaluate

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(exported)
        for variant in ("keras", "float32"):
            done = []
            found = evaluate(folder, part="val", variant=variant, report=lambda text, *counts: done.append(counts))
            assert done[-2:] == [(0, 9), (9, 9)], "nine photos at once"
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
    assert not [path for path in (home / "saved_models").iterdir() if path.name.startswith(".mine") and path.name != ".mine.work"]


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
    from cvapp.data.folders import scan
    from cvapp.data.listing import hashed

    rows, _ = split.make(hashed(scan(workspace / "data")).photos, 0.3, 0.3, seed=9)
    split.write(workspace / "data" / "split.csv", rows)
    classify.train(small_recipe(tiny_module, epochs=1), workspace / "data", workspace / "saved_models/mine")
    assert split.read(workspace / "saved_models/mine/split.csv") == rows


def test_a_size_that_the_module_does_not_take(workspace, photos, tiny_module):
    from cvapp.recipe import override

    with pytest.raises(CvappError, match=r"images.size is \(64, 64\), but the module takes \(32, 32\)"):
        classify.train(override(small_recipe(tiny_module), ["images.size=64,64"]), photos, workspace / "saved_models/mine")


def test_the_whole_network_is_the_head_on_the_module(exported):
    model = classifier.open_model(exported / "saved_models/mine/model.keras")
    assert [layer.name for layer in model.layers] == ["pixels", "scale", "backbone", "dropout", "logits", "probabilities"]


def test_training_photos_are_judged_by_probes_that_did_not_see_them(workspace, photos, tiny_module, unreported):
    """The model itself may know its training photos by heart; held-out photos are judged by the model."""
    classify.train(small_recipe(tiny_module, epochs=30), photos, workspace / "saved_models/mine")
    results = unreported["results"]
    part = np.array([row.part for row in results.rows])
    assert results.crossed and results.learning[-1][0] == (part == "train").sum() and results.seen is None
    np.testing.assert_array_equal(results.judged[part != "train"], results.probabilities[part != "train"])
    assert np.abs(results.judged[part == "train"] - results.probabilities[part == "train"]).max() > 0.1
    assert len(results.before) == (part == "val").sum()


def listed(photos, path, sessions):
    """A CSV of the photos with sessions, as many as said for each class."""
    lines = ["path,label,group"]
    for folder in sorted(one for one in photos.iterdir() if one.is_dir()):
        for index, file in enumerate(sorted(folder.iterdir())):
            lines.append(f"{file},{folder.name},{folder.name} day {index % sessions}" if sessions else f"{file},{folder.name},")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_sessions_are_left_out_whole_and_the_card_says_so(workspace, photos, tiny_module, unreported):
    made = classify.train(small_recipe(tiny_module, epochs=2), listed(photos, workspace / "list.csv", 5), workspace / "saved_models/mine")
    results = unreported["results"]
    unseen = results.leave_one_out
    assert unseen.by_session.sessions == 15 and unseen.uncounted == 0 and unseen.photos == len(results.rows)
    assert made.metrics["leave_one_session_out"] == round(unseen.by_session.accuracy, 4)
    assert made.metrics["test"]["sessions"] == 3 and 0 <= made.metrics["test"]["accuracy_by_session"] <= 1
    assert results.forecast is None, "five sessions of a class are too few"


def test_unknown_sessions_leave_the_card_as_it_is(workspace, photos, tiny_module, unreported):
    made = classify.train(small_recipe(tiny_module, epochs=2), listed(photos, workspace / "list.csv", 0), workspace / "saved_models/mine")
    assert unreported["results"].leave_one_out is None and "leave_one_session_out" not in made.metrics
    assert "sessions" not in made.metrics["test"] and "accuracy" in made.metrics["test"]
    found = unreported["results"].forecast
    assert found.photos == made.data["photos"]["train"] and len(found.classes) == len(made.labels)


def scratch(**train) -> Recipe:
    """A small network from random weights on varied pictures."""
    return Recipe(
        images=Images((32, 32)),
        model=Model("small_resnet", weights="none", alpha=0.2),
        augment=Augment(mirror=True, rotation=10, mixup=0.2),
        train=Train(**{"epochs": 2, "batch": 8, **train}),
    )


def test_a_network_from_scratch_has_no_frozen_features(workspace, photos, unreported):
    made = classify.train(scratch(), photos, workspace / "saved_models/mine")
    results = unreported["results"]
    assert [row["stage"] for row in results.history] == ["whole", "whole"] and not results.crossed and not results.learning
    assert made.weights["source"] == "none: trained from random weights" and "fine_tune" not in made.metrics
    assert results.seen.dtype == np.uint8 and results.seen.ndim == 3
    model = classifier.open_model(workspace / "saved_models/mine/model.keras")
    pictures = results.pixels.read([row.hash for row in results.rows])
    np.testing.assert_allclose(classifier.predict_function(model)(pictures), results.probabilities, atol=1e-5)
    moved = np.concatenate([layer.moving_mean for layer in model.get_layer("backbone").layers if hasattr(layer, "moving_mean")])
    assert np.abs(moved).max() > 1e-3, "batch norm learnt its statistics"


@pytest.mark.parametrize("which, names", [("none", ["head", "head"]), ("blocks:1", ["head", "head", "fine-tuning"])])
def test_a_pretrained_backbone_stays_as_it_is_unless_it_is_tuned(which, names, workspace, photos, tmp_path, unreported):
    """On varied pictures either way. Where its weights lay is not told."""
    pretrained = TABLE["small_resnet"].build((32, 32), scratch().model, None)
    pretrained.save_weights(tmp_path / "mine.weights.h5")
    recipe = recipes.override(
        scratch(), [f"model.weights={tmp_path}/mine.weights.h5", f"train.fine_tune={which}", "train.fine_tune_epochs=1"]
    )
    made = classify.train(recipe, photos, workspace / "saved_models/mine")
    assert [row["stage"] for row in unreported["results"].history] == names
    backbone = classifier.open_model(workspace / "saved_models/mine/model.keras").get_layer("backbone")
    moved = [not np.array_equal(one, other) for one, other in zip(backbone.get_weights(), pretrained.get_weights(), strict=True)]
    assert sum(moved) == (0 if which == "none" else 9), "three convolutions, and two numbers of each of their norms"
    assert made.recipe.model.weights == "mine.weights.h5" and made.weights["source"].startswith("the file mine.weights.h5, sha256 ")
    assert str(tmp_path) not in (workspace / "saved_models/mine/card.json").read_text()


def test_auto_chooses_says_why_and_tells_the_card(workspace, photos, unreported):
    """42 photos are little data: a head, on the features of as many stages as do best."""
    lines = []
    recipe = Recipe(images=Images((32, 32)), model=Model("mobilenet_v2_drawings"), train=Train(epochs=2, fine_tune="auto"))
    recipe = recipes.override(recipe, ["augment.mirror=yes"])
    made = classify.train(recipe, photos, workspace / "saved_models/mine", lambda text, *_: lines.append(text))
    assert made.metrics["fine_tune"].startswith("little data (24 training photos, 8 in the middle class), ")
    assert f"fine_tune=auto: {made.metrics['fine_tune']}" in lines
    assert made.recipe.train.fine_tune == "none" and made.recipe.model.stages in (1, 2, 3)
    assert made.metrics["fine_tune"].endswith("; the photos are not varied")
    assert made.recipe.augment.off and len(unreported["results"].history) == 2, "a head learns from the photos as they are"
    assert f"features of {made.recipe.model.stages} stage" in made.metrics["fine_tune"] or made.recipe.model.stages == 1
    assert recipes.from_json(recipes.to_json(made.recipe)) == made.recipe


def test_a_run_whose_loss_is_not_finite_is_exit_5_and_leaves_the_old_model(home, photos):
    before = (home / "saved_models/mine/model.keras").read_bytes()
    with pytest.raises(
        CvappError, match="the loss was not finite in epoch 1 of whole: .*lower train.learning_rate .10 at that step"
    ) as error:
        recipe = recipes.override(scratch(), ["train.optimiser=sgd", "train.learning_rate=10", "train.l2=1", "train.batch=4"])
        classify.train(recipe, photos, home / "saved_models/mine")
    assert error.value.code == Exit.GATE
    assert (home / "saved_models/mine/model.keras").read_bytes() == before


def test_a_state_outlives_a_failure_at_the_end_and_is_gone_after_success(workspace, photos, monkeypatch, unreported):
    """Saving is interrupted once; --resume goes on after the last step."""
    from cvapp.training import state

    monkeypatch.setattr(state, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(state, "_SHARE", 1e9)
    folder = workspace / "saved_models/mine"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(classify, "_save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        classify.train(scratch(epochs=1), photos, folder)
    assert [path.name for path in (workspace / "saved_models/.mine.work").iterdir()] == [state.FILE] and not folder.exists()
    lines = []
    classify.train(scratch(epochs=1), photos, folder, lambda text, *_: lines.append(text), start=Start.RESUME)
    assert "going on with epoch 2 of whole" in lines and not (workspace / "saved_models/.mine.work").exists()
    assert {"model.keras", "split.csv", "history.csv", "card.json"} == {path.name for path in folder.iterdir()}


def test_a_run_does_not_go_on_with_other_weights_under_the_same_name(workspace, photos, tmp_path, monkeypatch, unreported):
    import keras
    from cvapp.training import state

    monkeypatch.setattr(state, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(state, "_SHARE", 1e9)
    path = tmp_path / "mine.weights.h5"
    recipe = recipes.override(scratch(epochs=1), [f"model.weights={path}"])
    for seed, start in ((1, Start.NEW), (2, Start.RESUME)):
        keras.utils.set_random_seed(seed)  # training seeds too: without this the second file could be the first
        TABLE["small_resnet"].build((32, 32), scratch().model, None).save_weights(path)
        with monkeypatch.context() as patch, pytest.raises((KeyboardInterrupt, CvappError), match="|had backbone small_resnet-1-") as error:
            patch.setattr(classify, "_save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            classify.train(recipe, photos, workspace / "saved_models/mine", start=start)
        assert error.type is (CvappError if start is Start.RESUME else KeyboardInterrupt)
