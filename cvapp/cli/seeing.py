"""How a model is asked and how its answers are shown: names of a classifier, boxes of a detector, the text that a transcriber reads."""

import argparse
import dataclasses
from dataclasses import dataclass
from typing import Any, Callable, Sequence

import numpy as np

from cvapp.boxes import Boxes
from cvapp.bundle import Bundle, Score
from cvapp.camera import boxed
from cvapp.camera.kinds import Kind, named
from cvapp.camera.written import said, written
from cvapp.card import TRANSCRIBE
from cvapp.errors import CvappError


@dataclass(frozen=True)
class Seeing:
    """What the words `predict` and `camera` do with a model.

    Args:
        prepare: uint8 RGB (H, W, 3) of any size -> what `answer` takes.
        answer: (bundle, what was prepared) -> the answer; the bundle may be another variant of the model.
        kind: how an answer is said and drawn.
        head: of the table.
        rows: an answer -> its rows of the table, without the file.
        values: an answer -> plain values, for JSON.
        enlarge: (an answer, the shape of the picture that was looked at, (height, width) of the photo itself) -> the answer in the photo's pixels.
    """

    prepare: Callable[[np.ndarray], Any]
    answer: Callable[[Bundle, Any], Any]
    kind: Kind
    head: Sequence[str]
    rows: Callable[[Any], list[Sequence[object]]]
    values: Callable[[Any], Any]
    enlarge: Callable[[Any, Sequence[int], tuple[int, int]], Any] = lambda found, shape, size: found


def seeing_of(bundle: Bundle, args: argparse.Namespace) -> Seeing:
    """How a model is asked, with --conf and --iou where it is a detector (exit 2 where it is none, or they are out of range)."""
    for name in ("conf", "iou"):
        value = getattr(args, name)
        if value is not None and bundle.card.scan is None:
            raise CvappError(f"--{name} is for detectors; {args.name} is a {bundle.card.task} model: leave it out")
        if value is not None and not 0 <= value <= 1:
            raise CvappError(f"--{name} {value:g}: give a number from 0 to 1")
    if bundle.card.task == TRANSCRIBE:
        return _text(bundle)
    return _names(bundle) if bundle.card.scan is None else _boxes(bundle, args.conf, args.iou)


def _names(bundle: Bundle) -> Seeing:
    def rows(scores: Sequence[Score]) -> list[Sequence[object]]:
        best, second = scores[0], scores[1] if len(scores) > 1 else None
        more = (second.label, f"{second.probability:.3f}") if second else ("", "")
        return [(bundle.answer(scores), best.label, f"{best.probability:.3f}", *more)]

    return Seeing(
        bundle.fit,
        lambda asked, fitted: asked.name(fitted),
        named(bundle.answer, bundle.card.labels),
        ("answer", "best label", "probability", "second", "its probability"),
        rows,
        lambda scores: [{"label": label, "probability": round(value, 6)} for label, value in scores],
    )


def _text(bundle: Bundle) -> Seeing:
    return Seeing(
        bundle.fit,
        lambda asked, fitted: asked.spell(fitted),
        written(),
        ("text", "probability"),
        lambda score: [(said(score), f"{score.probability:.3f}")],
        lambda score: {"text": score.label, "probability": round(score.probability, 6)},
    )


def _boxes(bundle: Bundle, least: float | None, overlap: float | None) -> Seeing:
    labels = bundle.card.labels

    def rows(found: Boxes) -> list[Sequence[object]]:
        told = [(one["label"], f"{one['score']:.3f}", *(round(edge) for edge in one["xyxy"])) for one in boxed.rows(found, labels)]
        return list(told) or [(boxed.NOTHING, "", "", "", "", "")]

    return Seeing(
        lambda picture: (bundle.fit(picture), picture.shape),
        lambda asked, value: asked.locate(asked.predict(value[0][None])[0], value[1], least, overlap),
        boxed.boxed(labels),
        ("label", "score", "left", "top", "right", "bottom"),
        rows,
        lambda found: boxed.rows(found, labels),
        _enlarged,
    )


def _enlarged(found: Boxes, shape: Sequence[int], size: tuple[int, int]) -> Boxes:
    """Boxes in a picture of `shape` (H, W, ...) as boxes in the photo of (height, width) that it was reduced from."""
    if (shape[0], shape[1]) == size:
        return found
    scale = np.array([size[1] / shape[1], size[0] / shape[0]], np.float32)
    return dataclasses.replace(found, xyxy=found.xyxy * np.tile(scale, 2), points=found.points * scale)
