"""Where a vision transformer looked: its attention weights as maps over the picture, block by block and rolled out over all of them."""

from typing import Any, Sequence

import keras
from keras import ops

from cvapp.models.transformer_blocks import EncoderBlock
from cvapp.models.vit import ClassToken, GridPositions

SCORES, POOL = "pool_scores", "pool_weights"  # the layers of `vit` that weigh the tokens at the end


def rollout(weights: Sequence[Any]) -> Any:
    """How much each token of the last block is made of each token of the first.

    A_i is the mean of block i's heads; half of what leaves it came by the residual: the product of (A_i + I) / 2, the last block on the left
    (Abnar and Zuidema 2020, arXiv:2005.00928, section 3, equation 1).

    Args:
        weights: of each block from the first, (B, h, T, T).

    Returns:
        (B, T, T), rows of sum 1.
    """
    product = None
    for one in weights:
        mixed = (ops.mean(one, 1) + ops.eye(one.shape[-1], dtype=one.dtype)) / 2  # (B, T, T)
        product = mixed if product is None else ops.matmul(mixed, product)  # (B, T, T)
    return product


def attention_maps(model: keras.Model, whole: bool = True) -> keras.Model | None:
    """The network that answers where a classifier looks, on copies of its weights; None for a classifier without attention.

    Args:
        model: pixels -> probabilities, as training saves it.
        whole: whether to answer each block's map too; else the rollout alone, and nothing else is computed.

    Returns:
        float pixels 0..255 (B, H, W, 3) -> float32 (B, 1 + blocks, h, w): the rollout over all blocks, then each block by itself (the mean of
        its heads), as the answer weighs the tokens; or the rollout (B, h, w). 1 is the even share: each map's mean is 1.
    """
    backbone = next((layer for layer in model.layers if _attends(layer)), None)
    if backbone is None:
        return None
    blocks = [layer for layer in backbone.layers if isinstance(layer, EncoderBlock)]
    tokens, weights = blocks[0].input, []
    for block in blocks:
        copy = EncoderBlock.from_config(block.get_config())  # Keras builds no network of a layer's second call with two answers
        tokens, seen = copy(tokens, return_weights=True)
        copy.set_weights(block.get_weights())
        weights.append(seen)  # (B, h, T, T)
    names = {layer.name: layer for layer in backbone.layers}
    shares = None
    if POOL in names:
        shares = ops.transpose(names[POOL](names[SCORES](names["norm"](tokens))), (0, 2, 1))  # (B, T, 1) -> (B, 1, T)
    token = any(isinstance(layer, ClassToken) for layer in backbone.layers)
    grid = next(layer.output.shape[1:3] for layer in backbone.layers if isinstance(layer, GridPositions))
    looks = [rollout(weights), *([ops.mean(one, 1) for one in weights] if whole else [])]  # (B, T, T) each
    maps = [ops.cast(_on_the_picture(one, shares, token, grid), "float32") for one in looks]
    found = keras.Model(backbone.input, ops.stack(maps, 1) if whole else maps[0])
    pixels = keras.Input(model.input_shape[1:], name="pixels")
    return keras.Model(pixels, found(model.get_layer("scale")(pixels)), name="attention_maps")


def _attends(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.Model) and any(isinstance(part, EncoderBlock) for part in layer.layers)


def _on_the_picture(looks: Any, shares: Any, token: bool, grid: tuple[int, int]) -> Any:
    """One map (B, h, w) of how much each token looks at each, (B, T, T), by what the answer is made of: the class token, weighed tokens, or all."""
    if token:
        seen = looks[:, 0, 1:]  # (B, T - 1): what the class token takes from itself is no place of the picture
    elif shares is not None:
        seen = ops.matmul(shares, looks)[:, 0]  # (B, 1, T) x (B, T, T) -> (B, T)
    else:
        seen = ops.mean(looks, 1)  # (B, T)
    return ops.reshape(seen / ops.mean(seen, 1, keepdims=True), (-1, *grid))
