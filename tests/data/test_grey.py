"""Photos as grey ones: the luma of a colour, and grey that stays what it is."""

import numpy as np

from cvapp.data.grey import GreyStore, luma
from cvapp.data.store import Store


def test_luma_is_that_of_the_standard_and_grey_stays(rng):
    pictures = rng.integers(0, 256, (5, 6, 7, 3)).astype(np.uint8)
    np.testing.assert_allclose(luma(pictures)[..., 0], pictures @ (0.299, 0.587, 0.114), atol=0.6)
    grey = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(luma(grey.repeat(3, 3)), grey)
    assert luma(np.array([[[[255, 0, 0]]]], np.uint8)).item() == 76 and luma(np.array([[[[0, 0, 255]]]], np.uint8)).item() == 29


def test_a_grey_store_reads_what_another_keeps(tmp_path, rng):
    colour = Store("pixels", "key", (4, 4, 3), "uint8", tmp_path)
    pictures = rng.integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
    for name, picture in zip("ab", pictures):
        colour.put(name * 8, picture)
    grey = GreyStore(colour)
    read = grey.read(["b" * 8, "a" * 8])
    np.testing.assert_array_equal(read, luma(pictures[::-1]).repeat(3, 3))
    np.testing.assert_array_equal(colour.read(["a" * 8])[0], pictures[0])
    assert grey.has("a" * 8) and not grey.has("c" * 8) and grey.shape == (4, 4, 3)
