"""Photos fitted once: kept by content, found again by content wherever they lie, and every bad one named."""

import shutil

import numpy as np
import pytest

from cvapp import images
from cvapp.data import photos, split
from cvapp.data.folders import hashed, scan
from cvapp.errors import CvappError, Exit
from cvapp.images import Images

SHAPE = Images((16, 24))


@pytest.fixture
def folder(workspace, rng):
    """Two classes of six photos."""
    for label in "ab":
        for number in range(6):
            images.write(workspace / "photos" / label / f"{number} ü.png", rng.integers(0, 256, (32, 48, 3), dtype=np.uint8))
    return workspace / "photos"


def test_photos_are_fitted_once_and_kept_by_content(folder):
    some = hashed(scan(folder))
    told = []
    store, bad = photos.fit_all(some, folder, SHAPE, lambda *state: told.append(state))
    assert bad == {} and told[-1] == ("fitting photos", 12, 12)
    expected = np.stack([images.fit(images.read(folder / photo.name), SHAPE) for photo in some])
    np.testing.assert_array_equal(store.read(photo.hash for photo in some), expected)
    assert len({picture.tobytes() for picture in expected}) == 12
    shutil.rmtree(folder)
    told.clear()
    again, bad = photos.fit_all(some, folder, SHAPE, lambda *state: told.append(state))
    assert bad == {} and told == [], "nothing is read again"
    np.testing.assert_array_equal(again.read([some[3].hash]), expected[3:4])


@pytest.mark.parametrize("other", [Images((16, 16)), Images((16, 24), "letterbox"), Images((16, 24), resize="linear")])
def test_another_fit_is_kept_apart(workspace, other):
    assert photos.store_for(other).folder != photos.store_for(SHAPE).folder == photos.store_for(Images([16, 24])).folder


def test_every_bad_photo_is_named_and_the_others_are_kept(folder):
    (folder / "a" / "0 ü.png").write_bytes(b"")
    (folder / "a" / "1 ü.png").write_bytes(b"")
    (folder / "b" / "1 ü.png").write_bytes(b"hello")
    some = hashed(scan(folder))
    store, bad = photos.fit_all(some, folder, SHAPE)
    assert list(bad) == ["a/0 ü.png", "a/1 ü.png", "b/1 ü.png"]
    assert "0 ü.png: the file is empty (0 bytes)" in bad["a/0 ü.png"] and "1 ü.png: not a picture" in bad["b/1 ü.png"]
    assert [store.has(photo.hash) for photo in some] == [photo.name not in bad for photo in some]


def test_many_copies_of_a_photo_are_no_trouble(folder):
    for number in range(60):
        shutil.copy(folder / "a" / "0 ü.png", folder / "a" / f"copy {number}.png")
    some = hashed(scan(folder))
    assert len({photo.hash for photo in some}) == 12
    for side in range(8, 24):  # a store each, since two threads meet at one file by chance
        store, bad = photos.fit_all(some, folder, Images((side, side)))
        assert bad == {} and all(store.has(photo.hash) for photo in some)


def test_a_full_or_forbidden_place_is_told(folder, workspace):
    (workspace / "saved_models").touch()
    with pytest.raises(CvappError, match="saved_models.*: cannot write") as error:
        photos.fit_all(hashed(scan(folder)), folder, SHAPE)
    assert error.value.code == Exit.CANNOT_WRITE


def test_a_models_photos_are_found_by_content_under_other_names(folder, workspace):
    rows = split.make(hashed(scan(folder)), 0.2, 0.2, 0)
    expected = {row.hash: images.fit(images.read(folder / row.path), SHAPE) for row in rows}
    moved = workspace / "elsewhere" / "class"
    moved.mkdir(parents=True)
    for number, row in enumerate(rows[:-1]):
        shutil.move(folder / row.path, moved / f"{number}.png")
    images.write(moved / "stranger.png", np.zeros((32, 32, 3), np.uint8))
    shutil.rmtree(folder)
    store, held = photos.find(rows, moved.parent, SHAPE)
    assert held == rows[:-1], "in the split's order, and the lost one is left out"
    np.testing.assert_array_equal(store.read(row.hash for row in held), [expected[row.hash] for row in held])
    shutil.rmtree(moved.parent)
    assert photos.find(rows, None, SHAPE)[1] == rows[:-1], "kept from the first time"


@pytest.mark.parametrize(
    "where, words", [(None, "^the model's 12 photos are not kept here"), ("other", "^none of the model's 12 photos lies below other")]
)
def test_photos_that_are_not_to_be_had_are_bad_data(folder, workspace, where, words):
    rows = split.make(hashed(scan(folder)), 0.2, 0.2, 0)
    images.write(workspace / "other" / "a" / "1.png", np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(CvappError, match=f"{words}; name their folder with --data DIR$") as error:
        photos.find(rows, where, SHAPE)
    assert error.value.code == Exit.BAD_DATA
