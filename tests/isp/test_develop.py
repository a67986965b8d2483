"""Developing: a scene comes back from a sensor's values, upright, its light taken out; and a real chart is grey where it is grey."""

import cv2
import numpy as np
import pytest

from cvapp import images
from cvapp.errors import CvappError
from cvapp.isp import Look, Raw, develop, gains_of, mosaic, patch_gains, read_raw, render, tone
from cvapp.isp import white_balance as wb
from tests.isp.small_dng import BLACK, CAMERA, dng


@pytest.fixture
def scene(rng):
    """A smooth scene, linear sRGB, with a white field at the top left."""
    light = cv2.GaussianBlur(rng.random((48, 64, 3)), (0, 0), 5)
    light = 0.15 + 0.5 * (light - light.min()) / np.ptp(light)
    light[:16, :16] = 0.8
    return light.astype(np.float32)


def sensor_values(scene, pattern):
    """What the camera of the small DNG counts."""
    seen = scene @ (CAMERA @ tone.SRGB_TO_XYZ).T.astype(np.float32)
    return np.rint(mosaic(seen, pattern) * 4096 + BLACK).astype(np.uint16)


def neutral():
    """White in the camera's colours, as a DNG's AsShotNeutral."""
    white = CAMERA @ tone.white_xyz(tone.D65)
    return tuple(int(1000 * value) for value in white / white.max())


@pytest.mark.parametrize("pattern, orientation", [("RGGB", 1), ("GBRG", 6), ("BGGR", 3)])
def test_a_scene_comes_back_through_a_cameras_file(pattern, orientation, scene, tmp_path):
    stored = next(turn for turn in (1, 8, 3) if np.array_equal(images.upright(images.upright(scene, turn), orientation), scene))
    values = sensor_values(np.ascontiguousarray(images.upright(scene, stored)), pattern)
    (tmp_path / "a.dng").write_bytes(dng(values, pattern, orientation, neutral()))
    rgb = develop(tmp_path / "a.dng", look=Look(stops=0.0))
    assert rgb.shape == scene.shape and rgb.dtype == np.uint8
    ratio = np.median(tone.from_uint8(rgb) / scene)  # keep_white scales all channels alike
    error = np.abs(rgb.astype(float) - tone.to_uint8(scene * ratio))
    assert np.median(error) <= 1 and np.percentile(error, 99) < 8
    turned = np.abs(rgb.astype(float) - tone.to_uint8(scene[::-1] * ratio))
    assert np.median(turned) > 8, "upside down it is another"


def test_every_orientation_stands_upright(scene):
    raw = mosaic(scene, "RGGB")
    upright = render(Raw(raw, "RGGB"))
    for turn in range(1, 9):
        assert np.array_equal(render(Raw(raw, "RGGB", orientation=turn)), images.upright(upright, turn))


def test_balances(scene):
    cast = np.float32([0.4, 1, 0.7])
    raw = Raw(mosaic(scene * cast, "GRBG"), "GRBG", (2.5, 1.0, 1 / 0.7))
    assert gains_of(raw) == pytest.approx([2.5, 1, 1 / 0.7])
    assert gains_of(raw, (5, 2, 4)) == pytest.approx([2.5, 1, 2])
    for balance in ("grey-world", "white-world"):
        assert wb.angular_error(1 / gains_of(raw, balance), cast) < 8
    assert np.array_equal(gains_of(Raw(raw.values, "GRBG")), gains_of(raw, "grey-world")), "where the camera says nothing"
    assert patch_gains(raw, (2, 2, 14, 14)) == pytest.approx([2.5, 1, 1 / 0.7], rel=1e-3)
    turned = Raw(raw.values, "GRBG", orientation=3)
    assert patch_gains(turned, (50, 34, 62, 46)) == pytest.approx([2.5, 1, 1 / 0.7], rel=1e-3), "the box is in the upright picture"
    with pytest.raises(CvappError, match="balance 'auto': choose one of camera, grey-world, white-world"):
        gains_of(raw, "auto")


def test_what_saturates_is_white_whatever_the_balance(scene):
    values = mosaic(scene, "RGGB")
    values[20:40, 20:40] = 1
    for gains in ((2.5, 1.0, 1.5), (0.6, 1.0, 0.7)):
        assert (render(Raw(values, "RGGB", matrix=tone.camera_to_srgb(CAMERA)), Look(gains, stops=0.0))[24:36, 24:36] == 255).all()


def test_noise_is_taken_down_where_asked(scene, rng):
    noisy = Raw((mosaic(scene, "RGGB") + 0.02 * rng.standard_normal((48, 64))).astype(np.float32), "RGGB")
    truth = render(Raw(mosaic(scene, "RGGB"), "RGGB"), Look((1, 1, 1), stops=0.0)).astype(float)
    errors = [np.square(render(noisy, Look((1, 1, 1), noise=noise, stops=0.0)) - truth).mean() for noise in (0, 8)]
    assert errors[1] < errors[0] / 2


@pytest.mark.shared
def test_the_lighthouse_is_developed(shared_data):
    path = shared_data / "raw" / "lighthouse_rggb.npz"
    rgb = develop(path, look=Look((1, 1, 1), stops=0.0))
    truth = tone.to_uint8(np.load(path)["ground_truth"].astype(np.float32))
    assert rgb.shape == (768, 512, 3)
    error = np.abs(rgb.astype(int) - truth).mean()
    bilinear = np.abs(develop(path, look=Look((1, 1, 1), "bilinear", stops=0.0)).astype(int) - truth).mean()
    assert error < 2.5 < bilinear


def grey_patches(rgb):
    """Middles (x, y) of the four brightest grey patches: squares brighter than what is about them; the lowest row of them, at its own distances."""
    above = cv2.adaptiveThreshold(cv2.medianBlur(rgb, 9).max(2), 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 151, -8)
    _, _, stats, middles = cv2.connectedComponentsWithStats(cv2.morphologyEx(above, cv2.MORPH_OPEN, np.ones((25, 25))))
    squares = [
        tuple(middle)
        for middle, (_, _, width, height, area) in zip(middles, stats)
        if 70 < width < 110 and 70 < height < 110 and area > 0.85 * width * height
    ]
    lowest = max(y for _, y in squares)
    first, second = sorted(square for square in squares if square[1] > lowest - 15)[:2]
    return [(round(first[0] + (second[0] - first[0]) * step), round(first[1])) for step in range(4)]


def angles(rgb, places):
    """How far each place is from grey, in degrees, in linear light."""
    linear = tone.from_uint8(rgb)
    return [wb.angular_error(linear[y - 30 : y + 30, x - 30 : x + 30].mean((0, 1)), (1, 1, 1)) for x, y in places]


@pytest.mark.shared
def test_the_charts_grey_patches_are_grey(shared_data):
    raw = read_raw(shared_data / "raw" / "colorchart.dng")
    as_shot = render(raw)  # the camera stood at daylight, the chart in lamp light
    places = grey_patches(as_shot)
    assert [abs(x - middle) < 12 for (x, _), middle in zip(places, (703, 813, 924, 1033))] == [True] * 4
    x, y = places[2]
    balanced = render(raw, Look(patch_gains(raw, (x - 30, y - 30, x + 30, y + 30)).tolist()))
    assert max(angles(balanced, places)) < 3
    assert min(angles(as_shot, places)) > 20, "a wrong balance shows"
    greens = [int(balanced[y, x, 1]) for x, y in places]
    assert greens == sorted(greens, reverse=True)


@pytest.mark.shared
def test_colours_are_those_of_another_developer(shared_data):
    import rawpy

    raw = read_raw(shared_data / "raw" / "colorchart.dng")
    gains = (1.5, 1.0, 2.2)
    linear = tone.from_uint8(render(raw, Look(gains, stops=1.0)))
    with rawpy.imread(str(shared_data / "raw" / "colorchart.dng")) as file:
        other = file.postprocess(user_wb=[*gains, 1.0], no_auto_bright=True, gamma=(1, 1), output_bps=16)
    centres = [(703, 929), (924, 929), (703, 720), (924, 720), (813, 823), (1143, 715), (1035, 821), (710, 617)]
    for x, y in centres:
        ours, theirs = (picture[y - 20 : y + 20, x - 20 : x + 20].mean((0, 1)) for picture in (linear, other))
        assert wb.angular_error(ours, theirs) < 1.5, (x, y)
