"""One .tflite file as a function, on the LiteRT interpreter, without TensorFlow."""

import functools
import threading
from pathlib import Path
from typing import Any, Callable

import numpy as np

from cvapp.errors import CvappError, Exit, folded
from cvapp.progress import hushed

Predict = Callable[[np.ndarray], np.ndarray]


def open_tflite(path: Path, threads: int = 1) -> Predict:
    """A predict function around one .tflite file that takes uint8 pictures, on the LiteRT interpreter; several threads may call it.

    Raises:
        CvappError: not a model that the interpreter reads, or not one of cvapp's (exit 3).
    """
    interpreter, source, target = _open(path, threads)
    if source["dtype"] != np.uint8 or len(source["shape"]) != 4:
        raise _foreign(path, f"takes {_told(source)}, not uint8 pictures")
    scale, zero = _step(target)
    answer = _one_by_one(path, interpreter)
    return lambda pictures: (answer(pictures).astype(np.float32) - zero) * np.float32(scale)


def open_generator(path: Path, threads: int = 1) -> Predict:
    """The same around one that makes pictures: float32 noise (B, numbers) -> float32 (B, H, W, 1 or 3), -1..1.

    Raises:
        CvappError: not a model that the interpreter reads, or not a generator of cvapp's (exit 3).
    """
    interpreter, source, target = _open(path, threads)
    if source["dtype"] != np.float32 or len(source["shape"]) != 2:
        raise _foreign(path, f"takes {_told(source)}, not noise (float32, one row)")
    if target["dtype"] != np.float32 or len(target["shape"]) != 4 or target["shape"][3] not in (1, 3):
        raise _foreign(path, f"answers {_told(target)}, not pictures in float32")
    return _one_by_one(path, interpreter)


def opened_later(open_it: Callable[[], Predict]) -> Predict:
    """A predict function that is opened when it is first asked, and once, whichever thread comes first."""
    lock, once = threading.Lock(), functools.cache(open_it)

    def predict(values: np.ndarray) -> np.ndarray:
        with lock:
            opened = once()
        return opened(values)

    return predict


def output_step(path: Path) -> tuple[float, int]:
    """What the bytes that a .tflite answers mean: (byte - zero) * scale; 1.0 and 0 where it answers in float.

    Raises:
        CvappError: not a model that the interpreter reads (exit 3).
    """
    return _step(_open(path, 1)[2])


def _step(target: dict[str, Any]) -> tuple[float, int]:
    return target["quantization"] if target["dtype"] == np.uint8 else (1.0, 0)


def _told(details: dict[str, Any]) -> str:
    return f"{details['dtype'].__name__} {details['shape']}"


def _foreign(path: Path, what: str) -> CvappError:
    return CvappError(f"{path}: {what}; export the model with cvapp", Exit.BAD_DATA)


def _open(path: Path, threads: int) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """An interpreter, ready, and what its first input and output are."""
    from ai_edge_litert.interpreter import Interpreter

    try:
        with hushed():
            interpreter = Interpreter(model_path=str(path), num_threads=threads)
            interpreter.allocate_tensors()
        return interpreter, interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    except (ValueError, RuntimeError, IndexError) as error:
        raise CvappError(f"{path}: LiteRT cannot read it ({folded(error)}); export the model again", Exit.BAD_DATA) from error


def _one_by_one(path: Path, interpreter: Any) -> Predict:
    """What the interpreter answers to each row of an array, as the file holds it.

    An interpreter has one set of tensors, so a lock lets one thread at a time set, invoke and read it. An interpreter for each thread would
    cost its memory again for each, and a server that starts a thread for each request would open the file each time.
    """
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    shape = tuple(target["shape"][1:])
    lock = threading.Lock()

    def run(values: np.ndarray) -> np.ndarray:
        if values.dtype != source["dtype"] or values.shape[1:] != tuple(source["shape"][1:]):
            sides = ", ".join(map(str, ("B", *source["shape"][1:])))
            given = f"{source['dtype'].__name__} ({sides}), not {values.dtype} {values.shape}"
            raise CvappError(f"{path}: takes {given}; bundle.fit prepares a picture, bundle.ask noise")
        answers = []
        try:
            for value in values:
                with lock:
                    interpreter.set_tensor(source["index"], value[None])
                    interpreter.invoke()
                    answers.append(interpreter.get_tensor(target["index"])[0])
        except (ValueError, RuntimeError) as error:
            raise CvappError(f"{path}: LiteRT cannot run it ({folded(error)}); export the model again", Exit.BAD_DATA) from error
        return np.stack(answers) if answers else np.empty((0, *shape), target["dtype"])

    return run
