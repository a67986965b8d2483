"""Vision transformers: as large as their papers say, their patches and pooling by hand, positions at every picture size."""

import dataclasses
import re

import keras
import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.models import classifier, surgery, vit
from cvapp.models.transformer_blocks import EncoderBlock
from cvapp.models.backbones import TABLE, Row, open_backbone
from cvapp.models.classifier import open_model
from cvapp.recipe import Model, Train
from cvapp.shipped import load_pipeline
from cvapp.training import optimise

OWN = ("vit_small_4", "vit_small_8", "cct_2_3x2")
TOKEN = "of a class token"


@pytest.fixture(autouse=True)
def variants(monkeypatch):
    """A small network with a class token among the variants; the same random weights in every run."""
    keras.utils.set_random_seed(0)
    monkeypatch.setitem(vit.VARIANTS, TOKEN, vit.Variant(16, 2, 2, 32, 4))


def noise(count: int, size: tuple[int, int]) -> np.ndarray:
    """Pictures about 0."""
    return np.random.default_rng(0).normal(size=(count, *size, 3)).astype(np.float32)


def maps_of(network: keras.Model, name: str, pictures: np.ndarray) -> np.ndarray:
    """What a layer says."""
    return np.asarray(keras.Model(network.input, network.get_layer(name).output)(pictures, training=False))


def parameters(name: str, size: tuple[int, int], classes: int, monkeypatch) -> int:
    """Of the whole classifier, from networks of one and two blocks: each further block has as many."""
    variant, counts = vit.VARIANTS[name], []
    for depth in (1, 2):
        monkeypatch.setitem(vit.VARIANTS, name, dataclasses.replace(variant, depth=depth))
        counts.append(vit.build(size, name).count_params())
    return counts[0] + (variant.depth - 1) * (counts[1] - counts[0]) + (variant.width + 1) * classes


@pytest.mark.parametrize(
    "name, expected",
    [("vit_b_16", 86_567_656), ("vit_b_32", 88_224_232), ("vit_l_16", 304_326_632), ("deit_ti_16", 5_717_416), ("deit_s_16", 22_050_664)],
)
def test_a_transformer_has_the_parameters_of_its_paper(name, expected, monkeypatch):
    """At 224x224 with 1000 classes: 86, 88 and 307 million in Dosovitskiy et al., 5 and 22 in Touvron et al., exact in their code."""
    assert parameters(name, (224, 224), 1000, monkeypatch) == expected


def test_counting_by_blocks_counts_the_whole(monkeypatch):
    whole = vit.build((224, 224), "deit_ti_16").count_params() + 193 * 1000
    assert whole == parameters("deit_ti_16", (224, 224), 1000, monkeypatch)


@pytest.mark.parametrize("name, expected", [("cct_2_3x2", 0.28), ("cct_4_3x2", 0.48), ("cct_7_3x1", 3.76)])
def test_a_compact_transformer_has_the_parameters_of_its_paper(name, expected, monkeypatch):
    """At 32x32 with 10 classes, in millions; its queries, keys and values have no biases, ours have."""
    variant = vit.VARIANTS[name]
    found = parameters(name, (32, 32), 10, monkeypatch) - variant.depth * 3 * variant.width
    assert round(found / 1e6, 2) == expected


@pytest.mark.parametrize(
    "name, size, shape",
    [
        ("vit_small_4", (28, 28), (7, 7, 96)),
        ("vit_small_4", (24, 40), (6, 10, 96)),
        ("vit_small_8", (96, 64), (12, 8, 96)),
        ("cct_2_3x2", (28, 28), (1, 1, 128)),
        ("cct_2_3x2", (30, 17), (1, 1, 128)),
        (TOKEN, (28, 28), (1, 1, 16)),
    ],
)
def test_maps_are_those_of_the_patches_or_one_for_all(name, size, shape):
    network = vit.build(size, name)
    assert network.output_shape == (None, *shape)
    assert surgery.stage_outputs(network)[-1] is network.output
    assert surgery.pooled(network, 1).output_shape == (None, shape[-1])


def test_a_patch_is_one_linear_layer_on_its_pixels(rng):
    network, pictures = vit.build((8, 12), TOKEN), noise(2, (8, 12))
    network.get_layer("patches").set_weights([rng.normal(size=(4, 4, 3, 16)), rng.normal(size=16)])
    kernel, bias = network.get_layer("patches").get_weights()
    found = maps_of(network, "patches", pictures)
    for row in range(2):
        for column in range(3):
            patch = pictures[:, row * 4 : row * 4 + 4, column * 4 : column * 4 + 4]
            np.testing.assert_allclose(found[:, row, column], patch.reshape(2, 48) @ kernel.reshape(48, 16) + bias, atol=1e-5)
    tokens = maps_of(network, "tokens", pictures)
    placed = found + network.get_layer("positions").get_weights()[0]
    np.testing.assert_allclose(tokens[:, 4], placed[:, 1, 1], atol=1e-6)


def test_an_overlapping_patch_sees_what_lies_around_it(monkeypatch):
    """Three pixels more than its four, one before and two behind: a kernel of 7 by 7 in place of 4 by 4, and as many tokens."""
    for overlap, reach in ((False, range(4, 8)), (True, range(3, 10))):
        monkeypatch.setitem(vit.VARIANTS, TOKEN, vit.Variant(16, 2, 2, 32, 4, overlap=overlap))
        network = vit.build((12, 12), TOKEN)
        column = np.zeros((12, 12, 12, 3), np.float32)
        column[np.arange(12), :, np.arange(12)] = 1  # picture i has a line in column i
        blank = maps_of(network, "patches", np.zeros((1, 12, 12, 3), np.float32))
        moved = np.abs(maps_of(network, "patches", column) - blank)[:, 1, 1].max(-1) > 1e-6
        assert moved.nonzero()[0].tolist() == list(reach) and blank.shape == (1, 3, 3, 16)


def test_positions_that_start_as_sinusoids_tell_rows_in_one_half_and_columns_in_the_other():
    grid = vit.grid_sinusoids(3, 5, 8)
    assert grid.shape == (3, 5, 8) and grid.dtype == np.float32
    np.testing.assert_allclose(
        grid[2, 4], [np.sin(2), np.cos(2), np.sin(0.02), np.cos(0.02), np.sin(4), np.cos(4), np.sin(0.04), np.cos(0.04)], atol=1e-6
    )
    positions = vit.build((12, 20), "vit_small_4").get_layer("positions").get_weights()[0]
    np.testing.assert_array_equal(positions, vit.grid_sinusoids(3, 5, 96))
    assert np.abs(vit.build((12, 20), TOKEN).get_layer("positions").get_weights()[0]).max() < 0.1, "others start at random, and small"


def test_the_class_token_stands_first_and_is_what_is_answered():
    network, pictures = vit.build((8, 12), TOKEN), noise(3, (8, 12))
    tokens, with_class = (maps_of(network, name, pictures) for name in ("tokens", "class_token"))
    token, position = network.get_layer("class_token").get_weights()
    assert with_class.shape == (3, 7, 16)
    np.testing.assert_array_equal(with_class[:, 1:], tokens)
    np.testing.assert_array_equal(with_class[:, 0], np.broadcast_to(token + position, (1, 3, 16))[0])
    np.testing.assert_array_equal(network(pictures, training=False)[:, 0, 0], maps_of(network, "norm", pictures)[:, 0])


def test_the_sequence_is_pooled_as_it_is_weighed():
    network, pictures = vit.build((12, 16), "cct_2_3x2"), noise(2, (12, 16))
    tokens = maps_of(network, "norm", pictures).astype(float)
    kernel, bias = network.get_layer("pool_scores").get_weights()
    weights = np.exp(tokens @ kernel + bias)
    weights /= weights.sum(1, keepdims=True)
    assert tokens.shape == (2, 12, 128) and np.ptp(weights) > 1e-3
    np.testing.assert_allclose(network(pictures, training=False)[:, 0, 0], (weights * tokens).sum(1), atol=1e-5)


def swapped(pictures: np.ndarray) -> np.ndarray:
    """The pictures with the first two patches of 4 pixels in each other's place."""
    return np.concatenate([pictures[:, :, 4:8], pictures[:, :, :4], pictures[:, :, 8:]], 2)


def test_nothing_but_the_positions_tells_places_apart(monkeypatch):
    """Attention sees a set; without its positions the network answers alike for patches in any order."""
    monkeypatch.setitem(vit.VARIANTS, TOKEN, vit.Variant(16, 2, 2, 32, 4, vit.MEAN))
    layer, pictures = surgery.pooled(vit.build((4, 16), TOKEN), 1), noise(2, (4, 16))
    answers = [np.asarray(layer(one, training=False)) for one in (pictures, swapped(pictures))]
    assert np.abs(answers[0] - answers[1]).max() > 1e-4
    positions = layer.get_layer("positions").positions
    positions.assign(np.zeros(positions.shape))
    blind = [np.asarray(layer(one, training=False)) for one in (pictures, swapped(pictures))]
    np.testing.assert_allclose(blind[0], blind[1], atol=1e-5)
    assert np.ptp(blind[0], 0).max() > 0.01


@pytest.mark.parametrize("side", [1, 2, 7, 14])
def test_positions_of_the_same_size_stay_as_they_are(side, rng):
    positions = rng.normal(size=(side, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(vit.resize_positions(positions, (side, 5)), positions)


@pytest.mark.parametrize("size", [(14, 9), (3, 4), (2, 2), (7, 20)])
def test_a_ramp_stays_a_ramp(size):
    def ramp(height: int, width: int) -> np.ndarray:
        """1 to 3 downwards and -2 to 5 across, corners on corners."""
        return np.stack(np.meshgrid(np.linspace(1, 3, height), np.linspace(-2, 5, width), indexing="ij"), -1)

    np.testing.assert_allclose(vit.resize_positions(ramp(7, 6), size), ramp(*size), atol=1e-12)


def test_positions_by_hand_and_by_another_way(rng):
    column = np.array([0.0, 4.0, 2.0])[:, None, None]
    np.testing.assert_allclose(vit.resize_positions(column, (5, 1))[:, 0, 0], [0, 2, 4, 3, 2])
    np.testing.assert_allclose(vit.resize_positions(column, (1, 1)).ravel(), [4], err_msg="one place stands in the middle")
    positions = rng.normal(size=(5, 6, 2))
    tall = np.stack([[np.interp(np.linspace(0, 4, 9), range(5), positions[:, x, c]) for x in range(6)] for c in range(2)], -1)
    wide = np.stack([[np.interp(np.linspace(0, 5, 4), range(6), tall[:, y, c]) for y in range(9)] for c in range(2)], -1)
    np.testing.assert_allclose(vit.resize_positions(positions, (9, 4)), wide, atol=1e-12)


@pytest.mark.parametrize("name, row", [("vit_small_4", "vit_small"), ("cct_2_3x2", "vit_compact")])
def test_weights_of_another_picture_size_are_read_and_their_positions_interpolated(name, row, tmp_path):
    made = vit.build((32, 32), name)
    made.save_weights(tmp_path / "mine.weights.h5")
    layer = open_backbone(Model(row, weights=str(tmp_path / "mine.weights.h5")), (48, 24)).layer
    old = made.get_layer("positions").get_weights()[0]
    new = layer.get_layer("positions").get_weights()[0]
    assert old.shape[:2] == (8, 8) and new.shape[:2] == (12, 6)
    np.testing.assert_array_equal(new, vit.resize_positions(old, (12, 6)))
    others = (
        [one for one in network.get_weights() if one.ndim != 3 or one.shape[:2] not in ((8, 8), (12, 6))] for network in (made, layer)
    )
    for one, other in zip(*others, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [*OWN, TOKEN])
def test_a_saved_network_answers_the_same_to_the_last_bit(name, tmp_path):
    network, pictures = vit.build((32, 24), name), noise(3, (32, 24))
    network.save(tmp_path / "made.keras")
    expected = np.asarray(network(pictures, training=False))
    assert np.ptp(expected, 0).max() > 0.01
    assert np.abs(np.asarray(open_model(tmp_path / "made.keras")(pictures, training=False)) - expected).max() == 0.0


@pytest.mark.parametrize("size, near", [((30, 28), "32,28"), ((28, 29), "28,28"), ((2, 3), "4,4")])
def test_a_picture_that_patches_do_not_cover_is_an_error(size, near):
    text = f"images.size is {size[0]},{size[1]}: this transformer cuts a picture into patches of 4x4; give such as {near}"
    with pytest.raises(CvappError, match=re.escape(text)) as error:
        open_backbone(Model("vit_small", weights="none"), size)
    assert error.value.code == Exit.USAGE


@pytest.mark.parametrize("name, half", [("vit_small_4", False), ("cct_2_3x2", False), (TOKEN, False), ("vit_small_4", True)])
def test_a_step_of_training_moves_every_weight(name, half, monkeypatch):
    monkeypatch.setitem(TABLE, "vit_small", Row(lambda size, settings, weights: vit.build(size, name)))
    settings = Model("vit_small", weights="none", stochastic_depth=0.1)
    backbone = open_backbone(settings, (16, 16))
    layer = surgery.training_copy(backbone.layer, settings, half)
    network = classifier.training_network(layer, backbone, classifier.head(backbone.features, 3, settings))
    optimise.prepare(network, Train(clip_norm=1.0), 1e-3, 1, 1)
    before = layer.get_weights()
    pictures = 127.5 * (1 + noise(8, (16, 16)) / 3)
    figures = network.train_on_batch(pictures, np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2, 0, 1]], return_dict=True)
    assert np.isfinite(figures["loss"])
    still = [variable.path for variable, old, new in zip(layer.weights, before, layer.get_weights(), strict=True) if (old == new).all()]
    assert not still
    backbone.layer.set_weights(layer.get_weights())


def test_stochastic_depth_rises_over_the_blocks_and_is_for_training_alone():
    settings, pictures = Model("vit_compact", weights="none", stochastic_depth=0.4), noise(4, (16, 16))
    backbone = open_backbone(settings, (16, 16))
    layer = surgery.training_copy(backbone.layer, settings, False)
    found = [one.residuals[0].depth.rate for one in layer.layers if isinstance(one, EncoderBlock)]
    np.testing.assert_allclose(found, [0.2, 0.4])
    assert [one.residuals[0].depth.rate for one in backbone.layer.layers if isinstance(one, EncoderBlock)] == [0, 0], "what is saved"
    layer.set_weights(backbone.layer.get_weights())
    expected = np.asarray(backbone.layer(pictures, training=False))
    np.testing.assert_allclose(layer(pictures, training=False), expected, atol=1e-6)
    assert np.abs(np.asarray(layer(pictures, training=True)) - expected).max() > 0.01


def test_the_last_blocks_can_be_trained_alone():
    layer = surgery.pooled(vit.build((16, 16), "cct_2_3x2"), 1)
    surgery.choose_trainable(layer, "blocks:2")
    assert [one.name for one in layer.layers if one.trainable_weights] == ["block2", "norm", "pool_scores"]


@pytest.mark.parametrize("row, thousands", [("vit_compact", 283), ("vit_small", 394)])
def test_the_pipelines_networks_are_as_large_as_it_says(row, thousands):
    """With a head of 10 classes at 28x28."""
    recipe = load_pipeline("vision_transformer")
    assert recipe.model.from_scratch and recipe.model.backbone == "vit_compact" and recipe.images.size == (28, 28)
    network = TABLE[row].build(recipe.images.size, recipe.model, None)
    assert round((network.count_params() + 10 * network.output_shape[-1] + 10) / 1000) == thousands
