"""Steps named by a line of text, `grey-world,gamma=2.2,median=3`, on photos and on a camera's frames.

What works pixel by pixel is folded into one look-up table a frame, so it costs next to nothing; a neighbourhood costs what OpenCV needs.
"""

import functools
import itertools
from dataclasses import dataclass
from typing import Callable, Sequence

import cv2
import numpy as np

from cvapp.errors import CvappError
from cvapp.isp import denoise, tone, white_balance
from cvapp.isp.shapes import frame
from cvapp.names import did_you_mean

Picture = Callable[[np.ndarray], np.ndarray]
# a curve takes the table so far, float32 (256, 3) of sRGB values 0..1, and the frame's usable pixels counted by value, (256, 3)
Curve = Callable[[np.ndarray, np.ndarray], np.ndarray]
CODES = np.arange(256, dtype=np.float32)[:, None].repeat(3, 1) / 255
SAMPLED = 240  # pixels of the shorter side are enough to measure the light
# what white_balance calls black and saturated, as sRGB codes
LOW, HIGH = (int(np.rint(255 * tone.srgb_encode(np.float32(value)))) for value in (white_balance.DARK, white_balance.BRIGHT))


@dataclass(frozen=True)
class Step:
    """A name's meaning.

    Args:
        what: in words.
        default: its value where none is given; None if one must be.
        limits: of its value, both inclusive; alike where it takes none.
        curve: makes a step that works pixel by pixel, from the value and the memory of a live picture (see `parse`).
        spatial: or makes one that works on neighbourhoods, from the value.
        odd: only odd whole values are taken.
        measured: its curve looks at each frame; the others are the same for all.
    """

    what: str
    default: float | None
    limits: tuple[float, float]
    curve: Callable[[float, float], Curve] | None = None
    spatial: Callable[[float], Picture] | None = None
    odd: bool = False
    measured: bool = False


def _in_linear(table: np.ndarray, factors: Sequence[float] | np.ndarray | float) -> np.ndarray:
    return tone.srgb_encode(tone.srgb_decode(table) * np.asarray(factors, np.float32))


def _gain(factors: Callable[[float], Sequence[float] | float]) -> Callable[[float, float], Curve]:
    """A step that multiplies linear light by what a value means."""
    return lambda value, memory: lambda table, counts: _in_linear(table, factors(value))


def _side(smooth: Callable[[np.ndarray, int], np.ndarray]) -> Callable[[float], Picture]:
    """A step over squares, its value their side."""
    return lambda value: lambda picture: smooth(picture, int(value))


def _balance(measure: Callable[[np.ndarray, np.ndarray, float], np.ndarray]) -> Callable[[float, float], Curve]:
    """A step that balances by what is measured in each frame; log gains follow slowly, or all would flicker with what comes into view."""

    def made(value: float, memory: float) -> Curve:
        gains: list[np.ndarray] = []  # the last frame's, as logarithms

        def curve(table: np.ndarray, counts: np.ndarray) -> np.ndarray:
            if counts.any():  # a black frame tells nothing, and the last gains stay
                new = np.log(white_balance.settled(measure(tone.srgb_decode(table), counts, value)))
                gains[:] = [memory * gains[0] + (1 - memory) * new if gains else new]
            return _in_linear(table, np.exp(gains[0])) if gains else table

        return curve

    return made


def _mean_light(values: np.ndarray, counts: np.ndarray, value: float) -> np.ndarray:
    """The light that `white_balance.grey_world` sees, from counts: linear values (256, 3), how often each occurs (256, 3) -> (3,)."""
    return (values * counts).sum(0) / counts.sum(0)


def _brightest_light(values: np.ndarray, counts: np.ndarray, percentile: float) -> np.ndarray:
    """The light that `white_balance.white_world` sees, likewise."""
    return values[(counts.cumsum(0) >= counts.sum(0) * percentile / 100).argmax(0), range(3)]


STEPS = {
    "grey-world": Step("white balance: the channels' means alike", 0, (0, 0), _balance(_mean_light), measured=True),
    "white-world": Step(
        "white balance: the channels' maxima alike, by a percentile", 99, (50, 100), _balance(_brightest_light), measured=True
    ),
    "red": Step("gain of red, in linear light", None, (0.1, 10), _gain(lambda value: (value, 1, 1))),
    "blue": Step("gain of blue, in linear light", None, (0.1, 10), _gain(lambda value: (1, 1, value))),
    "exposure": Step("stops: each doubles the light", None, (-8, 8), _gain(lambda value: 2.0**value)),
    "gamma": Step(
        "v^(1/gamma) of the picture's values; above 1 lifts shadows",
        2.2,
        (0.1, 10),
        lambda value, memory: lambda table, counts: tone.gamma_encode(table, value),
    ),
    "mean": Step("mean of a square, its side in pixels (odd)", 3, (3, 31), spatial=_side(denoise.mean), odd=True),
    "median": Step("median of a square, its side in pixels (odd)", 3, (3, 31), spatial=_side(denoise.median), odd=True),
    "denoise": Step(
        "bilateral filter for noise of this standard deviation, 0..255",
        10,
        (0.5, 100),
        spatial=lambda value: lambda picture: denoise.bilateral(picture, value),
    ),
}


def parse(text: str, memory: float = 0.9) -> Picture:
    """Make a function of a line of steps: uint8 RGB (H, W, 3) -> uint8 RGB of the same shape, done in the order they are written.

    Args:
        text: names with or without a value, joined by commas: `grey-world,gamma=2.2,median=3`; `STEPS` lists them.
        memory: share of the last frame's white-balance gains that stays in the next one's. At 0.9 a new light is followed in about a third of a
            second at 30 frames a second, and an object that comes into view makes no flicker. The first picture is balanced at once; give 0 for
            photos that have nothing to do with each other.

    Raises:
        CvappError: an unknown name, or a value that it does not take.
    """
    if not 0 <= memory < 1:
        raise CvappError(f"memory {memory:g}: give 0 up to, but not, 1")
    steps = [_read(word.strip()) for word in text.split(",")]
    parts: list[Picture] = []
    for pixelwise, group in itertools.groupby(steps, lambda pair: pair[0].curve is not None):
        run = list(group)
        if pixelwise:
            measured = any(step.measured for step, _ in run)
            parts.append(_folded([step.curve(value, memory) for step, value in run if step.curve], measured))
        else:
            parts += [step.spatial(value) for step, value in run if step.spatial]
    return _chained(parts)


def _read(word: str) -> tuple[Step, float]:
    name, equals, text = (part.strip() for part in word.partition("="))
    if name not in STEPS:
        raise CvappError(f"step {name!r}: choose of {', '.join(STEPS)}{did_you_mean(name, STEPS)}")
    step = STEPS[name]
    if not equals and step.default is not None:
        return step, step.default
    least, most = step.limits
    if equals and least == most:
        raise CvappError(f"step {word!r}: {name} takes no value")
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not least <= value <= most or (step.odd and value % 2 != 1):
        raise CvappError(f"step {word!r}: give {name}=N, {step.what}, {least:g} to {most:g}")
    return step, value


def _chained(parts: Sequence[Picture]) -> Picture:
    def change(picture: np.ndarray) -> np.ndarray:
        picture = frame(picture)
        for part in parts:
            picture = part(picture)
        return picture

    return change


def _folded(curves: Sequence[Curve], measured: bool) -> Picture:
    """Steps that work pixel by pixel, as one look-up table a channel; made once where nothing in it is measured."""

    def made(counts: np.ndarray) -> np.ndarray:
        table = functools.reduce(lambda table, curve: curve(table, counts), curves, CODES)
        return np.rint(table * 255).astype(np.uint8)[:, None]

    if measured:
        return lambda picture: cv2.LUT(picture, made(_counts(picture)))
    table = made(np.zeros((256, 3)))
    return lambda picture: cv2.LUT(picture, table)


def _counts(picture: np.ndarray) -> np.ndarray:
    """How many usable pixels (as `white_balance.usable` has it) hold each value of each channel: (256, 3). A large picture is sampled."""
    every = max(1, min(picture.shape[:2]) // SAMPLED)
    sample = np.ascontiguousarray(picture[::every, ::every])
    peak = cv2.max(cv2.max(sample[..., 0], sample[..., 1]), sample[..., 2])
    mask = cv2.inRange(peak, LOW + 1, HIGH - 1)
    return np.column_stack([cv2.calcHist([sample], [channel], mask, [256], [0, 256]) for channel in range(3)])
