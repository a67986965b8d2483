"""A classifier made convolutional: the same numbers as on every crop, layer by layer; what cannot be converted is named."""

import cvapp.models  # noqa: F401 - loads TensorFlow quietly
import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from cvapp.errors import CvappError, Exit
from cvapp.export import variants
from cvapp.models import classifier, hub, sliding
from cvapp.models.backbones import open_backbone
from cvapp.recipe import Model
from cvapp.windows.geometry import Windows


def awake(model: keras.Model) -> keras.Model:
    """Random weights of a size that keeps answers apart, batch norm's statistics among them."""
    rng = np.random.default_rng(7)
    for variable in model.variables:
        if "seed" in variable.path:
            continue
        fan_in = max(1, int(np.prod(variable.shape[:-1]))) if len(variable.shape) > 1 else 25
        low = 0.3 if variable.path.endswith(("variance", "gamma")) else None
        values = rng.uniform(low, 2, variable.shape) if low else rng.normal(0, 1.5 / np.sqrt(fan_in), variable.shape)
        variable.assign(values)
    return model


def pictures(size: tuple[int, int], count: int = 2) -> np.ndarray:
    """uint8 patches of 6x6 with noise, else means over windows would be alike."""
    rng, (height, width) = np.random.default_rng(sum(size)), size
    patches = rng.integers(0, 128, (count, height // 6 + 1, width // 6 + 1, 3)).repeat(6, 1).repeat(6, 2)[:, :height, :width]
    return (patches + rng.integers(0, 128, patches.shape)).astype(np.uint8)


def on_crops(model: keras.Model, rgb: np.ndarray, stride: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """A loop over the crops: (N, rows, columns, C)."""
    height, width = model.input_shape[1:3]
    tops, lefts = (np.arange(count) * step for count, step in zip(cells, stride))
    crops = np.stack([rgb[:, top : top + height, left : left + width] for top in tops for left in lefts], 1)
    answers = np.asarray(model(crops.reshape(-1, height, width, 3).astype(np.float32), training=False))
    return answers.reshape(len(rgb), *cells, -1)


def assert_equal_on_crops(model: keras.Model, detector: keras.Model, rgb: np.ndarray, stride: tuple[int, int]) -> None:
    """The maps are the classifier's answers, and answers that differ from cell to cell."""
    maps = np.asarray(detector(rgb.astype(np.float32), training=False))
    cells = Windows(model.input_shape[1:3], stride).grid(rgb.shape[1:3])
    expected = on_crops(model, rgb, stride, cells)
    assert np.ptp(expected, (1, 2)).max() > 0.02 * np.abs(expected).max(), "the answers tell windows apart"
    assert maps.shape[1] >= cells[0] and maps.shape[2] >= cells[1]
    np.testing.assert_allclose(maps[:, : cells[0], : cells[1]], expected, atol=1e-5 * max(1, np.abs(expected).max()))


def course_net() -> keras.Model:
    """The window net of the course: 14x14x3, 16 of 5x5 -> 10x10, pooled to 5x5, 400, 400, 4 classes."""
    body = [layers.Rescaling(1 / 255), layers.Conv2D(16, 5, activation="relu"), layers.MaxPooling2D(2), layers.Flatten()]
    head = [layers.Dense(400, "relu"), layers.Dropout(0.5), layers.Dense(400, "relu"), layers.Dense(4, "softmax")]
    return awake(keras.Sequential([keras.Input((14, 14, 3)), *body, *head]))


def norm(name: str) -> layers.Layer:
    return layers.BatchNormalization(name=name)


def deep() -> keras.Model:
    """Dilation, depthwise and separable convolutions, a stride, batch norm, uneven sides; 3 Dense."""
    scale = layers.Rescaling([1 / 255, 1 / 200, 1 / 128], [0, -0.1, -1])
    body = [layers.Conv2D(8, 3, use_bias=False), norm("a"), layers.ReLU(), layers.DepthwiseConv2D((3, 2), 2, depth_multiplier=2), norm("b")]
    more = [layers.SeparableConv2D(12, 3, activation="relu"), layers.Conv2D(10, 2, dilation_rate=2), layers.LeakyReLU(), layers.Flatten()]
    head = [layers.Activation("tanh"), layers.Dense(9, "relu"), norm("c"), layers.Dense(5), layers.Softmax()]
    return keras.Sequential([keras.Input((21, 24, 3)), scale, *body, *more, *head])


def averaged() -> keras.Model:
    """Global average beside global maximum, of one map; grouped convolutions; average pooling with a stride of its own."""
    pixels = keras.Input((20, 17, 3))
    maps = layers.Conv2D(8, (3, 2), activation="elu")(layers.Rescaling(1 / 127.5, -1)(pixels))
    maps = layers.AveragePooling2D(3, 2)(layers.Cropping2D(((1, 0), (0, 2)))(maps))
    maps = layers.LayerNormalization()(layers.Conv2D(12, 3, groups=4)(maps))
    means, largest = layers.GlobalAveragePooling2D(keepdims=True)(maps), layers.GlobalMaxPooling2D()(maps)
    both = layers.Concatenate()([layers.Reshape((12,))(means), largest])
    return keras.Model(pixels, layers.Dense(4)(both))


def nested() -> keras.Model:
    """A backbone with a residual as one layer, called at any size by itself; names that come twice; an own Sequential head."""
    scaled = keras.Input((None, None, 3))
    maps = layers.MaxPooling2D(2)(layers.Conv2D(6, 3, name="logits", activation="relu")(scaled))
    inner = norm("inner")(layers.Conv2D(6, 3)(maps))
    maps = layers.ReLU()(layers.Add()([layers.Cropping2D(1)(maps), inner]))
    shortcut = layers.Conv2D(9, 1, 2)(layers.Cropping2D(1)(maps))
    maps = layers.Add()([layers.Conv2D(9, 3, 2)(maps), shortcut])
    backbone = keras.Model(scaled, layers.GlobalAveragePooling2D()(maps), name="backbone")
    pixels = keras.Input((24, 24, 3))
    head = keras.Sequential(
        [keras.Input((9,)), layers.Dropout(0.5), layers.Dense(7, "relu", name="hidden"), layers.Dense(3, name="logits")]
    )
    return keras.Model(pixels, layers.Softmax()(head(backbone(layers.Rescaling(1 / 127.5, -1)(pixels)))))


def boxed() -> keras.Model:
    """The head of classification with localisation: p_c, a box, classes, two landmarks."""
    pixels = keras.Input((16, 16, 3))
    maps = layers.Conv2D(8, 5, 2, activation="relu")(layers.Rescaling(1 / 255)(pixels))
    vector = layers.Dense(20, "relu")(layers.Flatten()(maps))
    parts = [layers.Dense(1, "sigmoid"), layers.Dense(4), layers.Dense(3, "softmax"), layers.Dense(4)]
    return keras.Model(pixels, layers.Concatenate()([part(vector) for part in parts]))


def two_scales() -> keras.Model:
    """Means of two resolutions, as the classifier's of `model.stages=2`, the finer one at half the stride."""
    pixels = keras.Input((18, 18, 3))
    fine = layers.Conv2D(6, 4, 2, activation="relu")(layers.Rescaling(1 / 127.5, -1)(pixels))
    coarse = layers.Conv2D(8, 4, 2, activation="relu")(fine)
    vector = layers.Concatenate()([layers.GlobalAveragePooling2D()(fine), layers.GlobalAveragePooling2D()(coarse)])
    return keras.Model(pixels, layers.Dense(3)(vector))


@pytest.mark.parametrize("side, cells", [(14, 1), (16, 2), (28, 8)])
def test_the_example_of_the_course(side, cells):
    net = course_net()
    detector = sliding.to_detector(net)
    assert sliding.windows(net) == Windows((14, 14), (2, 2)) and sliding.exact(net)
    rgb = pictures((side, side))
    assert detector(rgb.astype(np.float32)).shape == (2, cells, cells, 4)
    maps = np.asarray(detector(rgb.astype(np.float32)))
    np.testing.assert_allclose(maps, on_crops(net, rgb, (2, 2), (cells, cells)), atol=1e-5)
    if cells > 1:
        assert_equal_on_crops(net, detector, rgb, (2, 2))


def test_the_dense_layers_are_convolutions():
    """5 * 5 * 16 * 400 + 400 weights of the first, and no layer that drops out."""
    detector = sliding.to_detector(course_net())
    shapes = [layer.kernel.shape for layer in detector.layers if isinstance(layer, layers.Conv2D)]
    assert shapes == [(5, 5, 3, 16), (5, 5, 16, 400), (1, 1, 400, 400), (1, 1, 400, 4)]
    assert not any(isinstance(layer, (layers.Dropout, layers.Dense, layers.Flatten)) for layer in detector.layers)


def test_rows_and_columns_swapped_in_the_first_dense_are_seen():
    """The control: the comparison fails for a kernel read in the wrong order."""
    net = course_net()
    detector = sliding.to_detector(net)
    first = next(layer for layer in detector.layers if isinstance(layer, layers.Conv2D) and layer.kernel.shape == (5, 5, 16, 400))
    kernel, bias = first.get_weights()
    first.set_weights([kernel.transpose(1, 0, 2, 3), bias])
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_equal_on_crops(net, detector, pictures((28, 28)), (2, 2))


@pytest.mark.parametrize(
    "build, stride, size",
    [(deep, (2, 2), (40, 37)), (averaged, (2, 2), (31, 30)), (nested, (4, 4), (44, 36)), (boxed, (2, 2), (27, 30)), (two_scales, (4, 4), (42, 34))],
)  # fmt: skip
def test_without_padding_every_cell_answers_as_the_classifier_does_on_its_crop(build, stride, size):
    net = awake(build())
    assert sliding.exact(net) and sliding.windows(net) == Windows(net.input_shape[1:3], stride)
    assert_equal_on_crops(net, sliding.to_detector(net), pictures(size), stride)
    assert_equal_on_crops(net, sliding.to_detector(net, size), pictures(size), stride)


@pytest.mark.parametrize("seed", range(6))
def test_random_networks(seed):
    """Some convolutions and poolings of any kernel, stride and dilation, then either head."""
    rng = np.random.default_rng(seed)
    parts, strides = [layers.Rescaling(1 / 127.5, -1)], np.ones(2, int)
    for _ in range(rng.integers(2, 4)):
        kernel, stride = tuple(rng.integers(1, 5, 2).tolist()), tuple(rng.integers(1, 3, 2).tolist())
        kind = rng.integers(0, 4)
        if kind == 0:
            dilation = tuple(rng.integers(1, 3, 2).tolist())
            parts.append(layers.Conv2D(int(rng.integers(4, 9)), kernel, dilation_rate=dilation, activation="relu"))
            continue
        if kind == 1:
            parts += [layers.Conv2D(int(rng.integers(4, 9)), kernel, stride), layers.BatchNormalization()]
        else:
            parts.append((layers.MaxPooling2D, layers.AveragePooling2D)[kind - 2](kernel, stride))
        strides *= stride
    parts += [layers.Conv2D(8, 2, activation="relu"), (layers.Flatten, layers.GlobalAveragePooling2D)[seed % 2]()]
    window = tuple(rng.integers(34, 44, 2).tolist())
    net = awake(keras.Sequential([keras.Input((*window, 3)), *parts, layers.Dense(6, "relu"), layers.Dense(3)]))
    stride = tuple(strides.tolist())
    assert sliding.windows(net) == Windows(window, stride)
    size = tuple((np.array(window) + rng.integers(2, 5, 2) * strides + rng.integers(0, 2, 2)).tolist())
    assert_equal_on_crops(net, sliding.to_detector(net), pictures(size), stride)


def test_the_weights_are_copies_and_all_of_them_train():
    net = course_net()
    net.trainable = False
    detector = sliding.to_detector(net)
    before = net.get_weights()
    assert len(detector.trainable_weights) == 8
    detector.set_weights([weight * 2 for weight in detector.get_weights()])
    for old, new in zip(before, net.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_detector_survives_its_file(tmp_path):
    net = awake(nested())
    detector = sliding.to_detector(net)
    detector.save(tmp_path / "detector.keras")
    rgb = pictures((44, 52)).astype(np.float32)
    reloaded = classifier.open_model(tmp_path / "detector.keras")
    assert np.abs(np.asarray(reloaded(rgb)) - np.asarray(detector(rgb))).max() == 0.0


def test_a_detector_of_fixed_size_becomes_a_tflite(tmp_path):
    net, rgb = awake(nested()), pictures((44, 52), 1)
    detector = sliding.to_detector(net, (44, 52))
    interpreter = Interpreter(model_content=variants.make(detector, "float32", tmp_path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], rgb)
    interpreter.invoke()
    answers = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert answers.shape == (1, 6, 8, 3) and np.ptp(answers, (1, 2)).max() > 0.02
    np.testing.assert_allclose(answers, detector(rgb.astype(np.float32)), atol=1e-5)
    assert_equal_on_crops(net, detector, rgb, (4, 4))


def sequential(*parts: layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(4, 3, name="first"), *parts])


def squeezed() -> keras.Model:
    pixels = keras.Input((16, 16, 3))
    maps = layers.Conv2D(4, 3)(pixels)
    scale = layers.GlobalAveragePooling2D(keepdims=True)(maps)
    return keras.Model(pixels, layers.GlobalAveragePooling2D()(layers.Multiply(name="excite")([maps, scale])))


def operated() -> keras.Model:
    pixels = keras.Input((16, 16, 3))
    return keras.Model(pixels, layers.Dense(2)(layers.Flatten()(layers.Conv2D(4, 3)(pixels) * 2)))


def uneven() -> keras.Model:
    """Two maps of one size but of strides 1 and 2."""
    pixels = keras.Input((16, 16, 3))
    branches = [layers.Conv2D(4, 11)(pixels), layers.Conv2D(4, 6, 2)(pixels)]
    return keras.Model(pixels, layers.GlobalAveragePooling2D()(layers.Add(name="sum")(branches)))


class Subclassed(keras.Model):
    def call(self, pixels):
        return pixels


def inside(part: layers.Layer) -> keras.Model:
    pixels = keras.Input((16, 16, 3))
    return keras.Model(pixels, layers.GlobalAveragePooling2D()(part(pixels)))


FLAT = "mixes places after flattening, so no detector can be made from it; put it before the Flatten or behind the Dense"
REFUSED = {
    "norm over space": (
        lambda: sequential(layers.LayerNormalization(axis=[1, 2, 3], name="norm"), layers.Flatten(), layers.Dense(2)),
        r"layer norm \(LayerNormalization\) works over the axes \[1, 2, 3\], which are not the channels alone, .*; give it axis=-1",
    ),
    "norm of flattened": (lambda: sequential(layers.Flatten(), layers.BatchNormalization(name="norm"), layers.Dense(2)), FLAT),
    "softmax of flattened": (lambda: sequential(layers.Flatten(), layers.Activation("softmax", name="norm"), layers.Dense(2)), FLAT),
    "rows as a sequence": (
        lambda: sequential(layers.Reshape((196, 4), name="rows"), layers.GlobalAveragePooling1D()),
        r"layer rows \(Reshape\) makes \(196, 4\) of \(14, 14, 4\), which mixes places",
    ),
    "lambda": (lambda: sequential(layers.Lambda(abs, name="odd"), layers.Flatten(), layers.Dense(2)), r"layer odd \(Lambda\) has no conv"),
    "transposed": (lambda: sequential(layers.Conv2DTranspose(4, 3, name="up"), layers.Flatten(), layers.Dense(2)), "layer up .*has no conv"),
    "maps": (lambda: sequential(), r"answers maps of \(14, 14, 4\) for a window; one vector is wanted"),
    "squeeze and excitation": (squeezed, r"layer excite .*brings together \(14, 14, 4\) and \(1, 1, 4\) \(as squeeze-and-excitation does\)"),
    "operation": (operated, r"layer multiply\w* \(Multiply\) is a bare operation, .*; use a layer for it, as keras.layers.Rescaling or Add"),
    "strides": (uneven, r"layer sum \(Add\) brings together strides of \(1, 1\) and \(2, 2\) pixels"),
    "any size": (lambda: keras.Sequential([keras.Input((None, None, 3)), layers.GlobalAveragePooling2D()]), "of fixed size"),
    "no input": (lambda: keras.Sequential([layers.Flatten()]), "takes None: a detector is made from a classifier of one picture"),
    "subclassed": (lambda: inside(Subclassed(name="mine")), r"layer mine \(Subclassed\) is a network whose layers are not known"),
    "average padded": (
        lambda: sequential(layers.AveragePooling2D(3, 2, "same", name="pool"), layers.Flatten(), layers.Dense(2)),
        'layer pool .*averages with "same" padding that depends on the size of the picture',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_convolutional_form_is_named(name):
    build, message = REFUSED[name]
    with pytest.raises(CvappError, match=message) as caught:
        sliding.to_detector(build())
    assert caught.value.code == Exit.USAGE and "\n" not in str(caught.value)


def test_a_hub_module_is_opaque(tiny_module):
    backbone = open_backbone(Model(handle=str(tiny_module)), None)
    assert isinstance(backbone.layer, hub.HubModule)
    whole = classifier.assemble(backbone, classifier.head(backbone.features, 3, Model()))
    with pytest.raises(
        CvappError, match="layer backbone .*is a hub module, which is opaque.*train with --set model.backbone=efficientnet_lite0"
    ) as caught:
        sliding.to_detector(whole)
    assert caught.value.code == Exit.USAGE


def test_a_picture_smaller_than_the_window():
    with pytest.raises(CvappError, match=r"a picture of \(28, 13\) is smaller than the classifier's window \(14, 14\)"):
        sliding.to_detector(course_net(), (28, 13))
