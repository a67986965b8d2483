"""Generators in small: a recipe that trains in seconds on a few photos, and networks that are narrow."""

import numpy as np

from cvapp.recipe import Data, Generate, Images, Recipe, Train, override


def gan_recipe(*settings: str) -> Recipe:
    """Pictures of 28x28 in three steps an epoch; `settings` as --set takes them."""
    whole = Recipe(
        "generate",
        data=Data(val=0.2, test=0.2),
        images=Images((28, 28)),
        train=Train(epochs=2, batch=8, optimiser="adam", learning_rate=2e-4, weight_decay=0.0),
        generate=Generate(latent=16, preview=2, judged=64),
    )
    return override(whole, settings)


def narrow(patch) -> None:
    """An eighth of a DCGAN's channels, which train as they should and compile as fast; a judge that learns for two epochs."""
    from cvapp.models import dcgan
    from cvapp.training import judge

    patch.setattr(dcgan, "WIDTH", 8)
    patch.setattr(judge, "EPOCHS", (2, 2))


def untrained(patch) -> None:
    """A judge of random weights instead of a trained one."""
    from cvapp.training import generate

    patch.setattr(generate, "judge_for", lambda recipe, material, *_: blind_judge(recipe.images.size, len(material.labels)))


def blind_judge(size, classes: int):
    """A judge of nothing: means of colour in nine places -> 27 features, and probabilities by random weights."""
    import cvapp.models  # noqa: F401 - loads TensorFlow quietly
    import keras

    pixels = keras.Input((*size, 3), name="pixels")
    features = keras.layers.Flatten()(keras.layers.AveragePooling2D(size[0] // 3)(keras.layers.Rescaling(1 / 255)(pixels)))
    weights = np.random.default_rng(3).normal(0, 3, (features.shape[1], classes))
    layer = keras.layers.Dense(classes, "softmax", use_bias=False)
    probabilities = layer(features)
    layer.set_weights([weights])
    return keras.Model(pixels, [features, probabilities] if classes > 1 else features, name="judge")
