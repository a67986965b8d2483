"""MobileNetV2 for the edge: tuned whole on your photos, exported to every variant, proven and timed."""

from cvapp.recipe import Augment, Model, Recipe, Train

RECIPE = Recipe(
    model=Model(backbone="shipped", dropout=0.3),
    augment=Augment(crop=0.1, zoom=0.2, rotation=15, stretch=0.1, brightness=0.1, contrast=0.2, colour=0.05),
    train=Train(epochs=30, schedule="cosine", warmup=0.1, label_smoothing=0.05, fine_tune="all", fine_tune_epochs=20, fine_tune_rate=1e-3),
)
