"""The table of backbones: how each is built, what it expects of pixels, where its weights come from; and how one is opened."""

import contextlib
import hashlib
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import keras

from cvapp import card as cards
from cvapp.data.store import ROOT
from cvapp.errors import CvappError, Exit, folded
from cvapp.files import make_once, sha256
from cvapp.models import efficientnet_lite, hub, keras_cv_parts, small_resnet, vit, window_net
from cvapp.models.surgery import pooled, turn_channels
from cvapp.progress import hushed
from cvapp.recipe import DRAWINGS_BACKBONE, HUB, Model
from cvapp.recipe.model import IMAGENET
from cvapp.shipped import shipped_models

Size = tuple[int, int]
Build = Callable[[Size, Model, str | None], keras.Model]
APACHE = "Apache-2.0"
MODULE_VERSION = 1  # of the hub modules that are made and kept; another one where they compute otherwise
SYMMETRIC = (1 / 127.5, -1.0)  # pixels 0..255 to -1..1
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels in 0..1
STANDARD = ([1 / (255 * deviation) for deviation in _DEVIATION], [-mean / deviation for mean, deviation in zip(_MEAN, _DEVIATION)])
# Weights ported from Caffe take blue, green, red less the means of ImageNet. The kernel is turned round instead of the picture.
CAFFE = (1.0, [-123.68, -116.779, -103.939])


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        build: (size, settings, weights) -> the network without a top: scaled pixels (B, H, W, 3) -> maps (B, h, w, C); weights are random for
            None, downloaded for `imagenet`.
        scale: (factor, offset) that takes pixels 0..255 to what the weights expect.
        size: (height, width) where the recipe names none.
        imagenet: the licence of the ImageNet weights; None where there are none.
        bgr: whether those weights want blue first.
    """

    build: Build
    scale: tuple[Any, Any] = SYMMETRIC
    size: Size = (224, 224)
    imagenet: str | None = None
    bgr: bool = False


def _application(name: str, **options: Any) -> Build:
    """A network of keras.applications without its top."""

    def build(size: Size, settings: Model, weights: str | None) -> keras.Model:
        width = {"alpha": settings.alpha} if name == "MobileNetV2" else {}
        with warnings.catch_warnings():  # of a size other than 224, which is just what was asked for
            warnings.simplefilter("ignore", UserWarning)
            return getattr(keras.applications, name)(input_shape=(*size, 3), include_top=False, weights=weights, **width, **options)

    return build


def _keras_cv(name: str) -> Row:
    return Row(lambda size, settings, weights: keras_cv_parts.backbone(name, size), (1 / 255, 0.0))


def _lite(name: str) -> Row:
    side = efficientnet_lite.VARIANTS[name].side
    build: Build = lambda size, settings, weights: efficientnet_lite.build(name, size)  # noqa: E731
    return Row(build, efficientnet_lite.SCALE, (side, side), imagenet=efficientnet_lite.LICENSE)


def _transformer(name: str, own: Size) -> Row:
    return Row(lambda size, settings, weights: vit.build(size, name), size=own)


_RAW: dict[str, Any] = {"include_preprocessing": False}
TABLE = {
    DRAWINGS_BACKBONE: Row(_application("MobileNetV2"), size=(96, 96)),
    **{name: _lite(name) for name in efficientnet_lite.VARIANTS},
    "mobilenet_v2": Row(_application("MobileNetV2"), imagenet=APACHE),
    "mobilenet_v3_small": Row(_application("MobileNetV3Small", **_RAW), imagenet=APACHE),
    "mobilenet_v3_large": Row(_application("MobileNetV3Large", **_RAW), imagenet=APACHE),
    "efficientnet_v2_b0": Row(_application("EfficientNetV2B0", **_RAW), STANDARD, imagenet=APACHE),
    "resnet_50": Row(_application("ResNet50"), CAFFE, imagenet="MIT", bgr=True),
    "small_resnet": Row(lambda size, settings, weights: small_resnet.build(size, settings.alpha), size=(32, 32)),
    "window_net": Row(lambda size, settings, weights: window_net.build(size, settings.alpha), size=(64, 64)),
    "vit_small": _transformer("vit_small_4", (32, 32)),
    "vit_small_8": _transformer("vit_small_8", (64, 64)),
    "vit_compact": _transformer("cct_2_3x2", (32, 32)),
    "keras_cv_resnet_18_v2": _keras_cv("keras_cv_resnet_18_v2"),
}


@dataclass(frozen=True)
class Backbone:
    """An opened backbone.

    Args:
        layer: scaled pixels (B, H, W, 3) -> features (B, F); a `HubModule`, or a Keras network whose layers are known.
        scale: as the row's.
        features: how many.
        size: (height, width) that it takes.
        weights: `source` and `licence`, for the card.
        fingerprint: what decides its features, for the cache.
    """

    layer: keras.layers.Layer
    scale: tuple[Any, Any]
    features: int
    size: Size
    weights: dict[str, str]
    fingerprint: str


def open_backbone(settings: Model, size: Size | None) -> Backbone:
    """Open the backbone that a recipe names, with its weights.

    Args:
        settings: of the recipe.
        size: (height, width) of the pictures; the backbone's own when None.

    Raises:
        CvappError: a size that the backbone does not take (exit 2), weights that do not fit it (exit 3) or are not to be had (exit 4).
    """
    return _open_hub(settings, size) if settings.backbone == HUB else _open_row(settings, size)


def _open_hub(settings: Model, size: Size | None) -> Backbone:
    packaged = settings.handle in efficientnet_lite.VARIANTS and not Path(settings.handle).exists()
    folder = _module_of(settings.handle) if packaged else hub.resolve(settings.handle)
    layer, own = hub.open_module(folder)
    size = size or own
    if size is None:
        raise CvappError("the module takes pictures of any size; choose one with --set images.size=224,224")
    if own not in (None, size):
        raise CvappError(f"images.size is {size}, but the module takes {own}; leave it out")
    weights = {"source": public_name(settings.handle), "licence": "not stated by the module; see where it came from"}
    if packaged:
        weights = efficientnet_lite.credit(settings.handle)
    elif (folder.parent / cards.FILE).is_file():
        weights = dict(cards.read(folder.parent).weights)
    fingerprint = folder.name if packaged else hub.fingerprint(folder)  # one made again differs in bytes, not in what it computes
    return Backbone(layer, (1 / 255, 0.0), layer.features, size, weights, fingerprint)


def _module_of(name: str) -> Path:
    """The hub module of a row whose weights lie in a package, made when it is first asked for and kept in the cache."""
    folder = ROOT / f"module-{name}-{MODULE_VERSION}-{efficientnet_lite.VARIANTS[name].sha256[:16]}"

    def make(work: Path) -> None:
        network, row, _ = open_network(Model(name), None)
        with hushed():
            hub.save_module(pooled(network, 1), (255 * row.scale[0], row.scale[1]), work)

    make_once(folder, make)
    return folder


def public_name(place: str) -> str:
    """An address as it is, a path by its last part: nothing of the machine that trained goes into a card."""
    return place if "://" in place else Path(place).name


def _open_row(settings: Model, size: Size | None) -> Backbone:
    network, row, weights = open_network(settings, size)
    layer = pooled(network, settings.stages)
    digest = hashlib.sha256(b"".join(array.tobytes() for array in layer.get_weights())).hexdigest()[:16]
    size = network.input_shape[1:3]
    return Backbone(layer, row.scale, layer.output_shape[-1], size, weights, f"{settings.backbone}-{settings.stages}-{digest}")


def open_network(settings: Model, size: Size | None) -> tuple[keras.Model, Row, dict[str, str]]:
    """A row's network without a top, scaled pixels (B, H, W, 3) -> maps (B, h, w, C), with its weights; their source and licence.

    Args, errors: as `open_backbone`.
    """
    row = TABLE[settings.backbone]
    size = size or row.size
    try:
        network = row.build(size, settings, None)
    except (ValueError, TypeError) as error:
        raise CvappError(
            f"model.backbone {settings.backbone} at {size}: Keras refuses it ({folded(error, 160)})"
        ) from error
    return network, row, _load(network, settings, row, size)


def _load(network: keras.Model, settings: Model, row: Row, size: Size) -> dict[str, str]:
    """Give a network its weights; their source and licence."""
    if settings.from_scratch:
        return {"source": "none: trained from random weights", "licence": "the model's own"}
    if settings.backbone == DRAWINGS_BACKBONE:
        folder = shipped_models() / DRAWINGS_BACKBONE
        _read(network, folder / "backbone.weights.h5")
        return dict(cards.read(folder).weights)
    if settings.weights == IMAGENET:
        if row.imagenet is None:
            raise CvappError(f"model.backbone {settings.backbone} has no ImageNet weights; give model.weights=none or a local file")
        if settings.backbone in efficientnet_lite.VARIANTS:
            efficientnet_lite.fill(network, settings.backbone)
            return efficientnet_lite.credit(settings.backbone)
        network.set_weights(_download(settings, row, size).get_weights())
        if row.bgr:
            turn_channels(network)
        return {"source": f"ImageNet weights of keras.applications {settings.backbone}", "licence": row.imagenet}
    path = Path(settings.weights)
    if not path.is_file():
        raise CvappError(f"model.weights {settings.weights}: no such file; give imagenet, none, or a .weights.h5 file", Exit.BAD_DATA)
    _read(network, path)
    if row.bgr:
        turn_channels(network)
    return {"source": f"the file {path.name}, sha256 {sha256(path)[:16]}", "licence": "not stated by the file; see where it came from"}


def _read(network: keras.Model, path: Path) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a line for every layer that does not fit; the error counts them
            network.load_weights(path)
    except Exception as error:  # Keras and h5py raise whatever a file that does not fit makes them raise
        raise CvappError(
            f"model.weights {path}: does not fit {network.name} without its top ({folded(error, 160)})", Exit.BAD_DATA
        ) from error


def _download(settings: Model, row: Row, size: Size) -> keras.Model:
    """The network with the weights that Keras downloads, and keeps in a cache of its own."""
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Keras tells of its download on standard output
            return row.build(size, settings, IMAGENET)
    except Exception as error:  # whatever the download raises, the weights are not to be had
        raise CvappError(
            f"model.weights imagenet for {settings.backbone}: cannot be fetched ({folded(error, 160)}); check the network, "
            "download them elsewhere and give model.weights=FILE.weights.h5, or take model.backbone=efficientnet_lite0, which needs no network",
            Exit.NO_WEIGHTS,
        ) from error
