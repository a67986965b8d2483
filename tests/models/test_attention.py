"""Attention beside an oracle in NumPy, Keras' own layer, a gradient by differences, and the numbers of the paper."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cvapp.errors import CvappError, Exit
from cvapp.models import attention
from cvapp.models.attention import Cache, MultiHeadAttention, causal_mask, scaled_dot_product

BATCH, HEADS, FEATURES, QUERIES, KEYS = 3, 4, 24, 5, 7


def oracle(query, key, value, mask=None):
    """Equation 1, a query at a time, in float64; zeros where nothing may be seen."""
    answer = np.zeros((*query.shape[:3], value.shape[3]))
    for place in np.ndindex(query.shape[:3]):
        scores = np.array([query[place] @ other / np.sqrt(len(other)) for other in key[place[:2]]])
        seen = np.ones(len(scores), bool) if mask is None else np.broadcast_to(mask, (*query.shape[:3], len(scores)))[place]
        if seen.any():
            powers = np.exp(scores - scores[seen].max()) * seen
            answer[place] = powers / powers.sum() @ value[place[:2]]
    return answer


def layer_oracle(layer, query, context, mask=None):
    """The whole layer in NumPy, from its weights."""
    weights = [np.asarray(weight, np.float64) for weight in layer.weights]
    parts = [values @ kernel + bias for values, kernel, bias in zip((query, context, context), weights[0:6:2], weights[1:6:2])]
    heads = [part.reshape(*part.shape[:2], layer.num_heads, -1).transpose(0, 2, 1, 3) for part in parts]
    values = oracle(*heads, mask).transpose(0, 2, 1, 3)
    return values.reshape(*values.shape[:2], -1) @ weights[6] + weights[7]


@pytest.fixture
def sequences(rng):
    """Queries (B, T, features) and a context (B, S, features), float32."""
    return [rng.normal(size=(BATCH, count, FEATURES)).astype(np.float32) for count in (QUERIES, KEYS)]


@pytest.fixture(scope="module", params=["float32", "mixed_float16", "mixed_bfloat16"])
def pair(request):
    """Ours and Keras' layer with the same weights, biases too."""
    rng = np.random.default_rng(1)
    ours = MultiHeadAttention(HEADS, FEATURES, dtype=request.param)
    theirs = keras.layers.MultiHeadAttention(HEADS, FEATURES // HEADS, dtype=request.param)
    ours(np.zeros((1, 2, FEATURES)))
    theirs(np.zeros((1, 2, FEATURES)), np.zeros((1, 2, FEATURES)))
    for mine, yours in zip(ours.weights, theirs.weights, strict=True):
        mine.assign(rng.normal(size=mine.shape) * 0.3)
        yours.assign(np.reshape(mine, yours.shape))
    return ours, theirs


def numbers(values):
    """As float32; NumPy knows no bfloat16."""
    return keras.ops.convert_to_numpy(keras.ops.cast(values, "float32"))


def padding(rng):
    """(B, S): every sequence keeps its first place."""
    mask = rng.random((BATCH, KEYS)) < 0.6
    mask[:, 0] = True
    return mask


MASKS = {
    "none": lambda rng: (None, None),
    "padding": lambda rng: (mask := padding(rng), mask[:, None]),
    "pairs": lambda rng: (mask := np.logical_or(rng.random((BATCH, QUERIES, KEYS)) < 0.5, np.arange(KEYS) == 0), mask),
    "heads": lambda rng: (mask := np.logical_or(rng.random((BATCH, HEADS, QUERIES, KEYS)) < 0.5, np.arange(KEYS) == 0), mask),
}


def test_the_causal_example_of_the_notes():
    """Scores [.7], [.1 .6], [.1 .3 .6], [.1 .3 .3 .3]: with d = 4, keys that are the axes see half of each query's numbers."""
    scores = np.array([[0.7, 9, 9, 9], [0.1, 0.6, 9, 9], [0.1, 0.3, 0.6, 9], [0.1, 0.3, 0.3, 0.3]], np.float32)
    axes = np.eye(4, dtype=np.float32)[None, None]
    values, weights = scaled_dot_product(2 * scores[None, None], axes, axes, causal_mask(4, 4))
    expected = [[1, 0, 0, 0], [0.37, 0.62, 0, 0], [0.26, 0.31, 0.43, 0], [0.21, 0.26, 0.26, 0.26]]
    np.testing.assert_allclose(weights[0, 0], expected, atol=0.01)
    np.testing.assert_array_equal(values, weights)
    assert np.triu(weights[0, 0], 1).max() == 0, "exactly nothing of the future"


def test_a_causal_mask_lets_the_last_queries_see_all_before_them():
    assert np.array(causal_mask(2, 4)).astype(int).tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize("masked", [False, True])
def test_scaled_dot_products_are_the_equation(rng, masked):
    query, key, value = (rng.normal(size=(2, 3, count, width)) * 2 for count, width in ((4, 6), (5, 6), (5, 2)))
    mask = rng.random((2, 1, 4, 5)) < 0.4 if masked else None
    found, weights = scaled_dot_product(query, key, value, mask)
    np.testing.assert_allclose(found, oracle(query, key, value, mask), atol=1e-12)
    np.testing.assert_allclose(np.matmul(weights, value), found, atol=1e-12)
    wrong = oracle(query / np.sqrt(6), key, value, mask)
    assert np.abs(found - wrong).max() > 0.1, "divided by d instead of its root"


def test_large_scores_do_not_overflow():
    query = np.float32([[[[300, 0]]]])
    found, weights = scaled_dot_product(query, np.float32([[[[300, 0], [0, 300]]]]), np.float32([[[[1], [2]]]]))
    assert np.array(weights).tolist() == [[[[1, 0]]]] and np.array(found).item() == 1


@pytest.mark.parametrize("kind", MASKS)
def test_the_layer_is_keras_own_and_the_oracles(pair, sequences, rng, kind):
    ours, theirs = pair
    mask, whole = MASKS[kind](rng)
    mine = ours(*sequences, attention_mask=mask)
    yours = theirs(*sequences, attention_mask=whole)
    near = {"float32": 1e-5, "float16": 0.02, "bfloat16": 0.15}[ours.compute_dtype]
    assert np.ptp(numbers(mine)) > 1
    np.testing.assert_allclose(numbers(mine), numbers(yours), atol=near)
    four = whole[:, None] if whole is not None and whole.ndim == 3 else whole
    np.testing.assert_allclose(numbers(mine), layer_oracle(ours, *sequences, four), atol=near)


def gradients(layer, weights, sequences, **options):
    """Of a sum that weighs every number differently: with regard to the inputs and to the weights, as float32 of the inputs' shapes."""
    inputs = [tf.constant(values) for values in sequences]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        answer = tf.cast(layer(*inputs, **options), tf.float32)
        loss = tf.reduce_sum(answer * tf.cos(tf.range(tf.size(answer), dtype=tf.float32)).numpy().reshape(answer.shape))
    return [numbers(part).ravel() for part in tape.gradient(loss, [*inputs, *(weight.value for weight in weights)])]


@pytest.mark.parametrize("kind", MASKS)
def test_the_gradients_are_keras_own(pair, sequences, rng, kind):
    ours, theirs = pair
    mask, whole = MASKS[kind](rng)
    mine = gradients(ours, ours.weights, sequences, attention_mask=mask)
    yours = gradients(theirs, theirs.weights, sequences, attention_mask=whole)
    near = {"float32": 1e-5, "float16": 0.02, "bfloat16": 0.15}[ours.compute_dtype]
    for one, other in zip(mine, yours, strict=True):
        np.testing.assert_allclose(one, other, atol=near * max(1, np.abs(other).max()))


def test_a_causal_layer_is_keras_with_its_causal_mask_and_one_without_is_not(pair, sequences):
    ours, theirs = pair
    causal = MultiHeadAttention.from_config({**ours.get_config(), "causal": True})
    causal.build((None, None, FEATURES))
    causal.set_weights(ours.get_weights())
    expected = numbers(theirs(sequences[1], sequences[1], use_causal_mask=True))
    near = {"float32": 1e-5, "float16": 0.02, "bfloat16": 0.15}[ours.compute_dtype]
    np.testing.assert_allclose(numbers(causal(sequences[1])), expected, atol=near)
    mask = np.tril(np.ones((1, KEYS, KEYS), bool)) & np.arange(KEYS).astype(bool)
    both = numbers(causal(sequences[1], attention_mask=mask))
    np.testing.assert_allclose(both, layer_oracle(ours, sequences[1], sequences[1], mask[:, None]), atol=near)
    assert np.abs(numbers(ours(sequences[1])) - expected).max() > 0.3, "an unmasked future"


def test_what_comes_later_changes_nothing_before_it(sequences):
    layer = MultiHeadAttention(HEADS, FEATURES, causal=True)
    before = np.array(layer(sequences[1]))
    changed = sequences[1].copy()
    changed[:, 4] += 1
    after = np.array(layer(changed))
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert (np.abs(before - after)[:, 4:].max((0, 2)) > 1e-3).all()


def test_the_gradient_is_that_of_differences(rng):
    layer = MultiHeadAttention(2, 6, causal=True, dtype="float64")
    values = rng.normal(size=(2, 4, 6))
    layer(values)
    mask = np.array([[True, True, False, True], [False, True, True, True]])  # the first query of the second sequence sees nothing
    aims = rng.normal(size=(2, 4, 6))

    def loss(inputs):
        return float(np.sum(np.array(layer(inputs, attention_mask=mask)) * aims))

    inputs = tf.constant(values)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        total = tf.reduce_sum(layer(inputs, attention_mask=mask) * aims)
    of_inputs, of_key = tape.gradient(total, [inputs, layer.key.kernel.value])
    for place in ((0, 0, 0), (0, 2, 3), (1, 0, 5), (1, 3, 1)):
        nudge = np.zeros_like(values)
        nudge[place] = 1e-5
        assert (loss(values + nudge) - loss(values - nudge)) / 2e-5 == pytest.approx(float(of_inputs[place]), rel=1e-6, abs=1e-9)
    kernel = layer.key.kernel.numpy()
    nudge = np.zeros_like(kernel)
    nudge[1, 2] = 1e-5
    layer.key.kernel.assign(kernel + nudge)
    high = loss(values)
    layer.key.kernel.assign(kernel - nudge)
    assert (high - loss(values)) / 2e-5 == pytest.approx(float(of_key[1, 2]), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_a_mask_that_hides_everything_gives_zeros_and_no_gradient(sequences, dtype):
    layer = MultiHeadAttention(HEADS, FEATURES, use_bias=False, dtype=dtype)
    mask = np.ones((BATCH, KEYS), bool)
    mask[1] = False
    values, weights = layer(*sequences, attention_mask=mask, return_weights=True)
    assert np.abs(values[1]).max() == np.abs(weights[1]).max() == 0 and np.abs(values[0]).max() > 0.1
    found = gradients(layer, layer.weights, sequences, attention_mask=np.zeros_like(mask))
    assert all(np.abs(part).max() == 0 for part in found)


def test_weights_are_shares_and_say_what_was_looked_at(sequences):
    layer = MultiHeadAttention(HEADS, FEATURES)
    values, weights = layer(*sequences, return_weights=True)
    assert weights.shape == (BATCH, HEADS, QUERIES, KEYS)
    np.testing.assert_allclose(np.sum(weights, -1), 1, atol=1e-6)
    np.testing.assert_allclose(layer(*sequences), values, atol=1e-6)
    looked = np.matmul(weights, layer.keys_values(sequences[1]).value).transpose(0, 2, 1, 3).reshape(BATCH, QUERIES, FEATURES)
    np.testing.assert_allclose(layer.joined(looked), values, atol=1e-6)


def test_a_cache_grown_place_by_place_answers_as_the_whole_sequence_does(sequences):
    layer = MultiHeadAttention(HEADS, FEATURES, causal=True)
    whole = np.array(layer(sequences[1]))
    cache = layer.empty(BATCH)
    for place in range(KEYS):
        part = sequences[1][:, place : place + 1]
        cache = layer.extend(cache, part)
        np.testing.assert_allclose(layer(part, cache=cache)[:, 0], whole[:, place], atol=1e-6)
    np.testing.assert_allclose(cache.key, layer.keys_values(sequences[1]).key, atol=1e-6)


def test_dropout_drops_weights_in_training_alone(sequences):
    layer = MultiHeadAttention(HEADS, FEATURES, dropout=0.5)
    quiet = np.array(layer(*sequences))
    np.testing.assert_array_equal(layer(*sequences, training=False), quiet)
    _, weights = layer(*sequences, return_weights=True, training=True)
    np.testing.assert_allclose(np.sum(weights, -1), 1, atol=1e-6)
    assert np.abs(layer(*sequences, training=True) - quiet).max() > 0.05


@pytest.mark.parametrize("kind", MASKS)
def test_the_backends_fused_attention_is_the_same(monkeypatch, sequences, rng, kind):
    layer = MultiHeadAttention(HEADS, FEATURES)
    mask, _ = MASKS[kind](rng)
    if kind == "padding":
        mask[1] = False
    plain = np.array(layer(*sequences, attention_mask=mask))
    monkeypatch.setattr(attention, "FUSED", ("tensorflow",))
    called = []
    fused = attention._fused
    monkeypatch.setattr(attention, "_fused", lambda *parts: called.append(1) or fused(*parts))
    np.testing.assert_allclose(layer(*sequences, attention_mask=mask), plain, atol=1e-6)
    assert called == [1]
    layer(*sequences, attention_mask=mask, return_weights=True)
    assert called == [1], "it holds no weights to show"


@pytest.mark.parametrize("heads, features", [(4, 10), (0, 8), (-1, 8), (3, 0), (16, 8)])
def test_heads_that_do_not_divide_the_features_are_refused(heads, features):
    with pytest.raises(CvappError) as error:
        MultiHeadAttention(heads, features)
    assert error.value.code == Exit.USAGE
    assert str(error.value) == f"{features} features for {heads} heads: give at least one head, and features that it divides"


@pytest.mark.parametrize(
    "mask, came",
    [
        (np.ones((BATCH, QUERIES), bool), "bool (3, 5)"),
        (np.ones(KEYS, bool), "bool (7,)"),
        (np.ones((BATCH, KEYS, QUERIES), bool), "bool (3, 7, 5)"),
        (np.ones((BATCH, 3, QUERIES, KEYS), bool), "bool (3, 3, 5, 7)"),
        (np.ones((2, KEYS), bool), "bool (2, 7)"),
        (np.ones((BATCH, KEYS), np.float32), "float32 (3, 7)"),
        (np.ones((BATCH, KEYS), np.int32), "int32 (3, 7)"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused_in_one_line(sequences, mask, came):
    with pytest.raises(CvappError) as error:
        MultiHeadAttention(HEADS, FEATURES)(*sequences, attention_mask=mask)
    assert str(error.value) == (
        f"a mask of {came} for 5 queries, 7 keys and 4 heads: give booleans (B, keys), (B, queries, keys) or (B, heads, queries, keys), "
        "True where a query may look"
    )


def test_one_place_looks_at_itself_alone(sequences):
    layer = MultiHeadAttention(HEADS, FEATURES)
    alone = sequences[0][:, :1]
    values, weights = layer(alone, return_weights=True)
    assert np.ptp(weights) == 0 and np.max(weights) == 1
    np.testing.assert_allclose(values, layer.joined(layer.value(alone)), atol=1e-6)


def test_odd_sizes_of_a_head_work(rng):
    values = rng.normal(size=(2, 4, 9)).astype(np.float32)
    layer = MultiHeadAttention(3, 9)
    answer = layer(values)
    np.testing.assert_allclose(answer, layer_oracle(layer, values, values), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_a_keras_file_brings_it_back_exactly(tmp_path, sequences, dtype):
    query, context = keras.Input((None, FEATURES)), keras.Input((None, 10))
    layer = MultiHeadAttention(HEADS, 8, dropout=0.1, use_bias=False, name="look", dtype=dtype)
    nested = keras.Sequential([keras.Input((None, 8)), MultiHeadAttention(2, 8, causal=True, dtype=dtype, name="again")])
    model = keras.Model([query, context], nested(layer(query, context)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    inputs = [sequences[0], sequences[1][..., :10]]
    np.testing.assert_array_equal(loaded(inputs), model(inputs))
    assert loaded.get_layer("look").get_config() == layer.get_config()


def test_a_cache_names_what_it_holds():
    assert Cache._fields == ("key", "value")
