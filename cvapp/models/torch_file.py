"""Weights out of a PyTorch file of the legacy format, read without PyTorch and without running anything that the file names.

The format is that of `torch.save` before PyTorch 1.6: five pickles (a magic number, the protocol, sizes of types, the tensors, the names of their
storages), then for each storage its length as an int64 and its values.
"""

import collections
import math
import pickle
import struct
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from cvapp.errors import CvappError, Exit, folded

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


class _Tensor(NamedTuple):
    """What a pickled tensor says of itself; the storage is (word, kind, name, device, length, view)."""

    storage: tuple[Any, ...]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    gradient: bool
    hooks: Any


# All that a file may name. The kinds of storage are words here, not types: a pickle can do nothing with them.
_ALLOWED = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): lambda *values: _Tensor(*values),  # not the class, which a pickle could alter
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}
_KINDS = ("<f4", "<i8")


class _Reader(pickle.Unpickler):
    """An unpickler of tensors alone."""

    def find_class(self, module: str, name: str) -> Any:
        """One of the allowed names; any other ends the reading before it is looked up."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no file of weights needs")
        return _ALLOWED[module, name]

    def persistent_load(self, identity: Any) -> Any:
        """A storage is kept as what the file calls it."""
        return identity


def read(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file by name, float32 or int64, in PyTorch's order of axes (a convolution's kernel is (out, in, height, width)).

    Raises:
        CvappError: no such file, or not a file of this format (exit 3).
    """
    try:
        with open(path, "rb") as file:
            magic, protocol, _ = (_Reader(file).load() for _ in range(3))
            if (magic, protocol) != (MAGIC, PROTOCOL):
                raise ValueError("it does not begin as torch.save begins")
            tensors, names = _Reader(file).load(), _Reader(file).load()
            kinds = {tensor.storage[2]: _KINDS[_KINDS.index(tensor.storage[1])] for tensor in tensors.values()}
            storages = {name: _storage(file, kinds[name]) for name in names}
        return {name: _strided(storages[tensor.storage[2]], tensor) for name, tensor in tensors.items()}
    except Exception as error:  # a pickle that is none, or means harm, fails in any way
        raise CvappError(
            f"{path}: not a file of weights that torch.save wrote before PyTorch 1.6 ({type(error).__name__}: {folded(error, 120)}); "
            "install its package again",
            Exit.BAD_DATA,
        ) from error


def _storage(file: BinaryIO, kind: str) -> np.ndarray:
    """The next storage of a file (n,)."""
    (length,) = struct.unpack("<q", file.read(8))
    values = np.frombuffer(file.read(max(0, length) * np.dtype(kind).itemsize), kind)
    if len(values) != length:
        raise ValueError("it ends too early")
    return values


def _strided(storage: np.ndarray, tensor: _Tensor) -> np.ndarray:
    """A copy of a tensor that lies in a storage by its own strides; one that would reach beyond it is an error."""
    if len(tensor.shape) != len(tensor.strides) or min((tensor.offset, *tensor.shape, *tensor.strides)) < 0:
        raise ValueError(f"shape {tensor.shape}, strides {tensor.strides}, offset {tensor.offset}")
    last = tensor.offset + sum((side - 1) * stride for side, stride in zip(tensor.shape, tensor.strides))
    if 0 in tensor.shape or max(last + 1, math.prod(tensor.shape)) > len(storage):  # strides of 0 could make any size of one value
        raise ValueError(f"a tensor {tensor.shape} reaches beyond its {len(storage)} values")
    steps = [stride * storage.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, steps).copy()
