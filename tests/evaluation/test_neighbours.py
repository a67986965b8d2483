"""The nearest training photo: as a plain loop finds it, copies at 0, and the share of samples that are learnt by heart."""

import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.evaluation import neighbours
from cvapp.evaluation.neighbours import memorised, nearest, share_within, squared_distances


def by_loops(queries, known):
    distances = np.array([[np.linalg.norm(query.astype(float) - other.astype(float)) for other in known] for query in queries])
    return distances.argmin(1), distances.min(1)


def pictures(rng, count, side=8):
    return rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("values", [None, 3 * 192], ids=["one block", "blocks of three"])
def test_the_nearest_is_that_of_a_plain_loop(rng, monkeypatch, values):
    if values:
        monkeypatch.setattr(neighbours, "_VALUES", values)
    for queries, known in (
        (pictures(rng, 10), pictures(rng, 17)),
        (rng.normal(1000, 1, (10, 192)), rng.normal(1000, 1, (17, 192))),
    ):
        places, distances = nearest(queries, known)
        wanted, far = by_loops(queries, known)
        assert places.tolist() == wanted.tolist() and len(set(places)) > 3
        assert distances == pytest.approx(far, rel=1e-5)


def test_copies_are_at_0_exactly_and_of_two_the_first_is_meant(rng):
    known = pictures(rng, 300, 32)
    places, distances = nearest(known[[7, 299, 150]], known)
    assert places.tolist() == [7, 299, 150] and (distances == 0).all()
    places, distances = nearest(known[:2], np.concatenate([known[:5], known[:5]]))
    assert places.tolist() == [0, 1]
    one_off = known[:1].copy()
    one_off[0, 3, 3, 1] ^= 1
    assert nearest(one_off, known)[1].tolist() == [1], "one value that differs by one"


def test_squared_distances_are_never_below_0(rng):
    rows = rng.normal(1e4, 1, (50, 20)).astype(np.float32)
    assert squared_distances(rows, rows).min() == 0
    assert squared_distances(np.array([[0.0, 0]]), np.array([[3.0, 4], [0, 0]])).tolist() == [[25, 0]]


def test_copies_of_training_photos_are_learnt_by_heart(rng):
    train, held = pictures(rng, 400), pictures(rng, 200)
    assert memorised(train[:60], held, train) == 1.0
    assert memorised(np.concatenate([train[:30], pictures(rng, 90)]), held, train) == pytest.approx(0.25, abs=0.05)
    nearly = np.clip(train[:60].astype(int) + rng.integers(-3, 4, (60, 8, 8, 3)), 0, 255).astype(np.uint8)
    assert memorised(nearly, held, train) == 1.0


def test_honest_samples_come_to_one_in_a_hundred(rng):
    """Samples of the very kind that the held-out ones are of: the mean over many draws is 0.01."""
    shares = []
    for _ in range(100):
        train = rng.normal(size=(150, 3))
        shares.append(memorised(rng.normal(size=(200, 3)), rng.normal(size=(99, 3)), train))
    assert np.mean(shares) == pytest.approx(0.01, abs=0.004)


def test_the_yardstick_is_the_hundredth_of_the_held_out_photos():
    held = np.arange(1.0, 400)  # 399 of them: 4 in 400 chances lie within the fourth
    assert share_within(np.array([0, 3.9, 4, 4.1, 500]), held) == 0.6
    assert share_within(np.array([1.0, 1.5]), held[:20]) == 0.5, "of few the nearest"
    assert share_within(np.zeros(5), np.zeros(300)) == 1, "even where held-out photos are copies too"


def test_what_cannot_be_compared_is_told(rng):
    with pytest.raises(CvappError, match="no training photo to compare with; give some") as caught:
        nearest(pictures(rng, 2), pictures(rng, 0))
    assert caught.value.code == Exit.BAD_DATA
    with pytest.raises(CvappError, match=r"pictures of shape \(8, 8, 3\) beside ones of \(9, 9, 3\): bring both to one size"):
        nearest(pictures(rng, 2), pictures(rng, 2, 9))
    with pytest.raises(CvappError, match="0 samples and 2 held-out photos: give some of each"):
        memorised(pictures(rng, 0), pictures(rng, 2), pictures(rng, 2))
    with pytest.raises(CvappError, match="not finite"):
        nearest(np.array([[np.nan]]), np.array([[1.0]]))


def test_no_samples_have_no_neighbours(rng):
    places, distances = nearest(pictures(rng, 0), pictures(rng, 3))
    assert places.shape == distances.shape == (0,)
