"""A new head on a frozen backbone: the pipeline for a few hundred photos, and the default.

Feature extraction as in the classic transfer-learning recipe: EfficientNet-Lite0, which has learned from ImageNet's photos, computes features
once, and a linear layer on top learns the classes.

    cvapp train --data photos --name mine
"""

from cvapp.recipe import Model, Recipe, Train

RECIPE = Recipe(model=Model(dropout=0.5), train=Train(epochs=40, learning_rate=2e-3, schedule="cosine", patience=40, label_smoothing=0.05))
