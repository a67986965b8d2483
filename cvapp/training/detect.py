"""The detection task: from photos with boxes to a window classifier, made convolutional, saved with all that later stages need."""

import dataclasses
import time
from collections import Counter
from pathlib import Path
from typing import Any

import keras

from cvapp import card as cards
from cvapp import recipe as recipes
from cvapp import runs
from cvapp.boxes import Boxes
from cvapp.card import Card
from cvapp.data import frames as framed
from cvapp.data import split
from cvapp.data.frames import TRUTH, Frames, fingerprint
from cvapp.data.sessions import portable
from cvapp.errors import CvappError
from cvapp.evaluation import boxed_report, boxed_verdict
from cvapp.evaluation.boxed import LEAST, figures_of, truth_of
from cvapp.evaluation.boxed_report import BoxedResults
from cvapp.evaluation.verdict import GOOD, Verdict
from cvapp.evaluation.words import counted
from cvapp.files import replacing_folder, work_folder, write_text
from cvapp.models.backbones import open_network, public_name
from cvapp.models.surgery import freeze_norms
from cvapp.progress import Report, each, hushed, silent
from cvapp.recipe import Recipe
from cvapp.runs import Start
from cvapp.training import gap, loop, rounds, state
from cvapp.training.mining import Finder
from cvapp.training.progress import history_csv
from cvapp.training.rounds import Networks
from cvapp.training.state import Keeper, Progress

MODEL = "model.keras"


def train(recipe: Recipe, data: str | Path, folder: Path, report: Report = silent, start: Start = Start.NEW) -> Card:
    """Train a detector on photos with boxes and save it at `folder`; the model that was there stays until the new one is whole.

    Args:
        recipe: what to do.
        data: Pascal VOC, COCO or YOLO, as `formats.scan` takes it.
        folder: `saved_models/NAME`.
        report: told of every step.
        start: anew, or on from the state that an interrupted run left beside `folder`, with the result of an undisturbed run, or with its best epoch.

    Raises:
        CvappError: data that cannot be used (exit 3), a place that cannot be written (exit 7).
        KeyboardInterrupt: Ctrl-C was pressed; the state is saved.
    """
    with runs.begin(folder, start):
        return _train(recipe, data, folder, report, start)


def _train(recipe: Recipe, data: str | Path, folder: Path, report: Report, start: Start) -> Card:
    """As `train`, where no other process writes the folder."""
    began = time.monotonic()
    _refuse(recipe)
    keras.utils.set_random_seed(recipe.seed)
    network, row, weights = open_network(recipe.model, recipe.detect.window)
    if not recipe.model.from_scratch:
        freeze_norms(network)
    detect = dataclasses.replace(recipe.detect, window=tuple(network.input_shape[1:3]))
    recipe = dataclasses.replace(recipe, detect=detect)
    frames = framed.prepare(data, recipe, report)
    recipe = rounds.settled(recipe, frames)
    identity = {**recipes.settings(recipe), "photos": fingerprint(frames)}
    keeper = Keeper(work_folder(folder), identity, start, began)
    if keeper.note:
        report(keeper.note)
    progress = Progress()
    made = rounds.networks(network, row, frames, recipe)
    _tell(made, frames, recipe, report)
    for stage in rounds.stages(recipe, made, frames, keeper, report):
        loop.run(stage, progress, keeper, report)
    finder = made.learnt()
    held, known = (frames.pixels.read(frames.of(part)[: gap.PHOTOS]) for part in ("val", "train"))
    told = gap.close((made.classifier, made.detector), finder.scan, known, held, recipe.detect.tune, report)
    figures, found = _judge(finder, frames, recipe, report)
    card = dataclasses.replace(
        _card(recipe, frames, finder, weights, folder.name),
        threshold=figures["val"]["best_threshold"],
        metrics={**figures, **told, **keeper.figures()},
    )
    return _save(card, made.detector, frames, found, progress.rows, folder)


def _refuse(recipe: Recipe) -> None:
    """Refuse settings that only a classifier obeys, rather than leave them out unsaid (exit 2)."""
    part_of = {
        "augment": ("crop", "zoom", "rotation", "mixup", "cutmix"),
        "train": ("class_weights", "fine_tune"),
        "model": ("head", "stages"),
    }
    for part, names in part_of.items():
        given, usual = getattr(recipe, part), type(getattr(recipe, part))()
        for name in names:
            if getattr(given, name) != getattr(usual, name):
                raise CvappError(
                    f"{part}.{name} means nothing to a detector; leave it out (detect.zoom, detect.shift and detect.turn vary windows)"
                )


def _tell(made: Networks, frames: Frames, recipe: Recipe, report: Report) -> None:
    """Say what windows are looked at, in the frame's pixels, how long training is, and what it is measured on."""
    scan = made.finder.scan
    sides = [(round(scan.windows.size[1] / x), round(scan.windows.size[0] / y)) for y, x in scan.scales]
    if scan.points and (recipe.augment.mirror or recipe.detect.turn):
        report("mirrored windows keep the order of their landmarks: what is left in a photo may be right in a window")
    report("windows of " + ", ".join(f"{width}x{height}" for width, height in sides) + " pixels of the frame")
    epochs, steps, count = recipe.train.epochs, rounds.steps_per_epoch(recipe, frames), rounds.round_count(recipe)
    fewer = f" (instead of {recipe.detect.rounds}, for want of epochs)" if count < recipe.detect.rounds else ""
    lasting = f"{counted(epochs, 'epoch')} in {counted(count, 'round')}{fewer}, {counted(steps, 'step')} each"
    some, every = len(rounds.measured(frames, "val")), len(frames.of("val"))
    on = counted(every, "validation photo") if some == every else f"{some} of {every} validation photos"
    report(f"{lasting}; each object in {counted(recipe.detect.passes or 0, 'window')} an epoch; val_map50 is the mAP50 on {on}")


def _judge(finder: Finder, frames: Frames, recipe: Recipe, report: Report) -> tuple[dict[str, Any], dict[str, Boxes]]:
    """The figures of each part, of some of the training photos, and the boxes found in the photos, by hash."""
    figures: dict[str, Any] = {}
    found: dict[str, Boxes] = {}
    for part in sorted(frames.parts, key=("val", "train", "test").index):
        names = rounds.measured(frames, part) if part == "train" else frames.of(part)
        pictures = (frames.pixels.read([name])[0] for name in each(names, f"measuring on {part}", report))
        here = dict(zip(names, finder.find(pictures, LEAST, recipe.detect.overlap)))
        score = figures["val"]["best_threshold"] if figures else None  # chosen on the validation photos, which come first
        figures[part] = figures_of([here[name] for name in names], [frames.truth[name] for name in names], frames.labels, score)
        found |= here
    return figures, found


def _card(recipe: Recipe, frames: Frames, finder: Finder, weights: dict[str, str], name: str) -> Card:
    return Card(
        name=name,
        task=recipe.task,
        labels=tuple(frames.labels),
        images=recipe.images,
        recipe=dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, weights=public_name(recipe.model.weights))),
        data={
            "fingerprint": fingerprint(frames),
            "photos": dict(Counter(row.part for row in frames.rows)),
            "objects": dict(Counter(box.label for boxes in frames.truth.values() for box in boxes)),
            "skipped": len(frames.left_out),
            "mended": len(frames.mended),
        },
        weights=weights,
        scan=finder.scan,
        versions=cards.versions(),
    )


def _save(made: Card, model: keras.Model, frames: Frames, found: dict[str, Boxes], history: list[dict[str, Any]], folder: Path) -> Card:
    with replacing_folder(folder, keep=state.KEPT) as work:
        with hushed():
            model.save(work / MODEL)
        split.write(work / split.FILE, portable(frames.rows))
        framed.write_truth(work / TRUTH, frames.truth)
        write_text(work / "history.csv", history_csv(history))
        made = dataclasses.replace(made, files=cards.hash_files(work, state.KEPT))
        results = _results(made, frames, found, history)
        judged = boxed_verdict.verdict(made, results)
        made = dataclasses.replace(made, metrics={**made.metrics, "verdict": judged.kind, **_advice(judged)})
        boxed_report.write(made, results, work / "report", judged)
        cards.write(made, work)
    return made


def _results(made: Card, frames: Frames, found: dict[str, Boxes], history: list[dict[str, Any]]) -> BoxedResults:
    """What the report shows: the part that is held out to the end, or the validation photos."""
    part = frames.parts[-1]
    rows = [row for row in frames.rows if row.part == part]
    return BoxedResults(
        part,
        [row.path for row in portable(rows)],
        lambda place: frames.pixels.read([rows[place].hash])[0],
        [found[row.hash] for row in rows],
        [truth_of(frames.truth[row.hash], frames.labels) for row in rows],
        history,
        made.threshold,
        {name: Counter(box.label for digest in frames.of(name) for box in frames.truth[digest]) for name in frames.parts},
        frames.source,
    )


def _advice(judged: Verdict) -> dict[str, str]:
    """What to try first, where the verdict is bad; and where these are words alone, what to try first of the settings."""
    if judged.kind == GOOD or not judged.cures:
        return {}
    first = judged.cures[0]
    settings = next((cure for cure in judged.cures if cure.words), first)
    return {"advice": "; or: ".join(dict.fromkeys((first.line, settings.line)))}
