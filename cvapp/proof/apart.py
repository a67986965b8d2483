"""A .tflite at work in a process of its own: a file that crashes the interpreter ends that process, and the memory measured is the model's."""

import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np

from cvapp.bundle import latent_of
from cvapp.card import GENERATE, Card
from cvapp.errors import CvappError, Exit
from cvapp.progress import Report, each, silent
from cvapp.proof.golden import NOISE, PIXELS
from cvapp.tflite import Predict, open_generator, open_tflite

LIMIT = 600.0  # seconds after which an answer is no longer waited for
WARM_UP, SECONDS, LEAST, MOST = 5, 0.5, 30, 1000  # inferences before any is counted; how long, at least and at most how many are


def answers(path: Path, pixels: Path) -> np.ndarray:
    """What a .tflite answers to the array `pixels` (B, H, W, 3) of an .npz file: probabilities (B, classes); or to `noise` (B, n): pictures.

    Raises:
        CvappError: the file cannot be read or run (exit 3).
    """
    return np.array(_ask("answers", path, pixels), np.float32)


def taken(card: Card) -> tuple[int, ...]:
    """The size of what a model takes: (height, width) of pictures, or how many numbers a generator is given."""
    return (sum(latent_of(card)),) if card.task == GENERATE else card.input_size


def timing(path: Path, size: tuple[int, ...], threads: Sequence[int] = (1,)) -> dict[str, Any]:
    """How fast a .tflite is on this machine.

    Args:
        path: of the file.
        size: as `taken` says.
        threads: of the interpreter; each number is measured.

    Returns:
        `first_ms` from the file on disk to the first answer, `memory_mb` by which that made the process grow (both at one thread), and
        `threads`: by their number, `median_ms` and `p95_ms` of an inference.
    """
    return _ask("timing", path, "x".join(map(str, size)), *threads)


def thread_counts() -> list[int]:
    """The numbers of threads worth measuring here: 1, 2, 4 and all, as far as there are processors."""
    processors = os.cpu_count() or 1
    return sorted({count for count in (1, 2, 4, processors) if count <= processors})


def machine() -> str:
    """The host that figures were measured on."""
    return f"{platform.machine()}, {os.cpu_count()} processors"


def rounds(
    paths: Mapping[str, Path], size: tuple[int, ...], threads: Sequence[int], count: int = 1, report: Report = silent
) -> dict[str, dict[str, Any]]:
    """The timing of several files that take turns, by name: the median of the rounds, figure by figure."""
    turns = [name for _ in range(count) for name in paths]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in paths}
    for name in each(turns, "timing the variants on this machine", report):
        found[name].append(timing(paths[name], size, threads))
    return {name: _median(rows) for name, rows in found.items()}


def _median(rows: Sequence[Any]) -> Any:
    """Nested figures, each the median of its rows."""
    if isinstance(rows[0], dict):
        return {name: _median([row[name] for row in rows]) for name in rows[0]}
    return round(float(np.median(rows)), 3)


def _ask(*words: object) -> Any:
    path = words[1]
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, *map(str, words)], capture_output=True, text=True, errors="replace", timeout=LIMIT
        )
    except subprocess.TimeoutExpired as error:
        raise CvappError(f"{path}: gave no answer within {LIMIT:.0f} seconds; export the model again", Exit.BAD_DATA) from error
    if done.returncode:
        said = done.stdout.strip() or f"{path}: LiteRT ended without an answer (code {done.returncode}); export the model again"
        raise CvappError(said, Exit.BAD_DATA)
    return json.loads(done.stdout)


def _answers(path: Path, pixels: Path) -> list[list[float]]:
    with np.load(pixels) as file:
        return (open_generator(path)(file[NOISE]) if NOISE in file.files else open_tflite(path)(file[PIXELS])).tolist()


def _timing(path: Path, size: tuple[int, ...], threads: Sequence[int]) -> dict[str, Any]:
    import ai_edge_litert.interpreter  # noqa: F401 - the clock measures the model, not the import

    rng, pictures = np.random.default_rng(0), len(size) == 2
    opened = open_tflite if pictures else open_generator
    value = rng.integers(0, 256, (1, *size, 3), np.uint8) if pictures else rng.standard_normal((1, *size), np.float32)
    before, start = _memory(), time.perf_counter()
    predict = opened(path)
    predict(value)
    first, grown = time.perf_counter() - start, _memory() - before
    rows = {count: _latency(predict if count == 1 else opened(path, count), value) for count in threads}
    return {"first_ms": round(1000 * first, 3), "memory_mb": round(grown, 2), "threads": rows}


def _memory() -> float:
    """Megabytes that this process holds; where the system does not tell, the most that it has held, or (Windows) 0."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    try:
        import resource
    except ModuleNotFoundError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _latency(predict: Predict, value: np.ndarray) -> dict[str, float]:
    taken: list[float] = []
    for _ in range(WARM_UP):
        predict(value)
    while len(taken) < LEAST or (sum(taken) < 1000 * SECONDS and len(taken) < MOST):
        start = time.perf_counter()
        predict(value)
        taken.append(1000 * (time.perf_counter() - start))
    return {"median_ms": round(float(np.median(taken)), 3), "p95_ms": round(float(np.quantile(taken, 0.95)), 3)}


def main(job: str, path: str, *rest: str) -> None:
    """Do one job and write what it finds as JSON; an error is one line instead, and exit 3."""
    try:
        if job == "answers":
            found: Any = _answers(Path(path), Path(rest[0]))
        else:
            size, *threads = rest
            found = _timing(Path(path), tuple(map(int, size.split("x"))), list(map(int, threads)))
    except CvappError as error:
        sys.stdout.write(str(error))
        sys.exit(int(error.code))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
