"""The cable, on an adb that is a script: what is asked of it, and what is told where it fails."""

import json
import os
import stat
import sys

import pytest

from cvapp.errors import CvappError, Exit
from cvapp.phone import cable

SCRIPT = """#!{python}
import json, os, sys
with open(os.environ["ADB_LOG"], "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1:] == ["devices"]:
    print("List of devices attached\\n" + os.environ["ADB_DEVICES"])
elif os.environ.get("ADB_FAILS", "-") in sys.argv:
    print("adb: error: more than can be done", file=sys.stderr)
    sys.exit(1)
"""


@pytest.fixture
def adb(tmp_path, monkeypatch):
    """An adb with one phone; answers what it was asked."""
    path = tmp_path / "bin/adb"
    path.parent.mkdir()
    path.write_text(SCRIPT.format(python=sys.executable))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    log = tmp_path / "adb.log"
    monkeypatch.setenv("PATH", str(path.parent))
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    monkeypatch.setenv("ADB_LOG", str(log))
    monkeypatch.setenv("ADB_DEVICES", "R58M123\tdevice\n")
    return lambda: [json.loads(line) for line in log.read_text().splitlines()]


def test_one_phone(adb):
    assert cable.find_phone() == "R58M123" and adb() == [["devices"]]


@pytest.mark.parametrize(
    "devices, told",
    [
        ("", "no phone at the cable: plug it in, switch on USB debugging"),
        ("R58M123\tunauthorized\n", "the phone R58M123 is unauthorized: unlock it and allow USB debugging"),
        ("R58M123\toffline\n", "the phone R58M123 is offline: unplug it"),
        ("R58M123\tno permissions (user not in plugdev group)\n", "is no permissions .*: this user may not use it"),
        ("R58M123\trecovery\n", "the phone R58M123 is recovery: plug it in again"),
        ("R58M123\tdevice\nemulator-5554\tdevice\n", "there are 2 phones at the cable: R58M123, emulator-5554; unplug all but one"),
        ("R58M123\tunauthorized\nemulator-5554\tdevice\n", None),
    ],
)
def test_what_adb_sees_is_told(adb, monkeypatch, devices, told):
    monkeypatch.setenv("ADB_DEVICES", devices)
    if told is None:
        assert cable.find_phone() == "emulator-5554"
        return
    with pytest.raises(CvappError, match=told) as caught:
        cable.find_phone()
    assert caught.value.code == Exit.NO_DEVICE


def test_one_of_several_is_named_as_for_adb(adb, monkeypatch):
    monkeypatch.setenv("ADB_DEVICES", "R58M123\tdevice\nemulator-5554\tdevice\n")
    monkeypatch.setenv("ANDROID_SERIAL", "emulator-5554")
    assert cable.find_phone() == "emulator-5554"
    monkeypatch.setenv("ADB_DEVICES", "R58M123\tdevice\n")  # another alone is not meant
    with pytest.raises(CvappError, match="the phone emulator-5554 that ANDROID_SERIAL names is not at the cable"):
        cable.find_phone()


def test_no_adb(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CvappError, match="adb is not installed: on Debian apt-get install adb") as caught:
        cable.find_phone()
    assert caught.value.code == Exit.NO_DEVICE


def test_what_is_asked_of_adb(adb, tmp_path):
    cable.forward("R1", 8765)
    cable.open_page("R1", "http://localhost:8765/")
    assert cable.push("R1", tmp_path / "saved_models/my signs", "int8") == "/sdcard/Download/cvapp/my signs"
    cable.unforward("R1", 8765)
    lite = tmp_path / "saved_models/my signs/lite"
    assert [words[2:] for words in adb()] == [
        ["reverse", "tcp:8765", "tcp:8765"],
        ["shell", "am", "start", "-a", "android.intent.action.VIEW", "-d", "http://localhost:8765/"],
        ["shell", "mkdir", "-p", "'/sdcard/Download/cvapp/my signs'"],
        ["push", *(str(lite / name) for name in ("int8.tflite", "labels.txt", "golden.npz")), "/sdcard/Download/cvapp/my signs/"],
        ["reverse", "--remove", "tcp:8765"],
    ]
    assert all(words[:2] == ["-s", "R1"] for words in adb())


def test_a_failing_adb_is_one_line(adb, monkeypatch):
    monkeypatch.setenv("ADB_FAILS", "reverse")
    with pytest.raises(CvappError, match="adb -s R1 reverse .*: adb: error: more than can be done; plug the phone in again") as caught:
        cable.forward("R1", 8765)
    assert caught.value.code == Exit.NO_DEVICE
    cable.unforward("R1", 8765)  # on the way out nothing is made of it
    os.remove(os.path.join(os.environ["PATH"], "adb"))
    with pytest.raises(CvappError, match="plug the phone in again, or use --lan"):
        cable.open_page("R1", "http://localhost:8765/")
