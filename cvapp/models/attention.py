"""Attention: scaled dot products, and the layer of several heads for self- and cross-attention (Vaswani et al. 2017, arXiv:1706.03762).

In the comments on shapes B is the batch, T the queries, S the places they look at, h the heads and d the size of a head.
A mask is boolean, True where a query may look. A query that may look nowhere gets zeros: all its weights are 0.
"""

from functools import partial
from typing import Any, Callable, NamedTuple

import keras
from keras import ops

from cvapp.errors import CvappError

FUSED = (
    "jax",
    "torch",
)  # backends whose kernel never holds the scores; TensorFlow's is made of einsums, which `scaled_dot_product` outruns
HIDDEN = -1e9  # the score of what is hidden: its exponential is 0 beside any other, and infinity would make NaN of a row without any other
MASKS = "booleans (B, keys), (B, queries, keys) or (B, heads, queries, keys), True where a query may look"


class Cache(NamedTuple):
    """What a layer has made of the places to look at, kept to be used again: (B, h, S, d) each."""

    key: Any
    value: Any


def causal_mask(queries: Any, keys: Any) -> Any:
    """No query sees what comes after it: boolean (T, S); where there are more keys than queries, the last ones are the queries' own."""
    return ops.arange(queries)[:, None] + (keys - queries) >= ops.arange(keys)


def scaled_dot_product(query: Any, key: Any, value: Any, mask: Any = None, drop: Callable[[Any], Any] = lambda weights: weights) -> Any:
    """softmax(Q K^T / sqrt(d)) V, equation 1.

    Args:
        query: (B, h, T, d).
        key: (B, h, S, d).
        value: (B, h, S, e); e is d as a rule.
        mask: boolean, broadcast to (B, h, T, S).
        drop: what befalls the weights before they are used, such as dropout.

    Returns:
        Values (B, h, T, e), and the weights (B, h, T, S) before anything was dropped.
    """
    query = query * query.shape[-1] ** -0.5  # (B, h, T, d), which has fewer numbers than the scores
    scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))  # (B, h, T, d) x (B, h, d, S) -> (B, h, T, S)
    weights = _softmax(scores, mask)  # (B, h, T, S)
    values = ops.matmul(drop(weights), value)  # (B, h, T, S) x (B, h, S, e) -> (B, h, T, e)
    return (values, weights) if mask is None else (_if_seen(mask, values), _if_seen(mask, weights))


def _softmax(scores: Any, mask: Any) -> Any:
    """Weights (B, h, T, S) that sum to 1, computed in 32 bits at least; even ones where a query may look nowhere."""
    kind = keras.backend.standardize_dtype(scores.dtype)
    wide = ops.cast(scores, "float32") if kind in ("float16", "bfloat16") else scores
    if mask is not None:
        wide = ops.where(mask, wide, ops.cast(HIDDEN, wide.dtype))
    shares = ops.softmax(wide) if wide.shape[-1] != 1 else 0 * wide + 1  # Keras warns of a softmax over one number
    return ops.cast(shares, kind)


def _if_seen(mask: Any, values: Any) -> Any:
    """Values (B, h, T, ...), or 0 where a query may look nowhere."""
    return ops.where(ops.any(mask, -1, keepdims=True), values, ops.zeros_like(values))


def refusal(message: str) -> CvappError:
    """An error to raise inside of a layer's call: one line, to which Keras adds none of its own."""
    error = CvappError(message)
    error._keras_call_info_injected = True
    return error


@keras.saving.register_keras_serializable("cvapp")
class MultiHeadAttention(keras.layers.Layer):
    """Several heads look at once, and a linear layer joins what they found (section 3.2.2).

    Args:
        num_heads: h.
        features: numbers a place answers, divided evenly among the heads: d = features / h.
        causal: whether a query is kept from looking at places after its own; does not apply to a cache, which holds what came before.
        dropout: share of the weights dropped in training.
        use_bias: whether the linear layers add one.

    Raises:
        CvappError: the features cannot be divided among the heads.
    """

    def __init__(
        self, num_heads: int, features: int, causal: bool = False, dropout: float = 0.0, use_bias: bool = True, **kwargs: Any
    ):  # Keras keeps the name of a layer only where this is called kwargs
        if num_heads < 1 or features < 1 or features % num_heads:
            raise CvappError(f"{features} features for {num_heads} heads: give at least one head, and features that it divides")
        super().__init__(**kwargs)
        self.num_heads, self.features, self.causal, self.dropout = num_heads, features, causal, dropout
        linear = partial(keras.layers.Dense, features, use_bias=use_bias, dtype=self.dtype_policy)
        self.query, self.key, self.value, self.joined = (linear(name=name) for name in ("query", "key", "value", "joined"))
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, query_shape: Any, context_shape: Any = None) -> None:
        """Make the weights: (features of what comes in, features) each."""
        self.query.build(query_shape)
        for layer in (self.key, self.value):
            layer.build(context_shape or query_shape)
        self.joined.build((*query_shape[:-1], self.features))

    def keys_values(self, context: Any) -> Cache:
        """What there is to look at in (B, S, features)."""
        return Cache(self._split(self.key(context)), self._split(self.value(context)))  # (B, h, S, d) each

    def extend(self, cache: Cache, context: Any) -> Cache:
        """A cache of S places and what there is to look at in (B, n, features): S + n places."""
        return Cache(*(ops.concatenate(both, 2) for both in zip(cache, self.keys_values(context))))  # (B, h, S + n, d) each

    def empty(self, batch: Any) -> Cache:
        """A cache of no place."""
        nothing = ops.zeros((batch, self.num_heads, 0, self.features // self.num_heads), self.compute_dtype)
        return Cache(nothing, nothing)

    def call(
        self,
        query: Any,
        context: Any = None,
        attention_mask: Any = None,
        cache: Cache | None = None,
        return_weights: bool = False,
        training: bool | None = None,
    ) -> Any:
        """Look, from each place of `query`, at the places of `context`.

        Args:
            query: (B, T, any number of features).
            context: (B, S, any number of features); the query itself when None.
            attention_mask: boolean (B, S) for padding, (B, T, S) or (B, h, T, S); see the module. 1 stands for any B, T or h.
            cache: keys and values that are at hand already, in place of a context.
            return_weights: whether to answer the weights (B, h, T, S) too.
            training: whether to drop weights.

        Returns:
            (B, T, features), and the weights where they are asked for.
        """
        key, value = self.keys_values(query if context is None else context) if cache is None else cache  # (B, h, S, d) each
        query = self._split(self.query(query))  # (B, h, T, d)
        mask = self._mask(attention_mask, query, key, self.causal and cache is None)  # broadcasts to (B, h, T, S)
        if keras.config.backend() in FUSED and not return_weights and not (training and self.dropout):
            values, weights = _fused(query, key, value, mask), None  # (B, h, T, d)
        else:
            values, weights = scaled_dot_product(query, key, value, mask, partial(self.drop, training=training))  # and (B, h, T, S)
        values = ops.transpose(values, (0, 2, 1, 3))  # (B, T, h, d)
        values = self.joined(ops.reshape(values, (-1, ops.shape(values)[1], self.features)))  # (B, T, h * d) -> (B, T, features)
        return (values, weights) if return_weights else values

    def _split(self, values: Any) -> Any:
        """(B, T, h * d) -> (B, h, T, d)."""
        parted = ops.reshape(values, (-1, ops.shape(values)[1], self.num_heads, self.features // self.num_heads))  # (B, T, h, d)
        return ops.transpose(parted, (0, 2, 1, 3))

    def _mask(self, mask: Any, query: Any, key: Any, causal: bool) -> Any:
        """A mask of four axes from what was given and from causality; None where nothing is hidden."""
        if mask is not None:
            mask = _four_axes(mask, (query.shape[0], self.num_heads, query.shape[2], key.shape[2]))
        if not causal:
            return mask
        past = causal_mask(ops.shape(query)[2], ops.shape(key)[2])[None, None]  # (1, 1, T, S)
        return past if mask is None else ops.logical_and(mask, past)


def _fused(query: Any, key: Any, value: Any, mask: Any) -> Any:
    """The backend's own attention, which takes the heads as the third axis; zeros where a query may look nowhere."""
    values = ops.dot_product_attention(*(ops.transpose(part, (0, 2, 1, 3)) for part in (query, key, value)), mask=mask)  # (B, T, h, d)
    values = ops.transpose(values, (0, 2, 1, 3))  # (B, h, T, d)
    return values if mask is None else _if_seen(mask, values)


def _four_axes(mask: Any, shape: tuple[int | None, ...]) -> Any:
    """A mask that broadcasts to a shape (B, h, T, S)."""
    mask = ops.convert_to_tensor(mask)
    missing = {2: (1, 2), 3: (1,), 4: ()}.get(len(mask.shape))
    whole = None if missing is None else ops.expand_dims(mask, missing)
    fits = whole is not None and all(side in (1, None, axis) or axis is None for side, axis in zip(whole.shape, shape))
    if not fits or keras.backend.standardize_dtype(mask.dtype) != "bool":
        kind = keras.backend.standardize_dtype(mask.dtype)
        raise refusal(f"a mask of {kind} {tuple(mask.shape)} for {shape[2]} queries, {shape[3]} keys and {shape[1]} heads: give {MASKS}")
    return whole
