"""The transcription task: from pictures that are drawn as they are needed to a network that writes the text in each."""

import dataclasses
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import keras
import numpy as np

from cvapp import card as cards
from cvapp import recipe as recipes
from cvapp import runs
from cvapp.card import Card
from cvapp.data import digit_rows, generated
from cvapp.errors import CvappError
from cvapp.evaluation import text_report
from cvapp.evaluation.transcribed import TextResults, judge
from cvapp.files import replacing_folder, work_folder, write_text
from cvapp.models import reading, transcriber
from cvapp.progress import Report, hushed, silent
from cvapp.recipe import Recipe
from cvapp.runs import Start
from cvapp.training import loop, optimise, state
from cvapp.training.loop import Batch, Stage
from cvapp.training.progress import history_csv
from cvapp.training.state import Keeper, Progress
from cvapp.training.text_loss import accuracy, targets_of, text_loss

MODEL = "model.keras"
# Beginnings of the settings that a transcriber has no use for.
_USELESS = ("data.val", "data.test", "model.", "augment.", "detect.", "export.", "train.class_weights", "train.fine_tune", "train.mixed")


def train(recipe: Recipe, folder: Path, report: Report = silent, start: Start = Start.NEW) -> Card:
    """Train a transcriber on drawn rows of digits and save it at `folder`; the model that was there stays until the new one is whole.

    Args:
        recipe: what to do.
        folder: `saved_models/NAME`.
        report: told of every step.
        start: anew, or on from the state that an interrupted run left beside `folder`, with the result of an undisturbed run, or with its best epoch.

    Raises:
        CvappError: settings that mean nothing here, or no room for the digits (exit 2); a place that cannot be written (exit 7).
        KeyboardInterrupt: Ctrl-C was pressed; the state is saved.
    """
    with runs.begin(folder, start):
        return _train(recipe, folder, report, start)


def _train(recipe: Recipe, folder: Path, report: Report, start: Start) -> Card:
    """As `train`, where no other process writes the folder."""
    began = time.monotonic()
    _refuse(recipe)
    keras.utils.set_random_seed(recipe.seed)
    network = transcriber.build(design_of(recipe))
    progress = Progress()
    stage = _stage(recipe, network)
    keeper = Keeper(work_folder(folder), recipes.settings(recipe), start, began)
    if keeper.note:
        report(keeper.note)
    loop.run(stage, progress, keeper, report)
    kept = min(progress.rows, key=lambda row: row["val_loss"])
    figures, results = judge(network, recipe, "test", report)
    made = Card(
        folder.name,
        recipe.task,
        tuple(digit_rows.DIGITS),
        recipe.images,
        recipe,
        data={
            "generated": recipe.data.generated,
            "photos": {
                "train": stage.steps * recipe.train.batch * len(progress.rows),
                **{part: count for part, (_, count) in generated.HELD.items()},
            },
        },
        metrics={
            **keeper.figures(),
            "val": {"accuracy": round(kept["val_accuracy"], 4), "loss": round(kept["val_loss"], 4)},
            "test": figures,
        },
        weights={"source": f"trained by cvapp on rows of digits that it draws, seed {recipe.seed}", "licence": "Apache-2.0"},
        versions=cards.versions(),
    )
    return _save(made, network, results, progress.rows, folder)


def _refuse(recipe: Recipe) -> None:
    """Refuse settings that a transcriber does not obey, rather than leave them out unsaid (exit 2)."""
    given, usual = recipes.settings(recipe), recipes.settings(Recipe())
    for name, value in given.items():
        if value != usual[name] and name.startswith(_USELESS):
            raise CvappError(f"{name} means nothing to a transcriber; leave it out (transcribe.* is its network, digits are drawn varied)")


def design_of(recipe: Recipe) -> transcriber.Design:
    """The form of the recipe's network."""
    wishes = recipe.transcribe
    assert recipe.images.size is not None  # the recipe saw to it
    return transcriber.Design(
        recipe.images.size,
        digit_rows.DIGITS,
        wishes.most + 1,
        wishes.features,
        wishes.num_heads,
        wishes.hidden,
        wishes.encoder_blocks,
        wishes.decoder_blocks,
        wishes.dropout,
    )


def _stage(recipe: Recipe, network: keras.Model) -> Stage:
    """The whole network on a stream of pictures that never repeats."""
    settings, wishes, size = recipe.train, recipe.transcribe, recipe.images.size
    assert size is not None
    steps = max(1, settings.images_per_epoch // settings.batch)
    photos = steps * settings.batch
    measure = _measure(recipe, network)

    def batches(epoch: int, first: int) -> Iterator[Batch]:
        begin, end = epoch * photos + first * settings.batch, (epoch + 1) * photos
        stream = generated.rows(recipe.seed, size, (wishes.least, wishes.most), settings.batch, end - begin, begin)
        for pixels, texts in stream.as_numpy_iterator():
            written, targets = _tokens([text.decode() for text in texts], recipe)
            yield [pixels.astype(np.float32), written], targets, None

    learns = keras.Model(network.inputs, network.outputs)  # the same layers; the network is saved as it is, not compiled
    plan = optimise.optimiser(settings, settings.learning_rate, settings.epochs * steps, steps)
    optimise.compile_for(learns, settings, plan, text_loss(settings.label_smoothing), accuracy)
    return Stage("whole", learns, batches, steps, settings.epochs, settings.patience, measure)


def _tokens(texts: list[str], recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """What is written so far, and the targets, int32 (N, T) both."""
    written, tokens, counted = transcriber.tokens_of(texts, digit_rows.DIGITS, recipe.transcribe.most + 1)
    return written, targets_of(tokens, counted)


def _measure(recipe: Recipe, network: keras.Model) -> Callable[[], tuple[float, float]]:
    """-> loss of the tokens of the validation pictures, and the share of their texts that are written without a mistake."""
    pictures, texts = generated.held_rows("val", recipe)
    written, targets = _tokens(texts, recipe)
    answer, loss = reading.teacher_forced(network), text_loss()

    def measure() -> tuple[float, float]:
        logits = answer(pictures, written)
        return float(loss(targets, logits)), float(np.mean(accuracy(targets, logits)))

    return measure


def _save(made: Card, network: keras.Model, results: TextResults, history: list[dict[str, Any]], folder: Path) -> Card:
    with replacing_folder(folder, keep=state.KEPT) as work:
        with hushed():
            network.save(work / MODEL)
        write_text(work / "history.csv", history_csv(history))
        made = dataclasses.replace(made, files=cards.hash_files(work, state.KEPT))
        text_report.write(made, results, history, work / "report")
        cards.write(made, work)
    return made
