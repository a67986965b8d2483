"""A server of the phone page in a thread, and `cvapp phone` as a process."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Iterator, Mapping

from cvapp.phone import server
from cvapp.phone.served import Served


@contextlib.contextmanager
def running(files: Mapping[str, Served], hosts: list[str], certificate: server.Certificate | None = None) -> Iterator[int]:
    """Serve a table on loopback; its port."""
    with server.listen(server.LOOPBACK, 0) as one:
        web = server.prepare(files, hosts, certificate)
        thread = threading.Thread(target=web.run, kwargs={"sockets": [one]})
        thread.start()
        try:
            yield one.getsockname()[1]
        finally:
            web.should_exit = True
            thread.join(10)
            assert not thread.is_alive()


def exchange(port: int, data: bytes, wrap: Any = None, seconds: float = 5.0) -> bytes:
    """Send raw bytes, and all that comes back until the server closes or falls silent for a moment."""
    answer = b""
    with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
        line = stack.enter_context(socket.create_connection(("127.0.0.1", port), seconds))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if wrap is not None:
            line = stack.enter_context(wrap(line))
        line.sendall(data)
        if wrap is None:
            line.shutdown(socket.SHUT_WR)
        while part := line.recv(65536):
            answer += part
    return answer


class Phone:
    """`cvapp phone` as a process; `told` is what it printed as JSON."""

    def __init__(self, home: Path, *words: str):
        command = [sys.executable, "-m", "cvapp", "phone", *words, "--json"]
        self.process = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr and self.process.stderr.read()
        self.told = json.loads(line)
        self.address = self.told["addresses"][0]

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Its exit code and what it said besides."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out + err


@contextlib.contextmanager
def phone(home: Path, *words: str) -> Iterator[Phone]:
    """The process while the block runs; its end is a clean one."""
    one = Phone(home, *words)
    try:
        yield one
    finally:
        code, said = one.end()
    assert (code, said) == (0, ""), said


def until(condition: Any, seconds: float = 20.0) -> Any:
    """What a function answers, once that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not so after {seconds} s")
