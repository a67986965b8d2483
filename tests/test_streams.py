"""Standard output and error as they come: any encoding, closed, full; JSON is always valid UTF-8."""

import io
import json
import os
import subprocess
import sys

import pytest

from cvapp import streams

BYTES = b"caf\xe9.png".decode(errors="surrogateescape")


class Taking(io.TextIOWrapper):
    """A stream of some encoding; `taken` is what it was given."""

    def __init__(self, encoding):
        super().__init__(io.BytesIO(), encoding=encoding)

    @property
    def taken(self):
        self.flush()
        return self.buffer.getvalue()


@pytest.mark.parametrize(
    "encoding, said",
    [
        ("ascii", rb"caf\u0435 \u05e9 caf\udce9.png"),
        ("cp1252", rb"caf\u0435 \u05e9 caf\udce9.png"),
        ("koi8-r", rb"caf" + "е".encode("koi8-r") + rb" \u05e9 caf\udce9.png"),
        ("utf-8", "cafе ש caf\\udce9.png".encode()),
    ],
)
def test_what_a_stream_cannot_say_is_escaped(monkeypatch, encoding, said):
    monkeypatch.setattr("sys.stdout", taking := Taking(encoding))
    monkeypatch.setattr("sys.stderr", Taking(encoding))
    streams.prepare()
    streams.say(f"cafе ש {BYTES}")
    assert taking.taken == said + b"\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-16", "utf-8"])
def test_json_is_utf_8_whatever_the_terminal_is(monkeypatch, encoding):
    monkeypatch.setattr("sys.stdout", taking := Taking(encoding))
    streams.say_json({"שלום": [BYTES, "\ud83d", "a\nb", "😀"]})
    assert json.loads(taking.taken.decode("utf-8")) == {"שלום": [r"caf\xe9.png", r"\ud83d", "a\nb", "😀"]}
    assert taking.taken.count(b"\n") == 1


def test_json_goes_to_a_stream_of_text_too(monkeypatch):
    monkeypatch.setattr("sys.stdout", taking := io.StringIO())
    streams.say_json({"a": "ü"})
    assert taking.getvalue() == '{"a": "ü"}\n'


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is full")
def test_a_complaint_that_cannot_be_made_is_no_error(monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stderr", full)
        assert streams.complain("nobody hears it") is None and streams.give_up() is None
    with pytest.raises(OSError, match="No space left"), open("/dev/full", "w") as full:
        print("the control: it is full", file=full, flush=True)


PROGRAM = """
import os, sys
from cvapp import streams
from cvapp.errors import CvappError
try:
    streams.prepare()
except CvappError as error:
    streams.complain(str(error)); sys.exit(int(error.code))
number = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(2, b"a library's noise")
print("told", file=sys.stderr)
streams.say("answer")
sys.exit(0 if number > 2 else 1)
"""


@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix closes the streams")
@pytest.mark.parametrize("closed, code, out", [("2>&-", 0, "answer\n"), ("<&- 2>&-", 0, "answer\n"), (">&-", 7, ""), (">&- 2>&-", 7, "")])
def test_a_closed_stream_lends_its_number_to_no_file(tmp_path, closed, code, out):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = f'"{sys.executable}" program.py precious.bin {closed}'
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert (done.returncode, done.stdout) == (code, out), done.stderr
    assert code or (tmp_path / "precious.bin").read_bytes() == b""
    assert "2>" in closed or ("is closed, so no answer can be given" in done.stderr and done.stderr.count("\n") == 1)
