"""The Recipe: one frozen object that decides everything about a model, seeds included, and its JSON round trip."""

import ast
import dataclasses
import difflib
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Iterable

from cvapp.errors import CvappError
from cvapp.images import Images

TASKS = ("classify", "backbone")
GENERATED = ("shapes",)
SHIPPED_BACKBONE = "mobilenet_v2_035_96"


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise CvappError(f"{name} is {value}: give a number from {low:g} to {high:g}")


def _one_of(name: str, value: str | None, allowed: Iterable[str]) -> None:
    if value not in (allowed := list(allowed)):
        raise CvappError(f"{name} is {value!r}: choose one of {', '.join(allowed)}{did_you_mean(str(value), allowed)}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`. Did you mean ...?` where a known word is close, else nothing."""
    close = difflib.get_close_matches(word, list(known), 1)
    return f". Did you mean {close[0]}?" if close else ""


@dataclass(frozen=True)
class Data:
    """Which photos, and how they are parted.

    Args:
        generated: the name of an endless generated set (`shapes`) instead of a folder.
        val: share of each class for validation, where the folder does not say.
        test: share of each class held out to the end, where the folder does not say.
    """

    generated: str | None = None
    val: float = 0.2
    test: float = 0.2

    def __post_init__(self) -> None:
        _within("data.val", self.val, 0.01, 0.8)
        _within("data.test", self.test, 0.0, 0.8)
        _within("data.val + data.test", self.val + self.test, 0.01, 0.9)
        if self.generated is not None:
            _one_of("data.generated", self.generated, GENERATED)


@dataclass(frozen=True)
class Model:
    """The network.

    Args:
        backbone: `hub` (a frozen hub module under a new head) or `mobilenet_v2` (trained from scratch).
        handle: of the hub module: the shipped one's name, a SavedModel's folder, or an address that tensorflow-hub resolves.
        alpha: width of a MobileNetV2, 1.0 for the paper's.
        dropout: share of the features dropped before the head.
    """

    backbone: str = "hub"
    handle: str = SHIPPED_BACKBONE
    alpha: float = 0.35
    dropout: float = 0.2

    def __post_init__(self) -> None:
        _one_of("model.backbone", self.backbone, ("hub", "mobilenet_v2"))
        _within("model.alpha", self.alpha, 0.1, 2.0)
        _within("model.dropout", self.dropout, 0.0, 0.9)
        if self.backbone == "hub" and not self.handle:
            raise CvappError("model.handle is empty: give a SavedModel's folder, an address, or the shipped backbone's name")


@dataclass(frozen=True)
class Train:
    """How it is trained.

    Args:
        epochs: at most.
        batch: pictures a step.
        learning_rate: the largest; a from-scratch run warms up to it and falls to 0 by a cosine.
        weight_decay: decoupled (AdamW).
        label_smoothing: share of the target spread over all classes.
        patience: epochs without a better validation loss before stopping; the best is kept.
        images_per_epoch: of a generated set.
    """

    epochs: int = 100
    batch: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0
    patience: int = 12
    images_per_epoch: int = 16384

    def __post_init__(self) -> None:
        for name, low, high in (
            ("epochs", 1, 100_000),
            ("batch", 1, 65_536),
            ("patience", 1, 100_000),
            ("images_per_epoch", 1, 10**9),
            ("learning_rate", 1e-8, 10),
            ("weight_decay", 0, 1),
            ("label_smoothing", 0, 0.5),
        ):
            _within(f"train.{name}", getattr(self, name), low, high)


@dataclass(frozen=True)
class Export:
    """Which variants are made, and the gate each must pass before it is published.

    Args:
        variants: of float32 and int8.
        calibration: training photos that int8 is calibrated on.
        max_difference: largest probability difference of float32 from Keras.
        max_drop: accuracy that int8 may lose, in points of 100; one photo is always allowed.
        min_agreement: share of photos on which int8's first answer must be Keras'.
    """

    variants: tuple[str, ...] = ("float32", "int8")
    calibration: int = 200
    max_difference: float = 1e-3
    max_drop: float = 0.5
    min_agreement: float = 0.95

    def __post_init__(self) -> None:
        object.__setattr__(self, "variants", tuple(self.variants))
        if "float32" not in self.variants:
            raise CvappError(f"export.variants is {self.variants}: float32 must be among them")
        for variant in self.variants:
            _one_of("export.variants", variant, ("float32", "int8"))
        for name, low, high in (("calibration", 1, 100_000), ("max_difference", 0, 1), ("max_drop", 0, 100), ("min_agreement", 0, 1)):
            _within(f"export.{name}", getattr(self, name), low, high)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a model. A part's own names are documented on it."""

    task: str = "classify"
    seed: int = 0
    data: Data = field(default_factory=Data)
    images: Images = field(default_factory=Images)
    model: Model = field(default_factory=Model)
    train: Train = field(default_factory=Train)
    export: Export = field(default_factory=Export)

    def __post_init__(self) -> None:
        _one_of("task", self.task, TASKS)
        _within("seed", self.seed, 0, 2**31 - 1)
        if self.task == "backbone" and (self.data.generated is None or self.model.backbone == "hub" or self.images.size is None):
            raise CvappError("a backbone recipe needs data.generated, images.size and a model.backbone other than hub")


def to_json(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain JSON values."""
    return dataclasses.asdict(recipe)


def from_json(values: dict[str, Any]) -> Recipe:
    """The recipe that `to_json` wrote; unknown names and wrong kinds are errors."""
    return _build(Recipe, values, "")


def _build(kind: type, values: Any, prefix: str) -> Any:
    if not isinstance(values, dict):
        raise CvappError(f"{prefix or 'recipe'} is {values!r}: expected names and values")
    hints = typing.get_type_hints(kind)
    made = {}
    for name, value in values.items():
        if name not in hints:
            raise CvappError(f"{prefix}{name} is no part of a recipe{did_you_mean(name, hints)}")
        hint = hints[name]
        made[name] = _build(hint, value, f"{prefix}{name}.") if dataclasses.is_dataclass(hint) else _convert(f"{prefix}{name}", value, hint)
    return kind(**made)


def _convert(name: str, value: Any, hint: Any) -> Any:
    """Take `value` as the kind that the field declares; an int serves as a float, a list as a tuple."""
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for kind in kinds:
        origin = typing.get_origin(kind) or kind
        if origin is tuple and isinstance(value, (list, tuple)):
            return tuple(value)
        if origin is float and type(value) in (int, float):
            return float(value)
        if type(value) is origin:
            return value
    allowed = " or ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)
    raise CvappError(f"{name} is {value!r}: expected {allowed.replace('NoneType', 'none')}")


def override(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """Apply `a.b=value` settings, as `--set` gives them. Values are numbers, words, `none` or comma lists."""
    values = to_json(recipe)
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals:
            raise CvappError(f"--set {setting}: write it as part.name=value, for example train.epochs=5")
        *parts, name = path.strip().split(".")
        inner = values
        for part in parts:
            if not isinstance(inner.get(part), dict):
                raise CvappError(f"{path} is no part of a recipe{did_you_mean(path, _paths(to_json(recipe)))}")
            inner = inner[part]
        if name not in inner or isinstance(inner[name], dict):
            raise CvappError(f"{path} is no part of a recipe{did_you_mean(path, _paths(to_json(recipe)))}")
        inner[name] = _parse(text.strip())
    return from_json(values)


def _paths(values: dict[str, Any], prefix: str = "") -> list[str]:
    return [
        path
        for name, value in values.items()
        for path in (_paths(value, f"{prefix}{name}.") if isinstance(value, dict) else [f"{prefix}{name}"])
    ]


def _parse(text: str) -> Any:
    if text.lower() == "none":
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return tuple(_parse(word) for word in text.split(",")) if "," in text else text
