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
VARIANTS = ("float32", "int8")
SHIPPED_BACKBONE = "mobilenet_v2_035_96"


def _within(part: Any, **limits: tuple[float, float]) -> None:
    """Check a part's numbers against the least and the most that each may be."""
    for name, (low, high) in limits.items():
        value = getattr(part, name)
        if not low <= value <= high:
            raise CvappError(f"{_prefix(part)}{name} is {value}: give a number from {low:g} to {high:g}")


def _prefix(part: Any) -> str:
    """What the names of a part's settings begin with."""
    return "" if isinstance(part, Recipe) else f"{type(part).__name__.lower()}."


def _settle_kinds(part: Any) -> None:
    """Take each value as the kind its field declares (an int serves as a float, a list as a tuple); another kind is an error."""
    for name, hint in typing.get_type_hints(type(part)).items():
        object.__setattr__(part, name, _convert(f"{_prefix(part)}{name}", getattr(part, name), hint))


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
        _settle_kinds(self)
        _within(self, val=(0.01, 0.8), test=(0.0, 0.8))
        if self.val + self.test > 0.9:
            raise CvappError(f"data.val + data.test is {self.val + self.test:g}: give at most 0.9, the rest trains")
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
        _settle_kinds(self)
        _one_of("model.backbone", self.backbone, ("hub", "mobilenet_v2"))
        _within(self, alpha=(0.1, 2.0), dropout=(0.0, 0.9))
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
        _settle_kinds(self)
        _within(self, epochs=(1, 100_000), batch=(1, 65_536), patience=(1, 100_000), images_per_epoch=(1, 10**9))
        _within(self, learning_rate=(1e-8, 10), weight_decay=(0, 1), label_smoothing=(0, 0.5))


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
        _settle_kinds(self)
        if "float32" not in self.variants or len(set(self.variants)) != len(self.variants):
            raise CvappError(f"export.variants is {self.variants}: float32 must be among them, and none twice")
        for variant in self.variants:
            _one_of("export.variants", variant, VARIANTS)
        _within(self, calibration=(1, 100_000), max_difference=(0, 1), max_drop=(0, 100), min_agreement=(0, 1))


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
        _settle_kinds(self)
        _one_of("task", self.task, TASKS)
        _within(self, seed=(0, 2**31 - 2))
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
        raise CvappError(f"{prefix.rstrip('.') or 'recipe'} is {values!r}: expected names and values")
    hints = typing.get_type_hints(kind)
    made = {}
    for name, value in values.items():
        if name not in hints:
            raise CvappError(f"{prefix}{name} is no part of a recipe{did_you_mean(name, hints)}")
        made[name] = _build(hints[name], value, f"{prefix}{name}.") if dataclasses.is_dataclass(hints[name]) else value
    return kind(**made)


def _kinds(hint: Any) -> tuple[Any, ...]:
    """`int | None` -> (int, NoneType)."""
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _convert(name: str, value: Any, hint: Any) -> Any:
    for kind in _kinds(hint):
        origin = typing.get_origin(kind) or kind
        if origin is tuple and isinstance(value, (list, tuple)):
            return tuple(value)
        if origin is float and type(value) in (int, float):
            return float(value)
        if type(value) is origin:
            return value
    allowed = " or ".join("none" if kind is type(None) else getattr(kind, "__name__", str(kind)) for kind in _kinds(hint))
    raise CvappError(f"{name} is {value!r}: expected {allowed}")


def override(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """Apply `a.b=value` settings, as `--set` gives them. Values are numbers, words, `none` or comma lists, as the field wants."""
    values, hints = to_json(recipe), _fields(Recipe)
    for setting in settings:
        path, equals, text = setting.partition("=")
        path = path.strip()
        if not equals:
            raise CvappError(f"--set {setting}: write it as part.name=value, for example train.epochs=5")
        if path not in hints:
            raise CvappError(f"{path} is no part of a recipe{did_you_mean(path, hints)}")
        part, _, name = path.rpartition(".")
        (values[part] if part else values)[name] = _parse(text.strip(), _kinds(hints[path]))
    return from_json(values)


def _fields(kind: type, prefix: str = "") -> dict[str, Any]:
    """What each setting's path is declared as."""
    found: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(kind).items():
        found.update(_fields(hint, f"{prefix}{name}.") if dataclasses.is_dataclass(hint) else {f"{prefix}{name}": hint})
    return found


def _parse(text: str, kinds: tuple[Any, ...]) -> Any:
    """A setting's text as its field's kind wants it; what cannot be taken so is left for the check to refuse."""
    if text.lower() == "none" and kinds != (str,):
        return None
    if any(typing.get_origin(kind) is tuple for kind in kinds):
        return tuple(_literal(word.strip()) for word in text.strip("()[]").split(",") if word.strip())
    value = _literal(text)
    return value if isinstance(value, str) or str not in kinds else text


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError):
        return text
