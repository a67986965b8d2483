"""Ctrl-C and SIGTERM end work between two of its steps, so that each step is done whole or not at all."""

import contextlib
import signal
import threading
from types import FrameType
from typing import Any, Iterator


# Ctrl-C, what `kill` and a system that shuts down send, and (not on Windows) a terminal that is closed
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Ending:
    """Takes these signals while its block runs, in the main thread; one that is ignored (as under nohup) stays so.

    A signal raises KeyboardInterrupt: at once, or, between `hold` and `release`, at the release. A second one does not wait. SIGPIPE,
    which would end the process at once, is a BrokenPipeError of whoever writes.
    """

    def __init__(self) -> None:
        self._held = self._wanted = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Ending":
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._end)
            if hasattr(signal, "SIGPIPE"):
                self._before[signal.SIGPIPE] = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        if self._held and not self._wanted:
            self._wanted = True
            return
        self.hold()  # the way out is not to be interrupted by the same impatience
        raise KeyboardInterrupt

    def hold(self) -> None:
        """From here on, a first signal waits."""
        self._wanted = False
        self._held = True

    def release(self) -> None:
        """Signals work at once again, and one that waited does now."""
        self._held = False
        if self._wanted:
            self.hold()
            raise KeyboardInterrupt


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a first signal wait for the end of the block: C++ code that calls back into Python loses a KeyboardInterrupt, or makes it an error."""
    with Ending() as ending:
        ending.hold()
        try:
            yield
        finally:
            ending.release()
