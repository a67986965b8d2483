"""`cvapp phone`: what it prints, how it ends, and one line for what a person can get wrong."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from cvapp.cli import main
from cvapp.errors import Exit
from tests import tiny_tflite
from tests.phone.serving import phone
from tests.phone.test_cable import adb  # noqa: F401 - a fixture


@pytest.fixture
def tiny(workspace):
    """The current folder, with an exported model in it."""
    tiny_tflite.save_model(workspace / "saved_models/tiny")
    return workspace


def test_it_serves_what_it_says_until_it_is_ended(tiny):
    with phone(tiny, "tiny", "--port", "0") as one:
        assert set(one.told) == {"name", "variant", "port", "addresses"} and one.told["variant"] == "float32"
        assert one.address == f"http://localhost:{one.told['port']}/"
        with urllib.request.urlopen(f"{one.address}model.json", timeout=5) as answer:
            assert json.load(answer)["name"] == "tiny"
        with pytest.raises(ConnectionRefusedError):  # on 127.0.0.1 alone
            socket.create_connection(("127.0.0.2", one.told["port"]), 2)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with phone(tiny, "tiny", "--port", "0") as one:
            assert one.end(number) == (0, "")  # at once, perhaps before it has begun


def test_phones_that_go_away_in_the_middle_do_no_harm(tiny):
    with phone(tiny, "tiny", "--port", "0") as one:
        ask = b"GET /litert/litert_wasm_compat_internal.wasm HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", one.told["port"])) as line:
                line.sendall(ask)
                line.shutdown(socket.SHUT_WR)  # after this, and what was sent lies unread, the server's next word is an EPIPE
                line.recv(1000)
        with urllib.request.urlopen(f"{one.address}model.json", timeout=5) as answer:
            assert json.load(answer)["name"] == "tiny"


def test_no_tensorflow_is_loaded_and_none_is_needed(tiny):
    code = "import sys\nfor name in ('tensorflow', 'keras', 'matplotlib'): sys.modules[name] = None\nfrom cvapp.cli import run\nrun()"
    command = [sys.executable, "-c", code, "phone", "tiny", "--port", "0"]
    with subprocess.Popen(command, cwd=tiny, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[0] == "" and process.returncode == 0
    assert re.match(r"tiny \(float32\) is at http://localhost:\d+/", lines[0]), lines
    assert "--lan over the network, --adb over a cable" in lines[1] and lines[2] == "Ctrl-C ends it\n"


def test_over_the_network_it_says_how_to_get_there(tiny, monkeypatch, capsys):
    from cvapp.phone import network, server

    monkeypatch.setattr(network, "addresses", lambda: ["192.0.2.9", "198.51.100.2"])
    seen = {}
    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self, sockets: seen.update(bound=sockets[0].getsockname(), secure=self.config.is_ssl))
    assert main(["phone", "tiny", "--lan", "--port", "0"]) == 0
    out = capsys.readouterr().out
    port = seen["bound"][1]
    assert seen == {"bound": ("0.0.0.0", port), "secure": True}
    assert f"is at https://192.0.2.9:{port}/, or https://198.51.100.2:{port}/" in out
    assert re.search("SHA-256 ([0-9A-F]{2}:){31}", out) and out.count("█") > 100 and "its browser will warn" in out


def test_with_a_certificate_of_one_s_own(tiny, monkeypatch, capsys, tmp_path):
    from cvapp.phone import network, server

    cert, key = network.make_certificate(["mybox.example", "*.home.example"], tmp_path)
    monkeypatch.setattr(network, "addresses", lambda: ["192.0.2.9"])
    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self, sockets: None)
    assert main(["phone", "tiny", "--lan", "--cert", str(cert), "--key", str(key), "--port", "0"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"is at https://mybox\.example:\d+/\n", out) and "will warn" not in out and "*" not in out


def test_over_the_cable(tiny, adb, monkeypatch, capsys):  # noqa: F811
    from cvapp.phone import server

    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self, sockets: None)
    assert main(["phone", "tiny", "--adb", "--port", "0"]) == 0
    out = capsys.readouterr().out
    port = re.search(r"http://localhost:(\d+)/", out).group(1)
    words = [" ".join(words) for words in adb()]
    assert words[0] == "devices" and words[-1] == f"-s R58M123 reverse --remove tcp:{port}"
    assert f"-s R58M123 reverse tcp:{port} tcp:{port}" in words and any(line.endswith(f"-d http://localhost:{port}/") for line in words)
    assert "/sdcard/Download/cvapp/tiny" in out and "home screen" in out


def test_a_phone_that_fails_half_way_is_left_as_it_was(tiny, adb, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setenv("ADB_FAILS", "push")
    assert main(["phone", "tiny", "--adb", "--port", "0"]) == Exit.NO_DEVICE
    assert "more than can be done" in capsys.readouterr().err
    assert adb()[-1][2:4] == ["reverse", "--remove"]


@pytest.mark.parametrize(
    "words, code, told",
    [
        ([], Exit.USAGE, "required: NAME"),
        (["nobody"], Exit.USAGE, "no saved model at saved_models/nobody: card.json is missing; there are tiny"),
        (["tiny", "--variant", "int8"], Exit.USAGE, "has no variant 'int8': choose one of float32"),
        (["tiny", "--port", "99999"], Exit.USAGE, "--port 99999: give a port"),
        (["tiny", "--lan", "--adb"], Exit.USAGE, "give one of them"),
        (["tiny", "--cert", "a.pem"], Exit.USAGE, "--cert and --key go together"),
        (["tiny", "--cert", "a.pem", "--key", "b.pem"], Exit.USAGE, "and with --lan"),
        (["tiny", "--lan", "--cert", "a.pem", "--key", "b.pem"], Exit.BAD_DATA, "a.pem: no certificate in PEM"),
        (["tiny", "--adb"], Exit.NO_DEVICE, "adb is not installed"),
    ],
)
def test_errors_are_one_line(tiny, monkeypatch, capsys, words, code, told):
    from cvapp.phone import network

    monkeypatch.setattr(network, "addresses", lambda: ["192.0.2.9"])
    monkeypatch.setenv("PATH", "")
    try:
        found = main(["phone", *words])
    except SystemExit as stop:
        found = stop.code
    out, err = capsys.readouterr()
    assert found == code and told in err and err.count("\n") == 1 and out == ""


def test_without_the_extra_its_name_is_told(tiny, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    for name in ("cvapp.phone.server", "cvapp.phone.network"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr("cvapp.phone.server", raising=False)
    assert main(["phone", "tiny"]) == Exit.USAGE
    assert "is not installed: pip install -e '" in (told := capsys.readouterr().err) and "[phone]'" in told
