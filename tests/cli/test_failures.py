"""What the machine or the person does is one line with its own exit code, never "a bug"; what is a bug stays one."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from cvapp import images
from cvapp.cli import failures, main
from cvapp.errors import Exit
from tests.tiny_tflite import save_model

LONG = "a" * 300


def of(number, name=None):
    """The error that the system raises."""
    return OSError(number, os.strerror(number), name)


KNOWN = [
    (of(errno.ENOSPC), Exit.CANNOT_WRITE, "free some space"),
    (of(errno.ENOSPC, "out.png"), Exit.CANNOT_WRITE, "out.png: cannot write .*free some space"),
    (of(errno.EDQUOT, "out.png"), Exit.CANNOT_WRITE, "free some space"),
    (of(errno.EROFS, "out.png"), Exit.CANNOT_WRITE, "choose another place"),
    (of(errno.EFBIG), Exit.CANNOT_WRITE, "cannot write"),
    (of(errno.EPIPE), Exit.CANNOT_WRITE, "whoever reads it went away"),
    (of(errno.EMFILE), Exit.NO_DEVICE, "too many open files .*ulimit -n"),
    (of(errno.ENFILE, "a.jpg"), Exit.NO_DEVICE, "too many open files"),
    (of(errno.ENOMEM), Exit.NO_DEVICE, "out of memory"),
    (MemoryError(), Exit.NO_DEVICE, "out of memory"),
    (of(errno.ENAMETOOLONG, f"photos/{LONG}"), Exit.USAGE, r"photos/a+\.\.\.: the name is too long \(300 bytes; most systems allow 255"),
    (of(errno.ENOENT, "a\nb.jpg"), Exit.BAD_DATA, r"a\\nb\.jpg: cannot be read or written \(No such file"),
    (of(errno.EACCES, "nowhere"), Exit.BAD_DATA, "mend its permissions"),
    (of(errno.ELOOP, b"link"), Exit.BAD_DATA, "link: cannot be read or written"),
    (of(errno.EIO), Exit.BAD_DATA, "is the disk or the card damaged"),
    (of(errno.ECONNRESET), Exit.NO_DEVICE, "a connection was lost"),
]


@pytest.mark.parametrize("error, code, text", KNOWN, ids=lambda value: repr(value)[:40])
def test_an_error_of_the_machine_has_its_line_and_its_code(error, code, text):
    found = failures.of_the_machine(error)
    assert found is not None
    assert found.code == code
    with pytest.raises(type(found), match=text):
        raise found
    assert "\n" not in str(found) and len(str(found)) < 250


@pytest.mark.parametrize("error", [of(errno.EBADF), of(errno.EINVAL), ValueError("x"), UnicodeEncodeError("utf-8", "a", 0, 1, "x")], ids=repr)
def test_a_bug_stays_a_bug(error):
    assert failures.of_the_machine(error) is None


def test_a_name_that_the_system_cannot_hold_says_how_it_could(monkeypatch):
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    found = failures.of_the_machine(UnicodeEncodeError("ascii", "d/שלום", 2, 6, "ordinal not in range"))
    assert found is not None and found.code == Exit.USAGE
    assert str(found).startswith("d/שלום: this system's file names are ascii, which cannot hold it; set PYTHONUTF8=1")


@pytest.fixture
def model(workspace):
    """An exported model beside a picture."""
    images.write(workspace / "blank.png", np.full((20, 20, 3), 90, np.uint8))
    return save_model(workspace / "saved_models" / "tiny")


def shell(line):
    """A command line of a Unix shell, where `cvapp` is this one."""
    line = line.replace("cvapp ", f'"{sys.executable}" -m cvapp ')
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return subprocess.run(line, shell=True, capture_output=True, text=True, errors="replace", env={**os.environ, "PYTHONPATH": root})


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is full")
@pytest.mark.parametrize(
    "line, code, told",
    [
        ("cvapp predict tiny blank.png > /dev/full", 7, "cvapp: standard output: cannot write (No space left on device)"),
        ("cvapp predict tiny blank.png --json > /dev/full", 7, "cvapp: standard output: cannot write (No space left on device)"),
        ("cvapp --help > /dev/full", 7, "cvapp: standard output: cannot write (No space left on device)"),
        ("cvapp predict tiny blank.png 2> /dev/full", 0, ""),
        ("cvapp predict tiny nothing.png 2> /dev/full", 3, ""),
        ("cvapp trian 2> /dev/full", 2, ""),
        ("cvapp predict tiny blank.png 2>&-", 0, ""),
        ("cvapp predict tiny blank.png >&-", 7, "cvapp: standard output is closed"),
        ("mkdir gone; cd gone; rmdir ../gone; cvapp list", 2, "cvapp: the current folder was removed"),
        (f"cvapp data check {LONG}", 3, "cvapp: no folder aaaaaaaa"),
        ("LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 cvapp predict tiny blank.png", 0, ""),
    ],
)
def test_a_shell_sees_one_line_and_the_code(model, line, code, told):
    done = shell(line)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(told) and done.stderr.count("\n") == bool(told)


@pytest.mark.skipif(os.name == "nt", reason="such names are none on Windows")
@pytest.mark.parametrize("name", ["a\nb.png", "\x1b[2Jc.png", b"d\xff.png".decode(errors="surrogateescape"), "\u2028e.png"], ids=ascii)
def test_a_file_name_breaks_no_line_of_a_table_or_an_error(model, capsys, name):
    os.makedirs("photos")
    images.write("good.png", np.full((20, 20, 3), 90, np.uint8))
    os.replace("good.png", os.path.join("photos", name))
    with open(os.path.join("photos", f"not {name}"), "w") as file:
        file.write("no picture")
    assert main(["predict", "tiny", "photos"]) == Exit.BAD_DATA
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2 and len(err.splitlines()) == 1 and "not a picture" in err
    assert out.isascii() and err.isascii()
