"""What the phone page is told of a model, and the files of it that it fetches; each is checked against its hash before."""

import hashlib
import json
from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np
import shlex

from cvapp import card as cards
from cvapp.bundle import checked_file, latent_of, read_export, variant_file
from cvapp.card import GENERATE, UNKNOWN, Card
from cvapp.errors import CvappError, Exit
from cvapp.phone.served import TYPES, Served
from cvapp.proof import golden
from cvapp.tflite import output_step
from cvapp.windows.decode import MOST, SHOWN, places
from cvapp.windows.merging import LINKED
from cvapp.windows.scan import BOX, lay_out

TOLD = "/model.json"


def model_files(folder: Path, variant: str | None = None) -> dict[str, Served]:
    """The files of an exported model by their address: `model.json`, each published .tflite, and the golden samples.

    Args:
        folder: `saved_models/NAME`.
        variant: that the page starts with; the one in use when left out.

    Raises:
        CvappError: not exported, a transcriber, or no such variant (exit 2); a file is missing or altered (exit 3).
    """
    card = cards.read(folder)
    cards.refuse_transcriber(card)
    export = read_export(folder, card)
    if export is None:
        raise CvappError(f"{folder} was not exported, so there is nothing for a phone; run cvapp export {shlex.quote(str(folder))}")
    chosen = variant or export["chosen"]
    variant_file(folder, export, chosen)  # that it is published, in a word
    variants = {}
    files = {}
    for name, row in export["variants"].items():
        if row["published"]:
            path = variant_file(folder, export, name)
            files[f"/model/{row['sha256']}.tflite"] = Served(path.read_bytes(), TYPES[".tflite"], lasting=True)
            variants[name] = _variant(name, row, path)
    samples, data = _golden(checked_file(folder, golden.FILE, export["files"].get(golden.FILE)), list(variants))
    address = f"/model/{hashlib.sha256(data).hexdigest()}.bin"
    files[address] = Served(data, TYPES[".bin"], lasting=True)
    told = {**_of_card(card), "chosen": chosen, "variants": variants, "golden": {"file": address, **samples}}
    files[TOLD] = Served(json.dumps(told, ensure_ascii=False).encode(), TYPES[".json"])
    return files


def _of_card(card: Card) -> dict[str, Any]:
    """What the page needs of the card; sizes are (height, width)."""
    told: dict[str, Any] = {
        "name": card.name,
        "task": card.task,
        "labels": card.labels,
        "unknown": UNKNOWN,
        "nothing": [place for place, label in enumerate(card.labels) if label in cards.NOTHING],
        "threshold": card.threshold,
        "images": {"size": card.images.size, "fit": card.images.fit, "resize": card.images.resize},
    }
    if card.task == GENERATE:
        told["latent"], told["classes"] = latent_of(card)
    if card.scan is not None:
        told["detector"] = _detector(card)
    return told


def _detector(card: Card) -> dict[str, Any]:
    """How a frame is painted on a canvas, and what the cells of the answer mean: the Scan, laid out."""
    assert card.scan is not None and card.images.size is not None
    scan, margin = card.scan, card.scan.margin
    tiles, size = lay_out(scan, card.images.size)
    rows = []
    for tile in tiles:
        (row, column), windows = places(scan, tile)
        rows.append(
            {
                "place": (tile.top + margin, tile.left + margin),
                "size": (tile.size[0] - 2 * margin, tile.size[1] - 2 * margin),
                "scale": tile.scale,
                "cell": (row, column),
                "cells": windows.shape[:2],
            }
        )
    return {
        "canvas": size,
        "tiles": rows,
        "window": scan.windows.size,
        "stride": scan.windows.stride,
        "offset": scan.windows.offset,
        "refined": scan.refined,
        "fill": scan.fill,
        "points": scan.points,
        "first_class": BOX if scan.refined else 0,
        "nothing": card.nothing,
        "overlap": card.recipe.detect.overlap,
        "linked": LINKED,
        "most": MOST,
        "shown": SHOWN,
    }


def _variant(name: str, row: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """One .tflite: where it is, what its bytes mean, how near its golden answers must be, and the figures it was proven with."""
    scale, zero = output_step(path)
    figures = {figure: row[figure] for figure in ("accuracy", "map50", "psnr", "agreement") if row.get(figure)}
    return {
        "file": f"/model/{row['sha256']}.tflite",
        "sha256": row["sha256"],
        "bytes": path.stat().st_size,
        "scale": scale,
        "zero": zero,
        "tolerance": golden.TOLERANCES[name],
        "figures": figures,
    }


def _golden(path: Path, variants: Sequence[str]) -> tuple[dict[str, Any], bytes]:
    """The golden samples as one run of bytes, and where in it what lies: what was given, then each variant's answers in float32."""
    given, answers = golden.read(path)
    offsets, data = {}, bytearray(given.tobytes())
    data += bytes(-len(data) % 4)
    for name in variants:
        if name not in answers:
            raise CvappError(f"{path}: holds no answers of {name}; export the model again", Exit.BAD_DATA)
        offsets[name] = len(data)
        data += answers[name].astype("<f4").tobytes()
    shape = answers[variants[0]].shape
    told = {"count": len(given), "given": given.shape, "noise": given.dtype == np.float32, "shape": shape, "answers": offsets}
    return {**told, "factor": golden.MAPS if len(shape) == 4 else 1}, bytes(data)
