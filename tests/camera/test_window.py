"""The window, on a real X server: what is shown, how it ends, and that a display is asked for first."""

import os
import shutil
import socket
import struct
import subprocess
import sys
import time

import numpy as np
import pytest

from cvapp.camera.display import has_display
from cvapp.camera.window import Window
from cvapp.errors import CvappError, Exit

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="X servers are asked on Linux alone")
NOBODY = 4321  # a display number that no server uses
KEY_CODES = {"q": 24, "r": 27, "s": 39, "h": 43, "m": 58, " ": 65}
LEFT, RIGHT = (250, 10, 20), (10, 20, 250)
SHOW = f"""
import numpy as np
from cvapp.camera.display import has_display
from cvapp.camera.keys import quits
from cvapp.camera.window import Window
rgb = np.zeros((240, 320, 3), np.uint8)
rgb[:, :160], rgb[:, 160:] = {LEFT}, {RIGHT}
print(has_display(), flush=True)
with Window("cvapp 0") as window:
    while not quits(window.show(rgb)):
        pass
print("ended")
"""


class Server:
    """An Xvfb with one screen of 640x480: what is on it, and what a person may do there (X11 protocol, XTEST)."""

    def __init__(self, folder, *options: str):
        if shutil.which("Xvfb") is None:
            pytest.skip("Xvfb is not installed")
        told, tell = os.pipe()
        command = ["Xvfb", "-displayfd", str(tell), "-screen", "0", "640x480x24", "-fbdir", str(folder), "-noreset", "-nolisten", "tcp"]
        self.process = subprocess.Popen([*command, *options], pass_fds=(tell,), stderr=subprocess.DEVNULL)
        os.close(tell)
        with os.fdopen(told) as numbers:
            self.number = int(numbers.readline())
        self.folder, self.display = folder, f":{self.number}"

    def show(self) -> tuple[subprocess.Popen, np.ndarray]:
        """A process that shows a picture until it is ended, and the screen with it.

        One window in five stays black on Xvfb whatever one does (OpenCV 5 with Qt, without cvapp too); then another is tried.
        """
        options = {"env": {**os.environ, "DISPLAY": self.display}, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        for _ in range(6):
            process = subprocess.Popen([sys.executable, "-c", SHOW], **options)
            end = time.monotonic() + 3
            while time.monotonic() < end and process.poll() is None:
                if (self.screen() == RIGHT).all(2).any():
                    time.sleep(0.2)  # it settles
                    return process, self.screen()
                time.sleep(0.02)
            process.kill()
            said = process.communicate()
        raise AssertionError(f"no picture on the screen: {said}")

    def screen(self) -> np.ndarray:
        """The screen, uint8 RGB (480, 640, 3): Xvfb keeps it as an XWD file (header size first, colours as its 20th word)."""
        data = (self.folder / "Xvfb_screen0").read_bytes()
        header = struct.unpack(">25I", data[:100])
        return np.frombuffer(data, np.uint8, 480 * 640 * 4, header[0] + 12 * header[19]).reshape(480, 640, 4)[..., 2::-1]

    def connect(self) -> None:
        """Be a client without a cookie."""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(5)
        self.socket.connect(f"/tmp/.X11-unix/X{self.number}")
        self.socket.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
        setup = self._read(4 * struct.unpack("<H", self._read(8)[6:8])[0])
        vendor, formats = struct.unpack("<H", setup[16:18])[0], setup[21]
        self.root = struct.unpack("<I", setup[32 + (vendor + 3) // 4 * 4 + 8 * formats :][:4])[0]

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += self.socket.recv(count - len(data))
        return data

    def _ask(self, request: bytes) -> bytes:
        self.socket.sendall(request)
        head = self._read(32)
        while head[0] > 1:  # an event
            head = self._read(32)
        assert head[0] == 1, f"X error {head[1]}"
        return head + self._read(4 * struct.unpack("<I", head[4:8])[0])

    def _named(self, code: int, flag: int, name: bytes) -> bytes:
        words = (len(name) + 3) // 4
        return self._ask(struct.pack("<BBHHxx", code, flag, 2 + words, len(name)) + name.ljust(4 * words, b"\0"))

    def press(self, key: str) -> None:
        """Move the mouse onto the picture and press and release a key."""
        self.connect()
        xtest = self._named(98, 0, b"XTEST")[9]
        for kind, detail in ((6, 0), (2, KEY_CODES[key]), (3, KEY_CODES[key])):
            self.socket.sendall(struct.pack("<BBHBBxxII8xHH8x", xtest, 2, 9, kind, detail, 0, 0, 100, 100))
        self._ask(struct.pack("<BxH", 43, 1))  # wait until it is done
        self.socket.close()

    def press_close(self) -> None:
        """Ask every window to close, as a window manager does when its cross is pressed."""
        self.connect()
        protocols, delete = (struct.unpack("<I", self._named(16, 0, name)[8:12])[0] for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
        tree = self._ask(struct.pack("<BxHI", 15, 2, self.root))
        for window in struct.unpack(f"<{(len(tree) - 32) // 4}I", tree[32:]):
            event = struct.pack("<BBHIIII12x", 33, 32, 0, window, protocols, delete, 0)
            self.socket.sendall(struct.pack("<BBHII", 25, 0, 11, window, 0) + event)
        self._ask(struct.pack("<BxH", 43, 1))
        self.socket.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("screen"))
    yield server
    server.process.terminate()
    server.process.wait(10)


@pytest.fixture(scope="module")
def shown(server):
    """The screen while a picture was shown; then q was pressed: exit code, output, what else was said."""
    process, screen = server.show()
    server.press("q")
    out, chatter = process.communicate(timeout=20)
    return screen, process.returncode, out, chatter


def test_a_picture_is_shown_in_its_colours(shown):
    screen = shown[0]
    left, right = (np.flatnonzero((screen == colour).all(2).any(0)) for colour in (LEFT, RIGHT))
    assert left.max() + 1 == right.min() and len(left) == len(right) >= 100


def test_a_picture_is_shown_at_its_own_size(shown):
    sizes = [(shown[0] == colour).all(2).sum() for colour in (LEFT, RIGHT)]
    assert sizes == pytest.approx([240 * 160] * 2, rel=0.005), "all but what the mouse's pointer covers"


def test_q_ends_it(shown):
    assert shown[1:3] == (0, "True\nended\n")


def test_nothing_but_our_own_lines_is_said(shown):
    assert shown[3] == ""


def test_closing_the_window_ends_it(server):
    process, _ = server.show()
    server.press_close()
    out, error = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "True\nended\n"), error


def test_a_server_that_refuses_us_is_no_display(tmp_path):
    """As for another user's screen; OpenCV would abort the process (exit 134)."""
    def field(data: bytes) -> bytes:
        return struct.pack(">H", len(data)) + data

    cookie = tmp_path / "cookie"
    cookie.write_bytes(b"\xff\xff" + field(b"") + field(b"") + field(b"MIT-MAGIC-COOKIE-1") + field(bytes(range(16))))
    server = Server(tmp_path, "-auth", str(cookie))
    try:
        for xauthority, answer in ((cookie, "True\n"), (tmp_path / "none", "False\n")):
            settings = {**os.environ, "DISPLAY": server.display, "XAUTHORITY": str(xauthority), "HOME": str(tmp_path)}
            program = "from cvapp.camera.window import has_display; print(has_display())"
            done = subprocess.run([sys.executable, "-c", program], env=settings, capture_output=True, text=True, timeout=20)
            assert (done.stdout, done.stderr) == (answer, ""), xauthority.name
    finally:
        server.process.terminate()
        server.process.wait(10)


NO_DISPLAYS = [None, "", ":", "x", "garbage:", ":-1", ":x", "wayland-0", "/tmp/x:0", ":0:0", "[::1]:0", f":{NOBODY}", f":{NOBODY}.0"]
NO_DISPLAYS += [f"unix:{NOBODY}", f"127.0.0.1:{NOBODY}", "127.0.0.1:70000", ":99999999999", "a" * 70 + ":0", ".:0", "é:0"]


@pytest.mark.parametrize("display", NO_DISPLAYS)
def test_there_is_no_display_where_none_answers(monkeypatch, display):
    monkeypatch.delenv("DISPLAY", raising=False)
    if display is not None:
        monkeypatch.setenv("DISPLAY", display)
    assert not has_display()
    with pytest.raises(CvappError, match="^no display to open a window on; use --no-show, with --save OUT.mp4 to keep") as error:
        Window("x")
    assert error.value.code == Exit.NO_DEVICE


def test_there_is_a_display_where_an_x_server_answers(server, monkeypatch):
    for name in (server.display, server.display + ".0", "unix" + server.display):
        monkeypatch.setenv("DISPLAY", name)
        assert has_display()


def test_what_listens_but_never_answers_is_no_display(monkeypatch):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0/tmp/.X11-unix/X{NOBODY}")
        listener.listen()
        monkeypatch.setenv("DISPLAY", f":{NOBODY}")
        assert not has_display()


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_always_have_one(monkeypatch, platform):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    assert has_display()
