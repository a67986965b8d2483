"""Full int8: the biases mended, against NumPy and Keras; no other byte touched; the layers that hurt named and kept in float."""

import warnings

import cvapp.models  # noqa: F401 - loads TensorFlow quietly
import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from keras import layers
from tensorflow.lite.python.convert import mlir_quantize

from cvapp.errors import CvappError, Exit
from cvapp.export import quantise, variants
from cvapp.models.transformer_blocks import EncoderBlock

SIZE = 16
KINDS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def some_photos(seed, count):
    """uint8 (count, 16, 16, 3): a colour each, and noise."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 256, (count, 1, 1, 3)) * rng.uniform(0.3, 1, (count, SIZE, SIZE, 1))
    return np.clip(colours + rng.normal(0, 20, (count, SIZE, SIZE, 3)), 0, 255).astype(np.uint8)


PHOTOS = some_photos(0, 20)


def network(*parts):
    """Pixels 0..255 -> what the parts make of them -> softmax, weights lively and always the same."""
    keras.utils.set_random_seed(3)
    pixels = values = keras.Input((SIZE, SIZE, 3))
    for part in [layers.Rescaling(1 / 127.5, -1), *parts, layers.Softmax()]:
        values = part(values)
    model, rng = keras.Model(pixels, values), np.random.default_rng(1)
    for layer in model.layers:
        kernel, *rest = layer.get_weights() or [np.zeros(0)]
        if kernel.ndim == 1 and rest:  # batch norm
            layer.set_weights([rng.uniform(0.5, 1.5, kernel.shape), *(rng.uniform(0.2, 0.6, kernel.shape) for _ in rest)])
        elif kernel.ndim > 1:
            spread = np.sqrt(2 / np.prod(kernel.shape[:2] if "depthwise" in layer.name else kernel.shape[:-1]))
            layer.set_weights([rng.normal(0, spread, kernel.shape), *(rng.normal(0, 0.1, bias.shape) for bias in rest)])
    return model


def block(width, name):
    """A depthwise and a plain convolution, their batch norm to be folded."""
    normal = dict(use_bias=False, padding="same")
    yield layers.DepthwiseConv2D(3, name=f"{name}_depthwise", **normal)
    yield from (layers.BatchNormalization(), layers.ReLU(name=f"{name}_depthwise_relu"))
    yield layers.Conv2D(width, 3, name=f"{name}_plain", **normal)
    yield from (layers.BatchNormalization(), layers.ReLU(name=f"{name}_plain_relu"))


def head(**settings):
    return layers.GlobalAveragePooling2D(), layers.Dense(4, name="logits", **settings)


def lopsided(model):
    """Give every kernel but the last one large weight a channel, and many that are less than half a step of 8 bits: they are rounded to 0."""
    for layer in model.layers:
        if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D)):
            kernel, *rest = layer.get_weights()
            rows = np.full_like(kernel, 0.0035).reshape(kernel.shape[0] * kernel.shape[1], -1, kernel.shape[-1])
            rows[4 % len(rows), :, :] = 0.0035 if "depthwise" not in layer.name else 1.0  # the middle of 3x3
            rows[0, np.arange(kernel.shape[-1]) % rows.shape[1], np.arange(kernel.shape[-1])] = 1.0
            layer.set_weights([rows.reshape(kernel.shape), *rest])
    return model


def unmended(calibrated):
    """What TensorFlow's quantiser makes, nothing done to it."""
    return bytes(mlir_quantize(calibrated.model, input_data_type=tf.uint8, output_data_type=tf.uint8))


def run(data, photos):
    """Answers (N, classes), and the mean output of every layer with weights by channel, dequantised by hand."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        interpreter = Interpreter(model_content=data, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    details = {row["index"]: row for row in interpreter.get_tensor_details()}
    outputs = [int(row["outputs"][0]) for row in interpreter._get_ops_details() if row["op_name"] in KINDS]
    sums, answers = [0.0] * len(outputs), []

    def real(index):
        (scale, zero), values = details[index]["quantization"], interpreter.get_tensor(index).astype(np.float64)
        return (values - zero) * scale if scale else values

    for photo in photos:
        interpreter.set_tensor(source["index"], photo[None].astype(source["dtype"]))
        interpreter.invoke()
        answers.append(real(target["index"])[0])
        for place, index in enumerate(outputs):
            values = real(index)
            sums[place] = sums[place] + values.mean(tuple(range(values.ndim - 1))) / len(photos)
    return np.array(answers), sums


def distances(found, wanted):
    """How far the means of each layer's channels are off, a number a layer."""
    return np.array([np.abs(mine - theirs).mean() for mine, theirs in zip(found, wanted, strict=True)])


def tensors(data):
    """Of every tensor: name, type, shape and quantisation, and its constant bytes; and which tensors are biases."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(data, 0))
    graph = model.subgraphs[0]
    codes = {getattr(schema.BuiltinOperator, kind) for kind in KINDS}
    with_weights = [operator for operator in graph.operators if model.operatorCodes[operator.opcodeIndex].builtinCode in codes]
    rows = []
    for tensor in graph.tensors:
        constant = model.buffers[tensor.buffer].data
        said = (
            tensor.name,
            tensor.type,
            tuple(tensor.shape),
            np.asarray(tensor.quantization.scale).tolist() if tensor.quantization else None,
        )
        rows.append((said, b"" if constant is None else np.asarray(constant).tobytes()))
    wiring = [(operator.opcodeIndex, list(operator.inputs), list(operator.outputs)) for operator in graph.operators]
    return rows, [int(operator.inputs[2]) for operator in with_weights if len(operator.inputs) > 2], wiring


@pytest.fixture(scope="module")
def lively(tmp_path_factory):
    """A network whose rounded weights move its means, and what is known of it after calibration."""
    stem = [layers.Conv2D(8, 3, use_bias=False, padding="same"), layers.BatchNormalization(), layers.ReLU(name="stem_relu")]
    model = lopsided(network(*stem, *block(8, "first"), *block(8, "second"), *head()))
    return model, variants.ranges(model, PHOTOS, tmp_path_factory.mktemp("lively"))


def test_the_means_noted_are_those_of_keras(lively):
    model, calibrated = lively
    names = ["stem_relu", *(f"{name}_{kind}_relu" for name in ("first", "second") for kind in ("depthwise", "plain")), "logits"]
    inner = keras.Model(model.input, [model.get_layer(name).output for name in names] + [model.output])
    *maps, answers = (np.asarray(values) for values in inner(PHOTOS.astype(np.float32), training=False))
    for mine, theirs in zip(calibrated.means, maps, strict=True):
        np.testing.assert_allclose(mine, theirs.mean(tuple(range(theirs.ndim - 1))), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(calibrated.answers, answers, atol=1e-4)
    assert np.ptp(answers, 0).max() > 0.1 and np.abs(calibrated.answers[::-1] - answers).max() > 0.1


def test_mended_biases_bring_the_means_of_every_layer_and_the_answers_nearer(lively):
    model, calibrated = lively
    others = some_photos(9, 30)
    keras_says = model.predict(others.astype(np.float32), verbose=0)
    before, after = unmended(calibrated), quantise.quantise(calibrated)
    far, near = (distances(run(data, PHOTOS)[1], calibrated.means) for data in (before, after))
    assert (near < far).all() and near.sum() < 0.5 * far.sum(), (far, near)
    far, near = (np.abs(run(data, others)[0] - keras_says).mean() for data in (before, after))
    assert near < 0.8 * far, "on photos that mending never saw"


def test_mending_changes_nothing_but_the_numbers_of_the_biases(lively):
    before, after = unmended(lively[1]), quantise.quantise(lively[1])
    (old, biases, wiring), (new, _, rewired) = tensors(before), tensors(after)
    changed = [index for index, (mine, theirs) in enumerate(zip(old, new, strict=True)) if mine[1] != theirs[1]]
    assert changed and set(changed) <= set(biases) and len(biases) == 6
    assert [said for said, _ in old] == [said for said, _ in new] and wiring == rewired
    assert {old[index][0][1] for index in biases} == {schema.TensorType.INT32}
    assert len(before) == len(after)
    assert sum(mine != theirs for mine, theirs in zip(before, after)) <= 4 * sum(len(old[index][1]) // 4 for index in changed)


SHARED = layers.Conv2D(8, 3, padding="same")
ODD = {
    "dense without a bias": lambda: [layers.Conv2D(8, 3), layers.ReLU(), *head(use_bias=False)],
    "no bias at all": lambda: [layers.Conv2D(8, 3, use_bias=False), layers.ReLU(), layers.Flatten(), layers.Dense(4, use_bias=False)],
    "equal biases": lambda: (
        [part for _ in range(3) for part in (layers.Conv2D(8, 3, padding="same", use_bias=False), layers.ReLU())] + [*head()]
    ),
    "one layer twice": lambda: [layers.Conv2D(8, 3), layers.ReLU(), SHARED, layers.ReLU(), SHARED, layers.ReLU(), *head()],
}


@pytest.mark.parametrize("kind", ODD)
def test_layers_without_a_bias_or_with_equal_ones_are_mended_each_for_itself(kind, tmp_path):
    model = network(*ODD[kind]())
    calibrated = variants.ranges(model, PHOTOS, tmp_path)
    before, after = unmended(calibrated), quantise.quantise(calibrated)
    (old, biases, wiring), (new, _, rewired) = tensors(before), tensors(after)
    changed = {index for index, (mine, theirs) in enumerate(zip(old, new, strict=True)) if mine[1] != theirs[1]}
    assert changed and changed <= {index for index in biases if index >= 0} and wiring == rewired
    assert ([said for said, _ in old], -1 in biases) == ([said for said, _ in new], kind in ("dense without a bias", "no bias at all"))
    mendable = [place for place, index in enumerate(biases) if index >= 0]
    far, near = (distances(run(data, PHOTOS)[1], calibrated.means)[mendable] for data in (before, after))
    assert (near < far).all(), (far, near)
    assert variants.check_sound(after, "int8") == 0


@pytest.mark.parametrize("name, first", [("CONV_2D", ()), ("FULLY_CONNECTED", ()), ("TRANSPOSE_CONV", (6,))])
@pytest.mark.parametrize("inputs, bias", [((7, 8, 9), 9), ((7, 8, -1), None), ((7, 8), None)])
def test_a_bias_that_is_left_out_is_no_tensor(name, first, inputs, bias):
    """-1 stands for none, and would be the last of all tensors in Python; a transposed convolution is told its output's shape first."""
    assert quantise._bias({"op_name": name, "inputs": np.array([*first, *inputs], np.int32)}) == bias


def test_equal_biases_are_written_once_by_the_converter(tmp_path):
    """Why each gets bytes of its own first: mending one would move the others."""
    calibrated = variants.ranges(network(*ODD["equal biases"]()), PHOTOS, tmp_path)
    together = bytearray(unmended(calibrated))
    spoilt = quantise._mend_biases(together, calibrated)
    (rows, biases, _), (own, _, _) = tensors(spoilt), tensors(bytes(quantise._own_biases(unmended(calibrated))))
    convolutions = [index for index in biases if rows[index][0][2] == (8,)]
    assert len({rows[index][1] for index in convolutions}) == 1 and len(convolutions) == 3, "one stands for three"
    far, near = (distances(run(data, PHOTOS)[1], calibrated.means)[:3] for data in (spoilt, quantise.quantise(calibrated)))
    assert (near < far).all() and [row[1] for row in own] == [row[1] for row in tensors(unmended(calibrated))[0]]


def test_a_bias_at_the_end_of_its_range_stays_in_it(lively):
    """Wrapped round, the largest number would become the smallest."""
    calibrated = lively[1]
    far_off = quantise.Calibrated(calibrated.model, calibrated.photos, [mean + 1e9 for mean in calibrated.means], calibrated.answers)
    rows, biases, _ = tensors(quantise.quantise(far_off))
    assert {int(number) for index in biases for number in np.frombuffer(rows[index][1], np.int32)} == {2**31 - 1}


def outlier(bad):
    """Four convolutions that keep their names; one channel of number `bad` is a thousand times the others, and the next layer takes that back."""
    chain = [part for number in range(4) for part in (layers.Conv2D(8, 3, name=f"conv{number}"), layers.ReLU())]
    model = network(*chain, *head())
    if bad is not None:
        mine, following = model.get_layer(f"conv{bad}"), model.get_layer(f"conv{bad + 1}")
        kernel, bias = mine.get_weights()
        kernel[..., 0], bias[0] = 1000 * np.abs(kernel[..., 0]), 300.0
        mine.set_weights([kernel, bias])
        kernel, bias = following.get_weights()
        kernel[:, :, 0] /= 1000
        following.set_weights([kernel, bias])
    return model


@pytest.mark.parametrize("bad", [0, 2])
def test_the_layer_that_8_bits_hurt_is_named_first_and_mends_the_model_in_float(bad, tmp_path):
    model = outlier(bad)
    calibrated, names = variants.ranges(model, PHOTOS, tmp_path), ["conv0", "conv1", "conv2", "conv3", "logits"]
    hurt = quantise.harm(calibrated)
    assert sorted(next(known for known in names if known in name) for name in hurt) == names
    assert f"conv{bad}" in hurt[0] or f"conv{bad + 1}" in hurt[0]
    assert {name for name in hurt[:2] if f"conv{bad}" in name or f"conv{bad + 1}" in name} == set(hurt[:2])
    keras_says = model.predict(PHOTOS.astype(np.float32), verbose=0)
    plain, mixed, wrong = (quantise.quantise(calibrated, kept) for kept in ((), hurt[:2], hurt[-2:]))
    off = [np.abs(run(data, PHOTOS)[0] - keras_says).mean() for data in (plain, mixed, wrong)]
    assert off[1] < 0.3 * off[0] and off[1] < 0.3 * off[2], off
    assert variants.check_sound(plain, "int8") == 0 < variants.check_sound(mixed, "int8")


@pytest.fixture(scope="module")
def attending(tmp_path_factory):
    """A transformer of two blocks over 16 patches, and what is known of it after calibration."""
    keras.utils.set_random_seed(5)
    pixels = keras.Input((SIZE, SIZE, 3))
    tokens = layers.Reshape((16, 8))(layers.Conv2D(8, 4, 4)(layers.Rescaling(1 / 127.5, -1)(pixels)))
    for number in range(2):
        tokens = EncoderBlock(8, 2, 16, activation="gelu", name=f"block{number}")(tokens)
    means = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(tokens))
    model = keras.Model(pixels, layers.Softmax()(layers.Dense(4, name="logits")(means)))
    return model, variants.ranges(model, PHOTOS, tmp_path_factory.mktemp("attending"))


def kinds_of_layers(data):
    """Of every layer with weights: the type of its weights; and how many operations there are without weights, in 8 bits and in float."""
    interpreter = quantise._open(data)
    types = {row["index"]: row["dtype"] for row in interpreter.get_tensor_details()}
    operations = [row for row in interpreter._get_ops_details() if row["op_name"] not in ("DELEGATE", "QUANTIZE", "DEQUANTIZE")]
    between = [types[row["outputs"][0]] == np.float32 for row in operations if row["op_name"] not in KINDS]
    return [types[row["inputs"][1]] for row in operations if row["op_name"] in KINDS], between.count(False), between.count(True)


def test_what_lies_between_the_layers_of_a_transformer_can_stay_in_float(attending):
    model, calibrated = attending
    plain, mixed = quantise.quantise(calibrated), quantise.quantise(calibrated, quantise.spared(calibrated))
    weights, eight_bits, in_float = kinds_of_layers(mixed)
    assert len(weights) == 1 + 2 * 6 + 1 and set(weights) == {np.int8}, "all layers with weights are in 8 bits"
    assert eight_bits == 0 < in_float
    assert kinds_of_layers(plain)[1] > kinds_of_layers(plain)[2], "8 bits nearly throughout, where nothing is spared"
    variants.check_sound(mixed, "int8")
    others = some_photos(9, 30)
    keras_says = model.predict(others.astype(np.float32), verbose=0)
    assert np.ptp(keras_says, 0).max() > 0.05
    far, near = (np.abs(run(data, others)[0] - keras_says).mean() for data in (plain, mixed))
    assert near < far, (near, far)


def test_nothing_is_spared_in_a_network_without_attention(lively):
    assert quantise.spared(lively[1]) == []


def test_calibration_without_black_and_white_is_caught(tmp_path, monkeypatch):
    model, grey = network(*head()), np.full((4, SIZE, SIZE, 3), 100, np.uint8) + np.arange(4, dtype=np.uint8)[:, None, None, None]
    variants.check_sound(quantise.quantise(variants.ranges(model, grey, tmp_path)), "int8")
    monkeypatch.setattr(quantise, "_pictures", lambda some: ([one[None].astype(np.float32)] for one in some))
    with pytest.raises(CvappError, match="int8: input scale .* and zero point .*; 1 and 0 are wanted") as error:
        variants.check_sound(quantise.quantise(variants.ranges(model, grey, tmp_path)), "int8")
    assert error.value.code == Exit.GATE


def test_calibration_shows_black_and_white_and_every_photo():
    noise = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    np.testing.assert_array_equal(np.concatenate([row for (row,) in quantise._pictures(noise)]), noise)
    shown = [picture for (picture,) in quantise._pictures(PHOTOS)]
    assert {picture.shape for picture in shown} == {(1, SIZE, SIZE, 3)} and {picture.dtype.name for picture in shown} == {"float32"}
    np.testing.assert_array_equal(np.concatenate(shown)[2:], PHOTOS)
    assert (np.unique(shown[0]), np.unique(shown[1])) == (0, 255)
