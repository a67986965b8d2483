"""Window shapes: k-means against every way of parting a few boxes, on clusters that are known, and where boxes are all alike."""

import itertools

import numpy as np
import pytest

from cvapp.boxes import iou
from cvapp.images import Images, to_fitted
from cvapp.windows.shapes import shape_iou, window_shapes


def fit(sizes, centres):
    """The mean over boxes of the IoU with the best centre."""
    return shape_iou(sizes, centres).max(1).mean()


def centred(sizes):
    return np.concatenate([-sizes[:, ::-1], sizes[:, ::-1]], 1) / 2


def test_shape_iou_is_that_of_boxes_on_one_centre(rng):
    first, second = rng.uniform(1, 90, (7, 2)), rng.uniform(1, 90, (5, 2))
    np.testing.assert_allclose(shape_iou(first, second), iou(centred(first), centred(second)))
    assert shape_iou(np.array([[2.0, 4.0]]), np.array([[4.0, 2.0], [2.0, 4.0], [1.0, 4.0]])).tolist() == [[4 / 12, 1, 0.5]]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_way_of_parting_a_few_boxes_is_better_by_much(count, rng):
    for _ in range(4):
        sizes = rng.uniform(5, 80, (7, 2)).round(1)
        ways = itertools.product(range(count), repeat=len(sizes))
        parted = ([sizes[np.array(way) == part] for part in range(count)] for way in ways)
        best = max(fit(sizes, np.array([np.median(group, 0) for group in groups if len(group)])) for groups in parted)
        found = window_shapes(sizes, count, 0)
        assert found.shape == (count, 2) and fit(sizes, found) >= best - 0.03, "k-means may stop a little beside it"
        assert fit(sizes, 3 * found) < best - 0.05, "the control: other shapes fit worse"


def test_known_clusters_are_found_the_smallest_first(rng):
    wanted = np.array([[12, 10], [20, 60], [60, 20], [90, 100]])
    sizes = np.concatenate([shape * rng.uniform(0.93, 1.07, (count, 2)) for shape, count in zip(wanted, (60, 20, 40, 20))])
    found = window_shapes(rng.permutation(sizes), 4, 0)
    order = np.argsort(wanted.prod(1), kind="stable")
    assert sorted(found.prod(1)) == found.prod(1).tolist()
    for shape in wanted[order]:
        assert (np.abs(found / shape - 1).max(1) < 0.05).sum() == 1


def test_a_centre_is_the_median_of_its_boxes_so_that_one_freak_moves_nothing():
    sizes = np.array([[20.0, 30.0]] * 9 + [[400.0, 500.0]])
    assert window_shapes(sizes, 1, 0).tolist() == [[20, 30]]


def test_the_same_seed_gives_the_same_shapes(rng):
    sizes = rng.uniform(5, 200, (400, 2))
    first = window_shapes(sizes, 5, 3)
    np.testing.assert_array_equal(first, window_shapes(sizes.copy(), 5, 3))
    assert not np.array_equal(first, window_shapes(sizes, 5, 4)), "the starts do depend on it"
    assert first.dtype == np.float64 and fit(sizes, first) > fit(sizes, window_shapes(sizes, 2, 3)) > fit(sizes, window_shapes(sizes, 1, 3))


@pytest.mark.parametrize("count, shapes", [(1, 1), (2, 2), (3, 2), (32, 2)])
def test_there_are_no_more_shapes_than_sizes(count, shapes):
    sizes = np.array([[10.0, 20.0]] * 6 + [[40.0, 20.0]] * 3)
    assert window_shapes(sizes, count, 0).tolist() == ([[10, 20], [40, 20]] if shapes == 2 else [[10, 20]])
    assert window_shapes(sizes[:1], count, 0).tolist() == [[10, 20]]


def test_boxes_drawn_alike_are_one_shape_wherever_they_lie(rng):
    """Fitted into a frame, their sides differ in the last bits."""
    for height, width in rng.integers(300, 2000, (30, 2)).tolist():
        side, places = rng.integers(10, 200, 2), rng.integers(0, 1000, (30, 2))
        corners = to_fitted(np.stack([places, places + side], 1).astype(float), (height, width), Images((480, 640), "letterbox"))
        sizes = (corners[:, 1] - corners[:, 0])[:, ::-1]
        found = window_shapes(sizes, 4, 0)
        assert found.shape == (1, 2) and np.abs(found - sizes).max() < 0.002
