"""One writer of a folder at a time: the second is told at once who has it, and a lock never outlives its process."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cvapp import files, locks
from cvapp.errors import CvappError, Exit
from cvapp.locks import Holder, holder, lock_file, locked

HOLD = """
import sys, time
from cvapp import locks
with locks.locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Start processes that hold the lock of `tmp_path/model`, until the test ends."""
    started = []

    def start() -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "model")], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_second_process_is_told_at_once_who_has_it_since_when(tmp_path, other):
    process = other()
    begin = time.monotonic()
    with pytest.raises(CvappError) as error, locked(tmp_path / "model", "wait, or give another --name"):
        raise AssertionError("two have it")
    assert time.monotonic() - begin < 0.5 and error.value.code == Exit.USAGE
    told = re.fullmatch(
        rf"{tmp_path}/model is being written by process {process.pid} since (.*): wait, or give another --name", str(error.value)
    )
    assert told and abs(time.mktime(time.strptime(told[1], "%Y-%m-%d %H:%M:%S")) - time.time()) < 30
    assert holder(tmp_path / "model").pid == process.pid
    with pytest.raises(CvappError, match=f"process {process.pid}"), files.replacing_folder(tmp_path / "model"):
        raise AssertionError("whoever replaces a folder asks for the lock")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_dead_process_holds_nothing(number, tmp_path, other):
    process = other()
    process.send_signal(number)
    process.wait()
    assert holder(tmp_path / "model") is None
    with locked(tmp_path / "model"):
        assert holder(tmp_path / "model").pid == os.getpid()
    assert not any(tmp_path.iterdir())


def test_a_stopped_process_still_has_it(tmp_path, other):
    process = other()
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(CvappError, match=f"process {process.pid}"), locked(tmp_path / "model"):
        pass


@pytest.mark.parametrize("error", [None, ValueError(), KeyboardInterrupt(), SystemExit()], ids=repr)
def test_it_is_free_after_any_end_and_may_be_asked_for_within(tmp_path, error, other):
    try:
        with locked(tmp_path / "model"), locked(tmp_path / "model"), files.replacing_folder(tmp_path / "model"):
            if error is not None:
                raise error
    except (ValueError, KeyboardInterrupt, SystemExit):
        pass
    assert not lock_file(tmp_path / "model").exists()
    other()


def test_another_thread_is_another_writer(tmp_path):
    told = []

    def ask() -> None:
        try:
            with locked(tmp_path / "model"):
                told.append("two have it")
        except CvappError as error:
            told.append(str(error))

    with locked(tmp_path / "model"):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert f"process {os.getpid()}" in told[0]


def test_who_waits_gets_it_when_the_other_ends(tmp_path, other):
    process = other()
    threading.Timer(0.3, process.kill).start()
    begin = time.monotonic()
    with locked(tmp_path / "model", wait=True):
        assert 0.25 < time.monotonic() - begin < 5


def test_a_folder_of_the_cache_is_made_once_by_two_at_a_time(tmp_path):
    code = """
import sys, time
from pathlib import Path
from cvapp.files import make_once
def make(work):
    print("made", flush=True)
    time.sleep(0.5)
    (work / "model").write_text("whole")
make_once(Path(sys.argv[1]), make)
print((Path(sys.argv[1]) / "model").read_text())
"""
    started = [subprocess.Popen([sys.executable, "-c", code, tmp_path / "c" / "m"], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = "".join(process.communicate(timeout=30)[0] for process in started)
    assert said.count("made") == 1 and said.count("whole") == 3
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["m"]


def test_one_folder_has_one_lock_however_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "real" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path / "real" / "sub")
    names = ["../model", tmp_path / "link" / "model", f"{tmp_path}/real/model/", "../sub/../model"]
    assert {lock_file(name) for name in names} == {(tmp_path / "real" / ".model.lock").resolve()}


def test_many_at_once_never_have_it_together(tmp_path):
    """Four processes, twenty times each, add one to a number that is read and written apart: none is lost, and the file goes away each time."""
    code = """
import sys, time
from pathlib import Path
from cvapp.locks import locked
place = Path(sys.argv[1])
for _ in range(20):
    with locked(place, wait=True):
        number = int(place.read_text())
        time.sleep(0.0005)
        place.write_text(str(number + 1))
"""
    (tmp_path / "count").write_text("0")
    code = code.replace("from cvapp.locks import locked", "from cvapp import locks\nfrom cvapp.locks import locked\nlocks._PAUSE = 0.001")
    started = [subprocess.Popen([sys.executable, "-c", code, tmp_path / "count"]) for _ in range(4)]
    assert [process.wait(timeout=60) for process in started] == [0] * 4
    assert (tmp_path / "count").read_text() == "80" and [path.name for path in tmp_path.iterdir()] == ["count"]


def test_a_forked_child_does_not_keep_the_lock_alive(tmp_path, other):
    with locked(tmp_path / "model"):
        child = os.fork()
        if child == 0:
            time.sleep(5)
            os._exit(0)
    try:
        other()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def no_locks(*_: object) -> None:
    raise OSError(errno.ENOTSUP, "Operation not supported")


def says(tmp_path, pid: int, start: int | None, host: str | None = None) -> None:
    """A lock file that names a process."""
    me = json.dumps({"pid": pid, "start": start, "host": host or locks.platform.node(), "since": "2026-01-01 00:00:00"})
    lock_file(tmp_path / "model").write_text(me)


def test_where_there_are_no_locks_the_named_process_decides(tmp_path, monkeypatch, other):
    """A file system without locks: alive by id and start time, it has it; dead, or another process with its id, it is taken over."""
    monkeypatch.setattr(locks, "_system_lock", no_locks)
    process = other()
    with pytest.raises(CvappError, match=f"process {process.pid} since"), locked(tmp_path / "model"):
        pass
    says(tmp_path, process.pid, locks._started(process.pid) - 1)
    with locked(tmp_path / "model"):
        assert holder(tmp_path / "model").pid == os.getpid()
    process.kill()
    says(tmp_path, process.pid, locks._started(process.pid))
    process.wait()
    with locked(tmp_path / "model"):
        pass
    says(tmp_path, 7, 7, "elsewhere")
    with pytest.raises(CvappError, match=rf"process 7 on elsewhere since .*; remove {lock_file(tmp_path / 'model')} if"), locked(tmp_path / "model"):
        pass
    lock_file(tmp_path / "model").write_text("{half")
    with locked(tmp_path / "model"):
        pass


def test_a_process_is_told_by_its_start_too(tmp_path):
    """Field 22 of /proc/PID/stat, in clock ticks since the machine's start."""
    start = locks._started(os.getpid())
    up = float(Path("/proc/uptime").read_text().split()[0])
    assert 0 < start / os.sysconf("SC_CLK_TCK") < up
    assert Holder(os.getpid(), start, locks.platform.node(), "").alive and not Holder(os.getpid(), start + 1, locks.platform.node(), "").alive
    assert not Holder(2**22 + 1, 1, locks.platform.node(), "").alive


def test_where_nothing_can_be_made_there_is_no_lock_and_a_full_disk_is_exit_7(tmp_path, monkeypatch):
    with locked(tmp_path / "none" / "model"):
        assert not any(tmp_path.iterdir())

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(locks.os, "open", full)
    with pytest.raises(CvappError, match="model: cannot write .No space left on device.; free some space") as error, locked(tmp_path / "model"):
        pass
    assert error.value.code == Exit.CANNOT_WRITE
