"""A live run over videos of a varying rate: log, recording, smoothing and the clock go by the times of the video."""

import dataclasses
import json
from pathlib import Path

import pytest

from cvapp.camera.kinds import named
from cvapp.camera.live import Options, run
from cvapp.camera.sources import Settings
from tests.camera.test_recorder import played
from tests.camera.test_sources import number_of, write_video
from tests.camera.test_sources_videos import TIMES, VARYING, VIDEOS, animation

VARIED = [name for name in TIMES if TIMES[name] is VARYING]


BARE = dataclasses.replace(named(), draw=lambda picture, *_: picture)  # the panel would cover so small a picture


def classify(rgb):
    """The first six numbers are low."""
    return [("low", 0.9), ("high", 0.1)] if number_of(rgb) < 6 else [("high", 0.9), ("low", 0.1)]


def lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


@pytest.mark.parametrize("name", VARIED)
def test_the_log_has_the_times_of_the_video(workspace, name):
    run(str(VIDEOS / name), classify, Options(log="log.jsonl"))
    assert [line["seconds"] for line in lines("log.jsonl")] == pytest.approx(VARYING, abs=0.002)


def shown(path):
    """The numbers of a recording's frames, and when each began to be seen."""
    frames, fps = played(path)
    numbers = [number_of(frame) for frame in frames]
    return numbers, {number: numbers.index(number) / fps for number in numbers}, fps


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
@pytest.mark.parametrize("name", ["phone.mp4", "browser.webm", "a.gif"])
def test_a_recording_keeps_every_frame_near_its_time_and_says_what_that_took(workspace, name, suffix):
    told = []
    path = animation(workspace / name) if name == "a.gif" else VIDEOS / name
    done = run(str(path), classify, Options(save=f"out{suffix}", kind=BARE), report=lambda *said: told.append(said))
    numbers, begins, fps = shown(f"out{suffix}")
    assert done.frames == 12 and numbers == sorted(numbers) and list(begins) == list(range(12))
    assert list(begins.values()) == pytest.approx(VARYING, abs=1 / fps + 0.011)
    (line,) = [said[0] for said in told if said[0] != "frames"]
    assert line == (
        f"out{suffix}: the frames of the source do not come at a constant rate; to keep their times at {fps:.5g} frames/s, "
        f"{len(numbers) - 12} were repeated and 0 left out"
    )


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
@pytest.mark.parametrize("fps", [7.3, 0.5, 30000 / 1001, 120.083, 1000 / 3])
def test_the_control_a_recording_of_a_steady_video_has_each_frame_once_and_says_nothing(workspace, fps, suffix):
    told = []
    write_video(workspace / "in.avi", 60, fps)
    run("in.avi", classify, Options(save=f"out{suffix}", kind=BARE), report=lambda *said: told.append(said))
    numbers, _, found = shown(f"out{suffix}")
    assert numbers == list(range(60)) and found == pytest.approx(fps, rel=1e-4)
    assert {said[0] for said in told} == {"frames"}


def test_in_real_time_a_recording_lasts_as_long_as_the_video_did(workspace):
    told = []
    options = Options(save="out.mp4", kind=BARE, settings=Settings(realtime=True))
    run(str(VIDEOS / "screen.mkv"), classify, options, report=lambda *said: told.append(said))
    numbers, begins, fps = shown("out.mp4")
    assert fps == pytest.approx(30.303, abs=0.01) and 2.7 < len(numbers) / fps < 3.0
    assert begins[8] == pytest.approx(2.7, abs=0.1)
    assert not [said for said in told if said[0] != "frames"], "a live source is told of in the guide"


def test_answers_are_smoothed_over_the_time_of_the_video(workspace):
    """The seventh frame, the first of the high ones, comes 33 ms after a low one: it does not yet turn an answer of half a second's mean;
    the ninth comes two seconds later and does."""
    run(str(VIDEOS / "phone.mp4"), classify, Options(log="log.jsonl", smooth=0.5))
    said = [line["answer"].split()[0] for line in lines("log.jsonl")]
    assert said[:8] == ["low"] * 8 and said[8:] == ["high"] * 4


@pytest.mark.parametrize("name, count", [("broadcast.mpg", 1), ("browser.webm", 85), ("phone.mp4", 12)])
def test_progress_never_goes_beyond_a_count_that_was_guessed(workspace, name, count):
    told = []
    done = run(str(VIDEOS / name), classify, report=lambda *said: told.append(said))
    shown = min(12, count)
    assert done.frames == 12 and told[:shown] == [("frames", number + 1, count) for number in range(shown)]
    assert told[shown:] == [("frames", 12, 12)] * (count > 12), "the bar is full at the end"
