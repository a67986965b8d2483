"""Ctrl-C and SIGTERM: at once, or at the end of a frame; the second time at once."""

import signal
import threading

import pytest

from cvapp.ending import SIGNALS, Ending, uninterrupted

BOTH = pytest.mark.parametrize("number", SIGNALS)


@pytest.fixture(autouse=True)
def handlers():
    """The usual handlers, whatever the shell handed down; put back afterwards."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@BOTH
def test_a_signal_raises_at_once_where_nothing_is_held(number):
    with pytest.raises(KeyboardInterrupt), Ending():
        signal.raise_signal(number)
        pytest.fail("it went on")


@BOTH
def test_between_hold_and_release_it_waits(number):
    done = []
    with pytest.raises(KeyboardInterrupt), Ending() as ending:
        ending.hold()
        signal.raise_signal(number)
        done.append("the frame")
        ending.release()
        pytest.fail("it went on")
    assert done == ["the frame"]


@BOTH
def test_a_second_one_does_not_wait(number):
    with pytest.raises(KeyboardInterrupt), Ending() as ending:
        ending.hold()
        signal.raise_signal(number)
        signal.raise_signal(number)
        pytest.fail("it went on")


@BOTH
def test_one_that_comes_on_the_way_out_waits(number):
    done = []
    with Ending():
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            signal.raise_signal(number)
            done.append("files are finished")
    assert done == ["files are finished"]


def test_one_that_came_before_the_last_hold_is_forgotten():
    done = []
    with Ending() as ending:
        ending.hold()
        signal.raise_signal(signal.SIGINT)
        ending.hold()
        ending.release()
        done.append("the next frame")
    assert done == ["the next frame"]


def test_handlers_are_put_back_and_what_is_ignored_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Ending():
        signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGTERM) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler


def test_in_another_thread_nothing_is_touched():
    found = []

    def run():
        with Ending() as ending:
            ending.hold()
            found.append(signal.getsignal(signal.SIGTERM))
            ending.release()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]


@BOTH
def test_a_block_that_is_not_interrupted_ends_first(number):
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(number)
        done.append("the conversion")
    assert done == ["the conversion"]


def test_an_error_of_such_a_block_is_its_own_where_nobody_interrupts():
    with pytest.raises(ValueError, match="mine"), uninterrupted():
        raise ValueError("mine")
