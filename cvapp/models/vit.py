"""Vision transformers (Dosovitskiy et al. 2021, arXiv:2010.11929), and compact ones with a convolutional stem for little data."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from cvapp.errors import CvappError
from cvapp.models.positions import sinusoids
from cvapp.models.transformer_blocks import EPSILON, EncoderBlock

TOKEN, MEAN, SEQUENCE = "token", "mean", "sequence"
STEM = 64  # channels of a stem's first convolutions
SPREAD = 0.02  # standard deviation of positions and class token at the start


@dataclass(frozen=True)
class Variant:
    """A row of the table.

    Args:
        width: numbers a token.
        depth: encoder blocks.
        heads: of each block's attention.
        hidden: units of each block's feed-forward.
        patch: side of a patch in pixels; of a convolutional stem, the pixels between two tokens: 2 for each of its convolutions.
        pool: what the features are: the class `token`, the `mean` of all tokens, or of the `sequence` as the network weighs it.
        stem: whether tokens come from convolutions rather than patches.
        overlap: whether a patch takes in what lies half a patch around it, so that an edge is seen wherever it falls (Wang et al. 2022,
            arXiv:2106.13797, section 3.2).
        sinusoids: whether positions start as sinusoids of row and column rather than at random, so that neighbours are alike from the first
            step (Beyer et al. 2022, arXiv:2205.01580, which keeps them so).
    """

    width: int
    depth: int
    heads: int
    hidden: int
    patch: int
    pool: str = TOKEN
    stem: bool = False
    overlap: bool = False
    sinusoids: bool = False


VARIANTS = {
    # Dosovitskiy et al. 2021, table 1
    "vit_b_16": Variant(768, 12, 12, 3072, 16),
    "vit_b_32": Variant(768, 12, 12, 3072, 32),
    "vit_l_16": Variant(1024, 24, 16, 4096, 16),
    # Touvron et al. 2021, arXiv:2012.12877, table 1, without distillation
    "deit_ti_16": Variant(192, 12, 3, 768, 16),
    "deit_s_16": Variant(384, 12, 6, 1536, 16),
    # Hassani et al. 2021, arXiv:2104.05704, table 1
    "cct_2_3x2": Variant(128, 2, 2, 128, 4, SEQUENCE, True),
    "cct_4_3x2": Variant(128, 4, 2, 128, 4, SEQUENCE, True),
    "cct_7_3x1": Variant(256, 7, 4, 512, 2, SEQUENCE, True),
    # for pictures of 28 to 48 and of 48 to 96 pixels on a small machine, found by trying
    "vit_small_4": Variant(96, 5, 4, 192, 4, MEAN, overlap=True, sinusoids=True),
    "vit_small_8": Variant(96, 5, 4, 192, 8, MEAN, overlap=True, sinusoids=True),
}


def build(size: tuple[int, int], name: str) -> keras.Model:
    """A network without a top: pixels about 0 (B, H, W, 3) -> maps (B, h, w, width) of the mean-pooled, else (B, 1, 1, width).

    Args:
        size: (height, width) of the pictures.
        name: of `VARIANTS`.

    Raises:
        CvappError: a picture that patches do not cover exactly.
    """
    variant = VARIANTS[name]
    pixels = keras.Input((*size, 3))
    maps = _stem(pixels, variant) if variant.stem else _patches(pixels, variant, name)
    maps = GridPositions(variant.sinusoids, name="positions")(maps)
    _, height, width, _ = maps.shape
    tokens = keras.layers.Reshape((height * width, variant.width), name="tokens")(maps)
    if variant.pool == TOKEN:
        tokens = ClassToken(name="class_token")(tokens)
    for number in range(1, variant.depth + 1):
        tokens = EncoderBlock(variant.width, variant.heads, variant.hidden, activation="gelu", name=f"block{number}")(tokens)
    tokens = keras.layers.LayerNormalization(epsilon=EPSILON, name="norm")(tokens)
    if variant.pool == MEAN:
        return keras.Model(pixels, keras.layers.Reshape((height, width, variant.width), name="maps")(tokens), name=name)
    feature = tokens[:, :1] if variant.pool == TOKEN else _sequence_pool(tokens)
    return keras.Model(pixels, keras.layers.Reshape((1, 1, variant.width), name="maps")(feature), name=name)


def _patches(pixels: Any, variant: Variant, name: str) -> Any:
    """Each patch as a token by one linear layer, which is a convolution: (B, H, W, 3) -> (B, H/patch, W/patch, width)."""
    side = variant.patch
    if any(length % side for length in pixels.shape[1:3]):
        height, width = pixels.shape[1:3]
        near = ",".join(str(max(1, round(length / side)) * side) for length in (height, width))
        raise CvappError(f"images.size is {height},{width}: this transformer cuts a picture into patches of {side}x{side}; give such as {near}")
    kernel, padding = (2 * side - 1, "same") if variant.overlap else (side, "valid")
    return keras.layers.Conv2D(variant.width, kernel, side, padding, name="patches")(pixels)


def _stem(pixels: Any, variant: Variant) -> Any:
    """The convolutional tokeniser (Hassani et al. 2021, equation 1): maxpool(relu(conv(x))), each halving height and width."""
    maps, count = pixels, variant.patch.bit_length() - 1
    for number in range(1, count + 1):
        width = variant.width if number == count else STEM
        maps = keras.layers.Conv2D(width, 3, padding="same", use_bias=False, activation="relu", name=f"stem_{number}")(maps)
        maps = keras.layers.MaxPooling2D(3, 2, "same", name=f"stem_{number}_pool")(maps)
    return maps


def _sequence_pool(tokens: Any) -> Any:
    """The mean of the tokens (B, N, width) as the network weighs them (Hassani et al. 2021, equations 3 to 5): (B, 1, width)."""
    scores = keras.layers.Dense(1, name="pool_scores")(tokens)
    weights = keras.layers.Softmax(axis=1, name="pool_weights")(scores)
    return keras.layers.Dot(1, name="pool")([weights, tokens])


@keras.saving.register_keras_serializable("cvapp")
class ClassToken(keras.layers.Layer):
    """A learnt token, with a position of its own, before all others: (B, N, C) -> (B, 1 + N, C)."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the token and its position."""
        start = keras.initializers.TruncatedNormal(stddev=SPREAD)
        self.token, self.position = (self.add_weight((1, 1, shape[-1]), start, name=name) for name in ("token", "position"))

    def call(self, tokens: Any) -> Any:
        """The tokens with the class token at place 0."""
        first = ops.broadcast_to(self.token + self.position, (ops.shape(tokens)[0], 1, tokens.shape[-1]))
        return ops.concatenate([ops.cast(first, tokens.dtype), tokens], 1)


@keras.saving.register_keras_serializable("cvapp")
class GridPositions(keras.layers.Layer):
    """A learnt vector for each place, added to maps (B, h, w, C); weights saved for pictures of another size are interpolated.

    Args:
        sinusoids: whether they start as `grid_sinusoids`, not at random.
    """

    def __init__(self, sinusoids: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.sinusoids = sinusoids

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the vectors (h, w, C)."""
        start = (lambda size, dtype: grid_sinusoids(*size)) if self.sinusoids else keras.initializers.TruncatedNormal(stddev=SPREAD)
        self.positions = self.add_weight(shape[1:], start, name="positions")

    def call(self, maps: Any) -> Any:
        """The maps, each place told apart."""
        return maps + ops.cast(self.positions, maps.dtype)

    def load_own_variables(self, store: Any) -> None:
        """Take the vectors of a file, (h', w', C) at its own picture size."""
        self.positions.assign(resize_positions(np.asarray(store["0"], np.float32), self.positions.shape[:2]))


def grid_sinusoids(height: int, width: int, features: int) -> np.ndarray:
    """Sinusoids of the row in the first half of the features, of the column in the second: (height, width, features), float32."""
    half = features // 2
    rows, columns = sinusoids(height, half), sinusoids(width, features - half)
    parts = np.broadcast_to(rows[:, None], (height, width, half)), np.broadcast_to(columns, (height, width, features - half))
    return np.concatenate(parts, -1).astype(np.float32)


def resize_positions(positions: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Positions (h, w, C) for another number of patches: (height, width, C), linear in between, corners on corners.

    As in section 3.2 of the paper, which resizes by `scipy.ndimage.zoom` of order 1 in its code.
    """
    down, across = (_places(old, new) for old, new in zip(positions.shape[:2], size))
    return np.einsum("ih,jw,hwc->ijc", down, across, positions).astype(positions.dtype)


def _places(old: int, new: int) -> np.ndarray:
    """How much of each of the old places (new, old) the new ones take."""
    places = np.linspace(0, old - 1, new) if new > 1 else np.array([(old - 1) / 2])
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(old)))
