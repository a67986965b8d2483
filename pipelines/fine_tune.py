"""A pretrained Keras backbone under a new head, then tuned to the photos as far as they allow.

First the head on features computed once, then, where there is enough to learn from, the last blocks of the backbone at a lower rate on
varied pictures, batch norm as it was pretrained. `train.fine_tune=auto` decides by the usual table of transfer learning (little or much
data, a similar or another task) and says why; where it chooses the head alone, that is all.

    cvapp train fine_tune --data photos --name mine
    cvapp train fine_tune --data photos --name mine --set train.fine_tune=blocks:6

Measured on 2 busy cores: 7,200 photos of CIFAR-10 at 96x96 (`--set images.size=96,96`), 698 seconds, 0.807 on 2,000 test photos, the head alone
0.732; of 243 ants and bees `auto` trains the head alone, 0.952 on 153 validation photos, the mean of seeds 0, 1 and 2.
"""

from cvapp.recipe import Augment, Model, Recipe, Train

RECIPE = Recipe(
    model=Model(dropout=0.5),
    augment=Augment(mirror="auto", crop=0.15, zoom=0.2, rotation=15, stretch=0.1, brightness=0.1, contrast=0.2, colour=0.05),
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
