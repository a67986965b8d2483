"""MNIST-style idx files: every picture with its label, test exactly as given, and nothing half."""

import gzip
import struct

import numpy as np
import pytest

from cvapp import images
from cvapp.data import split
from cvapp.data.folders import scan
from cvapp.data.listing import hashed
from cvapp.errors import CvappError, Exit


def idx(values):
    """An idx file's bytes."""
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


@pytest.fixture
def pictures(rng):
    """Training and test pictures with their labels, 9 high and 12 wide."""
    return {
        "train": (rng.integers(0, 256, (40, 9, 12), dtype=np.uint8), np.arange(40, dtype=np.uint8) % 3),
        "t10k": (rng.integers(0, 256, (10, 9, 12), dtype=np.uint8), np.arange(10, dtype=np.uint8) % 3),
    }


@pytest.fixture
def folder(tmp_path, pictures):
    """The four files: two packed, two not, one with a point in its name."""
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pictures["train"][0])))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(pictures["train"][1]))
    (tmp_path / "t10k-images.idx3-ubyte").write_bytes(idx(pictures["t10k"][0]))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(pictures["t10k"][1])))
    return tmp_path


def test_each_picture_is_a_photo(folder, pictures):
    listing = scan(folder)
    assert listing.labels == ["0", "1", "2"] and listing.stray == {} and listing.split_file is None
    assert [photo.name for photo in listing.photos[39:41]] == ["train-images-idx3-ubyte.gz/00039", "t10k-images.idx3-ubyte/00000"]
    assert [photo.label for photo in listing.photos] == [str(label) for part in pictures.values() for label in part[1]]
    for photo, expected in zip(listing.photos, np.concatenate([part[0] for part in pictures.values()])):
        np.testing.assert_array_equal(images.decode(listing.read(photo), photo.name), np.repeat(expected[..., None], 3, -1))


def test_test_is_exactly_what_is_given_and_val_comes_from_train(folder):
    listing = hashed(scan(folder))
    assert len({photo.hash for photo in listing.photos}) == 50
    for seed in range(4):
        rows, left_out = split.make(listing.photos, 0.25, 0.3, seed)
        assert left_out == {} and all((row.part == "test") == row.path.startswith("t10k") for row in rows)
        assert sum(row.part == "val" for row in rows) == 10


def test_a_training_picture_that_is_among_the_test_pictures_is_left_out(folder, pictures):
    pictures["train"][0][4] = pictures["t10k"][0][7]
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pictures["train"][0])))
    rows, left_out = split.make(hashed(scan(folder)).photos, 0.25, 0.3, 0)
    assert left_out == {"train-images-idx3-ubyte.gz/00004": "same picture as t10k-images.idx3-ubyte/00007, which is in test"}
    assert sum(row.part == "test" for row in rows) == 10


@pytest.mark.parametrize(
    "name, change, words",
    [
        ("train-labels-idx1-ubyte", None, "train-labels-idx1-ubyte (.gz or not) is missing; all four files are needed"),
        ("train-images-idx3-ubyte.gz", None, "train-images-idx3-ubyte (.gz or not) is missing"),
        ("t10k-images.idx3-ubyte", None, "t10k-images-idx3-ubyte (.gz or not) is missing"),
        ("t10k-images.idx3-ubyte", lambda data: data[:-1], "/t10k-images.idx3-ubyte: says 10x9x12 values, holds 1079; it is cut off"),
        ("t10k-images.idx3-ubyte", lambda data: data[:9], "/t10k-images.idx3-ubyte: not an idx file of bytes in 3 dimensions; copy it"),
        ("t10k-images.idx3-ubyte", lambda data: b"", "/t10k-images.idx3-ubyte: not an idx file"),
        ("t10k-images.idx3-ubyte", lambda data: idx(np.zeros(4, np.uint8)), "not an idx file of bytes in 3 dimensions"),
        ("train-labels-idx1-ubyte", lambda data: b"\0\0\x0d" + data[3:], "not an idx file of bytes in 1 dimension;"),
        ("train-labels-idx1-ubyte", lambda data: idx(np.zeros(39, np.uint8)), "40 pictures, "),
        ("train-labels-idx1-ubyte", lambda data: data[:4] + b"\xff" * 4 + data[8:], "says 4294967295 values, holds 40; it is cut off"),
        ("t10k-labels-idx1-ubyte.gz", lambda data: data[:-9], "t10k-labels-idx1-ubyte.gz: cannot be unpacked (Compressed file ended"),
        ("t10k-labels-idx1-ubyte.gz", lambda data: b"hello", "t10k-labels-idx1-ubyte.gz: cannot be unpacked (Not a gzipped file"),
        ("t10k-labels-idx1-ubyte.gz", lambda data: data[:10] + bytes(20), "cannot be unpacked (Error -3 while decompressing"),
    ],
)
def test_files_that_are_not_whole_are_one_line(folder, name, change, words):
    if change is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(change((folder / name).read_bytes()))
    with pytest.raises(CvappError) as error:
        scan(folder)
    assert words in str(error.value) and str(error.value).startswith(str(folder)) and error.value.code == Exit.BAD_DATA


def test_files_without_a_picture_are_told(folder):
    for name, shape in (
        ("train-images-idx3-ubyte.gz", (0, 9, 12)),
        ("train-labels-idx1-ubyte", (0,)),
        ("t10k-images.idx3-ubyte", (0, 9, 12)),
    ):
        data = idx(np.zeros(shape, np.uint8))
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(0, np.uint8))))
    with pytest.raises(CvappError, match="its idx files hold no picture"):
        scan(folder)


@pytest.mark.shared
def test_a_real_set(shared_data):
    listing = scan(shared_data / "fashion-mnist")
    assert len(listing.photos) == 70_000 and listing.labels == list("0123456789")
    assert [(photo.part, photo.label) for photo in (listing.photos[0], listing.photos[60_000])] == [("train", "9"), ("test", "9")]
    assert images.decode(listing.read(listing.photos[0]), "x").shape == (28, 28, 3)
