"""The live loop: capture, inference and drawing overlap, each in its own thread, and a live source never queues."""

import contextlib
import queue
import threading
import time
from typing import Any, Callable, Generic, Iterable, Iterator, NamedTuple, TypeVar

import numpy as np

from cvapp.camera.sources import Frame, Source
from cvapp.camera.sources.frames import now

T = TypeVar("T")
A = TypeVar("A")
_END = object()
_POLL = 0.1  # seconds; how soon a waiting thread sees that it was stopped


class Answered(NamedTuple, Generic[A]):
    """A frame, what was answered for it, how long that took, and when the frame was captured (of a file: read) by `now()`."""

    frame: Frame
    answer: A
    milliseconds: float
    captured: float


class Ahead(Generic[T]):
    """Draws items in a thread of its own, a few ahead of who consumes them; `close` may be called from any thread.

    Args:
        items: drawn in the thread; an error of theirs is raised to the consumer.
        depth: how many may wait.
        newest: keep one slot only and put the newest item there, so that a slow consumer skips items rather than lags.
        upstream: what `items` draws from, closed with it.
    """

    def __init__(self, items: Iterable[T], depth: int = 2, newest: bool = False, upstream: "Ahead | None" = None):
        self._line: queue.Queue = queue.Queue(1 if newest else depth)
        self._newest, self._upstream = newest, upstream
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._draw, args=(items,), daemon=True)
        self._thread.start()

    def _draw(self, items: Iterable[T]) -> None:
        try:
            for item in items:
                self._put(item, self._newest)
                if self._stopped.is_set():
                    return
            self._put(_END)
        except BaseException as error:  # handed to the consumer, whatever it is
            self._put(error)

    def _put(self, item: object, replace: bool = False) -> None:
        while not self._stopped.is_set():
            try:
                self._line.put(item, timeout=0 if replace else _POLL)
                return
            except queue.Full:
                if replace:
                    with contextlib.suppress(queue.Empty):
                        self._line.get_nowait()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Empty):
                item = self._line.get(timeout=_POLL)
                if item is _END:
                    break
                if isinstance(item, BaseException):
                    self._stopped.set()
                    raise item
                return item
        self._stopped.set()
        raise StopIteration

    def close(self) -> None:
        """End the thread; a device that hangs holds it for two seconds at most."""
        self._stopped.set()
        if self._upstream is not None:
            self._upstream.close()
        self._thread.join(timeout=2)


def latest(source: Source) -> Ahead[Frame]:
    """Frames of a source, read in a thread: the newest one when it is live, every one of a file."""
    return Ahead(source, newest=source.live)


def answers(
    frames: Iterable[Frame], answer: Callable[[Any], A], prepare: Callable[[np.ndarray], Any] | None = None, newest: bool = False
) -> Ahead[Answered[A]]:
    """Answer frames: one thread reads and prepares them, a second answers, so that the consumer's drawing overlaps with both.

    Args:
        frames: a source.
        answer: takes what `prepare` made of a frame's picture, or the picture.
        prepare: uint8 RGB (H, W, 3) -> whatever `answer` takes.
        newest: as in Ahead, for both threads.
    """
    ready = Ahead(
        ((frame, frame.seconds if newest else now(), prepare(frame.image) if prepare else frame.image) for frame in frames), newest=newest
    )

    def each() -> Iterator[Answered[A]]:
        for frame, captured, value in ready:
            start = time.perf_counter()
            found = answer(value)
            yield Answered(frame, found, 1e3 * (time.perf_counter() - start), captured)

    return Ahead(each(), newest=newest, upstream=ready)


class Rate:
    """Frames a second, as a moving average over about a second."""

    def __init__(self) -> None:
        self._last, self.fps = time.perf_counter(), 0.0

    def tick(self) -> float:
        """Count one frame; the rate now."""
        now = time.perf_counter()
        step, self._last = max(now - self._last, 1e-6), now
        keep = min(0.97, self.fps and np.exp(-step))
        self.fps = keep * self.fps + (1 - keep) / step
        return self.fps
