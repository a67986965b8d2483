"""`cvapp train|evaluate|list`."""

import argparse
import ast
from pathlib import Path
from typing import Any, Mapping

from cvapp import card as cards
from cvapp import recipe as recipes
from cvapp import shipped
from cvapp.bundle import ATTENTION, LITE
from cvapp.cli.answer import MODELS, Answer, model_folder, new_model_folder, size_of, table
from cvapp.data.formats import is_boxed
from cvapp.errors import CvappError, Exit, missing_extra
from cvapp.files import check_writable
from cvapp.progress import Terminal


WANTED = {"classify": "a folder for each class", "backbone": "photos", "detect": "photos and their boxes (Pascal VOC, COCO or YOLO)"}


def train(args: argparse.Namespace) -> Answer:
    """Train a model by a pipeline's recipe."""
    recipe = recipes.override(shipped.load_pipeline(args.pipeline), args.set)
    shorts = {"train.epochs": args.epochs, "train.batch": args.batch, "seed": args.seed}
    recipe = recipes.override(recipe, [f"{name}={value}" for name, value in shorts.items() if value is not None])
    if recipe.data.generated is None and args.data is None:
        raise CvappError(
            f"no photos: give --data DIR with {WANTED[recipe.task]}; cvapp data collect takes photos, cvapp data signs draws some"
        )
    if recipe.data.generated is not None and args.data is not None:
        raise CvappError(f"--data {args.data}: {args.pipeline} draws its own photos; leave --data out")
    name = args.name or (Path(args.data).resolve().stem if args.data else Path(args.pipeline).stem)
    folder = new_model_folder(name)
    if args.data is not None and not Path(args.data).exists():
        raise CvappError(f"--data {args.data}: no such folder or file; give a folder with {WANTED[recipe.task]}", Exit.BAD_DATA)
    if args.data is not None and recipe.task == "classify" and is_boxed(args.data):
        raise CvappError(
            f"--data {args.data}: photos with boxes, {args.pipeline} wants a folder for each class; try cvapp train window_detector"
        )
    check_writable(MODELS)
    if (folder / cards.FILE).is_file():
        Terminal()(f"{folder} is there already; it is replaced once the new one is whole")
    try:
        if recipe.task == "backbone":
            from cvapp.training import backbone

            made = backbone.train(recipe, folder, Terminal(), args.resume)
        elif recipe.task == "detect":
            from cvapp.training import detect

            made = detect.train(recipe, args.data, folder, Terminal(), args.resume)
        elif recipe.task == "transcribe":
            from cvapp.training import transcribe

            made = transcribe.train(recipe, folder, Terminal(), args.resume)
        else:
            from cvapp.training import classify

            made = classify.train(recipe, args.data, folder, Terminal(), args.resume)
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "tensorflow", "train") from error
    return Answer(
        {"name": name, "folder": str(folder), "task": made.task, "labels": list(made.labels), "metrics": dict(made.metrics)},
        _trained(made, folder),
    )


DRAWN = "trained by cvapp's pretrain_backbone"  # how the shipped backbone's card names its source


def _trained(made: cards.Card, folder: Path) -> str:
    if made.task == "backbone":
        found = f"validation accuracy {made.metrics['val']['accuracy']:.3f} on {len(made.labels)} classes"
        return f"{folder}: {found}\nnext: cvapp train --data DIR --set model.handle={folder}"
    if made.task == "detect":
        return _trained_detector(made, folder)
    if made.task == "transcribe":
        return _trained_transcriber(made, folder)
    rows = [
        (part, made.metrics[part]["photos"], f"{made.metrics[part]['accuracy']:.3f}", f"{made.metrics[part]['loss']:.3f}")
        for part in ("train", "val", "test")
        if part in made.metrics
    ]
    drawings = made.weights.get("source", "").startswith(DRAWN) and made.metrics["val"]["accuracy"] < 0.8
    hint = (
        "the backbone that comes with cvapp has seen drawings only; for photos, name one that has seen photos: docs/choosing_a_recipe.md\n"
    )
    return (
        f"{table(('part', 'photos', 'accuracy', 'loss'), rows)}\n{hint if drawings else ''}"
        f"{folder}: trained in {made.metrics['train_seconds']:.0f} s; report: {folder / 'report' / 'report.html'}\n"
        f"next: cvapp export {folder.name}, then cvapp camera {folder.name}"
    )


def slide(args: argparse.Namespace) -> Answer:
    """Make a detector of a classifier."""
    if args.tune < 0:
        raise CvappError(f"--tune {args.tune}: give a number of steps, 0 for none")
    source = model_folder(args.model)
    cards.refuse_transcriber(cards.read(source))
    folder = new_model_folder(args.name or f"{source.name}_boxes")
    if folder.resolve() == source.resolve():
        raise CvappError(f"--name {folder.name}: it would take the classifier's place; give another")
    try:
        from cvapp.training.slide import slide as make
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "tensorflow", "train") from error
    made = make(source, folder, size_of("--size", args.size), args.data, args.tune, Terminal())
    assert made.scan is not None
    rows = [(f"{round(made.scan.windows.size[1] / x)}x{round(made.scan.windows.size[0] / y)}",) for y, x in made.scan.scales]
    values = {"name": folder.name, "folder": str(folder), "labels": list(made.labels), "threshold": made.threshold, **made.metrics}
    return Answer(
        values,
        f"{table(('windows, in pixels of the frame',), rows)}\n{folder}: a detector, from a score of {made.threshold:.2f} on\n"
        f"next: cvapp export {folder.name}, then cvapp camera {folder.name}",
    )


def evaluate(args: argparse.Namespace) -> Answer:
    """Measure a model on one part of its split."""
    task = cards.read(model_folder(args.name)).task
    if task == "detect":
        return _evaluate_detector(args)
    if task == "transcribe":
        return _evaluate_transcriber(args)
    from cvapp.evaluation.evaluate import evaluate as measure

    found = measure(model_folder(args.name), args.data, args.part, args.variant, Terminal())
    rows = [(label, f"{accuracy:.3f}") for label, accuracy in found["accuracy_by_class"].items()]
    return Answer(
        found,
        f"{table(('class', 'accuracy'), rows)}\n"
        f"{args.name} ({found['variant']}): accuracy {found['accuracy']:.4f} on the {found['photos']} photos of {found['split']}",
    )


def _trained_detector(made: cards.Card, folder: Path) -> str:
    rows = [
        (part, figures["photos"], figures["objects"], f"{figures['map50']:.3f}", f"{figures['precision']:.3f}", f"{figures['recall']:.3f}")
        for part in ("val", "test")
        if (figures := made.metrics.get(part))
    ]
    return (
        f"{table(('part', 'photos', 'objects', 'mAP50', 'precision', 'recall'), rows)}\n"
        f"{folder}: trained in {made.metrics['train_seconds']:.0f} s; report: {folder / 'report' / 'report.html'}\n"
        f"next: cvapp export {folder.name}, then cvapp camera {folder.name}"
    )


def _evaluate_detector(args: argparse.Namespace) -> Answer:
    from cvapp.evaluation.boxed import evaluate as measure

    found = measure(model_folder(args.name), args.data, args.part, args.variant, Terminal())
    rows = [
        (label, row["objects"], *(f"{row[name]:.3f}" for name in ("ap", "precision", "recall"))) for label, row in found["by_class"].items()
    ]
    false = ", ".join(f"{count} {kind}" for kind, count in found["false"].items() if count) or "none"
    return Answer(
        found,
        f"{table(('class', 'objects', 'AP50', 'precision', 'recall'), rows)}\n"
        f"false boxes from {found['counted_from']:.2f} on: {false}; missed: {sum(found['missed_by_size'].values())} of {found['objects']}\n"
        + (
            f"landmarks lie {100 * found['landmark_error']:.1f}% of their box's side off, in the mean\n"
            if "landmark_error" in found
            else ""
        )
        + f"{args.name} ({found['variant']}): mAP50 {found['map50']:.4f}, COCO AP {found['coco']['ap'] or 0:.4f} "
        f"on the {found['photos']} photos of {found['split']}",
    )


def _trained_transcriber(made: cards.Card, folder: Path) -> str:
    return (
        f"{_lengths(made.metrics['test'])}\n"
        f"{folder}: trained in {made.metrics['train_seconds']:.0f} s; report: {folder / 'report' / 'report.html'}\n"
        f"next: cvapp predict {folder.name} PHOTO"
    )


def _evaluate_transcriber(args: argparse.Namespace) -> Answer:
    if args.data is not None:
        raise CvappError(f"--data {args.data}: {args.name} is measured on pictures that cvapp draws; leave --data out")
    try:
        from cvapp.evaluation.transcribed import evaluate as measure
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "tensorflow", "train") from error
    found = measure(model_folder(args.name), args.part, args.variant, Terminal())
    told = f"{found['accuracy']:.4f} of {found['pictures']} drawn pictures of {found['split']} without a mistake"
    return Answer(found, f"{_lengths(found)}\n{args.name} ({found['variant']}): {told}")


def _lengths(figures: Mapping[str, Any]) -> str:
    """A transcriber's figures by length, all together, and those of beam search."""
    named = {**figures["by_length"], "all": figures}
    rows = [(name, row["pictures"], f"{row['accuracy']:.3f}", f"{row['character_error_rate']:.4f}") for name, row in named.items()]
    beam = f"without a mistake by beam search, {figures['beam']['width']} wide: {figures['beam']['accuracy']:.3f}"
    return f"{table(('digits', 'pictures', 'without a mistake', 'characters wrong'), rows)}\n{beam}"


def list_all(args: argparse.Namespace) -> Answer:
    """The pipelines with what they say of themselves, and the saved models with their cards."""
    pipelines = {
        name: (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
        for name, path in shipped.pipelines().items()
    }
    found = {
        path.parent.name: path.parent
        for root in {shipped.shipped_models().resolve(), MODELS.resolve()}
        for path in sorted(root.glob(f"*/{cards.FILE}"))
    }
    models: dict[str, dict[str, Any]] = {}
    for name, folder in sorted(found.items()):
        try:
            card = cards.read(folder)
        except CvappError as error:
            models[name] = {"error": str(error)}
            continue
        figures = card.metrics.get("test") or card.metrics.get("val") or {}
        models[name] = {
            "task": card.task,
            "labels": len(card.labels),
            "accuracy": figures.get("accuracy"),
            "map50": figures.get("map50"),
            "lite": sorted(path.stem for path in (folder / LITE).glob("*.tflite") if path.stem != ATTENTION),
        }
    rows = [
        (
            name,
            row.get("task", "-"),
            row.get("labels", "-"),
            next((row[name] for name in ("accuracy", "map50") if row.get(name) is not None), "-"),
            ", ".join(row.get("lite", [])) or row.get("error", "not exported"),
        )
        for name, row in models.items()
    ]
    text = (
        table(("pipeline", "what it is"), list(pipelines.items()))
        + "\n\n"
        + table(("model", "task", "classes", "accuracy, mAP50", "variants"), rows)
    )
    return Answer({"pipelines": pipelines, "models": models}, text)
