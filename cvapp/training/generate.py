"""The generation task: from photos to a network that makes pictures like them, and its judge, saved with all that later stages need."""

import dataclasses
import time
from collections import Counter
from pathlib import Path
from typing import Any, Iterator

import keras
import numpy as np

from cvapp import card as cards
from cvapp import images, sampling
from cvapp import recipe as recipes
from cvapp import runs
from cvapp.bundle import Bundle
from cvapp.card import Card
from cvapp.data import parted, split
from cvapp.data.batches import Feed, epoch_batches, reader
from cvapp.data.grey import luma
from cvapp.data.photos import store_for
from cvapp.data.sessions import portable
from cvapp.evaluation import few_pictures, film, generated_report, generator, judging
from cvapp.evaluation.crowds import frechet
from cvapp.evaluation.generated import diversity
from cvapp.evaluation.generated_report import Course
from cvapp.evaluation.generator import Measured, Photos
from cvapp.evaluation.judging import Judge, look_at_photos, spread
from cvapp.files import replacing_folder, work_folder, write_text
from cvapp.loading import KERAS
from cvapp.models.classifier import predict_function
from cvapp.models.dcgan import design_of
from cvapp.progress import Report, hushed, silent
from cvapp.recipe import Recipe
from cvapp.runs import Start
from cvapp.training import adversarial, adversarial_loop, run_alarms, state
from cvapp.training.adversarial_loop import Run, Telling
from cvapp.training.generate_settings import batch_words, check_counts, refuse, settle, settle_batch
from cvapp.training.judge import judge_for, judge_words
from cvapp.training.progress import history_csv
from cvapp.training.stages import Material
from cvapp.training.state import Keeper, Progress
from cvapp.training.watching import Watch

MODEL = "model.keras"
EACH = 4  # samples for each validation photo after an epoch, at most: more would not make the distance sharper


@dataclasses.dataclass(frozen=True)
class Learnt:
    """What training left.

    Args:
        bundle: the generator, on a card that lacks its figures.
        network: the generator's.
        judge: that looked at its samples.
        judge_network: the judge's.
        progress: how it went.
        judged: samples after each epoch.
        floor: the Fréchet distance of as many training photos, where there are, to the validation photos.
    """

    bundle: Bundle
    network: keras.Model
    judge: Judge
    judge_network: keras.Model
    progress: Progress
    judged: int
    floor: float


def train(recipe: Recipe, data: str | Path, folder: Path, report: Report = silent, start: Start = Start.NEW, strict: bool = False) -> Card:
    """Train a generator on photos and save it at `folder`; the model that was there stays until the new one is whole.

    Args:
        recipe: what to do.
        data: the photos: class folders or a folder of photos, a CSV of path and label, or idx files.
        folder: `saved_models/NAME`.
        report: told of every step.
        start: anew, or on from the state that an interrupted run left beside `folder`, with the result of an undisturbed run, or with its best epoch.
        strict: end the run with an error where samples collapse, and replace nothing.

    Raises:
        CvappError: settings that mean nothing here (exit 2), photos that cannot be used (exit 3), a run that came apart, or collapsed where that is
            an error (exit 5), a place that cannot be written (exit 7).
        KeyboardInterrupt: Ctrl-C was pressed; the state is saved.
    """
    with runs.begin(folder, start):
        return _train(recipe, data, folder, report, start, strict)


def _train(recipe: Recipe, data: str | Path, folder: Path, report: Report, start: Start, strict: bool) -> Card:
    """As `train`, where no other process writes the folder."""
    began = time.monotonic()
    refuse(recipe)
    recipe = settle(recipe, data, report)
    found = parted.prepare(data, recipe, report, lambda rows: check_counts(recipe, Material(rows, store_for(recipe.images))))
    rows = portable(found.rows)
    material = Material(rows, generator.store_of(found.pixels, recipe.images))
    recipe = _of_so_many(recipe, len(material.of("train")), report)
    keeper = Keeper(work_folder(folder), {**recipes.settings(recipe), "photos": split.fingerprint(rows)}, start, began)
    if keeper.note:
        report(keeper.note)
    card = Card(
        name=folder.name,
        task=recipe.task,
        labels=tuple(material.labels),
        images=recipe.images,
        recipe=recipe,
        data={"fingerprint": split.fingerprint(rows), "photos": dict(Counter(row.part for row in rows)), "skipped": len(found.left_out)},
        weights={
            "source": f"trained by cvapp from random weights, seed {recipe.seed}",
            "licence": "the model's own",
            **judge_words(material),
        },
        versions=cards.versions(),
    )
    watch = Watch(work_folder(folder))
    learnt = _learn(card, material, Telling(keeper, watch, report), strict)
    photos = _photos(material)
    measured = generator.measure(learnt.bundle, learnt.judge, photos, report)
    metrics = _metrics(learnt, measured, strict)
    card = dataclasses.replace(card, metrics={**metrics, **keeper.figures()})
    return _save(card, learnt, measured, material, folder)


def _of_so_many(recipe: Recipe, photos: int, report: Report) -> Recipe:
    """The recipe with the batch that suits so many training photos, where it names none; few of them are told of."""
    settled = settle_batch(recipe, photos)
    words = batch_words(settled, photos) if settled != recipe else None
    for line in filter(None, (words, few_pictures.few(photos))):
        report(line)
    return settled


def _learn(card: Card, material: Material, telling: Telling, strict: bool) -> Learnt:
    """Make or find the judge, then let the two networks learn from each other."""
    recipe, progress = card.recipe, Progress()
    place = telling.keeper.beside(judging.FILE)
    assert place is not None and card.images.size is not None
    judge_network = judge_for(recipe, material, place, telling.report)
    judge, held = judging.judge_of(judge_network), _names(material, "val")
    val = look_at_photos(judge, material.pixels, held, material.truth[material.of("val")])
    assert val.truth is not None
    if val.probabilities is not None:
        right = float((val.probabilities.argmax(1) == val.truth).mean())
        telling.report(f"the judge names {right:.3f} of {len(val):,} validation photos")
    judged = min(recipe.generate.judged, max(adversarial_loop.SHOWN, EACH * len(val)))
    keras.utils.set_random_seed(recipe.seed)
    steps = len(material.of("train")) // (recipe.generate.steps * recipe.train.batch)
    classes = len(material.labels) if recipe.generate.conditional else 0
    both = adversarial.open_adversaries(recipe, card.images.size[0], classes, recipe.train.epochs * steps, steps)
    bundle = Bundle(card, predict_function(both.average), KERAS)
    job = Run(
        recipe=recipe,
        adversaries=both,
        step=adversarial.make_step(both, recipe, recipe.train.epochs * steps),
        batches=_batches(recipe, material, steps),
        steps=steps,
        shown=lambda: bundle.sample(adversarial_loop.SHOWN),
        distance=lambda: frechet(val.features, judge.look(generator.samples(bundle, judged, val.truth)).features),
        real_diversity=diversity(_some(material, adversarial_loop.SHOWN)),
        strict=strict,
    )
    adversarial_loop.run(job, progress, telling)
    floor = frechet(val.features, judge.look(_some(material, judged)).features)
    return Learnt(bundle, both.average, judge, judge_network, progress, judged, floor)


def _names(material: Material, part: str) -> list[str]:
    return [material.rows[place].hash for place in material.of(part)]


def _some(material: Material, most: int) -> np.ndarray:
    """Training photos from all over, uint8 RGB."""
    names = _names(material, "train")
    return material.pixels.read(names[place] for place in spread(len(names), most))


def _photos(material: Material) -> Photos:
    """Those that the finished generator is measured by: of the test part where there is one."""
    part = "test" if "test" in material.parts else "val"
    held, learnt = ([material.rows[place] for place in material.of(name)] for name in (part, "train"))
    return Photos(part, material.pixels, held, learnt)


def _batches(recipe: Recipe, material: Material, steps: int) -> Any:
    """(epoch, first step) -> what each step from there on learns from, varied as the recipe says; what is left of an epoch is left out."""
    assert recipe.images.size is not None
    names, truth = _names(material, "train"), material.truth[material.of("train")].astype(np.int32)
    taken = recipe.generate.steps * recipe.train.batch
    feed = Feed(reader(material.pixels, names), len(names), taken, recipe.seed, recipe.augment)
    grey = design_of(recipe.images.size[0]).channels == 1

    def batches(epoch: int, first: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _, (pictures, chosen) in zip(range(first, steps), epoch_batches(feed, epoch, first)):
            yield luma(pictures) if grey else pictures, truth[chosen]

    return batches


def _metrics(learnt: Learnt, measured: Measured, strict: bool) -> dict[str, Any]:
    """The figures of the card (exit 5 where samples are collapsed at the end of a strict run)."""
    progress, recipe = learnt.progress, learnt.bundle.card.recipe
    collapsed = run_alarms.fatal(recipe, progress.notes) or run_alarms.alike(measured.figures, progress.rows)
    if strict and collapsed:
        raise run_alarms.refused(collapsed, "nothing is replaced")
    return {
        measured.part: measured.figures,
        "kept_epoch": progress.kept + 1,
        "kept_frechet": float(f"{progress.least:.4g}"),
        "kept_floor": float(f"{learnt.floor:.4g}"),
        "epochs": len(progress.rows),
        "alarms": run_alarms.raised(progress.notes),
        "collapsed": collapsed,
    }


def _save(card: Card, learnt: Learnt, measured: Measured, material: Material, folder: Path) -> Card:
    progress, watch = learnt.progress, Watch(work_folder(folder))
    with replacing_folder(folder, keep=state.KEPT) as work:
        with hushed():
            learnt.network.save(work / MODEL)
            learnt.judge_network.save(work / judging.FILE)
        split.write(work / split.FILE, material.rows)
        write_text(work / "history.csv", history_csv(progress.rows))
        if progress.notes:
            write_text(work / "course.csv", history_csv(progress.notes))
        card = dataclasses.replace(card, files=cards.hash_files(work, state.KEPT))
        watch.publish(progress.notes, progress.rows)
        paths = list(watch.grids().values())
        frames = [images.read(paths[place]) for place in film.chosen(len(paths))]
        shown = sampling.grid(learnt.bundle.sample(adversarial_loop.SHOWN))
        generated_report.write(
            card, measured, Course(progress.rows, progress.notes, (learnt.judged, learnt.floor), frames, shown), work / "report"
        )
        cards.write(card, work)
    return card
