"""The window classifier and its small network: sizes by hand, answers against NumPy, and the two networks that share their layers."""

import keras
import numpy as np
import pytest

from cvapp.images import Images
from cvapp.models import sliding, window, window_net
from cvapp.models.classifier import predict_function
from cvapp.recipe import Detect, Model, Recipe
from cvapp.windows import BOX, Windows

SIZE = (48, 48)


def recipe(**model):
    settings = {"backbone": "window_net", "weights": "none", "alpha": 0.35, "dropout": 0.5, "initialiser": "he", **model}
    return Recipe(task="detect", images=Images((96, 128)), model=Model(**settings), detect=Detect(hidden=12))


def made(num_classes=3, points=2, size=SIZE, network=None):
    """The two networks, with weights that say something."""
    keras.utils.set_random_seed(3)
    network = network or window_net.build(size, 0.35)
    return window.networks(network, (1 / 127.5, -1), num_classes, points, recipe())


def by_hand(widths):
    """Kernels without biases, and four numbers a channel of batch norm."""
    first, second, third, fourth, fifth = widths
    kernels = 25 * 3 * first + 9 * (first * second + second * third + third * fourth + fourth * fifth)
    return kernels + 4 * sum(widths)


@pytest.mark.parametrize(
    "alpha, widths", [(1.0, (16, 32, 48, 64, 96)), (0.35, (8, 8, 16, 24, 32)), (0.1, (8, 8, 8, 8, 8)), (2.0, (32, 64, 96, 128, 192))]
)
def test_the_parameters_are_those_counted_by_hand(alpha, widths):
    network = window_net.build((64, 64), alpha)
    assert network.count_params() == by_hand(widths) and network.output_shape == (None, 3, 3, widths[-1])


@pytest.mark.parametrize("size, maps", [((64, 64), (3, 3)), ((47, 47), (1, 1)), ((64, 128), (3, 11)), ((72, 56), (4, 2))])
def test_maps_shrink_by_the_stride_of_eight(size, maps):
    network = window_net.build(size, 0.1)
    assert network.output_shape[1:3] == maps and network.input_shape == (None, *size, 3)
    trained, saved = made(network=network)
    assert sliding.windows(saved) == Windows(size, (8, 8)) and sliding.exact(saved)


def test_what_is_saved_answers_the_logits_as_probabilities(rng):
    trained, saved = made()
    pixels = rng.integers(0, 256, (5, *SIZE, 3)).astype(np.float32)
    logits, answers = (np.asarray(network(pixels, training=False)) for network in (trained, saved))
    assert logits.shape == answers.shape == (5, BOX + 3 + 2 * 2)
    np.testing.assert_allclose(answers[:, 0], 1 / (1 + np.exp(-logits[:, 0])), rtol=1e-5)
    powers = np.exp(logits[:, BOX : BOX + 3])
    np.testing.assert_allclose(answers[:, BOX : BOX + 3], powers / powers.sum(1, keepdims=True), rtol=1e-5)
    for part in (slice(1, BOX), slice(BOX + 3, None)):
        np.testing.assert_array_equal(answers[:, part], logits[:, part])
    assert np.ptp(answers[:, 0]) > 1e-4, "windows are told apart"
    assert answers.dtype == np.float32


@pytest.mark.parametrize("num_classes, points", [(1, 0), (1, 3), (7, 0)])
def test_numbers_follow_one_another_as_the_scan_counts_them(num_classes, points):
    trained, saved = made(num_classes, points)
    assert trained.output_shape == saved.output_shape == (None, BOX + num_classes + 2 * points)
    names = {layer.name for layer in saved.layers}
    assert ("points" in names) == bool(points) and {"object", "box", "classes"} <= names


def test_the_order_is_object_box_classes_landmarks():
    """Each head's bias is made to speak for itself."""
    trained, saved = made()
    for name, value in (("object", 1), ("box", 2), ("classes", 3), ("points", 4)):
        kernel, bias = saved.get_layer(name).get_weights()
        saved.get_layer(name).set_weights([kernel * 0, bias * 0 + value])
    logits = np.asarray(trained(np.zeros((1, *SIZE, 3), np.float32)))
    assert logits[0].tolist() == [1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4], "the network that trains shares the layers"


def test_what_trains_changes_what_is_saved(rng):
    trained, saved = made()
    pixels = rng.integers(0, 256, (8, *SIZE, 3)).astype(np.float32)
    before = np.asarray(saved(pixels, training=False))
    trained.compile("sgd", "mse")
    trained.train_on_batch(pixels, np.zeros((8, BOX + 3 + 4), np.float32))
    assert np.abs(np.asarray(saved(pixels, training=False)) - before).max() > 1e-4


def test_the_slid_network_has_the_same_weights_in_the_same_order():
    """The heads of four classes, of the box and of two landmarks have kernels of one shape: only their order tells them apart."""
    _, saved = made(num_classes=4, points=2)
    slid = sliding.to_detector(saved, (80, 96))
    assert [one.path for one in slid.weights] == [one.path for one in saved.weights]
    assert len({one.path for one in saved.weights}) == len(saved.weights)


def test_of_one_class_its_probability_is_1_and_no_warning_is_given(rng):
    trained, saved = made(num_classes=1)
    pixels = rng.integers(0, 256, (3, *SIZE, 3), dtype=np.uint8)
    answers = predict_function(saved)(pixels)
    assert answers.shape == (3, BOX + 1 + 4) and answers[:, BOX].tolist() == [1, 1, 1] and np.ptp(answers[:, 0]) > 0
    canvas = rng.integers(0, 256, (1, 80, 96, 3), dtype=np.uint8)
    assert (predict_function(sliding.to_detector(saved, (80, 96)))(canvas)[..., BOX] == 1).all()


def test_a_box_starts_in_the_middle_of_its_window_half_as_large(rng):
    _, saved = made()
    answers = np.asarray(saved(rng.integers(0, 256, (20, *SIZE, 3)).astype(np.float32), training=False))
    assert np.abs(answers[:, [1, 2, 3, 4, 8, 9, 10, 11]] - 0.5).max() < 0.15


def test_pixels_are_scaled_in_the_graph_and_dropout_is_for_training_alone(rng):
    trained, saved = made()
    scale = saved.get_layer("scale")
    assert np.asarray(scale(np.array([[[[0.0, 127.5, 255.0]]]]))).ravel().tolist() == [-1, 0, 1]
    pixels = rng.integers(0, 256, (2, *SIZE, 3)).astype(np.float32)
    np.testing.assert_array_equal(saved(pixels, training=False), saved(pixels, training=False))
    first, second = (np.asarray(trained(pixels, training=True)) for _ in range(2))
    places = [1, 2, 3, 4, 8, 9, 10, 11]
    np.testing.assert_array_equal(first[:, places], second[:, places], "where the object lies is learnt from all that is seen")
    assert (np.delete(first, places, 1) != np.delete(second, places, 1)).all(), "whether there is one, and which, is not"


def test_a_backbone_in_16_bits_is_answered_in_32(rng):
    kept = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = window_net.build(SIZE, 0.35)
    finally:
        keras.config.set_dtype_policy(kept)
    assert network.output.dtype == "bfloat16"
    _, saved = made(network=network)
    assert np.asarray(saved(rng.integers(0, 256, (2, *SIZE, 3)).astype(np.float32))).dtype == np.float32
    assert saved.get_layer("box").compute_dtype == "float32"


def test_slid_over_a_canvas_each_cell_answers_as_its_window(rng):
    _, saved = made()
    canvas = rng.integers(0, 256, (80, 96, 3)).astype(np.float32)
    maps = np.asarray(sliding.to_detector(saved, (80, 96))(canvas[None], training=False))[0]
    geometry = sliding.windows(saved)
    assert maps.shape == (*geometry.grid((80, 96)), BOX + 3 + 4) == (5, 7, 12)
    for row, column in ((0, 0), (4, 6), (2, 3)):
        left, top, right, bottom = geometry.places((5, 7))[row, column].astype(int)
        alone = np.asarray(saved(canvas[None, top:bottom, left:right], training=False))[0]
        np.testing.assert_allclose(maps[row, column], alone, atol=1e-5)
        assert np.abs(maps[row - 1, column - 1] - alone).max() > 1e-4, "the control: another cell"
