"""What is handed over of an exported model: one zip with the model, its proof, and code that uses it; made without TensorFlow."""

import json
import os
import shlex
import textwrap
import zipfile
from pathlib import Path
from typing import Any, Mapping

from cvapp import card as cards
from cvapp.bundle import ATTENTION, EXPORT, LABELS, LITE, checked_file, open_lite, read_export
from cvapp.card import GENERATE, NOTHING, Card
from cvapp.errors import CvappError
from cvapp.export import boxed_snippet, generated_snippet, snippets
from cvapp.files import check_suffix, replacing
from cvapp.proof import golden

README = "README.md"
SUFFIXES = (".zip",)
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold: the same model gives the same bytes
_FITS = {
    "crop": "the middle of the photo, as large as it can be in the shape of {size}, is resized to {size}",
    "letterbox": "the whole photo is resized until it just fits into {size}, and lies in the middle of black",
    "stretch": "the whole photo is resized to {size}, whatever its shape",
}
_RESIZES = {"area": "by averaging (linearly where a side grows)", "linear": "linearly"}


def hand_over(folder: Path, out: Path, variant: str | None = None) -> dict[str, Any]:
    """Pack what another machine needs of an exported model into one zip; written whole or not at all.

    Unpacked, its one folder is a saved model itself: `cvapp predict` and `cvapp verify` take it.

    Args:
        folder: `saved_models/NAME`, exported.
        out: the zip.
        variant: which .tflite; the one in use when left out.

    Returns:
        `zip`, `variant`, `bytes` of the zip, and `files` in it.

    Raises:
        CvappError: `out` is no .zip, no such model or variant, or not exported (exit 2); a file is missing or altered (exit 3); `out` cannot
            be written (exit 7).
    """
    check_suffix(out, SUFFIXES)
    bundle = open_lite(folder, variant)
    if bundle is None:
        raise CvappError(f"{folder} was not exported, so there is nothing to hand over; run cvapp export {shlex.quote(folder.name)}")
    top = os.path.basename(os.path.abspath(folder))
    files = {f"{top}/{name}": data for name, data in _files(folder, bundle.card, bundle.variant, top).items()}
    with replacing(out) as neighbour:
        _pack(neighbour, files)
    return {"zip": str(out), "variant": bundle.variant, "bytes": out.stat().st_size, "files": list(files)}


def _files(folder: Path, card: Card, variant: str, top: str) -> dict[str, bytes]:
    """What is packed, by its path in the unpacked folder; the card and the golden samples as they are, since `export.json` has their hashes."""
    export = read_export(folder, card)
    assert export is not None  # it was opened
    kept_files = {name: checked_file(folder, name, export["files"].get(name)).read_bytes() for name in (LABELS, golden.FILE)}
    row = export["variants"][variant]
    kept = {**export, "chosen": variant, "variants": {variant: row}}
    model = (folder / LITE / f"{variant}.tflite").read_bytes()
    looks = (
        {f"{LITE}/{ATTENTION}.tflite": checked_file(folder, f"{ATTENTION}.tflite", export[ATTENTION]["sha256"]).read_bytes()}
        if ATTENTION in export
        else {}
    )
    return {
        README: readme(card, kept, len(model), top).encode(),
        cards.FILE: (folder / cards.FILE).read_bytes(),
        f"{LITE}/{variant}.tflite": model,
        **looks,
        **{f"{LITE}/{name}": data for name, data in kept_files.items()},
        f"{LITE}/{EXPORT}": (json.dumps(kept, indent=2, ensure_ascii=False) + "\n").encode(),
    }


def _pack(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a zip with nothing of this machine in it."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)


def readme(card: Card, export: Mapping[str, Any], size: int, top: str) -> str:
    """The README of the unpacked folder, in Markdown.

    Args:
        card: of the model.
        export: what its `export.json` holds.
        size: of the .tflite, in bytes.
        top: the folder's name.
    """
    variant = export["chosen"]
    return "\n".join(
        [
            f"# {card.name}\n",
            f"`{LITE}/{variant}.tflite` {_does(card)}:\n",
            textwrap.indent(textwrap.fill(", ".join(card.labels), 100, break_long_words=False, break_on_hyphens=False), "    ") + "\n",
            *_facts(card, export, size),
            (_CHECK_NOISE if card.task == GENERATE else _CHECK).format(top=top, golden=f"{LITE}/{golden.FILE}"),
            *(_code(*part) for part in _parts(card, variant)),
        ]
    )


_CHECK = """
To check that this copy is whole, and that it answers on your machine as it did where it was made (it replays the few photos in `{golden}`;
they are in this package, so mind whom you give it to): install cvapp, then, in this folder,

    cvapp verify .
"""


_CHECK_NOISE = """
To check that this copy is whole, and that it answers on your machine as it did where it was made (it replays the noise in `{golden}`):
install cvapp, then, in this folder,

    cvapp verify .

`cvapp sample .` makes pictures.
"""


def _does(card: Card) -> str:
    if card.task == GENERATE:
        return generated_snippet.does(card)
    if card.scan is None:
        return f"says which of {len(card.labels)} labels a photo shows"
    landmarks = f", with {card.scan.points} landmarks each" if card.scan.points else ""
    return f"finds the objects of {len(card.labels) - len(card.nothing)} classes in a photo, a box about each{landmarks}"


def _facts(card: Card, export: Mapping[str, Any], size: int) -> list[str]:
    """What a person needs to know of the model, and what was measured, one line each."""
    height, width = card.images.size or (0, 0)
    row = export["variants"][export["chosen"]]
    if card.task == GENERATE:
        facts = generated_snippet.facts(card, row)
    else:
        fitted = _FITS[card.images.fit].format(size=f"{width} x {height}")
        facts = [
            *(_of_names(card) if card.scan is None else _of_boxes(card)),
            f"Fitting a photo: upright, {fitted}, {_RESIZES[card.images.resize]}. Fit it in another way, and the answers get worse.",
        ]
    if card.images.bits is not None:
        white, shift = (1 << card.images.bits) - 1, card.images.bits - 8
        facts.append(f"A file of 16 bits: first min(value, {white}) >> {shift} of each of its values. The examples below read files of 8 bits.")
    if "accuracy" in row:
        facts.append(f"Right on {row['accuracy']:.1%} of {export['photos']} validation photos.")
    if card.scan is not None and row.get("map50"):
        facts.append(f"Mean average precision at an IoU of 0.5 (mAP50): {row['map50']:.3f} on {export['photos']} validation photos.")
    facts.append(f"Size: {size / 1e6:.2f} MB.")
    median = row.get("threads", {}).get("1", {}).get("median_ms")
    if median is not None:
        machine = export.get("host", {}).get("machine", "not named")
        facts.append(f"Time: {median:.2f} ms a picture (median, one thread) on the machine that exported it ({machine}); yours differs.")
    if card.weights:
        facts.append(f"Weights it was trained from: {card.weights.get('source', '')}. Their licence: {card.weights.get('licence', '')}.")
    return [f"- {fact}" for fact in facts]


def _of_names(card: Card) -> list[str]:
    """What a classifier's answers mean, and what it takes."""
    height, width = card.images.size or (0, 0)
    nothing = [f'"{label}" means none of the others: say "unknown" there too.' for label in card.labels if label in NOTHING]
    return [
        " ".join([f'Unknown: where the best probability is under {card.threshold:.4g}, say "unknown".', *nothing]),
        f"Picture: {width} x {height} pixels (width x height), RGB, bytes 0 to 255.",
    ]


def _of_boxes(card: Card) -> list[str]:
    """What a detector's boxes mean, and what it takes."""
    (height, width), (tall, wide) = card.images.size or (0, 0), card.input_size
    assert card.scan is not None
    windows = card.scan.windows.size
    nothing = [f'"{card.labels[place]}" stands for no object.' for place in card.nothing]
    return [
        " ".join([f"Score: a box counts from {card.threshold:.4g} on.", *nothing]),
        f"Picture: {width} x {height} pixels (width x height), RGB, bytes 0 to 255. The model takes it at {len(card.scan.scales)} scales on one"
        f" canvas of {wide} x {tall}, and answers for every window of {windows[1]} x {windows[0]} there; the code below does that.",
    ]


def _parts(card: Card, variant: str) -> list[tuple[str, str, str, str]]:
    """Of each piece of code: a heading, what to do with it, its language, the code."""
    if card.task == GENERATE:
        return [generated_snippet.part(card, variant)]
    if card.scan is not None:
        return [_boxed_part(card, variant)]
    run = "Save it in this folder as `{0}`, then `python {0} photo.jpg`."
    drawn = (
        "Not run here: the names are those of the public interface, nobody has compiled it for this model. The phone resizes a little "
        "differently than training did, so compare its answers with cvapp's on photos of yours."
    )
    android = f"Add `com.google.mediapipe:tasks-vision`, and put `{LITE}/{variant}.tflite` into `src/main/assets`."
    ios = f"Add the pod `MediaPipeTasksVision`, and put `{LITE}/{variant}.tflite` into the app's bundle."
    return [
        (
            "Python with LiteRT",
            f"`pip install ai-edge-litert numpy opencv-python`. {run.format('classify_litert.py')}",
            "python",
            snippets.litert(card, variant),
        ),
        (
            "Python with MediaPipe",
            f"`pip install mediapipe`. {run.format('classify_mediapipe.py')}",
            "python",
            snippets.mediapipe(card, variant),
        ),
        ("Android, in Kotlin", f"{android} {drawn}", "kotlin", snippets.kotlin(card, variant)),
        ("iOS, in Swift", f"{ios} {drawn}", "swift", snippets.swift(card, variant)),
    ]


def _boxed_part(card: Card, variant: str) -> tuple[str, str, str, str]:
    return (
        "Python with LiteRT",
        "`pip install ai-edge-litert numpy opencv-python`. Save it in this folder as `detect_litert.py`, then `python detect_litert.py photo.jpg`: "
        "a line for each box, its label, its score, and left, top, right, bottom in pixels of the photo. "
        "(MediaPipe's tasks do not read such a model: they know no canvas of several scales.)",
        "python",
        boxed_snippet.litert(card, variant),
    )


def _code(heading: str, told: str, language: str, code: str) -> str:
    """One piece of code with its heading."""
    return f"## {heading}\n\n{told}\n\n```{language}\n{code}```\n"
