"""The camera's pipeline against what is known: demosaicing and denoising in decibels, white balance in degrees, steps in milliseconds.

    python benchmarks/isp.py MOSAIC.npz FOLDER_OF_PHOTOS

MOSAIC.npz holds `cfa_RGGB` and `ground_truth` (and, as `NAME_RGGB`, the results of other programs); the photos are PNGs without a cast.
"""

import statistics
import sys
import time
from pathlib import Path
from typing import Callable

import cv2
import numpy as np

from cvapp import images, isp
from cvapp.isp import denoise, tone, white_balance

LIGHTS = ((1, 0.67, 0.4), (0.5, 0.71, 1), (1, 1, 0.5), (0.9, 0.7, 1))
NOISES = (5, 10, 25)
STEPS = ("grey-world", "gamma=2.2", "median=3", "denoise=10", "grey-world,gamma=2.2,median=3")


def psnr(picture: np.ndarray, truth: np.ndarray, peak: float = 1.0) -> float:
    """Peak signal to noise over the whole frame, in decibels."""
    return float(10 * np.log10(peak**2 / np.mean((picture.astype(np.float64) - truth) ** 2)))


def milliseconds(work: Callable[[], object], rounds: int = 9) -> float:
    """The median time of some work."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken)


def demosaicing(path: str) -> None:
    """Ours, and what other programs made of the same mosaic."""
    file = np.load(path)
    raw, truth = file["cfa_RGGB"], file["ground_truth"].astype(np.float64)
    print("demosaicing, dB over the whole frame")
    for method in ("bilinear", "edge-aware"):
        print(f"  {method:24} {psnr(isp.demosaic(raw, 'RGGB', method), truth):6.2f}")
    for name in file.files:
        if name.endswith("_RGGB") and name != "cfa_RGGB":
            print(f"  {name.removesuffix('_RGGB') + ' (published)':24} {psnr(file[name], truth):6.2f}")


def white_balances(photos: list[np.ndarray]) -> None:
    """Degrees between the light that was put on and the light that was found, and what is left beside the photo's own colours."""
    print("\nwhite balance, degrees, mean (largest)\n  light            before   grey world: error, left      white world: error, left")
    for light in LIGHTS:
        columns: list[list[float]] = [[], [], [], []]
        for photo in photos:
            linear = tone.from_uint8(photo[::2, ::2])
            cast = tone.from_uint8(tone.to_uint8(linear * np.array(light, np.float32)))
            for place, method in enumerate((white_balance.grey_world, white_balance.white_world)):
                columns[2 * place].append(white_balance.angular_error(1 / method(cast), light))
                columns[2 * place + 1].append(white_balance.angular_error(method(linear) / method(cast), light))
        before = white_balance.angular_error(light, (1, 1, 1))
        told = "   ".join(f"{np.mean(column):5.1f} ({max(column):4.1f})" for column in columns)
        print(f"  {str(light):16} {before:6.1f}   {told}")


def denoising(photos: list[np.ndarray]) -> None:
    """Decibels after each method, at several strengths of noise."""
    ways: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
        "none": lambda noisy, strength: noisy,
        "mean 3": lambda noisy, strength: denoise.mean(noisy, 3),
        "median 3": lambda noisy, strength: denoise.median(noisy, 3),
        "bilateral": denoise.bilateral,
    }
    print("\ndenoising, dB\n  noise " + "".join(f"{way:>11}" for way in ways))
    for strength in NOISES:
        generator, found = np.random.default_rng(0), {way: [] for way in ways}
        for photo in photos:
            noisy = np.clip(np.rint(photo + generator.normal(0, strength, photo.shape)), 0, 255).astype(np.uint8)
            for way, method in ways.items():
                found[way].append(psnr(method(noisy, strength), photo.astype(np.float64), 255))
        print(f"  {strength:5d} " + "".join(f"{np.mean(values):11.1f}" for values in found.values()))


def main(mosaic: str, folder: str) -> None:
    """Print the tables."""
    photos = [images.read(path) for path in sorted(Path(folder).glob("*.png"))]
    demosaicing(mosaic)
    white_balances(photos)
    denoising(photos)
    frame = cv2.resize(photos[0], (640, 480), interpolation=cv2.INTER_AREA)
    print("\nsteps on a 640x480 frame, ms")
    for text in STEPS:
        steps = isp.parse(text)
        print(f"  {text:32} {milliseconds(lambda: steps(frame)):6.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
