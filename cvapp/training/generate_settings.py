"""What a generator's recipe may say, the size of its pictures and its batch where it says none, and how many photos it takes."""

import dataclasses
from pathlib import Path

from cvapp import recipe as recipes
from cvapp.data.folders import scan
from cvapp.data.photos import all_grey
from cvapp.errors import CvappError, Exit
from cvapp.evaluation.generated import LEAST
from cvapp.evaluation.words import counted
from cvapp.progress import Report
from cvapp.recipe import Recipe
from cvapp.training.stages import Material

GREY, COLOUR = (28, 28), (32, 32)  # sizes where the recipe names none
BATCHES = (128, 64, 32, 16, 8)  # where the recipe names none; batch norm wants some pictures at once
STEPS = 10  # of an epoch at least, where a batch of these allows it
OPTIMISER = "adam"
# Beginnings of the settings that a generator has no use for.
_USELESS = (
    "model.",
    "detect.",
    "transcribe.",
    "augment.mixup",
    "augment.cutmix",
    "train.momentum",
    "train.l1",
    "train.l2",
    "train.label_smoothing",
    "train.class_weights",
    "train.patience",
    "train.fine_tune",
    "train.mixed",
    "train.images_per_epoch",
)
_INSTEAD = {
    "train.label_smoothing": "generate.label_smoothing is its discriminator's",
    "train.momentum": "generate.beta is its optimisers'",
    "train.patience": "all epochs run, the best is kept",
    "train.class_weights": "it learns all photos alike",
}


def refuse(recipe: Recipe) -> None:
    """Refuse settings that a generator does not obey, rather than leave them out unsaid (exit 2)."""
    given, usual = recipes.settings(recipe), recipes.settings(Recipe())
    for name, value in given.items():
        if value != usual[name] and name.startswith(_USELESS):
            raise CvappError(f"{name} means nothing to a generator; leave it out ({_INSTEAD.get(name, 'generate.* is how it learns')})")
    if recipe.train.optimiser != OPTIMISER:
        raise CvappError(
            f"train.optimiser is {recipe.train.optimiser!r}: a generator and its discriminator learn by Adam; give {OPTIMISER}"
        )
    if recipe.train.weight_decay:
        raise CvappError(f"train.weight_decay is {recipe.train.weight_decay:g}: a generator's weights are not decayed; give 0")


def settle(recipe: Recipe, data: str | Path, report: Report) -> Recipe:
    """The recipe with a size of the pictures: where it names none, that of grey pictures if a look at the photos finds all grey."""
    if recipe.images.size is not None:
        return recipe
    grey = all_grey(scan(data, loose=True), bits=recipe.images.bits)
    size = GREY if grey else COLOUR
    report(f"the photos are {'grey' if grey else 'in colour'}: pictures of {size[0]}x{size[1]}; images.size sets another size")
    return dataclasses.replace(recipe, images=dataclasses.replace(recipe.images, size=size))


def settle_batch(recipe: Recipe, photos: int) -> Recipe:
    """The recipe with a batch: where it names none, the largest of BATCHES with which so many training photos make STEPS steps an epoch."""
    if recipe.train.batch:
        return recipe
    wanted = photos // (STEPS * recipe.generate.steps)
    batch = next((batch for batch in BATCHES if batch <= wanted), BATCHES[-1])
    batch = max(1, min(batch, photos // recipe.generate.steps))
    return dataclasses.replace(recipe, train=dataclasses.replace(recipe.train, batch=batch))


def batch_words(recipe: Recipe, photos: int) -> str | None:
    """A line on a batch that is smaller than usual because of so few training photos; None where it is not."""
    batch = recipe.train.batch
    if batch >= BATCHES[0]:
        return None
    steps = counted(photos // (recipe.generate.steps * batch), "step")
    return f"{counted(photos, 'training photo')}: a batch of {batch} instead of {BATCHES[0]}, so that an epoch has {steps}; --batch sets another"


def check_counts(recipe: Recipe, material: Material) -> None:
    """Refuse photos that are too few to learn from or to be judged by, or of one class where classes are to be asked for (exit 3)."""
    wishes, count = recipe.generate, len(material.of("train"))
    recipe = settle_batch(recipe, count)
    if wishes.conditional and len(material.labels) < 2:
        only = material.labels[0]
        raise CvappError(
            f"all photos are of one class, {only!r}: generate.conditional learns to make the one of several that is asked for; leave it out",
            Exit.BAD_DATA,
        )
    if count < wishes.steps * recipe.train.batch:
        times = f" ({wishes.steps} of the discriminator, {recipe.train.batch} each)" if wishes.steps > 1 else ""
        smaller = count // wishes.steps
        cure = f"give --batch {smaller} or less, or more photos" if smaller else "give more photos"
        raise CvappError(f"{count} training photos, but a step takes {wishes.steps * recipe.train.batch}{times}; {cure}", Exit.BAD_DATA)
    for part in ("val", "test"):
        held = len(material.of(part))
        if held < 2 * LEAST and (held or part == "val"):
            raise CvappError(
                f"{held} {part} photos: samples are judged beside at least {2 * LEAST}; add photos, or give data.{part} a larger share"
                + (", or data.test=0" if part == "test" else "")
                + " (a split.csv beside the photos keeps the parts that they have: remove it)",
                Exit.BAD_DATA,
            )
