"""A detector at work while it is trained: on frames of the data set, to be measured, and to be told what it took for objects."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Sequence

import numpy as np

from cvapp.boxes import Boxes, iou, nms
from cvapp.errors import CvappError, Exit, folded
from cvapp.files import replacing
from cvapp.progress import Report, each
from cvapp.recipe import Detect
from cvapp.training.crops import MISSES, Windowed, shows_nothing
from cvapp.windows import Scan, decode, detect, paint
from cvapp.windows.geometry import Pair

SURE = 0.1  # score from which a mistake is worth learning from
MOST_OF_FRAME, MOST_FRAMES = 60, 300  # mistakes of one frame, the surest; frames that are looked at


@dataclass(frozen=True)
class Finder:
    """A detector on frames of one size.

    Args:
        answer: canvases uint8 RGB (B, H, W, 3) -> maps (B, rows, columns, numbers).
        scan: how frames are looked over.
        frame: their (height, width).
    """

    answer: Callable[[np.ndarray], np.ndarray]
    scan: Scan
    frame: Pair

    def maps(self, frame: np.ndarray) -> np.ndarray:
        """What the network answers for one frame: (rows, columns, numbers)."""
        return self.answer(paint(frame, self.scan)[None])[0]

    def find(self, frames: Sequence[np.ndarray] | np.ndarray, least: float, overlap: float) -> Iterator[Boxes]:
        """The boxes of each frame."""
        for frame in frames:
            yield detect(self.maps(frame), self.scan, self.frame, least, overlap)


def mistakes(finder: Finder, material: Windowed, settings: Detect, report: Report) -> np.ndarray:
    """Windows of the training frames that show no object and were taken for one: float32 (N, 5), the frame and the window's edges."""
    found = []
    chosen = np.unique(np.linspace(0, len(material.frames) - 1, MOST_FRAMES).astype(int))
    for number in each(chosen, "looking for mistakes", report):
        boxes, windows = decode(finder.maps(material.frames[number]), finder.scan, finder.frame, SURE)
        wrong = shows_nothing(windows, material.boxes[number], settings.fill) & _misses(
            boxes, material.boxes[number], material.classes[number]
        )
        places = np.flatnonzero(wrong)
        kept = places[nms(boxes.xyxy[places], boxes.scores[places], boxes.classes[places], settings.overlap)][:MOST_OF_FRAME]
        found.append(np.column_stack([np.full(len(kept), number, np.float32), windows[kept]]))
    return np.concatenate(found).astype(np.float32)


def _misses(found: Boxes, truth: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Whether boxes meet no true box of their class well."""
    same = found.classes[:, None] == classes[None]
    return np.where(same, iou(found.xyxy, truth), 0).max(1, initial=0) < MISSES


def kept(path: Path | None, resumed: bool, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The mistakes before a round: as a file holds them where an interrupted run goes on, made and written otherwise."""
    if resumed and path is not None:
        try:
            return np.load(path)
        except (OSError, ValueError, EOFError) as error:
            wrong = f"{path}: cannot be read ({type(error).__name__}: {folded(error)})"
            raise CvappError(f"{wrong}; --restart trains anew", Exit.BAD_DATA) from error
    values = make()
    if path is None:
        return values
    with replacing(path) as neighbour:
        np.save(neighbour, values)
    return values
