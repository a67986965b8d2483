"""What to try against high bias and high variance (Ng, "Machine Learning Yearning", 2018), each as settings of the next run."""

from dataclasses import dataclass
from typing import Any, Sequence

from cvapp.card import Card
from cvapp.recipe import HUB, Recipe

_SMALLER, _LARGER, _LARGEST = "mobilenet_v2", "efficientnet_v2_b0", "resnet_50"
_PICTURES = ("augment.mirror=True", "augment.crop=0.2", "augment.rotation=15", "augment.brightness=0.2")
_DROPOUT, _WEIGHT_DECAY, _SMOOTHING = (
    0.5,
    0.01,
    0.1,
)  # strong ones: half of the features, a hundred times the default, a tenth of the target


@dataclass(frozen=True)
class Cure:
    """What to try, in words, and the `--set` settings that do it, where there are any."""

    text: str
    settings: tuple[str, ...] = ()


PHOTOS = Cure("More photos, and more varied ones, taken where and how the model will be used")


def larger(card: Card, history: Sequence[dict[str, Any]]) -> list[Cure]:
    """Against high bias: longer training, a larger network, more features."""
    recipe, model = card.recipe, card.recipe.model
    cures = [longer(recipe, history)]
    if recipe.train.fine_tune == "none" and not model.from_scratch:
        tuned = "all" if "fine_tune" in card.metrics else "auto"  # where `auto` has chosen none already
        cures.append(Cure("Let the backbone learn too, not the head alone", (f"train.fine_tune={tuned}",)))
    if model.head == "linear":
        cures.append(Cure("A larger head", ("model.head=mlp",)))
    if model.backbone == _SMALLER and model.alpha < 1:
        cures.append(Cure("A wider backbone", ("model.alpha=1.0",)))
    elif model.backbone != _LARGEST:
        cures.append(Cure("A larger backbone", (f"model.backbone={_LARGEST if model.backbone == _LARGER else _LARGER}",)))
    if model.backbone != HUB and model.stages < 5:
        cures.append(Cure("More features: those of one more resolution of the backbone", (f"model.stages={model.stages + 1}",)))
    return cures


def longer(recipe: Recipe, history: Sequence[dict[str, Any]]) -> Cure:
    """Twice the epochs of the last stage, or twice the patience where that ended it before they ran out."""
    name = "fine_tune_epochs" if history[-1]["stage"] == "fine-tuning" else "epochs"
    name = name if ran_out(recipe, history) else "patience"
    return Cure("Train longer", (f"train.{name}={2 * getattr(recipe.train, name)}",))


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


def more_data(recipe: Recipe) -> list[Cure]:
    """Against high variance: photos, and pictures made of them."""
    cures = [PHOTOS]
    if recipe.augment.off:
        cures.append(Cure("Vary the training pictures (without mirror where left and right differ, as in writing)", _PICTURES))
    elif not recipe.augment.mixup:
        cures.append(Cure("Vary the training pictures more: blend two of them", ("augment.mixup=0.2",)))
    return cures


def more_regularised(recipe: Recipe) -> list[Cure]:
    """Against high variance: what holds the weights back, where it can be stronger."""
    strong = {"model.dropout": _DROPOUT, "train.weight_decay": _WEIGHT_DECAY, "train.label_smoothing": _SMOOTHING}
    now = {"model": recipe.model, "train": recipe.train}
    settings = tuple(
        f"{name}={value}" for name, value in strong.items() for part, field in [name.split(".")] if getattr(now[part], field) < value
    )
    return [Cure("More regularisation", settings)] if settings else []


def fewer_features(recipe: Recipe) -> list[Cure]:
    """Against high variance: fewer weights that learn, the last enlargement taken back first."""
    model = recipe.model
    if recipe.train.fine_tune != "none":
        return [Cure("Let the head learn alone", ("train.fine_tune=none",))]
    if model.head == "mlp":
        return [Cure("A smaller head", ("model.head=linear",))]
    if model.stages > 1:
        return [Cure("Fewer features: those of the last resolution alone", ("model.stages=1",))]
    return [Cure("A smaller backbone", (f"model.backbone={_SMALLER}",))] if model.backbone in (_LARGER, _LARGEST) else []


def more_validation(recipe: Recipe) -> Cure:
    """A larger share for validation, while half of the photos still train."""
    more = round(recipe.data.val + 0.1, 2)
    return Cure("More validation photos", (f"data.val={more:g}",) if more + recipe.data.test <= 0.5 else ())
