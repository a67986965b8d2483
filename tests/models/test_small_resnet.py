"""The small residual network: its size by hand, its shapes, its shortcuts."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from cvapp.models import small_resnet


def by_hand(first: int, second: int, third: int) -> int:
    """Kernels without biases, and four numbers a channel of batch norm."""
    stem = 27 * first + 4 * first
    blocks = 2 * (9 * first * first + 4 * first)
    for before, width in ((first, second), (second, third)):  # the stride is 2, so a 1x1 convolution stands in the shortcut
        blocks += 9 * before * width + 9 * width * width + before * width + 3 * 4 * width
    return stem + blocks


@pytest.mark.parametrize("alpha, widths", [(1.0, (64, 128, 256)), (0.35, (24, 48, 88)), (0.1, (16, 16, 24)), (2.0, (128, 256, 512))])
def test_the_parameters_are_those_counted_by_hand(alpha, widths):
    network = small_resnet.build((32, 32), alpha)
    assert network.count_params() == by_hand(*widths)
    assert network.output_shape == (None, 4, 4, widths[-1])


def test_the_narrowest_network_survives_batches_of_any_size():
    """In a process of its own: with 8 channels, TensorFlow 2.21 with oneDNN corrupts its memory on batches of 1 or 3, and dies."""
    code = """
import keras, numpy as np
from cvapp.models import small_resnet
made = small_resnet.build((32, 32), 0.1)
network = keras.Model(made.input, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(made.output)))
network.compile("sgd", "mse")
for count in [1, 3, 5] * 10:
    network.train_on_batch(np.ones((count, 32, 32, 3), np.float32), np.ones((count, 3), np.float32))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_the_pipeline_is_as_large_as_it_says():
    from cvapp.shipped import load_pipeline

    recipe = load_pipeline("small_pictures")
    network = small_resnet.build(recipe.images.size, recipe.model.alpha)
    assert network.output_shape == (None, 4, 4, 88)
    assert round((network.count_params() + 88 * 10 + 10) / 1000) == 158


def test_a_block_without_its_branch_is_its_shortcut(rng):
    """relu(F(x) + x): with F silenced the first stage says what came in."""
    network = small_resnet.build((32, 32), 0.35)
    network.get_layer("stage1_block1_2_bn").gamma.assign(np.zeros(24))
    maps = [network.get_layer(name).output for name in ("stem_pool", "stage1_block1_relu")]
    before, after = keras.Model(network.input, maps)(rng.normal(size=(2, 32, 32, 3)).astype(np.float32))
    assert np.ptp(before) > 0.1
    np.testing.assert_allclose(after, before, atol=1e-6)
