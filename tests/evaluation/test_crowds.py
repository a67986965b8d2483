"""Distances of crowds: closed forms, plain loops, two halves of one crowd, and planted collapses."""

import tracemalloc

import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.evaluation.crowds import frechet, kernel_distance, precision_recall


def with_covariance(rng, count, mean, deviations):
    """A crowd whose sample mean and unbiased covariance are exactly these: whitened noise, stretched."""
    noise = rng.normal(size=(count, len(deviations)))
    noise -= noise.mean(0)
    values, vectors = np.linalg.eigh(noise.T @ noise / (count - 1))
    return noise @ vectors / np.sqrt(values) * deviations + mean


def test_frechet_of_diagonal_covariances_is_the_closed_form(rng):
    some = with_covariance(rng, 60, [0, 0, 1], np.array([1.0, 2, 3]))
    others = with_covariance(rng, 40, [3, 4, 1], np.array([2.0, 2, 1]))
    assert frechet(some, others) == pytest.approx(25 + (1 - 2) ** 2 + 0 + (3 - 1) ** 2)
    assert frechet(others, some) == pytest.approx(30)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert frechet(some @ turn, others @ turn) == pytest.approx(30), "a rotation of both changes nothing"
    assert frechet(some, others @ turn) != pytest.approx(30, rel=0.05), "covariances that do not commute are another case"


def test_frechet_of_covariances_that_do_not_commute(rng):
    """For 2x2 the trace of the root is known: tr(M^(1/2)) = (tr M + 2 det(M)^(1/2))^(1/2), by Cayley and Hamilton."""
    some, others = rng.normal(size=(50, 2)) @ [[1, 2], [0, 1]], rng.normal(size=(70, 2)) @ [[3, 0], [1, 0.5]] + 1
    first, second = np.cov(some, rowvar=False), np.cov(others, rowvar=False)
    product = first @ second
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    apart = ((some.mean(0) - others.mean(0)) ** 2).sum()
    assert frechet(some, others) == pytest.approx(apart + np.trace(first) + np.trace(second) - 2 * root)


def test_frechet_in_one_dimension(rng):
    some, others = rng.normal(2, 3, (30, 1)), rng.normal(-1, 0.5, (45, 1))
    wanted = (some.mean() - others.mean()) ** 2 + (some.std(ddof=1) - others.std(ddof=1)) ** 2
    assert frechet(some, others) == pytest.approx(wanted)


def test_frechet_of_constant_and_of_few_features(rng):
    assert frechet(np.zeros((5, 4)), np.ones((7, 4))) == 4
    few = rng.normal(size=(10, 64)).astype(np.float32)  # covariances of rank 9
    assert frechet(few, few) == pytest.approx(0, abs=1e-4)
    assert frechet(few, np.zeros((3, 64))) == pytest.approx((few.mean(0) ** 2).sum() + few.var(0, ddof=1).sum(), rel=1e-5)


def test_two_halves_of_one_crowd_are_at_no_distance(rng):
    crowd = rng.normal(size=(8000, 16))
    near, far = (measure(crowd[:4000], crowd[4000:]) for measure in (frechet, kernel_distance))
    assert near < 0.1 and abs(far) < 0.01
    moved = crowd[4000:] + 0.5
    assert frechet(crowd[:4000], moved) == pytest.approx(16 * 0.25, rel=0.1) and kernel_distance(crowd[:4000], moved) > 0.05


def kernel_by_loops(some, others):
    def kernel(first, second):
        return (sum(x * y for x, y in zip(first, second)) / len(first) + 1) ** 3

    def within(crowd):
        return np.mean([kernel(crowd[i], crowd[j]) for i in range(len(crowd)) for j in range(len(crowd)) if i != j])

    return within(some) + within(others) - 2 * np.mean([kernel(first, second) for first in some for second in others])


def test_the_kernel_distance_is_that_of_a_plain_loop(rng, monkeypatch):
    some, others = rng.normal(size=(9, 5)), rng.normal(0.3, 2, (14, 5))
    assert kernel_distance(some, others) == pytest.approx(kernel_by_loops(some, others))
    monkeypatch.setattr("cvapp.evaluation.crowds._VALUES", 20)
    assert kernel_distance(some, others) == pytest.approx(kernel_by_loops(some, others)), "block by block it is the same"


def test_the_kernel_distance_is_unbiased_and_frechet_is_not(rng):
    """The mean over many small draws of one crowd is 0 within its error; with the diagonals left in it is not."""
    draws = [(rng.normal(size=(5, 3)), rng.normal(size=(5, 3))) for _ in range(3000)]
    distances = np.array([kernel_distance(*pair) for pair in draws])
    error = distances.std() / np.sqrt(len(distances))
    assert abs(distances.mean()) < 4 * error < 0.2
    assert (distances < 0).mean() > 0.3
    biased = np.array([np.mean((a @ a.T / 3 + 1) ** 3 + (b @ b.T / 3 + 1) ** 3 - 2 * (a @ b.T / 3 + 1) ** 3) for a, b in draws])
    assert biased.mean() > 20 * error
    assert np.mean([frechet(*pair) for pair in draws[:300]]) > 0.5


def balls_by_loops(rows, crowd, neighbours):
    reach = [sorted(np.linalg.norm(one - other) for other in crowd)[neighbours] for one in crowd]
    return np.mean([any(np.linalg.norm(row - one) <= ball for one, ball in zip(crowd, reach)) for row in rows])


@pytest.mark.parametrize("neighbours", [1, 3])
def test_precision_and_recall_are_those_of_a_plain_loop(rng, monkeypatch, neighbours):
    real, made = rng.normal(size=(40, 4)), rng.normal(0.8, 0.7, (31, 4))
    wanted = balls_by_loops(made, real, neighbours), balls_by_loops(real, made, neighbours)
    assert 0 < wanted[1] < wanted[0] < 1, "a case that tells the two apart"
    assert precision_recall(real, made, neighbours) == pytest.approx(wanted)
    monkeypatch.setattr("cvapp.evaluation.crowds._VALUES", 100)
    assert precision_recall(real, made, neighbours) == pytest.approx(wanted)


def test_a_collapse_has_precision_and_no_recall_and_noise_the_other_way_about(rng):
    real = rng.normal(5, 1, (300, 8))
    one = np.repeat(real[:1] + 0.01, 200, 0)
    precision, recall = precision_recall(real, one)
    assert precision == 1 and recall == 0
    precision, recall = precision_recall(real, rng.normal(5, 8, (300, 8)))
    assert precision < 0.2 and recall > 0.9


def test_copies_lie_among_what_they_were_copied_from(rng):
    real = rng.normal(100, 1, (50, 6)).astype(np.float32)
    assert precision_recall(real, real) == (1, 1)
    assert precision_recall(np.full((9, 6), 0.1), np.full((9, 6), 0.1)) == (1, 1), "balls of no size hold their middle"
    assert precision_recall(np.full((9, 6), 0.1), np.full((9, 6), 0.2)) == (0, 0)


@pytest.mark.parametrize("measure", [kernel_distance, precision_recall])
def test_memory_stays_small(rng, measure):
    """Ten thousand pairs by as many would be 800 MB; here a quarter of the rows by all, which has blocks as large."""
    some, others = rng.normal(size=(2500, 16)), rng.normal(size=(10_000, 16))
    tracemalloc.start()
    measure(some, others)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6


@pytest.mark.parametrize("measure", [frechet, kernel_distance, precision_recall])
def test_what_cannot_be_compared_is_told(rng, measure):
    good = rng.normal(size=(8, 4))
    with pytest.raises(CvappError, match=r"8 and 1 pictures to compare: give at least [24] of each") as caught:
        measure(good, good[:1])
    assert caught.value.code == Exit.BAD_DATA
    with pytest.raises(CvappError, match=r"features of shapes \(8, 4\) and \(8, 3\): give \(N, D\) twice"):
        measure(good, good[:, :3])
    with pytest.raises(CvappError, match="not finite; the weights that made them are broken"):
        measure(good, np.where(good == good[0, 0], np.nan, good))
