"""Which training photo each generated picture is most like, and whether samples lie nearer to them than photos that were held out."""

import numpy as np

from cvapp.errors import CvappError, Exit

_VALUES, _MOST_ROWS = 8_000_000, 2048  # in a block of rows, and rows of it: two blocks and their pairs take about 100 MB
_NEARER = 100  # one held-out photo in so many lies within the yardstick


def nearest(queries: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of some known rows to each of some others, by Euclidean distance over all their values.

    Searched for in float32 by |q|^2 + |k|^2 - 2 q.k, block by block; the distance to the one found is then measured by itself, so a copy is
    at 0 exactly. Of two that are as near the first is meant.

    Args:
        queries: (Q, ...), uint8 pictures or float features.
        known: (K, ...), of the same shape but for K.

    Returns:
        places (Q,) int64 among the known ones, and distances (Q,) float32 in the unit of the values.

    Raises:
        CvappError: none are known, shapes differ, or a value is not finite (exit 3).
    """
    _check(queries, known)
    best, places = np.full(len(queries), np.inf, np.float32), np.zeros(len(queries), np.int64)
    distances = np.zeros(len(queries), np.float32)
    rows = int(np.clip(_VALUES // max(1, known[0].size), 1, _MOST_ROWS))
    middle = _flat(known[:rows], np.float64).mean(0).astype(np.float32)  # taken off both: small numbers lose less
    for start in range(0, len(known), rows):
        some = _flat(known[start : start + rows], np.float32) - middle
        for first in range(0, len(queries), rows):
            squares = squared_distances(_flat(queries[first : first + rows], np.float32) - middle, some)
            place, block = squares.argmin(1), slice(first, first + rows)
            least = squares[np.arange(len(squares)), place]
            better = least < best[block]
            best[block][better], places[block][better] = least[better], start + place[better]
    for first in range(0, len(queries), rows):
        block = slice(first, first + rows)
        difference = _flat(queries[block], np.float32) - _flat(known[places[block]], np.float32)
        distances[block] = np.sqrt(np.square(difference, out=difference).sum(1, dtype=np.float64))
    return places, distances


def squared_distances(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances (N, M) of rows (N, D) to rows (M, D), in their float type; never below 0."""
    squares = some @ others.T
    squares *= -2
    squares += np.einsum("nd,nd->n", some, some)[:, None]
    squares += np.einsum("md,md->m", others, others)
    return np.maximum(squares, 0, out=squares)


def memorised(made: np.ndarray, held: np.ndarray, train: np.ndarray) -> float:
    """The share of samples that lie nearer to a training photo than 99 of 100 held-out real photos do.

    The held-out photos are the yardstick: they are real and none of them was learnt from, so 1 in 100 of them lies within it by definition.
    Samples as far from the training photos as those come to about 0.01, copies of training photos to 1.0. Fewer than 99 held-out photos
    make the yardstick the nearest of them. Over pixels plain pictures are near to anything and count as learnt by heart: look at the pairs
    (`sample_sheets.nearest_sheet`), or compare features.

    Args:
        made: samples (N, ...), uint8 pictures or float features.
        held: real photos that were not learnt from (M, ...).
        train: the photos that were (K, ...).

    Returns:
        0..1.

    Raises:
        CvappError: as `nearest`, or there is nothing made or held out (exit 3).
    """
    return share_within(nearest(made, train)[1], nearest(held, train)[1])


def share_within(made: np.ndarray, held: np.ndarray) -> float:
    """`memorised` where the distances to the nearest training photos are known: of the samples (N,) and of the held-out photos (M,).

    Raises:
        CvappError: nothing made or held out (exit 3).
    """
    if not len(made) or not len(held):
        raise CvappError(
            f"{len(made)} samples and {len(held)} held-out photos: give some of each to see whether photos were learnt by heart",
            Exit.BAD_DATA,
        )
    within = max(1, (len(held) + 1) // _NEARER)  # a new photo is within the k-th least of M with a chance of k / (M + 1)
    return float((made <= np.partition(held, within - 1)[within - 1]).mean())


def _check(queries: np.ndarray, known: np.ndarray) -> None:
    if not len(known):
        raise CvappError("there is no training photo to compare with; give some", Exit.BAD_DATA)
    if queries.shape[1:] != known.shape[1:]:
        raise CvappError(f"pictures of shape {queries.shape[1:]} beside ones of {known.shape[1:]}: bring both to one size", Exit.BAD_DATA)
    if not all(np.isfinite(rows).all() for rows in (queries, known) if rows.dtype.kind == "f"):
        raise CvappError("features hold values that are not finite; the weights that made them are broken, train again", Exit.BAD_DATA)


def _flat(rows: np.ndarray, kind: type) -> np.ndarray:
    """Each row's values in a line."""
    return rows.reshape(len(rows), -1).astype(kind)
