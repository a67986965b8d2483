"""`cvapp evaluate`."""

import argparse
from typing import Any, Callable, Mapping

from cvapp import card as cards
from cvapp.cli.answer import Answer, model_folder, table
from cvapp.cli.trained import beside_photos, by_session, lengths
from cvapp.errors import missing_extra
from cvapp.evaluation.words import counted
from cvapp.progress import Terminal


def evaluate(args: argparse.Namespace) -> Answer:
    """Measure a model on labeled photos: those of a folder, or one part of its split."""
    folder = model_folder(args.name)
    measure, text = _by_task(cards.read(folder).task)
    found = measure(folder, args.data, args.split, args.variant, Terminal())
    lines = text(found)
    return Answer(found, "\n".join([*lines[:-1], *found.get("notes", ()), f"{args.name} ({found['variant']}): {lines[-1]}"]))


def _by_task(task: str) -> tuple[Callable[..., dict[str, Any]], Callable[[Mapping[str, Any]], list[str]]]:
    """What measures a model of a task, and what writes its figures: a table, and a last line without the model's name."""
    try:
        if task == "detect":
            from cvapp.evaluation import boxed

            return boxed.evaluate, _detector
        if task == cards.TRANSCRIBE:
            from cvapp.evaluation import transcribed

            return transcribed.evaluate, _transcriber
        if task == cards.GENERATE:
            from cvapp.evaluation import generator

            return generator.evaluate, _generator
        from cvapp.evaluation import evaluate as classifier
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "tensorflow", "train") from error
    return classifier.evaluate, _classifier


def _origin(found: Mapping[str, Any]) -> str:
    """The part, or the source, that the figures are from."""
    return found["split"] or str(found["data"])


def _accuracy(found: Mapping[str, Any]) -> str:
    """0.9250, 95% interval 0.8014 to 0.9742."""
    low, high = found["accuracy_interval"]
    return f"{found['accuracy']:.4f}, 95% interval {low:.4f} to {high:.4f}"


def _classifier(found: Mapping[str, Any]) -> list[str]:
    rows = [(label, f"{accuracy:.3f}") for label, accuracy in found["accuracy_by_class"].items()]
    lines = [table(("class", "accuracy"), rows), *by_session(found, _origin(found)).splitlines()]
    return [*lines, f"accuracy {_accuracy(found)}, on the {counted(found['photos'], 'photo')} of {_origin(found)}"]


def _detector(found: Mapping[str, Any]) -> list[str]:
    rows = [
        (label, row["objects"], *("-" if row[name] is None else f"{row[name]:.3f}" for name in ("ap", "precision", "recall")))
        for label, row in found["by_class"].items()
    ]
    false = ", ".join(f"{count} {kind}" for kind, count in found["false"].items() if count) or "none"
    lines = [
        table(("class", "objects", "AP50", "precision", "recall"), rows),
        f"precision and recall at the score threshold of {found['counted_from']:.2f}; false boxes: {false}; missed: "
        f"{sum(found['missed_by_size'].values())} of {found['objects']}",
    ]
    if "landmark_error" in found:
        lines.append(f"landmarks lie {100 * found['landmark_error']:.1f}% of their box's side off, in the mean")
    photos = f"on the {counted(found['photos'], 'photo')} of {_origin(found)}"
    return [*lines, f"mAP50 {found['map50']:.4f}, COCO AP {found['coco']['ap'] or 0:.4f} {photos}"]


def _transcriber(found: Mapping[str, Any]) -> list[str]:
    pictures = "drawn pictures" if found["split"] else "pictures"
    low, high = found["accuracy_interval"]
    share = f"{found['accuracy']:.4f} of {found['pictures']} {pictures} of {_origin(found)} without a mistake"
    return [lengths(found), f"{share}, 95% interval {low:.4f} to {high:.4f}"]


def _generator(found: Mapping[str, Any]) -> list[str]:
    photos = f"{found['samples']} samples beside {found['photos']} photos of {_origin(found)}, distances over {found['count']} of each"
    return [
        beside_photos(found),
        f"Fréchet distance {found['frechet']:.4g}, of real photos {found['frechet_floor']:.4g}; {photos}",
    ]
