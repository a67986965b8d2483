"""What cvapp takes from keras-cv: MixUp and CutMix, and a backbone. It is no longer developed, so no other module imports it."""

from types import ModuleType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cvapp.errors import missing_extra
from cvapp.progress import hushed
from cvapp.recipe import Augment

# Constructors and their arguments; the ready-made ones ask the network for these.
BACKBONES: dict[str, tuple[str, dict[str, Any]]] = {
    # He et al. 2016, arXiv:1603.05027: 11,183,488 parameters, 512 channels
    "keras_cv_resnet_18_v2": (
        "ResNetV2Backbone",
        {
            "stackwise_filters": [64, 128, 256, 512],
            "stackwise_blocks": [2, 2, 2, 2],
            "stackwise_strides": [1, 2, 2, 2],
            "block_type": "basic_block",
        },
    ),
}


def _keras_cv() -> ModuleType:
    """The package, loaded when it is needed."""
    try:
        with hushed():
            import keras_cv
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "keras-cv", "train") from error
    return keras_cv


class Mixer:
    """MixUp and CutMix on the batches of one epoch: each picture is mixed with another of its batch, and their targets in the same shares.

    keras-cv draws from TensorFlow's global generator. It is seeded once here and not for each batch, since TensorFlow then forgets the
    kernels of every compiled function, which costs a third of a second. So a mixer is for one thread, and the batches come in order.

    Args:
        settings: `mixup` and `cutmix` are read; with both, each takes half of the batches, by chance.
        key: such as (seed, epoch); the same key mixes in the same way.
    """

    def __init__(self, settings: Augment, key: tuple[int, ...]):
        self._settings, self._draw = settings, np.random.default_rng(key)
        self._on = bool(settings.mixup or settings.cutmix)
        if self._on:
            layers = _keras_cv().layers
            self._mixup = layers.MixUp(settings.mixup, dtype="float32")
            self._cutmix = layers.CutMix(settings.cutmix, dtype="float32")
            tf.random.set_seed(int(self._draw.integers(2**31)))

    def __call__(self, pictures: Any, targets: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Mix a batch: RGB (B, H, W, 3) and one-hot (B, classes), both as float32 tensors; a batch of one stays as it is."""
        pictures, targets = tf.cast(pictures, tf.float32), tf.cast(targets, tf.float32)
        if len(pictures) < 2 or not self._on:
            return pictures, targets
        if self._settings.mixup and (not self._settings.cutmix or self._draw.random() < 0.5):
            mixed = self._mixup({"images": pictures, "labels": targets})
            return mixed["images"], mixed["labels"]
        return self._cut(pictures, targets)

    def _cut(self, pictures: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """CutMix with the shares that were truly pasted.

        keras-cv's own labels count the whole box, its part outside the picture included. A mask that says of each pixel which picture
        it belongs to goes through the same cut, and is counted.
        """
        count = len(pictures)
        owners = tf.zeros_like(pictures[..., :1]) + tf.reshape(tf.range(count, dtype=tf.float32), (count, 1, 1, 1))
        mixed = self._cutmix({"images": pictures, "segmentation_masks": owners})
        owners = tf.cast(tf.reshape(mixed["segmentation_masks"], (count, -1)), tf.int32)
        shares = tf.math.bincount(owners, minlength=count, maxlength=count, axis=-1) / owners.shape[1]
        return mixed["images"], tf.cast(shares, tf.float32) @ targets

    def skip(self, batches: int, shape: tuple[int, int, int]) -> None:
        """Draw what so many whole batches (B, H, W) would have drawn: a run goes on in the middle of an epoch."""
        for _ in range(batches if self._on else 0):
            self(np.zeros((*shape, 1), np.uint8), np.zeros((shape[0], 1), np.float32))


def backbone(name: str, size: tuple[int, int]) -> keras.Model:
    """A row of `BACKBONES` with random weights: float RGB (B, H, W, 3) in 0..1 -> its last feature maps (B, H / 32, W / 32, channels).

    The graph alone is kept, so that what is saved loads without keras-cv.
    """
    kind, options = BACKBONES[name]
    made = getattr(_keras_cv().models, kind)(include_rescaling=False, input_shape=(*size, 3), **options)
    return keras.Model(made.input, made.output, name=name)
