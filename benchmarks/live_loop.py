"""The live loop's frames a second beside the bare interpreter's invoke rate, a `model.predict` loop and MediaPipe's VIDEO mode, in turn in one run.

MobileNetV2 1.0 at 224x224, float32, random weights, or an exported classifier of 224x224; one thread; a 640x480 video file; the overlay is drawn
by the loop alone. Budget: at least 0.90 of the bare rate. MediaPipe runs where `make test-interop` has made its environment.

    python benchmarks/live_loop.py [NAME]
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Sequence

import cv2
import numpy as np

from cvapp import card as cards
from cvapp import images, signs
from cvapp.bundle import rank
from cvapp.camera.loop import answers
from cvapp.camera.overlay import draw
from cvapp.camera.recorder import record
from cvapp.camera.sources import open_source
from cvapp.proof import metadata
from cvapp.tflite import open_tflite

ROUNDS, FRAMES = 5, 300
SHAPE = images.Images((224, 224))
MAKE = """
import sys, tempfile
from pathlib import Path
from cvapp.export import variants
import keras
pixels = keras.Input((224, 224, 3))
network = keras.applications.MobileNetV2(input_shape=(224, 224, 3), alpha=1.0, weights=None, classes=11)
model = keras.Model(pixels, network(keras.layers.Rescaling(1 / 127.5, -1)(pixels)))
model.save(sys.argv[2])
with tempfile.TemporaryDirectory() as place:
    Path(sys.argv[1]).write_bytes(variants.make(model, "float32", Path(place)))
"""
# The peers say how many frames a second they did: capture, fit and answer, no drawing.
KERAS = """
import sys, time, cv2, keras, numpy as np
model, capture = keras.models.load_model(sys.argv[1]), cv2.VideoCapture(sys.argv[2])
model.predict(np.zeros((1, 224, 224, 3), np.float32), verbose=0)
start, count = time.perf_counter(), 0
while count < 60 and (read := capture.read())[0]:
    rgb = cv2.cvtColor(read[1][:, 80:560], cv2.COLOR_BGR2RGB)
    model.predict(cv2.resize(rgb, (224, 224), interpolation=cv2.INTER_AREA)[None].astype(np.float32), verbose=0)
    count += 1
print(count / (time.perf_counter() - start))
"""
MEDIAPIPE = """
import sys, time, cv2, mediapipe as mp
from mediapipe.tasks.python import BaseOptions, vision
options = vision.ImageClassifierOptions(BaseOptions(sys.argv[1]), running_mode=vision.RunningMode.VIDEO)
capture = cv2.VideoCapture(sys.argv[2])
with vision.ImageClassifier.create_from_options(options) as classifier:
    start, count = None, 0
    while (read := capture.read())[0]:
        picture = mp.Image(mp.ImageFormat.SRGB, cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
        classifier.classify_for_video(picture, 33 * count)
        start, count = start or time.perf_counter(), count + 1
print((count - 1) / (time.perf_counter() - start))
"""
READER = Path(".venv-interop/bin/python")


def bare(path: Path) -> float:
    """Invocations a second of the interpreter alone."""
    predict, picture = open_tflite(path), np.zeros((1, 224, 224, 3), np.uint8)
    predict(picture)
    start = time.perf_counter()
    for _ in range(FRAMES):
        predict(picture)
    return FRAMES / (time.perf_counter() - start)


def loop(path: Path, labels: Sequence[str], video: Path) -> float:
    """Frames a second of reader, inference and drawing."""
    predict = open_tflite(path)
    predict(np.zeros((1, 224, 224, 3), np.uint8))
    cv2.setNumThreads(1)  # as live.run does
    with open_source(video) as source:
        start = time.perf_counter()
        running = answers(source, lambda fitted: rank(labels, predict(fitted[None])[0]), lambda frame: images.fit(frame, SHAPE))
        drawn = [draw(one.frame.image, one.answer, "30 frames/s", images.window(one.frame.image.shape, SHAPE)).shape for one in running]
        return len(drawn) / (time.perf_counter() - start)


def peer(python: Path, code: str, model: Path, video: Path) -> float:
    """What a peer's process says; nan where it cannot be run."""
    if not python.is_file():
        return float("nan")
    done = subprocess.run([str(python), "-c", code, str(model), str(video)], capture_output=True, text=True)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else float("nan")


def make(model: Path, network: Path) -> Sequence[str]:
    """A network with random weights as a .tflite and a .keras file; its labels."""
    subprocess.run([sys.executable, "-c", MAKE, str(model), str(network)], check=True, stderr=subprocess.DEVNULL)
    model.write_bytes(metadata.write(model.read_bytes(), metadata.Metadata("random", "", "1", "", "", signs.LABELS, 0.0)))
    return signs.LABELS


def main(name: str = "") -> None:
    """Print the rates and the ratio of each round, and the medians."""
    with tempfile.TemporaryDirectory() as folder:
        model, network, video = (Path(folder) / name for name in ("model.tflite", "model.keras", "scene.mp4"))
        if name:
            saved = Path("saved_models") / name
            model, network, labels = saved / "lite" / "float32.tflite", saved / "model.keras", cards.read(saved).labels
        else:
            labels = make(model, network)
        with record(video, 30) as recorder:
            for _, (picture, _truth) in zip(range(FRAMES), signs.moving_scene(0)):
                recorder.write(picture)
        rows = [
            (bare(model), loop(model, labels, video), peer(READER, MEDIAPIPE, model, video), peer(Path(sys.executable), KERAS, network, video))
            for _ in range(ROUNDS)
        ]
    print("round   bare invoke/s  loop frames/s  of bare  MediaPipe VIDEO  model.predict")
    for number, row in enumerate(rows, 1):
        print(f"{number:<6}  {row[0]:13.1f}  {row[1]:13.1f}  {row[1] / row[0]:7.3f}  {row[2]:15.1f}  {row[3]:13.1f}")
    middle = [statistics.median(column) for column in zip(*rows)]
    ratio = statistics.median(row[1] / row[0] for row in rows)
    print(f"median  {middle[0]:13.1f}  {middle[1]:13.1f}  {ratio:7.3f}  {middle[2]:15.1f}  {middle[3]:13.1f}   (budget 0.90 of bare)")


if __name__ == "__main__":
    main(*sys.argv[1:])
