"""Transcribers in small: a recipe of one or two digits that is trained in seconds, and how few pictures it is measured on."""

import numpy as np

from cvapp.data import digit_rows, generated
from cvapp.recipe import Data, Images, Recipe, Train, Transcribe, override

HELD = {"val": (2**31 - 1, 48), "test": (2**31, 96)}


def rows_recipe(*settings: str) -> Recipe:
    """Pictures of 16x24 pixels; `settings` as --set takes them."""
    network = Transcribe(1, 2, features=32, num_heads=2, hidden=48, encoder_blocks=0, decoder_blocks=1, dropout=0.0, beam=2)
    train = Train(epochs=2, batch=16, learning_rate=6e-3, schedule="cosine", warmup=0.05, clip_norm=1.0, images_per_epoch=2400)
    whole = Recipe("transcribe", data=Data(generated="digits"), images=Images((16, 24), "stretch"), transcribe=network, train=train)
    return override(whole, settings)


def few(patch) -> None:
    """Measure on few pictures, and draw in one font, which is learnt sooner."""
    patch.setattr(generated, "HELD", HELD)
    patch.setattr(digit_rows, "FONTS", (("sans", 600),))


def spelling(*tokens: int, sure: float = 0.75, count: int = 11) -> np.ndarray:
    """Probabilities (T, V) of tokens of which each is that sure, and the others share the rest."""
    made = np.full((len(tokens), count), (1 - sure) / (count - 1), np.float32)
    made[np.arange(len(tokens)), tokens] = sure
    return made
