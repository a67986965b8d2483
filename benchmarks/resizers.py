"""What other ways of fitting a photo cost: the same model on the same validation photos, the pixels fitted by other programs.

    python benchmarks/resizers.py NAME DIR

NAME is a saved and exported classifier, DIR the folder of its photos.
"""

import sys
from pathlib import Path
from typing import Callable

import cv2
import numpy as np

from cvapp import images, load
from cvapp.data import split
from cvapp.data.folders import scan
from cvapp.data.listing import hashed

import cvapp.models  # noqa: F401 - loads TensorFlow with its start-up lines kept off the terminal
import tensorflow as tf

Resize = Callable[[np.ndarray, tuple[int, int]], np.ndarray]


def tensorflow(method: str, antialias: bool) -> Resize:
    """tf.image.resize: what Keras' image folders use."""

    def resize(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        return np.clip(np.rint(tf.image.resize(rgb, size, method, antialias=antialias).numpy()), 0, 255).astype(np.uint8)

    return resize


def opencv(kind: int) -> Resize:
    """cv2.resize."""
    return lambda rgb, size: cv2.resize(rgb, size[::-1], interpolation=kind)


def pillow(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pillow's bilinear, which averages where it shrinks: what torchvision and many web services use."""
    from PIL import Image

    return np.asarray(Image.fromarray(rgb).resize(size[::-1], Image.Resampling.BILINEAR))


WAYS: dict[str, Resize] = {
    "OpenCV area (cvapp)": opencv(cv2.INTER_AREA),
    "Pillow bilinear": pillow,
    "TensorFlow bilinear, antialias": tensorflow("bilinear", True),
    "TensorFlow bilinear": tensorflow("bilinear", False),
    "OpenCV linear": opencv(cv2.INTER_LINEAR),
    "OpenCV nearest": opencv(cv2.INTER_NEAREST),
}


def main(name: str, folder: str) -> None:
    """Print a row for each way, cropped as the card says, and one for a photo that is stretched."""
    bundle = load(Path("saved_models") / name)
    rows = {row.hash: row.label for row in split.read(Path("saved_models") / name / split.FILE) if row.part == "val"}
    listing = hashed(scan(folder))
    found = [(images.decode(listing.read(photo), photo.name), rows[photo.hash]) for photo in listing.photos if photo.hash in rows]
    pictures, truth = [picture for picture, _ in found], np.array([bundle.card.labels.index(label) for _, label in found])
    ours = np.stack([bundle.fit(picture) for picture in pictures])
    size = ours.shape[1:3]
    parts = []
    for picture in pictures:
        top, left, height, width = images.window(picture.shape, bundle.card.images)
        parts.append(picture[top : top + height, left : left + width])
    fitted = {way: np.stack([resize(part, size) for part in parts]) for way, resize in WAYS.items()}
    fitted["stretched whole (MediaPipe's default)"] = np.stack([cv2.resize(one, size[::-1], interpolation=cv2.INTER_LINEAR) for one in pictures])
    reference = bundle.predict(ours)
    print(f"{name} ({bundle.variant}), {len(pictures)} validation photos at {size[0]}x{size[1]}")
    print(f"{'way':38} {'mean pixel difference':>21} {'accuracy':>9} {'agrees':>7} {'mean probability difference':>28}")
    for way, pixels in fitted.items():
        answers = bundle.predict(pixels)
        off, right = np.abs(pixels.astype(int) - ours).mean(), (answers.argmax(1) == truth).mean()
        same, moved = (answers.argmax(1) == reference.argmax(1)).mean(), np.abs(answers - reference).mean()
        print(f"{way:38} {off:21.2f} {right:9.3f} {same:7.3f} {moved:28.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
