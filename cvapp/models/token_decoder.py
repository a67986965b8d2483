"""The decoder of a transformer: tokens so far and an encoder's memory -> what comes next (Vaswani et al. 2017, arXiv:1706.03762)."""

from typing import Any

import keras
from keras import ops

from cvapp.models.attention import Cache
from cvapp.models.positions import SinusoidalPositions
from cvapp.models.transformer_blocks import EPSILON, DecoderBlock

END = 0  # the token that ends a text, and fills what is left after it


@keras.saving.register_keras_serializable("cvapp")
class TokenDecoder(keras.layers.Layer):
    """Embedding and positions, decoder blocks, a norm, a linear layer over the tokens.

    Args:
        tokens: V, how many can be answered: 0 ends a text. Token V itself begins one, and is never answered.
        length: tokens of a text at most, the end among them.
        features: numbers a token.
        num_heads: of attention; they must divide the features.
        hidden: of the feed-forward.
        blocks: how many.
        dropout: of the embedded tokens and in the blocks.
        tied: whether the last layer's weights are the embedding's (section 3.4; Press and Wolf 2017, arXiv:1608.05859).
    """

    def __init__(
        self,
        tokens: int,
        length: int,
        features: int,
        num_heads: int,
        hidden: int,
        blocks: int,
        dropout: float = 0.0,
        tied: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.tokens, self.length, self.features = tokens, length, features
        same, spread = {"dtype": self.dtype_policy}, keras.initializers.RandomNormal(stddev=features**-0.5)
        self.embedding = keras.layers.Embedding(tokens + 1, features, spread, **same)
        self.positions = SinusoidalPositions(length, **same)
        self.drop = keras.layers.Dropout(dropout, **same)
        self.blocks = [DecoderBlock(features, num_heads, hidden, dropout, **same) for _ in range(blocks)]
        self.norm = keras.layers.LayerNormalization(epsilon=EPSILON, **same)
        self.linear = None if tied else keras.layers.Dense(tokens, **same)

    def build(self, written_shape: Any, memory_shape: Any) -> None:
        """Make the weights of all parts."""
        shape = (*written_shape, self.features)
        self.embedding.build(written_shape)
        for block in self.blocks:
            block.build(shape, memory_shape)
        for part in (self.positions, self.norm, *([self.linear] if self.linear else [])):
            part.build(shape)

    def call(self, written: Any, memory: Any, memory_mask: Any = None, return_weights: bool = False, training: bool | None = None) -> Any:
        """A whole text at once, each token from those before it.

        Args:
            written: int (B, T), the first of them V.
            memory: (B, S, any number of features).
            memory_mask: boolean (B, S) or as `MultiHeadAttention` takes it.
            return_weights: whether to answer where in the memory each place looked: the last block's weights, (B, h, T, S).
            training: whether to drop.

        Returns:
            Logits (B, T, V) of the token that comes after each, float32; and the weights where they are asked for.
        """
        values = self.drop(self._embed(written, 0), training=training)  # (B, T, features)
        for block in self.blocks[:-1]:
            values = block(values, memory, memory_mask=memory_mask, training=training)  # (B, T, features)
        last = self.blocks[-1](values, memory, memory_mask=memory_mask, return_weights=return_weights, training=training)
        values, weights = last if return_weights else (last, None)  # (B, T, features), (B, h, T, S)
        return (self._logits(values), weights) if return_weights else self._logits(values)

    def remember(self, memory: Any) -> tuple[list[Cache], list[Cache]]:
        """The caches that decoding begins with, of each block: of the text, and of the memory (B, S, features)."""
        caches = [block.remember(memory) for block in self.blocks]
        return [own for own, _ in caches], [cross for _, cross in caches]

    def step(self, token: Any, place: Any, past: list[Cache], memory: list[Cache]) -> tuple[Any, list[Cache]]:
        """The last token (B, 1) and its place, with what is kept of those before: logits (B, V) of the next one, and the caches grown by one."""
        values, grown = self._embed(token, place), []  # (B, 1, features)
        for block, own, cross in zip(self.blocks, past, memory):
            values, own = block.step(values, own, cross)  # (B, 1, features)
            grown.append(own)
        return self._logits(values)[:, 0], grown

    def _embed(self, written: Any, place: Any) -> Any:
        """(B, T) from a place on -> (B, T, features), scaled so that positions do not drown tokens (section 3.4)."""
        values = self.embedding(written)  # (B, T, features)
        return self.positions(values * self.features**0.5, start=place)

    def _logits(self, values: Any) -> Any:
        """(B, T, features) -> (B, T, V)."""
        values = self.norm(values)
        if self.linear:
            return ops.cast(self.linear(values), "float32")
        table = ops.cast(self.embedding.embeddings[: self.tokens], values.dtype)  # (V, features)
        return ops.cast(ops.matmul(values, ops.transpose(table)), "float32")
