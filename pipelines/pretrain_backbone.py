"""The backbone that cvapp ships: MobileNetV2, alpha 0.35, 96x96, pretrained on generated shapes.

MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) learns 200 classes of glyphs, plain shapes, textures and made-up signs, drawn on
the fly as a camera would see them. The printable signs are not among them.

    cvapp train pretrain_backbone --name mobilenet_v2_drawings

Measured on 2 cores: 2,323 seconds, 0.772 accuracy on 4,096 fresh pictures of its classes; a linear probe on the features names 0.950 of
held-out signs, on the same network with random weights 0.266 (`python benchmarks/backbone_probe.py`).
"""

from cvapp.recipe import Data, Images, Model, Recipe, Train

RECIPE = Recipe(
    task="backbone",
    data=Data(generated="shapes"),
    images=Images(size=(96, 96)),
    model=Model(backbone="mobilenet_v2", weights="none", alpha=0.35, dropout=0.1),
    train=Train(
        epochs=40, batch=128, learning_rate=8e-3, schedule="cosine", warmup=0.05, weight_decay=2e-2, patience=40, images_per_epoch=16384
    ),
)
