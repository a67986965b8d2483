"""What is done to a backbone: its stages, its blocks, and the copy that trains, with its dropped branches and 16 bits."""

import functools
import re

import keras
import numpy as np
import pytest

from cvapp import images, signs
from cvapp.errors import CvappError
from cvapp.models import classifier, surgery
from cvapp.models.backbones import TABLE, open_backbone
from cvapp.recipe import Model, Train
from cvapp.training import optimise

# blocks with the stem and what follows them; the layer whose maps are F(x) in x + F(x), and how often
FAMILIES = {
    "mobilenet_v2": (19, r"block_\d+_project_BN", 10),
    "mobilenet_v3_small": (13, r"expanded_conv_\d+_project_bn", 6),
    "mobilenet_v3_large": (17, r"expanded_conv(_\d+)?_project_bn", 10),
    "efficientnet_v2_b0": (23, r"block\d[a-z]_drop", 15),
    "resnet_50": (17, r"conv\d_block\d_3_bn", 16),
    "small_resnet": (4, r"stage\d_block\d_2_bn", 3),
    "keras_cv_resnet_18_v2": (10, r"v2_stack_\d_block\d_2_conv", 8),
    "efficientnet_lite0": (18, r"block\d[a-z]_project_bn", 9),
}
SIZE = (64, 64)


@functools.cache
def awake(name: str) -> keras.Model:
    """A network with random weights whose batch norm fits some noise, else it answers alike for all pictures. To be read only."""
    network = TABLE[name].build(SIZE, Model(), None)
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    kept = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    network(noise(), training=True)
    for layer, momentum in zip(norms, kept):
        layer.momentum = momentum
    return network


def noise(count: int = 4) -> np.ndarray:
    """Pictures about 0."""
    return np.random.default_rng(0).normal(size=(count, *SIZE, 3)).astype(np.float32)


def tuned(name: str, **settings: object) -> keras.Model:
    """A training copy of the pooled network."""
    return surgery.training_copy(surgery.pooled(awake(name), 1), Model(name, **settings), False)


def scratch(initialiser: str) -> keras.Model:
    return surgery.training_copy(
        surgery.pooled(awake("small_resnet"), 1), Model("small_resnet", weights="none", initialiser=initialiser), False
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_the_last_maps_of_each_resolution_are_pooled(name):
    network = awake(name)
    outputs = surgery.stage_outputs(network)
    assert [values.shape[1:3] for values in outputs] == [(32, 32), (16, 16), (8, 8), (4, 4), (2, 2)][
        -len(outputs) :
    ] or name == "small_resnet"
    assert outputs[-1] is network.output
    pictures = noise()
    maps = [np.asarray(values) for values in keras.Model(network.input, outputs[-3:])(pictures, training=False)]
    assert np.ptp(maps[-1], 0).max() > 0.1
    for stages in (1, 3):
        layer = surgery.pooled(network, stages)
        expected = np.concatenate([values.mean((1, 2)) for values in maps[-stages:]], 1)
        assert layer.name == "backbone" and layer.output_shape == (None, expected.shape[1])
        np.testing.assert_allclose(layer(pictures, training=False), expected, rtol=1e-4, atol=1e-4)


def test_stages_by_hand():
    """MobileNetV2's: 2.4 times 0.35 of 16, 24, 32, 96 and the top's 1280 channels, expansions by 6 where a resolution ends within a block."""
    shapes = [tuple(values.shape[1:]) for values in surgery.stage_outputs(awake("mobilenet_v2"))]
    assert shapes == [(32, 32, 48), (16, 16, 48), (8, 8, 96), (4, 4, 192), (2, 2, 1280)]
    shapes = [tuple(values.shape[1:]) for values in surgery.stage_outputs(awake("small_resnet"))]
    assert shapes == [(64, 64, 24), (32, 32, 24), (16, 16, 48), (8, 8, 88)]


def test_more_stages_than_there_are():
    with pytest.raises(CvappError, match="model.stages is 5: small_resnet has 4 resolutions at this size"):
        surgery.pooled(awake("small_resnet"), 5)


@pytest.mark.parametrize("name", FAMILIES)
def test_layers_are_grouped_by_block(name):
    network = awake(name)
    groups = surgery.blocks(network)
    assert len(groups) == FAMILIES[name][0]
    weighted = [layer.name for layer in network.layers if layer.weights]
    assert sorted(layer.name for group in groups for layer in group) == sorted(weighted)
    assert groups[0][0].name == weighted[0] and groups[-1][-1].name == weighted[-1]


def trained(layer: keras.Model) -> list[str]:
    """The layers that hold what trains."""
    return [one.name for one in layer.layers if one.trainable_weights]


@pytest.mark.parametrize(
    "which, count, blocks",
    [
        ("none", 0, 0), ("all", 104, 19), ("layers:3", 3, 2), ("layers:104", 104, 19), ("blocks:1", 2, 1), ("blocks:2", 8, 2),
        ("blocks:19", 104, 19),
    ],
)  # fmt: skip
def test_the_chosen_part_trains_and_no_other(which, count, blocks):
    """MobileNetV2: the top is a convolution and its norm; the last block three of each."""
    layer = tuned("mobilenet_v2")
    weighted = [one.name for one in layer.layers if one.weights]
    surgery.choose_trainable(layer, which)
    assert trained(layer) == weighted[len(weighted) - count :] and len(layer.trainable_weights) == sum(
        2 if "norm" in type(one).__name__.lower() else 1 for one in layer.layers if one.name in weighted[len(weighted) - count :]
    )
    assert len([group for group in surgery.blocks(layer) if any(one.trainable_weights for one in group)]) == blocks


@pytest.mark.parametrize("which, most", [("layers:105", "104 layers"), ("blocks:20", "19 blocks")])
def test_more_layers_or_blocks_than_there_are(which, most):
    with pytest.raises(CvappError, match=f"train.fine_tune is {which}: backbone has {most} with weights; give at most that, or all"):
        surgery.choose_trainable(tuned("mobilenet_v2"), which)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_training_copy_says_the_same_and_keeps_the_statistics_of_the_pretraining(name):
    network, pictures = surgery.pooled(awake(name), 1), noise()
    layer = surgery.training_copy(network, Model(name), False)
    expected = np.asarray(network(pictures, training=False))
    spread = np.ptp(expected, 0).max()
    assert spread > 0.1
    before = layer.get_weights()
    np.testing.assert_allclose(np.asarray(layer(pictures, training=False)) / spread, expected / spread, atol=1e-4)
    np.testing.assert_allclose(
        np.asarray(layer(pictures * 2, training=True)), np.asarray(layer(pictures * 2, training=False)), rtol=1e-3, atol=1e-3
    )
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    network.set_weights(layer.get_weights())  # the order of the weights is the same


def test_from_scratch_batch_norm_learns_its_statistics():
    layer = scratch("glorot")
    before = layer.get_weights()
    layer(noise(), training=True)
    moved = [not np.array_equal(old, new) for old, new in zip(before, layer.get_weights(), strict=True)]
    assert sum(moved) == 2 * sum(isinstance(one, keras.layers.BatchNormalization) for one in layer.layers)
    assert not any(isinstance(one, surgery.InferenceNorm) for one in layer.layers)


@pytest.mark.parametrize("name, own", [("mobilenet_v2", 0.999), ("mobilenet_v3_small", 0.999), ("resnet_50", 0.99), ("small_resnet", 0.9)])
def test_from_scratch_batch_norm_does_not_lag_behind_the_few_steps_of_a_small_run(name, own):
    network = surgery.pooled(awake(name), 1)
    copy = surgery.training_copy(network, Model(name, weights="none"), False)
    for made, expected in ((network, own), (copy, 0.9)):
        assert {layer.momentum for layer in made.layers if isinstance(layer, keras.layers.BatchNormalization)} == {expected}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_branch_that_is_dropped_is_that_of_the_residual(name):
    _, pattern, count = FAMILIES[name]
    sums = [layer for layer in awake(name).layers if isinstance(layer, keras.layers.Add)]
    assert len(sums) == count
    for layer in sums:
        branch, block = surgery.residual_branch(layer), layer.name.rpartition("_")[0]
        residual, shortcut = (layer.input[place]._keras_history.operation.name for place in (branch, 1 - branch))
        assert re.fullmatch(pattern, residual) and residual.startswith(block)
        assert not (re.fullmatch(pattern, shortcut) and shortcut.startswith(block))


def test_which_family_adds_the_residual_first():
    """A branch taken for granted would drop the shortcut of EfficientNetV2."""
    first = {}
    for name in FAMILIES:
        sums = [layer for layer in awake(name).layers if isinstance(layer, keras.layers.Add)]
        first[name] = {surgery.residual_branch(layer) for layer in sums}
    assert first["efficientnet_v2_b0"] == {0} and first["mobilenet_v2"] == first["resnet_50"] == {1}


@pytest.mark.parametrize("name", FAMILIES)
def test_stochastic_depth_rises_evenly_and_is_for_training_alone(name):
    network, pictures = surgery.pooled(awake(name), 1), noise()
    layer = tuned(name, stochastic_depth=0.4)
    sums = [one for one in layer.layers if isinstance(one, surgery.StochasticAdd)]
    count = FAMILIES[name][2]
    np.testing.assert_allclose([one.drop.rate for one in sums], np.arange(1, count + 1) / count * 0.4)
    expected = np.asarray(network(pictures, training=False))
    spread = np.ptp(expected, 0).max()
    np.testing.assert_allclose(np.asarray(layer(pictures, training=False)) / spread, expected / spread, atol=1e-4)
    assert np.abs(np.asarray(layer(pictures, training=True)) - expected).max() / spread > 0.01
    assert not any(isinstance(one, keras.layers.Dropout) and one.rate for one in layer.layers), "EfficientNetV2 has a fixed one of its own"


@pytest.mark.parametrize("branch", [0, 1])
def test_a_dropped_branch_leaves_the_picture_whole_and_the_mean_as_it_was(branch):
    count, rate = 4000, 0.3
    layer = surgery.StochasticAdd(rate, branch)
    shortcut, residual = np.full((count, 2, 3, 4), 5, np.float32), np.broadcast_to(np.arange(1, 5, dtype=np.float32), (count, 2, 3, 4))
    inputs = [residual, shortcut] if branch == 0 else [shortcut, residual]
    np.testing.assert_array_equal(layer(inputs, training=False), shortcut + residual)
    added = np.asarray(layer(inputs, training=True)) - shortcut
    dropped = (added == 0).all((1, 2, 3))
    np.testing.assert_allclose(added[~dropped], residual[~dropped] / (1 - rate), rtol=1e-5)
    assert abs(dropped.mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / count), "four standard deviations"
    np.testing.assert_allclose(added.mean(0), residual.mean(0), rtol=0.05)


def test_a_network_without_residuals_cannot_skip_any():
    pixels = keras.Input((8, 8, 3))
    network = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(pixels)), name="backbone")
    with pytest.raises(CvappError, match="model.stochastic_depth is 0.1: mobilenet_v2 has no residuals to skip"):
        surgery.training_copy(network, Model("mobilenet_v2", stochastic_depth=0.1), False)


@pytest.mark.parametrize("initialiser", ["glorot", "he", "lecun"])
def test_what_starts_at_random_is_spread_as_its_paper_says(initialiser):
    """Standard deviations: Glorot and Bengio 2010 sqrt(2 / (in + out)), He et al. 2015 sqrt(2 / in), LeCun et al. 1998 sqrt(1 / in)."""
    keras.utils.set_random_seed(3)
    found, expected = [], []
    for layer in scratch(initialiser).layers:
        if isinstance(layer, keras.layers.Conv2D):
            height, width, inputs, outputs = layer.kernel.shape
            fans = {"glorot": inputs + outputs, "he": inputs, "lecun": 2 * inputs}
            expected.append(np.sqrt(2 / (height * width * fans[initialiser])))
            found.append(np.asarray(layer.kernel).std())
    head = classifier.head(1280, 400, Model(initialiser=initialiser))
    found.append(head.get_weights()[0].std())
    expected.append(np.sqrt({"glorot": 2 / 1680, "he": 2 / 1280, "lecun": 1 / 1280}[initialiser]))
    assert len(found) == 10
    np.testing.assert_allclose(found, expected, rtol=0.06)
    others = {"glorot": "lecun", "he": "glorot", "lecun": "he"}
    assert abs(classifier.head(1280, 400, Model(initialiser=others[initialiser])).get_weights()[0].std() / expected[-1] - 1) > 0.1


def test_a_pretrained_backbone_keeps_its_weights_whatever_the_initialiser():
    network = surgery.pooled(awake("small_resnet"), 1)
    copy = surgery.training_copy(network, Model("small_resnet", weights="some.weights.h5", initialiser="he"), False)
    for one, other in zip(network.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_mixed_precision_computes_in_16_bits_keeps_32_and_answers_in_32():
    backbone = open_backbone(Model("mobilenet_v2_drawings"), (64, 64))
    layer = surgery.training_copy(backbone.layer, Model("mobilenet_v2_drawings", stochastic_depth=0.3), True)
    assert {one.compute_dtype for one in layer.layers[1:]} == {"bfloat16"}
    assert {variable.dtype for variable in layer.weights} == {"float32"}
    network = classifier.training_network(layer, backbone, classifier.head(backbone.features, 3, Model()))
    assert network.output.dtype == "float32"
    pictures = np.stack([images.fit(signs.photo(0, label, 0), images.Images(SIZE)) for label in signs.LABELS[:4]]).astype(np.float32)
    expected = np.asarray(backbone.layer(pictures / 127.5 - 1, training=False))
    found = np.asarray(layer(pictures / 127.5 - 1, training=False)).astype(np.float32)
    assert 1e-3 < np.abs(found - expected).mean() / np.ptp(expected, 0).mean() < 0.1, "8 of the 16 bits are for the digits"
    surgery.choose_trainable(layer, "blocks:3")  # the last sum is in the third last
    optimise.prepare(network, Train(), 1e-3, 1, 1)
    before = layer.get_weights()
    figures = network.train_on_batch(pictures, np.eye(3, dtype=np.float32)[[0, 1, 2, 0]], return_dict=True)
    assert np.isfinite(figures["loss"])
    assert sum(not np.array_equal(old, new) for old, new in zip(before, layer.get_weights(), strict=True)) > 0.9 * len(
        layer.trainable_weights
    )


def test_frozen_norms_answer_in_training_as_in_inference():
    """Fed with pictures of another spread, a norm that trains would answer otherwise, and move its statistics."""
    network = keras.models.clone_model(awake("small_resnet"))
    network.set_weights(awake("small_resnet").get_weights())
    pictures = 3 * noise()
    expected = np.asarray(network(pictures, training=False))
    assert not np.allclose(network(pictures, training=True), expected, atol=0.1)
    network.set_weights(awake("small_resnet").get_weights())
    surgery.freeze_norms(network)
    np.testing.assert_allclose(network(pictures, training=True), expected, atol=1e-5)
    assert all(layer.trainable for layer in network.layers if isinstance(layer, keras.layers.Conv2D))
