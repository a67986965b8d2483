"""The rollout alone: the first of the attention maps, in float32 whatever the network computes in, and nothing else computed."""

import keras
import numpy as np
import pytest

from cvapp.models.attention_maps import attention_maps
from cvapp.models.attention_rollout import rollout_function, rollout_network
from cvapp.models.vit import MEAN, SEQUENCE, TOKEN, VARIANTS, Variant
from tests.models.test_attention_maps import SIZE, classifier_of


@pytest.fixture(params=[TOKEN, MEAN, SEQUENCE])
def model(request, monkeypatch):
    """A random classifier of two small blocks, for each way to pool."""
    monkeypatch.setitem(VARIANTS, "vit_small_4", Variant(16, 2, 2, 16, 8, request.param))
    return classifier_of("vit_small")


def test_it_is_the_first_of_the_maps_and_no_other_is_computed(model, rng):
    pixels = rng.integers(0, 256, (3, *SIZE, 3)).astype(np.uint8)
    all_of_them, alone = attention_maps(model), rollout_network(model)
    maps, found = np.array(all_of_them(pixels.astype(np.float32))), np.array(alone(pixels.astype(np.float32)))
    assert found.shape == (3, 4, 4) and found.dtype == np.float32
    np.testing.assert_allclose(found, maps[:, 0], atol=1e-5)
    np.testing.assert_allclose(rollout_function(model)(pixels), found, atol=1e-4)
    differs, other = np.abs(found - found[::-1]).max(), np.abs(found - maps[:, 1]).max()
    assert differs > 0.003 and other > 0.003, "the controls: another picture's, a block's map"
    steps = [len(network.layers[-1].operations) for network in (alone, all_of_them)]
    assert steps[0] < steps[1] - 4, "a mean of heads, a division, ... for each block, and the stack"


def test_a_network_that_computes_in_16_bits_answers_in_32(rng, monkeypatch):
    monkeypatch.setitem(VARIANTS, "vit_small_4", Variant(16, 2, 2, 16, 8, MEAN))
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        model = classifier_of("vit_small")
    finally:
        keras.config.set_dtype_policy(policy)
    found = np.array(rollout_network(model)(rng.integers(0, 256, (2, *SIZE, 3)).astype(np.float32)))
    assert found.dtype == np.float32 and found.mean() == pytest.approx(1, abs=0.02)


def test_a_classifier_without_attention_has_none():
    model = classifier_of("small_resnet")
    assert rollout_network(model) is None and rollout_function(model) is None
