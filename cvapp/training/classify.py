"""The classification task: from a folder of photos to a calibrated model, saved with all that later stages need."""

import dataclasses
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cvapp import card as cards
from cvapp import recipe as recipes
from cvapp import runs
from cvapp.card import Card
from cvapp.data import parted, sessions, split
from cvapp.data.augment import augment
from cvapp.data.split_settings import DataSource
from cvapp.evaluation import forecast, looks, metrics, poor_features, probe, report as reports, session_accuracy, unknown
from cvapp.evaluation.results import Results, parts
from cvapp.evaluation.sheets import contact_sheet
from cvapp.files import replacing_folder, work_folder, write_text
from cvapp.models import classifier
from cvapp.models.backbones import Backbone, open_backbone, public_name
from cvapp.progress import Report, hushed, silent
from cvapp.recipe import Augment, Recipe
from cvapp.runs import Start
from cvapp.training import features, loop, mirroring, stages, state
from cvapp.training.choice import choose
from cvapp.training.progress import history_csv
from cvapp.training.stages import Material
from cvapp.training.state import Keeper, Progress

MODEL = "model.keras"
SEEN_PHOTOS, SEEN_TIMES = 6, 8  # of the sheet that shows what training sees


@dataclass(frozen=True)
class Trained:
    """What training left: the head, uncalibrated logits (N, C) of all photos, features (N, F) of the frozen backbone where it had any."""

    head: keras.Sequential
    logits: np.ndarray
    features: np.ndarray | None


def train(recipe: Recipe, data: str | Path, folder: Path, report: Report = silent, start: Start = Start.NEW) -> Card:
    """Train a classifier on photos and save it at `folder`; the model that was there stays until the new one is whole.

    Args:
        recipe: what to do.
        data: the photos: class folders, a CSV of path and label, or idx files.
        folder: `saved_models/NAME`.
        report: told of every step.
        start: anew, or on from the state that an interrupted run left beside `folder`, with the result of an undisturbed run, or with its best epoch.

    Raises:
        CvappError: photos or backbone that cannot be used (exit 3), weights not to be had (exit 4), a place that cannot be written (exit 7).
        KeyboardInterrupt: Ctrl-C was pressed; the state is saved.
    """
    with runs.begin(folder, start):
        return _train(recipe, data, folder, report, start)


def _train(recipe: Recipe, data: str | Path, folder: Path, report: Report, start: Start) -> Card:
    """As `train`, where no other process writes the folder."""
    began = time.monotonic()
    backbone = open_backbone(recipe.model, recipe.images.size)
    recipe = _settle(recipe, backbone)
    found = parted.prepare(data, recipe, report)
    material = Material(sessions.portable(found.rows), found.pixels)
    recipe, backbone, reason = _choose(recipe, backbone, material, report)
    recipe, mirror = mirroring.settle(recipe, backbone, material, report)
    identity = {**recipes.settings(recipe), "photos": split.fingerprint(found.rows)}
    if not recipe.model.from_scratch:
        identity["backbone"] = backbone.fingerprint
    keeper = Keeper(work_folder(folder), identity, start, began)
    if keeper.note:
        report(keeper.note)
    progress = Progress()
    trained = _run(recipe, backbone, material, progress, keeper, report)
    if trained.features is not None:
        report("probing the frozen features, photos left out")
    results, temperature, threshold = _judge(recipe, trained, material, progress, found.source)
    classifier.fold_temperature(trained.head, temperature)
    truth, labels = material.truth, material.labels
    figures: dict[str, Any] = {name: part.figures(labels) for name, part in parts(results.rows, results.probabilities, labels).items()}
    if results.leave_one_out:
        figures["leave_one_session_out"] = round(results.leave_one_out.by_session.accuracy, 4)
    before = metrics.calibration_error(metrics.softmax(trained.logits[material.of("val")]), truth[material.of("val")])
    made = Card(
        name=folder.name,
        task=recipe.task,
        labels=tuple(labels),
        images=recipe.images,
        recipe=_without_paths(recipe),
        data={
            "fingerprint": split.fingerprint(found.rows),
            "photos": dict(Counter(row.part for row in found.rows)),
            "skipped": len(found.left_out),
        },
        metrics={
            **figures,
            "calibration_error_before": round(before, 4),
            **keeper.figures(),
            **({"fine_tune": reason} if reason else {}),
            **({"mirror": mirror} if mirror else {}),
            **poor_features.metric(results, labels),
        },
        temperature=round(temperature, 6),
        threshold=round(threshold, 4),
        weights=backbone.weights,
        versions=cards.versions(),
    )
    return _save(made, classifier.assemble(backbone, trained.head), results, folder)


def _settle(recipe: Recipe, backbone: Backbone) -> Recipe:
    """The recipe with the picture size that the backbone takes, where it names none."""
    return dataclasses.replace(recipe, images=dataclasses.replace(recipe.images, size=backbone.size))


def _without_paths(recipe: Recipe) -> Recipe:
    """The recipe as the card tells it: no path of the machine that trained."""
    model = dataclasses.replace(recipe.model, handle=public_name(recipe.model.handle), weights=public_name(recipe.model.weights))
    return dataclasses.replace(recipe, model=model)


def _choose(recipe: Recipe, backbone: Backbone, material: Material, report: Report) -> tuple[Recipe, Backbone, str]:
    """Settle `fine_tune=auto`; the recipe, the backbone (with more stages, perhaps) and the reason.

    Where the head alone is to learn, it learns from the features of the photos as they are, whatever `augment` says: varied pictures would take
    a hundred times as long, and were no better for a head.
    """
    if recipe.train.fine_tune != "auto" or recipe.model.from_scratch:
        return recipe, backbone, ""
    learn = material.of("train")

    def of_stages(count: int) -> np.ndarray:
        opened = backbone if count == recipe.model.stages else open_backbone(_with_stages(recipe, count).model, backbone.size)
        return features.frozen(opened, material.rows, material.pixels, report)[learn]

    opaque = recipe.model.backbone == recipes.HUB
    choice = choose(of_stages, material.truth[learn], len(material.labels), opaque, recipe.seed, material.groups[learn])
    plain = choice.fine_tune == "none" and not recipe.augment.off
    reason = f"{choice.reason}; the photos are not varied" if plain else choice.reason
    report(f"fine_tune=auto: {reason}")
    chosen = _with_stages(recipe, choice.stages)
    chosen = dataclasses.replace(
        chosen,
        train=dataclasses.replace(chosen.train, fine_tune=choice.fine_tune),
        augment=Augment() if plain else chosen.augment,
    )
    return chosen, backbone if choice.stages == recipe.model.stages else open_backbone(chosen.model, backbone.size), reason


def _with_stages(recipe: Recipe, count: int) -> Recipe:
    return dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, stages=count))


def _run(recipe: Recipe, backbone: Backbone, material: Material, progress: Progress, keeper: Keeper, report: Report) -> Trained:
    """Train the head on frozen features, then the network, as the recipe asks."""
    keras.utils.set_random_seed(recipe.seed)
    head = classifier.head(backbone.features, len(material.labels), recipe.model)
    values, tuned = None, recipe.train.fine_tune
    if not recipe.model.from_scratch:
        values = features.frozen(backbone, material.rows, material.pixels, report)
        if recipe.augment.off or tuned != "none":
            loop.run(stages.head_stage(recipe, head, values, material), progress, keeper, report)
        if recipe.augment.off and tuned == "none":
            return Trained(head, classifier.batched(lambda one: head(one, training=False), (values.shape[1],))(values), values)
    if values is not None and tuned == "none":
        report("varied pictures go through the whole backbone in every epoch: slow; train.fine_tune=auto computes features once")
    stage = stages.network_stage(recipe, backbone, head, material, "all" if recipe.model.from_scratch else tuned)
    loop.run(stage, progress, keeper, report)
    stages.give_back(stage, backbone)
    network = classifier.training_network(backbone.layer, backbone, head)
    names = [row.hash for row in material.rows]
    return Trained(head, stages.chunked(classifier.predict_function(network), material.pixels, names), values)


def _judge(
    recipe: Recipe, trained: Trained, material: Material, progress: Progress, source: DataSource
) -> tuple[Results, float, float]:
    """Calibrate on the validation photos; what the report needs, the temperature, and the threshold of "unknown"."""
    truth, labels = material.truth, material.labels
    check = material.of("val")
    temperature = metrics.fit_temperature(trained.logits[check], truth[check], deviation=metrics.PRIOR)
    answers = metrics.softmax(trained.logits / temperature)
    results = Results(
        history=progress.rows,
        rows=material.rows,
        probabilities=answers,
        judged=answers,
        crossed=False,
        before=metrics.softmax(trained.logits[check]),
        pixels=material.pixels,
        seen=None if recipe.augment.off else what_training_sees(recipe, material),
        source=source,
    )
    if trained.features is not None:
        results = _probe(results, trained.features, material, recipe.seed)
    return results, temperature, unknown.choose_threshold(answers[check], truth[check], labels)


def _probe(results: Results, features: np.ndarray, material: Material, seed: int) -> Results:
    """The results with what probes of the frozen features (N, F) tell. Test photos have no part in the forecast, since it advises."""
    truth, groups, count = material.truth, material.groups, len(material.labels)
    check, learn = material.of("val"), material.of("train")
    some = np.concatenate([learn, check])
    known = features[learn], truth[learn]
    judged = results.judged.copy()
    judged[learn] = probe.left_out(*known, count, seed, groups[learn])
    return dataclasses.replace(
        results,
        judged=judged,
        crossed=True,
        learning=probe.learning_curve(known, (features[check], truth[check]), count, seed, groups[learn]),
        leave_one_out=session_accuracy.leave_one_out(features, truth, groups, seed),
        forecast=forecast.forecast(features[some], truth[some], groups[some], np.bincount(truth[learn], minlength=count), seed),
        no_forecast=forecast.obstacle(truth[some], groups[some], material.labels),
    )


def what_training_sees(recipe: Recipe, material: Material) -> np.ndarray:
    """A contact sheet, uint8 RGB: a row for each of some training photos, as it is and as the first epochs vary it."""
    chosen = np.linspace(0, len(material.of("train")) - 1, SEEN_PHOTOS).astype(int)
    pictures = material.pixels.read([material.rows[material.of("train")[index]].hash for index in chosen])
    times = [pictures, *(augment(pictures, chosen, epoch, recipe.seed, recipe.augment) for epoch in range(SEEN_TIMES - 1))]
    tiles = [time[row] for row in range(len(chosen)) for time in times]
    captions = ["as it is" if place % SEEN_TIMES == 0 else f"epoch {place % SEEN_TIMES}" for place in range(len(tiles))]
    return contact_sheet(tiles, captions, SEEN_TIMES)


def _save(made: Card, model: keras.Model, results: Results, folder: Path) -> Card:
    with replacing_folder(folder, keep=state.KEPT) as work:
        with hushed():
            model.save(work / MODEL)
        split.write(work / split.FILE, results.rows)
        write_text(work / "history.csv", history_csv(results.history))
        made = dataclasses.replace(made, files=cards.hash_files(work, state.KEPT))
        reports.write(made, dataclasses.replace(results, looks=looks.sheet(model, results, made.labels)), work / "report")
        cards.write(made, work)
    return made
