"""The judge of a generator's pictures: a network that answers features, and probabilities of the photos' classes where there are several."""

from dataclasses import dataclass
from pathlib import Path

import cvapp.models  # noqa: F401 - loads TensorFlow with its start-up lines kept off the terminal
import keras
import numpy as np

from cvapp.data.store import Store
from cvapp.evaluation.generated import Crowd
from cvapp.models.classifier import batched, open_model
from cvapp.tflite import Predict

FILE = "judge.keras"
MOST = 10_000  # photos that are looked at
_TOGETHER = 2048  # photos in memory while they are read


@dataclass(frozen=True)
class Judge:
    """What looks at pictures.

    Args:
        answer: uint8 RGB (N, H, W, 3) -> float32 (N, features + classes).
        features: how many.
        classes: whose probabilities follow the features; 0 of a judge that knows none.
    """

    answer: Predict
    features: int
    classes: int

    def look(self, pictures: np.ndarray, truth: np.ndarray | None = None) -> Crowd:
        """Pictures, uint8 RGB (N, H, W, 3), with what the judge makes of them; `truth` (N,) are their classes where known."""
        answers = self.answer(pictures)
        return Crowd(answers[:, : self.features], answers[:, self.features :] if self.classes else None, pictures, truth)


def judge_of(network: keras.Model) -> Judge:
    """A judge around a network: float pixels 0..255 (B, H, W, 3) -> features (B, D), and perhaps probabilities (B, C)."""
    outputs = network.outputs
    whole = network if len(outputs) == 1 else keras.Model(network.inputs, keras.layers.Concatenate(name="answers")(outputs))
    answer = batched(lambda pixels: whole(pixels, training=False), tuple(network.input_shape[1:]))
    return Judge(answer, outputs[0].shape[-1], outputs[1].shape[-1] if len(outputs) > 1 else 0)


def open_judge(path: Path) -> Judge:
    """The judge in a file (exit 3 where it cannot be read)."""
    return judge_of(open_model(path))


def spread(count: int, most: int) -> np.ndarray:
    """So many places at most, from all over `count` of them, in order."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def look_at_photos(judge: Judge, store: Store, names: list[str], truth: np.ndarray) -> Crowd:
    """The crowd of some photos, of very many those that `spread` chooses.

    Args:
        judge: that looks.
        store: where they are kept.
        names: their hashes.
        truth: (N,) their classes.
    """
    chosen = spread(len(names), MOST)
    pictures = np.concatenate(
        [store.read(names[place] for place in chosen[start : start + _TOGETHER]) for start in range(0, len(chosen), _TOGETHER)]
    )
    return judge.look(pictures, truth[chosen])
