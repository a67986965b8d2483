"""From a sensor's values to a picture and back: levels, vignetting, white balance, demosaicing, denoising, tone; NumPy and OpenCV only.

Colour pictures are linear float32 RGB (H, W, 3), mosaics float32 (H, W), black 0 and saturation 1; finished pictures are uint8 RGB. The modules
`denoise`, `sensor`, `tone` and `white_balance` hold the single steps; what follows is whole ways.
"""

from cvapp.isp import denoise, sensor, tone, white_balance
from cvapp.isp.backwards import Capture, draw, retake, sense
from cvapp.isp.demosaic import demosaic, mosaic, superpixel
from cvapp.isp.develop import Look, develop, gains_of, patch_gains, render
from cvapp.isp.dump import Layout, layout_of
from cvapp.isp.raw import Raw, read_raw
from cvapp.isp.steps import STEPS, parse

__all__ = [
    "STEPS",
    "Capture",
    "Layout",
    "Look",
    "Raw",
    "demosaic",
    "denoise",
    "develop",
    "draw",
    "gains_of",
    "layout_of",
    "mosaic",
    "parse",
    "patch_gains",
    "read_raw",
    "render",
    "retake",
    "sense",
    "sensor",
    "superpixel",
    "tone",
    "white_balance",
]
