"""cvapp's step of a DCGAN beside the plain Keras DCGAN written the usual way, in turns in one run, and where cvapp's time goes.

Both train the notes' networks for 28x28 grey pictures, of the same layers, with two Adams, on the same random pictures. The usual way overrides
`train_step`: samples are made and judged for the discriminator's loss, and made and judged again for the generator's; it is run by `fit`, once
with `jit_compile=False` and once as Keras chooses by itself. cvapp's step makes and judges samples once, has batch norm as one operation, and
keeps a moving average of the generator besides. Pictures a second are medians; a ratio is the median of the rounds', above 1 where cvapp's is
faster. Then cvapp's step by operation, from TensorFlow's profiler: summed over the threads, so that it may be more than the time that passes.

    python benchmarks/dcgan.py [ROUNDS]
"""

import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable

import numpy as np

from cvapp.models import dcgan
from cvapp.recipe import Generate, Recipe, Train
from cvapp.training.adversarial import make_step, open_adversaries

import keras  # after cvapp's, which keep TensorFlow's start-up lines off the terminal
import tensorflow as tf

BATCHES, STEPS, LATENT, RATE = (64, 128), 20, 100, 2e-4
Run = Callable[[], object]


class Usual(keras.Model):
    """A DCGAN as tutorials write it."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.discriminator = dcgan.generator(28, LATENT), dcgan.discriminator(28, logits=True)

    def compile(self, jit_compile: Any) -> None:
        """Two optimisers, one loss, two means."""
        super().compile(jit_compile=jit_compile)
        self.optimisers = [keras.optimizers.Adam(RATE, beta_1=0.5) for _ in range(2)]
        self.measure = keras.losses.BinaryCrossentropy(from_logits=True)
        self.means = [keras.metrics.Mean(name="d_loss"), keras.metrics.Mean(name="g_loss")]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Reset by Keras at each epoch."""
        return self.means

    def train_step(self, photos: Any) -> dict[str, Any]:
        """The discriminator's step, then the generator's."""
        count = tf.shape(photos)[0]
        samples = self.generator(tf.random.normal((count, LATENT)), training=True)
        with tf.GradientTape() as tape:
            real, fake = self.discriminator(photos, training=True), self.discriminator(samples, training=True)
            d_loss = self.measure(tf.ones_like(real), real) + self.measure(tf.zeros_like(fake), fake)
        self._move(0, self.discriminator, tape, d_loss)
        with tf.GradientTape() as tape:
            fake = self.discriminator(self.generator(tf.random.normal((count, LATENT)), training=True), training=True)
            g_loss = self.measure(tf.ones_like(fake), fake)
        self._move(1, self.generator, tape, g_loss)
        for mean, loss in zip(self.means, (d_loss, g_loss)):
            mean.update_state(loss)
        return {mean.name: mean.result() for mean in self.means}

    def _move(self, which: int, network: keras.Model, tape: Any, loss: Any) -> None:
        weights = network.trainable_weights
        self.optimisers[which].apply_gradients(zip(tape.gradient(loss, weights), weights))


def usual(pictures: np.ndarray, batch: int, jit: Any) -> Run:
    """An epoch of `fit`."""
    model = Usual()
    model.compile(jit)
    data = tf.data.Dataset.from_tensor_slices(pictures.astype(np.float32) / 127.5 - 1.0).batch(batch, drop_remainder=True).prefetch(2)
    return lambda: model.fit(data, verbose=0)


def ours(pictures: np.ndarray, batch: int) -> Run:
    """As many steps of cvapp's."""
    recipe = Recipe(task="generate", train=Train(batch=batch, learning_rate=RATE), generate=Generate(latent=LATENT))
    steps = len(pictures) // batch
    step = make_step(open_adversaries(recipe, 28, 0, 10**6, steps), recipe, 10**6)
    classes = np.zeros(batch, np.int32)
    return lambda: [step(pictures[number * batch : (number + 1) * batch], classes, number) for number in range(steps)]


def compare(runs: dict[str, Run], rounds: int) -> list[list[float]]:
    """Seconds of each run in each round, in turns, after one round to warm up."""
    taken: list[list[float]] = []
    for _ in range(rounds + 1):
        row = []
        for run in runs.values():
            start = time.perf_counter()
            run()
            row.append(time.perf_counter() - start)
        taken.append(row)
    return taken[1:]


def profile(run: Run, steps: int) -> Counter[str]:
    """Milliseconds of a step by kind of operation, summed over the threads."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    spent: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        tf.profiler.experimental.start(place)
        run()
        tf.profiler.experimental.stop()
        space = xplane_pb2.XSpace()
        space.ParseFromString(next(Path(place).rglob("*.xplane.pb")).read_bytes())
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            where, colon, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
            if colon and where[-1:] != ":" and kind[:1] != " ":  # "layer/path:Operation"; all else is TensorFlow's own book-keeping
                spent[kind.removeprefix("_MklNative")] += event.duration_ps / 1e9 / steps
    return spent


def main(rounds: int) -> None:
    """Both tables."""
    print("| batch | cvapp, pictures/s | usual, jit_compile=False | usual, as Keras chooses | faster than the first | than the second |")
    print("|---" * 6 + "|")
    for batch in BATCHES:
        pictures = np.random.default_rng(0).integers(0, 256, (STEPS * batch, 28, 28, 1)).astype(np.uint8)
        run = ours(pictures, batch)
        taken = compare({"cvapp": run, "plain": usual(pictures, batch, False), "auto": usual(pictures, batch, "auto")}, rounds)
        rates = [len(pictures) / statistics.median(seconds) for seconds in zip(*taken)]
        ratios = [statistics.median(row[place] / row[0] for row in taken) for place in (1, 2)]
        print(f"| {batch} | " + " | ".join([*(f"{rate:.0f}" for rate in rates), *(f"{ratio:.2f}" for ratio in ratios)]) + " |", flush=True)
    spent = profile(run, STEPS)
    print(f"\n| operation, batch {BATCHES[-1]} | ms a step | share |\n|---|---|---|")
    for kind, milliseconds in spent.most_common(10):
        print(f"| {kind} | {milliseconds:.1f} | {milliseconds / spent.total():.0%} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
