"""The parts of a Recipe: Data, Augment, Train. (The others have modules of their own; Images belongs to `cvapp.images`.)"""

import re
from dataclasses import dataclass

from cvapp.errors import CvappError
from cvapp.recipe.values import one_of, settle_kinds, within

GENERATED = {"shapes": "backbone", "digits": "transcribe"}  # endless sets that are drawn, and the task that learns from each
OPTIMISERS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "step", "exponential", "cosine")
AUTO = "auto"
_FINE_TUNE = re.compile(r"none|auto|all|(layers|blocks):[1-9]\d*")


@dataclass(frozen=True)
class Data:
    """Which photos, and how they are parted.

    Args:
        generated: an endless generated set instead of a folder: `shapes` of a backbone, `digits` (in rows) of a transcriber.
        val: share of each class for validation, where the folder does not say.
        test: share of each class held out to the end, where the folder does not say.
    """

    generated: str | None = None
    val: float = 0.2
    test: float = 0.2

    def __post_init__(self) -> None:
        settle_kinds(self)
        within(self, val=(0.01, 0.8), test=(0.0, 0.8))
        if self.val + self.test > 0.9:
            raise CvappError(f"data.val + data.test is {self.val + self.test:g}: give at most 0.9, the rest trains")
        if self.generated is not None:
            one_of("data.generated", self.generated, GENERATED)


@dataclass(frozen=True)
class Augment:
    """How training pictures are varied, each epoch anew; everything is off at 0. Never part of the exported graph.

    Args:
        mirror: left and right swapped in half of the pictures; `auto` does so unless a probe of a classifier's photos loses by it.
        crop: largest share of a side that is cut away.
        zoom: largest enlargement or reduction, 0.2 for 1/1.2 to 1.2 times.
        rotation: largest, in degrees, either way.
        stretch: largest change of width to height, 0.1 for 1/1.1 to 1.1.
        brightness: largest change, as a share of the full range.
        contrast: largest change, 0.2 for 1/1.2 to 1.2 times.
        colour: largest change of each channel's strength, as a share.
        blur: largest standard deviation of a Gaussian blur, in pixels.
        noise: largest standard deviation of pixel noise, as a share of the full range.
        cutout: side of a square laid on the picture at random, as a share of its side (DeVries and Taylor 2017).
        retake: share of pictures taken anew as another camera, light and moment would have (`cvapp.isp.backwards`); 10 ms a picture.
        mixup: alpha of MixUp (Zhang et al. 2018), which blends two pictures and their labels.
        cutmix: alpha of CutMix (Yun et al. 2019), which pastes a part of one picture into another. With mixup, each takes half of the batches.
    """

    mirror: bool | str = False
    crop: float = 0.0
    zoom: float = 0.0
    rotation: float = 0.0
    stretch: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    colour: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    cutout: float = 0.0
    retake: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        if type(self.mirror) is not bool and self.mirror != AUTO:
            raise CvappError(f"augment.mirror is {self.mirror!r}: give yes, no or {AUTO}")
        settle_kinds(self)
        within(self, crop=(0, 0.9), zoom=(0, 2), rotation=(0, 180), stretch=(0, 1), brightness=(0, 1), contrast=(0, 2), colour=(0, 1))
        within(self, blur=(0, 10), noise=(0, 0.5), cutout=(0, 0.9), retake=(0, 1), mixup=(0, 10), cutmix=(0, 10))

    @property
    def off(self) -> bool:
        """Whether nothing is varied."""
        return self == Augment()


@dataclass(frozen=True)
class Train:
    """How it is trained: the head (or, from scratch, the whole network), then the fine-tuning where there is one.

    Args:
        epochs: at most, of the head, or of the whole network from scratch.
        batch: pictures a step; 0, of a generator alone, chooses by how many photos there are.
        optimiser: `sgd`, `momentum`, `nesterov`, `adagrad`, `rmsprop`, `adam` or `adamw`.
        momentum: of `momentum` and `nesterov`.
        learning_rate: the largest.
        schedule: `constant`; `step` (x `decay` every `decay_epochs`), `exponential` (the same, smoothly) or `cosine` (to 0 at the end).
        warmup: share of the steps over which the rate rises from 0.
        decay: factor of `step` and `exponential`.
        decay_epochs: after how many epochs the factor is reached.
        clip_norm: largest norm of all gradients together; 0 clips nothing.
        l1: weight of the kernels' absolute sum in the loss.
        l2: weight of the kernels' sum of squares in the loss.
        weight_decay: decoupled from the loss (AdamW's; every optimiser has it), biases and batch norm left out.
        label_smoothing: share of the target spread over all classes.
        class_weights: count each photo by the inverse of its class's size.
        patience: epochs without a better validation loss before stopping; the best is kept.
        fine_tune: `none`, `all`, `layers:N` or `blocks:N` (the last N of the backbone), or `auto` (by how much data there is and how it does).
        fine_tune_epochs: at most.
        fine_tune_rate: the largest rate of the fine-tuning.
        mixed_precision: compute in 16 bits where the device is faster so; weights stay in 32.
        images_per_epoch: of a generated set.
    """

    epochs: int = 100
    batch: int = 32
    optimiser: str = "adamw"
    momentum: float = 0.9
    learning_rate: float = 3e-3
    schedule: str = "constant"
    warmup: float = 0.0
    decay: float = 0.1
    decay_epochs: float = 10.0
    clip_norm: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0
    class_weights: bool = False
    patience: int = 12
    fine_tune: str = "none"
    fine_tune_epochs: int = 20
    fine_tune_rate: float = 3e-4
    mixed_precision: bool = False
    images_per_epoch: int = 16384

    def __post_init__(self) -> None:
        settle_kinds(self)
        one_of("train.optimiser", self.optimiser, OPTIMISERS)
        one_of("train.schedule", self.schedule, SCHEDULES)
        within(self, epochs=(1, 100_000), batch=(0, 65_536), patience=(1, 100_000), images_per_epoch=(1, 10**9))
        within(self, learning_rate=(1e-8, 10), momentum=(0, 0.9999), warmup=(0, 0.9), decay=(1e-6, 1), decay_epochs=(1e-3, 100_000))
        within(self, clip_norm=(0, 1e6), l1=(0, 1), l2=(0, 1), weight_decay=(0, 1), label_smoothing=(0, 0.5))
        within(self, fine_tune_epochs=(1, 100_000), fine_tune_rate=(1e-8, 10))
        if not _FINE_TUNE.fullmatch(self.fine_tune):
            raise CvappError(f"train.fine_tune is {self.fine_tune!r}: give none, auto, all, layers:N or blocks:N, such as blocks:3")
