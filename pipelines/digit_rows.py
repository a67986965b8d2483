"""A transcriber from scratch: the row of digits in a picture, written digit by digit by a transformer.

cvapp train digit_rows --name rows
"""

from cvapp.recipe import Data, Images, Recipe, Train, Transcribe

RECIPE = Recipe(
    task="transcribe",
    data=Data(generated="digits"),
    images=Images(size=(32, 160), fit="letterbox"),
    transcribe=Transcribe(least=1, most=8),
    train=Train(
        epochs=20,
        batch=64,
        learning_rate=2e-3,
        schedule="cosine",
        warmup=0.05,
        weight_decay=1e-2,
        clip_norm=1.0,
        patience=20,
        images_per_epoch=16384,
    ),
)
