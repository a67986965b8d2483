"""Optimisers, schedules and penalties against their formulas in NumPy."""

import keras
import numpy as np
import pytest

from cvapp.recipe import Train
from cvapp.recipe.parts import OPTIMISERS, SCHEDULES
from cvapp.training import optimise

RATE, DECAY, STEPS = 0.05, 0.1, 4
NAMES = ("kernel", "bias", "gamma", "beta", "positions", "token")


def gradients(step: int) -> list[np.ndarray]:
    """One for each variable (2, 3), other ones each step."""
    return [np.random.default_rng((step, place)).normal(size=(2, 3)) for place in range(len(NAMES))]


def moved(settings: Train, steps: int = STEPS) -> list[np.ndarray]:
    """Where Keras' optimiser takes variables that start at 1, 2, 3 and so on."""
    variables = [keras.Variable(np.full((2, 3), place + 1.0, np.float32), name=name) for place, name in enumerate(NAMES)]
    made = optimise.optimiser(settings, RATE, 10, 2)
    for step in range(steps):
        made.apply([keras.ops.convert_to_tensor(one, "float32") for one in gradients(step)], variables)
    return [np.asarray(variable) for variable in variables]


class ByHand:
    """One variable's way, in float64, by the formulas of the papers with Keras' constants."""

    def __init__(self, kind: str):
        self.kind, self.first, self.second, self.steps = kind, 0.0, 0.1 if kind == "adagrad" else 0.0, 0

    def change(self, g: np.ndarray, rate: float) -> np.ndarray:
        """What is added to the variable."""
        self.steps += 1
        if self.kind == "sgd":
            return -rate * g
        if self.kind in ("momentum", "nesterov"):  # Sutskever et al. 2013, equations 1 to 4
            self.first = 0.8 * self.first - rate * g
            return self.first if self.kind == "momentum" else 0.8 * self.first - rate * g
        if self.kind == "adagrad":  # Duchi et al. 2011
            self.second = self.second + g * g
            return -rate * g / np.sqrt(self.second + 1e-7)
        if self.kind == "rmsprop":  # Hinton 2012
            self.second = 0.9 * self.second + 0.1 * g * g
            return -rate * g / np.sqrt(self.second + 1e-7)
        self.first = 0.9 * self.first + 0.1 * g  # Kingma and Ba 2015, algorithm 1
        self.second = 0.999 * self.second + 0.001 * g * g
        mean, square = self.first / (1 - 0.9**self.steps), self.second / (1 - 0.999**self.steps)
        return -rate * mean / (np.sqrt(square) + 1e-7)


def by_hand(kind: str, decay: float, excluded: tuple[str, ...] = NAMES[1:]) -> list[np.ndarray]:
    """Where the formulas take the same variables; the decay is apart from the gradient (Loshchilov and Hutter 2019, algorithm 2)."""
    found = []
    for place, name in enumerate(NAMES):
        way, value = ByHand(kind), np.full((2, 3), place + 1.0)
        for step in range(STEPS):
            value = value * (1 - RATE * decay * (name not in excluded))
            value = value + way.change(gradients(step)[place], RATE)
        found.append(value)
    return found


@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize("kind", OPTIMISERS)
def test_an_optimiser_steps_as_its_formula_says(kind, decay):
    found = moved(Train(optimiser=kind, momentum=0.8, weight_decay=decay))
    for one, expected in zip(found, by_hand("adam" if kind == "adamw" else kind, decay), strict=True):
        np.testing.assert_allclose(one, expected, rtol=2e-5, atol=2e-6)
    for other in {"sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"} - {kind, "adam" if kind == "adamw" else kind}:
        assert not np.allclose(found[0], by_hand(other, decay)[0], atol=1e-3), f"{other} would go elsewhere"


def test_the_first_step_of_adam_is_the_rate_itself():
    """The bias correction counts from 1: m / (1 - 0.9) is the gradient, whatever its size."""
    found = moved(Train(optimiser="adam", weight_decay=0.0), 1)
    np.testing.assert_allclose(found[0], 1 - RATE * np.sign(gradients(0)[0]), atol=1e-5)


@pytest.mark.parametrize("place", range(1, len(NAMES)), ids=NAMES[1:])
def test_decay_leaves_all_but_kernels_alone(place):
    found = moved(Train(weight_decay=DECAY))
    assert not np.allclose(found[place], by_hand("adam", DECAY, ())[place], atol=1e-3), "decayed, it would be elsewhere"
    np.testing.assert_allclose(found[place], by_hand("adam", 0.0)[place], rtol=2e-5)


@pytest.mark.parametrize("limit, clipped", [(0.5, True), (100.0, False), (0.0, False)])
def test_all_gradients_together_are_cut_to_a_norm(limit, clipped):
    """Pascanu et al. 2013, algorithm 1: g limit / |g| over all variables, so that the direction stays."""
    found = moved(Train(optimiser="sgd", weight_decay=0.0, clip_norm=limit), 1)
    steps = [(place + 1.0 - value) / RATE for place, value in enumerate(found)]
    norm = np.sqrt(sum((one**2).sum() for one in gradients(0)))
    assert norm > 3
    for one, gradient in zip(steps, gradients(0), strict=True):
        np.testing.assert_allclose(one, gradient * (limit / norm if clipped else 1), atol=2e-5)
    assert clipped == (abs(np.sqrt(sum((one**2).sum() for one in steps)) - limit) < 1e-4)


def planned(settings: Train, step: int) -> float:
    """The rate in plain Python: 40 steps in all, 8 an epoch."""
    warm = round(settings.warmup * 40)
    past, rise = max(0, step - warm), min(1, (step + 1) / warm) if warm else 1
    periods = past / (settings.decay_epochs * 8)
    factor = {
        "constant": 1,
        "step": settings.decay ** int(periods),
        "exponential": settings.decay**periods,
        "cosine": (1 + np.cos(np.pi * min(1, past / (40 - warm)))) / 2,
    }
    return 0.2 * rise * factor[settings.schedule]


@pytest.mark.parametrize("warmup", [0.0, 0.25])
@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_schedule_follows_its_formula_at_every_step(kind, warmup):
    settings = Train(schedule=kind, warmup=warmup, decay=0.3, decay_epochs=1.5)
    plan = optimise.Schedule(settings, 0.2, 40, 8)
    found = [float(plan(step)) for step in range(50)]
    np.testing.assert_allclose(found, [planned(settings, step) for step in range(50)], rtol=1e-5, atol=1e-7)
    if warmup:
        np.testing.assert_allclose(found[:10], 0.02 * np.arange(1, 11), rtol=1e-5)
    assert found.index(max(found)) == (9 if warmup else 0) and max(found) == pytest.approx(0.2)
    ends = {"constant": 0.2, "step": 0.2 * 0.3 ** (3 if not warmup else 2), "cosine": found[39]}
    assert found[39] == pytest.approx(ends.get(kind, found[39]), rel=1e-5) and (kind != "cosine" or found[39] < 0.01)


def test_the_rate_of_a_step_is_that_of_the_schedule():
    """Step by step through SGD: the change over the gradient."""
    settings = Train(optimiser="sgd", schedule="exponential", warmup=0.2, decay=0.5, decay_epochs=1, weight_decay=0.0)
    variable, made = keras.Variable(0.0), optimise.optimiser(settings, RATE, 10, 2)
    taken = []
    for _ in range(10):
        before = float(variable)
        made.apply([keras.ops.convert_to_tensor(1.0)], [variable])
        taken.append(before - float(variable))
    np.testing.assert_allclose(taken, [RATE * min(1, (t + 1) / 2) * 0.5 ** (max(0, t - 2) / 2) for t in range(10)], rtol=1e-4)


@pytest.fixture
def network():
    """Kernels (4, 5), (5, 3), (3, 2), the first of which is frozen, and a batch norm."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(5, trainable=False), keras.layers.Dense(3), keras.layers.BatchNormalization(), keras.layers.Dense(2)]
    made = keras.Sequential([keras.Input((4,)), *layers])
    made.set_weights([weight + 0.5 for weight in made.get_weights()])
    return made


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    shifted = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return float(-(targets * shifted).sum(1).mean())


def losses(network, settings: Train, rng) -> tuple[float, float]:
    """What Keras says the loss is, and the cross entropy in NumPy."""
    inputs, targets = rng.normal(size=(6, 4)).astype(np.float32), np.eye(2, dtype=np.float32)[[0, 1, 0, 0, 1, 0]]
    optimise.prepare(network, settings, 1e-3, 1, 1)
    smooth = targets * (1 - settings.label_smoothing) + settings.label_smoothing / 2
    figures = network.test_on_batch(inputs, targets, return_dict=True)
    told = figures.get(optimise.DATA_LOSS, figures["loss"])
    assert told == pytest.approx(cross_entropy(np.asarray(network(inputs, training=False)), smooth), abs=1e-5), "penalties are left out"
    return figures["loss"], cross_entropy(
        np.asarray(network(inputs, training=False)), smooth
    )


@pytest.mark.parametrize("l1, l2", [(0.0, 0.0), (0.01, 0.0), (0.0, 0.02), (0.01, 0.02)])
def test_the_penalty_is_the_sum_over_the_kernels_that_train(network, rng, l1, l2):
    found, plain = losses(network, Train(l1=l1, l2=l2), rng)
    kernels = [np.asarray(layer.kernel) for layer in network.layers if hasattr(layer, "kernel")]
    penalty = sum(l1 * np.abs(kernel).sum() + l2 * (kernel**2).sum() for kernel in kernels[1:])
    assert found == pytest.approx(plain + penalty, abs=1e-5)
    everything = sum(l1 * np.abs(one).sum() + l2 * (one**2).sum() for one in network.get_weights())
    assert not (l1 or l2) or abs(found - plain - everything) > 0.05, "the frozen kernel, biases and batch norm would count"


def test_a_later_stage_without_a_penalty_has_none(network, rng):
    losses(network, Train(l2=0.1), rng)
    found, plain = losses(network, Train(), rng)
    assert found == pytest.approx(plain, abs=1e-5)


def test_label_smoothing_spreads_a_share_over_all_classes(network, rng):
    found, smooth = losses(network, Train(label_smoothing=0.2), rng)
    assert found == pytest.approx(smooth, abs=1e-5)
    rng = np.random.default_rng(0)
    assert abs(found - losses(network, Train(), rng)[1]) > 0.01


def test_a_penalty_is_not_saved_with_the_model(network, rng, tmp_path):
    losses(network, Train(l2=0.1), rng)
    network.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras", compile=False).losses == []
