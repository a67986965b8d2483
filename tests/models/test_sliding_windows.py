"""Detectors of padded networks: which window a cell answers for, how far its answer is from the classifier's, and how that gap is closed."""

import functools

import cvapp.models  # noqa: F401 - loads TensorFlow quietly
import keras
import numpy as np
import pytest
from keras import layers

from cvapp import signs
from cvapp.errors import CvappError
from cvapp.models import classifier, sliding, sliding_layers, small_resnet
from cvapp.models.backbones import open_backbone
from cvapp.recipe import Model
from cvapp.windows.geometry import Windows
from tests.models.test_sliding import assert_equal_on_crops, awake, pictures


def scenes(size: tuple[int, int], count: int) -> np.ndarray:
    """Drawn photos: uint8 (count, H, W, 3)."""
    return np.stack([signs.photo(5, signs.LABELS[index % len(signs.LABELS)], index, size) for index in range(count)])


@functools.cache
def residual(size: tuple[int, int] = (33, 30)) -> keras.Model:
    """The package's residual network for small pictures with a head; batch norm fits some photos, so that answers tell them apart."""
    keras.utils.set_random_seed(0)
    backbone = small_resnet.build(size, 0.25)
    for layer in backbone.layers:
        layer.momentum = 0.0
    backbone(scenes(size, 16) / 127.5 - 1, training=True)
    pixels = keras.Input((*size, 3))
    maps = backbone(layers.Rescaling(1 / 127.5, -1)(pixels))
    logits = layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(0, 1))(layers.GlobalAveragePooling2D()(maps))
    return keras.Model(pixels, layers.Softmax()(logits))


@pytest.fixture(scope="module")
def mobilenet() -> keras.Model:
    """The shipped backbone with a random head of 5 classes."""
    keras.utils.set_random_seed(1)
    backbone = open_backbone(Model("mobilenet_v2_drawings"), None)
    return classifier.assemble(backbone, classifier.head(backbone.features, 5, Model("mobilenet_v2_drawings")))


def inner(kind: str, side: int) -> keras.Model:
    """Layers with "same" padding before a stride, of whose maps those that saw the padding are cut away: nothing hides from the cells."""
    part = {
        "convolution": lambda: layers.Conv2D(6, 3, 2, "same"),
        "wide": lambda: layers.Conv2D(6, 5, 3, "same"),
        "depthwise": lambda: layers.DepthwiseConv2D(3, 2, "same", depth_multiplier=2),
        "separable": lambda: layers.SeparableConv2D(6, 4, 2, "same"),
        "maximum": lambda: layers.MaxPooling2D(3, 2, "same"),
        "pairs": lambda: layers.MaxPooling2D(2, 2, "same"),
        "average": lambda: layers.AveragePooling2D(2, 2, "same"),
    }[kind]
    body = [layers.Conv2D(5, 2, padding="same"), part(), layers.Conv2D(6, 3, padding="same", activation="relu"), layers.Cropping2D(3)]
    scale = layers.Rescaling(1 / 127.5, -3)  # all below 0: a maximum padded with 0 would show
    return awake(keras.Sequential([keras.Input((side, side, 3)), scale, *body, layers.Flatten(), layers.Dense(3)]))


@pytest.mark.parametrize("kind", ["convolution", "wide", "depthwise", "separable", "maximum", "pairs", "average"])
@pytest.mark.parametrize("side", [27, 28, 29])
def test_a_cell_answers_for_the_window_at_its_place_times_the_stride_whatever_the_picture_s_size(kind, side):
    """Where no padding is seen the answers are equal, so an offset of one pixel would show."""
    net = inner(kind, side)
    stride = 3 if kind == "wide" else 2
    geometry, detector = sliding.windows(net), sliding.to_detector(net)
    assert geometry == Windows((side, side), (stride, stride), (0, 0))
    for size in ((38, 41), (39, 40), (40, 39)):
        assert_equal_on_crops(net, detector, pictures(size), geometry.stride)
        if kind != "average":
            assert_equal_on_crops(net, sliding.to_detector(net, size), pictures(size), geometry.stride)


def test_padding_by_the_picture_s_size_would_be_seen(monkeypatch):
    """The control: Keras' own "same" padding looks one pixel aside on pictures whose sides are odd where the window's are even."""
    monkeypatch.setattr(sliding_layers, "_before", lambda side, extent, stride: (0, 0))
    net = inner("convolution", 28)
    detector = sliding.to_detector(net)
    assert_equal_on_crops(net, detector, pictures((38, 40)), (2, 2))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_equal_on_crops(net, detector, pictures((39, 41)), (2, 2))


@pytest.mark.parametrize("size", [(33, 30), (32, 32), (35, 37)])
def test_on_one_window_a_padded_detector_is_its_classifier(size):
    net = residual(size)
    assert not sliding.exact(net) and sliding.windows(net) == Windows(size, (8, 8))
    rgb = scenes(size, 4)
    answers, expected = (np.asarray(model(rgb.astype(np.float32), training=False)) for model in (sliding.to_detector(net), net))
    assert np.ptp(expected, 0).max() > 0.05 and answers.shape == (4, 1, 1, 4)
    np.testing.assert_allclose(answers[:, 0, 0], expected, atol=1e-5)


@pytest.mark.parametrize("size", [(61, 70), (62, 67), (63, 65), (64, 64)])
def test_the_branches_of_a_padded_residual_meet_at_any_size(size):
    net = residual()
    detector = sliding.to_detector(net)
    rows, columns = sliding.windows(net).grid(size)
    maps = detector(scenes(size, 1).astype(np.float32))
    assert maps.shape[1] >= rows and maps.shape[2] >= columns
    assert sliding.to_detector(net, size).output_shape[1:] == maps.shape[1:]


def test_mobilenet_pads_after_its_strides_alone(mobilenet):
    """Keras pads MobileNetV2's strides by ((0, 1), (0, 1)) and takes valid convolutions: 5 strides of 2, windows from (0, 0)."""
    geometry = sliding.windows(mobilenet)
    assert geometry == Windows((96, 96), (32, 32), (0, 0)) and not sliding.exact(mobilenet)
    detector = sliding.to_detector(mobilenet)
    rgb = scenes((96, 96), 3).astype(np.float32)
    expected = np.asarray(mobilenet(rgb, training=False))
    assert np.ptp(expected, 0).max() > 0.01
    np.testing.assert_allclose(np.asarray(detector(rgb, training=False))[:, 0, 0], expected, atol=1e-5)


def test_no_other_offset_fits_mobilenet_s_cells_better(mobilenet):
    """The inner cells' answers beside the classifier's on crops aside of theirs, by half a stride either way."""
    rgb = scenes((256, 288), 4)
    maps = np.asarray(sliding.to_detector(mobilenet)(rgb.astype(np.float32), training=False))
    answer = classifier.predict_function(mobilenet)
    apart = {}
    for aside in (-32, -16, 0, 16, 32):
        corners = Windows((96, 96), (32, 32), (32 + aside, 32 + aside)).places((4, 5)).astype(int).reshape(-1, 4)
        crops = np.concatenate([[one[top:bottom, left:right] for left, top, right, bottom in corners] for one in rgb])
        apart[aside] = np.abs(answer(crops).reshape(4, 4, 5, -1) - maps[:, 1:5, 1:6]).mean()
    assert min(apart, key=apart.get) == 0
    assert apart[0] < 0.9 * min(value for aside, value in apart.items() if aside)


def test_deviation_by_hand():
    """One of 2 numbers is 0.5 off in all 9 cells; the first answer changes where the lead was less than that."""
    net = awake(keras.Sequential([keras.Input((4, 4, 3)), layers.Rescaling(1 / 128, -1), layers.Flatten(), layers.Dense(2)]))
    detector = sliding.to_detector(net)
    rgb, geometry = pictures((6, 6), 1), sliding.windows(net)
    exact = sliding.deviation(net, detector, rgb, geometry)
    assert exact.largest < 1e-5 and exact.agreement == 1 and exact.cells == 9
    answers = np.asarray(detector(rgb.astype(np.float32)))[0]
    kernel, bias = detector.layers[-1].get_weights()
    detector.layers[-1].set_weights([kernel, bias + np.float32([0.5, 0])])
    kept = ((answers[..., 0] > answers[..., 1]) == (answers[..., 0] + 0.5 > answers[..., 1])).mean()
    off = sliding.deviation(net, detector, rgb, geometry)
    np.testing.assert_allclose((off.mean, off.largest, off.agreement), (0.25, 0.5, kept), atol=1e-5)


def test_of_one_number_the_side_of_a_half_is_compared():
    net = awake(keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(1, use_bias=True)]))
    detector = sliding.to_detector(net)
    kernel, bias = detector.layers[-1].get_weights()
    rgb, geometry = pictures((6, 6), 1), sliding.windows(net)
    answers = np.asarray(detector(rgb.astype(np.float32)))
    detector.layers[-1].set_weights([kernel, bias - np.float32(np.median(answers)) + 0.5])
    net.layers[-1].set_weights([net.layers[-1].get_weights()[0], bias + 1e6])
    assert sliding.deviation(net, detector, rgb, geometry).agreement == pytest.approx(5 / 9)


def shallow() -> keras.Model:
    """Two padded strides under a global mean; batch norm fits some photos."""
    keras.utils.set_random_seed(2)
    maps = [layers.Conv2D(8, 5, 2, "same", activation="relu"), layers.BatchNormalization(momentum=0.0)]
    maps += [layers.Conv2D(12, 3, 2, "same", activation="relu"), layers.GlobalAveragePooling2D()]
    head = layers.Dense(4, "softmax", kernel_initializer=keras.initializers.RandomNormal(0, 3))
    net = keras.Sequential([keras.Input((16, 16, 3)), layers.Rescaling(1 / 127.5, -1), *maps, head])
    net(scenes((16, 16), 16).astype(np.float32), training=True)
    return net


def test_the_gap_closes_without_labels():
    """On photos that it did not learn from; the classifier, and batch norm's statistics, stay; every run does the same."""
    net, told = shallow(), []
    detector, again = sliding.to_detector(net), sliding.to_detector(net)
    learn, held = scenes((48, 50), 24), scenes((48, 50), 40)[24:]
    geometry, kept = sliding.windows(net), net.get_weights()
    before = sliding.deviation(net, detector, held, geometry)
    statistics = [np.asarray(weight) for weight in detector.non_trainable_weights]
    sliding.close_gap(net, detector, learn, 60, 3e-3, lambda *line: told.append(line))
    after = sliding.deviation(net, detector, held, geometry)
    assert before.mean > 0.05 and after.mean < 0.75 * before.mean and after.agreement > before.agreement + 0.05
    assert told[-1] == ("closing the gap", 60, 60) and ("answers on the crops", 24, 24) in told
    for old, new in zip([*kept, *statistics], [*net.get_weights(), *detector.non_trainable_weights], strict=True):
        np.testing.assert_array_equal(old, new)
    sliding.close_gap(net, again, learn, 60, 3e-3)
    for one, other in zip(detector.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_gap_of_boxes_closes_by_squared_error():
    pixels = keras.Input((16, 16, 3))
    maps = layers.Conv2D(8, 3, 2, "same", activation="relu")(layers.Rescaling(1 / 127.5, -1)(pixels))
    maps = layers.Conv2D(8, 3, 2, "same", activation="relu")(maps)
    vector = layers.Flatten()(maps)
    net = keras.Model(pixels, layers.Concatenate()([layers.Dense(1, "sigmoid")(vector), layers.Dense(4)(vector)]))
    detector, rgb = sliding.to_detector(net), scenes((40, 40), 12)
    before = sliding.deviation(net, detector, rgb, sliding.windows(net))
    sliding.close_gap(net, detector, rgb, 80, 3e-3)
    after = sliding.deviation(net, detector, rgb, sliding.windows(net))
    assert before.mean > 0.01 and after.mean < 0.6 * before.mean


def test_pictures_without_a_whole_window():
    net = shallow()
    with pytest.raises(CvappError, match=r"pictures of \(15, 40\) hold no whole window of \(16, 16\); give larger ones"):
        sliding.close_gap(net, sliding.to_detector(net), scenes((15, 40), 1), 1, 1e-3)
