"""The DCGAN's networks: layer by layer those of the notes, one rule for all sizes, and what the padding must be."""

import keras
import numpy as np
import pytest

from cvapp.errors import CvappError
from cvapp.models import dcgan


def shapes(network):
    """The output shapes of the layers with kernels, without the batch."""
    return [tuple(layer.output.shape[1:]) for layer in network.layers if "Conv" in type(layer).__name__]


def kinds(network):
    """The kinds of layers, in order."""
    return [type(layer).__name__ for layer in network.layers]


def size(variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


def test_the_generator_of_28_is_layer_by_layer_that_of_the_paper_in_small():
    network = dcgan.generator()
    assert shapes(network) == [(7, 7, 128), (14, 14, 64), (28, 28, 1)]
    block = ["Conv2DTranspose", "BatchNormalization", "ReLU"]
    assert kinds(network) == ["InputLayer", "Reshape", *block, *block, "Conv2DTranspose", "Activation"]
    # 7*7*100*128 + 2*128 + 4*4*128*64 + 2*64 + 4*4*64*1, and two running statistics for each scale and shift
    assert size(network.trainable_variables) == 627_200 + 256 + 131_072 + 128 + 1_024 == 759_680
    assert network.count_params() == 759_680 + 384


def test_the_discriminator_of_28_has_659456_weights_that_train():
    network = dcgan.discriminator()
    assert shapes(network) == [(14, 14, 64), (7, 7, 128), (3, 3, 256), (1, 1, 1)]
    first, block = ["Conv2D", "LeakyReLU"], ["Conv2D", "BatchNormalization", "LeakyReLU"]
    assert kinds(network) == ["InputLayer", *first, *block, "ZeroPadding2D", *block, "Conv2D", "Reshape", "Activation"]
    assert size(network.trainable_variables) == 1_024 + 131_072 + 256 + 524_288 + 512 + 2_304 == 659_456
    assert network.count_params() == 660_224
    assert [layer.negative_slope for layer in network.layers if isinstance(layer, keras.layers.LeakyReLU)] == [0.2] * 3
    assert not any(layer.use_bias for layer in network.layers if "Conv" in type(layer).__name__)


@pytest.mark.parametrize(
    ("side", "made", "judged"),
    [
        (32, [(4, 4, 256), (8, 8, 128), (16, 16, 64), (32, 32, 3)], [(16, 16, 64), (8, 8, 128), (4, 4, 256), (1, 1, 1)]),
        (
            64,
            [(4, 4, 512), (8, 8, 256), (16, 16, 128), (32, 32, 64), (64, 64, 3)],
            [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512), (1, 1, 1)],
        ),
        (
            96,
            [(6, 6, 512), (12, 12, 256), (24, 24, 128), (48, 48, 64), (96, 96, 3)],
            [(48, 48, 64), (24, 24, 128), (12, 12, 256), (6, 6, 512), (1, 1, 1)],
        ),
    ],
)
def test_one_rule_makes_the_other_sizes(side, made, judged):
    assert shapes(dcgan.generator(side)) == made
    assert shapes(dcgan.discriminator(side)) == judged


@pytest.mark.parametrize(("side", "weights"), [(28, (759_680, 659_456)), (32, (1_068_928, 663_296)), (64, (3_576_704, 2_765_568))])
def test_how_many_weights_train(side, weights):
    assert (size(dcgan.generator(side).trainable_variables), size(dcgan.discriminator(side).trainable_variables)) == weights


def convolve(picture, kernel, padding):
    """A convolution of stride 2 by hand: (H, W, C), (4, 4, C, D) -> (h, w, D)."""
    wide = np.pad(picture, ((padding, padding), (padding, padding), (0, 0)))
    places = (wide.shape[0] - 4) // 2 + 1
    patches = [[wide[2 * y : 2 * y + 4, 2 * x : 2 * x + 4] for x in range(places)] for y in range(places)]
    return np.einsum("yxijc,ijcd->yxd", np.array(patches), kernel)


@pytest.mark.parametrize(("side", "name"), [(28, "shrink_2"), (7, "shrink_3")])
def test_convolutions_are_padded_by_one_as_in_pytorch(rng, side, name):
    network = dcgan.discriminator()
    layer = network.get_layer(name)
    before = network.get_layer("shrink_1_relu" if name == "shrink_2" else "shrink_2_relu").output
    part = keras.Model(before, layer.output)
    maps = rng.normal(size=before.shape[1:]).astype(np.float32)
    found = part(maps[None], training=False).numpy()[0]
    np.testing.assert_allclose(found, convolve(maps, layer.get_weights()[0], 1), atol=1e-5)


def test_a_transposed_convolution_doubles_the_side_with_padding_one(rng):
    layer = dcgan.generator().get_layer("grow_2")
    maps = rng.normal(size=(7, 7, 128)).astype(np.float32)
    kernel = layer.get_weights()[0]  # (4, 4, out, in)
    wide = np.zeros((16, 16, 64), np.float32)
    for y in range(7):
        for x in range(7):
            wide[2 * y : 2 * y + 4, 2 * x : 2 * x + 4] += np.einsum("ijdc,c->ijd", kernel, maps[y, x])
    np.testing.assert_allclose(layer(maps[None]).numpy()[0], wide[1:-1, 1:-1], atol=1e-5)


def test_weights_start_as_the_paper_says():
    for network in (dcgan.generator(64), dcgan.discriminator(64)):
        for layer in network.layers:
            if "Conv" in type(layer).__name__:
                kernel = layer.get_weights()[0]
                assert abs(kernel.std() - 0.02) < 0.001 and abs(kernel.mean()) < 0.001


def test_batch_norm_has_pytorch_s_momentum_and_epsilon_and_a_seed_decides_the_start():
    network = dcgan.discriminator()
    norm = network.get_layer("shrink_2_norm")
    assert (norm.momentum, norm.epsilon) == (0.9, 1e-5)
    starts = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        starts.append(dcgan.generator().get_weights()[0])
    assert np.array_equal(starts[0], starts[1]) and not np.array_equal(starts[0], starts[2])


def test_what_comes_out_is_a_picture_and_a_probability(rng):
    pictures = dcgan.generator(32)(rng.normal(size=(3, 100)).astype(np.float32)).numpy()
    assert pictures.shape == (3, 32, 32, 3) and np.abs(pictures).max() <= 1
    both = dcgan.discriminator(32), dcgan.discriminator(32, logits=True)
    both[1].set_weights(both[0].get_weights())
    probability, logit = (network(20 * pictures, training=False).numpy() for network in both)
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-logit)), atol=1e-6)
    assert probability.shape == (3, 1)


def test_a_class_that_is_asked_for_reaches_both_networks(rng):
    one_hot = np.eye(4, dtype=np.float32)
    network = dcgan.generator(28, 10, classes=4)
    assert network.input_shape == (None, 14)
    noise = np.repeat(rng.normal(size=(1, 10)), 4, 0).astype(np.float32)
    made = network(np.concatenate([noise, one_hot], 1), training=False).numpy()
    assert np.ptp(made, axis=0).max() > 1e-4
    answers = dcgan.discriminator(28, classes=4, logits=True)([np.repeat(made[:1], 4, 0), one_hot], training=False).numpy()
    assert np.ptp(answers) > 1e-6


def test_layer_norm_leaves_each_picture_by_itself(rng):
    pictures = rng.normal(size=(4, 28, 28, 1)).astype(np.float32)
    network = dcgan.discriminator(logits=True, norm=dcgan.layer_norm)
    together, alone = network(pictures, training=True).numpy(), network(pictures[:1], training=True).numpy()
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)
    mixing = dcgan.discriminator(logits=True)
    assert np.abs(mixing(pictures, training=True).numpy()[:1] - mixing(pictures[:1], training=True).numpy()).max() > 1e-4


def test_a_size_that_no_network_makes():
    with pytest.raises(CvappError, match="pictures of 48x48: a DCGAN makes 28x28, 32x32, 64x64, 96x96; give images.size=32,32"):
        dcgan.generator(48)
