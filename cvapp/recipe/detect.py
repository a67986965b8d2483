"""The part of a Recipe that a detector has besides: its windows, and how they are drawn from photos with boxes."""

from dataclasses import dataclass

from cvapp.errors import CvappError
from cvapp.recipe.values import settle_kinds, within


@dataclass(frozen=True)
class Detect:
    """Windows of a detector; a classifier has no use for it.

    Args:
        window: (height, width) of the window that the network takes; the backbone's own when None.
        shapes: how many window shapes, chosen by k-means on the training boxes; each is a level of the image pyramid.
        fill: share of the window's side that an object takes up where both fit; the rest is what lies around it.
        hidden: units of the dense layer between the features and the answers.
        shift: largest distance of an object from the window's middle, as a share of the window's side.
        zoom: largest enlargement or reduction of an object in its window, 0.2 for 1/1.2 to 1.2 times.
        turn: whether any of the eight ways to turn and mirror a square gives as good an example, as under a microscope.
        background: windows without an object for each that has one.
        hard: share of those that the detector took for objects, from the second round on.
        rounds: of training; before each but the first, the detector's mistakes on the training photos are collected.
        passes: windows of each object in an epoch; None takes as many as make an epoch of about 100 steps, from 2 to 100.
        landmarks: whether landmarks are learnt where every box has them.
        box_weight: of the squared error of box and landmarks in the loss.
        overlap: IoU above which the less sure of two boxes of one class is dropped.
        tune: steps in which a detector of a padded network learns to answer as its window classifier does.
    """

    window: tuple[int, int] | None = None
    shapes: int = 4
    fill: float = 0.625
    hidden: int = 192
    shift: float = 0.1
    zoom: float = 0.2
    turn: bool = False
    background: float = 2.0
    hard: float = 0.4
    rounds: int = 3
    passes: int | None = None
    landmarks: bool = True
    box_weight: float = 30.0
    overlap: float = 0.45
    tune: int = 0

    def __post_init__(self) -> None:
        settle_kinds(self)
        window = self.window
        if window is not None and (len(window) != 2 or not all(isinstance(side, int) and 8 <= side <= 1024 for side in window)):
            raise CvappError(f"detect.window is {window}: give (height, width), each 8 to 1024 pixels")
        within(self, shapes=(1, 32), fill=(0.1, 1.0), hidden=(1, 65_536), shift=(0, 0.5), zoom=(0, 1), background=(0.1, 20), hard=(0, 1))
        within(self, rounds=(1, 100), box_weight=(0, 1000), overlap=(0, 1), tune=(0, 1_000_000))
        if self.passes is not None:
            within(self, passes=(1, 1000))
