"""Pictures as another camera, light and moment would have given them: the steps of a camera run backwards, disturbed, and run forwards again."""

from dataclasses import dataclass

import numpy as np

from cvapp.errors import CvappError
from cvapp.isp import tone, white_balance
from cvapp.isp.demosaic import demosaic, mosaic

WELL = (200.0, 8000.0)  # electrons at white: a phone in a dim room, the same by a window
READ = (1.5, 6.0)  # electrons
WARMTH, TINT = 0.35, 0.06  # spread of ln(red / blue) / 2 and of ln(green) over lamps and daylight


@dataclass(frozen=True)
class Capture:
    """How a picture is taken.

    Args:
        light: colour of the light (red, green, blue) against that of the picture, green about 1.
        balanced: share of it that the camera's white balance takes out again, 0 to 1.
        electrons: that a pixel counts at white, before the light's colour: few is a dark room.
        read: standard deviation of the read noise, in electrons.
        dark: electrons that come without light; their mean is taken off, their noise stays.
        pattern: of a colour filter array that the picture passes through; None for a sensor with three colours a pixel.
    """

    light: tuple[float, float, float] = (1.0, 1.0, 1.0)
    balanced: float = 1.0
    electrons: float = 2000.0
    read: float = 3.0
    dark: float = 1.0
    pattern: str | None = "RGGB"

    def __post_init__(self) -> None:
        if len(self.light) != 3 or not all(0.05 <= value <= 20 for value in self.light):
            raise CvappError(f"light {self.light}: give red, green and blue, each 0.05 to 20")
        for name, low, high in (("balanced", 0, 1), ("electrons", 1, 1e6), ("read", 0, 1e4), ("dark", 0, 1e4)):
            if not low <= getattr(self, name) <= high:
                raise CvappError(f"{name} {getattr(self, name)}: give a number from {low} to {high:g}")


def draw(generator: np.random.Generator, pattern: str | None = "RGGB") -> Capture:
    """Draw a capture: warm to cold light, a dim room to a window (evenly on a log scale), a white balance that does half of its work or more.

    The light is ln red = w + t, ln blue = -w + t with normal w (warm to cold, as along the Planckian locus) and t (green to magenta), after the
    gains that Brooks et al. 2019, "Unprocessing Images for Learned Raw Denoising", draw for real cameras.
    """
    warmth, tint = WARMTH * generator.standard_normal(), TINT * generator.standard_normal()
    warmth = np.clip(warmth, -1, 1)
    return Capture(
        light=(float(np.exp(warmth + tint)), 1.0, float(np.exp(tint - warmth))),
        balanced=float(generator.uniform(0.5, 1)),
        electrons=float(np.exp(generator.uniform(*np.log(WELL)))),
        read=float(generator.uniform(*READ)),
        dark=float(generator.uniform(0, 2)),
        pattern=pattern,
    )


def retake(picture: np.ndarray, capture: Capture, generator: np.random.Generator) -> np.ndarray:
    """Take a picture again: uint8 RGB (H, W, 3) -> the same shape. The same generator state gives the same picture.

    Backwards: the sRGB curve undone, the light's colour put on (its strongest channel as bright as before, so that nothing saturates that did
    not), sampled by the filter array. Then the sensor's noise. Forwards: white balance, demosaicing (balanced wholly, as cameras do it; the share
    that a camera fails to take out is put back after), the sRGB curve.
    """
    light = np.asarray(capture.light, np.float32)
    strongest = light.max()
    scene = tone.from_uint8(picture) * (light / strongest)
    seen = sense(scene if capture.pattern is None else mosaic(scene, capture.pattern), capture, generator)
    neutral = white_balance.apply(seen, 1 / light, capture.pattern)
    rgb = neutral if capture.pattern is None else demosaic(neutral, capture.pattern)
    return tone.to_uint8(rgb * (strongest * light ** (1 - capture.balanced)))


def sense(scene: np.ndarray, capture: Capture, generator: np.random.Generator) -> np.ndarray:
    """What a sensor counts of linear light of any shape: v = (Poisson(N x + d) + Normal(0, r) - d) / N, float32, which may leave 0..1.

    The mean is x, the variance x / N + (d + r^2) / N^2 (Janesick 2007, "Photon Transfer"; EMVA 1288), with N electrons at white,
    d dark electrons and read noise r.
    """
    counted = generator.poisson(np.asarray(scene, np.float64) * capture.electrons + capture.dark)
    read = capture.read * generator.standard_normal(scene.shape, np.float32)
    return ((counted - capture.dark + read) / capture.electrons).astype(np.float32)
