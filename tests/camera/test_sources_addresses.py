"""Streams over loopback: MJPEG by a real server that dies and comes back, and one clear line for whatever else a server does."""

import contextlib
import http.server
import re
import socket
import threading
import time

import cv2
import pytest

from cvapp.camera.loop import latest
from cvapp.camera.sources import Settings, addresses, open_source, reconnecting
from cvapp.camera.sources.frames import now
from cvapp.errors import CvappError, Exit
from tests.camera.test_sources import number_of, painted, write_video

RATE = 100  # frames a second of the server


@pytest.fixture(autouse=True)
def direct(monkeypatch):
    """Straight to loopback, whatever proxy the machine has; and no thread is left afterwards."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


class Answers(http.server.BaseHTTPRequestHandler):
    """MJPEG as IP cameras send it, numbered frames; and other answers by the path."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        kind = self.path.strip("/")
        if kind.isdecimal():
            return self.send_error(int(kind))
        if kind in self.server.files:
            return self.send(*self.server.files[kind])
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        number = 0
        with contextlib.suppress(OSError):
            while not self.server.over.is_set():
                data = cv2.imencode(".jpg", painted(number % 256))[1].tobytes()
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(data), data))
                number += 1
                while number > 60 and kind == "silent" and not self.server.over.wait(0.02):
                    pass
                time.sleep(1 / RATE)

    def send(self, kind, data):
        """A whole file."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(data)


@contextlib.contextmanager
def serving(port=0, files={}):
    """A server on loopback; its port."""
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Answers)
    server.daemon_threads, server.block_on_close, server.over, server.files = False, True, threading.Event(), files
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def listening(answer=None):
    """A server that accepts; it says the same to everyone, or never anything. Its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over, held = threading.Event(), []

        def accept():
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    held.append(server.accept()[0])
                    if answer is not None:
                        held[-1].recv(4096)
                        held[-1].sendall(answer)
                        held.pop().close()

        server.settimeout(0.05)
        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join()
        for connection in held:
            connection.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_stream_is_live_and_its_frames_come_in_order(capfd):
    with serving() as port, open_source(f"http://127.0.0.1:{port}/") as source:
        assert (source.live, source.count, source.name) == (True, None, f"http://127.0.0.1:{port}/")
        frames = [next(source._frames) for _ in range(80)]
    numbers = [number_of(frame.image) for frame in frames]
    assert numbers == list(range(numbers[0], numbers[0] + 80)) and [frame.index for frame in frames] == list(range(80))
    times = [frame.seconds for frame in frames]
    assert times == sorted(times) and times[-1] <= now()
    assert times[-1] - times[-31] == pytest.approx(30 / RATE, rel=0.5), "once what was read ahead is through, as they are sent"
    assert capfd.readouterr() == ("", "")


def test_a_server_that_dies_and_comes_back_is_carried_on_with(monkeypatch):
    monkeypatch.setattr(reconnecting, "FIRST_PAUSE", 0.1)
    told, before, after, port = [], [], [], free_port()
    address = f"http://127.0.0.1:{port}/"
    with contextlib.ExitStack() as stack:
        with serving(port):
            source = stack.enter_context(open_source(address, report=told.append))
            frames = latest(source)
            stack.callback(frames.close)
            while len(before) < 20:
                before.append(next(frames))
        back = threading.Timer(0.5, lambda: stack.enter_context(serving(port)))
        back.start()
        while len(after) < 20:
            frame = next(frames)
            after += [frame] if f"{address} is back" in told else []
        back.join()
        frames.close()
        source.close()
    got = before + after
    assert told[0] == f"{address} lost, trying again in 0.1 s" and told[-1] == f"{address} is back"
    for first, second in zip(got, got[1:]):
        assert second.index > first.index and second.seconds >= first.seconds
    assert after[0].seconds - before[-1].seconds > 0.3, "the time it was away"
    assert number_of(after[-1].image) < after[-1].index, "the server counts from 0 again, the source goes on"


def test_a_server_that_stays_away_is_an_error_once_patience_ends(monkeypatch):
    told = []
    with serving() as port:
        source = open_source(f"http://127.0.0.1:{port}/", Settings(patience=0.8), told.append)
        next(source._frames)
    with source, pytest.raises(CvappError, match=r"stopped after \d+ frames and did not come back within 0\.8 s") as error:
        list(source)
    assert error.value.code == Exit.NO_DEVICE
    assert [text.rpartition(" in ")[2] for text in told] == ["0.5 s", "0.3 s"]


def test_a_stream_that_falls_silent_is_opened_again(monkeypatch):
    monkeypatch.setattr(addresses, "READ_SECONDS", 0.4)
    told = []
    with serving() as port, open_source(f"http://127.0.0.1:{port}/silent", report=told.append) as source:
        frames = [next(source._frames) for _ in range(80)]
    assert [frame.index for frame in frames] == list(range(80)) and len(told) == 2
    gap = max(second.seconds - first.seconds for first, second in zip(frames, frames[1:]))
    assert 0.8 < gap < 3, "0.4 of silence and a pause of 0.5"


@pytest.mark.parametrize("scheme, limit", [("http", 4), ("rtsp", 1)])
def test_a_server_that_accepts_and_never_answers_hangs_nobody(monkeypatch, capfd, scheme, limit):
    assert addresses.OPEN_SECONDS == 4, "what a person waits for"
    monkeypatch.setattr(addresses, "OPEN_SECONDS", limit)
    with listening() as port:
        start = time.monotonic()
        with pytest.raises(CvappError, match=rf"no picture within {limit} s; is the address right, and the camera on\?$") as error:
            open_source(f"{scheme}://127.0.0.1:{port}/x")
        assert limit - 0.2 < time.monotonic() - start < limit + 1
    assert error.value.code == Exit.NO_DEVICE and capfd.readouterr() == ("", "")


def test_a_lookup_that_hangs_is_cut_short(monkeypatch):
    """FFmpeg's own limits do not hold while a name is looked up."""
    hung = threading.Event()
    monkeypatch.setattr(addresses, "_capture", lambda *_: hung.wait(20) and None)
    monkeypatch.setattr(addresses, "OPEN_SECONDS", -1.8)
    with pytest.raises(CvappError, match=r"^http://camera/ did not open within 0\.2 s"):
        open_source("http://camera/")
    hung.set()
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join(2)


PICTURE = ("image/jpeg", cv2.imencode(".jpg", painted(3))[1].tobytes())
PAGE = ("text/html; charset=utf-8", b"<html><body>Log in</body></html>" * 40)


@pytest.mark.parametrize(
    "path, text",
    [
        ("404", r"the server answers 404 Not Found, not a stream that OpenCV can play$"),
        ("401", r"the server answers 401 Unauthorized, .*; are the user, the password and the path right\?$"),
        ("500", r"the server answers 500 Internal Server Error"),
        ("page", r"the server answers text/html, not a stream that OpenCV can play$"),
        ("shot.jpg", r"one picture, not a stream; give the camera's address for MJPEG or RTSP$"),
    ],
)
def test_a_server_that_answers_something_else_is_told_in_one_line(capfd, path, text):
    with serving(files={"page": PAGE, "shot.jpg": PICTURE}) as port:
        with pytest.raises(CvappError, match=rf"^http://127\.0\.0\.1:{port}/{path}: {text}") as error:
            open_source(f"http://127.0.0.1:{port}/{path}")
    assert error.value.code == Exit.NO_DEVICE and capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "answer, text",
    [
        (b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n", "the server answers 404 Not Found, not a stream that OpenCV can play$"),
        (b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n", "the server answers 401 Unauthorized, .*; are the user, the password"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the server answers something else than RTSP"),
    ],
)
def test_what_an_rtsp_server_refuses_is_told(answer, text):
    with listening(answer) as port, pytest.raises(CvappError, match=text) as error:
        open_source(f"rtsp://127.0.0.1:{port}/live")
    assert error.value.code == Exit.NO_DEVICE


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_an_address_that_nobody_serves_is_refused(scheme):
    address = f"{scheme}://127.0.0.1:{free_port()}/x"
    with pytest.raises(CvappError, match=rf"^{address}: cannot be reached \(Connection refused\); is the address right") as error:
        open_source(address)
    assert error.value.code == Exit.NO_DEVICE


@pytest.mark.parametrize("address", ["http://[::1", "rtsp://127.0.0.1:port/x", "http://", "http://a b/"])
def test_an_address_that_is_none_is_one_line_too(address):
    with pytest.raises(CvappError, match=rf"^{re.escape(address)}: cannot be reached \(.+\)") as error:
        open_source(address)
    assert error.value.code == Exit.NO_DEVICE and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "word, settings, text",
    [
        ("gopher://host/x", Settings(), "^gopher://host/x: no such kind of address; it begins with rtsp://, rtsps://, http://, https://$"),
        ("http://host/x", Settings("FFMEG"), r"^backend is 'FFMEG': this OpenCV has .*\. Did you mean FFMPEG\?$"),
        ("http://host/x", Settings(size=(480, 640)), "^http://host/x: size cannot be chosen for it, only for a camera or drawn signs"),
        ("http://host/x", Settings(fps=30), "^http://host/x: fps cannot be chosen for it"),
    ],
)
def test_a_wrong_address_or_setting_is_told_before_anyone_is_asked(word, settings, text):
    with pytest.raises(CvappError, match=text) as error:
        open_source(word, settings)
    assert error.value.code == Exit.USAGE


def test_a_password_is_never_shown():
    shown = {
        "rtsp://me:secret@host:554/live": "rtsp://me:***@host:554/live",
        "http://me:se@cret@host/": "http://me:***@host/",
        "http://me@host/": "http://me@host/",
        "rtsp://host:554/user@home": "rtsp://host:554/user@home",
    }
    assert {word: addresses.without_password(word) for word in shown} == shown
    with pytest.raises(CvappError, match=r"^http://me:\*\*\*@127\.0\.0\.1:\d+/: cannot be reached") as error:
        open_source(f"http://me:secret@127.0.0.1:{free_port()}/")
    assert "secret" not in str(error.value)


def test_a_video_at_an_address_is_played_once_and_is_not_live(tmp_path):
    data = write_video(tmp_path / "clip.avi", 30).read_bytes()
    with serving(files={"clip.avi": ("video/x-msvideo", data)}) as port, open_source(f"http://127.0.0.1:{port}/clip.avi") as source:
        assert (source.live, source.count, source.fps) == (False, 30, 25)
        assert [number_of(frame.image) for frame in source] == list(range(30))


def test_closing_ends_a_stream_that_another_thread_waits_for(monkeypatch):
    monkeypatch.setattr(addresses, "READ_SECONDS", 1.5)
    with serving() as port:
        source, got = open_source(f"http://127.0.0.1:{port}/silent"), []
        reader = threading.Thread(target=lambda: got.extend(source))
        reader.start()
        while len(got) < 40:
            time.sleep(0.01)
        time.sleep(0.4)
        start = time.monotonic()
        source.close()
        reader.join(3)
        assert not reader.is_alive() and time.monotonic() - start < 0.8
        for thread in threading.enumerate():
            if thread.daemon:
                thread.join(4)
