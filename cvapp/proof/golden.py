"""Golden samples: a few fitted photos, or noise, and what each variant answered where it was made, to be replayed on any machine."""

from pathlib import Path
from typing import Mapping

import numpy as np

from cvapp.bundle import ATTENTION
from cvapp.errors import CvappError, Exit
from cvapp.files import replacing

FILE = "golden.npz"
PHOTOS = 16
PIXELS, NOISE = "pixels", "noise"  # names of what was given: to a generator noise, to all others photos
FLOAT, STEPS = 1e-3, 2 / 256  # how far a probability may be off: of a variant in float, and of one that computes in 8 bits
MAPS = 4  # times as far where a model answers many thousand numbers, some beyond 1: for a detector's windows, or a generator's pictures
LOOKS = 2e-2  # of the even share, as far as a map of attention may be off
TOLERANCES = {"keras": FLOAT, "float32": FLOAT, "float16": FLOAT, "dynamic": STEPS, "int8": STEPS, ATTENTION: LOOKS}


def write(path: Path, pixels: np.ndarray, answers: Mapping[str, np.ndarray]) -> None:
    """Write the samples.

    Args:
        path: of the file, whole or not at all.
        pixels: uint8 RGB (N, H, W, 3) at the model's size; or what a generator was given, float32 (N, n).
        answers: probabilities (N, classes) by variant, or a detector's maps (N, rows, columns, numbers); `keras` for those of the Keras model,
            `attention` for maps (N, h, w) of where it looks. A generator's are pictures (N, H, W, channels), -1..1.
    """
    given = {PIXELS if pixels.dtype == np.uint8 else NOISE: pixels}
    with replacing(path) as neighbour:
        np.savez_compressed(neighbour, **given, **{name: values.astype(np.float32) for name, values in answers.items()})


def read(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The photos, uint8 RGB (N, H, W, 3), or noise, float32 (N, n), and the answers to them by variant, as they were written.

    Raises:
        CvappError: the file is missing or damaged (exit 3).
    """
    try:
        with path.open("rb") as opened, np.load(opened) as file:  # NumPy leaves a file that it cannot read open
            answers = {name: file[name] for name in file.files}
        pixels = answers.pop(NOISE if NOISE in answers else PIXELS)
        _check(pixels, answers)
    except Exception as error:  # NumPy and zipfile raise whatever damaged bytes lead them to
        raise CvappError(
            f"{path}: golden samples cannot be read ({type(error).__name__}: {error}); export the model again", Exit.BAD_DATA
        ) from error
    return pixels, answers


def _check(pixels: np.ndarray, answers: Mapping[str, np.ndarray]) -> None:
    """A ValueError unless these are photos, or noise, and answers to each by known variants."""
    makes = pixels.dtype == np.float32 and pixels.ndim == 2 and np.isfinite(pixels).all()
    sees = pixels.dtype == np.uint8 and pixels.ndim == 4 and pixels.shape[3] == 3
    shapes = sorted({values.shape for name, values in answers.items() if name != ATTENTION})
    fitting = len(shapes) == 1 and len(shapes[0]) in ((4,) if makes else (2, 4)) and 0 not in shapes[0] and shapes[0][0] == len(pixels)
    if not (makes or sees) or not fitting:
        raise ValueError(f"photos of shape {pixels.shape}, answers of {shapes}")
    looks = answers.get(ATTENTION)
    if looks is not None and (looks.ndim != 3 or len(looks) != len(pixels) or not looks.size):
        raise ValueError(f"{len(pixels)} photos, maps of attention of shape {looks.shape}")
    for name, values in answers.items():
        if name not in TOLERANCES or values.dtype != np.float32 or not np.isfinite(values).all():
            raise ValueError(f"answers of {name} are no probabilities")


def differ(variant: str, found: np.ndarray, expected: np.ndarray) -> list[str]:
    """Why a variant does not answer as it did where it was made; nothing where it does.

    Args:
        variant: its name, which decides how near the answers must be.
        found: probabilities (N, classes), or maps, of this machine.
        expected: those of the golden samples.
    """
    maps = expected.ndim > 2
    tolerance = TOLERANCES[variant] * (MAPS if expected.ndim == 4 else 1)
    if found.shape != expected.shape or not np.isfinite(found).all():
        return [f"answers {found.shape} for golden answers of {expected.shape}, or numbers that are none"]
    reasons = []
    off = np.abs(found - expected).max()
    if off > tolerance + 1e-6:
        reasons.append(f"a {'number' if maps else 'probability'} differs from the golden sample's by {off:.4f} (at most {tolerance:.4f})")
    if maps:
        return reasons
    ordered = np.sort(expected, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > tolerance if expected.shape[1] > 1 else np.zeros(len(expected), bool)
    wrong = int((clear & (found.argmax(1) != expected.argmax(1))).sum())
    if wrong:
        reasons.append(f"the first answer to {wrong} of {len(expected)} golden photos is another")
    return reasons
