"""Windows: where each cell looks, against a loop that counts."""

import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.windows import Windows

SETTINGS = [
    ((64, 64), (8, 8), (0, 0)),
    ((32, 48), (8, 4), (0, 0)),
    ((5, 9), (3, 7), (2, 1)),
    ((8, 8), (8, 8), (0, 5)),
    ((1, 1), (1, 1), (0, 0)),
]


@pytest.mark.parametrize("size, stride, offset", SETTINGS)
def test_places_are_left_top_right_bottom_of_each_cell(size, stride, offset):
    found = Windows(size, stride, offset).places((3, 4))
    assert found.dtype == np.float32 and found.shape == (3, 4, 4)
    for row in range(3):
        for column in range(4):
            top, left = offset[0] + row * stride[0], offset[1] + column * stride[1]
            assert found[row, column].tolist() == [left, top, left + size[1], top + size[0]]


def test_the_windows_of_a_wide_net_by_hand():
    windows = Windows((20, 30), (10, 5))
    assert windows.places((2, 2)).tolist() == [[[0, 0, 30, 20], [5, 0, 35, 20]], [[0, 10, 30, 30], [5, 10, 35, 30]]]
    assert windows.offset == (0, 0) and windows.grid((30, 40)) == (2, 3)


@pytest.mark.parametrize("size, stride, offset", SETTINGS)
def test_the_grid_counts_the_whole_windows(size, stride, offset, rng):
    windows = Windows(size, stride, offset)
    for height, width in rng.integers(1, 150, (60, 2)).tolist():
        rows = sum(offset[0] + row * stride[0] + size[0] <= height for row in range(200))
        columns = sum(offset[1] + column * stride[1] + size[1] <= width for column in range(200))
        assert windows.grid((height, width)) == ((rows, columns) if rows and columns else (0, 0))


@pytest.mark.parametrize("size", [(63, 64), (64, 63), (0, 0), (1, 500), (500, 1)])
def test_a_picture_smaller_than_a_window_has_none(size):
    assert Windows((64, 64), (8, 8)).grid(size) == (0, 0)
    assert Windows((64, 64), (8, 8)).places((0, 0)).shape == (0, 0, 4)
    assert Windows((64, 64), (8, 8)).grid((64, 64)) == (1, 1), "the control: one that fits"


@pytest.mark.parametrize(
    "values",
    [
        {"size": (0, 8)},
        {"stride": (8, 0)},
        {"stride": (-8, 8)},
        {"size": (8, 8, 8)},
        {"size": (8.5, 8)},
        {"offset": (0,)},
        {"offset": ("a", 0)},
    ],
)
def test_windows_that_cannot_be_are_refused(values):
    with pytest.raises(CvappError, match="expected pairs of whole numbers, size and stride above 0$") as error:
        Windows(**{"size": (8, 8), "stride": (4, 4), **values})
    assert error.value.code == Exit.BAD_DATA
