"""A window classifier made convolutional: boxes, trained on photos with boxes (Pascal VOC, COCO or YOLO).

OverFeat's road (Sermanet et al. 2014, arXiv:1312.6229): a small network without padding learns windows, cut around objects and out of the
background; its dense layers become convolutions, and one pass over all scales of a frame answers for every window, exactly as alone.

    cvapp data signs --scenes scenes --count 1000
    cvapp train window_detector --data scenes --name scenes
"""

from cvapp.recipe import Augment, Images, Model, Recipe, Train

RECIPE = Recipe(
    task="detect",
    images=Images(size=(480, 640), fit="letterbox"),
    model=Model(backbone="window_net", weights="none", alpha=1.0, dropout=0.3, initialiser="he"),
    augment=Augment(stretch=0.3, brightness=0.1, contrast=0.25, colour=0.15),
    train=Train(epochs=12, batch=96, learning_rate=2e-3, schedule="cosine", warmup=0.05, patience=100),
)
