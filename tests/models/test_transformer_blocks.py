"""The blocks beside the same formulas written out, decoding place by place, dropping, files, and a phone's format."""

import keras
import numpy as np
import pytest

from cvapp.errors import CvappError
from cvapp.models.positions import LearnedPositions, SinusoidalPositions
from cvapp.models.transformer_blocks import DecoderBlock, EncoderBlock, FeedForward, Residual, depth_rates

BATCH, PLACES, SEEN, FEATURES, HEADS, HIDDEN = 2, 5, 6, 8, 2, 12


def shaken(layer, seed=1):
    """The layer with weights that are all random, norms and biases too."""
    rng = np.random.default_rng(seed)
    layer.set_weights([weight + rng.normal(0, 0.3, weight.shape) for weight in layer.get_weights()])
    return layer


@pytest.fixture
def sequences(rng):
    """Values (B, T, features) and a memory (B, S, 10)."""
    return rng.normal(size=(BATCH, PLACES, FEATURES)).astype(np.float32), rng.normal(size=(BATCH, SEEN, 10)).astype(np.float32)


def built(kind, pre_norm=True, **options):
    block = kind(FEATURES, HEADS, HIDDEN, pre_norm=pre_norm, **options)
    block.build((None, None, FEATURES), *([(None, None, 10)] if kind is DecoderBlock else []))
    return shaken(block)


def normal(layer, values):
    """Layer norm, epsilon 1e-6, in NumPy."""
    values = np.array(values, np.float64)
    centred = values - values.mean(-1, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + 1e-6) * layer.norm.gamma.numpy() + layer.norm.beta.numpy()


def by_hand(block, values, branches):
    """x + f(norm(x)) or norm(x + f(x)), one branch after the other."""
    for residual, branch in zip(block.residuals, branches, strict=True):
        values = values + branch(normal(residual, values)) if block.residuals[0].pre_norm else normal(residual, values + branch(values))
    return values


def feed_by_hand(block, values):
    first, second = block.feed_forward.first, block.feed_forward.second
    hidden = np.maximum(0, values @ first.kernel.numpy() + first.bias.numpy())
    return hidden @ second.kernel.numpy() + second.bias.numpy()


@pytest.mark.parametrize("pre_norm", [True, False])
def test_an_encoder_block_is_its_formula(sequences, pre_norm):
    values, block = sequences[0], built(EncoderBlock, pre_norm)
    expected = by_hand(block, values, [lambda x: np.array(block.attentions[0](x)), lambda x: feed_by_hand(block, x)])
    np.testing.assert_allclose(block(values), expected, atol=2e-5)
    other = built(EncoderBlock, not pre_norm)
    other.set_weights(block.get_weights())
    assert np.abs(other(values) - expected).max() > 0.1


@pytest.mark.parametrize("pre_norm", [True, False])
def test_a_decoder_block_is_its_formula(sequences, pre_norm):
    (values, memory), block = sequences, built(DecoderBlock, pre_norm)
    past = np.tril(np.ones((1, PLACES, PLACES), bool))
    own, cross = block.attentions
    own.causal = False  # the mask below does it
    branches = [lambda x: np.array(own(x, attention_mask=past)), lambda x: np.array(cross(x, memory)), lambda x: feed_by_hand(block, x)]
    expected = by_hand(block, values, branches)
    own.causal = True
    np.testing.assert_allclose(block(values, memory), expected, atol=2e-5)


def test_feed_forward_by_hand():
    """max(0, [1, -2] * 3 + [1, 0]) = [4, 0]; 4 * 2 + 0.5 = 8.5. With x = -1: [0, 2] -> 2 * 10 + 0.5."""
    layer = FeedForward(2, 1)
    layer.build((None, None, 1))
    layer.set_weights([np.array([[1, -2]]), np.array([1, 0]), np.array([[2], [10]]), np.array([0.5])])
    assert np.array(layer(np.float32([[[3], [-1]]]))).tolist() == [[[8.5], [20.5]]]
    other = FeedForward(2, 1, "gelu")
    other.build((None, None, 1))
    other.set_weights(layer.get_weights())
    assert 8 < np.array(other(np.float32([[[3]]]))).item() < 8.5


def test_masks_reach_both_attentions(sequences):
    (values, memory), block = sequences, built(DecoderBlock)
    own = np.array([[True] * 4 + [False]] * BATCH)
    far = np.array([[True] * 3 + [False] * 3] * BATCH)
    answer = np.array(block(values, memory, attention_mask=own, memory_mask=far))
    changed, changed_memory = values.copy(), memory.copy()
    changed[:, 4] += 1
    changed_memory[:, 3:] += 1
    np.testing.assert_array_equal(np.array(block(changed, changed_memory, attention_mask=own, memory_mask=far))[:, :4], answer[:, :4])
    assert np.abs(block(values, changed_memory) - block(values, memory)).max() > 0.01
    encoder = built(EncoderBlock)
    masked = np.array(encoder(values, attention_mask=own))
    np.testing.assert_allclose(masked[:, :4], encoder(values[:, :4]), atol=1e-5)
    assert np.abs(masked - encoder(values)).max() > 0.01


@pytest.mark.parametrize("pre_norm", [True, False])
def test_decoding_place_by_place_is_the_block_over_the_whole(sequences, pre_norm):
    (values, memory), block = sequences, built(DecoderBlock, pre_norm)
    whole = np.array(block(values, memory))
    past, seen = block.remember(memory)
    for place in range(PLACES):
        answer, past = block.step(values[:, place : place + 1], past, seen)
        np.testing.assert_allclose(answer[:, 0], whole[:, place], atol=1e-5)
    assert past.key.shape == (BATCH, HEADS, PLACES, FEATURES // HEADS)


def test_weights_come_with_the_answer_when_asked_for(sequences):
    values, memory = sequences
    for block, inputs, keys in ((built(EncoderBlock), (values,), PLACES), (built(DecoderBlock), (values, memory), SEEN)):
        answer, weights = block(*inputs, return_weights=True)
        assert weights.shape == (BATCH, HEADS, PLACES, keys)
        np.testing.assert_allclose(np.sum(weights, -1), 1, atol=1e-6)
        np.testing.assert_allclose(answer, block(*inputs), atol=1e-6)


def test_stochastic_depth_drops_whole_branches_of_a_picture_and_lets_the_others_grow():
    keras.utils.set_random_seed(3)
    residual = Residual(dropout=0.0, depth_drop=0.25, pre_norm=True)
    values, branch = np.zeros((4000, 3, 2), np.float32), np.ones((4000, 3, 2), np.float32)
    np.testing.assert_array_equal(residual(values, branch), branch)
    added = np.array(residual(values, branch, training=True))
    np.testing.assert_array_equal(added.min((1, 2)), added.max((1, 2)))
    assert np.unique(added).tolist() == [0, pytest.approx(4 / 3)]
    assert (added == 0).mean() == pytest.approx(0.25, abs=0.03)
    single = np.array(Residual(dropout=0.25, depth_drop=0.0, pre_norm=True)(values, branch, training=True))
    assert (np.ptp(single, (1, 2)) > 0).mean() > 0.5, "dropout is number by number"


def test_depth_rates_grow_evenly():
    """Huang et al. 2016, equation 4: the share kept is 1 - l / L (1 - p_L)."""
    assert depth_rates(0.2, 4) == pytest.approx([0.05, 0.1, 0.15, 0.2])
    assert depth_rates(0.0, 2) == [0, 0]


@pytest.mark.parametrize("kind", [EncoderBlock, DecoderBlock])
def test_dropping_is_for_training_alone(sequences, kind):
    keras.utils.set_random_seed(1)
    block = built(kind, dropout=0.2, depth_drop=0.3, attention_dropout=0.2)
    inputs = sequences[: 1 if kind is EncoderBlock else 2]
    quiet = built(kind)
    quiet.set_weights([weight.numpy() for weight in block.weights if "seed" not in weight.path])
    np.testing.assert_array_equal(block(*inputs), quiet(*inputs))
    assert np.abs(block(*inputs, training=True) - quiet(*inputs)).max() > 0.05


@pytest.mark.parametrize("kind", [EncoderBlock, DecoderBlock])
def test_heads_that_do_not_divide_are_refused_where_the_block_is_made(kind):
    with pytest.raises(CvappError, match="^10 features for 4 heads: give at least one head, and features that it divides$"):
        kind(10, 4, 20)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_a_keras_file_brings_nested_blocks_back_exactly(tmp_path, sequences, dtype):
    options = {"dropout": 0.1, "depth_drop": 0.1, "attention_dropout": 0.1, "activation": "gelu", "dtype": dtype}
    values, memory = keras.Input((None, FEATURES)), keras.Input((SEEN, 10))
    stack = keras.Sequential([keras.Input((None, FEATURES)), *(EncoderBlock(FEATURES, HEADS, HIDDEN, **options) for _ in range(2))])
    inner = keras.Model(values, FeedForward(HIDDEN, FEATURES, dtype=dtype)(stack(values)))
    answer = DecoderBlock(FEATURES, HEADS, HIDDEN, pre_norm=False, name="last", **options)(inner(values), memory)
    model = shaken(keras.Model([values, memory], answer))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("last").get_config() == model.get_layer("last").get_config()
    found, expected = (keras.ops.convert_to_numpy(keras.ops.cast(each(list(sequences)), "float32")) for each in (loaded, model))
    np.testing.assert_array_equal(found, expected)
    assert np.ptp(expected) > 1


def test_a_classifier_of_blocks_is_the_same_as_tflite(tmp_path, rng):
    from ai_edge_litert.interpreter import Interpreter

    from cvapp.export import variants

    pixels = keras.Input((16, 16, 3))
    values = keras.layers.Conv2D(FEATURES, 4, 4)(keras.layers.Rescaling(1 / 127.5, -1)(pixels))
    values = LearnedPositions(16)(keras.layers.Reshape((16, FEATURES))(values))
    values = EncoderBlock(FEATURES, HEADS, HIDDEN, activation="gelu")(values)
    values = EncoderBlock(FEATURES, HEADS, HIDDEN, pre_norm=False)(values)
    values = DecoderBlock(FEATURES, HEADS, HIDDEN)(SinusoidalPositions(16)(values), values)  # causal, so its mask is converted too
    answers = keras.layers.Dense(3, "softmax")(keras.layers.GlobalAveragePooling1D()(values))
    model = shaken(keras.Model(pixels, answers))
    interpreter = Interpreter(model_content=variants.make(model, "float32", tmp_path))
    interpreter.allocate_tensors()
    pictures = rng.integers(0, 256, (4, 1, 16, 16, 3)).astype(np.uint8)
    expected = np.array([model(picture.astype(np.float32))[0] for picture in pictures])
    assert np.ptp(expected, 0).max() > 0.01, "the pictures differ"
    for picture, answer in zip(pictures, expected):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
        interpreter.invoke()
        np.testing.assert_allclose(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0], answer, atol=1e-5)
