"""Frames with drawn objects, and an eye that sees them on a canvas by their colours alone."""

import numpy as np

from cvapp.card import Card
from cvapp.recipe import Detect, Recipe

LIGHT = 200
RED, GREEN, BLUE = np.eye(3, dtype=int) * LIGHT
DOT = 2  # pixels about a landmark


def draw(size, *objects, points=()):
    """A black frame uint8 (H, W, 3) with a red box for each (left, top, right, bottom), a green dot for the first point, a blue for the next."""
    frame = np.zeros((*size, 3), np.uint8)
    for left, top, right, bottom in objects:
        frame[top:bottom, left:right] = RED
    for (x, y), colour in zip(points, (GREEN, BLUE)):
        frame[y - DOT : y + DOT, x - DOT : x + DOT] = colour
    return frame


def look(part, points=0):
    """What a part of a canvas shows: (centre x, centre y, height, width, x and y of each landmark) in its pixels; None for no whole object."""
    light = part.astype(float) / LIGHT
    solid = np.minimum(light.sum(-1), 1)
    ring = np.concatenate([solid[0], solid[-1], solid[:, 0], solid[:, -1]])
    if ring.any() or not solid.any():
        return None
    (x, width), (y, height) = (_middle(solid.max(axis)) for axis in (0, 1))
    if abs(solid.sum() / (width * height) - 1) > 0.1:  # two objects, with a gap
        return None
    dots = [_middle(light[..., channel].sum(axis))[0] for channel in range(1, 1 + points) for axis in (0, 1)]
    return np.array([x, y, height, width, *dots])


def _middle(profile):
    """Where the middle of a profile's light lies, and how long it is; to less than a pixel, since a pixel partly covered is darker."""
    return (profile * (np.arange(len(profile)) + 0.5)).sum() / max(profile.sum(), 1e-9), profile.sum()


def corners(windows, canvas):
    """(row, column, top, left) of every cell whose window lies on a canvas of (height, width), by counting."""
    cells = []
    for row in range(canvas[0]):
        for column in range(canvas[1]):
            top, left = windows.offset[0] + row * windows.stride[0], windows.offset[1] + column * windows.stride[1]
            if top + windows.size[0] > canvas[0]:
                return cells
            if left + windows.size[1] > canvas[1]:
                break
            if top >= 0 and left >= 0:
                cells.append((row, column, top, left))
    return cells


def perfect(scan, classes=1, label=0):
    """A predict function that sees drawn objects as a well trained detector would: canvases (B, H, W, 3) -> maps (B, rows, columns, numbers)."""
    height, width = scan.windows.size

    def predict(canvases):
        cells = corners(scan.windows, canvases.shape[1:3])
        maps = np.zeros((len(canvases), cells[-1][0] + 1, cells[-1][1] + 1, 5 + classes + 2 * scan.points), np.float32)
        for canvas, answers in zip(canvases, maps):
            for row, column, top, left in cells:
                seen = look(canvas[top : top + height, left : left + width], scan.points)
                if seen is None or not (0.75 < seen[2] / height / scan.fill < 1.3 and 0.75 < seen[3] / width / scan.fill < 1.3):
                    continue
                shares = seen / np.array([width, height, height, width, *[width, height] * scan.points])
                answers[row, column, 0] = 1 - np.abs(shares[:2] - 0.5).max()  # surest where the object is in the middle
                answers[row, column, 1:5], answers[row, column, 5 + label] = shares[:4], 1
                answers[row, column, 5 + classes :] = shares[4:]
        return maps

    return predict


def detector_card(scan, images, labels=("cat",), **more):
    """The card of a detector on frames that are fitted as `images` says."""
    settings = {"threshold": 0.5, "recipe": Recipe(detect=Detect(overlap=0.3)), **more}
    return Card(name="found", task="detect", labels=labels, images=images, scan=scan, **settings)
