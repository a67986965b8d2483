"""The store: what is put is read back bit for bit, another key is another folder, and half a file is none."""

import hashlib

import numpy as np
import pytest

from cvapp.data.store import ROOT, Store
from cvapp.errors import CvappError, Exit

NAMES = [hashlib.sha256(bytes([number])).hexdigest() for number in range(5)]


@pytest.mark.parametrize("shape, dtype", [((4, 6, 3), "uint8"), ((7,), "float32")])
def test_what_is_put_is_read_back_in_the_order_asked_for(tmp_path, rng, shape, dtype):
    store = Store("pixels", ["key", 1], shape, dtype, tmp_path).open()
    values = (rng.normal(100, 40, (5, *shape))).astype(dtype)
    for name, value in zip(NAMES, values):
        assert not store.has(name)
        store.put(name, value)
    order = [3, 0, 0, 4]
    again = Store("pixels", ["key", 1], shape, dtype, tmp_path)
    assert all(again.has(name) for name in NAMES)
    read = again.read(NAMES[index] for index in order)
    np.testing.assert_array_equal(read, values[order])
    assert read.dtype == dtype and again.read([]).shape == (0, *shape)


def test_arrays_that_are_not_contiguous_are_kept_as_they_look(tmp_path):
    store = Store("pixels", 0, (3, 2), "uint8", tmp_path)
    store.put(NAMES[0], np.arange(6, dtype=np.uint8).reshape(2, 3).T)
    assert store.read(NAMES[:1])[0].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_another_key_or_kind_is_another_folder(tmp_path):
    folders = {Store(kind, key, (1,), "uint8", tmp_path).folder for kind in ("pixels", "features") for key in (0, 1, "0", [0, {"a": 1}])}
    assert len(folders) == 8
    assert Store("pixels", {"a": 1, "b": 2}, (1,), "uint8").folder == Store("pixels", {"b": 2, "a": 1}, (1,), "uint8").folder
    assert Store("pixels", 0, (1,), "uint8").folder.parent == ROOT


def test_half_a_file_is_none(tmp_path):
    store = Store("features", 0, (4,), "float32", tmp_path)
    store.put(NAMES[0], np.ones(4))
    path = next(path for path in store.folder.rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes()[:-1])
    assert not store.has(NAMES[0])
    store.put(NAMES[0], np.ones(4))
    assert store.has(NAMES[0]) and not store.has(NAMES[1])


def test_a_place_that_cannot_be_written_fails_when_opened(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CvappError, match="cannot write") as error:
        Store("pixels", 0, (1,), "uint8", tmp_path / "file").open()
    assert error.value.code == Exit.CANNOT_WRITE
