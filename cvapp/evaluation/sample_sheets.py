"""Sheets of generated pictures: each beside the training photo that it is most like, and samples class by class."""

from typing import Sequence

import cv2
import numpy as np

from cvapp.evaluation.sheets import contact_sheet, stacked
from cvapp.evaluation.words import counted, percent, printable, shorten
from cvapp.images import resize

MOST_ROWS = 30  # classes on a sheet: more are not looked through
_SIDE, _SMALL = 168, 96  # pixels at most: of a picture beside its photo, of one among its class
_BETWEEN, _PAIRS = 6, 3  # pixels between a sample and its photo, pairs in a row


def nearest_sheet(made: np.ndarray, train: np.ndarray, places: np.ndarray, distances: np.ndarray, count: int = 12) -> np.ndarray:
    """Samples, each with its nearest training photo at its right, the nearest pair first: uint8 RGB.

    Args:
        made: samples (N, H, W, 3) uint8.
        train: training photos (K, H, W, 3) uint8.
        places: (N,) of each sample's nearest training photo (`neighbours.nearest`).
        distances: (N,) to it, in any unit.
        count: pairs at most.
    """
    chosen = np.argsort(distances, kind="stable")[:count]
    pairs, captions = [], []
    for number in chosen:
        sample, photo = made[number], train[places[number]]
        gap = np.full((1, _BETWEEN, 3), 255, np.uint8)
        large = [_crisp(picture, _SIDE) for picture in (sample, photo)]
        pairs.append(np.concatenate([large[0], gap.repeat(len(large[0]), 0), large[1]], 1))
        captions.append(_likeness(sample, photo))
    title = "Samples (left) and the training photo each is most like (right), the most alike first"
    return stacked({title: contact_sheet(pairs, captions, _PAIRS, pairs[0].shape[1])})


def _likeness(sample: np.ndarray, photo: np.ndarray) -> str:
    """`pixels differ by 7.1%`: the root mean square of the differences, which is the distance that was looked for."""
    apart = float(np.sqrt(np.mean(cv2.absdiff(sample, photo).astype(np.float64) ** 2))) / 255
    return "a copy, pixel for pixel" if apart == 0 else f"pixels differ by {percent(apart, 1)}"


def by_class_sheet(
    made: np.ndarray, classes: np.ndarray, labels: Sequence[str], confidence: np.ndarray, columns: int = 10, most: int = MOST_ROWS
) -> np.ndarray:
    """Samples in a row for each class that the judge takes them for, the surest first, with how sure it is: uint8 RGB.

    Args:
        made: samples (N, H, W, 3) uint8.
        classes: (N,) int, the judge's first answer.
        labels: of all classes.
        confidence: (N,) its probability, 0..1.
        columns: samples of a class at most.
        most: classes at most; of more those with the most samples are shown, in their order.
    """
    counts = np.bincount(classes, minlength=len(labels))
    shown = np.sort(np.argsort(-counts, kind="stable")[:most])
    rows = []
    for number in shown:
        members = np.flatnonzero(classes == number)
        members = members[np.argsort(-confidence[members], kind="stable")][:columns]
        rows.append(stacked({_title(labels[number], counts[number], len(made)): _row(made[members], confidence[members])}))
    if len(labels) > most:
        rows.insert(0, stacked({f"{most} of {len(labels)} classes: those with the most samples. {_lacking(counts)}": _nothing()}))
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows])


def _title(label: str, count: int, total: int) -> str:
    """`Coat: 12 of 120 samples, 10%`."""
    have = f"{count:,} of {counted(total, 'sample')}, {percent(count / total)}" if count else "none"
    return f"{shorten(printable(label), 40)}: {have}"


def _lacking(counts: np.ndarray) -> str:
    lacking = int((counts == 0).sum())
    return f"{counted(lacking, 'class', 'classes')} {'has' if lacking == 1 else 'have'} none." if lacking else "Each class has some."


def _row(pictures: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Pictures of one class beside each other, each with how sure the judge is of it."""
    if not len(pictures):
        return _nothing()
    small = [_crisp(picture, _SMALL) for picture in pictures]
    return contact_sheet(small, [percent(share) for share in confidence], len(small), small[0].shape[1])


def _nothing() -> np.ndarray:
    return np.full((4, 4, 3), 255, np.uint8)


def _crisp(picture: np.ndarray, side: int) -> np.ndarray:
    """A small picture with each pixel as a square of several, as wide as a sheet's tile at most; a larger one shrunk to that width."""
    height, width = picture.shape[:2]
    if width > side:
        return resize(picture, (max(1, round(height * side / width)), side))
    times = side // width
    return picture.repeat(times, 0).repeat(times, 1)
