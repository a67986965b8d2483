"""The blocks of a transformer: attention and feed-forward, a residual and a norm about each (Vaswani et al. 2017, arXiv:1706.03762, figure 1).

In the comments on shapes B is the batch, T the places of a sequence, S those of the one that it looks at.
"""

from typing import Any

import keras
from keras import ops

from cvapp.models.attention import Cache, MultiHeadAttention

EPSILON = 1e-6  # of layer norm; Keras' 1e-3 is as large as the variance of small activations


def depth_rates(last: float, blocks: int) -> list[float]:
    """Share of a block's branches dropped, from the first block to the last, growing evenly (Huang et al. 2016, equation 4)."""
    return [last * (place + 1) / blocks for place in range(blocks)]


@keras.saving.register_keras_serializable("cvapp")
class FeedForward(keras.layers.Layer):
    """max(0, x W1 + b1) W2 + b2 at each place (section 3.3).

    Args:
        hidden: numbers a place between the two layers.
        features: numbers a place answered.
        activation: Keras' name of what stands between them; `relu` is the formula's.
        dropout: share of the hidden numbers dropped in training.
    """

    def __init__(self, hidden: int, features: int, activation: str = "relu", dropout: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.first = keras.layers.Dense(hidden, activation, dtype=self.dtype_policy, name="first")
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.second = keras.layers.Dense(features, dtype=self.dtype_policy, name="second")

    def build(self, values_shape: Any) -> None:
        """Make the weights of both layers."""
        self.first.build(values_shape)
        self.second.build((*values_shape[:-1], self.first.units))

    def call(self, values: Any, training: bool | None = None) -> Any:
        """(B, T, any number) -> (B, T, features)."""
        return self.second(self.drop(self.first(values), training=training))  # (B, T, hidden) -> (B, T, features)


class Residual(keras.layers.Layer):
    """What stands about a branch: a norm before it (pre-norm, Xiong et al. 2020, arXiv:2002.04745) or after the sum (post-norm), dropout, the sum.

    Args:
        dropout: share of the branch's numbers dropped in training.
        depth_drop: share of the branches dropped whole in training, for each picture by itself (stochastic depth, Huang et al. 2016,
            arXiv:1603.09382). What is kept grows by as much, instead of all shrinking afterwards.
        pre_norm: which.
    """

    def __init__(self, dropout: float, depth_drop: float, pre_norm: bool, **kwargs: Any):
        super().__init__(**kwargs)
        self.pre_norm = pre_norm
        self.norm = keras.layers.LayerNormalization(epsilon=EPSILON, dtype=self.dtype_policy)
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.depth = keras.layers.Dropout(depth_drop, noise_shape=(None, 1, 1), dtype=self.dtype_policy)

    def build(self, values_shape: Any) -> None:
        """Make the norm's weights."""
        self.norm.build(values_shape)

    def before(self, values: Any) -> Any:
        """What the branch takes: (B, T, features)."""
        return self.norm(values) if self.pre_norm else values

    def call(self, values: Any, branch: Any, training: bool | None = None) -> Any:
        """The values and what the branch answered, (B, T, features) both -> (B, T, features)."""
        values = values + self.depth(self.drop(branch, training=training), training=training)  # (B, T, features)
        return values if self.pre_norm else self.norm(values)


class TransformerBlock(keras.layers.Layer):
    """What the blocks have: attention once or twice, a feed-forward, a residual about each.

    Args:
        features: numbers a place, in and out.
        num_heads: of attention; they must divide the features.
        hidden: of the feed-forward.
        dropout: share dropped of what each branch answers, and of the feed-forward's hidden numbers.
        depth_drop: see `Residual` and `depth_rates`.
        attention_dropout: share dropped of the attention's weights.
        activation: of the feed-forward.
        pre_norm: see `Residual`; a stack of such blocks wants one more norm at its end.

    Raises:
        CvappError: the features cannot be divided among the heads.
    """

    causal: tuple[bool, ...]  # of each attention

    def __init__(
        self,
        features: int,
        num_heads: int,
        hidden: int,
        dropout: float = 0.0,
        depth_drop: float = 0.0,
        attention_dropout: float = 0.0,
        activation: str = "relu",
        pre_norm: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        same = {"dtype": self.dtype_policy}
        self.attentions = [MultiHeadAttention(num_heads, features, causal, attention_dropout, **same) for causal in self.causal]
        self.feed_forward = FeedForward(hidden, features, activation, dropout, **same)
        self.residuals = [Residual(dropout, depth_drop, pre_norm, **same) for _ in (*self.causal, "feed-forward")]

    def _build(self, values_shape: Any, *context_shapes: Any) -> None:
        """Make the weights of all parts; a shape for each attention, of what it looks at."""
        for attention, context_shape in zip(self.attentions, context_shapes, strict=True):
            attention.build(values_shape, context_shape)
        for part in (self.feed_forward, *self.residuals):
            part.build(values_shape)

    def _feed(self, values: Any, training: bool | None = None) -> Any:
        """The last part: (B, T, features) -> the same shape."""
        last = self.residuals[-1]
        return last(values, self.feed_forward(last.before(values), training=training), training=training)


@keras.saving.register_keras_serializable("cvapp")
class EncoderBlock(TransformerBlock):
    """Self-attention, then feed-forward; every place sees every other. The arguments are `TransformerBlock`'s."""

    causal = (False,)

    def build(self, values_shape: Any) -> None:
        """Make the weights."""
        self._build(values_shape, values_shape)

    def call(self, values: Any, attention_mask: Any = None, return_weights: bool = False, training: bool | None = None) -> Any:
        """One block.

        Args:
            values: (B, T, features).
            attention_mask: boolean, as `MultiHeadAttention` takes it.
            return_weights: whether to answer the attention's weights (B, h, T, T) too.
            training: whether to drop.

        Returns:
            (B, T, features), and the weights where they are asked for.
        """
        first = self.residuals[0]
        seen = self.attentions[0](first.before(values), attention_mask=attention_mask, return_weights=return_weights, training=training)
        seen, weights = seen if return_weights else (seen, None)  # (B, T, features), (B, h, T, T)
        values = self._feed(first(values, seen, training=training), training)  # (B, T, features)
        return (values, weights) if return_weights else values


@keras.saving.register_keras_serializable("cvapp")
class DecoderBlock(TransformerBlock):
    """Self-attention on what came before, a look at the encoder's memory, feed-forward. The arguments are `TransformerBlock`'s."""

    causal = (True, False)

    def build(self, values_shape: Any, memory_shape: Any) -> None:
        """Make the weights."""
        self._build(values_shape, values_shape, memory_shape)

    def call(
        self,
        values: Any,
        memory: Any,
        attention_mask: Any = None,
        memory_mask: Any = None,
        return_weights: bool = False,
        training: bool | None = None,
    ) -> Any:
        """One block over a whole sequence.

        Args:
            values: (B, T, features).
            memory: what the encoder answered, (B, S, any number of features).
            attention_mask: boolean over the sequence, as `MultiHeadAttention` takes it; what comes after a place is hidden from it in any case.
            memory_mask: boolean over the memory.
            return_weights: whether to answer the weights of the look at the memory, (B, h, T, S), too.
            training: whether to drop.

        Returns:
            (B, T, features), and the weights where they are asked for.
        """
        (own, cross), (first, second) = self.attentions, self.residuals[:2]
        values = first(
            values, own(first.before(values), attention_mask=attention_mask, training=training), training=training
        )  # (B, T, features)
        seen = cross(second.before(values), memory, attention_mask=memory_mask, return_weights=return_weights, training=training)
        seen, weights = seen if return_weights else (seen, None)  # (B, T, features), (B, h, T, S)
        values = self._feed(second(values, seen, training=training), training)  # (B, T, features)
        return (values, weights) if return_weights else values

    def remember(self, memory: Any) -> tuple[Cache, Cache]:
        """What decoding place by place begins with: a cache of no place of the sequence, and one of the memory (B, S, features)."""
        own, cross = self.attentions
        return own.empty(ops.shape(memory)[0]), cross.keys_values(memory)

    def step(self, values: Any, past: Cache, memory: Cache) -> tuple[Any, Cache]:
        """The block at the place that comes next, as `call` has it there.

        Args:
            values: (B, 1, features).
            past: of the t places before.
            memory: of the encoder's answer.

        Returns:
            (B, 1, features), and the cache of t + 1 places.
        """
        (own, cross), (first, second) = self.attentions, self.residuals[:2]
        inner = first.before(values)  # (B, 1, features)
        past = own.extend(past, inner)  # (B, h, t + 1, d) each
        values = first(values, own(inner, cache=past))  # (B, 1, features)
        values = second(values, cross(second.before(values), cache=memory))  # (B, 1, features)
        return self._feed(values), past
