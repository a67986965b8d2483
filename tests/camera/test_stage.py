"""The keys at work in a run: what each shows, keeps and ends, through a window whose person is a script."""

import time
from pathlib import Path

import numpy as np
import pytest

from cvapp import images
from cvapp.camera import live, overlay, stage
from cvapp.camera.keys import HELP, QUIT
from cvapp.camera.live import Options, run
from cvapp.errors import CvappError, Exit
from tests.camera.test_live import SIZE, camera, classify, numbers
from tests.camera.test_recorder import played
from tests.camera.test_sources import number_of, write_video


class ScriptedWindow:
    """A window that keeps what it shows, and whose person presses a key at some of the pictures; the first has number 0."""

    def __init__(self, keys):
        self.keys, self.pictures, self.seconds, self.closed = keys, [], [], False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True

    def show(self, rgb, seconds=0.0):
        time.sleep(min(max(seconds, 0.0), 0.05))
        self.pictures.append(rgb)
        self.seconds.append(seconds)
        key = self.keys.get(len(self.pictures) - 1, -1)
        return ord(key) if isinstance(key, str) else key

    def shown(self):
        """The numbers that the pictures' upper parts bear."""
        return [number_of(picture[20:60]) for picture in self.pictures]


@pytest.fixture
def played_with(workspace, monkeypatch):
    """A function that runs a video of 20 frames with keys pressed at some pictures: the summary, the window and what was told."""

    def play(keys, fps=240, count=20, **options):
        window, told = ScriptedWindow(keys), []
        monkeypatch.setattr(stage, "Window", lambda title: window)
        video = str(write_video(workspace / "scene.mp4", count, fps, SIZE))
        done = run(video, classify, Options(show=True, **options), report=lambda text, *state: state or told.append(text))
        assert window.closed
        return done, window, told

    return play


def test_without_a_key_every_picture_is_shown_once(played_with):
    done, window, told = played_with({})
    assert window.shown() == list(range(20)) and done.frames == 20 and told == []


def test_space_holds_the_picture_and_says_so_until_it_is_pressed_again(played_with):
    done, window, _ = played_with({3: " ", 9: " "}, save="out.mp4")
    assert window.shown() == [0, 1, 2, *[3] * 7, *range(4, 20)] and done.frames == 20
    assert all((picture == window.pictures[4]).all() for picture in window.pictures[5:10])
    changed = (window.pictures[3] != window.pictures[4]).any(2)
    assert changed[:12].any() and not changed[20:].any(), "the status alone gives way"
    assert numbers("out.mp4") == list(range(20)), "a standing picture is recorded once"


def test_frames_that_pass_while_the_picture_stands_are_not_dropped_nor_recorded(workspace, monkeypatch):
    """Half a second of a camera of at most 50 frames a second."""
    window = ScriptedWindow({3: " ", 13: " ", 20: "q"})
    monkeypatch.setattr(stage, "Window", lambda title: window)
    monkeypatch.setattr(live, "open_source", lambda *_: camera(pause=0.02))
    indices = []
    done = run(0, classify, Options(show=True, save="out.mp4"), each=lambda answered: indices.append(answered.frame.index))
    gap = max(later - earlier - 1 for earlier, later in zip(indices, indices[1:]))
    assert gap >= 10 and done.dropped == indices[-1] + 1 - done.frames - gap
    assert len(played("out.mp4")[0]) < 30, "the half second is not in it"


def test_the_time_that_a_picture_stands_is_not_held_against_the_pace_of_the_file(played_with):
    """At one frame a second; the person lets the first one stand for half a second."""
    done, window, _ = played_with({0: " ", 10: " "}, fps=1, count=3)
    assert window.seconds[1:11] == [0.05] * 10
    assert [window.seconds[0], *window.seconds[11:]] == pytest.approx([0, 1, 2], abs=0.3)
    assert done.seconds < 0.5


def test_s_keeps_the_picture_as_the_camera_saw_it_and_as_it_was_shown(played_with):
    _, window, told = played_with({4: "s"}, mirror=True, snapshots=Path("kept"))
    plain, answer = sorted(Path("kept").iterdir(), key=lambda path: len(path.name))
    assert plain.name.endswith("-000004.png") and answer.name == f"{plain.stem}-answer.png"
    assert number_of(images.read(plain)) == 4 and window.shown()[4] != 4, "the window mirrors"
    np.testing.assert_array_equal(images.read(answer), window.pictures[4])
    assert told == [f"snapshot {plain}, and with the answer drawn beside it"]


def test_s_works_while_the_picture_stands_and_keeps_the_answer_not_the_word_paused(played_with):
    _, window, _ = played_with({2: " ", 4: "s", 6: " "}, snapshots=Path("kept"))
    answer = max(Path("kept").iterdir(), key=lambda path: len(path.name))
    np.testing.assert_array_equal(images.read(answer), window.pictures[2])


def test_a_snapshot_that_cannot_be_written_is_told_and_the_run_goes_on(played_with):
    Path("taken").write_text("")
    done, _, told = played_with({2: "s"}, snapshots=Path("taken"))
    assert done.frames == 20 and len(told) == 1 and told[0].startswith("taken") and "cannot write" in told[0]


def test_r_records_the_frames_while_it_is_on(played_with):
    done, window, told = played_with({3: "r", 8: "r", 15: "r"})
    assert done.saved is not None and done.saved.startswith("recording-")
    assert told == [f"recording to {done.saved}", "recording stopped; r goes on with it", "recording goes on"]
    assert numbers(done.saved) == [4, 5, 6, 7, 8, 16, 17, 18, 19]
    dots = [(picture[:12] != window.pictures[0][:12]).any() for picture in window.pictures]
    assert dots[4], "a dot in the status"


def test_r_stops_and_goes_on_with_a_recording_that_was_asked_for(played_with):
    done, _, told = played_with({3: "r", 8: "r"}, save="out.mp4")
    assert done.saved == "out.mp4" and told == ["recording stopped; r goes on with it", "recording goes on"]
    assert numbers("out.mp4") == [0, 1, 2, 3, *range(9, 20)]


def test_r_just_before_the_end_records_nothing(played_with, workspace):
    done, _, told = played_with({3: " ", 4: "r", 5: "q"})
    assert (done.frames, done.saved, told) == (4, None, [])
    assert [path.name for path in workspace.iterdir()] == ["scene.mp4"]


def test_a_recording_that_cannot_begin_is_told_and_the_run_goes_on(played_with, monkeypatch):
    def record(path, fps, report):
        raise CvappError(".: cannot write (Read-only file system)", Exit.CANNOT_WRITE)

    monkeypatch.setattr(stage, "record", record)
    done, _, told = played_with({3: "r", 8: "r"})
    assert (done.frames, done.saved, told) == (20, None, [".: cannot write (Read-only file system)"] * 2)


def test_v_puts_the_next_variant_to_work_and_tells(played_with):
    names = iter(["int8", "float16"])
    _, _, told = played_with({3: "v", 8: "v"}, next_variant=lambda: next(names))
    assert told == ["int8 answers now", "float16 answers now"]


def test_v_names_the_variant_on_the_picture_for_a_while(played_with, monkeypatch):
    drawn, draw = [], overlay.draw
    monkeypatch.setattr(live, "NAMED_SECONDS", 0.1)
    monkeypatch.setattr(overlay, "draw", lambda image, scores, status, *rest: drawn.append(status) or draw(image, scores, status, *rest))
    played_with({3: "v"}, fps=50, next_variant=lambda: "int8")
    named = [status.startswith("int8  ") for status in drawn]
    assert named[:4] == [False] * 4 and named[4] and not named[-1], "a tenth of a second of twenty pictures in 0.4"


def test_v_tells_where_there_is_no_other_variant_or_it_is_broken(played_with):
    def broken():
        raise CvappError("int8.tflite: altered since it was exported", Exit.BAD_DATA)

    assert played_with({3: "v"})[2] == ["there is no other variant"]
    done, _, told = played_with({3: "v"}, next_variant=broken)
    assert done.frames == 20 and told == ["int8.tflite: altered since it was exported"]


def test_a_asks_for_where_the_model_looks_once_a_press(played_with):
    pressed = []
    done, _, told = played_with({3: "a", 8: "A"}, attention=lambda: pressed.append("a"))
    assert (done.frames, pressed, told) == (20, ["a", "a"], [])


def test_a_tells_once_a_press_where_there_is_no_attention(played_with):
    def none():
        raise CvappError("mine has no attention to show")

    assert played_with({3: "a", 8: "a"}, attention=none)[2] == ["mine has no attention to show"] * 2
    done, _, told = played_with({3: "a"})
    assert done.frames == 20 and told == ["there is no attention to show"]


def test_m_mirrors_what_is_shown_and_recorded_from_then_on(played_with):
    _, window, _ = played_with({3: "m", 8: "m"}, save="out.mp4")
    mirrored = range(4, 9)
    assert window.shown() == numbers("out.mp4")
    turned = [number_of(window.pictures[n][20:60, ::-1] if n in mirrored else window.pictures[n][20:60]) for n in range(20)]
    assert turned == list(range(20)) != window.shown()


def test_h_lists_the_keys_on_the_screen_alone(played_with):
    _, window, _ = played_with({3: "h", 8: "h"}, save="out.mp4")
    pairs = zip(window.pictures, played("out.mp4")[0], strict=True)
    listed = [number for number, (shown, recorded) in enumerate(pairs) if np.abs(shown.astype(int) - recorded).mean() > 10]
    assert listed == [4, 5, 6, 7, 8]
    bare = played_with({3: "h", 4: "s"}, snapshots=Path("kept"))[1]
    answer = images.read(max(Path("kept").iterdir(), key=lambda path: len(path.name)))
    np.testing.assert_array_equal(bare.pictures[4], overlay.listing(answer, list(HELP.items())))


@pytest.mark.parametrize("key", ["q", "Q", QUIT], ids=["q", "Q", "Escape or a closed window"])
@pytest.mark.parametrize("paused", [False, True])
def test_quitting_leaves_the_recording_whole_even_while_the_picture_stands(played_with, key, paused):
    done, window, _ = played_with({3: " ", 6: key} if paused else {3: key}, save="out.mp4")
    assert done.frames == 4 and len(window.pictures) == (7 if paused else 4)
    assert numbers("out.mp4") == [0, 1, 2, 3]
