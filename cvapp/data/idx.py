"""The four idx files of MNIST and the sets made after it: pictures and labels as plain arrays of bytes.

The format: two zero bytes, a type (8, unsigned byte), the number of dimensions, each dimension as a big-endian uint32, the values
(Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", file formats).
"""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from cvapp.data.listing import Listing, Photo
from cvapp.errors import CvappError, Exit

_FILES = {"train": "train", "t10k": "test"}  # the pictures of t10k are the test photos, and no others are


def present(folder: Path) -> bool:
    """Whether a folder holds any of the four files."""
    return any(_find(folder, begin, kind) for begin in _FILES for kind in ("images", "labels"))


def scan(folder: Path) -> Listing:
    """List the pictures of the four files: named FILE/NUMBER, labelled "0" to "255". Validation photos are taken from train alone.

    Raises:
        CvappError: one of the four is missing, cut off, or does not fit its pair (exit 3).
    """
    pictures: dict[str, np.ndarray] = {}
    photos = []
    for begin, part in _FILES.items():
        files = [_find(folder, begin, kind) for kind in ("images", "labels")]
        if None in files:
            missing = f"{begin}-{'images-idx3' if files[0] is None else 'labels-idx1'}-ubyte"
            raise CvappError(f"{folder}: {missing} (.gz or not) is missing; all four files are needed", Exit.BAD_DATA)
        images, labels = (_read(path, dimensions) for path, dimensions in zip(files, (3, 1)) if path)
        if len(images) != len(labels):
            raise CvappError(f"{files[0]} has {len(images)} pictures, {files[1]} {len(labels)} labels; copy both again", Exit.BAD_DATA)
        name = files[0].name if files[0] else ""
        pictures[name] = images
        photos += [Photo(f"{name}/{number:05d}", str(label), part) for number, label in enumerate(labels)]
    if not photos:
        raise CvappError(f"{folder}: its idx files hold no picture; copy them again", Exit.BAD_DATA)
    return Listing(folder, folder, photos, {}, lambda photo: _picture(pictures, photo.name))


def _find(folder: Path, begin: str, kind: str) -> Path | None:
    """One of the four files, packed or not; some sites write a point for the second dash."""
    stem, ending = f"{begin}-{kind}", f"idx{3 if kind == 'images' else 1}-ubyte"
    names = (f"{stem}{mark}{ending}{packed}" for mark in "-." for packed in ("", ".gz"))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read(path: Path, dimensions: int) -> np.ndarray:
    """The values of an idx file: uint8, of as many dimensions."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise CvappError(f"{path}: cannot be unpacked ({error}); copy it again", Exit.BAD_DATA) from error
    start = 4 + 4 * dimensions
    if len(data) < start or data[:4] != bytes((0, 0, 8, dimensions)):
        raise CvappError(
            f"{path}: not an idx file of bytes in {dimensions} dimension{'s' * (dimensions > 1)}; copy it again", Exit.BAD_DATA
        )
    shape = struct.unpack(f">{dimensions}I", data[4:start])
    if len(data) - start != np.prod(shape, dtype=object):
        raise CvappError(
            f"{path}: says {'x'.join(map(str, shape))} values, holds {len(data) - start}; it is cut off, copy it again", Exit.BAD_DATA
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _picture(pictures: dict[str, np.ndarray], name: str) -> bytes:
    """A picture as the bytes of a grey PNM file."""
    file, number = name.rsplit("/", 1)
    picture = pictures[file][int(number)]
    return b"P5 %d %d 255\n" % picture.shape[::-1] + picture.tobytes()
