"""Non-maximum suppression: cvapp's in NumPy beside OpenCV's, TensorFlow's and keras-cv's, on the same boxes in one run.

Medians in milliseconds. `crowded`: about twenty boxes round each object, as a detector answers; `apart`: no two boxes share anything.
TensorFlow's are called eagerly. How many boxes each keeps stands in brackets, so that a fast one that does less is seen.

    python benchmarks/nms.py
"""

import time
from statistics import median
from typing import Callable

import cv2
import keras_cv
import numpy as np
import tensorflow as tf

from cvapp import boxes

CLASSES, THRESHOLD = 3, 0.5
Call = Callable[[], int]


def make(count: int, crowded: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """float32 xyxy (N, 4), scores (N,), classes (N,)."""
    random = np.random.default_rng(count)
    if crowded:
        centres, sides = random.uniform(0, 600, (max(1, count // 20), 2)), random.uniform(30, 120, (max(1, count // 20), 2))
        which = random.integers(0, len(centres), count)
        middle = centres[which] + random.normal(0, 6, (count, 2))
        half = sides[which] * np.exp(random.normal(0, 0.15, (count, 2))) / 2
    else:
        side = int(np.ceil(count**0.5))
        middle = 10.0 * np.stack(np.divmod(np.arange(count), side), 1) + 5
        which, half = np.arange(count), np.full((count, 2), 4.0)
    xyxy = np.concatenate([middle - half, middle + half], 1).astype(np.float32)
    return xyxy, random.uniform(0.05, 1, count).astype(np.float32), (which % CLASSES).astype(np.int32)


def suppressions(xyxy: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> dict[str, Call]:
    """By name, a call that answers how many boxes it keeps."""
    xywh, count = boxes.to_xywh(xyxy), len(scores)
    whole = np.round(xywh).astype(int).tolist()  # all that softNMSBoxes takes
    layer = keras_cv.layers.NonMaxSuppression(
        "xyxy", from_logits=False, iou_threshold=THRESHOLD, confidence_threshold=0.0, max_detections=count
    )
    hot = np.eye(CLASSES, dtype=np.float32)[classes] * scores[:, None]
    tensors = tf.constant(xyxy[:, [1, 0, 3, 2]]), tf.constant(scores)
    return {
        "cvapp nms": lambda: len(boxes.nms(xyxy, scores, threshold=THRESHOLD)),
        "OpenCV NMSBoxes": lambda: len(cv2.dnn.NMSBoxes(xywh, scores, 0.0, THRESHOLD)),
        "TensorFlow non_max_suppression": lambda: len(tf.image.non_max_suppression(*tensors, count, THRESHOLD)),
        "keras-cv NonMaxSuppression": lambda: int(layer(xyxy[None], hot[None])["num_detections"][0]),
        "cvapp nms by class": lambda: len(boxes.nms(xyxy, scores, classes, THRESHOLD)),
        "OpenCV NMSBoxesBatched": lambda: len(cv2.dnn.NMSBoxesBatched(xywh, scores, classes, 0.0, THRESHOLD)),
        "cvapp soft_nms": lambda: len(boxes.soft_nms(xyxy, scores)[0]),
        "OpenCV softNMSBoxes": lambda: len(cv2.dnn.softNMSBoxes(whole, scores, 0.001, THRESHOLD)[1]),
    }


def measure(call: Call, seconds: float = 1.0, most: int = 50) -> tuple[float, int]:
    """The median time of a call in milliseconds, and what it answers; three calls at least."""
    answer, times, end = call(), [], time.perf_counter() + seconds
    while len(times) < 3 or (len(times) < most and time.perf_counter() < end):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * median(times), answer


def main() -> None:
    """Print the table."""
    cases = [(count, crowded) for count in (100, 1_000, 10_000) for crowded in (True, False)]
    found = {case: {name: measure(call) for name, call in suppressions(*make(*case)).items()} for case in cases}
    print("| milliseconds (kept) | " + " | ".join(f"{count:,} {'crowded' if crowded else 'apart'}" for count, crowded in cases) + " |")
    print("|---" * (len(cases) + 1) + "|")
    for name in found[cases[0]]:
        print(f"| {name} | " + " | ".join(f"{found[case][name][0]:.3g} ({found[case][name][1]:,})" for case in cases) + " |")


if __name__ == "__main__":
    main()
