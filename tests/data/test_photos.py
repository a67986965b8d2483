"""Photos fitted once: kept by content, found again by content wherever they lie, and every bad one named."""

import shutil

import cv2
import numpy as np
import pytest

from cvapp import images
from cvapp.data import duplicates, photos, split
from cvapp.data.folders import scan
from cvapp.data.listing import hashed
from cvapp.data.store import Store
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
    listing = hashed(scan(folder))
    told = []
    found, store = photos.fit_all(listing, SHAPE, lambda *state: told.append(state))
    assert found == listing and told[-1] == ("fitting photos", 12, 12)
    hashes = [photo.hash for photo in listing.photos]
    expected = np.stack([images.fit(images.read(folder / photo.name), SHAPE) for photo in listing.photos])
    np.testing.assert_array_equal(store.read(hashes), expected)
    assert len({picture.tobytes() for picture in expected}) == 12
    shutil.rmtree(folder)
    told.clear()
    again = photos.fit_all(listing, SHAPE, lambda *state: told.append(state))[1]
    assert told == [], "nothing is read again"
    np.testing.assert_array_equal(again.read(hashes[3:4]), expected[3:4])


def test_thumbnails_are_made_in_the_same_pass_whatever_the_size(folder):
    images.write(folder / "b" / "large.png", np.tile(np.arange(96, dtype=np.uint8)[:, None, None], (1, 80, 3)))
    listing = hashed(scan(folder))
    photos.fit_all(listing, SHAPE)
    hashes = [photo.hash for photo in listing.photos]
    kept = duplicates.store().read(hashes)
    photos.fit_all(listing, Images((24, 16)))
    found, thumbnails = photos.thumbnails(listing)
    assert found == listing and set(thumbnails) == set(hashes)
    np.testing.assert_array_equal(duplicates.store().read(hashes), kept)
    np.testing.assert_array_equal(np.stack([thumbnails[digest] for digest in hashes]), kept)
    assert [bool(thumbnail.any()) for thumbnail in kept] == 12 * [False] + [True], "small pictures have none"
    np.testing.assert_array_equal(kept[-1][:, 0], np.arange(32) * 3 + 1)


@pytest.mark.parametrize("other", [Images((16, 16)), Images((16, 24), "letterbox"), Images((16, 24), resize="linear")])
def test_another_fit_is_kept_apart(workspace, other):
    assert photos.store_for(other).folder != photos.store_for(SHAPE).folder == photos.store_for(Images([16, 24])).folder


def test_every_bad_photo_is_named_and_the_others_are_kept(folder):
    (folder / "a" / "0 ü.png").write_bytes(b"")
    (folder / "a" / "1  ü.png").write_bytes(b"")
    (folder / "b" / "1 ü.png").write_bytes(b"hello")
    listing = hashed(scan(folder))
    (folder / "b" / "2 ü.png").unlink()
    found, store = photos.fit_all(listing, SHAPE)
    assert found.stray.pop("b/1 ü.png").startswith("not a picture (unknown file signature); use JPEG")
    assert found.stray == {
        "a/0 ü.png": "the file is empty (0 bytes); copy it again",
        "a/1  ü.png": "the file is empty (0 bytes); copy it again",
        "b/2 ü.png": "cannot be read (No such file or directory)",
    }
    assert len(found.photos) == 9 and all(store.has(photo.hash) for photo in found.photos)
    assert photos.thumbnails(listing)[0].stray.keys() == {*found.stray, "b/1 ü.png"}


def test_many_copies_of_a_photo_are_no_trouble(folder):
    for number in range(60):
        shutil.copy(folder / "a" / "0 ü.png", folder / "a" / f"copy {number}.png")
    listing = hashed(scan(folder))
    assert len({photo.hash for photo in listing.photos}) == 12
    for side in range(8, 24):  # a store each, since two threads meet at one file by chance
        found, store = photos.fit_all(listing, Images((side, side)))
        assert found == listing and all(store.has(photo.hash) for photo in listing.photos)


def test_a_full_or_forbidden_place_is_told(folder, workspace):
    (workspace / "saved_models").touch()
    with pytest.raises(CvappError, match="saved_models.*: cannot write") as error:
        photos.fit_all(hashed(scan(folder)), SHAPE)
    assert error.value.code == Exit.CANNOT_WRITE


def test_what_fails_while_a_photo_is_kept_is_no_fault_of_the_photo(folder, monkeypatch):
    def full(store, name, values):
        raise CvappError("disk full", Exit.CANNOT_WRITE)

    monkeypatch.setattr(photos.Store, "put", full)
    with pytest.raises(CvappError, match="^disk full$"):
        photos.fit_all(hashed(scan(folder)), SHAPE)


def test_a_models_photos_are_found_by_content_under_other_names(folder, workspace):
    rows = split.make(hashed(scan(folder)).photos, 0.2, 0.2, 0)[0]
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


def test_a_models_photos_are_found_through_a_csv(folder, workspace):
    rows, _ = split.make(hashed(scan(folder)).photos, 0.2, 0.2, 0)
    lines = [f"photos/{row.path},whatever" for row in rows[2:]]
    (workspace / "list.csv").write_text("\n".join(["path,label", *lines]), "utf-8")
    store, held = photos.find(rows, "list.csv", SHAPE)
    assert held == rows[2:]
    np.testing.assert_array_equal(store.read([rows[5].hash])[0], images.fit(images.read(folder / rows[5].path), SHAPE))


@pytest.mark.parametrize(
    "where, words",
    [
        (None, "^the model's 12 photos are not kept in saved_models/.cache; name their folder with --data DIR, the one"),
        ("other", "^none of the model's 12 photos lies below other; give the folder"),
    ],
)
def test_photos_that_are_not_to_be_had_are_bad_data(folder, workspace, where, words):
    rows = split.make(hashed(scan(folder)).photos, 0.2, 0.2, 0)[0]
    images.write(workspace / "other" / "a" / "1.png", np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(CvappError, match=f"{words} that the model learnt from$") as error:
        photos.find(rows, where, SHAPE)
    assert error.value.code == Exit.BAD_DATA


def test_grey_photos_are_told_by_a_look_at_some(tmp_path, rng):
    shades = rng.integers(0, 256, (6, 20, 20, 1)).astype(np.uint8)
    for number, shade in enumerate(shades):
        images.write(tmp_path / "a" / f"{number}.png", shade.repeat(3, 2))
    (tmp_path / "a" / "broken.png").write_bytes(b"none")
    assert photos.all_grey(scan(tmp_path))
    tinted = shades[0].repeat(3, 2)
    tinted[3, 4, 2] ^= 1
    images.write(tmp_path / "a" / "9.png", tinted)
    assert not photos.all_grey(scan(tmp_path))
    assert photos.all_grey(scan(tmp_path), most=1), "the first alone"


def test_bits_stretch_every_photo_of_sixteen_bits_and_are_kept_apart(workspace, rng):
    """The features of a store depend on them; photos of 8 bits do not change."""
    for number in range(2):
        deep = rng.integers(0, 4096, (32, 48), dtype=np.uint16)
        (workspace / "photos" / "ab"[number]).mkdir(parents=True)
        (workspace / "photos" / "ab"[number] / "deep.png").write_bytes(cv2.imencode(".png", deep)[1].tobytes())
        images.write(workspace / "photos" / "ab"[number] / "plain.png", rng.integers(0, 256, (32, 48, 3), dtype=np.uint8))
    listing = hashed(scan(workspace / "photos"))
    dark, light = (photos.fit_all(listing, Images((32, 48), bits=bits))[1] for bits in (None, 12))
    assert dark.folder != light.folder
    for photo in listing.photos:
        black, white = dark.read([photo.hash])[0], light.read([photo.hash])[0]
        if "plain" in photo.name:
            np.testing.assert_array_equal(black, white)
        else:
            assert black.max() == 15 and white.max() == 255 and (white >> 4 == black).all()


def test_photos_fitted_before_there_were_bits_are_found():
    """Their folder is the one that size, fit and resizing alone decide."""
    key = [photos.FITTING, {"size": (16, 24), "fit": "crop", "resize": "area"}]
    assert photos.store_for(SHAPE).folder == Store("pixels", key, (16, 24, 3), "uint8").folder


def test_files_that_use_few_of_their_16_bits_are_told_where_they_are_fitted(folder, rng):
    for number in range(3):
        values = rng.integers(0, 4000, (32, 48, 3)).astype(np.uint16)
        values[0, 0] = 4080
        (folder / "a" / f"deep {number}.png").write_bytes(cv2.imencode(".png", values)[1].tobytes())
    lines = []

    def report(text, done=None, total=None):
        if done is None:
            lines.append(text)

    photos.fit_all(hashed(scan(folder)), SHAPE, report)
    assert lines == [
        "3 photos use few of their 16 bits, such as a/deep 0.png: uses only values up to 4080 of 65535: it looks almost black; "
        "--set images.bits=12 stretches it"
    ]
    photos.fit_all(hashed(scan(folder)), Images((16, 24), bits=12), report)
    assert len(lines) == 1, "once they are stretched there is nothing to say"
