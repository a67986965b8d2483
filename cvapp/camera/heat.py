"""Where a vision transformer looks, in warm colours over the greyed picture."""

import math
from typing import Any, Callable, NamedTuple

import cv2
import numpy as np

from cvapp.camera.kinds import Kind, Place
from cvapp.images import Images, inside, window

SPAN = 0.5  # of the even share: from the coldest place to the hottest it is at least this far, lest an even map look like a choice
_LIGHT, _HEAT = 0.4, 0.7  # of the picture's light, and of the colours', what is left of them
_STEPS = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_INFERNO)  # each lighter than the one before
_COLOURS = cv2.cvtColor(_STEPS, cv2.COLOR_BGR2RGB)  # (256, 1, 3)


class Looked(NamedTuple):
    """An answer, and where the model looked for it: (h, w) over the fitted picture, None where nobody asked."""

    answer: Any
    attention: np.ndarray | None


def spread(attention: np.ndarray, shape: tuple[int, ...], images: Images | None = None, mirrored: bool = False) -> np.ndarray:
    """How hot each pixel of a picture is: uint8 (H, W), 255 at the map's hottest place, 0 at its coldest and where the model sees nothing.

    Args:
        attention: (h, w) over the fitted picture.
        shape: of the picture, (H, W, ...).
        images: how it was fitted, before it was mirrored; None for a fitted picture.
        mirrored: whether it is mirrored now.
    """
    low, high = float(attention.min()), float(attention.max())
    cells: np.ndarray = np.round((attention - low) * 255 / max(high - low, SPAN)).astype(np.uint8)
    if images is None or images.size is None:
        heat = cv2.resize(cells, shape[1::-1], interpolation=cv2.INTER_CUBIC)
    else:
        (top, left, height, width), (to_top, to_left, to_height, to_width) = window(shape, images), inside(shape, images)
        fitted = cv2.resize(cells, images.size[::-1], interpolation=cv2.INTER_CUBIC)
        part = fitted[to_top : to_top + to_height, to_left : to_left + to_width]
        heat = np.zeros(shape[:2], np.uint8)
        heat[top : top + height, left : left + width] = cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.flip(heat, 1) if mirrored else heat


def paint(picture: np.ndarray, attention: np.ndarray, images: Images | None = None, mirrored: bool = False) -> np.ndarray:
    """A copy of a picture, uint8 RGB (H, W, 3), grey and darker, with a map (h, w) in colours over it; the rest as `spread`."""
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(grey, _LIGHT, cv2.applyColorMap(spread(attention, picture.shape, images, mirrored), _COLOURS), _HEAT, 0)


class Fading:
    """An exponential mean of maps over time, as `Smoothing` is of probabilities.

    Args:
        seconds: the time constant; 0 smooths nothing.
    """

    def __init__(self, seconds: float):
        self._constant = seconds
        self._kept: np.ndarray | None = None
        self._time = 0.0

    def __call__(self, attention: np.ndarray | None, seconds: float) -> np.ndarray | None:
        """The smoothed map of a frame of some time; it begins anew after a frame without one, and after a step back."""
        past, self._time = seconds - self._time, seconds
        if attention is not None and self._kept is not None and self._constant > 0 and past >= 0:
            attention = attention + np.float32(math.exp(-past / self._constant)) * (self._kept - attention)
        self._kept = attention
        return attention


def looking(kind: Kind, images: Images) -> Kind:
    """A kind whose answers are `Looked`: it says, logs, counts and draws what `kind` does, over the map where there is one.

    Args:
        kind: of the answers inside.
        images: how a picture was fitted.
    """

    def steady(seconds: float) -> Callable[[Looked, float], Looked]:
        inner, fading = kind.steady(seconds), Fading(seconds)
        return lambda looked, time: Looked(inner(looked.answer, time), fading(looked.attention, time))

    def draw(picture: np.ndarray, looked: Looked, status: str, seen: Place | None, mirrored: bool) -> np.ndarray:
        if looked.attention is not None:
            picture = paint(picture, looked.attention, images, mirrored)
        return kind.draw(picture, looked.answer, status, seen, mirrored)

    return Kind(
        steady,
        lambda looked: kind.say(looked.answer),
        lambda looked: kind.line(looked.answer),
        lambda looked: kind.counted(looked.answer),
        draw,
    )
