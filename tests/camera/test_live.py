"""The live run: every frame answered and counted, drawn and recorded, and a tidy end however it comes."""

import itertools
import signal
import threading
import time
from collections import Counter

import cv2
import numpy as np
import pytest

from cvapp.camera import live
from cvapp.camera.live import Options, Summary, run
from cvapp.camera.sources import Frame, Source
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
            yield Frame(painted(index % 256, *SIZE), time.monotonic(), index)
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
    monkeypatch.setattr(live, "open_source", lambda _: camera())
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
    assert numbers("out.mp4") == list(range(6)), "the seventh was not drawn yet"


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
    monkeypatch.setattr(live, "open_source", lambda _: camera(5, 0.03, lost))
    with pytest.raises(CvappError) as error:
        run(0, classify, Options(save=save))
    assert error.value is lost
    assert save is None or numbers(save) == list(range(5))


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
        ("scene.mp4", Options(save="out.webm"), Exit.USAGE, "cannot record .webm"),
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
        return len(self.pictures) < 3


@pytest.mark.parametrize("live_source", [False, True])
def test_the_person_quits_by_the_window(video, monkeypatch, live_source):
    window = FakeWindow("")
    monkeypatch.setattr(live, "Window", lambda title: window)
    if live_source:
        monkeypatch.setattr(live, "open_source", lambda _: camera())
    done = run(video, classify, Options(show=True))
    assert done.frames == len(window.pictures) == 3 and window.closed
    assert window.pictures[0].shape == (*SIZE, 3)
    if live_source:
        assert window.seconds == [0, 0, 0], "a camera sets its own pace"


def test_a_file_is_shown_at_its_own_pace(workspace, monkeypatch):
    """A frame of second 4 is shown until then, less what was spent already."""
    video, window = str(write_video(workspace / "slow.mp4", 3, 1, SIZE)), FakeWindow("")
    monkeypatch.setattr(live, "Window", lambda title: window)
    run(video, classify, Options(show=True))
    assert window.seconds == pytest.approx([0, 1, 2], abs=0.5)


def test_a_camera_that_hangs_holds_the_end_for_two_seconds_at_most(monkeypatch):
    device = threading.Event()

    def frames():
        yield Frame(painted(0, *SIZE), 0.0, 0)
        device.wait(20)

    before = set(threading.enumerate())
    monkeypatch.setattr(live, "open_source", lambda _: Source("0", frames(), True, 30, None))
    start = time.perf_counter()
    assert run(0, classify, Options(frames=1)).frames == 1
    seconds = time.perf_counter() - start
    device.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(2)
    assert seconds < 3


def test_a_source_without_an_end_is_reported_in_a_line_or_two_not_in_one_a_frame(monkeypatch, capfd):
    monkeypatch.setattr(live, "open_source", lambda _: camera(40, 0.001))
    assert run(0, classify, report=Terminal()).frames > 10
    assert len(capfd.readouterr().err.splitlines()) <= 3


def test_a_source_that_ends_before_its_first_frame_did_nothing(monkeypatch):
    monkeypatch.setattr(live, "open_source", lambda _: camera(0))
    assert run(0, classify) == Summary(0, pytest.approx(0, abs=1), 0.0, 0.0, {}, None)


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
