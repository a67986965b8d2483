"""A generator and a discriminator that learn from each other: the networks with their optimisers, and one compiled step for both."""

from dataclasses import dataclass
from typing import Any, Callable

import keras
import numpy as np
import tensorflow as tf

from cvapp.models import dcgan
from cvapp.recipe import Recipe
from cvapp.training.differentiable import vary
from cvapp.training.fused_norm import fused_norm
from cvapp.training.gan_losses import WASSERSTEIN, gradient_penalty, losses
from cvapp.training.optimise import Schedule

Step = Callable[[np.ndarray, np.ndarray, int], dict[str, float]]
FIGURES = ("d_loss", "g_loss", "d_real", "d_fake", "d_norm", "g_norm")


@dataclass(frozen=True)
class Adversaries:
    """Two networks that train, and the one that is kept.

    Args:
        generator: noise -> pictures, -1..1.
        discriminator: pictures -> logits.
        average: a generator with the moving average of its weights, or, where the recipe wants none, with the same ones.
        generator_optimiser: of the generator.
        discriminator_optimiser: of the discriminator.
        classes: that can be asked for, 0 for none.
    """

    generator: keras.Model
    discriminator: keras.Model
    average: keras.Model
    generator_optimiser: keras.optimizers.Optimizer
    discriminator_optimiser: keras.optimizers.Optimizer
    classes: int

    @property
    def state(self) -> list[Any]:
        """Every variable that the next step depends on."""
        parts = (self.generator, self.discriminator, self.average, self.generator_optimiser, self.discriminator_optimiser)
        return [variable for part in parts for variable in part.variables]


def open_adversaries(recipe: Recipe, side: int, classes: int, steps: int, steps_per_epoch: int) -> Adversaries:
    """New networks of the recipe, at random as the seed that was set decides.

    Args:
        recipe: its latent, loss, rates and average count.
        side: of the pictures.
        classes: that can be asked for, 0 for none.
        steps: of the generator, in the whole run.
        steps_per_epoch: of the generator.
    """
    wishes = recipe.generate
    generator, average = (dcgan.generator(side, wishes.latent, classes, norm) for norm in (fused_norm, dcgan.batch_norm))
    average.set_weights(generator.get_weights())
    discriminator = dcgan.discriminator(side, classes, True, dcgan.layer_norm if wishes.loss == WASSERSTEIN else fused_norm)
    optimisers: list[keras.optimizers.Optimizer] = []
    for network, rate, count in (
        (generator, recipe.train.learning_rate, 1),
        (discriminator, wishes.discriminator_rate, wishes.steps),
    ):
        plan = Schedule(recipe.train, rate, count * steps, count * steps_per_epoch)
        # TensorFlow sums in the order of names: those that Keras counts up ("adam_10" before "adam_9") would make another run's last bit differ
        name = f"adam_of_{network.name}"
        optimisers.append(keras.optimizers.Adam(plan, beta_1=wishes.beta, global_clipnorm=recipe.train.clip_norm or None, name=name))
        optimisers[-1].build(network.trainable_variables)
    return Adversaries(generator, discriminator, average, optimisers[0], optimisers[1], classes)


def make_step(adversaries: Adversaries, recipe: Recipe, steps: int) -> Step:
    """The compiled step: (photos, their classes, the step's number from 0) -> FIGURES.

    Photos are uint8 (k B, H, W, C), classes int32 (k B,) for k steps of the discriminator at batch B. In the last of these both networks learn
    at once: one pass of the generator and one of the discriminator over its pictures serve both losses, so that the generator is judged by the
    discriminator as it was before its own update. The figures are of that last one; `d_real` and `d_fake` are means of sigmoid(logit).
    All that is random derives from the recipe's seed and the step's number.
    """
    wishes, batch, side = recipe.generate, recipe.train.batch, adversaries.generator.output_shape[1]
    channels = adversaries.generator.output_shape[3]
    photos_spec = tf.TensorSpec((wishes.steps * batch, side, side, channels), tf.uint8)
    classes_spec = tf.TensorSpec((wishes.steps * batch,), tf.int32)

    @tf.function(input_signature=[photos_spec, classes_spec, tf.TensorSpec((), tf.int32)], autograph=False)
    def step(photos: Any, classes: Any, number: Any) -> Any:
        for turn in range(wishes.steps):
            part = slice(turn * batch, (turn + 1) * batch)
            draws = Draws(recipe, number, turn, steps)
            real = tf.cast(photos[part], tf.float32) / 127.5 - 1.0
            one_hot = tf.one_hot(classes[part], adversaries.classes) if adversaries.classes else None
            figures = _learn(adversaries, recipe, draws, (real, one_hot), turn == wishes.steps - 1)
        _follow(adversaries, wishes.average, number)
        return tf.stack([figures[name] for name in FIGURES])

    def run(photos: np.ndarray, classes: np.ndarray, number: int) -> dict[str, float]:
        values = step(tf.constant(photos), tf.constant(classes, tf.int32), tf.constant(number, tf.int32))
        return dict(zip(FIGURES, values.numpy().tolist()))

    return run


class Draws:
    """What is random in one step of the discriminator, and how much of it; the same numbers whenever the step is taken."""

    def __init__(self, recipe: Recipe, number: Any, turn: int, steps: int):
        start = tf.constant((recipe.seed, turn), tf.int32)
        self._recipe, self._seed = recipe, tf.random.experimental.stateless_fold_in(start, number)
        self._left = 1.0 - tf.cast(number, tf.float32) / max(1, steps)

    def seed(self, use: int) -> Any:
        """The seed of one use, int32 (2,)."""
        return tf.random.experimental.stateless_fold_in(self._seed, use)

    def noise(self, count: int) -> Any:
        """What samples are made from, (count, latent)."""
        return tf.random.stateless_normal((count, self._recipe.generate.latent), self.seed(0))

    def classes(self, count: int, classes: int) -> Any:
        """Classes to ask for, each as likely, as one-hots (count, classes)."""
        return tf.one_hot(tf.random.stateless_uniform((count,), self.seed(1), 0, classes, tf.int32), classes)

    def shares(self, count: int) -> Any:
        """Of points between photos and samples, (count, 1, 1, 1)."""
        return tf.random.stateless_uniform((count, 1, 1, 1), self.seed(2))

    def shown(self, pictures: Any, use: int) -> Any:
        """Pictures as the discriminator sees them: varied, and with the noise of this step."""
        wishes = self._recipe.generate
        if wishes.augment:
            pictures = vary(pictures, wishes.augment, self.seed(3 + 2 * use))
        if wishes.instance_noise:
            pictures += wishes.instance_noise * self._left * tf.random.stateless_normal(tf.shape(pictures), self.seed(4 + 2 * use))
        return pictures


def _learn(adversaries: Adversaries, recipe: Recipe, draws: Draws, real: tuple[Any, Any], both: bool) -> dict[str, Any]:
    """One step of the discriminator and, if `both`, of the generator; the figures."""
    wishes, (photos, labels), count = recipe.generate, real, recipe.train.batch
    asked = draws.classes(count, adversaries.classes) if adversaries.classes else None
    noise = draws.noise(count) if asked is None else tf.concat([draws.noise(count), asked], 1)
    goal = losses(wishes)
    with tf.GradientTape() as made:
        fake = adversaries.generator(noise, training=True)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(fake)
        seen, seen_fake = draws.shown(photos, 0), draws.shown(fake, 1)
        real_logits, fake_logits = _judged(adversaries, seen, labels), _judged(adversaries, seen_fake, asked)
        d_loss, g_loss = goal.discriminator(real_logits, fake_logits), goal.generator(fake_logits)
        if wishes.loss == WASSERSTEIN:
            d_loss += wishes.penalty * gradient_penalty(
                lambda between: _judged(adversaries, between, labels), seen, tf.stop_gradient(seen_fake), draws.shares(count)
            )
    figures = {"d_loss": d_loss, "g_loss": g_loss}
    figures |= {name: tf.reduce_mean(tf.sigmoid(logits)) for name, logits in (("d_real", real_logits), ("d_fake", fake_logits))}
    slopes = tape.gradient(g_loss, fake) if both else None
    figures["d_norm"] = _descend(adversaries.discriminator, adversaries.discriminator_optimiser, tape, d_loss, None)
    if both:
        figures["g_norm"] = _descend(adversaries.generator, adversaries.generator_optimiser, made, fake, slopes)
    return figures


def _judged(adversaries: Adversaries, pictures: Any, one_hot: Any) -> Any:
    return adversaries.discriminator(pictures if one_hot is None else [pictures, one_hot], training=True)


def _descend(network: keras.Model, optimiser: keras.optimizers.Optimizer, tape: Any, target: Any, slopes: Any) -> Any:
    """Move a network's weights against their gradients; the norm of all of these together."""
    variables = network.trainable_variables
    gradients = tape.gradient(target, variables, output_gradients=slopes)
    optimiser.apply(gradients, variables)
    return tf.linalg.global_norm(gradients)


def _follow(adversaries: Adversaries, share: float, number: Any) -> None:
    """Let the moving average follow the generator, batch norm's statistics too; in the first steps it follows faster, lest it remember the start."""
    done = tf.cast(number, tf.float32)
    kept = tf.minimum(share, (1.0 + done) / (10.0 + done))
    for mean, now in zip(adversaries.average.variables, adversaries.generator.variables, strict=True):
        mean.assign(now + kept * (mean - now))
