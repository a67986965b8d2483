"""A small vision transformer trained from scratch: attention for thousands of small pictures.

`vit_compact` takes its tokens from two convolutions and weighs them at the end (Hassani et al. 2021, arXiv:2104.05704, CCT-2/3x2; 283,000
parameters). `vit_small` and `vit_small_8` cut the picture into patches of 4 and 8 pixels (Dosovitskiy et al. 2021, arXiv:2010.11929; 394,000
parameters) and want more pictures; the sides of a picture are multiples of the patch. AdamW with warm-up, cosine, clipping, MixUp, label
smoothing and stochastic depth.

    cvapp train vision_transformer --data fashion-mnist --name fashion
    cvapp train vision_transformer --data fashion-mnist --name patches --set model.backbone=vit_small --epochs 20

Of photos and signs, which are neither grey nor centred, more is varied, and nothing mixed where they are few:

    cvapp train vision_transformer --data signs --name signs --epochs 50 --set images.size=32,32 --set train.batch=64
    --set train.learning_rate=1.5e-3 --set augment.mirror=false --set augment.mixup=0 --set augment.crop=0.1 --set augment.zoom=0.2
    --set augment.rotation=15 --set augment.stretch=0.1 --set augment.brightness=0.1 --set augment.contrast=0.2 --set augment.colour=0.05

Measured on 2 busy cores: Fashion-MNIST 0.914 of 10,000 test in 777 seconds (`vit_compact`), 0.893 in 1,294 (`vit_small --epochs 20`); 2,400 drawn
signs, the last command, 0.975 of 240 held out in 507.
"""

from cvapp.recipe import Augment, Data, Images, Model, Recipe, Train

RECIPE = Recipe(
    data=Data(val=0.1, test=0.1),
    images=Images(size=(28, 28)),
    model=Model(backbone="vit_compact", weights="none", dropout=0.1, stochastic_depth=0.05),
    augment=Augment(mirror="auto", mixup=0.1),
    train=Train(
        epochs=15,
        batch=128,
        learning_rate=2e-3,
        schedule="cosine",
        warmup=0.1,
        weight_decay=5e-2,
        clip_norm=1.0,
        label_smoothing=0.05,
        patience=50,
    ),
)
