"""Windows to learn from: what they say of an object is where it was drawn, and what they call nothing shows none."""

import dataclasses

import numpy as np
import pytest

from cvapp.boxes import iou
from cvapp.data.boxed import Box
from cvapp.data.frames import Frames, Truth
from cvapp.images import Images
from cvapp.recipe import Augment, Detect, Model, Recipe
from cvapp.training import crops
from cvapp.training.crops import MISSES, Windowed, cut, shows_nothing, windowed
from cvapp.windows import BOX
from tests.windows.drawn import draw, look

WINDOW, FRAME = (32, 32), (120, 160)
OBJECTS = [[(20, 30, 44, 52)], [(90, 60, 130, 98)], [(0, 0, 22, 20), (120, 80, 160, 120)], []]
CLASSES = [[0], [1], [2, 1], []]
SHAPES = np.array([[22.0, 24.0], [39.0, 40.0]])


def recipe(augment=None, **detect):
    settings = {"window": WINDOW, "fill": 0.6, "shift": 0.1, "zoom": 0.2, **detect}
    network = {"model": Model(backbone="window_net", weights="none"), "images": Images(FRAME, "letterbox")}
    return Recipe(task="detect", detect=Detect(**settings), augment=Augment(**augment or {}), **network)


def material(objects=OBJECTS, classes=CLASSES, points=(), shapes=SHAPES, hard=(), num_classes=3):
    """Drawn objects; the landmarks, where there are any, are shares of the objects' sides."""
    frames, landmarks = [], []
    for boxes in objects:
        corners = np.array(boxes, float).reshape(-1, 4)
        marks = corners[:, None, :2] + (corners[:, 2:] - corners[:, :2])[:, None] * np.reshape(points, (-1, 2))
        landmarks.append(np.round(marks).astype(np.float32))
        frame = draw(FRAME, *boxes)
        for dots in landmarks[-1]:
            dotted = draw(FRAME, points=dots.astype(int).tolist())
            frame = np.where(dotted.any(-1, keepdims=True), dotted, frame)
        frames.append(frame)
    return Windowed(
        np.stack(frames),
        [np.array(boxes, np.float32).reshape(-1, 4) for boxes in objects],
        [np.array(some, int) for some in classes],
        landmarks,
        shapes,
        num_classes,
        np.array(hard, np.float32).reshape(-1, 5),
    )


def seen(pictures, targets, points=0):
    """How far the targets are from what the pictures show, in pixels of the window; of those that show a whole object."""
    found = []
    for picture, target in zip(pictures, targets):
        shown = look(picture, points)
        if target[0] and shown is not None:
            sides = np.array([32, 32, 32, 32, *[32, 32] * points])
            said = np.concatenate([target[1:BOX], target[len(target) - 2 * points :]]) * sides
            found.append(np.abs(said - shown).max())
    return np.array(found)


TURNS = {
    "as it is": {},
    "mirrored": {"augment": {"mirror": True}},
    "turned": {"turn": True},
    "stretched": {"augment": {"stretch": 0.3}},
    "far off": {"shift": 0.15, "zoom": 0.25},
}


@pytest.mark.parametrize("name", TURNS)
def test_a_target_says_where_the_object_lies_in_the_window(name):
    pictures, targets = cut(material(), recipe(background=0.1, **TURNS[name]), np.arange(400), 0, WINDOW)
    assert pictures.shape == (400, 32, 32, 3) and pictures.dtype == np.uint8
    assert targets.shape == (400, BOX + 3) and targets.dtype == np.float32
    away = seen(pictures, targets)
    assert len(away) > 250 and away.max() < 0.8
    wrong = targets.copy()
    wrong[:, 1] = 1 - wrong[:, 1]
    assert np.median(seen(pictures, wrong)) > 0.8, "the control: not turned with its picture"


@pytest.mark.parametrize("name", TURNS)
def test_landmarks_are_turned_with_the_picture(name):
    marks = [(0.3, 0.3), (0.7, 0.6)]
    pictures, targets = cut(material(points=marks), recipe(background=0.1, **TURNS[name]), np.arange(300), 0, WINDOW)
    away = seen(pictures, targets, points=2)
    assert targets.shape == (300, BOX + 3 + 4) and len(away) > 200 and away.max() < 0.9
    exchanged = targets[:, [*range(BOX + 3), BOX + 5, BOX + 6, BOX + 3, BOX + 4]]
    assert seen(pictures, exchanged, points=2).min() > 2, "the control: the other landmark"


def eight(target):
    """The centre, height and width of a box in a square window, and of the seven that turning and mirroring make of it."""
    x, y, height, width = target
    for across, down in ((x, y), (1 - x, y), (x, 1 - y), (1 - x, 1 - y)):
        yield np.array([across - width / 2, down - height / 2, across + width / 2, down + height / 2])
        yield np.array([down - height / 2, across - width / 2, down + height / 2, across + width / 2])


@pytest.mark.parametrize("name", TURNS)
def test_a_target_drawn_back_into_the_frame_is_the_true_box_at_its_edge_too(name, monkeypatch):
    places, given = [], material()
    monkeypatch.setattr(
        crops, "crop", lambda frame, place, size, made=crops.crop: places.append((frame, place)) or made(frame, place, size)
    )
    _, targets = cut(given, recipe(background=0.1, **TURNS[name]), np.arange(300), 0, WINDOW)
    beyond, ways = 0, set()
    for (frame, place), target in zip(places, targets):
        if not target[0]:
            continue
        (number,) = (number for number in range(len(given.frames)) if np.shares_memory(frame, given.frames[number]))
        corner, reach = np.tile(place[:2], 2), np.tile(place[2:] - place[:2], 2)
        mine = given.boxes[number][given.classes[number] == target[BOX:].argmax()]
        away = [np.abs(corner + reach * box - mine[0]).max() for box in eight(target[1:BOX])]
        assert len(mine) == 1 and min(away) < 1e-3, "to a thousandth of a pixel"
        ways.add(int(np.argmin(away)))
        beyond += place[0] < 0 or place[1] < 0 or place[2] > 160 or place[3] > 120
    assert beyond > 50 and ways == {"turned": set(range(8)), "mirrored": {0, 2}}.get(name, {0})


def test_all_eight_ways_to_lay_a_square_are_used():
    """Told by where two landmarks lie: which is left of the other, which is higher, and whether their distance is more across than down."""
    marks = [(0.2, 0.35), (0.8, 0.6)]
    ways = {}
    for name, settings in (("plain", {}), ("mirror", {"augment": {"mirror": True}}), ("turn", {"turn": True})):
        _, targets = cut(material(points=marks), recipe(background=0.1, **settings), np.arange(200), 0, WINDOW)
        apart = np.diff(targets[targets[:, 0] > 0, -4:].reshape(-1, 2, 2), axis=1)[:, 0]
        ways[name], counts = np.unique(np.c_[apart > 0, np.abs(apart[:, 0]) > np.abs(apart[:, 1])], axis=0, return_counts=True)
        assert counts.min() > 0.5 * counts.mean(), "each about as often"
    assert [len(some) for some in ways.values()] == [1, 2, 8]


def test_windows_without_an_object_are_laid_in_as_many_ways():
    """Or a turned picture would be a sign of an object."""
    ramp = np.add.outer(np.arange(FRAME[0]), 3 * np.arange(FRAME[1])) % 251
    empty = dataclasses.replace(material(), frames=np.repeat(np.uint8(np.minimum(ramp, 250))[None, ..., None], 4, 0).repeat(3, -1))
    empty = dataclasses.replace(empty, hard=np.array([[3, 8, 8, 40, 40]], np.float32))
    ways = {}
    for name, settings in (("plain", {}), ("mirror", {"augment": {"mirror": True}}), ("turn", {"turn": True})):
        pictures, targets = cut(empty, recipe(background=20.0, hard=1.0, **settings), np.arange(300), 0, WINDOW)
        ways[name] = len(np.unique(pictures[targets[:, 0] == 0].reshape(-1, 32 * 32 * 3), axis=0))
    assert ways == {"plain": 1, "mirror": 2, "turn": 8}


def test_a_window_that_is_no_square_is_mirrored_but_not_laid_on_its_side():
    marks = [(0.2, 0.35), (0.8, 0.6)]
    pictures, targets = cut(material(points=marks), recipe(background=0.1, turn=True, window=(32, 48)), np.arange(200), 0, (32, 48))
    apart = np.diff(targets[targets[:, 0] > 0, -4:].reshape(-1, 2, 2), axis=1)[:, 0]
    assert pictures.shape == (200, 32, 48, 3) and len(np.unique(apart > 0, axis=0)) == 4
    assert (np.abs(apart[:, 0]) > np.abs(apart[:, 1])).all()


def test_without_any_change_the_window_is_the_shape_about_the_object():
    """An object of 22x24 in a window of 1 / 0.6 of that, 37x40 from (12, 22): by hand, to the whole pixels that a window has."""
    plain = recipe(background=0.1, shift=0.0, zoom=0.0)
    pictures, targets = cut(material(OBJECTS[:1], CLASSES[:1], shapes=SHAPES[:1]), plain, np.array([0]), 0, WINDOW)
    assert targets[0] == pytest.approx([1, 20 / 40, 18 / 37, 22 / 37, 24 / 40, 1, 0, 0], abs=0.02)
    assert look(pictures[0]) / 32 == pytest.approx(targets[0, 1:BOX], abs=0.01)


def test_the_object_lies_as_far_off_and_is_as_large_as_the_recipe_allows():
    settings = recipe(background=0.1, shift=0.2, zoom=0.5)
    _, targets = cut(material(OBJECTS[:1], CLASSES[:1], shapes=SHAPES[:1]), settings, np.arange(1500), 0, WINDOW)
    found = targets[targets[:, 0] > 0]
    assert 0.18 < np.abs(found[:, 1:3] - 0.5).max() < 0.23, "a fifth of the side, and the rounding"
    assert found[:, 3:5].max() == pytest.approx(0.6 * 1.5, abs=0.05) and found[:, 3:5].min() == pytest.approx(0.6 / 1.5, abs=0.03)
    ratio = found[:, 3] / found[:, 4]
    assert ratio.min() > 0.9 and ratio.max() < 1.1, "zoomed alike along both sides"
    stretched = recipe(background=0.1, zoom=0.0, augment={"stretch": 0.5})
    found = cut(material(OBJECTS[:1], CLASSES[:1], shapes=SHAPES[:1]), stretched, np.arange(800), 0, WINDOW)[1]
    ratio = found[found[:, 0] > 0, 3] / found[found[:, 0] > 0, 4]
    assert ratio.min() == pytest.approx(1 / 1.5, abs=0.05) and ratio.max() == pytest.approx(1.5, abs=0.07)


def test_an_object_is_shown_by_every_shape_that_fits_it_and_by_the_best_where_none_does():
    shapes = np.array([[20.0, 20.0], [26.0, 26.0], [100.0, 100.0]])
    plain = recipe(background=0.1, shift=0.0, zoom=0.0)
    targets = cut(material([[(40, 40, 64, 64)]], [[0]], shapes=shapes), plain, np.arange(300), 0, WINDOW)[1]
    sides = np.unique(targets[targets[:, 0] > 0, 3].round(1))
    assert sides.tolist() == pytest.approx([0.6, 0.7]), "24 of 43 and of 33 pixels; never of 167"
    targets = cut(material([[(40, 40, 44, 44)]], [[0]], shapes=shapes), plain, np.arange(100), 0, WINDOW)[1]
    assert targets[targets[:, 0] > 0, 3] == pytest.approx(4 / 33)


@pytest.mark.parametrize("background", [0.1, 0.5, 1.0, 2.0, 3.7])
def test_there_are_as_many_windows_without_an_object_as_asked_for(background):
    targets = cut(material(), recipe(background=background), np.arange(370), 0, WINDOW)[1]
    assert targets[0, 0] == 1 and abs((targets[:, 0] == 0).sum() / (targets[:, 0] == 1).sum() - background) < 0.05 * (1 + background)
    assert not targets[targets[:, 0] == 0].any(), "all numbers of such a target are 0"
    assert (targets[targets[:, 0] == 1, BOX:].sum(1) == 1).all()


def test_each_class_is_shown_as_often_however_rare_it_is():
    objects = [[(10, 10, 34, 32)] * 1, *[[(40, 40, 64, 62), (80, 40, 104, 62), (10, 80, 34, 102)]] * 8]
    classes = [[2], *[[0, 0, 0]] * 8]
    targets = cut(material(objects, classes), recipe(background=0.1), np.arange(660), 0, WINDOW)[1]
    shown = targets[:, BOX:].sum(0)
    assert shown[1] == 0 and shown.sum() == 600 and abs(shown[0] - 300) < 60, "1 object against 24, half of the windows each"


def windows_without(given, settings, count=600):
    """The edges of background windows, and the number of each one's frame."""
    found = []
    for number in range(count):
        frame, edges = crops._background(given, settings, np.random.default_rng(number))
        place = next(place for place in range(len(given.frames)) if np.shares_memory(frame, given.frames[place]))
        found.append((place, edges))
    return found


def crowd():
    """Objects of one size so near one another that a window anywhere in the frame shows one."""
    boxes = [(x - 11, y - 11, x + 11, y + 11) for x in range(0, 161, 5) for y in range(0, 121, 5)]
    return material([boxes], [[0] * len(boxes)], shapes=np.array([[22.0, 22.0]]))


@pytest.mark.parametrize("given", [material, crowd], ids=["some objects", "a crowd"])
def test_what_is_called_nothing_shows_no_object(given):
    given, settings = given(), recipe()
    for place, edges in windows_without(given, settings, 150):
        middle = (edges[:2] + edges[2:]) / 2
        half = 0.3 * (edges[2:] - edges[:2])
        inner = np.concatenate([middle - half, middle + half])[None]
        assert iou(inner, given.boxes[place]).max(initial=0) < MISSES == 0.3
        assert (edges == np.round(edges)).all() and (edges[2:] > edges[:2]).all()


def test_the_control_windows_about_objects_are_not_called_nothing():
    boxes = np.array([[20.0, 30.0, 44.0, 52.0]])
    windows = np.array([[12, 22, 52, 60], [12 + 8, 22, 52 + 8, 60], [12 + 16, 22, 52 + 16, 60], [100, 22, 140, 60]])
    assert shows_nothing(windows, boxes, 0.6).tolist() == [False, False, True, True]
    assert shows_nothing(windows, np.zeros((0, 4)), 0.6).all() and shows_nothing(windows[:0], boxes, 0.6).shape == (0,)


def test_half_of_the_background_lies_about_objects():
    near = 0
    given = material([[(60, 50, 84, 72)]], [[0]], shapes=SHAPES[:1])
    for _, edges in windows_without(given, recipe(), 600):
        near += np.abs((edges[:2] + edges[2:]) / 2 - (72, 61)).max() < 24
    assert 0.3 < near / 600 < 0.6, "anywhere alone it would be a tenth"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 1.0])
def test_hard_windows_are_used_in_about_the_share_asked_for(share):
    hard = [(3, 8, 8, 48, 48), (1, 0, 64, 40, 104)]
    given = material(hard=hard)
    used = [(place, *edges.tolist()) in hard for place, edges in windows_without(given, recipe(hard=share), 800)]
    assert abs(np.mean(used) - share) < 0.05
    assert not any((place, *edges.tolist()) in hard for place, edges in windows_without(material(), recipe(hard=1.0), 200))


def test_the_pixels_of_a_hard_window_are_those_it_was_taken_for():
    given = material(hard=[(2, 90.0, 60.2, 149.9, 119.6)])
    pictures, targets = cut(given, recipe(hard=1.0), np.array([1]), 0, (60, 60))
    np.testing.assert_array_equal(pictures[0], given.frames[2][60:120, 90:150])
    assert not targets.any()


VARIED = {"mirror": True, "stretch": 0.1, "brightness": 0.05, "contrast": 0.15, "colour": 0.1}


def test_the_same_numbers_give_the_same_windows_in_any_batch_and_another_epoch_gives_others():
    given, settings, numbers = material(hard=[(3, 8, 8, 48, 48)]), recipe(VARIED, turn=True), np.arange(60)
    pictures, targets = cut(given, settings, numbers, 4, WINDOW)
    for chosen in ([3, 1, 59], [17]):
        again = cut(given, settings, numbers[chosen], 4, WINDOW)
        np.testing.assert_array_equal(again[0], pictures[chosen])
        np.testing.assert_array_equal(again[1], targets[chosen])
    for other in (cut(given, settings, numbers, 5, WINDOW), cut(given, dataclasses.replace(settings, seed=1), numbers, 4, WINDOW)):
        assert (other[0] != pictures).any((1, 2, 3)).mean() > 0.7 and (other[1] != targets).any(1)[targets[:, 0] > 0].all()
        assert (other[1][:, 0] == targets[:, 0]).all(), "which have an object is fixed"


def test_light_and_colour_vary_and_geometry_is_left_to_the_window():
    """Rotation and the like would move the object away from what is said of it."""
    plain = cut(material(), recipe(), np.arange(60), 0, WINDOW)
    turned = cut(material(), recipe({"rotation": 90.0, "zoom": 1.0, "crop": 0.5}), np.arange(60), 0, WINDOW)
    lit = cut(material(), recipe({"brightness": 0.3, "contrast": 0.5, "colour": 0.3}), np.arange(60), 0, WINDOW)
    for other in (turned, lit):
        np.testing.assert_array_equal(other[1], plain[1])
    np.testing.assert_array_equal(turned[0], plain[0])
    assert (lit[0] != plain[0]).any((1, 2, 3)).mean() > 0.5


class Pixels:
    """Stands for the store of frames."""

    def read(self, names):
        return np.stack([np.full((*FRAME, 3), ord(name), np.uint8) for name in names])


def frames(**truth):
    return Frames([], Truth(truth), ["cat", "dog"], Pixels(), {}, [])


def test_frames_become_arrays_difficult_objects_and_empty_photos_among_them():
    two = Box("dog", (1, 2, 30, 40), True), Box("cat", (5.5, 6, 7, 8))
    found = windowed(frames(a=two, b=(), c=two[1:]), ["c", "b", "a"], SHAPES, 0)
    assert [len(boxes) for boxes in found.boxes] == [1, 0, 2] and found.frames[:, 0, 0, 0].tolist() == [99, 98, 97]
    assert found.boxes[2].tolist() == [[1, 2, 30, 40], [5.5, 6, 7, 8]] and found.boxes[2].dtype == np.float32
    assert [some.tolist() for some in found.classes] == [[0], [], [1, 0]]
    assert [some.shape for some in (found.boxes[1], found.classes[1], found.points[1])] == [(0, 4), (0,), (0, 0, 2)]
    assert [some.tolist() for some in found.objects] == [[[0, 0], [2, 1]], [[2, 0]]]
    assert cut(found, recipe(), np.arange(12), 0, WINDOW)[1].shape == (12, BOX + 2)


def test_landmarks_become_arrays_and_are_left_out_where_none_are_learnt():
    marks = ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0))
    truth = {"a": (), "b": (Box("dog", (1, 2, 30, 40), False, marks),)}
    assert windowed(frames(**truth), ["a", "b"], SHAPES, 3).points[1].tolist() == [[[1, 2], [3, 4], [5, 6]]]
    found = windowed(frames(**truth), ["a", "b"], SHAPES, 3)
    assert found.points[0].shape == (0, 3, 2) and cut(found, recipe(), np.arange(9), 0, WINDOW)[1].shape == (9, BOX + 2 + 6)
    uneven = {**truth, "c": (Box("dog", (1, 2, 30, 40), False, marks[:1]), Box("cat", (1, 2, 30, 40)))}
    found = windowed(frames(**uneven), ["a", "b", "c"], SHAPES, 0)
    assert [some.shape for some in found.points] == [(0, 0, 2), (1, 0, 2), (2, 0, 2)]


def test_a_class_without_objects_is_not_asked_for():
    given = material(OBJECTS[:1], [[2]])
    assert [some.tolist() for some in given.objects] == [[[0, 0]]]
    assert (cut(given, recipe(background=0.1), np.arange(30), 0, WINDOW)[1][:, BOX:].sum(0) > 0).tolist() == [False, False, True]
