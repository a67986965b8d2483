"""Denoising: against plain arithmetic, and by what it is for: less noise, edges kept."""

import numpy as np
import pytest

from cvapp import images
from cvapp.errors import CvappError
from cvapp.isp import denoise


def neighbours(picture):
    """The nine values about each place, mirrored about the last pixel at the border."""
    padded = np.pad(picture, 1, "reflect")
    return np.stack([padded[y : y + picture.shape[0], x : x + picture.shape[1]] for y in range(3) for x in range(3)])


def psnr(picture, truth):
    """In decibels, peak 255."""
    return 20 * np.log10(255) - 10 * np.log10(np.mean((picture.astype(float) - truth) ** 2))


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_mean_and_median_are_those_of_nine_neighbours(kind, rng):
    picture = rng.integers(0, 256, (13, 17)).astype(kind)
    mean, median = denoise.mean(picture), denoise.median(picture)
    assert mean.dtype == median.dtype == kind
    assert np.abs(mean - neighbours(picture.astype(float)).mean(0)).max() <= 0.5001
    assert np.array_equal(median[1:-1, 1:-1], np.median(neighbours(picture), 0)[1:-1, 1:-1])


def test_bilateral_is_its_equation(rng):
    picture = rng.random((9, 9), np.float32)
    found = denoise.bilateral(picture, 0.1)[4, 4]
    down, across = np.mgrid[-2:3, -2:3]
    near = picture[2:7, 2:7]
    weights = np.exp(-(down**2 + across**2) / 2 / 1.5**2 - (near - picture[4, 4]) ** 2 / 2 / 0.4**2) * (np.hypot(down, across) <= 2)
    assert found == pytest.approx((weights * near).sum() / weights.sum(), abs=1e-3)


def test_a_hot_pixel_is_gone_after_the_median_only():
    picture = np.full((9, 9, 3), 80, np.uint8)
    picture[4, 4, 0] = 255
    assert (denoise.median(picture) == 80).all()
    assert denoise.mean(picture)[4, 4, 0] > 95


def test_the_bilateral_filter_keeps_an_edge_that_the_mean_blurs(rng):
    truth = np.full((40, 40, 3), 60.0)
    truth[:, 20:] = 180
    noisy = np.clip(truth + rng.normal(0, 8, truth.shape), 0, 255).astype(np.uint8)
    assert psnr(denoise.bilateral(noisy, 8), truth) > psnr(noisy, truth) + 6
    assert psnr(denoise.mean(noisy), truth) < psnr(noisy, truth) + 1


@pytest.mark.shared
def test_on_photos_the_bilateral_filter_is_best(shared_data, rng):
    gained = {"mean": [], "median": [], "bilateral": []}
    for index in (3, 7, 12):
        truth = images.read(shared_data / "kodak" / f"kodim{index:02d}.png")
        noisy = np.clip(np.rint(truth + rng.normal(0, 10, truth.shape)), 0, 255).astype(np.uint8)
        for name, done in (("mean", denoise.mean(noisy)), ("median", denoise.median(noisy)), ("bilateral", denoise.bilateral(noisy, 10))):
            gained[name].append(psnr(done, truth) - psnr(noisy, truth))
    assert np.mean(gained["bilateral"]) > 5
    assert np.mean(gained["bilateral"]) > np.mean(gained["median"]) + 2 and np.mean(gained["bilateral"]) > np.mean(gained["mean"]) + 2


@pytest.mark.parametrize(
    "wrong, words",
    [
        (lambda: denoise.median(np.zeros((4, 4), np.uint8), 4), "size 4: give an odd number of pixels, 3 to 31"),
        (lambda: denoise.median(np.zeros((4, 4), np.float32), 7), "takes 3 or 5"),
        (lambda: denoise.mean(np.zeros((4, 4, 4), np.uint8)), "this is uint8 .4, 4, 4."),
        (lambda: denoise.mean(np.zeros((4, 4), np.int32)), "a picture is uint8 or float"),
        (lambda: denoise.bilateral(np.zeros((4, 4), np.uint8), 0), "noise 0: give its standard deviation"),
    ],
)
def test_wrong_input_is_one_line(wrong, words):
    with pytest.raises(CvappError, match=words):
        wrong()
