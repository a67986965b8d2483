"""cvapp's attention beside keras.layers.MultiHeadAttention: forward and a training step, in turns in one run, and memory.

Both have ViT-Tiny's width (192 features, 3 heads) and the same weights, and get the same 8 sequences. A step is the forward pass and the
gradients of all weights and of the input. Milliseconds are medians, under tf.function and under XLA (jit); the ratio is the median of the
rounds', and below 1 where cvapp's is faster. Memory is the peak of a process of its own above what it held at the start, under tf.function
(Linux). Then writing, with a key/value cache and without. Budget: no slower than Keras'.

    python benchmarks/attention.py [ROUNDS]
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

import numpy as np

from cvapp.models import generation, transcriber
from cvapp.models.attention import MultiHeadAttention

import keras  # after cvapp's, which keep TensorFlow's start-up lines off the terminal
import tensorflow as tf

LENGTHS, BATCH, FEATURES, HEADS = (16, 64, 197, 577), 8, 192, 3
Run = Callable[[], object]


def attentions(causal: bool) -> dict[str, Callable[[tf.Tensor], tf.Tensor]]:
    """Both layers, with the same weights."""
    values = tf.zeros((1, 2, FEATURES))
    ours, theirs = MultiHeadAttention(HEADS, FEATURES, causal), keras.layers.MultiHeadAttention(HEADS, FEATURES // HEADS)
    ours(values), theirs(values, values)
    for mine, yours in zip(ours.weights, theirs.weights, strict=True):
        mine.assign(tf.reshape(yours, mine.shape))
    return {"cvapp": ours, "Keras": lambda values: theirs(values, values, use_causal_mask=causal)}


def run_of(layer: Callable[[tf.Tensor], tf.Tensor], values: tf.Tensor, step: bool, jit: bool) -> Run:
    """The layer, or a step of it, compiled for a shape."""

    def gradients(inputs: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_mean(tf.square(layer(inputs)))
        return tape.gradient(loss, [inputs, *tape.watched_variables()])

    compiled = tf.function(gradients if step else layer, jit_compile=jit, autograph=False)
    return lambda: tf.nest.map_structure(lambda part: part.numpy(), compiled(values))


def compare(runs: dict[str, Run], rounds: int) -> tuple[float, float, float]:
    """Median milliseconds of two runs in turns, after two rounds to warm up, and the median of each round's ratio, which other work disturbs less."""
    taken = []
    for _ in range(rounds + 2):
        row = []
        for run in runs.values():
            start = time.perf_counter()
            run()
            row.append(1000 * (time.perf_counter() - start))
        taken.append(row)
    first, second = zip(*taken[2:])
    return statistics.median(first), statistics.median(second), statistics.median(one / other for one, other in taken[2:])


def resident(kind: str) -> float:
    """Megabytes that the process holds: `VmRSS` now, or `VmHWM` at most since the mark was set back (Linux)."""
    rows = dict(row.split(":") for row in Path("/proc/self/status").read_text().splitlines())
    return float(rows[kind].split()[0]) / 1024


def memory(name: str, step: bool) -> None:
    """Print by how many megabytes the process' peak lies above what it held before, at each length; for a process of its own."""
    layer = attentions(False)[name]
    run_of(layer, tf.zeros((BATCH, 2, FEATURES)), step, False)()
    before = resident("VmRSS")
    for length in LENGTHS:
        run = run_of(layer, tf.random.normal((BATCH, length, FEATURES)), step, False)
        Path("/proc/self/clear_refs").write_text("5")
        for _ in range(3):
            run()
        print(resident("VmHWM") - before, end=" ")


def print_memory() -> None:
    """The table of memory."""
    print("\n| MB above the start, at length | " + " | ".join(map(str, LENGTHS)) + " |\n" + "|---" * (len(LENGTHS) + 1) + "|")
    for step in (False, True):
        for name in ("cvapp", "Keras"):
            command = [sys.executable, __file__, "memory", name, "step" if step else "forward"]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            print(f"| {name}, {'step' if step else 'forward'} | " + " | ".join(f"{float(part):.0f}" for part in told.split()) + " |")


def print_times(rounds: int) -> None:
    """The table of times."""
    print("| length | mask | pass | | cvapp ms | Keras ms | ratio |\n" + "|---" * 7 + "|")
    for length in LENGTHS:
        values = tf.random.normal((BATCH, length, FEATURES), seed=0)
        for causal, step, jit in np.ndindex(2, 2, 2):
            runs = {name: run_of(layer, values, bool(step), bool(jit)) for name, layer in attentions(bool(causal)).items()}
            np.testing.assert_allclose(*(run()[0] for run in runs.values()), atol=1e-4)
            mine, theirs, ratio = compare(runs, rounds if length < 500 else max(3, rounds // 3))
            print(
                f"| {length} | {'causal' if causal else 'none'} | {'step' if step else 'forward'} | {'jit' if jit else 'tf.function'} | "
                f"{mine:.2f} | {theirs:.2f} | {ratio:.2f} |",
                flush=True,
            )


def print_writing(rounds: int) -> None:
    """The table of writing: 8 and 20 tokens, none of them the end."""
    print("\n| tokens | pictures | beam | cached ms | uncached ms | times faster |\n" + "|---" * 6 + "|")
    network = transcriber.build(transcriber.Design((32, 160), "0123456789", 24, tied=False))
    network.get_layer("decoder").linear.bias.assign([-1e3, *[0] * 10])
    pixels = np.random.default_rng(0).integers(0, 256, (16, 32, 160, 3)).astype(np.uint8)
    for length in (8, 20):
        for width in (1, 4):
            writers = {cached: generation.beam(network, width, length, cached) for cached in (False, True)}
            for part in (pixels[:1], pixels):
                runs = {str(cached): lambda writer=writer: writer(part) for cached, writer in writers.items()}
                plain, cached, faster = compare(runs, rounds)
                print(f"| {length} | {len(part)} | {width} | {cached:.1f} | {plain:.1f} | {faster:.2f} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        memory(sys.argv[2], sys.argv[3] == "step")
    else:
        count = int(sys.argv[1]) if len(sys.argv) > 1 else 30
        print_times(count)
        print_memory()
        print_writing(count)
