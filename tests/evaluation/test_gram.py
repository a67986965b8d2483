"""Ridge probes from sums: the same as from the photos, and cheap to add and to subtract."""

import numpy as np
import pytest

from cvapp.evaluation import gram, probe


def photos(rng, sizes, features):
    truth = np.repeat(np.arange(len(sizes)), sizes)
    return rng.normal(size=(len(sizes), features))[truth] + rng.normal(size=(len(truth), features)), truth


@pytest.mark.parametrize("columns", [30, 200], ids=["more photos", "more features"])
@pytest.mark.parametrize("strength", [0.1, 1.0])
def test_the_scores_are_those_of_the_ridge(rng, columns, strength):
    x, truth = photos(rng, (40, 20, 30), columns)
    weights, bias = probe.ridge(x, truth, 3, strength)
    narrow = gram.compress(x)
    matrix, offset = gram.solve(gram.sums(narrow, truth, gram.class_weights(truth, 3)), columns, strength)
    assert narrow.shape[1] == min(90, columns)
    np.testing.assert_allclose(narrow @ matrix + offset, x @ weights + bias, atol=2e-5)


def test_sums_are_added_and_subtracted(rng):
    """A stratified half of the photos: as the ridge of that half."""
    x, truth = photos(rng, (40, 20, 30), 12)
    x = x.astype(np.float64)
    half, weights = np.arange(90) % 2 == 0, gram.class_weights(truth, 3)
    both, rest = gram.sums(x, truth, weights), gram.sums(x[~half], truth[~half], weights)
    expected, offset = probe.ridge(x[half], truth[half], 3, 1.0)
    for found in (both - rest, gram.sums(x[::4], truth[::4], weights) + gram.sums(x[2::4], truth[2::4], weights)):
        matrix, bias = gram.solve(found, 12, 1.0)
        np.testing.assert_allclose(matrix, expected, atol=1e-9)
        np.testing.assert_allclose(bias, offset, atol=1e-9)


def test_a_class_that_is_rarer_in_the_subset_is_not_answered_less(rng):
    """The middle between two classes is as near to either, however few photos of one are left."""
    x = np.concatenate([rng.normal(-1, 0.2, (200, 1)), rng.normal(1, 0.2, (200, 1))])
    truth = np.repeat([0, 1], 200)
    some = np.r_[0:200, 200:205]
    matrix, bias = gram.solve(gram.sums(x[some], truth[some], gram.class_weights(truth, 2)), 1, 1e-3)
    middle = (x[:200].mean() + x[200:205].mean()) / 2 * matrix[0] + bias
    assert middle[0] == pytest.approx(middle[1], abs=1e-6)


def test_a_class_without_photos_never_wins(rng):
    x, truth = photos(rng, (20, 20, 20), 5)
    some = truth != 1
    matrix, bias = gram.solve(gram.sums(x[some], truth[some], gram.class_weights(truth, 3)), 5, 1.0)
    scores = x @ matrix + bias
    assert (scores[:, 1] == -np.inf).all() and np.isfinite(scores[:, [0, 2]]).all()


def test_wide_features_keep_nearly_all_of_their_scatter(rng):
    """Features of which few axes matter, on fewer axes than there are photos."""
    x = rng.normal(size=(300, 15)) @ rng.normal(size=(15, 100)) + rng.normal(0, 0.01, (300, 100))
    narrow = gram.compress(x, most=20)
    assert narrow.shape == (300, 20)
    np.testing.assert_allclose(narrow @ narrow.T, (x - x.mean(0)) @ (x - x.mean(0)).T, atol=0.3, rtol=1e-3)
