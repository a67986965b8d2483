"""How long work tells of itself: a report function is handed down, silent unless the command line shows it."""

import contextlib
import os
import sys
import threading
import time
from typing import Iterable, Iterator, Protocol, Sequence, TypeVar

from cvapp.errors import one_line

T = TypeVar("T")
_hushing = threading.RLock()


class Report(Protocol):
    """Takes a line of text, or, with `done` and `total`, the state of a piece of work."""

    def __call__(self, text: str, done: int | None = None, total: int | None = None) -> None: ...


def silent(text: str, done: int | None = None, total: int | None = None) -> None:
    """Report nothing."""


def each(items: Sequence[T] | Iterable[T], text: str, report: Report, total: int | None = None) -> Iterator[T]:
    """Yield the items, reporting how many are done."""
    total = len(items) if total is None else total  # type: ignore[arg-type]
    for done, item in enumerate(items):
        report(text, done, total)
        yield item
    report(text, total, total)


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Keep lines that C++ libraries write past Python off the terminal while the block runs; other threads wait for their turn."""
    try:
        os.fstat(2)
    except OSError:  # it is closed: there is nothing to keep quiet, and its number may be any file's next
        yield
        return
    with _hushing:  # two at once would restore each other's hole, and nothing would be seen any more
        kept, hole = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(hole, 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(hole)


class Terminal:
    """Reports on standard error: lines, and a bar with the time left once that can be told. Where that is closed or full, the work goes on."""

    def __init__(self) -> None:
        self._text, self._start, self._shown = "", 0.0, 0.0

    def __call__(self, text: str, done: int | None = None, total: int | None = None) -> None:
        text = one_line(text)
        if done is None or total is None:
            _print(text + "\n")
            return
        now = time.monotonic()
        if text != self._text:
            self._text, self._start, self._shown = text, now, 0.0
        if done >= total:
            self._text = ""
            _print(f"{self._line(text, total, total)}  {now - self._start:.1f} s" + " " * 12 + "\n")
        elif _seen() and now - self._shown > 0.1:
            self._shown = now
            left = (now - self._start) * (total - done) / done if done and now - self._start > 1 else None
            _print(self._line(text, done, total) + ("" if left is None else f"  {left:.0f} s left") + "   ")

    @staticmethod
    def _line(text: str, done: int, total: int) -> str:
        bar = "#" * round(24 * done / max(total, 1))
        start = "\r" if _seen() else ""
        return f"{start}{text}  [{bar:<24}] {done}/{total}"


def _seen() -> bool:
    """Whether a person looks at standard error."""
    return sys.stderr is not None and sys.stderr.isatty()


def _print(text: str) -> None:
    """Write on standard error at once; what cannot be written there is not worth the work that it tells of."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()
