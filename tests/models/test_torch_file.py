"""Files of torch.save, written here by hand: read with their strides, and nothing they name is run."""

import collections
import pickle
import struct

import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.models import torch_file
from cvapp.models.torch_file import MAGIC, PROTOCOL

KINDS = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class Global:
    """An object that pickles as a name and is rebuilt by calling it."""

    def __init__(self, name, *arguments):
        self.name, self.arguments = name, arguments


class Storage(tuple):
    """What is pickled as a persistent id."""


class Writer(pickle._Pickler):
    """Writes what torch.save writes: names of classes that are not installed here, and storages by their id."""

    def persistent_id(self, value):
        return tuple(value) if isinstance(value, Storage) else None

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Global):
            module, _, name = value.name.rpartition(".")
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
            if value.arguments:
                super().save(tuple(value.arguments[0]))
                self.write(pickle.REDUCE)
        else:
            super().save(value, save_persistent_id)


def tensor(key, kind, length, offset, shape, strides):
    """A tensor as torch.save pickles it."""
    storage = Storage(("storage", Global(f"torch.{kind}"), key, "cpu", length, None))
    return Global("torch._utils._rebuild_tensor_v2", (storage, offset, shape, strides, False, collections.OrderedDict()))


def write(path, tensors, storages, magic=MAGIC, ends_early=0):
    """A whole file; storages are key -> (kind, values)."""
    with open(path, "wb") as file:
        for value in (magic, PROTOCOL, {"little_endian": True}, collections.OrderedDict(tensors), list(storages)):
            Writer(file, 2).dump(value)
        for kind, values in storages.values():
            file.write(struct.pack("<q", len(values)) + np.asarray(values, KINDS[kind]).tobytes())
    if ends_early:
        path.write_bytes(path.read_bytes()[:-ends_early])
    return path


def test_tensors_come_by_name_and_by_their_own_strides(tmp_path):
    """A kernel that lies (height, width, in, out) in the file, as TensorFlow keeps it, comes as (out, in, height, width)."""
    kernel = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    tensors = {
        "kernel": tensor("1", "FloatStorage", 120, 0, (5, 4, 2, 3), (1, 5, 60, 20)),
        "part": tensor("1", "FloatStorage", 120, 7, (2,), (10,)),
        "seen": tensor("2", "LongStorage", 1, 0, (), ()),
    }
    found = torch_file.read(write(tmp_path / "w.pth", tensors, {"1": ("FloatStorage", kernel.ravel()), "2": ("LongStorage", [2**40])}))
    assert list(found) == ["kernel", "part", "seen"] and found["kernel"].dtype == np.float32
    np.testing.assert_array_equal(found["kernel"], kernel.transpose(3, 2, 0, 1))
    assert found["part"].tolist() == [7, 17] and found["seen"] == 2**40
    assert not np.array_equal(found["kernel"], kernel.reshape(5, 4, 2, 3)), "without the strides it would be another"


class Bomb:
    """What runs a command when an ordinary unpickler reads it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        import os

        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("place", ["first", "among the tensors", "last"])
def test_a_pickle_bomb_is_one_line_and_does_not_go_off(place, tmp_path):
    path, mark = tmp_path / "w.pth", tmp_path / "went_off"
    with open(path, "wb") as file:
        for value in ("first", PROTOCOL, {}, "among the tensors", "last"):
            number = MAGIC if value == "first" else value
            pickle.dump(Bomb(mark) if value == place else {} if isinstance(number, str) else number, file)
    with pytest.raises(CvappError, match=r"w.pth: not a file of weights .*UnpicklingError: it names posix.system, which no file") as error:
        torch_file.read(path)
    assert error.value.code == Exit.BAD_DATA and "\n" not in str(error.value) and not mark.exists()
    if place == "first":  # the control: to Python's own unpickler it does go off
        pickle.loads(path.read_bytes())
        assert mark.exists()


@pytest.mark.parametrize("name", ["builtins.eval", "os.system", "torch.load", "torch._utils._rebuild_tensor", "collections.Counter"])
def test_no_other_name_is_looked_up(name, tmp_path):
    path = write(tmp_path / "w.pth", {"a": Global(name, ("1",))}, {})
    with pytest.raises(CvappError, match=f"it names {name}, which no file of weights needs"):
        torch_file.read(path)


def test_a_pickle_cannot_alter_what_reads_it(tmp_path):
    """Protocol 2's BUILD would set attributes of a class that the pickle got hold of."""
    path = tmp_path / "w.pth"
    write(path, {"a": Global("torch._utils._rebuild_tensor_v2")}, {})
    with pytest.raises(CvappError, match="not a file of weights"):
        torch_file.read(path)
    assert not isinstance(torch_file._ALLOWED["torch._utils", "_rebuild_tensor_v2"], type)


@pytest.mark.parametrize(
    "shape, strides, offset",
    [
        ((4, 2), (2, 1), 1),
        ((9,), (1,), 0),
        ((2,), (8,), 0),
        ((2,), (-1,), 1),
        ((2, 2), (1,), 0),
        ((2,), (1,), -1),
        ((0,), (1,), 0),
        ((3, 3), (0, 0), 0),
    ],
)
def test_a_tensor_cannot_reach_beyond_its_storage(shape, strides, offset, tmp_path):
    tensors = {"a": tensor("1", "FloatStorage", 8, offset, shape, strides)}
    with pytest.raises(CvappError, match="not a file of weights") as error:
        torch_file.read(write(tmp_path / "w.pth", tensors, {"1": ("FloatStorage", range(8))}))
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize("fault", ["cut short", "empty", "text", "of another program", "a zip", "missing"])
def test_a_file_that_is_none_is_one_line(fault, tmp_path):
    path = tmp_path / "w.pth"
    good = {"a": tensor("1", "FloatStorage", 8, 0, (8,), (1,))}, {"1": ("FloatStorage", range(8))}
    if fault in ("cut short", "of another program"):
        write(path, *good, ends_early=4 if fault == "cut short" else 0, magic=1 if fault == "of another program" else MAGIC)
    elif fault != "missing":
        path.write_bytes({"empty": b"", "text": b"hello\n", "a zip": b"PK\x03\x04" + bytes(99)}[fault])
    with pytest.raises(CvappError, match=r"^\S*w.pth: not a file of weights that torch.save wrote .*install its package again$") as error:
        torch_file.read(path)
    assert error.value.code == Exit.BAD_DATA


def test_the_same_file_whole_is_read(tmp_path):
    """The control of the tests before."""
    path = write(tmp_path / "w.pth", {"a": tensor("1", "FloatStorage", 8, 0, (8,), (1,))}, {"1": ("FloatStorage", range(8))})
    assert torch_file.read(path)["a"].tolist() == list(range(8))
