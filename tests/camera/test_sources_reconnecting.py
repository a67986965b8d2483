"""A lost device: growing pauses by a made-up clock, an end of patience, and a prompt end when closed, whatever hangs."""

import threading
import time

import numpy as np
import pytest

from cvapp.camera.sources import connection as connecting
from cvapp.camera.sources.connection import Connection
from cvapp.camera.sources.reconnecting import Line, Reconnecting
from cvapp.errors import CvappError, Exit


@pytest.fixture(autouse=True)
def no_thread_is_left():
    """After every test here, whatever it did, the threads end soon."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(2)
    assert set(threading.enumerate()) == before


class Device:
    """A capture of some frames; then it is lost, or hangs until it is let go."""

    fps, count = 25.0, None

    def __init__(self, frames: int, hangs: threading.Event | None = None):
        self.left, self.hangs, self.released, self.busy = frames, hangs, False, False

    def read(self) -> np.ndarray | None:
        self.busy = True
        if self.left == 0 and self.hangs is not None:
            self.hangs.wait(20)
        self.busy = False
        self.left -= 1
        return np.zeros((4, 4, 3), np.uint8) if self.left >= 0 else None

    def release(self) -> None:
        assert not self.busy, "freeing what is being read crashes the process"
        self.released = True


class Clock:
    """Seconds that pass only in a rest."""

    def __init__(self) -> None:
        self.now, self.rests = 100.0, []

    def rest(self, seconds: float) -> bool:
        self.rests.append(seconds)
        self.now += seconds
        return False


def away() -> Device:
    raise CvappError("no picture from camera 0", Exit.NO_DEVICE)


def opener(*openings):
    """Opens these in turn, a device each or a function that fails; afterwards it fails for ever."""
    turn = iter(openings)

    def connect():
        found = next(turn, away)
        return found() if callable(found) else found

    return connect


def camera(connect, clock=None, told=None, patience=60.0) -> Reconnecting:
    """An opened camera 0."""
    clock, told = clock or Clock(), [] if told is None else told
    found = Reconnecting(Line("camera 0", connect, 5, 5), patience, told.append, lambda: clock.now, clock.rest)
    assert found.open() == (25.0, None)
    return found


def test_pauses_grow_to_eight_seconds_and_patience_ends_them():
    """0.5 + 1 + 2 + 4 + 6 times 8 is 55.5; the last pause is what is left of 60."""
    clock, told, device = Clock(), [], Device(3)
    line = camera(opener(device), clock, told)
    frames = line.frames()
    assert [next(frames).index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(
        CvappError, match=r"^camera 0 stopped after 3 frames and did not come back within 60 s; was it unplugged\?$"
    ) as error:
        next(frames)
    assert error.value.code == Exit.NO_DEVICE and device.released
    assert clock.rests == [0.5, 1, 2, 4, 8, 8, 8, 8, 8, 8, 4.5] and sum(clock.rests) == 60
    assert told[:3] == [f"camera 0 lost, trying again in {pause} s" for pause in ("0.5", "1", "2")] and len(told) == 11


def test_pauses_begin_anew_after_the_device_was_back():
    clock, told = Clock(), []
    line = camera(opener(Device(2), away, away, Device(1), away, Device(2)), clock, told)
    frames = line.frames()
    got = [next(frames) for _ in range(5)]
    line.close()
    assert [frame.index for frame in got] == [0, 1, 2, 3, 4]
    assert clock.rests == [0.5, 1, 2, 0.5, 1]
    assert [text for text in told if "lost" not in text] == ["camera 0 is back"] * 2
    assert list(frames) == []


def test_time_that_opening_takes_counts_as_waited():
    clock = Clock()

    def slow():
        clock.now += 7
        return away()

    line = camera(opener(Device(0), *[slow] * 99), clock, patience=20)
    with pytest.raises(CvappError, match="did not come back within 20 s"):
        next(line.frames())
    assert clock.rests == [0.5, 1, 2], "0.5 + 7 + 1 + 7 + 2 + 7 is past 20"


def test_without_patience_a_lost_device_is_an_error_at_once():
    clock, told = Clock(), []
    line = camera(opener(Device(1), Device(9)), clock, told, patience=0)
    with pytest.raises(CvappError, match=r"^camera 0 stopped after 1 frames; was it unplugged\?$"):
        list(line.frames())
    assert clock.rests == told == []
    line.close()


def test_the_first_opening_is_not_tried_again():
    line = Reconnecting(Line("camera 0", away, 5, 5), report=lambda text: pytest.fail(text))
    with pytest.raises(CvappError, match="^no picture from camera 0$"):
        line.open()


def test_a_bug_in_an_opener_is_not_taken_for_a_lost_device():
    line = camera(opener(Device(1), lambda: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        list(line.frames())


def ends(line, then) -> float:
    """Seconds from closing, done by a second thread once `then` holds, until the consumer is through."""
    closed = []

    def close():
        while not then():
            time.sleep(0.005)
        closed.append(time.monotonic())
        line.close()

    closer = threading.Thread(target=close)
    closer.start()
    list(line.frames())
    seconds = time.monotonic() - closed[0]
    closer.join()
    return seconds


def test_closing_ends_a_pause_at_once():
    told = []
    line = Reconnecting(Line("camera 0", opener(Device(1)), 5, 5), report=told.append)
    line.open()
    assert ends(line, lambda: len(told) == 2) < 0.2, "amid a pause of a second"


def test_closing_ends_a_blocked_read_at_once_and_the_device_is_freed_when_it_returns():
    hung = threading.Event()
    device = Device(2, hung)
    line = camera(opener(device))
    assert ends(line, lambda: device.busy and device.left == 0) < 0.2
    assert not device.released, "it is being read"
    hung.set()
    line._connection._thread.join(2)
    assert device.released


def test_closing_ends_a_blocked_opening_at_once_and_what_opens_late_is_freed():
    hung, late, entered = threading.Event(), Device(9), threading.Event()

    def slow():
        entered.set()
        hung.wait(20)
        return late

    line = camera(opener(Device(1), slow))
    assert ends(line, entered.is_set) < 0.2
    assert not late.released
    hung.set()
    while not late.released:
        time.sleep(0.01)
    assert late.left == 9


def test_a_device_that_falls_silent_is_lost_and_another_opening_takes_over():
    hung, told = threading.Event(), []
    silent = Device(1, hung)
    line = Reconnecting(Line("camera 0", opener(silent, Device(2)), 5, 0.1), 60, told.append, rest=lambda _: False)
    line.open()
    frames = line.frames()
    assert [next(frames).index for _ in range(3)] == [0, 1, 2]
    assert told == ["camera 0 lost, trying again in 0.5 s", "camera 0 is back"]
    line.close()
    hung.set()


def test_frames_that_were_kept_while_the_program_stood_still_are_not_taken_for_new(monkeypatch):
    """The second read ends ten seconds later by the clock though it took none: what the first device still holds is left there."""
    slept = [0.0]
    monkeypatch.setattr(connecting, "now", lambda: time.monotonic() + slept[0])
    old, told = Device(9), []
    read = old.read

    def wakes():
        slept[0] += 10 * (old.left == 8)
        return read()

    old.read = wakes
    line = Reconnecting(Line("camera 0", opener(old, Device(2)), 5, 5), 60, told.append, rest=lambda _: False)
    line.open()
    frames = line.frames()
    assert [next(frames).index for _ in range(3)] == [0, 1, 2]
    assert old.left == 7 and old.released and told == ["camera 0 lost, trying again in 0.5 s", "camera 0 is back"]
    line.close()


def test_the_control_a_slow_frame_is_no_standing_still(monkeypatch):
    """Nor is one that takes longer than the limit, since the waiting thread goes on all the while."""
    monkeypatch.setattr(connecting, "STILL", 0.3)
    slow = Device(2)
    read = slow.read
    slow.read = lambda: time.sleep(0.4) or read()
    line = camera(opener(slow))
    frames = line.frames()
    assert [next(frames).index, next(frames).index] == [0, 1]
    line.close()


def test_a_closed_connection_gives_nothing_and_hangs_nobody():
    connection = Connection(lambda: Device(9))
    connection.open(5)
    assert connection.read(5) is not None
    connection.close()
    connection.close()
    assert connection.read(5) is None


def test_what_is_closed_before_it_is_read_has_no_frames():
    line = camera(opener(Device(9)))
    line.close()
    assert list(line.frames()) == []
