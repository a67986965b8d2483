"""How two crowds of features lie to each other: Fréchet distance, kernel distance, precision and recall."""

from typing import Iterator

import numpy as np

from cvapp.errors import CvappError, Exit
from cvapp.evaluation.neighbours import squared_distances

_VALUES = 4_000_000  # of a block of pairs: 32 MB each, of which three are in memory at a time
_ALIKE = 1e-12  # of the largest squared length: what rounding leaves between two equal rows in float64


def frechet(some: np.ndarray, others: np.ndarray) -> float:
    """The Fréchet distance of the Gaussians fitted to two crowds: |m - n|^2 + tr(A + B - 2 (A B)^(1/2)).

    Heusel et al. 2017, arXiv:1706.08500; with m, n the means and A, B the unbiased covariances. The trace of the root is the sum of
    the roots of the eigenvalues of A^(1/2) B A^(1/2), which is symmetric where A B is not and has the same ones. Few samples raise the
    distance: compare figures of one count only. It is 0 for two crowds of one mean and covariance and has no upper end.

    Args:
        some: features (N, D), N at least 2; of any scale, but the distance is in its square.
        others: features (M, D).

    Raises:
        CvappError: fewer than 2 rows, different D, or a value that is not finite (exit 3).
    """
    some, others = _checked(some, others, 2)
    first, second = (np.atleast_2d(np.cov(crowd, rowvar=False)) for crowd in (some, others))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    apart = np.square(some.mean(0) - others.mean(0)).sum()
    return float(max(0, apart + first.trace() + second.trace() - 2 * shared))


def kernel_distance(some: np.ndarray, others: np.ndarray) -> float:
    """The squared maximum mean discrepancy of two crowds with the kernel (x.y / D + 1)^3, unbiased.

    Binkowski et al. 2018, arXiv:1801.01401 (KID); the estimate is that of Gretton et al. 2012, equation 3. Its mean does not depend on
    how many samples there are, as that of `frechet` does; for two crowds of one kind it is 0, so a single figure may be below 0.

    Args:
        some: features (N, D), N at least 2.
        others: features (M, D).

    Raises:
        CvappError: fewer than 2 rows, different D, or a value that is not finite (exit 3).
    """
    some, others = _checked(some, others, 2)
    within = [(_kernel_sum(crowd, crowd) - _kernel(np.einsum("nd,nd->n", crowd, crowd), crowd).sum()) for crowd in (some, others)]
    pairs = [len(crowd) * (len(crowd) - 1) for crowd in (some, others)]
    between = _kernel_sum(some, others) / (len(some) * len(others))
    return float(within[0] / pairs[0] + within[1] / pairs[1] - 2 * between)


def precision_recall(real: np.ndarray, made: np.ndarray, neighbours: int = 3) -> tuple[float, float]:
    """The share of samples that lie among the real photos, and the share of real photos that lie among the samples.

    Kynkäänniemi et al. 2019, arXiv:1904.06991, equations 1 and 2: around each row of a crowd lies a ball that reaches to its k-th nearest
    neighbour in that crowd; a row of the other lies among them where it is within one of the balls. Precision falls where samples look
    wrong, recall where kinds of photos are never made.

    Args:
        real: features (N, D), N over `neighbours`.
        made: features (M, D), M over `neighbours`.
        neighbours: k; 3 in the paper.

    Returns:
        precision and recall, each 0..1; two crowds of one kind have about as much of both, and less than 1.

    Raises:
        CvappError: too few rows, different D, or a value that is not finite (exit 3).
    """
    real, made = _checked(real, made, neighbours + 1)
    middle = real.mean(0)
    real, made = real - middle, made - middle
    return _among(made, real, neighbours), _among(real, made, neighbours)


def _among(rows: np.ndarray, crowd: np.ndarray, neighbours: int) -> float:
    """The share of rows that lie within the ball of one of a crowd."""
    reach = np.zeros(len(crowd))
    for place, block in enumerate(_blocks(crowd, crowd)):
        start = place * _rows(crowd)
        reach[start : start + len(block)] = np.partition(squared_distances(block, crowd), neighbours)[:, neighbours]
    reach += _ALIKE * max(np.square(some).sum(1).max() for some in (rows, crowd))
    return float(sum((squared_distances(block, crowd) <= reach).any(1).sum() for block in _blocks(rows, crowd)) / len(rows))


def _blocks(rows: np.ndarray, others: np.ndarray) -> Iterator[np.ndarray]:
    """The rows in blocks whose pairs with all of the others fit in memory."""
    most = _rows(others)
    return (rows[start : start + most] for start in range(0, len(rows), most))


def _rows(others: np.ndarray) -> int:
    return max(1, _VALUES // len(others))


def _kernel_sum(some: np.ndarray, others: np.ndarray) -> float:
    return float(sum(_kernel(block @ others.T, others).sum() for block in _blocks(some, others)))


def _kernel(products: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """The kernel of x.y; the products are used up."""
    products /= crowd.shape[1]
    products += 1
    return products * products * products


def _checked(some: np.ndarray, others: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Both crowds in float64."""
    if some.ndim != 2 or others.ndim != 2 or some.shape[1] != others.shape[1] or not some.shape[1]:
        raise CvappError(
            f"features of shapes {some.shape} and {others.shape}: give (N, D) twice, D alike, from one and the same judge", Exit.BAD_DATA
        )
    if min(len(some), len(others)) < least:
        raise CvappError(f"{len(some)} and {len(others)} pictures to compare: give at least {least} of each", Exit.BAD_DATA)
    if not (np.isfinite(some).all() and np.isfinite(others).all()):
        raise CvappError("features hold values that are not finite; the weights that made them are broken, train again", Exit.BAD_DATA)
    return some.astype(np.float64), others.astype(np.float64)
