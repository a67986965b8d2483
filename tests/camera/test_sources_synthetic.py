"""Drawn signs as a camera: by the clock, lost at random, the same for the same seed; and files played as one."""

import itertools
import threading
import time

import numpy as np
import pytest

from cvapp.camera.loop import latest
from cvapp.camera.sources import Settings, open_source
from cvapp.camera.sources.frames import Frame, by_the_clock, now
from cvapp.errors import CvappError, Exit
from cvapp.signs import moving_scene
from tests.camera.test_sources import number_of, painted, write_video

SMALL = "synthetic:signs,size=48x64"


def frames_of(word, settings=Settings()):
    with open_source(word, settings) as source:
        return list(source)


def test_signs_come_by_the_clock():
    start = now()
    frames = frames_of(f"{SMALL},fps=50,frames=51")
    assert now() - start > 1
    assert [frame.index for frame in frames] == list(range(51))
    late = [frame.seconds - frames[0].seconds - frame.index / 50 for frame in frames]
    assert min(late) > -0.001 and np.median(late) < 0.02, "never early"
    assert start < frames[0].seconds and frames[-1].seconds <= now()


def test_the_source_is_live_and_tells_what_it_is():
    with open_source(f"{SMALL},fps=50,frames=9") as source:
        assert (source.live, source.fps, source.count, source.name) == (True, 50, 9, f"{SMALL},fps=50,frames=9")
    with open_source("synthetic:signs") as source:
        assert (source.live, source.fps, source.count) == (True, 30, None)
        assert next(iter(source)).image.shape == (480, 640, 3)


def test_the_pictures_are_those_of_the_moving_scene_of_that_seed():
    frames = frames_of(f"{SMALL},fps=200,seed=5,frames=12")
    scene = [rgb for rgb, _ in itertools.islice(moving_scene(5, (48, 64), fps=200), 12)]
    np.testing.assert_array_equal([frame.image for frame in frames], scene)
    other = frames_of(f"{SMALL},fps=200,seed=6,frames=12")
    assert any((first.image != second.image).any() for first, second in zip(frames, other)), "the control"


def test_frames_are_lost_with_the_chance_that_was_asked_for_and_the_same_ones_each_time():
    """Of 240 frames at 0.25, a share within four standard deviations of 0.028."""
    word = f"{SMALL},fps=240,drop=0.25,seed=3,frames=240"
    with open_source(word) as source:
        indices = [frame.index for frame in source]
        assert source.count == len(indices) < 240
    assert indices == sorted(set(indices)) and max(indices) < 240
    assert 1 - len(indices) / 240 == pytest.approx(0.25, abs=4 * 0.028)
    again = [frame.index for frame in frames_of(word.replace("frames=240", "frames=60"))]
    assert again == [index for index in indices if index < 60]
    assert again != [frame.index for frame in frames_of(word.replace("frames=240", "frames=60").replace("seed=3", "seed=4"))]


def test_nothing_is_lost_unless_asked():
    assert [frame.index for frame in frames_of(f"{SMALL},fps=240,frames=40")] == list(range(40))


def test_what_is_lost_leaves_its_time_empty():
    frames = frames_of(f"{SMALL},fps=50,drop=0.5,frames=30")
    late = [frame.seconds - frames[0].seconds - (frame.index - frames[0].index) / 50 for frame in frames]
    assert min(late) > -0.001 and np.median(late) < 0.02


def test_after_every_sign_another_scene_follows(monkeypatch):
    monkeypatch.setattr("cvapp.signs.moving_scene", lambda seed, size, fps: iter([(np.full((*size, 3), seed, np.uint8), None)] * 2))
    assert [frame.image[0, 0, 0] for frame in frames_of(f"{SMALL},fps=240,seed=7,frames=5")] == [7, 7, 8, 8, 9]


def test_settings_hold_where_the_word_says_nothing():
    with open_source("synthetic:signs,fps=60", Settings(size=(48, 64), fps=20)) as source:
        assert source.fps == 60 and next(iter(source)).image.shape == (48, 64, 3)


@pytest.mark.parametrize(
    "word, text",
    [
        ("synthetic:", "'' is not drawn; give synthetic:signs"),
        ("synthetic:sings", "'sings' is not drawn; give synthetic:signs. Did you mean signs?"),
        ("synthetic:signs,fsp=30", "unknown setting 'fsp': choose from fps, drop, seed, size, frames. Did you mean fps?"),
        ("synthetic:signs,", "unknown setting ''"),
        ("synthetic:signs,fps", "fps is '': give a number"),
        ("synthetic:signs,seed=1.5", "seed is '1.5': give a whole number"),
        ("synthetic:signs,size=480", "size is '480': give height x width, such as 480x640"),
        ("synthetic:signs,size=8x8", "size is 8x8: give height x width, each 16 to 4096 pixels"),
        ("synthetic:signs,fps=0", "fps is 0: give a number from 1 to 240"),
        ("synthetic:signs,fps=nan", "fps is nan: give a number"),
        ("synthetic:signs,drop=1", "drop is 1: give a number from 0 to 0.99"),
        ("synthetic:signs,frames=0", "frames is 0: give a number from 1"),
        ("synthetic:signs,seed=-1", "seed is -1: give a number from 0"),
    ],
)
def test_a_wrong_setting_is_one_line(word, text):
    with pytest.raises(CvappError) as error:
        open_source(word)
    assert text in str(error.value) and error.value.code == Exit.USAGE and "\n" not in str(error.value)


def test_a_backend_means_nothing_to_it():
    with pytest.raises(CvappError, match="^synthetic:signs: backend cannot be chosen for it, only for a camera, a video or an address"):
        open_source("synthetic:signs", Settings("V4L2"))


def test_closing_ends_the_wait_for_the_next_frame():
    source, got = open_source(f"{SMALL},fps=1"), []
    reader = threading.Thread(target=lambda: got.extend(source))
    reader.start()
    while not got:
        time.sleep(0.01)
    start = time.monotonic()
    source.close()
    reader.join(3)
    assert time.monotonic() - start < 0.5 and len(got) == 1


def test_a_slow_consumer_of_a_live_source_skips_and_stays_fresh():
    with open_source(f"{SMALL},fps=100,frames=60") as source:
        reading, ages, indices = latest(source), [], []
        for frame in reading:
            ages.append(now() - frame.seconds)
            indices.append(frame.index)
            time.sleep(0.05)
        reading.close()
    assert len(indices) < 30 and indices[-1] == 59 and np.median(ages) < 0.04


def test_a_file_in_real_time_is_live_and_takes_its_time(tmp_path):
    video = write_video(tmp_path / "clip.avi", 16, 25)
    start = now()
    with open_source(video, Settings(realtime=True)) as source:
        assert (source.live, source.fps, source.count) == (True, 25, 16)
        frames = list(source)
    assert [number_of(frame.image) for frame in frames] == [frame.index for frame in frames] == list(range(16))
    assert [frame.seconds - frames[0].seconds for frame in frames] == pytest.approx([n / 25 for n in range(16)], abs=0.03)
    assert start < frames[0].seconds and now() - start > 0.6
    start = time.monotonic()
    assert len(frames_of(video)) == 16 and time.monotonic() - start < 0.5, "the control: without it, as fast as it is read"


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="Linux alone has a clock that stands still while the machine sleeps")
def test_the_clock_of_frames_goes_on_while_the_machine_sleeps():
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= now() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_a_frame_that_is_late_is_given_at_once_and_those_after_it_keep_their_time():
    rests = []
    items = (Frame(painted(0), seconds, index) for index, seconds in enumerate((5.0, 5.1, 5.2)))
    timed = by_the_clock(items, lambda seconds: rests.append(seconds) or time.sleep(max(0, seconds)))
    first = next(timed)
    time.sleep(0.15)
    second = next(timed)
    assert now() - second.seconds >= 0.05 and second.seconds - first.seconds == pytest.approx(0.1), "it is as old as it is late"
    assert [frame.index for frame in (second, *timed)] == [1, 2]
    assert rests[0] == 0 and rests[1] < 0 < rests[2] <= 0.05
