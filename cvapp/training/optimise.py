"""Optimisers, learning-rate schedules and penalties, as the Recipe names them."""

from typing import Any

import keras
from keras import ops

from cvapp.recipe import Train

DATA_LOSS = "data_loss"  # the figure of a step that leaves the penalties out, where there are any
_LEFT_ALONE = ["bias", "gamma", "beta", "position", "token"]  # what weight decay and penalties do not shrink; names, or parts of them


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises linearly from 0 over the warm-up, then follows one of the Recipe's schedules.

    With w steps of warm-up, n steps in all, t steps done, and p = t - w after the warm-up:
    constant r; step r d^floor(p / s); exponential r d^(p / s); cosine r (1 + cos(pi p / (n - w))) / 2 (Loshchilov and Hutter 2017,
    arXiv:1608.03983, equation 5, without restarts).

    Args:
        settings: of the recipe: schedule, warmup, decay, decay_epochs.
        rate: r, the largest.
        steps: n.
        steps_per_epoch: s is `decay_epochs` of them.
    """

    def __init__(self, settings: Train, rate: float, steps: int, steps_per_epoch: int):
        self.kind, self.rate, self.decay, self.steps = settings.schedule, rate, settings.decay, steps
        self.warm = round(settings.warmup * steps)
        self.period = settings.decay_epochs * steps_per_epoch

    def __call__(self, step: Any) -> Any:
        """The rate of step number `step`, counted from 0."""
        step = ops.cast(step, "float32")
        past = ops.maximum(step - self.warm, 0.0)
        if self.kind == "cosine":
            share = ops.minimum(past / max(1, self.steps - self.warm), 1.0)
            rate = self.rate * 0.5 * (1 + ops.cos(3.141592653589793 * share))
        elif self.kind == "constant":
            rate = ops.ones_like(past) * self.rate
        else:
            periods = past / self.period
            rate = self.rate * self.decay ** (ops.floor(periods) if self.kind == "step" else periods)
        return rate * ops.minimum((step + 1) / self.warm, 1.0) if self.warm else rate

    def get_config(self) -> dict[str, Any]:
        """Nothing: a schedule is made from the recipe again, never from a file."""
        return {}


def optimiser(settings: Train, rate: float, steps: int, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """The recipe's optimiser under its schedule.

    `sgd`, `momentum` and `nesterov` are SGD; AdaGrad sums squares weight by weight; Adam and RMSProp keep the papers' decay rates.
    Clipping is by the norm g of all gradients together: each is multiplied by limit / |g| where that is below 1.
    """
    plan = Schedule(settings, rate, steps, steps_per_epoch)
    options: dict[str, Any] = {"weight_decay": settings.weight_decay or None, "global_clipnorm": settings.clip_norm or None}
    momentum = {"momentum": settings.momentum if settings.optimiser != "sgd" else 0.0, "nesterov": settings.optimiser == "nesterov"}
    made: keras.optimizers.Optimizer = {
        "adagrad": lambda: keras.optimizers.Adagrad(plan, **options),
        "rmsprop": lambda: keras.optimizers.RMSprop(plan, **options),
        "adam": lambda: keras.optimizers.Adam(plan, **options),
        "adamw": lambda: keras.optimizers.AdamW(plan, **{**options, "weight_decay": settings.weight_decay}),
    }.get(settings.optimiser, lambda: keras.optimizers.SGD(plan, **momentum, **options))()
    if settings.weight_decay:
        made.exclude_from_weight_decay(var_names=_LEFT_ALONE)
    return made


def add_penalties(network: keras.Model, settings: Train) -> None:
    """Put L1 and L2 on every kernel that trains; biases, scales of norms and positions are left alone."""
    penalty = keras.regularizers.L1L2(settings.l1, settings.l2) if settings.l1 or settings.l2 else None
    for variable in network.trainable_variables:
        if not any(name in variable.name for name in _LEFT_ALONE):
            variable.regularizer = penalty


def prepare(network: keras.Model, settings: Train, rate: float, epochs: int, steps_per_epoch: int) -> None:
    """Compile a classifier (inputs -> logits) for training: optimiser, penalties, softmax cross entropy with label smoothing."""
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing)
    compile_for(network, settings, optimiser(settings, rate, epochs * steps_per_epoch, steps_per_epoch), loss, "accuracy")


def compile_for(network: keras.Model, settings: Train, plan: keras.optimizers.Optimizer, loss: Any, accuracy: Any) -> None:
    """Compile a network with the recipe's penalties; its optimiser's variables exist from now on.

    Where there are penalties, a step also tells the loss without them, as `DATA_LOSS`: the one that can be held against a validation loss.
    """
    add_penalties(network, settings)
    plain = [keras.metrics.MeanMetricWrapper(getattr(loss, "call", loss), name=DATA_LOSS)] if settings.l1 or settings.l2 else []
    network.compile(plan, loss, metrics=[accuracy], weighted_metrics=plain)
    network.optimizer.build(network.trainable_variables)
