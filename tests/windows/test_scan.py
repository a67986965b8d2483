"""The Scan and its canvas: levels that do not overlap, of the sizes that were asked for, each on the stride."""

import dataclasses
import json

import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.windows import BOX, Scan, Windows, lay_out

SCAN = Scan(Windows((32, 32), (8, 8)), ((1.0, 1.0), (0.5, 0.5), (0.25, 0.4)), 16, 0.6)


def test_one_level_by_hand():
    (tile,), size = lay_out(dataclasses.replace(SCAN, scales=((0.5, 0.25),), margin=10), (100, 100))
    assert (tile.top, tile.left, tile.size, tile.scale) == (0, 0, (70, 45), (0.5, 0.25))
    assert size == (72, 48), "the next multiple of the stride"


def test_levels_lie_in_rows_the_tallest_first():
    tiles, size = lay_out(dataclasses.replace(SCAN, margin=4), (100, 200))
    assert [(tile.top, tile.left, tile.size) for tile in tiles] == [(0, 0, (108, 208)), (112, 0, (58, 108)), (112, 112, (33, 88))]
    assert size == (176, 208), "two levels share the second row"
    tiles, size = lay_out(dataclasses.replace(SCAN, margin=16), (100, 200))
    assert [(tile.top, tile.left, tile.size) for tile in tiles] == [(0, 0, (132, 232)), (136, 0, (82, 132)), (224, 0, (57, 112))]
    assert size == (288, 232), "where they are too wide for that, they do not"


def random_scan(rng):
    stride = tuple(rng.integers(1, 17, 2).tolist())
    window = tuple(rng.integers(1, 40, 2).tolist())
    scales = rng.uniform(0.1, 2, (int(rng.integers(1, 7)), 2))
    return Scan(Windows(window, stride), tuple(map(tuple, scales)), int(rng.integers(20, 40)), 0.6)


def test_no_tile_overlaps_another_and_all_lie_on_the_canvas(rng):
    for _ in range(150):
        scan, frame = random_scan(rng), tuple(rng.integers(1, 300, 2).tolist())
        tiles, size = lay_out(scan, frame)
        times = np.zeros(size, int)
        for tile in tiles:
            inside = times[tile.top : tile.top + tile.size[0], tile.left : tile.left + tile.size[1]]
            assert inside.shape == tile.size, "all of it is on the canvas"
            inside += 1
            assert tile.top % scan.windows.stride[0] == tile.left % scan.windows.stride[1] == 0
        assert times.max() == 1 and times.sum() == sum(tile.size[0] * tile.size[1] for tile in tiles)
        assert size[0] % scan.windows.stride[0] == size[1] % scan.windows.stride[1] == 0


def test_every_scale_is_there_once_to_the_nearest_pixel(rng):
    for _ in range(50):
        scan, frame = random_scan(rng), tuple(rng.integers(20, 300, 2).tolist())
        tiles, _ = lay_out(scan, frame)
        inner = [tuple(side - 2 * scan.margin for side in tile.size) for tile in tiles]
        wanted = [tuple(max(1, round(side * factor)) for side, factor in zip(frame, scale)) for scale in scan.scales]
        assert sorted(inner) == sorted(wanted)
        for tile, sides in zip(tiles, inner):
            assert tile.scale == (sides[0] / frame[0], sides[1] / frame[1]), "what it is drawn at, rounding included"
        assert [tile.size for tile in tiles] == sorted((tile.size for tile in tiles), reverse=True)


def test_a_pyramid_of_halves_is_packed_beside_each_other():
    scan = dataclasses.replace(SCAN, scales=tuple((0.5**level,) * 2 for level in range(5)), margin=0, windows=Windows((8, 8), (8, 8)))
    tiles, size = lay_out(scan, (256, 256))
    assert size == (384, 256) and [(tile.top, tile.left) for tile in tiles] == [(0, 0), (256, 0), (256, 128), (256, 192), (256, 224)]


@pytest.mark.parametrize(
    "scales, frame, level",
    [
        (((1, 1),), (20, 300), (20, 300)),
        (((1, 1),), (300, 31), (300, 31)),
        (((1, 1), (0.1, 0.1)), (200, 200), (20, 20)),
        (((0.5, 2.0), (1.0, 0.3)), (100, 60), (100, 18)),  # the one that is too narrow, not the lower one
    ],
)
def test_a_level_smaller_than_a_window_is_named(scales, frame, level):
    scan = dataclasses.replace(SCAN, scales=scales, margin=0)
    with pytest.raises(CvappError) as error:
        lay_out(scan, frame)
    assert f"a frame of {frame} is {level} at " in str(error.value) and error.value.code == Exit.USAGE
    assert str(error.value).endswith(", less than a window of (32, 32); use a larger frame")
    lay_out(dataclasses.replace(scan, margin=16), frame)


def test_a_margin_of_half_a_window_serves_any_frame():
    for window in (8, 9, 64):
        tiles, _ = lay_out(Scan(Windows((window,) * 2, (4, 4)), ((0.01, 0.01),), window // 2, 0.6), (1, 1))
        assert min(tiles[0].size) >= window


def test_a_scan_survives_the_way_through_json():
    for scan in (SCAN, dataclasses.replace(SCAN, refined=False, points=3, windows=Windows((5, 7), (2, 3), (1, -4)))):
        again = Scan(**json.loads(json.dumps(dataclasses.asdict(scan))))
        assert again == scan and hash(again) == hash(scan) and isinstance(again.windows, Windows)
        assert again != dataclasses.replace(scan, margin=17)
    assert BOX == 5


@pytest.mark.parametrize(
    "values",
    [
        {"scales": ()},
        {"scales": ((1.0, 0.0),)},
        {"scales": ((1.0, -1.0),)},
        {"scales": ((1.0, float("nan")),)},
        {"scales": ((1.0, float("inf")),)},
        {"fill": 0.0},
        {"fill": 1.01},
        {"fill": float("nan")},
        {"margin": -1},
        {"margin": 1.5},
        {"margin": float("nan")},
        {"points": -1},
        {"points": 0.5},
        {"refined": "no"},
    ],
)
def test_a_scan_is_checked_when_made(values):
    with pytest.raises(CvappError, match="^a scan needs scales above 0, a fill of 0 to 1, ") as error:
        dataclasses.replace(SCAN, **values)
    assert error.value.code == Exit.BAD_DATA
    assert dataclasses.replace(SCAN, fill=1.0, margin=0, points=0, scales=[[1, 2]]).scales == ((1.0, 2.0),)
