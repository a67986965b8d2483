"""MobileNetV2 for the edge: tuned whole on your photos, then exported to every variant, proven and timed.

MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381). First the head on features computed once, then all of the network at a lower rate on varied
pictures, batch norm as it was pretrained. The backbone is the one of drawings, alpha 0.35 at 96x96: the smallest and fastest. Photos want one
that has seen photos: EfficientNet-Lite0 (docs/mobilenet_edge.md says what it costs), or a MobileNetV2 whose weights are downloaded.

    make train export verify bench PIPELINE=mobilenet_edge
    cvapp train mobilenet_edge --data photos --name mine --set model.backbone=efficientnet_lite0
    cvapp train mobilenet_edge --data photos --name mine --set model.backbone=mobilenet_v2
    cvapp train mobilenet_edge --data photos --name mine --set model.backbone=mobilenet_v2 --set model.alpha=1.0 --set model.weights=none

Measured on 2 cores: 2,400 drawn pictures, alpha 0.35, 129 seconds, 0.983 of 480 held out, int8 0.39 of the size of float32 and no photo lost on
validation; alpha 1.0 at 96x96 from scratch, 540 seconds, 0.935. With few photos the head alone is as good: of 243 ants and bees (ImageNet
weights, 224x224, 100 seconds) no epoch of the tuning was better than the head, 0.919 on 153 validation photos, the mean of seeds 0, 1 and 2.
"""

from cvapp.recipe import Augment, Model, Recipe, Train

# A picture is not mirrored: signs and letters have a left and a right. An l2 of 0.03, good for a head alone, pulls a whole network apart.
RECIPE = Recipe(
    model=Model(backbone="mobilenet_v2_drawings", dropout=0.5),
    augment=Augment(crop=0.1, zoom=0.2, rotation=15, stretch=0.1, brightness=0.1, contrast=0.2, colour=0.05),
    train=Train(
        epochs=40,
        schedule="cosine",
        warmup=0.1,
        l2=1e-3,
        label_smoothing=0.05,
        patience=30,
        fine_tune="all",
        fine_tune_epochs=20,
        fine_tune_rate=1e-3,
    ),
)
