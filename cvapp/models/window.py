"""The window classifier of a detector: is there an object in the window, where, of which class, and its landmarks."""

from typing import Any

import keras

from cvapp.models.surgery import INITIALISERS
from cvapp.models.window_net import MOMENTUM
from cvapp.recipe import Recipe
from cvapp.windows import BOX

MIDDLE = keras.initializers.Constant(0.5)  # a box starts in the middle of its window, half as large, wherever the object is
NEAR = {"class_name": "RandomNormal", "config": {"stddev": 0.01}}  # drawn for each layer by the recipe's seed; an object made here has its own


def answers(features: Any, num_classes: int, points: int, recipe: Recipe) -> tuple[list[Any], list[Any]]:
    """The head on maps (B, h, w, C), twice: what is trained, and what is saved.

    Returns:
        logits: p_c, box (b_x, b_y, b_h, b_w), classes, landmarks: (B, 1), (B, 4), (B, num_classes), (B, 2 points).
        answers: the same with p_c and the classes as probabilities.
    """
    start = INITIALISERS[recipe.model.initialiser]
    hidden = keras.layers.Flatten(name="flatten")(features)
    hidden = keras.layers.Dense(recipe.detect.hidden, use_bias=False, kernel_initializer=start, name="hidden")(hidden)
    hidden = keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=1e-5, name="hidden_bn")(hidden)
    hidden = keras.layers.ReLU(name="hidden_relu")(hidden)
    known = keras.layers.Dropout(recipe.model.dropout, name="dropout")(hidden)  # places are left exact
    found = keras.layers.Dense(1, kernel_initializer=start, name="object")(known)
    box = keras.layers.Dense(BOX - 1, kernel_initializer=NEAR, bias_initializer=MIDDLE, name="box")(hidden)
    classes = keras.layers.Dense(num_classes, kernel_initializer=start, name="classes")(known)
    last = [keras.layers.Dense(2 * points, kernel_initializer=NEAR, bias_initializer=MIDDLE, name="points")(hidden)] if points else []
    sure = keras.layers.Activation("sigmoid", name="object_probability")(found)
    certain = keras.layers.Rescaling(0.0, 1.0, name="class_probabilities")  # of one class; Keras warns of a softmax that can answer 1 alone
    named = (keras.layers.Softmax(name="class_probabilities") if num_classes > 1 else certain)(classes)
    return [found, box, classes, *last], [sure, box, named, *last]


def networks(
    backbone: keras.Model, scale: tuple[Any, Any], num_classes: int, points: int, recipe: Recipe
) -> tuple[keras.Model, keras.Model]:
    """The network that trains and the window classifier that is saved; they share their layers.

    Both take float pixels 0..255 (B, H, W, 3) and answer (B, 5 + num_classes + 2 points): the first logits, the second probabilities where
    there are any.
    """
    pixels = keras.Input(backbone.input_shape[1:], name="pixels")
    maps = backbone(keras.layers.Rescaling(*scale, name="scale")(pixels))
    if maps.dtype != "float32":  # a backbone that computes in 16 bits
        maps = keras.layers.Activation("linear", dtype="float32", name="widen")(maps)
    trained, saved = answers(maps, num_classes, points, recipe)
    return (
        keras.Model(pixels, keras.layers.Concatenate(name="logits")(trained), name="training"),
        keras.Model(pixels, keras.layers.Concatenate(name="answers")(saved), name="window_classifier"),
    )
