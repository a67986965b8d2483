"""Picture -> text: a convolutional stem, a transformer's encoder over the picture's columns, and its decoder over characters."""

from dataclasses import dataclass
from typing import Any, Sequence

import keras
import numpy as np

from cvapp.errors import CvappError
from cvapp.models.positions import LearnedPositions
from cvapp.models.token_decoder import END, TokenDecoder
from cvapp.models.transformer_blocks import EPSILON, EncoderBlock

STRIDES = ((2, 2), (2, 2), (2, 1))  # of the stem's convolutions: height / 8, width / 4
MOMENTUM = 0.9  # of batch norm; Keras' 0.99 lags behind in the few epochs of a small run


@dataclass(frozen=True)
class Design:
    """A transcriber's form.

    Args:
        size: (height, width) of the pictures, multiples of 8 and of 4.
        characters: that texts are made of, such as `0123456789`; the first is token 1.
        length: tokens of a text at most, the end among them.
        features: numbers a place, in encoder and decoder.
        num_heads: of attention; they must divide the features.
        hidden: of the feed-forward.
        encoder_blocks: how many.
        decoder_blocks: how many.
        dropout: in all blocks.
        tied: whether the last layer's weights are the embedding's.
    """

    size: tuple[int, int]
    characters: str
    length: int
    features: int = 96
    num_heads: int = 4
    hidden: int = 192
    encoder_blocks: int = 1
    decoder_blocks: int = 2
    dropout: float = 0.1
    tied: bool = True


def build(design: Design) -> keras.Model:
    """The network that trains: pixels 0..255 (B, H, W, 3) and tokens (B, T), see `tokens_of` -> logits (B, T, V) of the tokens that come next.

    `generation.greedy` and `beam` write with it, by its layers `encoder` and `decoder`.
    """
    height, width = design.size
    if height % 8 or width % 4 or design.length < 2 or len(set(design.characters)) != len(design.characters) or not design.characters:
        raise CvappError(
            f"pictures of {design.size}, length {design.length}, characters {design.characters!r}: "
            "give a height divisible by 8, a width by 4, at least 2 tokens, and each character once"
        )
    pixels, written = keras.Input((height, width, 3), name="pixels"), keras.Input((None,), dtype="int32", name="written")
    encoder = keras.Model(pixels, _encoded(pixels, design), name="encoder")
    decoder = TokenDecoder(
        len(design.characters) + 1,
        design.length,
        design.features,
        design.num_heads,
        design.hidden,
        design.decoder_blocks,
        design.dropout,
        design.tied,
        name="decoder",
    )
    return keras.Model([pixels, written], decoder(written, encoder(pixels)), name="transcriber")


def _encoded(pixels: Any, design: Design) -> Any:
    """(B, H, W, 3) -> (B, W / 4, features): a vector for each column of the maps."""
    values = keras.layers.Rescaling(1 / 127.5, -1, name="scale")(pixels)
    for number, strides in enumerate(STRIDES, 1):
        channels = design.features * number // len(STRIDES)
        values = keras.layers.Conv2D(channels, 3, strides, "same", use_bias=False, name=f"stem_{number}")(values)
        values = keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=1e-5, name=f"stem_{number}_norm")(values)
        values = keras.layers.ReLU(name=f"stem_{number}_relu")(values)
    rows, columns, channels = values.shape[1:]  # (B, H / 8, W / 4, features)
    values = keras.layers.Reshape((columns, rows * channels), name="columns")(keras.layers.Permute((2, 1, 3), name="turn")(values))
    values = keras.layers.Dense(design.features, name="project")(values)  # (B, W / 4, features)
    values = LearnedPositions(columns, name="positions")(values)
    for number in range(1, design.encoder_blocks + 1):
        block = EncoderBlock(design.features, design.num_heads, design.hidden, design.dropout, name=f"block_{number}")
        values = block(values)
    return keras.layers.LayerNormalization(epsilon=EPSILON, name="norm")(values)


def tokens_of(texts: Sequence[str], characters: str, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a transcriber learns a text from.

    Args:
        texts: N of them.
        characters: see `Design`.
        length: T; a text has one character less at most, to leave room for the end.

    Returns:
        What is written so far, int32 (N, T): the start, then the text; what comes next, int32 (N, T): the text, then its end; and float32 (N, T),
        1 up to the end and 0 after it.
    """
    known = {character: token for token, character in enumerate(characters, 1)}
    targets = np.full((len(texts), length), END, np.int32)
    for row, text in zip(targets, texts):
        if len(text) >= length or not set(text) <= set(known):
            raise CvappError(f"{text!r}: give a text of the characters {characters!r}, {length - 1} of them at most")
        row[: len(text)] = [known[character] for character in text]
    begun = np.full((len(texts), 1), len(characters) + 1, np.int32)
    counted = np.arange(length) <= [[len(text)] for text in texts] if len(texts) else np.zeros((0, length))
    return np.concatenate([begun, targets[:, :-1]], 1), targets, counted.astype(np.float32)


def texts_of(tokens: np.ndarray, characters: str) -> list[str]:
    """The texts of tokens (N, T), each up to its end."""
    texts = []
    for row in tokens.tolist():
        end = row.index(END) if END in row else len(row)
        texts.append("".join(characters[token - 1] for token in row[:end]))
    return texts
