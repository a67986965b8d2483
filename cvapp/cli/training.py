"""`cvapp train`."""

import argparse
import shlex
from pathlib import Path

from cvapp import card as cards
from cvapp import recipe as recipes
from cvapp import runs, shipped
from cvapp.card import GENERATE
from cvapp.cli.answer import Answer, new_model_folder
from cvapp.cli.outputs import check_replaced_folder
from cvapp.cli.trained import trained
from cvapp.data import split_settings
from cvapp.data.formats import is_boxed
from cvapp.data.signs import write_close_ups
from cvapp.data.store import ROOT
from cvapp.errors import CvappError, Exit, missing_extra
from cvapp.files import make_once
from cvapp.progress import Terminal
from cvapp.recipe import Recipe
from cvapp.runs import Start

WANTED = {
    "classify": "a folder for each class",
    "backbone": "photos",
    "detect": "photos and their boxes (Pascal VOC, COCO or YOLO)",
    "generate": "photos, in class folders or not",
}
OF_SIGNS = ("generate.conditional=True",)  # how those are learnt, where nothing else is asked for
SIGNS, EACH = ROOT / "signs", 600  # what a generator learns from where no photos are named, and pictures of each sign


def train(args: argparse.Namespace) -> Answer:
    """Train a model by a pipeline's recipe."""
    recipe = shipped.load_pipeline(args.pipeline)
    asked = [*(OF_SIGNS if recipe.task == GENERATE and args.data is None else ()), *args.set]
    recipe = recipes.override(recipe, asked)
    shorts = {"train.epochs": args.epochs, "train.batch": args.batch, "seed": args.seed}
    named = any(setting.partition("=")[0].strip() == "train.fine_tune_epochs" for setting in args.set)
    if args.epochs is not None and recipe.train.fine_tune != "none" and not named:
        shorts["train.fine_tune_epochs"] = min(args.epochs, recipe.train.fine_tune_epochs)
    recipe = recipes.override(recipe, [f"{name}={value}" for name, value in shorts.items() if value is not None])
    _check_words(args, recipe)
    name = args.name if args.name is not None else (Path(args.data).resolve().stem if args.data else Path(args.pipeline).stem)
    folder = new_model_folder(name)
    if args.data is not None and not Path(args.data).exists():
        raise CvappError(f"--data {args.data}: no such folder or file; give a folder with {WANTED[recipe.task]}", Exit.BAD_DATA)
    if args.data is not None and recipe.task == "classify" and is_boxed(args.data):
        raise CvappError(
            f"--data {args.data}: photos with boxes, {args.pipeline} wants a folder for each class; "
            f"try cvapp train window_detector --data {shlex.quote(args.data)}"
        )
    check_replaced_folder("--name", folder, [args.data, recipe.model.handle, args.pipeline])
    with runs.begin(folder, Start(args.start)):
        if (folder / cards.FILE).is_file():
            _check_kind(folder, recipe, args.pipeline)
            Terminal()(f"{folder} is there already; it is replaced once the new one is whole")
        try:
            made = _train(recipe, args, folder)
        except ModuleNotFoundError as error:
            raise missing_extra(error.name or "tensorflow", "train") from error
    return Answer(
        {"name": name, "folder": str(folder), "task": made.task, "labels": list(made.labels), "metrics": dict(made.metrics)},
        trained(made, folder, args.data or ""),
    )


def _check_words(args: argparse.Namespace, recipe: Recipe) -> None:
    """Refuse what does not go together (exit 2)."""
    if recipe.data.generated is None and args.data is None and recipe.task != GENERATE:
        raise CvappError(
            f"no photos: give --data DIR with {WANTED[recipe.task]}; cvapp data collect takes photos, cvapp data signs draws some"
        )
    if recipe.data.generated is not None and args.data is not None:
        raise CvappError(f"--data {args.data}: {args.pipeline} draws its own photos; leave --data out")
    if args.strict and recipe.task != GENERATE:
        raise CvappError(f"--strict ends a generator's run that collapses; {args.pipeline} makes a {recipe.task} model: leave it out")


def _check_kind(folder: Path, recipe: Recipe, pipeline: str) -> None:
    """Refuse to put a model in the place of one of another task, which a forgotten pipeline's name would do (exit 2)."""
    try:
        there = cards.read(folder).task
    except CvappError:  # what cannot be read may be replaced
        return
    if there != recipe.task:
        raise CvappError(
            f"{folder} is a {there} model, {pipeline} makes a {recipe.task} model: give another --name, or remove the old one first"
        )


def _check_shares(recipe: Recipe, args: argparse.Namespace, source: str | Path | None) -> None:
    """Refuse shares of the split that `--set` names and that would change nothing (exit 2)."""
    named = {setting.partition("=")[0].strip() for setting in args.set}
    asked = [part for part in split_settings.SHARES if f"data.{part}" in named]
    if asked and source is not None:
        split_settings.check(source, recipe, asked, Terminal())
    elif asked:
        raise CvappError(f"--set data.{asked[0]}: {args.pipeline} draws its own photos, for every part anew; leave it out")


def _train(recipe: Recipe, args: argparse.Namespace, folder: Path) -> cards.Card:
    """Train by the recipe's task."""
    source = args.data or _signs() if recipe.task == GENERATE else args.data
    _check_shares(recipe, args, source)
    if recipe.task == "backbone":
        from cvapp.training import backbone

        return backbone.train(recipe, folder, Terminal(), Start(args.start))
    if recipe.task == "detect":
        from cvapp.training import detect

        return detect.train(recipe, source, folder, Terminal(), Start(args.start))
    if recipe.task == cards.TRANSCRIBE:
        from cvapp.training import transcribe

        return transcribe.train(recipe, folder, Terminal(), Start(args.start))
    if recipe.task == GENERATE:
        from cvapp.training import generate

        return generate.train(recipe, source, folder, Terminal(), Start(args.start), args.strict)
    from cvapp.training import classify

    return classify.train(recipe, source, folder, Terminal(), Start(args.start))


def _signs() -> Path:
    """The folder of drawn signs, which are drawn where they are not there yet."""
    if SIGNS.is_dir():
        Terminal()(f"no --data: the drawn signs in {SIGNS} are learnt, each by its name")
    else:
        Terminal()(f"no --data: the printable signs are learnt, each by its name, {EACH} of each, drawn into {SIGNS}")
        make_once(SIGNS, lambda work: write_close_ups(work, EACH, 0, Terminal()))
    return SIGNS
