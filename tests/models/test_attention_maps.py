"""Attention maps: rollout against the formula in NumPy, maps that say where the answer comes from, for each way to pool the tokens."""

import keras
import numpy as np
import pytest

from cvapp.models import vit
from cvapp.models.attention_maps import attention_maps, rollout
from cvapp.models.transformer_blocks import EncoderBlock
from tests.models.classifiers import classifier_of

SIZE = (32, 32)


def by_hand(looks):
    """The rollout of weights (h, T, T) a block, by Abnar and Zuidema's equation 1."""
    product = np.eye(looks[0].shape[-1])
    for one in looks:
        product = (0.5 * one.mean(0) + 0.5 * np.eye(len(product))) @ product
    return product


def looks_of(model, pixels):
    """Each block's weights (B, h, T, T), asked block by block."""
    backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    blocks = [layer for layer in backbone.layers if isinstance(layer, EncoderBlock)]
    inner = keras.Model(backbone.input, [block.input for block in blocks])(model.get_layer("scale")(pixels))
    return [np.array(block(values, return_weights=True)[1]) for block, values in zip(blocks, inner if len(blocks) > 1 else [inner])]


def test_the_rollout_of_two_blocks_is_reckoned_by_hand():
    first, second = np.array([[1.0, 0.0], [0.5, 0.5]], np.float32), np.array([[0.0, 1.0], [0.0, 1.0]], np.float32)
    # (A1 + I)/2 = [[1, 0], [.25, .75]], (A2 + I)/2 = [[.5, .5], [0, 1]]
    found = rollout([first[None, None], second[None, None]])
    np.testing.assert_allclose(found[0], [[0.625, 0.375], [0.25, 0.75]], atol=1e-6)
    assert np.abs(np.array(rollout([second[None, None], first[None, None]])) - found).max() > 0.1, "the order counts"


def test_heads_are_averaged_before_they_are_rolled_out(rng):
    weights = [keras.ops.softmax(rng.normal(size=(2, 3, 5, 5))) for _ in range(4)]
    found = np.array(rollout(weights))
    for picture in range(2):
        np.testing.assert_allclose(found[picture], by_hand([np.array(one)[picture] for one in weights]), atol=1e-6)
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)


@pytest.mark.parametrize("backbone, depth, grid", [("vit_compact", 2, 8), ("vit_small", 5, 8)])
def test_maps_are_the_tokens_looks_as_the_answer_weighs_them(backbone, depth, grid, rng):
    model = classifier_of(backbone)
    pixels = rng.integers(0, 256, (3, *SIZE, 3)).astype(np.float32)
    found = np.array(attention_maps(model)(pixels))
    assert found.shape == (3, 1 + depth, grid, grid)
    np.testing.assert_allclose(found.mean((2, 3)), 1, atol=1e-5)
    looks = looks_of(model, pixels)
    backbone = model.get_layer("backbone")
    shares = np.full((3, grid * grid), 1 / grid**2)
    if "pool_weights" in {layer.name for layer in backbone.layers}:
        shares = np.array(keras.Model(backbone.input, backbone.get_layer("pool_weights").output)(model.get_layer("scale")(pixels)))[..., 0]
    for picture in range(3):
        of_blocks = [one[picture] for one in looks]
        for place, matrix in enumerate([by_hand(of_blocks), *(one.mean(0) for one in of_blocks)]):
            expected = shares[picture] @ matrix
            np.testing.assert_allclose(found[picture, place].ravel(), expected / expected.mean(), atol=2e-4)
    assert np.abs(found[0] - found[1]).max() > 0.05, "another picture is looked at otherwise"


def test_a_class_tokens_look_at_itself_is_no_place_of_the_picture(monkeypatch, rng):
    monkeypatch.setitem(vit.VARIANTS, "vit_small_4", vit.Variant(16, 2, 2, 16, 8))
    model = classifier_of("vit_small")
    pixels = rng.integers(0, 256, (2, *SIZE, 3)).astype(np.float32)
    found, looks = np.array(attention_maps(model)(pixels)), looks_of(model, pixels)
    assert found.shape == (2, 3, 4, 4) and looks[0].shape == (2, 2, 17, 17)
    expected = looks[1][0].mean(0)[0, 1:]
    np.testing.assert_allclose(found[0, 2].ravel(), expected / expected.mean(), atol=2e-4)


@pytest.fixture(params=[vit.TOKEN, vit.MEAN, vit.SEQUENCE])
def model(request, monkeypatch):
    """A random classifier of two small blocks, for each way to pool."""
    monkeypatch.setitem(vit.VARIANTS, "vit_small_4", vit.Variant(16, 2, 2, 16, 8, request.param))
    return classifier_of("vit_small")


def test_it_is_the_first_of_the_maps_and_no_other_is_computed(model, rng):
    pixels = rng.integers(0, 256, (3, *SIZE, 3)).astype(np.uint8)
    all_of_them, alone = attention_maps(model), attention_maps(model, whole=False)
    maps, found = np.array(all_of_them(pixels.astype(np.float32))), np.array(alone(pixels.astype(np.float32)))
    assert found.shape == (3, 4, 4) and found.dtype == np.float32
    np.testing.assert_allclose(found, maps[:, 0], atol=1e-5)
    differs, other = np.abs(found - found[::-1]).max(), np.abs(found - maps[:, 1]).max()
    assert differs > 0.003 and other > 0.003, "the controls: another picture's, a block's map"
    steps = [len(network.layers[-1].operations) for network in (alone, all_of_them)]
    assert steps[0] < steps[1] - 4, "a mean of heads, a division, ... for each block, and the stack"


def test_a_network_that_computes_in_16_bits_answers_in_32(rng, monkeypatch):
    monkeypatch.setitem(vit.VARIANTS, "vit_small_4", vit.Variant(16, 2, 2, 16, 8, vit.MEAN))
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        model = classifier_of("vit_small")
    finally:
        keras.config.set_dtype_policy(policy)
    found = np.array(attention_maps(model, whole=False)(rng.integers(0, 256, (2, *SIZE, 3)).astype(np.float32)))
    assert found.dtype == np.float32 and found.mean() == pytest.approx(1, abs=0.02)


def test_a_classifier_without_attention_has_no_maps():
    model = classifier_of("small_resnet")
    assert attention_maps(model) is None and attention_maps(model, whole=False) is None


def test_maps_stay_those_of_the_model_after_a_file(tmp_path, rng):
    model = classifier_of("vit_compact")
    pixels = rng.integers(0, 256, (1, *SIZE, 3)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(attention_maps(again)(pixels), attention_maps(model)(pixels))
