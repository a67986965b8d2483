"""What a transcriber is trained for: the cross entropy of each token up to a text's end; what comes after it does not count."""

from typing import Any, Callable

import numpy as np
from keras import ops

AFTER = -1  # stands in the targets for what comes after the end


def targets_of(tokens: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Tokens that come next (N, T), and 1 for each that counts, 0 for the others -> the targets of the loss, int32 (N, T)."""
    return np.where(counted > 0, tokens, AFTER).astype(np.int32)


def text_loss(label_smoothing: float = 0.0) -> Callable[[Any, Any], Any]:
    """The mean over all tokens of a batch that count, from targets (B, T) and logits (B, T, V)."""

    def loss(truth: Any, logits: Any) -> Any:
        truth = ops.cast(truth, "int32")  # Keras hands all targets on as floats
        counted = ops.cast(truth != AFTER, logits.dtype)  # (B, T)
        likely = ops.log_softmax(logits)  # (B, T, V)
        right = ops.take_along_axis(likely, ops.maximum(truth, 0)[..., None], -1)[..., 0]  # (B, T)
        each = -(1 - label_smoothing) * right - label_smoothing * ops.mean(likely, -1)  # (B, T)
        return ops.sum(each * counted) / ops.sum(counted)

    return loss


def accuracy(truth: Any, logits: Any) -> Any:
    """Whether all tokens of each text that count are the likeliest after the true ones before them: (B,), 0 or 1.

    That is whether the text, written greedily, is the true one: the first wrong token would be wrong in both.
    """
    truth = ops.cast(truth, "int32")
    right = ops.logical_or(ops.cast(ops.argmax(logits, -1), "int32") == truth, truth == AFTER)  # (B, T)
    return ops.cast(ops.all(right, -1), "float32")
