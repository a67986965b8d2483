"""The live loop: order kept, newest first for the slow, errors handed on, and every thread ended."""

import threading
import time

import numpy as np
import pytest

from cvapp.camera import loop
from cvapp.camera.loop import Ahead, Rate, answers, latest
from cvapp.camera.sources import Frame, Source


@pytest.fixture(autouse=True)
def no_thread_is_left():
    """After every test here, whatever it did, the threads are those of before."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def frames(count, seconds=0.0):
    """Numbered frames, one every so often."""
    for index in range(count):
        time.sleep(seconds)
        yield Frame(np.full((4, 4, 3), index, np.uint8), index / 25, index)


def test_order_is_kept_and_nothing_is_lost_for_a_slow_consumer():
    got = []
    ahead = Ahead(range(60))
    for item in ahead:
        time.sleep(0.001)
        got.append(item)
    ahead.close()
    assert got == list(range(60))
    assert list(ahead) == [], "it stays at its end"


def test_no_more_is_drawn_than_the_depth_ahead():
    drawn = []
    ahead = Ahead((drawn.append(item) or item for item in range(60)), depth=3)
    assert [next(ahead) for _ in range(5)] == [0, 1, 2, 3, 4]
    time.sleep(0.2)
    ahead.close()
    assert len(drawn) == 5 + 3 + 1, "five taken, three waiting, one in the hand"


def ages(newest):
    """How far each item that a slow consumer got was behind the newest there was when it asked; and the items."""
    there = [-1]

    def items():
        for number in range(200):
            yield number
            there[0] = number  # the one before is handed over once the next is drawn
            time.sleep(0.001)

    ahead, got, behind = Ahead(items(), newest=newest), [], []
    while True:
        time.sleep(0.008)
        known = there[0]
        item = next(ahead, None)
        if item is None:
            ahead.close()
            return behind, got
        got.append(item)
        behind.append(known - item)


def test_newest_skips_for_the_slow_and_is_never_older_than_what_was_there():
    behind, got = ages(newest=True)
    assert max(behind) <= 0
    assert got == sorted(set(got)) and len(got) < 100 and got[-1] == 199


def test_the_control_a_line_lags():
    behind, got = ages(newest=False)
    assert max(behind) > 0 and got == list(range(200))


@pytest.mark.parametrize("newest", [False, True])
@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_an_error_of_the_producer_reaches_the_consumer_after_what_came_before(newest, error):
    def items():
        yield "first"
        raise error

    ahead = Ahead(items(), newest=newest)
    time.sleep(0.02)
    assert next(ahead) == "first"
    with pytest.raises(type(error)) as caught:
        next(ahead)
    assert caught.value is error
    assert list(ahead) == []
    ahead.close()


@pytest.mark.parametrize("newest", [False, True])
def test_close_ends_a_producer_that_nobody_listens_to(newest):
    ahead = Ahead(iter(int, 1), newest=newest)
    time.sleep(0.02)
    start = time.perf_counter()
    ahead.close()
    assert time.perf_counter() - start < 1
    assert not ahead._thread.is_alive() and list(ahead) == []


def test_close_from_another_thread_ends_a_waiting_consumer():
    device = threading.Event()
    ahead = Ahead(iter(device.wait, None))
    closer = threading.Timer(0.05, lambda: (ahead.close(), device.set()))
    closer.start()
    assert next(ahead, "ended") == "ended"
    device.set()
    closer.join()


def test_a_device_that_hangs_holds_close_for_two_seconds_at_most():
    device = threading.Event()
    ahead = Ahead(iter(device.wait, True))
    start = time.perf_counter()
    ahead.close()
    assert 1.5 < time.perf_counter() - start < 3
    device.set()
    ahead._thread.join(2)


@pytest.mark.parametrize("live", [False, True])
def test_a_live_source_skips_and_a_file_does_not(live):
    reading = latest(Source("x", frames(60, 0.001), live, 25, None))
    got = []
    for frame in reading:
        got.append(frame.index)
        time.sleep(0.01)
    reading.close()
    assert got == sorted(set(got)) and got[-1] == 59
    assert len(got) < 40 if live else got == list(range(60))


def test_answers_keep_the_order_and_time_the_answer_alone():
    def answer(image):
        time.sleep(0.02)
        return int(image[0, 0, 0]) ** 2

    running = answers(frames(8), answer)
    got = list(running)
    running.close()
    assert [(answered.frame.index, answered.answer) for answered in got] == [(index, index**2) for index in range(8)]
    assert all(20 <= answered.milliseconds < 200 for answered in got)


def test_the_next_frame_is_answered_while_this_one_is_drawn():
    second = threading.Event()
    running = answers(frames(2), lambda image: second.set() if image.any() else None)
    assert next(running).frame.index == 0
    assert second.wait(5), "nobody has asked for it yet"
    running.close()


def test_an_error_of_the_classifier_reaches_the_consumer():
    def answer(image):
        if image[0, 0, 0] == 2:
            raise ValueError("cannot answer")
        return 0

    running, got = answers(frames(8), answer), []
    with pytest.raises(ValueError, match="cannot answer"):
        for answered in running:
            got.append(answered.frame.index)
    running.close()
    assert got == [0, 1]


def test_the_rate_is_exact_at_once_and_follows_within_seconds(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(loop.time, "perf_counter", lambda: clock[0])
    rate = Rate()

    def run(step, ticks):
        for _ in range(ticks):
            clock[0] += step
            fps = rate.tick()
        return fps

    assert run(0.1, 1) == pytest.approx(10)
    assert run(0.1, 20) == pytest.approx(10)
    assert 14 < run(0.05, 20) < 17.5, "one second, 63% of the way to 20"
    assert run(0.05, 100) == pytest.approx(20, abs=0.1)
    assert run(0, 1) < 1e6 and np.isfinite(rate.fps), "two frames in one tick of a coarse clock"
