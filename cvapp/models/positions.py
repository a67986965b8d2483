"""Where in a sequence a vector stands: attention alone does not know. Sinusoids, or vectors that are learned, are added."""

from typing import Any

import keras
import numpy as np
from keras import ops

from cvapp.models.attention import refusal


def sinusoids(length: int, features: int) -> np.ndarray:
    """Sine and cosine in turns, of wavelengths from 2 pi to 10,000 * 2 pi places (Vaswani et al. 2017, section 3.5): float64 (length, features)."""
    angles = np.arange(length)[:, None] / 10_000 ** (np.arange(0, features, 2) / features)  # (length, half of the features)
    return np.stack([np.sin(angles), np.cos(angles)], -1).reshape(length, -1)[:, :features]  # an odd number lacks the last cosine


class _Positions(keras.layers.Layer):
    """Adds a table's rows to vectors (B, T, features).

    Args:
        length: places that there are at most.
    """

    table: Any

    def __init__(self, length: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.length = length

    def call(self, values: Any, start: Any = 0) -> Any:
        """(B, T, features) whose first place is number `start` -> the same, each with its place."""
        count = values.shape[1]
        if count is not None and count > self.length:
            raise refusal(f"a sequence of {count} places where {self.length} have a position: give a shorter one, or more positions")
        rows = ops.convert_to_tensor(self.table)[start : start + ops.shape(values)[1]]  # (T, features)
        return values + ops.cast(rows, values.dtype)  # (B, T, features)


@keras.saving.register_keras_serializable("cvapp")
class SinusoidalPositions(_Positions):
    """Adds `sinusoids`; nothing is learned."""

    def build(self, values_shape: Any) -> None:
        """Make the table, as wide as what comes in."""
        self.table = sinusoids(self.length, values_shape[-1]).astype(self.variable_dtype)


@keras.saving.register_keras_serializable("cvapp")
class LearnedPositions(_Positions):
    """Adds vectors that are learned, near 0 at the start (Dosovitskiy et al. 2021, arXiv:2010.11929, appendix D.4)."""

    def build(self, values_shape: Any) -> None:
        """Make the table, as wide as what comes in."""
        start = keras.initializers.TruncatedNormal(stddev=0.02)
        self.table = self.add_weight((self.length, values_shape[-1]), start, name="table")
