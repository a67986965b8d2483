"""The compiled step of two networks: against the same done by hand, exactly repeatable, and every setting counts."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cvapp.models import dcgan
from cvapp.recipe import Generate, Recipe, Train
from cvapp.training import adversarial
from cvapp.training.adversarial import Draws, make_step, open_adversaries
from cvapp.training.gan_losses import losses

STEPS = 20


def recipe(batch=4, rate=2e-4, **generate):
    return Recipe(task="generate", seed=5, train=Train(batch=batch, learning_rate=rate), generate=Generate(**{"latent": 8, **generate}))


def opened(wishes, side=28):
    keras.utils.set_random_seed(wishes.seed)
    made = open_adversaries(wishes, side, 3 if wishes.generate.conditional else 0, STEPS, 10)
    return made, make_step(made, wishes, STEPS)


def photos(count, side=28, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, side, side, 1 if side == 28 else 3)).astype(np.uint8), rng.integers(0, 3, count)


def weights(network):
    return [weight.copy() for weight in network.get_weights()]


def distance(first, second):
    return max(float(np.abs(one - other).max()) for one, other in zip(first, second))


def copies(made, wishes):
    """Plain networks with the same weights."""
    networks = dcgan.generator(28, wishes.generate.latent), dcgan.discriminator(28, logits=True)
    for network, source in zip(networks, (made.generator, made.discriminator)):
        network.set_weights(source.get_weights())
    return networks


def by_hand(generator, discriminator, real, noise, in_turn):
    """Gradients of both losses the usual way, each with passes of its own; `in_turn` lets the discriminator move first."""
    pair, variables = losses(Generate()), (discriminator.trainable_variables, generator.trainable_variables)
    with tf.GradientTape() as tape:
        fake = generator(noise, training=True)
        loss = pair.discriminator(discriminator(real, training=True), discriminator(fake, training=True))
    slopes = tape.gradient(loss, variables[0])
    if in_turn:
        keras.optimizers.Adam(2e-4, beta_1=0.5).apply(slopes, variables[0])
    with tf.GradientTape() as tape:
        loss = pair.generator(discriminator(generator(noise, training=True), training=True))
    return slopes, tape.gradient(loss, variables[1])


@pytest.mark.parametrize("in_turn", [False, True])
def test_one_pass_for_both_losses_has_the_gradients_of_two(monkeypatch, in_turn):
    wishes = recipe(batch=16)
    made, _ = opened(wishes)
    generator, discriminator = copies(made, wishes)
    pictures, _ = photos(16)
    real, noise = tf.constant(pictures, tf.float32) / 127.5 - 1, Draws(wishes, tf.constant(0), 0, STEPS).noise(16)
    found = []
    monkeypatch.setattr(made.discriminator_optimiser, "apply", lambda slopes, variables: found.append(slopes))
    monkeypatch.setattr(made.generator_optimiser, "apply", lambda slopes, variables: found.append(slopes))
    adversarial._learn(made, wishes, Draws(wishes, tf.constant(0), 0, STEPS), (real, None), True)
    off = []
    for mine, theirs in zip(found, by_hand(generator, discriminator, real, noise, in_turn)):
        scale = max(float(np.abs(one).max()) for one in theirs)
        off.append(distance([np.array(one) for one in mine], [np.array(one) for one in theirs]) / scale)
    assert off[0] < 1e-4
    assert (off[1] < 1e-4) is not in_turn  # where the discriminator moved first, the generator's differ: the comparison sees it


def test_figures_are_of_the_step_and_the_same_in_two_runs():
    wishes = recipe()
    pictures, classes = photos(4)
    runs = []
    for _ in range(2):
        made, step = opened(wishes)
        rows = [step(pictures, classes, number) for number in range(3)]
        runs.append((rows, [np.asarray(variable) for variable in made.state]))
    assert runs[0][0] == runs[1][0] and distance(runs[0][1], runs[1][1]) == 0
    first = runs[0][0][0]
    assert tuple(first) == adversarial.FIGURES
    assert first["d_loss"] == pytest.approx(2 * np.log(2), abs=0.3)  # new networks know nothing: two cross entropies of one half
    assert 0.3 < first["d_fake"] < 0.7 and first["d_norm"] > 0 < first["g_norm"]


def test_a_state_put_into_new_networks_goes_on_exactly():
    wishes = recipe(augment=("colour", "translation", "cutout"), instance_noise=0.1)
    pictures, classes = photos(4)
    made, step = opened(wishes)
    for number in range(2):
        step(pictures, classes, number)
    kept = [np.asarray(variable) for variable in made.state]
    expected = [step(pictures, classes, number) for number in (2, 3)]
    other, again = opened(recipe(augment=("colour", "translation", "cutout"), instance_noise=0.1, latent=8))
    for variable, value in zip(other.state, kept, strict=True):
        variable.assign(value)
    assert [again(pictures, classes, number) for number in (2, 3)] == expected
    assert distance(weights(other.average), weights(made.average)) == 0
    assert again(pictures, classes, 3) != expected[1]


def test_the_average_follows_the_generator_by_the_share_that_is_asked_for():
    pictures, classes = photos(4)
    made, step = opened(recipe(average=0.0))
    step(pictures, classes, 0)
    assert distance(weights(made.average), weights(made.generator)) == 0
    made, step = opened(recipe(average=0.5))
    before = weights(made.average)
    step(pictures, classes, 0)
    hand = [0.9 * now + 0.1 * old for old, now in zip(before, weights(made.generator))]  # the first step keeps 1/10 of the start
    assert distance(weights(made.average), hand) < 1e-6
    before = weights(made.average)
    step(pictures, classes, 19)
    hand = [0.5 * now + 0.5 * old for old, now in zip(before, weights(made.generator))]
    assert distance(weights(made.average), hand) < 1e-6


def test_more_steps_of_the_discriminator_take_more_photos():
    made, step = opened(recipe(steps=3))
    pictures, classes = photos(12)
    step(pictures, classes, 0)
    assert int(made.discriminator_optimiser.iterations) == 3 and int(made.generator_optimiser.iterations) == 1
    changed = pictures.copy()
    changed[0] = 255 - changed[0]  # a photo of the first of the three steps
    other, again = opened(recipe(steps=3))
    again(changed, classes, 0)
    assert distance(weights(made.discriminator), weights(other.discriminator)) > 1e-5


@pytest.fixture(scope="module")
def plain():
    """A weight of the discriminator after two steps as the recipe has them by default."""
    return after_two_steps({})


def after_two_steps(wishes, side=28):
    settings = recipe(**wishes)
    made, step = opened(settings, side)
    pictures, classes = photos(4 * settings.generate.steps, side)
    rows = [step(pictures, classes, number) for number in range(2)]
    assert all(np.isfinite(value) for row in rows for value in row.values())
    return weights(made.discriminator)[1]


@pytest.mark.parametrize(
    "wishes",
    [
        {"loss": "least-squares"},
        {"loss": "hinge"},
        {"loss": "wasserstein"},
        {"conditional": True},
        {"label_smoothing": 0.2},
        {"instance_noise": 0.5},
        {"augment": ("translation",)},
        {"beta": 0.9},
        {"discriminator_rate": 1e-3},
        {"steps": 2},
    ],
    ids=str,
)
def test_every_setting_is_another_step(plain, wishes):
    assert distance([after_two_steps(wishes)], [plain]) > 1e-6


def test_pictures_in_colour():
    assert after_two_steps({}, 32).shape == (4, 4, 64, 128)


def test_a_class_that_is_asked_for_and_shown_counts():
    pictures, classes = photos(4)
    found = []
    for shown in (classes, (classes + 1) % 3):
        made, step = opened(recipe(conditional=True))
        step(pictures, shown, 0)
        found.append(weights(made.discriminator))
    assert distance(*found) > 1e-6


def test_the_instance_noise_falls_to_nothing():
    wishes, flat = recipe(instance_noise=0.8), tf.zeros((64, 28, 28, 1))
    spread = [float(np.std(Draws(wishes, tf.constant(number), 0, STEPS).shown(flat, 0))) for number in (0, STEPS // 2, STEPS)]
    assert spread == pytest.approx([0.8, 0.4, 0.0], abs=0.01)


def test_what_is_random_differs_between_steps_turns_and_uses():
    wishes = recipe()
    seeds = {
        tuple(Draws(wishes, tf.constant(number), turn, STEPS).seed(use).numpy())
        for number in range(20)
        for turn in (0, 1)
        for use in range(8)
    }
    assert len(seeds) == 20 * 2 * 8
