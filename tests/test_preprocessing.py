"""One preprocessing: a photo becomes the same pixels in training, prediction, the live loop, the proof and the package."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from cvapp import images, load
from cvapp.camera.loop import answers
from cvapp.camera.sources import open_source
from cvapp.data import split
from cvapp.data.photos import find
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


def test_another_resizer_gives_other_pixels(fitted):
    bundle, pixels, file = fitted
    other = cv2.resize(images.read(file), pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    assert (other != pixels).any()
