"""The live loop's frames a second over the bare interpreter's invoke rate, both at one thread, in turn in one run.

MobileNetV2 1.0 at 224x224, float32, random weights; a 640x480 video file; the overlay is drawn. Budget: at least 0.90.

    python benchmarks/live_loop.py
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from cvapp import images, signs
from cvapp.bundle import open_tflite, rank
from cvapp.camera.loop import answers
from cvapp.camera.overlay import draw
from cvapp.camera.recorder import record
from cvapp.camera.sources import open_source

ROUNDS, FRAMES = 7, 300
SHAPE = images.Images((224, 224))
MAKE = """
import sys, tempfile
from pathlib import Path
from cvapp.export import variants
import keras
pixels = keras.Input((224, 224, 3))
network = keras.applications.MobileNetV2(input_shape=(224, 224, 3), alpha=1.0, weights=None, classes=11)
model = keras.Model(pixels, network(keras.layers.Rescaling(1 / 127.5, -1)(pixels)))
with tempfile.TemporaryDirectory() as place:
    Path(sys.argv[1]).write_bytes(variants.make(model, "float32", Path(place)))
"""


def bare(path: Path) -> float:
    """Invocations a second of the interpreter alone."""
    predict, picture = open_tflite(path), np.zeros((1, 224, 224, 3), np.uint8)
    predict(picture)
    start = time.perf_counter()
    for _ in range(FRAMES):
        predict(picture)
    return FRAMES / (time.perf_counter() - start)


def loop(path: Path, video: Path) -> float:
    """Frames a second of reader, inference and drawing."""
    predict = open_tflite(path)
    predict(np.zeros((1, 224, 224, 3), np.uint8))
    cv2.setNumThreads(1)  # as live.run does
    with open_source(video) as source:
        start = time.perf_counter()
        running = answers(source, lambda fitted: rank(signs.LABELS, predict(fitted[None])[0]), lambda frame: images.fit(frame, SHAPE))
        drawn = [draw(one.frame.image, one.answer, 30.0, images.window(one.frame.image.shape, SHAPE)).shape for one in running]
        return len(drawn) / (time.perf_counter() - start)


def main() -> None:
    """Print the rates and the ratio of each round, and the medians."""
    with tempfile.TemporaryDirectory() as folder:
        model, video = Path(folder) / "model.tflite", Path(folder) / "scene.mp4"
        subprocess.run([sys.executable, "-c", MAKE, str(model)], check=True, stderr=subprocess.DEVNULL)
        with record(video, 30) as recorder:
            for _, (picture, _truth) in zip(range(FRAMES), signs.moving_scene(0)):
                recorder.write(picture)
        rows = [(bare(model), loop(model, video)) for _ in range(ROUNDS)]
    print("round  bare invoke/s  loop frames/s  ratio")
    for number, (invokes, frames) in enumerate(rows):
        print(f"{number + 1:5d}  {invokes:13.1f}  {frames:13.1f}  {frames / invokes:5.3f}")
    invokes, frames = (statistics.median(column) for column in zip(*rows))
    print(f"median {invokes:13.1f}  {frames:13.1f}  {statistics.median(f / b for b, f in rows):5.3f}   (budget 0.90)")


if __name__ == "__main__":
    main()
