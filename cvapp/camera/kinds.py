"""The kinds of answers that a live run can steady, say, log, count and draw: scores of labels here, boxes in `boxed`."""

from dataclasses import dataclass
from typing import Any, Callable, Sequence

import numpy as np

from cvapp.camera import overlay
from cvapp.camera.smoothing import Smoothing
from cvapp.lettering import stand_ins

Scores = Sequence[tuple[str, float]]
Place = tuple[int, int, int, int]


@dataclass(frozen=True)
class Kind:
    """What a live run does with its answers.

    Args:
        steady: seconds -> a function (answer, the frame's time) -> the answer averaged over about that long.
        say: what is said of an answer, in a few words.
        line: what a line of the log holds of it.
        counted: the words that the summary counts it under.
        draw: (picture, answer, status, seen, mirrored) -> a copy of the picture with all of it. The picture is mirrored already where
            `mirrored`; `seen` is the part that the model sees.
    """

    steady: Callable[[float], Callable[[Any, float], Any]]
    say: Callable[[Any], str]
    line: Callable[[Any], dict[str, Any]]
    counted: Callable[[Any], list[str]]
    draw: Callable[[np.ndarray, Any, str, Place | None, bool], np.ndarray]


def named(say: Callable[[Scores], str] = lambda scores: scores[0][0], labels: Sequence[str] = ()) -> Kind:
    """Answers of a classifier: labels and probabilities, the best first.

    Args:
        say: what is said of them, the best label or "unknown".
        labels: all of them, in order; one that cannot be drawn here is drawn as its number.
    """
    shown = stand_ins(labels)

    def line(scores: Scores) -> dict[str, Any]:
        label, probability = scores[0]
        return {"label": label, "probability": round(float(probability), 4)}

    def draw(picture: np.ndarray, scores: Scores, status: str, seen: Place | None, mirrored: bool) -> np.ndarray:
        drawn = [(shown.get(label, label), probability) for label, probability in scores[: overlay.SHOWN]]
        return overlay.draw(picture, drawn, status, seen, shown.get(said := say(scores), said))

    return Kind(Smoothing, say, line, lambda scores: [say(scores)], draw)
