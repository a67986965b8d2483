"""The rounds of a detector's training: windows, the detector's own mistakes among them, and how an epoch is measured."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Callable, Iterator

import keras
import numpy as np

from cvapp.data.batches import ahead
from cvapp.data.frames import Frames
from cvapp.evaluation import detection
from cvapp.evaluation.boxed import LEAST, truth_of
from cvapp.models import classifier, sliding, window
from cvapp.models.backbones import Row
from cvapp.progress import Report
from cvapp.recipe import Recipe
from cvapp.training import mining, optimise
from cvapp.training.crops import Windowed, cut, windowed
from cvapp.training.loop import Batch, Stage
from cvapp.training.mining import Finder
from cvapp.training.progress import Course
from cvapp.training.state import Keeper
from cvapp.training.window_loss import accuracy, window_loss
from cvapp.windows import Scan, lay_out
from cvapp.windows.shapes import window_shapes

MEASURED = 48  # validation photos that an epoch is measured on; all are at the end
STEPS = 100  # of an epoch at least, as far as MOST_PASSES allows: fewer leave small data half learnt
FEWEST_PASSES, MOST_PASSES = 2, 100  # windows of each object in an epoch, where they are chosen
LARGEST = 8.0  # times a frame's side that a level may have: one for objects of a pixel or less fits no memory
OF_CLASS = 400  # boxes of each class that choose the window shapes, so that a frequent class does not choose them all


@dataclass(frozen=True)
class Networks:
    """What is trained and what it is used as; the first two share their weights.

    Args:
        training: pixels of windows (B, h, w, 3) -> logits.
        classifier: the same -> answers.
        finder: the detector that was made of it, on frames.
        detector: its network, canvases (B, H, W, 3) -> maps.
    """

    training: keras.Model
    classifier: keras.Model
    finder: Finder
    detector: keras.Model

    def learnt(self) -> Finder:
        """The detector with what the window classifier has learnt so far."""
        for ours, theirs in zip(self.detector.weights, self.classifier.weights, strict=True):
            ours.assign(np.reshape(theirs, ours.shape))
        return self.finder


def networks(network: keras.Model, row: Row, frames: Frames, recipe: Recipe) -> Networks:
    """The networks on a backbone without a top, and the windows that the training boxes ask for.

    Args:
        network: scaled pixels (B, h, w, 3) -> maps.
        row: of the table of backbones, which says how it scales pixels.
        frames: what is learnt from.
        recipe: its images' size is that of the frames.
    """
    assert recipe.images.size is not None  # the recipe saw to it
    detect = recipe.detect
    points = frames.points if detect.landmarks else 0
    training, saved = window.networks(network, row.scale, len(frames.labels), points, recipe)
    size = np.array(network.input_shape[1:3])
    scales = tuple((float(y), float(x)) for y, x in np.minimum(detect.fill * size / shapes(frames, recipe), LARGEST))
    scan = Scan(sliding.windows(saved), scales, int(max(size)) // 2, detect.fill, True, points)
    detector = sliding.to_detector(saved, lay_out(scan, recipe.images.size)[1])
    return Networks(training, saved, Finder(classifier.predict_function(detector), scan, recipe.images.size), detector)


def shapes(frames: Frames, recipe: Recipe) -> np.ndarray:
    """(height, width) of an object that fits each level's window: k-means on the training boxes, each class counting alike."""
    sizes: dict[str, list[tuple[float, float]]] = {label: [] for label in frames.labels}
    for name in frames.of("train"):
        for box in frames.truth[name]:
            left, top, right, bottom = box.xyxy
            sizes[box.label].append((bottom - top, right - left))
    rng = np.random.default_rng(recipe.seed)
    chosen = [np.array(some)[rng.integers(len(some), size=OF_CLASS)] for some in sizes.values() if some]
    return window_shapes(np.concatenate(chosen), recipe.detect.shapes, recipe.seed)


def settled(recipe: Recipe, frames: Frames) -> Recipe:
    """The recipe with the windows of each object in an epoch (`detect.passes`), where it leaves them to be chosen by the number of objects."""
    if recipe.detect.passes is not None:
        return recipe
    windows = _objects(frames) * (1 + recipe.detect.background)
    passes = min(max(math.ceil(STEPS * recipe.train.batch / windows), FEWEST_PASSES), MOST_PASSES)
    return dataclasses.replace(recipe, detect=dataclasses.replace(recipe.detect, passes=passes))


def _objects(frames: Frames) -> int:
    """Objects of the training photos; `frames.prepare` sees that there is one."""
    return sum(len(frames.truth[name]) for name in frames.of("train"))


def steps_per_epoch(recipe: Recipe, frames: Frames) -> int:
    """Batches of an epoch, all whole: a smaller one is rounded otherwise where a run that goes on begins with it."""
    assert recipe.detect.passes is not None  # `settled` saw to it
    return -(-round(_objects(frames) * recipe.detect.passes * (1 + recipe.detect.background)) // recipe.train.batch)


def round_count(recipe: Recipe) -> int:
    """How many rounds there are: none is without an epoch."""
    return min(recipe.detect.rounds, recipe.train.epochs)


def measured(frames: Frames, part: str) -> list[str]:
    """The photos of a part, by hash, that an epoch (or for the training photos, the verdict) is measured on: all, or some evenly spread."""
    names = frames.of(part)
    return [names[place] for place in np.unique(np.linspace(0, len(names) - 1, MEASURED).astype(int))]


def stages(recipe: Recipe, made: Networks, frames: Frames, keeper: Keeper, report: Report) -> Iterator[Stage]:
    """The rounds, each but the first with the mistakes that the detector makes on the training photos before it."""
    rounds, latest = round_count(recipe), np.zeros((0, 5), np.float32)
    scan = made.finder.scan
    material = windowed(frames, frames.of("train"), scan.fill * np.array(scan.windows.size) / scan.scales, scan.points)
    measure = _measure(recipe, frames, made)
    steps = steps_per_epoch(recipe, frames)
    _compile(recipe, made, steps, material.num_classes)
    for number in range(rounds):
        if keeper.done:
            return
        if number:
            before, path = latest, keeper.beside(f"mistakes-{number}.npy")
            latest = mining.kept(path, keeper.resumed is not None, lambda: mining.mistakes(made.learnt(), material, recipe.detect, report))
            material = dataclasses.replace(material, hard=np.concatenate([before, latest]))
        yield _round(recipe, made, material, (number, steps), measure)


def _compile(recipe: Recipe, made: Networks, steps: int, num_classes: int) -> None:
    """Compile once for all rounds: the learning rate follows its schedule through them."""
    settings = recipe.train
    plan = optimise.optimiser(settings, settings.learning_rate, settings.epochs * steps, steps)
    loss = window_loss(num_classes, recipe.detect.box_weight, settings.label_smoothing)
    optimise.compile_for(made.training, settings, plan, loss, accuracy(num_classes))


def _round(
    recipe: Recipe, made: Networks, material: Windowed, number_and_steps: tuple[int, int], measure: Callable[[], tuple[float, float]]
) -> Stage:
    """Round number so many, of so many steps an epoch."""
    (number, steps), settings = number_and_steps, recipe.train
    rounds = round_count(recipe)
    first, last = (settings.epochs * edge // rounds for edge in (number, number + 1))
    window_size = made.finder.scan.windows.size

    def batches(epoch: int, step: int) -> Iterator[Batch]:
        order = np.random.default_rng((recipe.seed, first + epoch)).permutation(steps * settings.batch)

        def make(place: int) -> Batch:
            return *cut(material, recipe, order[place * settings.batch :][: settings.batch], first + epoch, window_size), None

        return ahead(make, step, steps)

    course = Course(settings.epochs, first, f"round {number + 1} of {rounds}")
    stage = Stage(f"round {number + 1}", made.training, batches, steps, last - first, settings.patience, measure)
    return dataclasses.replace(stage, metric="map50", course=course)


def _measure(recipe: Recipe, frames: Frames, made: Networks) -> Callable[[], tuple[float, float]]:
    """How an epoch is measured: 1 - mAP50 and mAP50 on some of the validation photos."""
    names = measured(frames, "val")
    pictures, truths = frames.pixels.read(names), [truth_of(frames.truth[name], frames.labels) for name in names]

    def measure() -> tuple[float, float]:
        found = list(made.learnt().find(pictures, LEAST, recipe.detect.overlap))
        if not all(np.isfinite(boxes.xyxy).all() and np.isfinite(boxes.scores).all() for boxes in found):
            return float("inf"), 0.0
        figure = float(detection.summary(found, truths, frames.labels)["map50"])
        return 1 - figure, figure

    return measure
