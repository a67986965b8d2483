"""Windows to learn from: cut around objects and out of the background, varied each epoch, hard ones among them."""

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from typing import Sequence

import numpy as np

from cvapp.boxes import iou
from cvapp.data.augment import augment
from cvapp.data.frames import Frames
from cvapp.evaluation.boxed import truth_of
from cvapp.recipe import Recipe
from cvapp.windows import BOX, crop
from cvapp.windows.geometry import Pair
from cvapp.windows.shapes import FITS, shape_iou

MISSES = 0.3  # IoU of an object with the middle of a window, under which the window shows none
TRIES = 20  # to place a background window where no object is
NEAR = 0.5  # of the background windows lie about an object, half of its side away (standard deviation)


@dataclass(frozen=True)
class Windowed:
    """The objects and frames that windows are cut from.

    Args:
        frames: uint8 RGB (N, H, W, 3).
        boxes: of each frame, float32 (n, 4) in pixels.
        classes: of each box (n,).
        points: landmarks of each box (n, L, 2).
        shapes: (height, width) of an object that fits each level's window: (levels, 2).
        num_classes: how many there are.
        hard: windows without an object that the detector took for one: (frame, left, top, right, bottom).
    """

    frames: np.ndarray
    boxes: Sequence[np.ndarray]
    classes: Sequence[np.ndarray]
    points: Sequence[np.ndarray]
    shapes: np.ndarray
    num_classes: int
    hard: np.ndarray = field(default_factory=lambda: np.zeros((0, 5), np.float32))

    @cached_property
    def objects(self) -> list[np.ndarray]:
        """For each class that has any, its objects: (n, 2), the frame and the place in it."""
        every = np.array([(frame, place) for frame, boxes in enumerate(self.boxes) for place in range(len(boxes))], int).reshape(-1, 2)
        of_class = np.concatenate([*self.classes, np.zeros(0, int)])
        return [every[of_class == label] for label in range(self.num_classes) if (of_class == label).any()]


def windowed(frames: Frames, names: Sequence[str], shapes: np.ndarray, points: int) -> Windowed:
    """The frames of some photos, by hash, with their boxes as arrays; difficult ones are objects like the others."""
    boxes, classes, landmarks = [], [], []
    for name in names:
        found = frames.truth[name]
        truth = truth_of(found, frames.labels)
        boxes.append(truth.xyxy)
        classes.append(truth.classes)
        landmarks.append(np.array([box.points for box in found] if points else [], np.float32).reshape(len(found), points, 2))
    return Windowed(frames.pixels.read(names), boxes, classes, landmarks, shapes, len(frames.labels))


def cut(material: Windowed, recipe: Recipe, numbers: np.ndarray, epoch: int, window: Pair) -> tuple[np.ndarray, np.ndarray]:
    """Windows by their number in an epoch, and what is to be answered for each.

    Every (1 + background)-th window has an object, each class as often as any other; the seed, the epoch and the number decide which.

    Returns:
        uint8 RGB (B, h, w, 3), and float32 (B, 5 + classes + 2 L): p_c, b_x, b_y, b_h, b_w in shares of the window, the class, landmarks.
    """
    objects = material.objects
    pictures, targets = [], []
    for number in numbers:
        rng = np.random.default_rng((recipe.seed, epoch, int(number)))
        if number % (1 + recipe.detect.background) < 1:
            of_class = objects[rng.integers(len(objects))]
            picture, target = _object(material, recipe, rng, of_class[rng.integers(len(of_class))], window)
        else:
            picture, target = crop(*_background(material, recipe, rng), window), _nothing(material)
            picture, _ = _turned(picture, np.zeros((1, 2)), recipe, rng)  # or a turned picture would mean an object
        pictures.append(picture)
        targets.append(target)
    colours = dataclasses.replace(recipe.augment, mirror=False, crop=0.0, zoom=0.0, rotation=0.0, stretch=0.0)
    return augment(np.stack(pictures), numbers, epoch, recipe.seed, colours), np.stack(targets)


def _nothing(material: Windowed) -> np.ndarray:
    points = next((points.shape[1] for points in material.points if len(points)), 0)
    return np.zeros(BOX + material.num_classes + 2 * points, np.float32)


def _object(material: Windowed, recipe: Recipe, rng: np.random.Generator, which: np.ndarray, window: Pair) -> tuple[np.ndarray, np.ndarray]:
    """A window about an object, of one of the shapes that fit it, moved, zoomed, mirrored and turned as the recipe says."""
    frame, place = which
    box, label, points = material.boxes[frame][place], material.classes[frame][place], material.points[frame][place]
    side = np.array([box[3] - box[1], box[2] - box[0]])
    fit = shape_iou(side[None], material.shapes)[0]
    fitting = np.flatnonzero(fit >= min(FITS, fit.max()))
    extent = material.shapes[rng.choice(fitting)] / recipe.detect.fill * _varied(recipe, rng)
    centre = np.array([box[1] + box[3], box[0] + box[2]]) / 2 + rng.uniform(-1, 1, 2) * recipe.detect.shift * extent
    edges = _edges(centre, extent)
    picture = crop(material.frames[frame], edges, window)
    corner, reach = edges[:2], edges[2:] - edges[:2]
    inner = (np.concatenate([box.reshape(2, 2), points]) - corner) / reach
    picture, inner = _turned(picture, inner, recipe, rng)
    low, high = inner[:2].min(0), inner[:2].max(0)
    target = _nothing(material)
    middle, size = (low + high) / 2, high - low
    target[:BOX] = 1, middle[0], middle[1], size[1], size[0]
    target[BOX + label] = 1
    target[BOX + material.num_classes :] = inner[2:].ravel()
    return picture, target


def _varied(recipe: Recipe, rng: np.random.Generator) -> np.ndarray:
    """Factors (height, width) of a window's extent."""
    zoom, stretch = np.log1p(recipe.detect.zoom), np.log1p(recipe.augment.stretch) / 2
    along, across = rng.uniform(-zoom, zoom), rng.uniform(-stretch, stretch)
    return np.exp([along + across, along - across])


def _edges(centre: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom in whole pixels of a window about (y, x) of (height, width)."""
    top, left = np.round(centre - extent / 2)
    height, width = np.maximum(np.round(extent), 1)
    return np.array([left, top, left + width, top + height])


def _turned(picture: np.ndarray, inner: np.ndarray, recipe: Recipe, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One of the eight ways to lay a square, or mirrored, where the recipe allows it; `inner` are points (n, 2) in shares of the side."""
    if (recipe.augment.mirror or recipe.detect.turn) and rng.random() < 0.5:
        picture, inner = picture[:, ::-1], np.stack([1 - inner[:, 0], inner[:, 1]], 1)
    if recipe.detect.turn and rng.random() < 0.5:
        picture, inner = picture[::-1], np.stack([inner[:, 0], 1 - inner[:, 1]], 1)
    if recipe.detect.turn and picture.shape[0] == picture.shape[1] and rng.random() < 0.5:
        picture, inner = picture.transpose(1, 0, 2), inner[:, ::-1]
    return picture, inner


def _background(material: Windowed, recipe: Recipe, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A frame and the edges of a window in it that shows no object: hard ones, ones about an object, ones anywhere."""
    if len(material.hard) and rng.random() < recipe.detect.hard:
        number, *edges = material.hard[rng.integers(len(material.hard))]
        return material.frames[int(number)], np.round(edges)
    for _ in range(TRIES):
        number = int(rng.integers(len(material.frames)))
        boxes, size = material.boxes[number], np.array(material.frames.shape[1:3])
        extent = material.shapes[rng.integers(len(material.shapes))] / recipe.detect.fill * _varied(recipe, rng)
        if len(boxes) and rng.random() < NEAR:
            box = boxes[rng.integers(len(boxes))]
            middle, side = np.array([box[1] + box[3], box[0] + box[2]]) / 2, np.array([box[3] - box[1], box[2] - box[0]])
            edges = _edges(middle + rng.normal(0, 0.5, 2) * side, extent)
        else:
            edges = _edges(rng.uniform(0, size), extent)
        if shows_nothing(edges[None], boxes, recipe.detect.fill)[0]:
            break
    else:  # a crowd: what lies beyond the frame's corner is never an object
        edges = _edges(-extent, extent)
    return material.frames[number], edges


def shows_nothing(edges: np.ndarray, boxes: np.ndarray, fill: float) -> np.ndarray:
    """Whether windows (N, 4) show none of the objects (n, 4): the middle of each, `fill` of its sides, meets none of them well."""
    middle, half = (edges[:, :2] + edges[:, 2:]) / 2, fill * (edges[:, 2:] - edges[:, :2]) / 2
    return iou(np.concatenate([middle - half, middle + half], 1), boxes).max(1, initial=0) < MISSES
