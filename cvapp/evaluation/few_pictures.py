"""What is said of a generator that learns from few photos: that good pictures take a few thousand, and what to try with these."""

import shlex

from cvapp.card import Card
from cvapp.data.split_settings import PLACEHOLDER

ENOUGH = 2_000  # training photos: under that it is said that they are few
STEPS = 3_000  # of a training that has seen something; a few thousand are usual
AUGMENT = ("translation", "colour")


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
    if not recipe.generate.augment:
        words += ["--set", f"generate.augment={','.join(AUGMENT)}"]
        said.append("photos and samples varied for the discriminator")
    if not few(photos) or not words:
        return ""
    command = ["cvapp", "train", "dcgan", "--data", data or PLACEHOLDER, "--name", card.name, *words]
    return f"with these photos try {' and '.join(said)}: {shlex.join(command)}"
