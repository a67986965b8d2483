"""A convolutional detector beside its classifier on every crop of a 640x480 picture: multiply-accumulates and times of both, in turns in one run.

Crops go through the classifier in the best of several batches; both run through one compiled Keras function, and through LiteRT in float32 at
one thread. Random weights, which neither count nor speed depends on. Budget: the crops' time over the detector's at least 0.8 of the ratio of
their operation counts.

    python benchmarks/sliding.py
"""

import statistics
import tempfile
import time
from typing import Any, Callable

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from cvapp.models import sliding
from cvapp.progress import hushed

import keras  # after cvapp's, which keep TensorFlow's start-up lines off the terminal
import tensorflow as tf
from keras import layers

SIZE, ROUNDS, BATCHES = (480, 640), 5, (1, 4, 16, 64, 256)
Run = Callable[[], object]


def window_net() -> keras.Model:
    """A net for windows of 64x64 at stride 8 without padding: 64 -> 60 -> 30 -> 26 -> 13 -> 10 -> 5."""
    stages = [(16, 5), (32, 5), (64, 4)]
    maps = [part for width, side in stages for part in (layers.Conv2D(width, side, activation="relu"), layers.MaxPooling2D(2))]
    head = [layers.Flatten(), layers.Dense(128, "relu"), layers.Dense(11, "softmax")]
    return keras.Sequential([keras.Input((64, 64, 3)), layers.Rescaling(1 / 127.5, -1), *maps, *head], name="window_net")


def mobilenet() -> keras.Model:
    """MobileNetV2 0.35 for windows of 96x96."""
    pixels = keras.Input((96, 96, 3))
    backbone = keras.applications.MobileNetV2((96, 96, 3), 0.35, include_top=False, weights=None, pooling="avg")
    features = backbone(layers.Rescaling(1 / 127.5, -1)(pixels))
    return keras.Model(pixels, layers.Dense(11, "softmax")(features), name="mobilenet_v2")


def operations(detector: keras.Model) -> int:
    """Multiply-accumulates of the convolutions for one picture of the detector's fixed size."""
    total = 0
    for layer in detector.layers:
        if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D)):
            places = int(np.prod(layer.output.shape[1:3]))
            total += places * int(np.prod(layer.kernel.shape))
    return total


def parts(pictures: np.ndarray, batch: int) -> list[np.ndarray]:
    """The pictures in as few even batches as `batch` allows; the last one is filled up by a few of the first."""
    count = -(-len(pictures) // batch)
    even = -(-len(pictures) // count)
    return list(np.resize(pictures, (count, even, *pictures.shape[1:])))


def function_of(model: keras.Model, batches: list[np.ndarray]) -> Any:
    """The model as a compiled function of one shape."""
    spec = tf.TensorSpec(batches[0].shape, tf.float32)
    return tf.function(lambda pixels: model(pixels, training=False), input_signature=[spec], autograph=False)


def compiled(model: keras.Model, batches: list[np.ndarray]) -> Run:
    """The model through TensorFlow, over all batches."""
    function, tensors = function_of(model, batches), [tf.constant(batch) for batch in batches]
    return lambda: [function(batch).numpy() for batch in tensors]


def interpreted(model: keras.Model, batches: list[np.ndarray]) -> Run:
    """The model through LiteRT, float32, one thread, over all batches."""
    module = tf.Module()
    module.held, module.model = [variable.value for variable in model.variables], model
    with hushed(), tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=function_of(model, batches).get_concrete_function())
        data = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
        interpreter = Interpreter(model_content=data, num_threads=1)
        interpreter.allocate_tensors()
    place, answer = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run() -> list[np.ndarray]:
        answers = []
        for batch in batches:
            interpreter.set_tensor(place, batch)
            interpreter.invoke()
            answers.append(interpreter.get_tensor(answer))
        return answers

    return run


def milliseconds(runs: dict[str, Run]) -> dict[str, float]:
    """The median of several rounds in turns, after one to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for count in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if count:
                taken[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(times) for name, times in taken.items()}


def compare(classifier: keras.Model) -> None:
    """A network's rows of the table."""
    geometry = sliding.windows(classifier)
    detector, single = sliding.to_detector(classifier, SIZE), sliding.to_detector(classifier, geometry.size)
    picture = np.random.default_rng(0).integers(0, 256, (1, *SIZE, 3)).astype(np.float32)
    corners = geometry.places(geometry.grid(SIZE)).astype(int).reshape(-1, 4)
    crops = np.array([picture[0, top:bottom, left:right] for left, top, right, bottom in corners])
    counts = operations(single) * len(crops), operations(detector)
    fewer = counts[0] / counts[1]
    for means, make in (("Keras", compiled), ("LiteRT", interpreted)):
        runs = {f"crops by {batch}": make(classifier, parts(crops, batch)) for batch in BATCHES}
        times = milliseconds({"one pass": make(detector, [picture]), **runs})
        whole = times.pop("one pass")
        best = min(times, key=lambda name: times[name])
        faster = times[best] / whole
        print(
            f"{classifier.name:13} {len(crops):5} {counts[0] / 1e6:9.0f} {counts[1] / 1e6:9.0f} {fewer:6.1f}  {means:7} {best:12} "
            f"{times[best]:8.1f} {whole:9.1f} {faster:7.1f} {faster / fewer:6.2f}"
        )


def main() -> None:
    """Print the table."""
    print(f"one picture of {SIZE[1]}x{SIZE[0]}, median of {ROUNDS} rounds in turns; MMAC: million multiply-accumulates, ms: milliseconds")
    print("network       crops MMAC crop MMAC pass  ratio  through best batch     ms crop   ms pass   ratio  ratios'")
    for classifier in (window_net(), mobilenet()):
        compare(classifier)


if __name__ == "__main__":
    main()
