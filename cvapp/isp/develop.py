"""From a raw file to a picture, in the order of a camera: white balance, demosaic, denoise, colour matrix, exposure, sRGB curve, upright."""

from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import numpy as np

from cvapp.errors import CvappError
from cvapp.images import upright
from cvapp.isp import denoise, tone, white_balance
from cvapp.isp.demosaic import demosaic, superpixel
from cvapp.isp.raw import Raw, read_raw

BALANCES = ("camera", "grey-world", "white-world")


@dataclass(frozen=True)
class Look:
    """How a raw picture is developed.

    Args:
        balance: `camera` (its own multipliers; grey-world where the file has none), `grey-world`, `white-world`, or three gains.
        method: of demosaicing, `bilinear` or `edge-aware`.
        noise: standard deviation for the bilateral filter, 0..255 after the sRGB curve; 0 leaves the picture as it is.
        stops: of exposure; None takes the brightest hundredth to white.
    """

    balance: str | Sequence[float] = "camera"
    method: str = "edge-aware"
    noise: float = 0.0
    stops: float | None = None


def develop(path: str | Path, pattern: str | None = None, look: Look = Look()) -> np.ndarray:
    """Develop a camera's raw file, or a mosaic from .npy or .npz with its pattern: uint8 RGB (H, W, 3), upright. See `read_raw` for errors."""
    return render(read_raw(path, pattern), look)


def render(raw: Raw, look: Look = Look()) -> np.ndarray:
    """Develop what a sensor saw: uint8 RGB (H, W, 3), upright.

    Saturated places become white: gains are made 1 or more, and what passes 1 is clipped before the colour matrix can tint it.
    """
    gains = white_balance.keep_white(gains_of(raw, look.balance))
    balanced = tone.saturate(white_balance.apply(raw.values, gains, raw.pattern))
    rgb = tone.apply_matrix(tone.saturate(demosaic(balanced, raw.pattern, look.method)), raw.matrix)
    picture = tone.to_uint8(tone.expose(rgb, tone.automatic_stops(rgb) if look.stops is None else look.stops))
    if look.noise:
        picture = denoise.bilateral(picture, look.noise)
    return np.ascontiguousarray(upright(picture, raw.orientation))


def gains_of(raw: Raw, balance: str | Sequence[float] = "camera") -> np.ndarray:
    """The gains float32 (3,), green 1, that a balance (see `Look`) means for a raw picture."""
    if not isinstance(balance, str):
        return white_balance.camera(balance)
    if balance not in BALANCES:
        raise CvappError(f"balance {balance!r}: choose one of {', '.join(BALANCES)}, or give three gains")
    if balance == "camera" and raw.multipliers is not None:
        return white_balance.camera(raw.multipliers)
    measure = white_balance.white_world if balance == "white-world" else white_balance.grey_world
    return measure(superpixel(raw.values, raw.pattern))


def patch_gains(raw: Raw, box: Sequence[int]) -> np.ndarray:
    """The gains float32 (3,) that make a patch grey; its box is (left, top, right, bottom) in the developed, upright picture."""
    return white_balance.patch(upright(demosaic(raw.values, raw.pattern, "bilinear"), raw.orientation), box)
