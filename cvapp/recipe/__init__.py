"""The Recipe: one frozen object that decides everything about a model, seeds included, and its JSON round trip."""

import dataclasses
import typing
from dataclasses import dataclass, field
from typing import Any, Iterable

from cvapp.errors import CvappError
from cvapp.images import Images
from cvapp.recipe.detect import Detect
from cvapp.recipe.export import Export
from cvapp.recipe.generate import SIDES, Generate
from cvapp.recipe.model import DEFAULT_BACKBONE, DRAWINGS_BACKBONE, HUB, Model, todays_name
from cvapp.recipe.parts import AUTO, GENERATED, Augment, Data, Train
from cvapp.recipe.transcribe import Transcribe
from cvapp.recipe.values import did_you_mean, kinds, one_of, parse, settle_kinds, within

__all__ = [
    "AUTO",
    "DEFAULT_BACKBONE",
    "DRAWINGS_BACKBONE",
    "HUB",
    "Augment",
    "Data",
    "Detect",
    "Export",
    "Generate",
    "Images",
    "Model",
    "Recipe",
    "Train",
    "Transcribe",
    "did_you_mean",
    "from_json",
    "override",
    "settings",
    "to_json",
]
TASKS = ("classify", "backbone", "detect", "transcribe", "generate")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a model. A part's own names are documented on it."""

    task: str = "classify"
    seed: int = 0
    data: Data = field(default_factory=Data)
    images: Images = field(default_factory=Images)
    model: Model = field(default_factory=Model)
    augment: Augment = field(default_factory=Augment)
    train: Train = field(default_factory=Train)
    export: Export = field(default_factory=Export)
    detect: Detect = field(default_factory=Detect)
    transcribe: Transcribe = field(default_factory=Transcribe)
    generate: Generate = field(default_factory=Generate)

    def __post_init__(self) -> None:
        settle_kinds(self)
        one_of("task", self.task, TASKS)
        within(self, seed=(0, 2**31 - 2))
        if self.task == "backbone" and (self.data.generated is None or self.model.backbone == HUB or self.images.size is None):
            raise CvappError("a backbone recipe needs data.generated, images.size and a model.backbone other than hub")
        if self.data.generated is not None and GENERATED[self.data.generated] != self.task:
            raise CvappError(
                f"data.generated is {self.data.generated!r} in a {self.task} recipe: a backbone learns from shapes, a transcriber from digits, "
                "all others from photos"
            )
        if self.augment.mirror == AUTO and self.task != "classify":
            raise CvappError(f"augment.mirror is {AUTO!r} in a {self.task} recipe: only a classifier's photos tell; give yes or no")
        if self.task != "generate":
            within(self.train, batch=(1, 65_536))
        if self.task == "detect":
            self._check_detect()
        if self.task == "transcribe":
            self._check_transcribe()
        if self.task == "generate" and self.images.size not in (None, *((side, side) for side in SIDES)):
            raise CvappError(
                f"images.size is {self.images.size}: a generator makes squares of {', '.join(map(str, SIDES))}; give images.size=32,32, or none"
            )
        if self.model.backbone == HUB and self.train.mixed_precision:
            raise CvappError(
                "train.mixed_precision needs a Keras backbone, a hub module computes as it was saved; "
                f"try model.backbone={DEFAULT_BACKBONE}"
            )
        tuned = self.train.fine_tune
        if self.model.backbone == HUB and tuned not in ("none", "auto", "all"):
            raise CvappError(
                f"train.fine_tune is {tuned!r}: a hub module is frozen or tuned whole (none, auto, all), its layers are unknown"
            )

    def _check_detect(self) -> None:
        if self.model.backbone == HUB:
            raise CvappError(
                f"a detector needs the layers of its network, a hub module is opaque; try model.backbone=window_net or {DEFAULT_BACKBONE}"
            )
        if self.images.size is None:
            raise CvappError("a detector needs the size of its frames: give images.size, such as 480,640")

    def _check_transcribe(self) -> None:
        if self.data.generated is None:
            raise CvappError("a transcriber learns from pictures that are drawn: give data.generated=digits")
        if self.images.size is None or self.images.size[0] % 8 or self.images.size[1] % 4:
            raise CvappError(
                f"images.size is {self.images.size}: a transcriber needs a height divisible by 8 and a width by 4, such as 32,160"
            )


def to_json(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain JSON values."""
    return dataclasses.asdict(recipe)


def settings(recipe: Recipe) -> dict[str, Any]:
    """Every setting by the path that `--set` takes: `train.epochs` and so on."""
    flat: dict[str, Any] = {}
    for name, value in to_json(recipe).items():
        flat.update({f"{name}.{inner}": one for inner, one in value.items()} if isinstance(value, dict) else {name: value})
    return flat


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


def override(recipe: Recipe, changes: Iterable[str]) -> Recipe:
    """Apply `a.b=value` settings, as `--set` gives them. Values are numbers, words, `none` or comma lists, as the field wants.

    Another `model.backbone` comes with weights of its own where it has any; a `model.handle` alone chooses the backbone `hub`.
    """
    values, hints, changes = to_json(recipe), _fields(Recipe), list(changes)
    _follow_backbone(values["model"], changes)
    for setting in changes:
        path, equals, text = setting.partition("=")
        path = path.strip()
        if not equals:
            raise CvappError(f"--set {setting}: write it as part.name=value, for example train.epochs=5")
        if path not in hints:
            raise CvappError(f"{path} is no part of a recipe{did_you_mean(path, hints)}")
        part, _, name = path.rpartition(".")
        (values[part] if part else values)[name] = parse(text.strip(), kinds(hints[path]))
    return from_json(values)


def _follow_backbone(model: dict[str, Any], changes: list[str]) -> None:
    """Settle what goes with a changed backbone: a handle chooses the hub, another backbone leaves what was the old one's."""
    given = {name.strip(): text.strip() for name, _, text in (setting.partition("=") for setting in changes)}
    default = HUB if given.get("model.handle") else DEFAULT_BACKBONE
    if "model.backbone" not in given and default != HUB:
        return
    backbone = todays_name(given.get("model.backbone", "")) or default
    if backbone != model["backbone"]:
        model.update(backbone=backbone, **Model.defaults_for_backbone(backbone))


def _fields(kind: type, prefix: str = "") -> dict[str, Any]:
    """What each setting's path is declared as."""
    found: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(kind).items():
        found.update(_fields(hint, f"{prefix}{name}.") if dataclasses.is_dataclass(hint) else {f"{prefix}{name}": hint})
    return found
