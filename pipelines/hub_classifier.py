"""A new head on a frozen hub module: any TF2 SavedModel that computes features, by default EfficientNet-Lite0 as one.

Feature extraction as TensorFlow Hub's modules are made for: the module computes features once, and a linear layer on top learns the classes. The
default pipeline, `feature_extraction`, is the same on Keras layers, whose blocks can be tuned and whose classifier can be slid over frames.

    cvapp train hub_classifier --data photos --name mine
    cvapp train hub_classifier --data photos --name mine --set model.handle=path/of/a/hub/module

Measured on 2 cores: 243 photos of ants and bees, 24 seconds, 0.961 on 153 validation photos.
"""

from cvapp.recipe import Model, Recipe, Train

RECIPE = Recipe(
    model=Model(backbone="hub", handle="efficientnet_lite0", dropout=0.5),
    train=Train(epochs=40, learning_rate=2e-3, schedule="cosine", patience=40, label_smoothing=0.05),
)
