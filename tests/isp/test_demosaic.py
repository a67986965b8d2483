"""Demosaicing: mosaics worked by hand, loops as oracles, published results, and PSNR on a real picture."""

import numpy as np
import pytest

from cvapp import isp
from cvapp.errors import CvappError
from cvapp.isp.demosaic import METHODS, superpixel
from cvapp.isp.shapes import PATTERNS

SIZES = [(2, 2), (2, 3), (3, 2), (5, 4), (7, 9), (12, 11)]


def psnr(picture, truth):
    """Peak signal to noise over the whole frame, in decibels, peak 1."""
    return -10 * np.log10(np.mean((picture.astype(np.float64) - truth) ** 2))


def reflected(index, length):
    """An index beyond the border mirrored about the last pixel."""
    while not 0 <= index < length:
        index = -index if index < 0 else 2 * (length - 1) - index
    return index


def averaged(raw, pattern):
    """The oracle of bilinear: each missing colour is the mean of those of the 8 neighbours that saw it; of the 4 nearest for green."""
    height, width = raw.shape
    colour = lambda y, x: "RGB".index(pattern[2 * (y % 2) + x % 2])  # noqa: E731
    out = np.zeros((height, width, 3))
    for y in range(height):
        for x in range(width):
            for wanted in range(3):
                if colour(y, x) == wanted:
                    out[y, x, wanted] = raw[y, x]
                    continue
                near = [
                    (y + down, x + across) for down in (-1, 0, 1) for across in (-1, 0, 1) if wanted != 1 or abs(down) + abs(across) == 1
                ]
                values = [raw[reflected(v, height), reflected(h, width)] for v, h in near if colour(v, h) == wanted]
                out[y, x, wanted] = np.mean(values)
    return out


def scene(size):
    """Fine stripes, slightly slanted, in three related channels."""
    down, across = np.mgrid[: size[0], : size[1]]
    base = 0.5 + 0.3 * np.sin(1.3 * across + down / 6)
    return np.dstack([base, 0.8 * base + 0.05, 0.6 * base + 0.1]).astype(np.float32)


def test_a_mosaic_worked_by_hand():
    raw = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]], np.float32) / 16
    rgb = 16 * isp.demosaic(raw, "RGGB", "bilinear")
    assert rgb[1, 1].tolist() == [6, 6, 6], "red of 1 3 9 11, green of 2 5 7 10, blue itself"
    assert rgb[1, 2].tolist() == [7, 7, 7], "red of 3 11, blue of 6 8"
    assert rgb[2, 1].tolist() == [10, 10, 10], "red of 9 11, blue of 6 14"
    assert rgb[0, 0].tolist() == [1, 3.5, 6], "mirrored: green of 2 2 5 5, blue of 6 four times"
    assert rgb[3, 3].tolist() == [11, 13.5, 16]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_bilinear_is_the_mean_of_the_neighbours_of_a_loop(pattern, size, rng):
    raw = rng.random(size)
    assert isp.demosaic(raw, pattern, "bilinear") == pytest.approx(averaged(raw, pattern), abs=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_a_place_saw_stays_and_one_colour_stays_one_colour(pattern, method, size, rng):
    raw = rng.random(size, np.float32)
    rgb = isp.demosaic(raw, pattern, method)
    assert rgb.shape == (*size, 3) and rgb.dtype == np.float32
    assert isp.mosaic(rgb, pattern) == pytest.approx(raw, abs=1e-6)
    flat = np.broadcast_to(np.float32([0.2, 0.5, 0.7]), (*size, 3))
    assert isp.demosaic(isp.mosaic(flat, pattern), pattern, method) == pytest.approx(flat, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_pattern_is_another_one_moved_by_a_place(method, rng):
    raw = rng.random((20, 24))
    whole = isp.demosaic(raw, "RGGB", method)
    for pattern, part in (("GRBG", np.s_[:, 1:]), ("GBRG", np.s_[1:]), ("BGGR", np.s_[1:, 1:])):
        moved = isp.demosaic(raw[part], pattern, method)
        assert moved[8:-8, 8:-8] == pytest.approx(whole[part][8:-8, 8:-8], abs=1e-6)
    assert not np.allclose(isp.demosaic(raw, "BGGR", method), whole, atol=0.1), "a wrong pattern must show"


@pytest.mark.parametrize("method", METHODS)
def test_turning_the_mosaic_turns_the_picture(method, rng):
    raw = rng.random((16, 16))
    turned = isp.demosaic(np.ascontiguousarray(raw.T), "RGGB", method)
    same = np.isclose(turned, isp.demosaic(raw, "RGGB", method).transpose(1, 0, 2), atol=1e-6)
    assert same[6:-6, 6:-6].all()


def test_an_upright_edge_has_no_zipper_where_bilinear_has():
    truth = np.zeros((24, 24, 3), np.float32)
    truth[:, 11:] = 0.8
    raw = isp.mosaic(truth, "RGGB")
    errors = {method: np.abs(isp.demosaic(raw, "RGGB", method) - truth)[4:-4].max() for method in METHODS}
    assert errors["bilinear"] > 0.3 and errors["edge-aware"] < 1e-6


def test_edge_aware_is_far_closer_on_fine_stripes():
    truth = scene((41, 53))
    found = {method: psnr(isp.demosaic(isp.mosaic(truth, "GBRG"), "GBRG", method), truth) for method in METHODS}
    assert found["edge-aware"] > found["bilinear"] + 10


@pytest.mark.shared
def test_the_published_results_are_met(shared_data):
    file = np.load(shared_data / "raw" / "lighthouse_rggb.npz")
    raw, truth = file["cfa_RGGB"], file["ground_truth"].astype(np.float64)
    bilinear, aware = isp.demosaic(raw, "RGGB", "bilinear"), isp.demosaic(raw, "RGGB", "edge-aware")
    assert psnr(bilinear, truth) > 27.3 and psnr(aware, truth) > 36.4 > psnr(file["malvar2004_RGGB"], truth)
    assert psnr(isp.demosaic(raw, "BGGR", "edge-aware"), truth) < 24, "the wrong pattern must not"
    # its borders are mirrored after the last pixel there, which gives a place the wrong colour
    assert np.abs(bilinear - file["bilinear_RGGB"])[1:-1, 1:-1].max() < 1e-6
    differs = np.abs(aware - file["menon2007_RGGB"]).max(2) > 1e-4
    assert differs.mean() < 1e-4, "but where both directions are alike to the last bit"


def test_a_superpixel_is_four_places():
    raw = np.array([[1, 2, 9], [4, 8, 9], [9, 9, 9]], np.float32) / 8
    assert superpixel(raw, "RGGB").tolist() == [[[1 / 8, 3 / 8, 1]]]
    assert superpixel(raw, "GBRG").tolist() == [[[4 / 8, 4.5 / 8, 2 / 8]]]


@pytest.mark.parametrize(
    "wrong, words",
    [
        (lambda: isp.demosaic(np.zeros((4, 4)), "RGBG", "bilinear"), "pattern 'RGBG': choose one of RGGB, BGGR, GRBG, GBRG"),
        (lambda: isp.demosaic(np.zeros((4, 4)), "RGGB", "menon"), "method 'menon': choose one of bilinear, edge-aware"),
        (lambda: isp.demosaic(np.zeros((4, 4), np.uint16), "RGGB", "bilinear"), "this is uint16 .4, 4.; levels or srgb_decode makes"),
        (lambda: isp.demosaic(np.zeros((1, 4)), "RGGB", "bilinear"), "at least 2x2"),
        (lambda: isp.demosaic(np.zeros((4, 4, 3)), "RGGB", "bilinear"), "a mosaic is float .height, width."),
        (lambda: isp.mosaic(np.zeros((4, 4)), "RGGB"), "a linear picture is float"),
    ],
)
def test_wrong_input_is_one_line(wrong, words):
    with pytest.raises(CvappError, match=words):
        wrong()
