"""`cvapp slide|list`."""

import argparse
import ast
import dataclasses
import shlex
from typing import Any, Sequence

from cvapp import card as cards
from cvapp import runs, shipped
from cvapp.bundle import ATTENTION, LITE
from cvapp.cli.answer import MODELS, Answer, model_folder, new_model_folder, size_of, table
from cvapp.cli.outputs import check_replaced_folder
from cvapp.errors import CvappError, missing_extra
from cvapp.progress import Terminal


def slide(args: argparse.Namespace) -> Answer:
    """Make a detector of a classifier."""
    if args.tune < 0:
        raise CvappError(f"--tune {args.tune}: give a number of steps, 0 for none")
    source = model_folder(args.model)
    cards.refuse_transcriber(cards.read(source))
    cards.refuse_generator(cards.read(source))
    folder = new_model_folder(f"{source.name}_boxes" if args.name is None else args.name)
    check_replaced_folder("--name", folder, [source, args.data])
    with runs.begin(folder):
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
        f"next: cvapp export {shlex.quote(folder.name)}, then cvapp camera {shlex.quote(folder.name)}",
    )


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
            "frechet": figures.get("frechet"),
            "lite": sorted(path.stem for path in (folder / LITE).glob("*.tflite") if path.stem != ATTENTION),
        }
    rows = [
        (
            name,
            row.get("task", "-"),
            row.get("labels", "-"),
            next((row[name] for name in ("accuracy", "map50", "frechet") if row.get(name) is not None), "-"),
            ", ".join(row.get("lite", [])) or row.get("error", "not exported"),
        )
        for name, row in models.items()
    ]
    text = (
        table(("pipeline", "what it is"), list(pipelines.items()))
        + "\n\n"
        + table(("model", "task", "classes", "accuracy, mAP50, Fréchet", "variants"), rows)
    )
    unfinished = runs.interrupted(MODELS)
    if unfinished:
        text += "\n\n" + _unfinished_table(unfinished)
    return Answer({"pipelines": pipelines, "models": models, "runs": {run.name: dataclasses.asdict(run) for run in unfinished}}, text)


def _unfinished_table(unfinished: Sequence[runs.Interrupted]) -> str:
    """The runs that have not come to their end, and what can be done about those that were interrupted."""
    rows = [(run.name, f"runs, process {run.pid}" if run.pid else "interrupted", run.place, run.saved) for run in unfinished]
    cure = f"\nof an interrupted run: the same cvapp train with {runs.GOES_ON}, --restart discards it"
    return table(("run", "state", "place", "saved"), rows) + (cure if any(run.pid is None for run in unfinished) else "")
