"""From a seed to pictures: the noise that a generator is given, what its numbers mean, many pictures as one, and the way between two."""

import math
from typing import Iterator, Sequence

import cv2
import numpy as np

from cvapp.errors import CvappError, Exit
from cvapp.recipe import did_you_mean

MOST = 100_000  # pictures of one seed
WIDE, LARGEST = 900, 8  # pixels that a grid is about as wide as, and by how much a picture is enlarged for it at most
SHOWN = 20  # classes that an error names
GAP = (40, 40, 40)  # colour between the pictures
PARALLEL = 1e-4  # sine of the angle between two noises under which no arc leads from one to the other


def noise(count: int, latent: int, seed: int) -> np.ndarray:
    """Noise of N(0, 1) by a seed: float32 (count, latent). The first rows of a larger count are the same.

    Raises:
        CvappError: a count that is not 1 to 100,000, or a seed under 0 (exit 2).
    """
    if not 1 <= count <= MOST:
        raise CvappError(f"count is {count}: give how many pictures to make, 1 to {MOST}")
    if seed < 0:
        raise CvappError(f"seed is {seed}: give a whole number from 0")
    return np.random.default_rng(seed).standard_normal((count, latent)).astype(np.float32)


def asked(noise: np.ndarray, classes: int, place: int | None = None) -> np.ndarray:
    """What a conditional generator is given: noise (N, latent) and the one-hot of a class behind each row, float32 (N, latent + classes).

    Args:
        noise: float32 (N, latent).
        classes: how many there are; with 0 the noise is all.
        place: of the class that is asked for; None asks for all in turn, class i % classes for row i.
    """
    if not classes:
        return noise
    places = np.arange(len(noise)) % classes if place is None else np.full(len(noise), place)
    return np.concatenate([noise, np.eye(classes, dtype=np.float32)[places]], 1)


def place_of(label: str, labels: Sequence[str], name: str) -> int:
    """The place of a class among those that a generator can be asked for.

    Args:
        label: the class.
        labels: those that can be asked for; none of an unconditional generator.
        name: of the generator.

    Raises:
        CvappError: it is none of them, or there are none (exit 2).
    """
    if not labels:
        raise CvappError(f"{name} makes what it likes of all classes, {label!r} cannot be asked for; leave the label out")
    if label not in labels:
        known = ", ".join([*labels[:SHOWN], *(["..."] if len(labels) > SHOWN else [])])
        raise CvappError(f"{name} makes no {label!r}: choose one of {known}{did_you_mean(label, labels)}")
    return labels.index(label)


def pictures(values: np.ndarray) -> np.ndarray:
    """A generator's numbers (N, H, W, 1 or 3), -1..1, as uint8 RGB (N, H, W, 3): rounded to the nearest; grey three times.

    Raises:
        CvappError: numbers that are none, as of a training that came apart (exit 3).
    """
    if not np.isfinite(values).all():
        raise CvappError("the generator answers numbers that are none (NaN or infinite): it is of no use; train it again", Exit.BAD_DATA)
    levels = np.rint((values.astype(np.float32) + 1) * 127.5).clip(0, 255).astype(np.uint8)
    return levels if levels.shape[3] == 3 else levels.repeat(3, axis=3)


def grid(pictures: np.ndarray, columns: int | None = None, scale: int | None = None) -> np.ndarray:
    """Many pictures as one, row by row, with a thin gap around each: uint8 RGB.

    Args:
        pictures: uint8 RGB (N, H, W, 3).
        columns: of the grid; as many as make it nearly square when left out. What is left of the last row has the colour of the gap.
        scale: whole factor by which each is enlarged, pixels becoming squares; such that the grid is about 900 pixels wide when left out, 8 at
            most.
    """
    count, height, width, _ = pictures.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    scale = scale or min(LARGEST, max(1, round(WIDE / (columns * width))))
    gap = max(2, scale // 2)
    cells = np.empty((rows * columns, scale * height + gap, scale * width + gap, 3), np.uint8)
    cells[:] = GAP
    cells[:count, gap:, gap:] = pictures.repeat(scale, axis=1).repeat(scale, axis=2)
    whole = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2).reshape(rows * cells.shape[1], columns * cells.shape[2], 3)
    return cv2.copyMakeBorder(whole, 0, gap, 0, gap, cv2.BORDER_CONSTANT, value=GAP)


def walk(first: np.ndarray, second: np.ndarray, frames: int) -> np.ndarray:
    """The way from one noise (N, latent) to another and back, row by row: float32 (frames, N, latent), smooth also from its end to its start.

    It goes along arcs (slerp, Shoemake 1985), and from one length to the other: noise of N(0, 1) in many dimensions has nearly always a
    length near the square root of their number, and the straight line between two leads through shorter ones, which the generator has
    never seen (White 2016, arXiv:1609.04468).
    """
    return np.stack(list(_steps(first.astype(np.float64), second.astype(np.float64), frames))).astype(np.float32)


def _steps(first: np.ndarray, second: np.ndarray, frames: int) -> Iterator[np.ndarray]:
    start, end = (np.linalg.norm(one, axis=1, keepdims=True).clip(1e-12) for one in (first, second))
    cosine = (first / start * second / end).sum(1, keepdims=True).clip(-1, 1)
    angle, sine = np.arccos(cosine), np.sqrt(1 - cosine**2)
    straight, sine = sine < PARALLEL, np.maximum(sine, PARALLEL)
    for frame in range(frames):
        share = (1 - math.cos(2 * math.pi * frame / frames)) / 2  # 0 at the start, 1 half way, slow at both
        here, there = (np.where(straight, part, np.sin(part * angle) / sine) for part in (1 - share, share))
        length = (1 - share) * start + share * end
        yield np.where(straight, here * first + there * second, length * (here * first / start + there * second / end))
