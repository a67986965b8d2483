"""Window shapes chosen by the boxes: k-means with the distance 1 - IoU."""

import numpy as np

STEPS, STARTS = 100, 20
FITS = 0.5  # IoU of an object with the middle of a window, from which on the window shows it (as Ren et al. 2015, arXiv:1506.01497, section 3.1.2)
DECIMALS = 3  # of a pixel: boxes drawn alike and fitted into frames differ by less, and are one shape


def shape_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """IoU of boxes of sizes (N, 2) and (M, 2) laid on one centre: (N, M)."""
    shared = np.minimum(first[:, None], second[None]).prod(-1)
    return shared / (first.prod(-1)[:, None] + second.prod(-1)[None] - shared)


def window_shapes(sizes: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The (height, width) of `count` windows that the objects fit best, the smallest first: float64 (count, 2).

    k-means with the distance 1 - IoU (Redmon and Farhadi 2017, arXiv:1612.08242, section 2), each centre the median of its boxes' sides; the
    best of several starts. Fewer centres where the boxes have fewer different sizes.

    Args:
        sizes: (N, 2) height and width of boxes in pixels.
        count: how many shapes.
        seed: of the starts.
    """
    rng, sizes = np.random.default_rng(seed), np.round(sizes, DECIMALS)
    tried = [_settle(sizes, _start(sizes, count, rng)) for _ in range(STARTS)]
    best = max(tried, key=lambda centres: float(shape_iou(sizes, centres).max(1).mean()))
    return best[np.argsort(best.prod(-1))]


def _start(sizes: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Boxes far from one another (k-means++, Arthur and Vassilvitskii 2007)."""
    centres = sizes[rng.integers(len(sizes))][None].astype(np.float64)
    for _ in range(min(count, len(np.unique(sizes, axis=0))) - 1):
        far = (1 - shape_iou(sizes, centres).max(1)) ** 2
        centres = np.concatenate([centres, sizes[rng.choice(len(sizes), p=far / far.sum())][None]])
    return centres


def _settle(sizes: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Move the centres to their boxes until none moves."""
    for _ in range(STEPS):
        nearest = shape_iou(sizes, centres).argmax(1)
        groups = [sizes[nearest == index] for index in range(len(centres))]
        moved = np.array([np.median(group, 0) if len(group) else centre for group, centre in zip(groups, centres)])
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres
