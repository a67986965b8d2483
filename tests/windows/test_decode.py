"""What cells say becomes boxes in the frame: objects drawn, seen on the canvas and written into the maps by hand come back where they were."""

import dataclasses

import numpy as np
import pytest

from cvapp.boxes import iou
from cvapp.windows import BOX, Scan, Windows, crop, decode, detect, lay_out, paint
from cvapp.windows.decode import MOST, SHOWN
from tests.windows.drawn import corners, draw, look, perfect

FRAME = (96, 128)
WINDOWS = Windows((32, 32), (8, 8))
SCAN = Scan(WINDOWS, ((1.0, 1.0), (0.5, 0.5)), 16, 0.625)
SCANS = {
    "plain": SCAN,
    "one level": dataclasses.replace(SCAN, scales=((0.75, 0.75),)),
    "wide margin": dataclasses.replace(SCAN, margin=29),
    "enlarged": dataclasses.replace(SCAN, scales=((1.6, 1.6), (1.0, 1.0), (0.4, 0.4))),
    "shapes": dataclasses.replace(SCAN, scales=((1.0, 0.5), (0.45, 1.1), (0.63, 0.63))),
    "oblong windows": dataclasses.replace(SCAN, windows=Windows((24, 40), (4, 8)), margin=20),
    "offset": dataclasses.replace(SCAN, windows=Windows((32, 32), (8, 8), (3, 6))),
    "offset before the canvas": dataclasses.replace(SCAN, windows=Windows((32, 32), (8, 8), (-12, -5))),
    "landmarks": dataclasses.replace(SCAN, points=2, scales=((1.0, 1.0), (0.8, 0.6))),
    "landmarks in oblong windows": dataclasses.replace(SCAN, points=2, windows=Windows((32, 48), (8, 8)), margin=24),
}


def inside(tile, top, left, windows):
    """Whether a window whose corner lies there is wholly in a tile."""
    bottom, right = top + windows.size[0], left + windows.size[1]
    return tile.top <= top and tile.left <= left and bottom <= tile.top + tile.size[0] and right <= tile.left + tile.size[1]


def blank(scan, classes=1, frame=FRAME):
    """Maps that say nothing, and the cells whose windows lie on the canvas."""
    cells = corners(scan.windows, lay_out(scan, frame)[1])
    return np.zeros((cells[-1][0] + 1, cells[-1][1] + 1, BOX + classes + 2 * scan.points), np.float32), cells


def objects(scan, rng):
    """Objects that fit a level's window, each with that level: somewhere, and in the frame's corners."""
    for tile in lay_out(scan, FRAME)[0]:
        sides = [round(scan.fill * side / scale) for side, scale in zip(scan.windows.size, tile.scale)]
        height, width = (min(side, limit) for side, limit in zip(sides, FRAME))
        last = FRAME[0] - height, FRAME[1] - width
        for top, left in [*rng.integers(0, np.array(last) + 1, (3, 2)).tolist(), (0, 0), last, (0, last[1]), (last[0], 0)]:
            yield tile, (left, top, left + width, top + height)


@pytest.mark.parametrize("name", SCANS)
def test_a_drawn_object_written_into_its_cell_comes_back_as_the_same_box(name, rng):
    scan, label = SCANS[name], 1
    for tile, box in objects(scan, rng):
        centre = np.array([box[0] + box[2], box[1] + box[3]]) // 2
        points = [(centre + shift).tolist() for shift in ((-4, -3), (3, 5))][: scan.points]
        canvas = paint(draw(FRAME, box, points=points), scan)
        maps, cells = blank(scan, classes=3)
        seen = {}
        for row, column, top, left in cells:
            found = look(canvas[top : top + scan.windows.size[0], left : left + scan.windows.size[1]], scan.points)
            if found is not None and inside(tile, top, left, scan.windows):
                seen[row, column] = found
        side = scan.windows.size[::-1]
        row, column = min(seen, key=lambda cell: np.abs(seen[cell][:2] / side - 0.5).max())
        x, y, height, width, *dots = seen[row, column]
        maps[row, column, :5] = 0.9, x / side[0], y / side[1], height / side[1], width / side[0]
        maps[row, column, BOX : BOX + 3] = 0.1, 0.8, 0.1
        maps[row, column, BOX + 3 :] = np.divide(dots, side * scan.points)
        answer, windows = decode(maps, scan, FRAME, 0.5)
        assert len(answer) == len(windows) == 1 and answer.classes.tolist() == [label]
        assert np.abs(answer.xyxy[0] - box).max() < 1, "within a pixel of the frame"
        assert answer.scores[0] == pytest.approx(0.72) and answer.points.shape == (1, scan.points, 2)
        assert not points or np.abs(answer.points[0] - points).max() < 1
        assert detect(maps, scan, FRAME, 0.5, 0.45).xyxy.tolist() == answer.xyxy.tolist()


def test_the_control_an_answer_in_the_next_cell_is_another_box():
    box, (tile, _) = (40, 40, 60, 60), lay_out(SCAN, FRAME)[0]
    maps, _ = blank(SCAN)
    row, column = (tile.top + 16 + 34 - 2) // 8, (tile.left + 16 + 34 - 2) // 8  # of the window at 32, 32 in the frame, by hand
    for place, shift in (((row, column), (0, 0)), ((row, column + 1), (8, 0)), ((row - 1, column), (0, -8))):
        maps[:] = 0
        maps[place] = 1, 18 / 32, 18 / 32, 20 / 32, 20 / 32, 1
        (found,) = decode(maps, SCAN, FRAME, 0.5)[0].xyxy
        assert found.tolist() == (np.array(box) + shift * 2).tolist()


@pytest.mark.parametrize("name", [name for name in SCANS if not SCANS[name].points])
def test_a_perfect_detector_finds_what_is_drawn_and_nothing_else(name, rng):
    scan = SCANS[name]
    for tile, box in list(objects(scan, rng))[::3]:
        maps = perfect(scan)(paint(draw(FRAME, box), scan)[None])[0]
        found = detect(maps, scan, FRAME, 0.5, 0.3)
        assert len(found) == 1 and iou(found.xyxy, np.array([box]))[0, 0] > 0.8


@pytest.mark.parametrize("name", [name for name in SCANS if not SCANS[name].points])
def test_a_cell_counts_where_its_window_lies_in_one_level(name):
    """And what is said to be seen there is what the canvas shows: crops that train and canvases that are looked over are the same pixels."""
    scan = dataclasses.replace(SCANS[name], refined=False, fill=1.0)
    rng = np.random.default_rng(1)
    frame = np.kron(rng.integers(30, 226, (16, 22, 3)), np.ones((6, 6, 1))).astype(np.uint8)[: FRAME[0], : FRAME[1]]
    tiles, size = lay_out(scan, FRAME)
    canvas, cells = paint(frame, scan), corners(scan.windows, size)
    order = rng.permutation(len(cells))
    maps = np.zeros((cells[-1][0] + 1, cells[-1][1] + 1, 1), np.float32)
    for place, (row, column, _, _) in enumerate(cells):
        maps[row, column] = 0.5 + order[place] / len(cells) / 2  # each has a score of its own
    found, windows = decode(maps, scan, FRAME, 0.4)
    home = {place: next((tile for tile in tiles if inside(tile, *cells[place][2:], scan.windows)), None) for place in range(len(cells))}
    counted = [place for place in sorted(home, key=lambda place: -order[place]) if home[place] is not None]
    assert len(found) == len(counted) < len(cells) or name == "one level"
    scores = [float(maps[cells[place][:2]][0]) for place in counted]
    assert found.scores.tolist() == scores
    away, mirrored = [], []
    for place, window in zip(counted, windows):
        top, left = cells[place][2:]
        shown = canvas[top : top + scan.windows.size[0], left : left + scan.windows.size[1]].astype(int)
        part = crop(frame, np.round(window), scan.windows.size)
        away.append(np.abs(part - shown).mean())
        mirrored.append(np.abs(part[:, ::-1] - shown).mean())
        assert home[place].scale != (1.0, 1.0) or away[-1] == 0, "pixel for pixel"
    assert max(away) < 7 and np.mean(away) < 3 < 20 < np.mean(mirrored), "mirrored, it is another picture"


def one_cell(scan, numbers, frame=FRAME):
    """Maps with one answer, in the cell whose window begins at the corner of the first level's frame."""
    maps, cells = blank(scan, len(numbers) - BOX - 2 * scan.points, frame)
    tile = lay_out(scan, frame)[0][0]
    row, column = next(cell[:2] for cell in cells if cell[2:] == (tile.top + scan.margin, tile.left + scan.margin))
    maps[row, column] = numbers
    return maps


def test_the_answer_is_object_centre_height_width_in_shares_of_the_window():
    found, windows = decode(one_cell(SCAN, (0.5, 0.5, 0.25, 0.125, 0.75, 1)), SCAN, FRAME, 0.1)
    assert windows.tolist() == [[0, 0, 32, 32]]
    assert found.xyxy.tolist() == [[4, 6, 28, 10]], "24 wide and 4 high about (16, 8)"
    assert found.scores.tolist() == [0.5]


@pytest.mark.parametrize("least, count", [(0.3, 2), (0.3001, 1), (0.6, 1), (0.6001, 0), (1.0, 0), (0.0, 2)])
def test_the_score_is_that_of_the_object_times_that_of_the_class(least, count):
    maps = one_cell(SCAN, (0.75, 0.5, 0.5, 0.6, 0.6, 0.8, 0.0, 0.4))
    found = detect(maps, SCAN, FRAME, least, 0.45)
    assert len(found) == count and found.classes.tolist() == [0, 2][:count]
    assert found.scores == pytest.approx([0.6, 0.3][:count])


def test_a_plain_classifiers_box_is_the_middle_of_its_window():
    scan = dataclasses.replace(SCAN, refined=False, fill=0.5)
    maps = one_cell(SCAN, (0,) * BOX + (0.1, 0.7, 0.2))[..., BOX:]
    found = detect(maps, scan, FRAME, 0.5, 0.45)
    assert (found.xyxy.tolist(), found.classes.tolist()) == ([[8, 8, 24, 24]], [1])
    assert found.scores.tolist() == [np.float32(0.7)]
    assert len(detect(maps, scan, FRAME, 0.5, 0.45, nothing=[1])) == 0, "the background is no object"
    assert detect(maps, scan, FRAME, 0.15, 0.45, nothing=[1]).classes.tolist() == [2]
    assert maps.max() == np.float32(0.7), "the maps stay as they were"


def test_windows_of_a_plain_classifier_that_show_one_object_are_merged_and_those_of_a_detector_are_not():
    maps, _ = blank(dataclasses.replace(SCAN, scales=((1.0, 1.0),)), classes=1)
    maps[4, 4], maps[4, 5], maps[4, 9] = (0.6, 0.5, 0.5, 0.6, 0.6, 1), (0.3, 0.5, 0.5, 0.6, 0.6, 1), (0.4, 0.5, 0.5, 0.6, 0.6, 1)
    scan = dataclasses.replace(SCAN, scales=((1.0, 1.0),), refined=False, fill=0.6)
    found = detect(maps[..., :1], scan, FRAME, 0.2, 0.3)
    assert found.scores == pytest.approx([0.6, 0.4]) and found.xyxy[0] == pytest.approx([25.07, 22.4, 44.27, 41.6], abs=0.01)
    assert detect(maps, dataclasses.replace(scan, refined=True), FRAME, 0.2, 0.3).xyxy[0] == pytest.approx([22.4, 22.4, 41.6, 41.6])


def test_boxes_end_at_the_frame_and_those_beyond_it_or_without_area_are_none():
    corner = (0.9, 0.0, 0.0, 0.5, 0.5, 1)
    assert decode(one_cell(SCAN, corner), SCAN, FRAME, 0.5)[0].xyxy.tolist() == [[0, 0, 8, 8]]
    for numbers in ((0.9, -0.5, 0.5, 0.5, 0.5, 1), (0.9, 0.5, 0.5, 0.0, 0.5, 1), (0.9, 0.5, 0.5, 0.5, -0.2, 1), (0.9, 0.5, 9, 0.5, 0.5, 1)):
        found, windows = decode(one_cell(SCAN, numbers), SCAN, FRAME, 0.5)
        assert len(found) == 0 and windows.shape == (0, 4)


@pytest.mark.parametrize("points", [0, 2])
@pytest.mark.parametrize("value", [0.0, np.nan])
def test_maps_that_say_nothing_give_no_boxes(points, value):
    scan = dataclasses.replace(SCAN, points=points)
    maps = np.full_like(blank(scan)[0], value)
    for found in (decode(maps, scan, FRAME, 0.0)[0], detect(maps, scan, FRAME, 0.5, 0.45)):
        assert [part.shape for part in vars(found).values()] == [(0, 4), (0,), (0,), (0, points, 2)]
        assert [part.dtype for part in vars(found).values()] == [np.float32, np.float32, np.int32, np.float32]


def test_two_cells_that_see_one_object_give_one_box_and_two_classes_two():
    maps, _ = blank(SCAN, classes=2)
    tile = lay_out(SCAN, FRAME)[0][0]
    row, column = (tile.top + 16 + 32) // 8, (tile.left + 16 + 32) // 8
    maps[row, column] = 0.8, 0.5, 0.5, 0.6, 0.6, 1, 0
    maps[row, column + 1] = 0.9, 0.25, 0.5, 0.6, 0.6, 1, 0  # the same place, from a window 8 pixels further
    found = detect(maps, SCAN, FRAME, 0.5, 0.45)
    assert found.scores.tolist() == [np.float32(0.9)] and len(decode(maps, SCAN, FRAME, 0.5)[0]) == 2
    maps[row, column, BOX:] = 0, 1
    assert detect(maps, SCAN, FRAME, 0.5, 0.45).classes.tolist() == [0, 1]


def test_only_the_surest_are_kept(rng):
    scan = Scan(Windows((8, 8), (4, 4)), ((1.0, 1.0),), 0, 0.5)
    frame = (200, 200)
    maps = np.zeros((49, 49, BOX + 1), np.float32)
    maps[..., 0], maps[..., 1:] = rng.permutation(49 * 49).reshape(49, 49) / 2401, (0.5, 0.5, 0.25, 0.25, 1)
    found, windows = decode(maps, scan, frame, 0.01)
    assert len(found) == len(windows) == MOST == 1000
    assert found.scores.tolist() == np.sort(maps[..., 0].ravel())[: -MOST - 1 : -1].tolist()
    shown = detect(maps, scan, frame, 0.01, 0.45)
    assert len(shown) == SHOWN == 300, "boxes of 2 pixels, none on another"
    np.testing.assert_array_equal(shown.scores, found.scores[:SHOWN])


def test_a_frame_smaller_than_a_window_is_looked_at_within_its_margin():
    scan, frame = dataclasses.replace(SCAN, scales=((1.0, 1.0),)), (10, 14)
    box = (2, 1, 12, 9)
    canvas = paint(draw(frame, box), scan)
    assert canvas.shape == (48, 48, 3)
    maps = np.zeros((3, 3, BOX + 1), np.float32)
    x, y, height, width = look(canvas[8:40, 8:40])
    maps[1, 1] = 1, x / 32, y / 32, height / 32, width / 32, 1
    assert decode(maps, scan, frame, 0.5)[0].xyxy.tolist() == [list(box)]
    maps[2, 2] = maps[1, 1]  # no whole window of the 42x46 tile begins there
    assert len(decode(maps, scan, frame, 0.5)[0]) == 1
