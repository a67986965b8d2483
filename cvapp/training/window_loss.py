"""What a window classifier is trained for: logistic loss of p_c; squared error of the box and the class's cross entropy where an object is."""

from typing import Any, Callable

from keras import ops

from cvapp.windows import BOX


def window_loss(num_classes: int, box_weight: float, label_smoothing: float = 0.0) -> Callable[[Any, Any], Any]:
    """The loss of each window (B,), from targets and logits (B, 5 + num_classes + 2 L); box, class and landmarks count by p_c.

    l = logistic(p_c) + p_c (box_weight (|b - b'|^2 + |l - l'|^2 / L) + cross entropy(c)), L the number of landmarks.
    """
    end = BOX + num_classes

    def loss(truth: Any, logits: Any) -> Any:
        sure = truth[:, 0]
        found = ops.binary_crossentropy(sure, logits[:, 0], from_logits=True)
        error = ops.sum(ops.square(truth[:, 1:BOX] - logits[:, 1:BOX]), -1)
        if logits.shape[-1] > end:
            error = error + ops.mean(ops.square(truth[:, end:] - logits[:, end:]), -1) * 2
        wanted = truth[:, BOX:end] * (1 - label_smoothing) + sure[:, None] * label_smoothing / num_classes
        named = -ops.sum(wanted * ops.log_softmax(logits[:, BOX:end], -1), -1)
        return found + sure * (box_weight * error) + named

    return loss


def accuracy(num_classes: int) -> Callable[[Any, Any], Any]:
    """Whether each window (B,) is taken for what it is: no object, or one of the right class."""
    end = BOX + num_classes

    def right(truth: Any, logits: Any) -> Any:
        is_object, says_object = truth[:, 0] > 0.5, logits[:, 0] > 0
        same = ops.argmax(truth[:, BOX:end], -1) == ops.argmax(logits[:, BOX:end], -1)
        return ops.cast(ops.where(is_object, ops.logical_and(says_object, same), ops.logical_not(says_object)), "float32")

    right.__name__ = "accuracy"
    return right
