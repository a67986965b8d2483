"""`cvapp sample`: pictures of a generator, as a grid, as files, or as a video from one seed to another."""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvapp import card as cards
from cvapp import images, sampling
from cvapp.bundle import TOGETHER, Bundle, latent_of
from cvapp.camera.finishing import CODECS
from cvapp.camera.recorder import record
from cvapp.cli.answer import Answer, model_folder
from cvapp.cli.outputs import Output, check, model_files
from cvapp.cli.running import open_bundle
from cvapp.errors import CvappError
from cvapp.progress import Report, Terminal, each, silent

FPS, SECONDS = 25, 6.0  # of a video; how long one takes where nobody says
BRIEFEST, LONGEST = 0.2, 60.0  # seconds that one may take
SHOWN, MOVING = 10_000, 1024  # pictures that a grid holds at most, and one that moves
TAKEN = set('/\\:*?"<>|')  # characters that no file name can bear everywhere


@dataclass(frozen=True)
class _Made:
    """Files that were written: their names, how many of them were there before, and what is said of them."""

    files: list[str]
    replaced: int
    told: str


def sample(args: argparse.Namespace) -> Answer:
    """Make pictures, and write them as it was asked."""
    folder = model_folder(args.name)
    card = cards.read(folder)
    noise = sampling.noise(args.count, latent_of(card)[0], args.seed)
    grid = args.grid or (None if args.out or args.video else f"{folder.name}.png")
    if args.label is not None:
        sampling.place_of(args.label, card.labels if latent_of(card)[1] else (), card.name)  # before anything heavy is loaded
    _check(args, grid)
    labels = _labels(card, args.count, args.label)
    files = _paths(Path(args.out), args.count, labels) if args.out else []
    wanted = [Output("--grid", grid, images.WRITTEN), Output("--video", args.video, CODECS), Output("--out", args.out, files=files)]
    check(wanted, model_files(folder))
    bundle, report = open_bundle(args), Terminal()
    asked = bundle.ask(noise, args.label)
    pictures = _make(bundle, asked, report)
    columns = _columns(args.count, len(card.labels)) if labels and args.label is None else None
    made = [_write_grid(Path(grid), pictures, columns)] if grid else []
    made += [_write_each(Path(args.out), pictures, files)] if args.out else []
    made += [_write_video(args, bundle, noise, columns, report)] if args.video else []
    values = {
        "model": args.name,
        "variant": bundle.variant,
        "count": args.count,
        "seed": args.seed,
        "size": list(pictures.shape[1:3]),
        "labels": labels,
        "mean_pixel": round(float(pictures.mean()), 4),
        "files": [file for one in made for file in one.files],
        "replaced": sum(one.replaced for one in made),
    }
    return Answer(values, "\n".join(one.told for one in made))


def _check(args: argparse.Namespace, grid: str | None) -> None:
    """Refuse what does not go together before anything is made."""
    for option, value in (("--to", args.to), ("--seconds", args.seconds)):
        if value is not None and not args.video:
            raise CvappError(f"{option} {value:g} is of a video: say where to write it with --video OUT.mp4")
    if args.to is not None and args.to < 0:
        raise CvappError(f"--to {args.to}: give a seed, a whole number from 0")
    if args.seconds is not None and not BRIEFEST <= args.seconds <= LONGEST:
        raise CvappError(f"--seconds {args.seconds:g}: give {BRIEFEST:g} to {LONGEST:g}")
    for option, most in (("--video", MOVING if args.video else None), ("--grid", SHOWN if grid else None)):
        if most is not None and args.count > most:
            raise CvappError(f"--count {args.count}: {option} shows at most {most}; --out DIR writes each in a file of its own")


def _make(bundle: Bundle, asked: np.ndarray, report: Report) -> np.ndarray:
    """The pictures, uint8 RGB (N, H, W, 3); where there are many, how far it is is told."""
    parts = [asked[start : start + TOGETHER] for start in range(0, len(asked), TOGETHER)]
    return np.concatenate([bundle.make(part) for part in each(parts, "making pictures", report if len(parts) > 1 else silent)])


def _labels(card: cards.Card, count: int, label: str | None) -> list[str]:
    """The class of each picture; none where no class can be asked for."""
    return [label or card.labels[place % len(card.labels)] for place in range(count)] if latent_of(card)[1] else []


def _columns(count: int, classes: int) -> int | None:
    """Columns of a nearly square grid, with few places empty, in which each class has columns of its own; None where there is none."""
    found = [columns for columns in range(classes, count + 1, classes) if count / 2 <= columns**2 <= 3 * count]
    return min(found, key=lambda columns: -count % columns + abs(columns - math.ceil(count / columns)), default=None)


def _write_grid(path: Path, pictures: np.ndarray, columns: int | None) -> _Made:
    there = path.exists()
    picture = sampling.grid(pictures, columns)
    images.write(path, picture)
    told = f"{_verb(there)} {path}: {_many(len(pictures))} in a grid of {picture.shape[1]}x{picture.shape[0]} pixels"
    return _Made([str(path)], int(there), told)


def _paths(folder: Path, count: int, labels: list[str]) -> list[Path]:
    """A file for each picture: 0001.png and so on, the class behind the number where there is one."""
    words = ["-" + "".join("_" if mark in TAKEN else mark for mark in label) for label in labels] or [""] * count
    return [folder / f"{number:04}{word}.png" for number, word in enumerate(words, 1)]


def _write_each(folder: Path, pictures: np.ndarray, paths: list[Path]) -> _Made:
    replaced = sum(path.exists() for path in paths)
    for path, picture in zip(paths, pictures):
        images.write(path, picture)
    told = f"wrote {_many(len(paths))} below {folder}: {paths[0].name}{f' to {paths[-1].name}' if paths[1:] else ''}"
    return _Made(list(map(str, paths)), replaced, told + (f"; {replaced} replaced" if replaced else ""))


def _write_video(args: argparse.Namespace, bundle: Bundle, noise: np.ndarray, columns: int | None, report: Report) -> _Made:
    """The grid of one seed on its way to that of another, and back; a player that repeats it shows no jump."""
    to = args.seed + 1 if args.to is None else args.to
    frames = round(FPS * (args.seconds or SECONDS))
    way = sampling.walk(noise, sampling.noise(len(noise), noise.shape[1], to), frames)
    with record(args.video, FPS, report) as recorder:
        for step in each(list(way), f"from seed {args.seed} to seed {to} and back", report):
            picture = sampling.grid(bundle.make(bundle.ask(step, args.label)), columns)
            height, width = picture.shape[:2]  # most codecs want even sides
            recorder.write(np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge"))
    told = f"{_verb(recorder.replaced)} {args.video}: {recorder.count} frames, {frames / FPS:.1f} s, from seed {args.seed} to seed {to} and back"
    return _Made([args.video], int(recorder.replaced), told)


def _verb(replaced: bool) -> str:
    return "replaced" if replaced else "wrote"


def _many(count: int) -> str:
    return f"{count} pictures" if count > 1 else "1 picture"
