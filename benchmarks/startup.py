"""From process start to the first camera prediction, beside a bare LiteRT script and the same through Keras; and `cvapp --help`.

Budgets: 1.2 s and 250 MB without TensorFlow; 0.3 s for --help.

    python benchmarks/startup.py signs demo/scene.mp4
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

BARE = """
import sys, cv2, numpy as np
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
capture = cv2.VideoCapture(sys.argv[2])
height, width = interpreter.get_input_details()[0]["shape"][1:3]
picture = cv2.resize(capture.read()[1], (int(width), int(height)))
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None])
interpreter.invoke()
"""


def measure(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak megabytes of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main(name: str, video: str) -> None:
    """Print medians over five runs of each, taken in turn after a warm-up."""
    cvapp = [sys.executable, "-m", "cvapp"]
    camera = [*cvapp, "camera", name, "--source", video, "--frames", "1", "--no-show"]
    commands = {
        "cvapp camera, first frame": camera,
        "bare LiteRT script": [sys.executable, "-c", BARE, str(Path("saved_models") / name / "lite" / "float32.tflite"), video],
        "the same through Keras": [*camera, "--variant", "keras"],
        "cvapp --help": [*cvapp, "--help"],
    }
    runs: dict[str, list[tuple[float, float]]] = {title: [] for title in commands}
    for number in range(6):
        for title, command in commands.items():
            figures = measure(command)
            if number:
                runs[title].append(figures)
    print(f"{'process':<28}{'seconds':>9}{'peak MB':>9}")
    for title, figures in runs.items():
        seconds, megabytes = (statistics.median(column) for column in zip(*figures))
        print(f"{title:<28}{seconds:>9.2f}{megabytes:>9.0f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
