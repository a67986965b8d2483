"""Whether an exported model is what it was and says what it said: its files, what they say of themselves, its answers to the golden samples."""

from pathlib import Path
from typing import Any, Mapping

import numpy as np
import shlex

from cvapp import card as cards
from cvapp.bundle import ATTENTION, EXPORT, LITE, read_export
from cvapp.card import GENERATE, Card
from cvapp.errors import CvappError, Exit
from cvapp.files import sha256
from cvapp.progress import Report, each, silent
from cvapp.proof import apart, golden, metadata


def verify(folder: Path, report: Report = silent) -> dict[str, Any]:
    """Check an exported model.

    Args:
        folder: `saved_models/NAME`, or what was handed over, unpacked.
        report: told of every step.

    Returns:
        `photos` (how many golden samples), `variants` (of each, the largest difference of a probability, and `reasons`), `attention` (the same
        of the file that shows where a vision transformer looks, where there is one), `reasons` (all of them; nothing where all is well).

    Raises:
        CvappError: no such model, or it was not exported (exit 2); the card, `export.json` or the golden samples cannot be read (exit 5).
    """
    if (folder / cards.FILE).is_file() and not (folder / LITE / EXPORT).is_file():
        raise CvappError(f"{folder} was not exported, so there is nothing to verify; run cvapp export {shlex.quote(folder.name)}")
    try:
        card = cards.read(folder)
        export = read_export(folder, card)
        assert export is not None  # its file is there
        if not (folder / LITE / golden.FILE).is_file():
            raise CvappError(f"{folder / LITE / golden.FILE}: missing; copy the model or export it again", Exit.GATE)
        pixels, expected = golden.read(folder / LITE / golden.FILE)
    except CvappError as error:
        raise CvappError(str(error), Exit.GATE if error.code == Exit.BAD_DATA else error.code) from error
    reasons = _altered(folder, card.files, absent_is_fine=True) + _altered(folder / LITE, export["files"])
    rows = {}
    published = {name: row for name, row in export["variants"].items() if row["published"]}
    looks = {ATTENTION: export[ATTENTION]} if ATTENTION in export else {}
    told = f"replaying the golden {'samples' if card.task == GENERATE else 'photos'}"
    for name, row in each(list({**published, **looks}.items()), told, report):
        rows[name] = _file(folder, card, name, row, expected)
        reasons += [f"lite/{name}.tflite: {reason}" for reason in rows[name]["reasons"]]
    found = {name: rows.pop(name) for name in looks}
    return {"name": card.name, "photos": len(pixels), "variants": rows, **found, "reasons": reasons}


def _altered(folder: Path, hashes: Mapping[str, str], absent_is_fine: bool = False) -> list[str]:
    """The files that are not what they were."""
    reasons = []
    for name, wanted in hashes.items():
        path = folder / name
        if not path.is_file():
            reasons += [] if absent_is_fine else [f"{path}: missing"]
        elif sha256(path) != wanted:
            reasons.append(f"{path}: altered since it was saved")
    return reasons


def _file(folder: Path, card: Card, name: str, row: Mapping[str, Any], expected: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """How one .tflite does; its reasons name the first thing that is wrong. That of attention, no classifier, says nothing of itself."""
    path = folder / LITE / f"{name}.tflite"
    if not path.is_file():
        return {"reasons": ["missing"]}
    if sha256(path) != row["sha256"]:
        return {"reasons": ["altered since it was exported"]}
    try:
        wrong = [] if name == ATTENTION else _foreign(metadata.read(path.read_bytes(), path.name), card)
        found = apart.answers(path, folder / LITE / golden.FILE)
    except CvappError as error:
        return {"reasons": [str(error)]}
    if name not in expected:
        return {"reasons": [f"{golden.FILE} holds no answers of it"]}
    differences = golden.differ(name, found, expected[name])
    comparable = found.shape == expected[name].shape and np.isfinite(found).all()
    off = {"largest_difference": float(np.abs(found - expected[name]).max())} if comparable else {}
    return {**off, "reasons": wrong + differences}


def _foreign(said: metadata.Metadata, card: Card) -> list[str]:
    """What a file says of itself that the card does not."""
    pairs = {
        "name": (said.name, card.name),
        "labels": (said.labels, card.labels),
        "makes pictures": (said.makes, card.task == GENERATE),
        "threshold": (said.threshold, float(np.float32(card.threshold))),
        "mean": (said.mean, 0.0),
        "deviation": (said.deviation, 1.0),
        "colour space": (said.color_space, said.color_space if said.makes else "RGB"),
    }
    return [f"its metadata say {name} {mine!r}, the card {theirs!r}" for name, (mine, theirs) in pairs.items() if mine != theirs]
