"""A planted collapse: at ten times the largest rate that still learns, the alarm is raised within 500 steps; at that rate it is silent."""

import keras
import numpy as np
import pytest

from cvapp import sampling, signs
from cvapp.data import idx
from cvapp.evaluation.generated import diversity
from cvapp.models import dcgan
from cvapp.recipe import Generate, Recipe, Train
from cvapp.training import alarms
from cvapp.training.adversarial import make_step, open_adversaries

STEPS, EVERY = 500, 50
LEARNS = 0.02  # of the notes' networks, both rates; a tenth of it is the pipeline's


def first_alarms(photos: np.ndarray, rate: float, batch: int) -> dict[str, int]:
    """The step at which each alarm is first raised in 500 steps on grey photos (N, 28, 28, 1)."""
    recipe = Recipe(task="generate", train=Train(batch=batch, learning_rate=rate), generate=Generate(discriminator_rate=rate))
    keras.utils.set_random_seed(0)
    both = open_adversaries(recipe, 28, 0, STEPS, STEPS)
    step, noise = make_step(both, recipe, STEPS), sampling.noise(64, 100, 0)
    real, rows, sums, found = diversity(photos[:256].repeat(3, 3)), [], [], {}
    rng = np.random.default_rng(0)
    for number in range(STEPS):
        chosen = rng.integers(0, len(photos), batch)
        sums.append(step(photos[chosen], np.zeros(batch, np.int32), number))
        if (number + 1) % EVERY == 0:
            shown = sampling.pictures(np.array(both.average(noise, training=False)))
            means = {name: float(np.mean([row[name] for row in sums])) for name in sums[0]}
            rows.append({"step": number + 1, **means, "diversity": diversity(shown)})
            sums = []
            for alarm in alarms.check(rows, real):
                found.setdefault(alarm.name, number + 1)
    return found


@pytest.mark.slow
@pytest.mark.shared
def test_the_notes_networks_on_fashion_mnist(shared_data):
    listing = idx.scan(shared_data / "fashion-mnist")
    pictures = [np.frombuffer(listing.read(photo)[-784:], np.uint8) for photo in listing.photos[:10_000]]
    photos = np.stack(pictures).reshape(-1, 28, 28, 1)
    assert first_alarms(photos, LEARNS, 64) == {}
    assert set(first_alarms(photos, 10 * LEARNS, 64)) & {"diversity", "discriminator"}


def test_narrow_networks_on_signs(monkeypatch):
    monkeypatch.setattr(dcgan, "WIDTH", 8)
    names = list(signs.SIGNS)
    photos = np.stack([signs.close_up(0, names[index % 10], index // 10, 28).mean(2) for index in range(400)]).astype(np.uint8)[..., None]
    assert first_alarms(photos, 2e-3, 16) == {}
    assert first_alarms(photos, 0.5, 16)
