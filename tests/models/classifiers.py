"""Random classifiers on backbones of the table, as training saves them."""

import keras

from cvapp.models import classifier
from cvapp.models.backbones import open_backbone
from cvapp.recipe import Model


def classifier_of(backbone, size=(32, 32), classes=4):
    """Pixels (B, H, W, 3) -> probabilities (B, classes), random but always the same."""
    keras.utils.set_random_seed(2)
    settings = Model(backbone=backbone, weights="none")
    opened = open_backbone(settings, size)
    head = classifier.head(opened.features, classes, settings)
    head.build((None, opened.features))
    return classifier.assemble(opened, head)
