"""A recording whose process is killed: all but its end is there, and the next recording to that folder makes a video of it."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

from cvapp.camera import finishing, pieces
from cvapp.camera.finishing import CODECS, WORK, count_frames
from cvapp.camera.recorder import record
from cvapp.errors import CvappError, Exit
from tests.camera.test_recorder import played
from tests.camera.test_sources import number_of, painted
from tests.tiny_tflite import save_model

RECORDING = """
import contextlib, sys, time
from pathlib import Path
from cvapp.camera.finishing import CODECS
from cvapp.camera.recorder import record
from tests.camera.test_sources import painted
with contextlib.ExitStack() as stack:
    recorders = [stack.enter_context(record("scene" + suffix, 30)) for suffix in CODECS]
    start, number = time.monotonic(), 0
    while True:
        for recorder in recorders:
            recorder.write(painted(number))
        number += 1
        print(number, flush=True)
        time.sleep(max(0, start + number / 30 - time.monotonic()))
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder in which a process recorded a video in each format for two seconds and more, until kill -9: the folder, the frames written."""
    folder = tmp_path_factory.mktemp("killed")
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    with subprocess.Popen([sys.executable, "-c", RECORDING], cwd=folder, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        written = next(int(line) for line in process.stdout if int(line) == 77)
        process.kill()
        written = int(([written] + process.stdout.read().split())[-1])
    assert process.returncode == -signal.SIGKILL
    assert not [path for path in folder.iterdir() if path.name[0] != "."], "a name is taken when the video is whole"
    lines: list[str] = []
    with record(folder / "scene.mp4", 30, lambda text, *_: lines.append(text)) as new:
        new.write(painted(200))
    return folder, written, lines


@pytest.mark.parametrize("suffix", CODECS)
def test_all_but_the_last_second_of_a_killed_recording_plays_after_the_next_start(killed, suffix):
    folder, written, lines = killed
    frames, fps = played(folder / f"scene-recovered{suffix}")
    assert [number_of(frame) for frame in frames] == list(range(len(frames))) and fps == pytest.approx(30)
    assert written >= len(frames) == count_frames(folder / f"scene-recovered{suffix}") >= written - 31 >= 46
    assert f"{folder / f'scene-recovered{suffix}'}: the first {len(frames)} frames of scene{suffix}, whose recording was cut off" in lines


def test_nothing_else_is_left_of_it(killed):
    folder, _, lines = killed
    assert sorted(path.name for path in folder.iterdir()) == sorted(["scene.mp4", *(f"scene-recovered{suffix}" for suffix in CODECS)])
    assert len(lines) == len(CODECS) and [number_of(frame) for frame in played(folder / "scene.mp4")[0]] == [200]


def cut_off(folder, name="a.mp4", frames=50):
    """What a killed process leaves of a recording at 10 frames a second: its file, and a piece that was not closed."""
    folder.mkdir(exist_ok=True)
    with contextlib.suppress(CvappError), record(folder / "whole.mp4", 10) as made:
        for number in range(frames):
            made.write(painted(number))
    work = folder / f".{name}.1-0{WORK}"
    (folder / "whole.mp4").rename(work)
    (folder / f"{work.name}.6.mp4").write_bytes(b"cut")
    return work


def recovered(folder, name="new.mp4"):
    lines: list[str] = []
    with record(folder / name, 10, lambda text, *_: lines.append(text)) as new:
        new.write(painted(1))
    return lines


@pytest.mark.parametrize("end", range(1, 60, 7))
def test_wherever_the_file_was_cut_its_whole_pieces_play(tmp_path, end):
    work = cut_off(tmp_path)
    data = work.read_bytes()
    places = [box.end for box in pieces._boxes(data) if box.kind == b"free"]
    assert len(places) == 5, "five seconds"
    cut = len(data) * end // 60
    work.write_bytes(data[:cut])
    os.utime(work, (0, 0))
    lines, whole = recovered(tmp_path), sum(place <= cut for place in places)
    assert len(lines) == min(whole, 1)
    if whole:
        assert [number_of(frame) for frame in played(tmp_path / "a-recovered.mp4")[0]] == list(range(10 * whole))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-recovered.mp4"] * min(whole, 1) + ["new.mp4"]


def test_what_a_power_cut_leaves_of_the_last_piece_is_cut_off(tmp_path):
    work = cut_off(tmp_path)
    data = work.read_bytes()
    end = [box.end for box in pieces._boxes(data) if box.kind == b"free"][3]
    work.write_bytes(data[:end] + bytes(4000))
    assert len(recovered(tmp_path)) == 1 and len(played(tmp_path / "a-recovered.mp4")[0]) == 40


def test_names_are_never_taken_from_another_video(tmp_path):
    for _ in range(3):
        cut_off(tmp_path, "a.mkv")
        assert len(recovered(tmp_path, "a.mkv")) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-recovered-2.mkv", "a-recovered-3.mkv", "a-recovered.mkv", "a.mkv"]


def test_the_name_of_a_recording_that_begins_is_not_taken(tmp_path):
    cut_off(tmp_path)
    assert len(recovered(tmp_path, "a-recovered.mp4")) == 1
    assert len(played(tmp_path / "a-recovered-2.mp4")[0]) == 50 and len(played(tmp_path / "a-recovered.mp4")[0]) == 1


@pytest.mark.parametrize("name", [".session.recording", ".a.mp4.recording", ".a.txt.1-0.recording", ".1-0.recording"])
def test_hidden_files_of_other_programs_are_left_alone(tmp_path, name):
    work = cut_off(tmp_path).rename(tmp_path / name)
    os.utime(work, (0, 0))
    assert recovered(tmp_path) == [] and work.exists()


def test_a_recording_waits_for_a_process_that_looks_at_its_file(tmp_path):
    with contextlib.ExitStack() as stack:
        honest, taken = pieces.lock, []

        def busy(file):
            taken.append(file)
            return len(taken) > 2 and honest(file)

        stack.enter_context(pytest.MonkeyPatch.context()).setattr(pieces, "lock", busy)
        made = pieces.Pieces(tmp_path / "a")
    with open(tmp_path / "a", "r+b") as other:
        assert not pieces.lock(other), "it is locked at last"
    made.close()


def test_a_recording_that_goes_on_is_left_alone(tmp_path):
    with record(tmp_path / "a.mp4", 10) as first:
        for number in range(25):
            first.write(painted(number))
        assert recovered(tmp_path) == [] and recovered(tmp_path, "a.mp4") == []
        first.write(painted(25))
    assert [number_of(frame) for frame in played(tmp_path / "a.mp4")[0]] == list(range(26))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "new.mp4"]


def test_where_there_is_no_room_to_rewrap_it_the_recording_is_kept_for_the_next_start(tmp_path, monkeypatch):
    honest = finishing._rewrap
    monkeypatch.setattr(finishing, "_rewrap", lambda source, target: target.write_bytes(b"half"))
    (tmp_path / "a.mkv").write_bytes(b"old")
    with pytest.raises(CvappError, match=r"a\.mkv: no room to finish it; free some space, and the next recording to .* finishes it$") as error:
        with record(tmp_path / "a.mkv", 10) as made:
            for number in range(25):
                made.write(painted(number))
    assert error.value.code == Exit.CANNOT_WRITE and (tmp_path / "a.mkv").read_bytes() == b"old"
    assert "no room to finish it" in recovered(tmp_path)[0]
    monkeypatch.setattr(finishing, "_rewrap", honest)
    assert len(recovered(tmp_path)) == 1 and len(played(tmp_path / "a-recovered.mkv")[0]) == 25


@pytest.mark.parametrize("suffix", CODECS)
def test_a_video_of_many_pieces_is_one_that_can_be_sought_in(tmp_path, suffix):
    """The first frame of a piece, one within, the last; an index that was wrong would lead elsewhere."""
    with record(tmp_path / f"a{suffix}", 29.97) as made:
        for number in range(200):
            made.write(painted(number))
    capture = cv2.VideoCapture(str(tmp_path / f"a{suffix}"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 200 and capture.get(cv2.CAP_PROP_FPS) == pytest.approx(29.97, abs=0.01)
    for number in (0, 199, 30, 29, 95, 180, 7):
        capture.set(cv2.CAP_PROP_POS_FRAMES, number)
        assert number_of(capture.read()[1][..., ::-1]) == number
    assert capture.get(cv2.CAP_PROP_POS_MSEC) == pytest.approx(1000 * 7 / 29.97, abs=40)


def test_the_control_a_writer_of_opencv_alone_would_leave_nothing_that_plays(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "a.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 30, (64, 32))
    for number in range(77):
        writer.write(painted(number))
    (tmp_path / "b.mp4").write_bytes((tmp_path / "a.mp4").read_bytes())
    writer.release()
    assert (len(played(tmp_path / "a.mp4")[0]), played(tmp_path / "b.mp4")[0]) == (77, [])


@pytest.mark.slow
def test_sixty_seconds_killed_at_ten_random_moments(tmp_path, monkeypatch):
    """`cvapp camera` at 640x480 and 30 frames/s; what the log says was answered when it was killed, less two seconds, plays."""
    monkeypatch.chdir(tmp_path)
    save_model(tmp_path / "saved_models/tiny")
    words = [sys.executable, "-m", "cvapp", "camera", "tiny", "--source", "synthetic:signs,fps=30", "--no-show"]
    rng, found = random.Random(time.time()), []
    for turn, moment in enumerate(sorted(rng.uniform(2, 60) for _ in range(10))):
        suffix = list(CODECS)[turn % len(CODECS)]
        save = f"{turn}{suffix}"
        process = subprocess.Popen([*words, "--save", save, "--log", "log.jsonl"], stderr=subprocess.DEVNULL)
        while not Path(save).exists() and not list(tmp_path.glob(f".{save}.*")):
            time.sleep(0.01)
        time.sleep(moment)
        process.kill()
        process.wait()
        lived = json.loads(Path("log.jsonl").read_text().split("\n")[-2])["seconds"]
        done = subprocess.run([*words, "--save", save, "--frames", "3"], capture_output=True, text=True, check=True)
        frames = len(played(f"{turn}-recovered{suffix}")[0])
        found.append((suffix, round(lived, 2), round(frames / 30, 2)))
        print(found[-1], flush=True)
        assert f"{turn}-recovered{suffix}: the first {frames} frames of {save}, whose recording was cut off" in done.stderr
        assert count_frames(f"{turn}-recovered{suffix}") == frames and lived - 2 <= frames / 30 <= lived + 0.5
    assert max(lived - kept for _, lived, kept in found) < 2
