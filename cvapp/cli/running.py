"""`cvapp predict|camera`: a model at work, without TensorFlow where it was exported."""

import argparse
import csv
import dataclasses
import io
import os
from pathlib import Path
from typing import Any, Callable

import numpy as np
import shlex

from cvapp import card as cards
from cvapp import images, lettering, picture_files
from cvapp.bundle import Bundle, read_export
from cvapp.card import TRANSCRIBE
from cvapp.camera import live
from cvapp.camera.finishing import CODECS
from cvapp.camera.log import SUFFIXES
from cvapp.camera.sources import Settings, cameras
from cvapp.camera.sources.files import files_of
from cvapp.camera.display import has_display
from cvapp.cli.answer import Answer, model_folder, size_of, table
from cvapp.cli.looking import Looking
from cvapp.cli.outputs import Output, model_files
from cvapp.cli.outputs import check as check_outputs
from cvapp.cli.seeing import seeing_of
from cvapp.errors import CvappError, Exit
from cvapp.files import no_file, write_text
from cvapp.loading import KERAS, load
from cvapp.progress import Terminal


def open_bundle(args: argparse.Namespace) -> Bundle:
    """The model that a command names, as --variant and --threads want it; that Keras runs one that was not exported is told."""
    if args.threads < 1:
        raise CvappError(f"--threads {args.threads}: give at least 1")
    bundle = load(model_folder(args.name), args.variant, args.threads)
    if bundle.variant == KERAS and args.variant is None:
        exported = f"was not exported, so Keras runs it, slowly; cvapp export {shlex.quote(args.name)} makes the .tflite"
        Terminal()(f"{args.name} {'is a transcriber: Keras runs it, slowly' if bundle.card.task == TRANSCRIBE else exported}")
    return bundle


def _open(args: argparse.Namespace) -> Bundle:
    cards.refuse_generator(cards.read(model_folder(args.name)))
    return open_bundle(args)


def _photos(paths: list[str]) -> tuple[list[Path], dict[str, str]]:
    """The files named and all pictures below the folders named; and a line for each that cannot be opened."""
    found: list[Path] = []
    wrong: dict[str, str] = {}
    for path in map(Path, paths):
        if os.path.isdir(path):
            inside = picture_files.pictures(path)
            if not inside.usable and not inside.unusable:
                raise CvappError(f"{path}: no pictures below this folder; give photos or a folder of them", Exit.BAD_DATA)
            found += inside.usable
            wrong |= {str(file): f"{file}: {reason}" for file, reason in inside.unusable.items()}
        else:
            found.append(path)
    return found, wrong


def _picture(path: Path, bits: int | None) -> tuple[np.ndarray, tuple[int, int]]:
    """A photo and its own size; a camera's raw file is not developed by the way, for how decides what a model sees."""
    if path.suffix.lower() in images.RAW_SUFFIXES and not no_file(path):
        out = path.with_suffix(".png")
        command = shlex.join(["cvapp", "isp", str(path), "--out", str(out)])
        raise CvappError(f"{path}: a camera's raw file; develop it first: {command}, then give {out}", Exit.BAD_DATA)
    return images.decode_sized(images.read_bytes(path), path, bits)


def _tell_undrawn(bundle: Bundle) -> None:
    """Say which labels the pictures show as numbers, where this device cannot draw them."""
    line = lettering.legend(lettering.stand_ins(bundle.card.labels))
    if line is not None:
        Terminal()(line)


def predict(args: argparse.Namespace) -> Answer:
    """Name what photos show, or box it; exit 3 where one could not be read, after all the others were answered."""
    files, errors = _photos(args.paths)
    drawn = _drawings(args.draw, files) if args.draw is not None else {}
    wanted = [Output("--csv", args.csv, (".csv",)), Output("--draw", args.draw, files=drawn.values())]
    check_outputs(wanted, [*files, *model_files(model_folder(args.name))])
    bundle = _open(args)
    seeing = seeing_of(bundle, args)
    if args.attention:
        seeing = Looking(bundle, args).beside(seeing)
        if not args.draw:
            raise CvappError("--attention is drawn on the photos: say where to write them with --draw DIR")
    if args.draw:
        _tell_undrawn(bundle)
    answers = {}
    for file in files:
        try:
            picture, size = _picture(file, bundle.card.images.bits)
            found = seeing.answer(bundle, seeing.prepare(picture))
            answers[str(file)] = seeing.enlarge(found, picture.shape, size)
            if args.draw:
                images.write(drawn[file], seeing.kind.draw(picture, found, "", None, False))
        except CvappError as error:
            if error.code != Exit.BAD_DATA:
                raise
            errors[str(file)] = str(error)
    rows = [(file, *row) for file, found in answers.items() for row in seeing.rows(found)]
    head = ("file", *seeing.head)
    if args.csv:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([head, *rows])
        write_text(args.csv, text.getvalue())
    for line in errors.values():
        Terminal()(f"cvapp: {line}")
    values: dict[str, Any] = {
        "model": args.name,
        "variant": bundle.variant,
        "errors": errors,
        "threshold": bundle.card.threshold,
        "answers": {file: seeing.kind.say(found) for file, found in answers.items()},
        "photos": {file: seeing.values(found) for file, found in answers.items()},
    }
    return Answer(values, table(head, rows), Exit.BAD_DATA if errors else Exit.DONE)


def _drawings(folder: str, files: list[Path]) -> dict[Path, Path]:
    """Where each photo is written with its answer drawn: by its own name; all are numbered where several photos have one."""
    files = list(dict.fromkeys(files))
    alike = len({file.stem.lower() for file in files}) < len(files)
    return {file: Path(folder) / f"{file.stem}{f'-{number}' if alike else ''}.jpg" for number, file in enumerate(files, 1)}


def camera(args: argparse.Namespace) -> Answer:
    """Run a model live."""
    if args.list:
        found = cameras()
        return Answer({"cameras": found}, "\n".join(found) or "no camera was found")
    if args.name is None:
        raise CvappError("which model? cvapp camera NAME --source 0; cvapp list shows the saved ones")
    if args.frames is not None and args.frames < 1:
        raise CvappError(f"--frames {args.frames}: give at least 1")
    if args.json and args.log == "-":
        raise CvappError("--json and --log - both write to standard output; give --log FILE.jsonl")
    wanted = [Output("--save", args.save, CODECS), Output("--snapshots", args.snapshots)]
    wanted += [Output("--log", args.log, SUFFIXES, stream=True)] if args.log != "-" else []
    check_outputs(wanted, [*files_of(args.source), *model_files(model_folder(args.name))])
    terminal = Terminal()
    bundle = _open(args)
    show = not args.no_show and has_display()
    if not show and not args.no_show:
        terminal("no display here, so no window is opened" + ("" if args.save else "; --save OUT.mp4 keeps the picture"))
    if show or args.save or args.snapshots:
        _tell_undrawn(bundle)
    variants, looking = _Variants(args, bundle), Looking(bundle, args)
    seeing = looking.beside(seeing_of(bundle, args))
    options = live.Options(
        show=show,
        save=args.save,
        log=args.log,
        snapshots=Path(args.snapshots or "snapshots"),
        frames=args.frames,
        mirror=args.mirror,
        smooth=args.smooth,
        settings=_settings(args, bundle.card.images.bits),
        steps=_steps(args.isp),
        seen=lambda shape: images.window(shape, bundle.card.images),
        prepare=seeing.prepare,
        kind=seeing.kind,
        next_variant=variants.next if variants.others() else None,
        attention=looking.switch,
    )
    error: live.Stopped | None = None
    try:
        done = live.run(args.source, lambda value: seeing.answer(variants.bundle, value), options, report=terminal)
    except live.Stopped as stopped:
        done, error = stopped.summary, stopped
    values = {"model": args.name, "variant": variants.bundle.variant, **dataclasses.asdict(done), "error": str(error) if error else None}
    return Answer(values, "" if args.log == "-" else _summary(done, variants.used), error=error)


def _summary(done: live.Summary, variants: list[str]) -> str:
    """What a live run did, for a person."""
    rows = [(label, count) for label, count in done.labels.items()]
    age, oldest = done.age_milliseconds
    lines = [
        table(("answer", "frames"), rows),
        f"{done.frames} frames in {done.seconds:.1f} s: {done.frames_per_second:.1f} a second, {done.answer_milliseconds:.1f} ms an answer"
        f" by {', then '.join(variants)}",
        f"a frame was {age:.0f} ms old when it was answered, {oldest:.0f} at most; {done.dropped} were dropped",
    ]
    lines += [f"saved {done.saved}" + (", replaced" if done.replaced else "")] if done.saved else []
    return "\n".join(lines)


class _Variants:
    """The model's variants, of which one answers; the others are opened when the person asks for them."""

    def __init__(self, args: argparse.Namespace, bundle: Bundle):
        self.bundle, self.used = bundle, [bundle.variant]
        self._folder, self._threads = model_folder(args.name), args.threads
        export = read_export(self._folder, bundle.card)
        self._names = [name for name, row in export["variants"].items() if row["published"]] if export else []

    def others(self) -> bool:
        """Whether there is another variant."""
        return any(name != self.bundle.variant for name in self._names)

    def next(self) -> str:
        """Put the next variant to work; its name."""
        place = self._names.index(self.bundle.variant) + 1 if self.bundle.variant in self._names else 0
        self.bundle = load(self._folder, self._names[place % len(self._names)], self._threads)
        self.used.append(self.bundle.variant)
        return self.bundle.variant


def _settings(args: argparse.Namespace, bits: int | None) -> Settings:
    """How the source is to be opened; `bits` as the model's card says."""
    size = size_of("--size", args.size) if args.size is not None else None
    return Settings(backend=args.backend, size=size, fps=args.fps, realtime=args.realtime, bits=bits)


def _steps(text: str | None) -> Callable[[np.ndarray], np.ndarray] | None:
    """The steps of a camera's pipeline that are done to every picture."""
    if text is None:
        return None
    from cvapp import isp

    return isp.parse(text)
