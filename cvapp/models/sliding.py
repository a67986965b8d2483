"""A window classifier made convolutional: one pass over a picture answers for every window of it.

Sermanet et al. 2014, OverFeat, arXiv:1312.6229, section 3.5; Long et al. 2015, arXiv:1411.4038, section 3.1. The layers that see the whole
window (Flatten + Dense, global pooling) become a convolution or a pooling whose kernel is the window's feature map, at stride 1.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cvapp.errors import CvappError
from cvapp.models.classifier import predict_function
from cvapp.models.sliding_layers import Maps, through
from cvapp.progress import Report, each, silent
from cvapp.windows.geometry import Pair, Windows

PICTURES = 4  # a step of `close_gap`
SEED = 0  # of their order


@dataclass(frozen=True)
class Deviation:
    """How far a detector's answers are from the classifier's on the crops.

    Args:
        mean: absolute difference of the numbers answered.
        largest: of them.
        agreement: share of the cells whose largest number is the same one (of a single number: that lies on the same side of a half).
        cells: how many were compared.
    """

    mean: float
    largest: float
    agreement: float
    cells: int


def to_detector(classifier: keras.Model, size: Pair | None = None) -> keras.Model:
    """Make a window classifier convolutional; its weights are copied, and all of them can train.

    Cell (i, j) answers for the window whose corner is at (i, j) times the stride; see `windows`. The answers are the classifier's own on that
    crop where no layer pads (`exact`), and near them where one does.

    Args:
        classifier: pixels (B, h, w, 3) -> answers (B, C); Keras layers, nested networks of them among them.
        size: (height, width) of the pictures, which fixes the shape (a .tflite wants that); any size from a window's up when None. Branches of
            different strides then meet only where sides are a window and a whole number of strides.

    Returns:
        Pixels (B, H, W, 3) -> maps (B, H', W', C). Cells past `Windows.grid`, where there are any, are of windows that the picture's end cuts.

    Raises:
        CvappError: a layer that cannot be made convolutional, or a size smaller than the window (exit 2).
    """
    maps, pixels = _walk(classifier, size or (None, None))
    return keras.Model(pixels, maps.values, name="detector")


def windows(classifier: keras.Model) -> Windows:
    """Which window each cell of the classifier's detector answers for.

    The first one's corner is (0, 0), with padding too: a layer pads the picture before its first row just as it pads the window, so that cell
    (i, j) holds what the classifier computes on the crop at (i, j) times the stride, but for what the padding hides from it. That would be
    otherwise only where "same" padding before a strided layer depended on the picture's size, and `to_detector` sees to that.
    """
    maps, pixels = _walk(classifier, _window(classifier)[:2])
    return Windows(_window(classifier)[:2], maps.stride)


def exact(classifier: keras.Model) -> bool:
    """Whether the detector's cells answer as the classifier does on the crops: no layer pads. Otherwise it comes near; see `deviation`."""
    return not _walk(classifier, _window(classifier)[:2])[0].padded


def _window(classifier: keras.Model) -> tuple[int, int, int]:
    """(height, width, channels) of the one window that a classifier takes."""
    shape = getattr(classifier, "input_shape", None) if getattr(classifier, "_functional", classifier) else None
    if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:]:
        raise CvappError(
            f"{classifier.name} takes {shape}: a detector is made from a classifier of one picture (B, height, width, 3) of fixed size"
        )
    return shape[1], shape[2], shape[3]


def _walk(classifier: keras.Model, size: tuple[int | None, int | None]) -> tuple[Maps, Any]:
    """The convolutional form of a classifier over pictures of a size, and its input."""
    window = _window(classifier)
    if any(side is not None and side < least for side, least in zip(size, window)):
        raise CvappError(f"a picture of {size} is smaller than the classifier's window {window[:2]}; give a size from that up")
    pixels = keras.Input((*size, window[2]), name="pixels")
    maps = through({"pixels"}, classifier, Maps(pixels, window))
    if not isinstance(maps, Maps) or maps.shape[:2] != (1, 1):
        came = f"maps of {maps.shape}" if isinstance(maps, Maps) else "several outputs"
        raise CvappError(
            f"{classifier.name} answers {came} for a window; one vector is wanted (Concatenate joins several, Dense reads maps)"
        )
    return maps, pixels


def deviation(
    classifier: keras.Model, detector: keras.Model, pictures: np.ndarray, windows: Windows, report: Report = silent
) -> Deviation:
    """Compare a detector with its classifier, on every whole window of uint8 pictures (N, H, W, 3)."""
    expected = _on_crops(classifier, pictures, windows, report)
    rows, columns = expected.shape[1:3]
    answers = np.concatenate([detector(picture[None].astype(np.float32), training=False) for picture in pictures])[:, :rows, :columns]
    difference = np.abs(answers - expected)
    same = _first(answers) == _first(expected)
    return Deviation(float(difference.mean()), float(difference.max()), float(same.mean()), same.size)


def close_gap(
    classifier: keras.Model, detector: keras.Model, pictures: np.ndarray, steps: int, learning_rate: float, report: Report = silent
) -> None:
    """Train a detector, in place, until its cells answer what the classifier answers on their crops; no labels are needed.

    Distillation (Hinton et al. 2015, arXiv:1503.02531, at temperature 1): cross-entropy where the classifier answers a distribution, else half
    the squared error. Batch norm keeps its statistics; the order of the pictures is the same in every run.

    Args:
        classifier: the teacher.
        detector: what `to_detector` made of it.
        pictures: uint8 (N, H, W, 3), of the size that the detector shall work at: padding is met at its border alone.
        steps: of a few pictures each.
        learning_rate: at the start, for Adam; it falls to 0 along a half cosine.
        report: told how far it is.
    """
    geometry = windows(classifier)
    targets = _on_crops(classifier, pictures, geometry, report)
    rows, columns = targets.shape[1:3]
    distribution = targets.min() >= 0 and np.allclose(targets.sum(-1), 1, atol=1e-3)
    optimiser = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps))
    optimiser.build(detector.trainable_variables)

    @tf.function(autograph=False)
    def step(pixels: tf.Tensor, aims: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            answers = detector(tf.cast(pixels, tf.float32), training=False)[:, :rows, :columns]
            loss = tf.reduce_mean(keras.losses.categorical_crossentropy(aims, answers) if distribution else tf.square(answers - aims) / 2)
        variables = [variable.value for variable in detector.trainable_variables]
        optimiser.apply(tape.gradient(loss, variables), detector.trainable_variables)

    rng = np.random.default_rng(SEED)
    for _ in each(range(steps), "closing the gap", report):
        chosen = rng.choice(len(pictures), min(PICTURES, len(pictures)), replace=False)
        step(tf.constant(pictures[chosen]), tf.constant(targets[chosen]))


def _on_crops(classifier: keras.Model, pictures: np.ndarray, windows: Windows, report: Report) -> np.ndarray:
    """What the classifier answers on every whole window of uint8 pictures (N, H, W, 3): float32 (N, rows, columns, C)."""
    grid, answer = windows.grid(pictures.shape[1:3]), predict_function(classifier)
    if 0 in grid:
        raise CvappError(f"pictures of {pictures.shape[1:3]} hold no whole window of {windows.size}; give larger ones")
    corners = windows.places(grid).astype(int).reshape(-1, 4)
    found = []
    for picture in each(pictures, "answers on the crops", report, len(pictures)):
        found.append(answer(np.array([picture[top:bottom, left:right] for left, top, right, bottom in corners])))
    return np.stack(found).reshape(len(pictures), *grid, -1)


def _first(answers: np.ndarray) -> np.ndarray:
    """The first answer of each cell of (..., C)."""
    return answers.argmax(-1) if answers.shape[-1] > 1 else answers[..., 0] >= 0.5
