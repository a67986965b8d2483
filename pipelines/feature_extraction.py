"""A new head on a frozen backbone: the pipeline for a few hundred photos, and the default.

Feature extraction as in the classic transfer-learning recipe: EfficientNet-Lite0, which has learned from ImageNet's photos, computes features
once, and a linear layer on top learns the classes.

    cvapp train --data photos --name mine

Measured on 2 cores, process start included: 243 photos of ants and bees, 15 seconds, 0.952 on 153 validation photos, the mean of seeds 0, 1 and 2;
7,200 of CIFAR-10, 183 seconds, 0.794 on 2,000 test photos.
"""

from cvapp.recipe import Model, Recipe, Train

# Chosen on validation photos, three seeds each: a rate that falls to 0 over 40 epochs is better on CIFAR-10 than a constant one that stops early
# (0.813 against 0.804), and as good on ants and bees and on 20 photos of each class.
RECIPE = Recipe(model=Model(dropout=0.5), train=Train(epochs=40, learning_rate=2e-3, schedule="cosine", patience=40, label_smoothing=0.05))
