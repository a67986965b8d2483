"""One preprocessing: a photo becomes the same pixels in training, prediction, the live loop, the proof and the package."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from cvapp import images, limits, load
from cvapp.camera.loop import answers
from cvapp.camera.sources import Settings, open_source
from cvapp.data import split
from cvapp.data.folders import scan
from cvapp.data.listing import hashed
from cvapp.data.photos import find, fit_all
from cvapp.proof import golden

MINE = Path("saved_models/mine")


@pytest.fixture
def fitted(home, photos):
    """The fitted pixels of a validation photo by training's store, and its file."""
    bundle = load(home / MINE)
    row = next(row for row in split.read(home / MINE / split.FILE) if row.part == "val")
    store, _ = find([row], None, bundle.card.images)
    file = next(path for path in photos.rglob("*.png") if hashlib.sha256(path.read_bytes()).hexdigest() == row.hash)
    return bundle, store.read([row.hash])[0], file


def test_prediction_sees_what_training_saw(fitted):
    bundle, pixels, file = fitted
    np.testing.assert_array_equal(bundle.fit(images.read(file)), pixels)


def test_the_live_loop_sees_what_training_saw(fitted):
    bundle, pixels, file = fitted
    seen = []
    with open_source(file) as source:
        running = answers(source, lambda value: seen.append(value) or bundle.name(value), bundle.fit)
        scores = [one.answer for one in running]
        running.close()
    np.testing.assert_array_equal(seen[0], pixels)
    assert scores == [bundle.name(pixels)] == [bundle.classify(images.read(file))]


def test_the_golden_photos_are_what_training_saw(home, fitted):
    _, pixels, _ = fitted
    held, _ = golden.read(home / MINE / "lite" / golden.FILE)
    assert (held == pixels).all((1, 2, 3)).sum() == 1


def test_a_photo_stored_on_its_side_is_the_same_pixels_everywhere(fitted, tmp_path):
    """Written turned, with an EXIF orientation that turns it back."""
    bundle, _, file = fitted
    upright, path, exif = images.read(file), tmp_path / "turned.jpg", Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(cv2.rotate(upright, cv2.ROTATE_90_COUNTERCLOCKWISE)).save(path, exif=exif, quality=95)
    with open_source(path) as source:
        frame = next(iter(source))
    assert frame.image.shape == upright.shape
    np.testing.assert_array_equal(bundle.fit(frame.image), bundle.fit(images.read(path)))
    assert np.abs(bundle.fit(frame.image).astype(int) - bundle.fit(upright)).mean() < 12


def test_twelve_bits_are_the_same_pixels_in_the_store_and_the_camera(workspace, rng):
    deep = cv2.imencode(".png", rng.integers(0, 4096, (40, 60, 3), dtype=np.uint16))[1].tobytes()
    (workspace / "a.png").write_bytes(deep)
    shape = images.Images((20, 20), bits=12)
    listing = hashed(scan(workspace, loose=True))
    kept = fit_all(listing, shape)[1].read([listing.photos[0].hash])[0]
    with open_source("a.png", Settings(bits=12)) as source:
        np.testing.assert_array_equal(images.fit(next(iter(source)).image, shape), kept)
    np.testing.assert_array_equal(images.fit(images.read("a.png", 12), shape), kept)
    assert kept.mean() > 8 * images.fit(images.read("a.png"), shape).mean()


def test_a_photo_read_reduced_is_the_same_pixels_everywhere_and_nearly_those_of_the_whole(workspace, monkeypatch):
    rng = np.random.default_rng(1)
    rgb = cv2.GaussianBlur(rng.integers(0, 256, (1200, 1600, 3), dtype=np.uint8), (0, 0), 1.5)
    images.write("a.jpg", cv2.normalize(rgb, None, 0, 255, cv2.NORM_MINMAX), quality=92)
    whole = images.fit(images.read("a.jpg"), images.Images((96, 96)))
    monkeypatch.setattr(limits, "MAX_PIXELS", 1_000_000)
    shape, listing = images.Images((96, 96)), hashed(scan(workspace, loose=True))
    kept = fit_all(listing, shape)[1].read([listing.photos[0].hash])[0]
    with open_source("a.jpg") as source:
        frame = next(iter(source)).image
    assert frame.shape == (600, 800, 3)
    np.testing.assert_array_equal(images.fit(frame, shape), kept)
    np.testing.assert_array_equal(images.fit(images.decode_sized(Path("a.jpg").read_bytes(), "a.jpg")[0], shape), kept)
    apart = np.abs(kept.astype(int) - whole)
    assert 0 < apart.mean() < 1 and apart.max() <= 6 and whole.std() > 8


def test_another_resizer_gives_other_pixels(fitted):
    bundle, pixels, file = fitted
    other = cv2.resize(images.read(file), pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    assert (other != pixels).any()
