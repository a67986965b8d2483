"""Arrays kept by the content hash of the photo they came from: pixels fitted once, features computed once."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Iterable, Sequence

import numpy as np

from cvapp.files import check_writable, write_bytes

ROOT = Path("saved_models") / ".cache"


class Store:
    """A folder of raw arrays of one shape and kind, a file a photo.

    Args:
        kind: first word of the folder's name, `pixels` or `features`.
        key: everything besides the photo that decides the values; another key is another folder.
        shape: of one array.
        dtype: of its values.
        root: where stores lie.
    """

    def __init__(self, kind: str, key: Any, shape: Sequence[int], dtype: Any, root: Path = ROOT):
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
        self.folder, self.shape, self.dtype = root / f"{kind}-{digest}", tuple(shape), np.dtype(dtype)
        self._bytes = int(np.prod(self.shape)) * self.dtype.itemsize

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / name

    def has(self, name: str) -> bool:
        """Whether the photo's array is kept whole."""
        try:
            return os.path.getsize(self._path(name)) == self._bytes
        except OSError:
            return False

    def put(self, name: str, values: np.ndarray) -> None:
        """Keep a photo's array (exit 7 when the disk is full)."""
        write_bytes(self._path(name), np.ascontiguousarray(values, self.dtype).tobytes())

    def open(self) -> "Store":
        """Make sure that the folder can be written (exit 7 otherwise)."""
        check_writable(self.folder)
        return self

    def read(self, names: Iterable[str]) -> np.ndarray:
        """The arrays of some photos, in order: (N, *shape)."""
        names = list(names)
        out = np.empty((len(names), *self.shape), self.dtype)
        for row, name in zip(out, names):
            row[...] = np.fromfile(self._path(name), self.dtype).reshape(self.shape)
        return out
