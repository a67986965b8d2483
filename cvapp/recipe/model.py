"""The part of a Recipe that names the network: a backbone, its weights, and a head on its features."""

from dataclasses import dataclass
from typing import Any

from cvapp.errors import CvappError
from cvapp.recipe.values import one_of, settle_kinds, within

HUB, IMAGENET, NO_WEIGHTS = "hub", "imagenet", "none"
DEFAULT_BACKBONE = "efficientnet_lite0"
DRAWINGS_BACKBONE = "mobilenet_v2_drawings"  # the one that comes with cvapp, and has seen drawings only
PRETRAINED = (  # rows with ImageNet weights; all others but the two above start at random, or with a file of weights
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "efficientnet_v2_b0",
    "resnet_50",
)
BACKBONES = (
    HUB,
    DRAWINGS_BACKBONE,
    *PRETRAINED,
    "small_resnet",
    "window_net",
    "vit_small",
    "vit_small_8",
    "vit_compact",
    "keras_cv_resnet_18_v2",
)
ALIASES = {  # names of backbones in cards and pipelines of earlier versions
    "shipped": DRAWINGS_BACKBONE,
    "keras_cv_efficientnet_lite_b0": "efficientnet_lite0",
}
WIDTHS, ALPHA = ("mobilenet_v2", "small_resnet", "window_net"), 0.35  # backbones that come in several widths, and the width by default
HEADS = ("linear", "mlp")
INITIALISERS = ("glorot", "he", "lecun")


def todays_name(backbone: str) -> str:
    """A backbone's name, where an earlier version had another."""
    return ALIASES.get(backbone, backbone)


@dataclass(frozen=True)
class Model:
    """The network: a backbone, and a head on its features.

    Args:
        backbone: `hub` (a hub module) or a row of the table in `cvapp.models.backbones`; where it is left out, `hub` with a handle and
            efficientnet_lite0 without.
        handle: of the hub module: a SavedModel's folder, an address that tensorflow-hub resolves, or the name of a backbone that needs no
            network (efficientnet_lite0, mobilenet_v2_drawings).
        weights: of a backbone from the table: `imagenet` (out of a package, or downloaded), a local .weights.h5 file, or `none` to train
            from scratch.
        alpha: width of a MobileNetV2 or a small ResNet, 1.0 for the paper's.
        stages: the features of how many of the backbone's last resolutions are pooled; 1 takes the last alone.
        head: `linear`, or `mlp` with one hidden layer.
        hidden: units of the mlp's hidden layer.
        dropout: share of the features dropped before each layer of the head.
        stochastic_depth: share of training pictures that skip the last residual block, rising from 0 at the first (Huang et al. 2016).
        initialiser: of what starts at random: `glorot` (uniform), `he` or `lecun` (normal).
    """

    backbone: str = ""
    handle: str = ""
    weights: str = IMAGENET
    alpha: float = ALPHA
    stages: int = 1
    head: str = "linear"
    hidden: int = 256
    dropout: float = 0.2
    stochastic_depth: float = 0.0
    initialiser: str = "glorot"

    def __post_init__(self) -> None:
        settle_kinds(self)
        object.__setattr__(self, "backbone", todays_name(self.backbone) or (HUB if self.handle else DEFAULT_BACKBONE))
        one_of("model.backbone", self.backbone, BACKBONES)
        one_of("model.head", self.head, HEADS)
        one_of("model.initialiser", self.initialiser, INITIALISERS)
        within(self, alpha=(0.1, 2.0), stages=(1, 5), hidden=(1, 65_536), dropout=(0.0, 0.9), stochastic_depth=(0.0, 0.9))
        if self.backbone == HUB and not self.handle:
            raise CvappError(
                f"model.handle is empty: give a SavedModel's folder, an address, {DEFAULT_BACKBONE} or {DRAWINGS_BACKBONE}"
            )
        if self.backbone != HUB and self.handle:
            raise CvappError(
                f"model.handle is {self.handle!r}, but {self.backbone} is no hub module; leave it out, or give model.backbone=hub"
            )
        if self.backbone == HUB and (self.stages > 1 or self.stochastic_depth):
            raise CvappError(
                "model.stages and model.stochastic_depth need a Keras backbone, a hub module is opaque; "
                f"try model.backbone={DEFAULT_BACKBONE}"
            )
        if self.alpha != ALPHA and self.backbone not in WIDTHS:
            raise CvappError(
                f"model.alpha is {self.alpha:g}, but {self.backbone} comes in one width; choose model.backbone={' or '.join(WIDTHS)}"
            )
        if not self.weights:
            raise CvappError("model.weights is empty: give imagenet, none, or a .weights.h5 file")
        if self.weights != IMAGENET and self.backbone in (HUB, DRAWINGS_BACKBONE):
            raise CvappError(
                f"model.weights is {self.weights!r}, but {self.backbone} has its own; choose model.backbone=mobilenet_v2 or its like"
            )

    @property
    def from_scratch(self) -> bool:
        """Whether the backbone starts from random weights."""
        return self.backbone not in (HUB, DRAWINGS_BACKBONE) and self.weights == NO_WEIGHTS

    @staticmethod
    def defaults_for_backbone(name: str) -> dict[str, Any]:
        """The settings that go with a backbone, by its name of today: `handle`, `weights`, `alpha`."""
        own = name in (HUB, DRAWINGS_BACKBONE, *PRETRAINED)
        return {"handle": "", "weights": IMAGENET if own else NO_WEIGHTS, "alpha": ALPHA}
