"""The stages of a classifier's training: what they feed, what of the network trains, and what of it is saved."""

import dataclasses
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.evaluation.metrics import softmax
from cvapp.export import variants
from cvapp.models import classifier, hub
from cvapp.models.backbones import TABLE, Backbone, open_backbone
from cvapp.recipe import Augment, Images, Model, Recipe, Train
from cvapp.training import stages
from cvapp.training.loop import calibrated
from cvapp.training.stages import Material

SIZE = (32, 32)
VARIED = Augment(mirror=True, zoom=0.2, rotation=15, brightness=0.1, noise=0.02, mixup=0.3, cutmix=1.0)
SCRATCH = Model("small_resnet", weights="none", alpha=0.2, dropout=0.3, stochastic_depth=0.3)
TUNED = dataclasses.replace(SCRATCH, backbone="mobilenet_v2_drawings", weights="imagenet", alpha=0.35)
# what draws at random, but not the branches and loops that keep no state
RANDOM = re.compile(r"Random|Multinomial|Bernoulli|Dropout|Stateless(?!(If|While|Case)$)|RngRead|RNG")


@pytest.fixture
def material(tmp_path, rng) -> Material:
    """Noise of three classes: 12, 4 and 2 pictures to train on, 3 of each for validation, one of each held out."""
    store = Store("pixels", 0, (*SIZE, 3), "uint8", tmp_path)
    rows = []
    for index in range(30):
        place, digit = divmod(index, 10)
        part = "train" if digit < 6 else "test" if digit == 6 else "val"
        label = ("1", "2", "10")[place if part != "train" or digit < 6 - 2 * place else 0]
        rows.append(Row(f"{index:064x}", f"{index}.png", label, part))
        store.put(rows[-1].hash, rng.integers(0, 256, (*SIZE, 3)) // (1 + place))
    return Material(rows, store)


def recipe(model=SCRATCH, augment=Augment(), **train) -> Recipe:
    return Recipe(seed=4, images=Images(SIZE), model=model, augment=augment, train=Train(**{"batch": 8, "epochs": 3, **train}))


def network_stage(made: Recipe, material: Material, which: str) -> tuple[stages.Stage, Backbone, keras.Sequential]:
    keras.utils.set_random_seed(0)
    backbone = open_backbone(made.model, SIZE)
    head = classifier.head(backbone.features, 3, made.model)
    return stages.network_stage(made, backbone, head, material, which), backbone, head


def test_a_classes_weight_is_the_inverse_of_its_share():
    """Of 8 photos, 1, 3, 0 and 4: 8 / (3 classes x 1), 8 / (3 x 3), nothing, 8 / (3 x 4)."""
    truth = np.array([0, 1, 1, 1, 3, 3, 3, 3])
    found = stages.class_weights(truth, 4)
    np.testing.assert_allclose(found, [8 / 3, 8 / 9, 0, 2 / 3], rtol=1e-6)
    assert found[truth].mean() == pytest.approx(1) and found.dtype == np.float32
    np.testing.assert_allclose([found[truth[truth == index]].sum() for index in (0, 1, 3)], 8 / 3, rtol=1e-6)
    np.testing.assert_array_equal(stages.class_weights(np.array([0, 1, 2] * 5), 3), 1)


def test_material_knows_its_labels_and_parts(material):
    assert material.labels == ["1", "2", "10"] and material.parts == ["train", "val", "test"]
    assert [len(material.of(part)) for part in material.parts] == [18, 9, 3]
    assert [material.labels[index] for index in material.truth] == [row.label for row in material.rows]
    assert list(np.bincount(material.truth[material.of("train")])) == [12, 4, 2]


def as_arrays(batches) -> list[list[np.ndarray]]:
    return [[np.asarray(part) for part in batch if part is not None] for batch in batches]


def assert_alike(some, others) -> None:
    for one, other in zip(as_arrays(some), as_arrays(others), strict=True):
        for part, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(part, same)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_head_sees_each_photo_once_an_epoch_with_its_class_and_weight(material, weighted):
    values = np.arange(30, dtype=np.float32)[:, None].repeat(5, 1)
    head = classifier.head(5, 3, Model())
    stage = stages.head_stage(recipe(class_weights=weighted), head, values, material)
    batches = list(stage.batches(0, 0))
    assert stage.steps == 3 and [len(inputs) for inputs, _, _ in batches] == [8, 8, 2]
    places = np.concatenate([inputs[:, 0] for inputs, _, _ in batches]).astype(int)
    np.testing.assert_array_equal(np.sort(places), material.of("train"))
    truth = material.truth[places]
    np.testing.assert_array_equal(np.concatenate([targets for _, targets, _ in batches]), np.eye(3)[truth])
    if weighted:
        expected = stages.class_weights(material.truth[material.of("train")], 3)[truth]
        np.testing.assert_allclose(np.concatenate([weight for _, _, weight in batches]), expected, rtol=1e-6)
        assert expected.min() < 0.8 < 1.1 < expected.max()
    else:
        assert all(weight is None for _, _, weight in batches)
    assert_alike(stage.batches(0, 1), batches[1:])
    assert not np.array_equal(next(stage.batches(1, 0))[0], batches[0][0])
    check = material.of("val")
    expected_measure = calibrated(lambda: np.asarray(head(values[check], training=False)), material.truth[check])()
    assert stage.measure() == pytest.approx(expected_measure, abs=1e-5)


@pytest.mark.parametrize(
    "model, which, name, epochs, rate, weights",
    [(SCRATCH, "all", "whole", 3, 3e-3, 27), (TUNED, "none", "head", 3, 3e-3, 0), (TUNED, "blocks:2", "fine-tuning", 7, 2e-4, 12)],
)
def test_each_stage_trains_its_part_at_its_rate(material, model, which, name, epochs, rate, weights):
    stage, backbone, head = network_stage(recipe(model, fine_tune_epochs=7, fine_tune_rate=2e-4), material, which)
    layer = stage.network.get_layer("backbone")
    assert (stage.name, stage.epochs, stage.steps, stage.tuned) == (name, epochs, 3, name == "fine-tuning")
    assert float(stage.network.optimizer.learning_rate) == pytest.approx(rate)
    assert len(layer.trainable_weights) == weights
    assert len(stage.network.trainable_weights) == len(layer.trainable_weights) + len(head.trainable_weights)
    assert layer is not backbone.layer


def test_pictures_are_fed_as_they_are_where_nothing_varies(material):
    stage, _, _ = network_stage(recipe(), material, "all")
    batches = as_arrays(stage.batches(2, 0))
    pictures, targets = (np.concatenate(parts) for parts in zip(*batches))
    known = {row.hash: place for place, row in enumerate(material.rows)}
    pixels = {material.pixels.read([name]).tobytes(): place for name, place in known.items()}
    places = [pixels[picture.astype(np.uint8).tobytes()] for picture in pictures]
    assert sorted(places) == list(material.of("train"))
    np.testing.assert_array_equal(targets, np.eye(3)[material.truth[places]])


def test_varied_pictures_repeat_go_on_in_the_middle_and_differ_by_epoch(material):
    stage, _, _ = network_stage(recipe(augment=VARIED, class_weights=True), material, "all")
    whole = as_arrays(stage.batches(1, 0))
    assert [len(inputs) for inputs, _, _ in whole] == [8, 8, 2]
    assert_alike(stage.batches(1, 0), whole)
    assert_alike(stage.batches(1, 2), whole[2:])
    assert not np.allclose(as_arrays(stage.batches(0, 0))[0][0], whole[0][0])
    weights = stages.class_weights(material.truth[material.of("train")], 3)
    for _, targets, weight in whole:
        np.testing.assert_allclose(targets.sum(1), 1, atol=1e-5)
        np.testing.assert_allclose(weight, targets @ weights, atol=1e-5)
    assert max((targets.max(1) < 0.99).mean() for _, targets, _ in whole) > 0.3, "mixed"


def trained(stage: stages.Stage, steps: int = 2) -> None:
    for (inputs, targets, weight), _ in zip(stage.batches(0, 0), range(steps)):
        stage.network.train_on_batch(inputs, targets, sample_weight=weight)


@pytest.mark.parametrize("which", ["all", "blocks:2"], ids=["from scratch", "tuned"])
def test_what_the_copy_learnt_gets_into_what_is_saved(which, material, tmp_path):
    model = SCRATCH
    if which != "all":
        TABLE["small_resnet"].build(SIZE, SCRATCH, None).save_weights(tmp_path / "mine.weights.h5")
        model = dataclasses.replace(SCRATCH, weights=str(tmp_path / "mine.weights.h5"))
    stage, opened, head = network_stage(recipe(model, VARIED), material, which)
    saved, pixels = classifier.assemble(opened, head), material.pixels.read([material.rows[0].hash]).astype(np.float32)
    before = opened.layer.get_weights()
    trained(stage)
    for old, new in zip(before, opened.layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    stages.give_back(stage, opened)
    moved = [not np.array_equal(old, new) for old, new in zip(before, opened.layer.get_weights(), strict=True)]
    assert sum(moved) >= 0.9 * len(stage.network.get_layer("backbone").trainable_weights)
    np.testing.assert_allclose(saved(pixels, training=False), softmax(np.asarray(stage.network(pixels, training=False))), atol=1e-5)
    held = material.pixels.read([material.rows[place].hash for place in material.of("val")])
    expected = calibrated(lambda: np.asarray(stage.network(held, training=False)), material.truth[material.of("val")])()
    assert stage.measure() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("which, moves", [("none", False), ("all", True)])
def test_a_module_trains_itself_or_nothing(which, moves, material, tiny_module):
    stage, opened, _ = network_stage(recipe(Model(handle=str(tiny_module)), VARIED), material, which)
    assert isinstance(stage.network.get_layer("backbone"), hub.HubModule)
    (before,) = opened.layer.get_weights()
    trained(stage)
    stages.give_back(stage, opened)
    assert (opened.layer.get_weights()[0] != before).any() == moves and stage.tuned == moves


def test_answers_for_many_photos_are_read_in_pieces(material):
    names = [row.hash for row in material.rows]
    sizes = []

    def answer(pictures):
        sizes.append(len(pictures))
        return pictures.mean((1, 2))

    np.testing.assert_allclose(stages.chunked(answer, material.pixels, names, 12), material.pixels.read(names).mean((1, 2)))
    assert sizes == [12, 12, 6]


def operations(function) -> set[str]:
    """The kinds of all operations of a concrete function, those of the functions that it calls too."""
    graph = function.graph.as_graph_def()
    return {node.op for node in [*graph.node, *(node for inner in graph.library.function for node in inner.node_def)]}


def test_nothing_random_is_exported(material, tmp_path):
    """Trained with augmentation, dropout, stochastic depth and MixUp; an answer in training shows what would be found."""
    from ai_edge_litert.interpreter import Interpreter

    stage, opened, head = network_stage(recipe(augment=VARIED), material, "all")
    trained(stage, 1)
    stages.give_back(stage, opened)
    model = classifier.assemble(opened, head)
    spec = tf.TensorSpec((1, *SIZE, 3), tf.float32)
    found = operations(tf.function(lambda pixels: model(pixels, training=False)).get_concrete_function(spec))
    assert "Conv2D" in found and not [kind for kind in found if RANDOM.search(kind)]
    for careless in (model, stage.network):
        drawn = operations(tf.function(lambda pixels: careless(pixels, training=True)).get_concrete_function(spec))
        assert [kind for kind in drawn if RANDOM.search(kind)]
    interpreter = Interpreter(model_content=variants.make(model, "float32", tmp_path))
    names = {operation["op_name"] for operation in interpreter._get_ops_details()}
    assert {"CONV_2D", "SOFTMAX"} <= names and not [name for name in names if "RANDOM" in name or "MULTINOMIAL" in name or "Flex" in name]
