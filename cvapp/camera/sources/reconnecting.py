"""The frames of a live device that is opened again, with growing pauses, whenever it is lost."""

import threading
import time
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Callable, Iterator

from cvapp.camera.sources.capture import Capture
from cvapp.camera.sources.connection import Connection
from cvapp.camera.sources.frames import Frame
from cvapp.errors import CvappError, Exit
from cvapp.progress import Report, silent

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds; each pause is twice the one before


@dataclass(frozen=True)
class Line:
    """A live device: what messages call it, how it is opened, and the seconds that opening it and one frame may take.

    Args:
        connect: opens the device and reads a frame of it to be sure, or raises the CvappError that says why it cannot.
    """

    name: str
    connect: Callable[[], Capture]
    open_seconds: float
    read_seconds: float


class Reconnecting:
    """A live device with its thread; iterate `frames`, and `close` it from any thread.

    Args:
        line: the device.
        patience: seconds in all that a lost device is waited for.
        report: told "camera 0 lost, trying again in 2 s".
        clock: seconds that only grow.
        rest: waits so many seconds, and is True once this was closed.
    """

    def __init__(
        self,
        line: Line,
        patience: float = 60.0,
        report: Report = silent,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[float], bool] | None = None,
    ):
        self._line, self._patience, self._report, self._clock = line, patience, report, clock
        self._closed = threading.Event()
        self._rest = rest or self._closed.wait
        self._connection = Connection(line.connect)

    def open(self, seconds: float | None = None) -> tuple[float, int | None]:
        """Open the device: frames a second and their count, where it has an end. The first failure is final.

        Raises:
            CvappError: it cannot be opened, or not in time (exit 6).
        """
        seconds = self._line.open_seconds if seconds is None else seconds
        try:
            return self._connection.open(seconds)
        except TimeoutError:
            self._connection.close()
            raise CvappError(f"{self._line.name} did not open within {seconds:g} s; is it busy or hung?", Exit.NO_DEVICE) from None
        except BaseException:
            self._connection.close()
            raise

    def frames(self) -> Iterator[Frame]:
        """Frames with the time when each arrived; numbers go on over a loss.

        Raises:
            CvappError: the device stayed lost (exit 6).
        """
        index = 0
        while not self._closed.is_set():
            while (shot := self._connection.read(self._line.read_seconds)) is not None:
                yield Frame(*shot, index)
                index += 1
            if not self._closed.is_set() and not self._open_again():
                waited = f" and did not come back within {self._patience:g} s" if self._patience else ""
                raise CvappError(f"{self._line.name} stopped after {index} frames{waited}; was it unplugged?", Exit.NO_DEVICE)

    def close(self) -> None:
        """Free the device; whoever waits for a frame, or for the device to come back, is let go at once."""
        self._closed.set()
        self._connection.close()

    def _open_again(self) -> bool:
        """Try until the device is back or this was closed (True), or patience is at its end (False)."""
        lost, pause = self._clock(), FIRST_PAUSE
        self._connection.close()
        while (left := lost + self._patience - self._clock()) > 0:
            wait = min(pause, left)
            self._report(f"{self._line.name} lost, trying again in {wait:.2g} s")
            if self._rest(wait):
                return True
            self._connection = Connection(self._line.connect)
            if self._closed.is_set():  # `close` may have met the connection before
                self._connection.close()
                return True
            if self._opens(max(1.0, left - wait)):
                self._report(f"{self._line.name} is back")
                return True
            pause = min(2 * pause, LONGEST_PAUSE)
        return False

    def _opens(self, seconds: float) -> bool:
        try:
            self.open(min(seconds, self._line.open_seconds))
        except (CvappError, CancelledError):
            return False
        return True
