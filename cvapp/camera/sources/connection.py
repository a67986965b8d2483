"""A live device opened, read and freed in a thread of its own: a driver or a server may hang, who waits for it may not."""

import contextlib
import queue
import threading
from concurrent.futures import CancelledError, Future, InvalidStateError
from typing import Callable, TypeVar

import numpy as np

from cvapp.camera.sources.capture import Capture
from cvapp.camera.sources.frames import now

T = TypeVar("T")
BEAT, STILL = 0.1, 1.0  # seconds of one wait, and of one that says that the whole program or machine stood still
FREE_SECONDS = 0.5  # how long closing waits for a device that is busy; its own thread frees it afterwards


class Connection:
    """One opening of a live device; it starts with `open` and is over once `read` answers None.

    Args:
        connect: opens the device and reads a frame of it to be sure, or raises the CvappError that says why it cannot.
    """

    def __init__(self, connect: Callable[[], Capture]):
        self._connect = connect
        self._capture: Capture | None = None  # touched by the thread alone
        self._tasks: queue.SimpleQueue = queue.SimpleQueue()
        self._asked: Future = Future()
        self._closed, self._lock = False, threading.Lock()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def open(self, seconds: float) -> tuple[float, int | None]:
        """Open the device; frames a second and their count, where it has an end.

        Raises:
            CvappError: what `connect` says.
            TimeoutError: it took longer.
            CancelledError: it was closed meanwhile.
        """
        return self._ask(self._open).result(seconds)

    def read(self, seconds: float) -> tuple[np.ndarray, float] | None:
        """The next frame, uint8 RGB (H, W, 3), and when it arrived; None where it is lost, closed, or silent for so long.

        It is lost too where the program was stopped or the machine slept meanwhile: what driver and network still hold is from before.
        """
        end = now() + seconds
        try:
            asked = self._ask(self._read)
            while (start := now()) < end:
                with contextlib.suppress(TimeoutError):
                    asked.result(BEAT)
                if now() - start > STILL:
                    return None
                if asked.done():
                    return asked.result()
        except CancelledError:
            pass
        return None

    def close(self) -> None:
        """End it, from any thread; who waits for it is let go at once."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._asked.cancel()
            self._tasks.put(None)
        self._thread.join(FREE_SECONDS)

    def _ask(self, work: Callable[[], T]) -> "Future[T]":
        with self._lock:
            if self._closed:
                raise CancelledError
            asked: Future[T] = Future()
            self._asked = asked
            self._tasks.put((asked, work))
        return asked

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            asked, work = task
            with contextlib.suppress(InvalidStateError):  # nobody waits for it any more
                try:
                    asked.set_result(work())
                except Exception as error:  # raised to who asked
                    asked.set_exception(error)
        if self._capture is not None:
            self._capture.release()

    def _open(self) -> tuple[float, int | None]:
        self._capture = self._connect()
        return self._capture.fps, self._capture.count

    def _read(self) -> tuple[np.ndarray, float] | None:
        rgb = self._capture.read() if self._capture is not None else None
        return None if rgb is None else (rgb, now())
