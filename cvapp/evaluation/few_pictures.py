"""What is said of a generator that learns from few photos: that good pictures take a few thousand, and what to try with these."""

import shlex

from cvapp import recipe as recipes
from cvapp import shipped
from cvapp.card import Card
from cvapp.data.split_settings import PLACEHOLDER
from cvapp.recipe import Recipe

ENOUGH = 2_000  # training photos: under that it is said that they are few
STEPS = 3_000  # of a training that has seen something; a few thousand are usual
AUGMENT = ("translation", "colour")
PIPELINE = "dcgan"


def few(photos: int) -> str:
    """A line on so few training photos; empty where they are enough."""
    if photos >= ENOUGH:
        return ""
    return f"{photos:,} training photos are few: a generator takes a few thousand for good pictures, so expect rough ones; more photos help most"


def advice(card: Card, data: str = "") -> str:
    """What to try with the same few photos, a line with a command that can be pasted; empty where they are enough or nothing is left to try.

    Args:
        card: of the trained generator.
        data: where its photos are, as the command shall name it; a placeholder where that is not known.
    """
    recipe, photos = card.recipe, card.data["photos"]["train"]
    steps = photos // (recipe.generate.steps * recipe.train.batch)
    taken, words, said = steps * card.metrics["epochs"], [], []
    if taken < STEPS:
        epochs = -(-STEPS // (100 * steps)) * 100
        words += ["--epochs", str(epochs)]
        said.append(f"{epochs * steps:,} steps instead of {taken:,}")
    else:
        words += ["--epochs", str(recipe.train.epochs)]
    if not recipe.generate.augment:
        words += ["--set", f"generate.augment={','.join(AUGMENT)}"]
        said.append("photos and samples varied for the discriminator")
    if not few(photos) or not said:
        return ""
    words += [word for setting in _kept(recipe) for word in ("--set", setting)]
    command = ["cvapp", "train", PIPELINE, "--data", data or PLACEHOLDER, "--name", card.name, *words]
    return f"with these photos try {' and '.join(said)}: {shlex.join(command)}"


def _kept(recipe: Recipe) -> list[str]:
    """The settings of a run that are not the pipeline's own, but for those that the advice gives."""
    usual, own = recipes.settings(shipped.load_pipeline(PIPELINE)), recipes.settings(recipe)
    given = ("train.epochs", *(() if recipe.generate.augment else ("generate.augment",)))
    changed = {name: value for name, value in own.items() if value != usual[name] and name not in given}
    return [f"{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}" for name, value in changed.items()]
