"""`cvapp isp`: develop a camera's raw file, or try steps on a picture."""

import argparse
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from cvapp import images
from cvapp.cli import outputs
from cvapp.cli.answer import Answer
from cvapp.errors import CvappError
from cvapp.isp import Look, gains_of, layout_of, parse, patch_gains, read_raw, render
from cvapp.progress import Terminal


def isp(args: argparse.Namespace) -> Answer:
    """Develop a raw file or a mosaic, or take a picture as it is; then do the steps, and write it."""
    path = Path(args.file)
    change = parse(args.steps, memory=0) if args.steps else None
    done = path.suffix.lower() in images.SUFFIXES | images.HEIC_SUFFIXES
    out = Path(args.out) if args.out else path.with_name(f"{path.stem}-steps.png" if done else f"{path.stem}.png")
    replaces = out.exists()
    outputs.check([outputs.Output("--out", "" if args.out == "" else out, images.WRITTEN)], [path])
    if replaces and not args.out:
        raise CvappError(f"{out} is there already; give --out {shlex.quote(str(out))} to replace it, or another name")
    rgb, told = _picture(args) if done else _developed(args)
    if change is not None:
        rgb, told = change(rgb), {**told, "steps": args.steps}
    images.write(out, rgb)
    values = {"file": str(path), "out": str(out), "replaced": replaces, "size": list(rgb.shape[:2]), **told}
    words = "".join(f", {name.replace('_', ' ')} {_word(value)}" for name, value in told.items())
    return Answer(values, f"{path}: {rgb.shape[1]}x{rgb.shape[0]} pixels{words}; {'replaced' if replaces else 'wrote'} {out}")


def _word(value: Any) -> str:
    return " ".join(f"{number:.3f}" for number in value) if isinstance(value, list) else str(value)


def _picture(args: argparse.Namespace) -> tuple[np.ndarray, dict[str, Any]]:
    """A picture that was developed already: nothing is done to it here."""
    given = [name for name in ("pattern", "raw", "white", "method", "balance", "patch", "exposure") if getattr(args, name) is not None]
    if given or not args.steps:
        what = f"--{given[0]} is for raw files" if given else "it was developed already"
        raise CvappError(f"{args.file} is a picture: {what}; give --steps alone, for example --steps grey-world,gamma=1.2")
    return images.read(args.file), {}


def _developed(args: argparse.Namespace) -> tuple[np.ndarray, dict[str, Any]]:
    """A raw file developed, and what was done."""
    if args.patch and args.balance:
        raise CvappError("--patch and --balance: give one of them; a patch is a white balance")
    raw = read_raw(args.file, args.pattern, args.white, layout_of(args.raw) if args.raw is not None else None)
    for note in raw.notes:
        Terminal()(f"{args.file}: {note}")
    balance = "patch" if args.patch else args.balance or "camera"
    gains = patch_gains(raw, _box(args.patch)) if args.patch else gains_of(raw, balance)
    if balance == "camera" and raw.multipliers is None:
        balance = "grey-world"  # what gains_of falls back on
    multipliers = [float(gain) for gain in gains]
    look = Look(multipliers, args.method or "edge-aware", stops=args.exposure)
    told = {
        "pattern": raw.pattern,
        "white_balance": balance,
        "multipliers": multipliers,
        "demosaic": look.method,
        "exposure": "automatic" if args.exposure is None else args.exposure,
    }
    return render(raw, look), told


def _box(text: str) -> list[int]:
    try:
        left, top, right, bottom = (int(word) for word in text.split(","))
    except ValueError as error:
        raise CvappError(f"--patch {text}: give left,top,right,bottom in pixels of the developed picture") from error
    return [left, top, right, bottom]
