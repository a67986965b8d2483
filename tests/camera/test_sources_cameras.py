"""Cameras: opened as asked, told apart when missing, forbidden or busy, and opened again when they are lost."""

import os
import threading
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cvapp.camera.sources import Settings, devices, open_source, reconnecting
from cvapp.camera.sources.frames import now
from cvapp.errors import CvappError, Exit


@pytest.fixture(autouse=True)
def no_thread_is_left():
    """After every test here, whatever it did, the threads are those of before."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


class FakeCamera:
    """What cv2.VideoCapture is to a camera: blue frames (BGR) of its own size that end after some."""

    def __init__(self, count: int, fps: float = 0.0):
        self.left, self.fps, self.released, self.asked = count, fps, False, {}

    def read(self):
        assert not self.released
        self.left -= 1
        return self.left >= 0, np.full((24, 32, 3), (255, 0, 0), np.uint8)

    def get(self, name: int) -> float:
        return self.fps if name == cv2.CAP_PROP_FPS else -1.0

    def set(self, name: int, value: float) -> None:
        self.asked[name] = value

    def release(self) -> None:
        self.released = True


def plug(monkeypatch, *devices_in_turn):
    """Let OpenCV find these, one an opening; the places and backends that it is asked for."""
    turn, asked = iter(devices_in_turn), []
    monkeypatch.setattr(cv2, "VideoCapture", lambda *place: asked.append(place) or next(turn))
    return asked


@pytest.mark.parametrize("name", [40, "40", "99999999999999999999", "/dev/video40", "/dev/null"])
def test_a_missing_camera_is_named_with_those_that_are_there(capfd, monkeypatch, name):
    monkeypatch.setattr(devices, "cameras", lambda: ["0 (front)", "2 (rear)"])
    with pytest.raises(CvappError, match=rf"^no picture from camera {name}: there are 0 \(front\), 2 \(rear\)$") as error:
        open_source(name)
    assert error.value.code == Exit.NO_DEVICE
    monkeypatch.setattr(devices, "cameras", lambda: [])
    with pytest.raises(CvappError, match="none was found; plug one in, or give a video file"):
        open_source(name)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", [2, "/dev/video2"])
def test_a_camera_that_is_there_and_gives_no_picture_is_freed_and_may_be_busy(monkeypatch, name):
    device = FakeCamera(0)
    plug(monkeypatch, device)
    monkeypatch.setattr(devices, "cameras", lambda: ["0 (front)", "2 (rear)"])
    with pytest.raises(
        CvappError, match=f"^no picture from camera {name}: it is there and gives none; does another program use it"
    ) as error:
        open_source(name)
    assert error.value.code == Exit.NO_DEVICE and device.released


def test_a_camera_that_may_not_be_opened_says_so(tmp_path, monkeypatch):
    """The super-user may open anything, so the answer of the system is made up."""
    plug(monkeypatch, FakeCamera(0))
    path = tmp_path / "video0"
    path.touch()
    monkeypatch.setattr(os, "access", lambda place, mode: place != path)
    assert devices._why(str(path)) == f"you may not open {path}; join its group (sudo usermod -aG video $USER) and log in again"
    monkeypatch.undo()
    assert "you may not" not in devices._why(str(path)), "the control: it may be opened"


def test_a_camera_is_live_asks_for_no_queue_and_tells_when_it_is_unplugged(monkeypatch):
    device = FakeCamera(4)
    asked, seen = plug(monkeypatch, device), []
    with pytest.raises(CvappError, match=r"^camera 0 stopped after 3 frames; was it unplugged\?$") as error:
        with open_source(0, Settings(patience=0)) as source:
            assert (source.live, source.fps, source.count, source.name) == (True, 30, None, "0")
            opened = now()
            for frame in source:
                seen.append(frame)
    assert error.value.code == Exit.NO_DEVICE and asked == [(0, cv2.CAP_ANY)]
    assert [frame.index for frame in seen] == [0, 1, 2] and tuple(seen[0].image[0, 0]) == (0, 0, 255)
    assert opened <= seen[0].seconds <= seen[1].seconds <= seen[2].seconds <= now()
    assert device.asked == {cv2.CAP_PROP_BUFFERSIZE: 1} and device.released


def test_size_and_rate_are_asked_for_and_what_comes_instead_is_told(monkeypatch):
    device, told = FakeCamera(9, fps=15), []
    asked = plug(monkeypatch, device)
    with open_source(0, Settings("v4l2", (480, 640), 30), told.append) as source:
        assert source.fps == 15 and next(iter(source)).image.shape == (24, 32, 3)
    assert asked == [(0, cv2.CAP_V4L2)]
    assert device.asked == {
        cv2.CAP_PROP_FRAME_HEIGHT: 480, cv2.CAP_PROP_FRAME_WIDTH: 640, cv2.CAP_PROP_FPS: 30, cv2.CAP_PROP_BUFFERSIZE: 1
    }  # fmt: skip
    assert told == [
        "camera 0 gives 24x32 pixels (height x width), not the 480x640 asked for",
        "camera 0 gives 15 frames/s, not the 30 asked for",
    ]


def test_a_camera_that_does_as_asked_is_not_spoken_of(monkeypatch):
    plug(monkeypatch, FakeCamera(9, fps=15))
    told = []
    with open_source(0, Settings(size=(24, 32), fps=15), told.append) as source:
        assert next(iter(source)).image.shape == (24, 32, 3) and told == []


def test_on_a_mac_leave_is_asked_for_in_the_callers_thread(monkeypatch):
    threads, found = [], [FakeCamera(9), FakeCamera(9)]
    monkeypatch.setattr(cv2, "VideoCapture", lambda *place: threads.append(threading.current_thread()) or found[len(threads) - 1])
    monkeypatch.setattr(devices, "sys", SimpleNamespace(platform="darwin"))
    with open_source(0):
        assert threads[0] is threading.current_thread() is not threads[1]
        assert found[0].released and not found[1].released


@pytest.mark.parametrize(
    "settings, text",
    [
        ({"backend": "V4L"}, r"backend is 'V4L': this OpenCV has .*FFMPEG.* for such a source"),
        ({"backend": "GSTREAMERS"}, "backend is 'GSTREAMERS': this OpenCV has "),
        ({"size": (0, 640)}, r"size is \(0, 640\): give \(height, width\), each 1 to 16384 pixels"),
        ({"size": (480,)}, r"size is \(480,\)"),
        ({"fps": 0}, "fps is 0: give frames a second, above 0 and at most 1000"),
        ({"fps": float("nan")}, "fps is nan"),
        ({"patience": -1}, "patience is -1: give seconds, 0 or more"),
    ],
)
def test_wrong_settings_are_told_before_the_camera_is_touched(monkeypatch, settings, text):
    plug(monkeypatch)
    with pytest.raises(CvappError, match=text) as error:
        open_source(0, Settings(**settings))
    assert error.value.code == Exit.USAGE


def test_a_backend_that_this_opencv_lacks_is_not_offered(monkeypatch):
    monkeypatch.setattr(cv2.videoio_registry, "hasBackend", lambda number: number == cv2.CAP_V4L2)
    with pytest.raises(CvappError, match=r"^backend is 'FFMPEG': this OpenCV has V4L2 for such a source$"):
        open_source(0, Settings("FFMPEG"))


def test_a_camera_that_is_lost_is_opened_again_and_numbers_go_on(monkeypatch):
    monkeypatch.setattr(reconnecting, "FIRST_PAUSE", 0.01)
    old, away, new, told = FakeCamera(3), FakeCamera(0), FakeCamera(4), []
    plug(monkeypatch, old, away, new)
    with open_source(0, report=told.append) as source:
        frames = [next(source._frames) for _ in range(5)]
        assert old.released and away.released and not new.released
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4] and new.released
    assert [frame.seconds for frame in frames] == sorted(frame.seconds for frame in frames)
    assert told == ["camera 0 lost, trying again in 0.01 s", "camera 0 lost, trying again in 0.02 s", "camera 0 is back"]


def test_a_camera_that_never_opens_is_given_up(monkeypatch):
    hung = threading.Event()
    monkeypatch.setattr(cv2, "VideoCapture", lambda *place: hung.wait(20) and FakeCamera(9))
    monkeypatch.setattr(devices, "OPEN_SECONDS", 0.2)
    start = time.monotonic()
    with pytest.raises(CvappError, match=r"^camera 0 did not open within 0\.2 s; is it busy or hung\?$") as error:
        open_source(0)
    assert time.monotonic() - start < 1.5 and error.value.code == Exit.NO_DEVICE
    hung.set()
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join(2)
