"""A detector's own mistakes: a planted false detection is found, with the window it was seen in, and a right one is not."""

import dataclasses

import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.progress import silent
from cvapp.recipe import Detect
from cvapp.training import mining
from cvapp.training.crops import Windowed, cut, shows_nothing
from cvapp.training.mining import MOST_OF_FRAME, SURE, Finder, kept, mistakes
from cvapp.windows import BOX, Scan, Windows, crop
from tests.training.test_crops import recipe
from tests.windows.drawn import draw, perfect

FRAME = (96, 128)
SCAN = Scan(Windows((32, 32), (8, 8)), ((1.0, 1.0),), 16, 0.625)
SETTINGS = Detect(fill=0.625, overlap=0.45)
TRUE, FALSE = (40, 40, 60, 60), (90, 10, 110, 30)


def material(*objects, drawn=None, classes=None):
    """A frame for each list of objects; what is drawn may be more than what is true."""
    frames = np.stack([draw(FRAME, *some) for some in drawn or objects])
    boxes = [np.array(some, np.float32).reshape(-1, 4) for some in objects]
    classes = classes or [np.zeros(len(some), int) for some in objects]
    return Windowed(frames, boxes, classes, [np.zeros((len(some), 0, 2), np.float32) for some in objects], np.array([[20.0, 20.0]]), 2)


def finder(label=0):
    return Finder(perfect(SCAN, 2, label), SCAN, FRAME)


def test_a_planted_false_detection_is_found_and_a_right_one_is_not():
    found = mistakes(finder(), material([TRUE], [TRUE], drawn=[[TRUE], [TRUE, FALSE]]), SETTINGS, silent)
    assert found.dtype == np.float32 and found.shape == (1, 5)
    frame, *window = found[0].tolist()
    assert frame == 1
    assert window in ([80, 0, 112, 32], [80, 8, 112, 40], [88, 0, 120, 32], [88, 8, 120, 40]), "one of the four about it"


def test_the_control_the_same_detection_is_no_mistake_once_it_is_true():
    found = mistakes(finder(), material([TRUE], [TRUE, FALSE]), SETTINGS, silent)
    assert found.shape == (0, 5) and found.dtype == np.float32


def test_an_object_under_a_wrong_name_is_no_window_without_an_object():
    assert mistakes(finder(label=1), material([TRUE]), SETTINGS, silent).shape == (0, 5)


def numbers(*cells, scan=SCAN):
    """A finder that answers these cells: (row, column, p_c, box in shares of the window)."""
    maps = np.zeros((13, 17, BOX + 2), np.float32)
    for row, column, sure, *box in cells:
        maps[row, column, :BOX], maps[row, column, BOX] = (sure, *box), 1
    return Finder(lambda canvases: maps[None], scan, FRAME)


ANSWER = 0.5, 0.5, 0.625, 0.625


@pytest.mark.parametrize(
    "truth, count",
    [
        ((300, 300, 301, 301), 1),
        ((38, 38, 58, 58), 0),  # the box itself
        ((50, 38, 70, 58), 1),  # an IoU of 0.25 with it
        ((48, 38, 68, 58), 0),  # of a third
    ],
)
def test_a_mistake_meets_no_object_by_three_tenths(truth, count):
    """The cell's window begins at 32, 32 in the frame; its middle, and the answer, is 38 to 58."""
    assert len(mistakes(numbers((6, 6, 0.9, *ANSWER)), material([truth]), SETTINGS, silent)) == count


def test_a_right_box_seen_from_a_window_that_hardly_shows_it_is_no_mistake():
    """The window's middle meets nothing, but what it says is true: it must not be taught to be silent."""
    aside = (6, 6, 0.9, 0.9, 0.5, 0.625, 0.625)
    assert mistakes(numbers(aside), material([(51, 38, 71, 58)]), SETTINGS, silent).shape == (0, 5)
    assert len(mistakes(numbers(aside), material([(80, 38, 100, 58)]), SETTINGS, silent)) == 1, "the control"
    other = material([(51, 38, 71, 58)], classes=[np.array([1])])
    assert len(mistakes(numbers(aside), other, SETTINGS, silent)) == 1, "under a wrong name it is not true"


def test_an_unsure_answer_is_not_worth_learning_from():
    for sure, count in ((SURE + 0.01, 1), (SURE - 0.01, 0)):
        assert len(mistakes(numbers((6, 6, sure, *ANSWER)), material([]), SETTINGS, silent)) == count


def test_of_many_windows_that_say_the_same_the_surest_is_kept():
    same = [(6, 6, 0.6, *ANSWER), (6, 7, 0.9, 0.25, 0.5, 0.625, 0.625), (2, 2, 0.3, *ANSWER)]
    found = mistakes(numbers(*same), material([]), SETTINGS, silent)
    assert found.tolist() == [[0, 40, 32, 72, 64], [0, 0, 0, 32, 32]]
    found = mistakes(numbers(*same), material([]), dataclasses.replace(SETTINGS, overlap=1.0), silent)
    assert found[:, 1].tolist() == [40, 32, 0], "the control: nothing is suppressed"


def test_one_frame_gives_no_more_than_some():
    maps = np.random.default_rng(0).uniform(0.2, 0.9, (13, 17, BOX + 2)).astype(np.float32)
    maps[..., 1:BOX], maps[..., BOX:] = (0.5, 0.5, 0.1, 0.1), (1, 0)
    found = mistakes(Finder(lambda canvases: maps[None], SCAN, FRAME), material([], []), SETTINGS, silent)
    assert [int((found[:, 0] == frame).sum()) for frame in (0, 1)] == [MOST_OF_FRAME] * 2 == [60, 60]


def test_of_many_frames_some_are_looked_at_from_the_first_to_the_last(monkeypatch):
    monkeypatch.setattr(mining, "MOST_FRAMES", 3)
    given = material(*[[]] * 7, drawn=[[FALSE]] * 7)
    found = mistakes(finder(), given, SETTINGS, silent)
    assert found[:, 0].tolist() == [0, 3, 6], "numbers of the frames among all of them"
    assert mistakes(finder(), material([], drawn=[[FALSE]]), SETTINGS, silent)[:, 0].tolist() == [0]


def test_what_was_found_can_be_cut_and_shows_no_object():
    given = material([TRUE], drawn=[[TRUE, FALSE]])
    found = mistakes(finder(), given, SETTINGS, silent)
    assert shows_nothing(found[:, 1:], given.boxes[0], 0.625).all()
    again = dataclasses.replace(given, hard=found)
    pictures, targets = cut(again, recipe(hard=1.0, fill=0.625), np.array([1, 2]), 0, (32, 32))
    assert not targets.any()
    np.testing.assert_array_equal(pictures[0], crop(given.frames[0], found[0, 1:], (32, 32)))
    assert pictures[0].max() > 150, "it does show what was taken for an object"


def test_the_frames_are_told_as_they_are_looked_at():
    told = []
    mistakes(finder(), material([TRUE], [TRUE]), SETTINGS, lambda *words: told.append(words))
    assert told == [("looking for mistakes", done, 2) for done in (0, 1, 2)]


def test_the_boxes_of_frames_one_after_the_other():
    given = material([TRUE], [], [TRUE, FALSE])
    found = list(finder().find(given.frames, 0.5, 0.45))
    assert [len(boxes) for boxes in found] == [1, 0, 2]
    assert np.abs(found[0].xyxy[0] - TRUE).max() < 1


def test_mistakes_are_made_once_and_read_where_a_run_goes_on(tmp_path):
    made = np.arange(10, dtype=np.float32).reshape(2, 5)
    path = tmp_path / "work" / "mistakes-1.npy"
    np.testing.assert_array_equal(kept(path, False, lambda: made), made)
    np.testing.assert_array_equal(kept(path, True, lambda: 1 / 0), made)
    np.testing.assert_array_equal(kept(path, False, lambda: made + 1), made + 1)
    np.testing.assert_array_equal(kept(path, True, lambda: 1 / 0), made + 1)
    assert kept(None, False, lambda: made) is made and [one.name for one in path.parent.iterdir()] == ["mistakes-1.npy"]


@pytest.mark.parametrize("content", [None, b"", b"hello", b"\x93NUMPY\x01\x00"])
def test_mistakes_that_are_lost_are_told_and_not_taken_for_none(tmp_path, content):
    """Going on without them would train another model than the undisturbed run."""
    path = tmp_path / "mistakes-1.npy"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CvappError, match=r"mistakes-1\.npy: cannot be read \(.*\); --restart trains anew$") as error:
        kept(path, True, lambda: 1 / 0)
    assert error.value.code == Exit.BAD_DATA
