"""The live run: every frame answered and counted, drawn and recorded, and a tidy end however it comes."""

import csv
import itertools
import json
import math
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from cvapp.camera import live, stage
from cvapp.camera.kinds import named
from cvapp.camera.live import Options, Stopped, Summary, run
from cvapp.camera.sources import Frame, Source
from cvapp.camera.sources.frames import now
from cvapp.camera.sources.reconnecting import Line, Reconnecting
from cvapp.errors import CvappError, Exit
from cvapp.progress import Terminal
from tests.camera.test_recorder import played
from tests.camera.test_sources import number_of, painted, write_video

SIZE = (120, 160)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    """After every test here, whatever it did, the threads are those of before."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


@pytest.fixture
def video(workspace):
    return str(write_video(workspace / "scene.mp4", 20, 25, SIZE))


def classify(rgb):
    """Names the number that the picture bears: every third one is a fizz."""
    labels = ["fizz", "plain"] if number_of(rgb) % 3 == 0 else ["plain", "fizz"]
    return list(zip(labels, (0.8, 0.2)))


def numbers(path):
    """The numbers that the upper part of a recorded video's frames bear; the panel lies below."""
    return [number_of(frame[20:60]) for frame in played(path)[0]]


def camera(count=None, pause=0.002, error=None):
    """A live source of numbered frames, endless or with an error at its end."""

    def frames():
        for index in itertools.count() if count is None else range(count):
            time.sleep(pause)
            yield Frame(painted(index % 256, *SIZE), now(), index)
        if error is not None:
            raise error

    return Source("0", frames(), True, 30, None)


def test_every_frame_of_a_video_is_answered_counted_and_reported(video):
    seen, reports = [], []
    done = run(video, classify, each=seen.append, report=lambda *state: reports.append(state))
    assert [(answered.frame.index, number_of(answered.frame.image)) for answered in seen] == [(n, n) for n in range(20)]
    assert [answered.answer[0][0] for answered in seen] == ["fizz" if n % 3 == 0 else "plain" for n in range(20)]
    assert reports == [("frames", n + 1, 20) for n in range(20)]
    assert (done.frames, done.labels, done.saved) == (20, {"plain": 13, "fizz": 7}, None) and list(done.labels)[0] == "plain"


def test_the_summary_holds_the_median_time_of_an_answer(video):
    pauses = iter([0.2] + [0.01] * 19)
    done = run(video, lambda rgb: time.sleep(next(pauses)) or [("a", 1.0)])
    assert 10 <= done.answer_milliseconds < 60 and done.seconds > 0.38
    assert done.frames_per_second == pytest.approx(20 / done.seconds, rel=0.1)


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_what_is_saved_holds_every_frame_with_the_answer_drawn(video, workspace, suffix):
    done = run(video, classify, Options(save=workspace / f"out{suffix}"))
    assert (done.frames, done.saved) == (20, str(workspace / f"out{suffix}"))
    frames, fps = played(workspace / f"out{suffix}")
    assert numbers(workspace / f"out{suffix}") == list(range(20)) and fps == 25
    green = [((frame.astype(int) - (64, 196, 140)) ** 2).sum(2) < 2000 for frame in frames]
    assert min(mask[80:].sum() for mask in green) > 50, "the best answer's bar"
    assert max(mask[:40].sum() for mask in green) == 0


@pytest.mark.parametrize("limit, total", [(7, 7), (20, 20), (50, 20)])
def test_a_limit_ends_it_early_and_is_told(video, limit, total):
    reports = []
    done = run(video, classify, Options(frames=limit, save="out.mp4"), report=lambda *state: reports.append(state))
    assert done.frames == total and numbers("out.mp4") == list(range(total))
    assert reports[-1] == ("frames", total, total)


def test_an_endless_camera_ends_at_the_limit_and_skips_for_a_slow_model(monkeypatch):
    monkeypatch.setattr(live, "open_source", lambda *_: camera())
    seen = []
    done = run(0, lambda rgb: time.sleep(0.02) or [("a", 1.0)], Options(frames=8), each=lambda answered: seen.append(answered.frame.index))
    assert done.frames == 8 and seen == sorted(set(seen)) and seen[-1] > 20


def test_a_mirror_turns_the_picture_for_the_person_not_for_the_model(video):
    sides = []

    def first_and_last(rgb):
        sides.append((rgb[:, 5].mean() > 127, rgb[:, -5].mean() > 127))
        return [("a", 1.0)]

    run(video, first_and_last, Options(save="out.mp4", mirror=True))
    assert sides == [(False, bool(n & 1)) for n in range(20)], "the lowest bit is at the right"
    mirrored = [number_of(frame[20:60, ::-1]) for frame in played("out.mp4")[0]]
    assert mirrored == list(range(20)) != numbers("out.mp4")


def test_the_part_that_the_model_sees_is_asked_for_and_marked(video):
    asked = []

    def seen(shape):
        asked.append(shape)
        return 0, 20, 120, 120

    run(video, classify, Options(save="marked.mp4", seen=seen))
    run(video, classify, Options(save="plain.mp4"))
    assert asked == [(*SIZE, 3)] * 20
    marked, plain = (np.stack(played(name)[0]).astype(int)[:, :, :60] for name in ("marked.mp4", "plain.mp4"))
    assert np.abs(marked - plain)[:, :4, 18:26].max() > 60 and np.abs(marked - plain)[:, 20:60].mean() < 5


def interrupt(answered):
    if answered.frame.index == 6:
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_ends_it_with_a_summary_and_a_playable_file(video):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell hands it down ignored
    reports = []
    done = run(video, classify, Options(save="out.mp4"), each=interrupt, report=lambda *state: reports.append(state))
    signal.signal(signal.SIGINT, before)
    assert done.frames == 7 and sum(done.labels.values()) == 7 and reports[-1] == ("stopped",)
    assert numbers("out.mp4") == list(range(7)), "the frame that was begun is finished"


def test_a_second_ctrl_c_does_not_wait_for_who_takes_too_long_over_a_frame(video):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    done = run(video, classify, Options(save="out.mp4"), each=lambda answered: [interrupt(answered) for _ in range(2)])
    signal.signal(signal.SIGINT, before)
    assert done.frames == 7 and numbers("out.mp4") == list(range(6)), "the seventh was not drawn yet"


def test_sigterm_ends_it_as_ctrl_c_does_and_its_handler_is_put_back(video):
    seen = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    done = run(video, classify, Options(save="out.mp4"), each=lambda one: one.frame.index == 6 and signal.raise_signal(signal.SIGTERM))
    signal.raise_signal(signal.SIGTERM)
    assert signal.signal(signal.SIGTERM, before) and seen == [signal.SIGTERM]
    assert done.frames == 7 and numbers("out.mp4") == list(range(7))


def test_an_error_of_the_classifier_surfaces_and_what_was_recorded_stays(video):
    def broken(rgb):
        if number_of(rgb) == 9:
            raise ValueError("cannot answer")
        return [("a", 1.0)]

    with pytest.raises(ValueError, match="cannot answer"):
        run(video, broken, Options(save="out.mp4"))
    assert numbers("out.mp4") == list(range(9))


@pytest.mark.parametrize("save", [None, "out.mp4"])
def test_an_unplugged_camera_is_told_and_what_was_recorded_stays(workspace, monkeypatch, save):
    lost = CvappError("camera 0 stopped after 5 frames; was it unplugged?", Exit.NO_DEVICE)
    monkeypatch.setattr(live, "open_source", lambda *_: camera(5, 0.03, lost))
    with pytest.raises(Stopped) as error:
        run(0, classify, Options(save=save))
    done = error.value.summary
    assert (str(error.value), error.value.code, error.value.__cause__) == (str(lost), Exit.NO_DEVICE, lost)
    assert (done.frames, sum(done.labels.values()), done.saved, done.replaced) == (5, 5, save, False)
    assert save is None or sorted(set(numbers(save))) == list(range(5))


def test_a_model_that_fails_at_once_leaves_the_old_recording(video, workspace):
    (workspace / "out.mp4").write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        run(video, lambda rgb: 1 / 0, Options(save="out.mp4"))
    assert (workspace / "out.mp4").read_bytes() == b"old"
    assert sorted(path.name for path in workspace.iterdir()) == ["out.mp4", "scene.mp4"]


@pytest.mark.parametrize(
    "source, options, code, text",
    [
        ("none.mp4", Options(), Exit.BAD_DATA, "no source 'none.mp4'"),
        ("40", Options(), Exit.NO_DEVICE, "no picture from camera 40"),
        ("scene.mp4", Options(save="out.webm"), Exit.USAGE, "cannot write .webm"),
        ("scene.mp4", Options(save="scene.mp4/out.mp4"), Exit.CANNOT_WRITE, "cannot write"),
        ("scene.mp4", Options(show=True), Exit.NO_DEVICE, "no display to open a window on"),
    ],
)
def test_what_cannot_work_is_told_before_the_model_is_asked(video, monkeypatch, source, options, code, text):
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(CvappError, match=text) as error:
        run(source, lambda rgb: pytest.fail("asked"), options)
    assert error.value.code == code


class FakeWindow:
    """A window whose person presses q at the third picture."""

    def __init__(self, title):
        self.title, self.pictures, self.seconds, self.closed = title, [], [], False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True

    def show(self, rgb, seconds=0.0):
        self.pictures.append(rgb)
        self.seconds.append(seconds)
        return -1 if len(self.pictures) < 3 else ord("q")


@pytest.mark.parametrize("live_source", [False, True])
def test_the_person_quits_by_the_window(video, monkeypatch, live_source):
    window = FakeWindow("")
    monkeypatch.setattr(stage, "Window", lambda title: window)
    if live_source:
        monkeypatch.setattr(live, "open_source", lambda *_: camera())
    done = run(video, classify, Options(show=True))
    assert done.frames == len(window.pictures) == 3 and window.closed
    assert window.pictures[0].shape == (*SIZE, 3)
    if live_source:
        assert window.seconds == [0, 0, 0], "a camera sets its own pace"


def test_a_file_is_shown_at_its_own_pace(workspace, monkeypatch):
    """A frame of second 4 is shown until then, less what was spent already."""
    video, window = str(write_video(workspace / "slow.mp4", 3, 1, SIZE)), FakeWindow("")
    monkeypatch.setattr(stage, "Window", lambda title: window)
    run(video, classify, Options(show=True))
    assert window.seconds == pytest.approx([0, 1, 2], abs=0.5)


def test_a_camera_that_hangs_holds_the_end_for_two_seconds_at_most(monkeypatch):
    device = threading.Event()

    def frames():
        yield Frame(painted(0, *SIZE), 0.0, 0)
        device.wait(20)

    before = set(threading.enumerate())
    monkeypatch.setattr(live, "open_source", lambda *_: Source("0", frames(), True, 30, None))
    start = time.perf_counter()
    assert run(0, classify, Options(frames=1)).frames == 1
    seconds = time.perf_counter() - start
    device.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(2)
    assert seconds < 3


class Silent:
    """A stream that falls silent after three frames, until it is let go."""

    fps, count = 25.0, None

    def __init__(self):
        self.left, self.let_go = 3, threading.Event()

    def read(self):
        self.left -= 1
        if self.left < 0:
            self.let_go.wait(20)
        return painted(self.left % 256, *SIZE)

    def release(self):
        pass


def test_sigterm_during_a_stall_ends_it_within_a_second(monkeypatch, workspace):
    device = Silent()
    line = Reconnecting(Line("stream", lambda: device, 5, 5))
    fps, _ = line.open()
    monkeypatch.setattr(live, "open_source", lambda *_: Source("stream", line.frames(), True, fps, None, line.close))
    sent = []

    def stop():
        while device.left >= 0 or sent.append(time.perf_counter()):
            time.sleep(0.01)
        time.sleep(0.1)
        signal.raise_signal(signal.SIGTERM)

    stopper = threading.Thread(target=stop)
    stopper.start()
    done = run(0, classify, Options(save="out.mp4"))
    seconds = time.perf_counter() - sent[0]
    device.let_go.set()
    stopper.join()
    line._connection._thread.join(2)
    assert seconds < 1.1 and done.frames >= 1 and done.saved == "out.mp4"


def test_a_live_recording_lasts_as_long_as_life_did_and_the_log_has_each_answer_once(workspace, monkeypatch):
    """Frames stated to be 30 a second that come at 0, 0.11, 0.21, 0.81 s: 25 frames of video."""

    def frames():
        start = now()
        for index, seconds in enumerate((0.0, 0.11, 0.21, 0.81)):
            yield Frame(painted(index, *SIZE), start + seconds, index)
            time.sleep(0.05)

    monkeypatch.setattr(live, "open_source", lambda *_: Source("0", frames(), True, 30, None))
    done = run(0, classify, Options(save="out.mp4", log=workspace / "log.jsonl"))
    assert done.frames == len(lines_of(workspace / "log.jsonl")) == 4
    assert numbers("out.mp4") == [0] * 3 + [1] * 3 + [2] * 18 + [3]


def test_a_source_without_an_end_is_reported_in_a_line_or_two_not_in_one_a_frame(monkeypatch, capfd):
    monkeypatch.setattr(live, "open_source", lambda *_: camera(40, 0.001))
    assert run(0, classify, report=Terminal()).frames > 10
    assert len(capfd.readouterr().err.splitlines()) <= 3


def test_a_source_that_ends_before_its_first_frame_did_nothing(monkeypatch):
    monkeypatch.setattr(live, "open_source", lambda *_: camera(0))
    assert run(0, classify) == Summary(0, pytest.approx(0, abs=1), 0.0, 0.0, (0.0, 0.0), 0, {}, None, False)


KEYS = ["frame", "seconds", "answer", "label", "probability", "milliseconds", "age_milliseconds", "dropped", "frames_per_second"]


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_frame_of_a_file_has_its_line_and_none_is_dropped(video, workspace):
    done = run(video, classify, Options(log=workspace / "log.jsonl", kind=named(lambda scores: "unknown")), each=lambda answered: time.sleep(0.01))
    lines = lines_of(workspace / "log.jsonl")
    assert [list(line) for line in lines] == [KEYS] * 20
    assert [(line["frame"], line["seconds"], line["label"]) for line in lines] == [
        (n, pytest.approx(n / 25), "plain" if n % 3 else "fizz") for n in range(20)
    ]
    assert {(line["answer"], line["probability"], line["dropped"]) for line in lines} == {("unknown", 0.8, 0)}
    assert done.dropped == 0 and done.labels == {"unknown": 20}
    assert done.age_milliseconds[1] == pytest.approx(max(line["age_milliseconds"] for line in lines), abs=0.1)


def test_the_same_as_a_table(video, workspace):
    run(video, classify, Options(log=workspace / "log.csv", frames=5))
    with (workspace / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == KEYS and [int(row["frame"]) for row in rows] == list(range(5))


SPENT = 0.2
BOUND = 1e3 * (2 / 30 + SPENT)


def paced(is_live=True):
    """A source of 30 frames/s by the clock, and the number of the newest frame that came of it."""
    newest = [-1]

    def frames():
        start = time.monotonic()
        for index in itertools.count():
            time.sleep(max(0.0, start + index / 30 - time.monotonic()))
            newest[0] = index
            yield Frame(painted(index % 256, *SIZE), now(), index)

    return Source("0", frames(), is_live, 30, None), newest


@pytest.mark.parametrize("slow", ["consumer", "model"])
def test_no_frame_is_older_than_two_frames_and_the_time_of_the_slow(workspace, monkeypatch, slow):
    source, newest = paced()
    monkeypatch.setattr(live, "open_source", lambda *_: source)
    behind, seen = [], []

    def each(answered):
        behind.append(newest[0] - answered.frame.index)
        seen.append(answered.frame.index)
        time.sleep(SPENT if slow == "consumer" else 0)

    def answer(rgb):
        time.sleep(SPENT if slow == "model" else 0)
        return [("a", 1.0)]

    done = run(0, answer, Options(log=workspace / "log.jsonl", frames=8), each)
    lines = lines_of(workspace / "log.jsonl")
    assert [line["frame"] for line in lines] == seen
    assert max(line["age_milliseconds"] for line in lines) <= done.age_milliseconds[1] + 0.1 < BOUND
    assert max(behind) <= 8, "frames of two tenths of a second and two more: nothing queues"
    gaps = [later - earlier - 1 for earlier, later in zip([-1, *seen], seen)]
    assert [line["dropped"] for line in lines] == list(itertools.accumulate(gaps)) and done.dropped == sum(gaps) > 20


def test_the_control_were_it_no_live_source_frames_would_queue_and_age(monkeypatch):
    source, _ = paced(is_live=False)
    monkeypatch.setattr(live, "open_source", lambda *_: source)
    done = run(0, classify, Options(frames=8), lambda answered: time.sleep(SPENT))
    assert done.dropped == 0 and done.age_milliseconds[1] > BOUND


def clocked(count=20):
    """A live source of numbered frames from 1 on, 30 a second by their times."""
    start = now()
    frames = (time.sleep(0.01) or Frame(painted(n + 1, *SIZE), start + n / 30, n) for n in range(count))
    return Source("0", frames, True, 30, None)


@pytest.mark.parametrize("smooth, labels", [(None, {"plain"}), (0.3, {"plain"}), (0.0, {"plain", "fizz"})])
def test_answers_of_a_live_source_are_smoothed_over_a_third_of_a_second_unless_told(workspace, monkeypatch, smooth, labels):
    monkeypatch.setattr(live, "open_source", lambda *_: clocked())
    assert set(run(0, classify, Options(smooth=smooth, log=workspace / "log.jsonl")).labels) == labels
    smoothed, before = None, None
    for line in lines_of(workspace / "log.jsonl"):
        fizz = 0.2 if (line["frame"] + 1) % 3 else 0.8
        constant = 0.3 if smooth is None else smooth
        old = 0.0 if smoothed is None or constant == 0 else math.exp((before - line["seconds"]) / constant)
        smoothed, before = fizz + old * ((smoothed or 0.0) - fizz), line["seconds"]
        assert line["probability"] == pytest.approx(max(smoothed, 1 - smoothed), abs=1e-3)


def test_answers_of_a_file_are_smoothed_where_that_is_asked_for(video):
    assert run(video, classify).labels == {"plain": 13, "fizz": 7}
    assert run(video, classify, Options(smooth=10.0)).labels == {"fizz": 20}, "the first is one, and hardly any time has passed since"


@pytest.mark.parametrize("smooth", [-0.1, float("nan"), float("inf")])
def test_a_time_that_is_none_cannot_be_smoothed_over(smooth):
    with pytest.raises(CvappError, match=f"^smooth is {smooth:g}: give seconds, 0 or more$"):
        Options(smooth=smooth)


def test_the_title_of_the_window_shows_no_password(monkeypatch):
    titles = []
    monkeypatch.setattr(stage, "Window", lambda title: titles.append(title) or FakeWindow(title))
    monkeypatch.setattr(live, "open_source", lambda *_: camera())
    run("rtsp://me:secret@gate/live", classify, Options(show=True))
    assert titles == ["cvapp 0"], "the source's own name"


@pytest.mark.shared
def test_a_real_video_is_answered_drawn_and_saved_whole(shared_data, workspace):
    sizes = Counter()

    def brightness(rgb):
        sizes[rgb.shape] += 1
        value = float(cv2.resize(rgb, (8, 8), interpolation=cv2.INTER_AREA).mean()) / 255
        return sorted([("light", value), ("dark", 1 - value)], key=lambda pair: -pair[1])

    done = run(str(shared_data / "video/clip_vp8.mkv"), brightness, Options(save="out.mkv"))
    assert done.frames == sum(done.labels.values()) == len(played("out.mkv")[0]) == 180
    assert sizes == {(320, 640, 3): 180}


def test_slow_steps_skip_frames_and_queue_none(monkeypatch):
    """Steps of 0.1 s on a camera of 50 frames a second: the frames are read all the same, and the newest is taken."""
    monkeypatch.setattr(live, "open_source", lambda *_: camera(count=60, pause=0.02))
    ages = []
    done = run(0, classify, Options(steps=lambda rgb: time.sleep(0.1) or rgb), each=lambda one: ages.append(now() - one.captured))
    assert 5 <= done.frames <= 20 and done.dropped >= 40 - done.frames
    assert max(ages) < 0.1 + 0.1 + 3 * 0.02, "the steps' own time, what waits for them, and three frames"


def test_a_recording_never_takes_the_place_of_its_source(video):
    before = Path(video).read_bytes()
    with pytest.raises(CvappError, match=r"scene\.mp4: would take the place of .*scene\.mp4, which is read; choose another name") as error:
        run(video, classify, Options(save=video))
    assert error.value.code == Exit.USAGE and Path(video).read_bytes() == before
