"""How a run begins beside what another one left, and what is told of runs that have not come to their end."""

import contextlib
import json
import os
import re
import threading

import numpy as np
import pytest

from cvapp import card as cards
from cvapp import cli, runs
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from cvapp.locks import lock_file, locked
from cvapp.recipe import Recipe
from cvapp.runs import FILE, STOPPED, Start
from cvapp.training.state import Keeper

ROWS = [{"epoch": 1}, {"epoch": 2}]


@pytest.fixture
def folder(workspace):
    """Where a model is to be made; nothing is there yet."""
    return workspace / "saved_models" / "mine"


def leave_state(folder, content: bytes | None = None) -> None:
    """What a run that was interrupted in its third epoch leaves; or a state of any bytes."""
    work = folder.with_name(f".{folder.name}.work")
    work.mkdir(parents=True)
    np.savez(work / FILE, note=np.array(json.dumps({"progress": {"stage": "head", "epoch": 2, "rows": ROWS}})))
    (work / "state-judge.keras").write_bytes(b"more of it")
    if content is not None:
        (work / FILE).write_bytes(content)


def finish(folder) -> None:
    folder.mkdir(parents=True)
    (folder / "card.json").write_text("{}")


def left(folder) -> list[str]:
    """What lies in the work folder."""
    work = folder.with_name(f".{folder.name}.work")
    return sorted(path.name for path in work.iterdir()) if work.exists() else []


@pytest.mark.parametrize("finished", [False, True])
def test_a_new_run_beside_an_interrupted_one_is_refused_and_keeps_it(folder, finished):
    leave_state(folder)
    if finished:
        finish(folder)
    with pytest.raises(CvappError) as error, runs.begin(folder):
        raise AssertionError("it began")
    assert error.value.code == Exit.USAGE and left(folder) == ["state-judge.keras", FILE]
    told = r"an interrupted run of .*mine is kept \(in epoch 3 of head, 2 epochs ended\): cvapp train with --resume .*, --finish .*, --restart .*"
    assert re.fullmatch(told, str(error.value)) and not lock_file(folder).exists()


def test_a_state_that_cannot_be_read_is_not_thrown_away_either(folder):
    leave_state(folder, b"garbage")
    with pytest.raises(CvappError, match=r"mine is kept \(its state cannot be read\): "), runs.begin(folder):
        raise AssertionError("it began")
    assert [run.place for run in runs.interrupted(folder.parent)] == ["its state cannot be read"]
    assert FILE in left(folder)


@pytest.mark.parametrize("start", [Start.RESUME, Start.FINISH, Start.RESTART])
def test_what_is_there_stays_until_the_run_takes_it_or_begins_in_its_place(folder, start):
    leave_state(folder)
    with pytest.raises(ValueError), runs.begin(folder, start):
        raise ValueError("the data cannot be used")
    assert left(folder) == ["state-judge.keras", FILE]
    if start is Start.RESTART:
        with runs.begin(folder, start):
            Keeper(folder.with_name(f".{folder.name}.work"), {}, start)
            assert left(folder) == []


@pytest.mark.parametrize(
    "start, finished, told",
    [
        (Start.RESUME, True, "^--resume: .*mine is finished, no interrupted run of it is there; leave --resume out to train it anew$"),
        (Start.FINISH, True, "^--finish: no interrupted run of .*mine is there; cvapp list shows them$"),
        (Start.FINISH, False, "^--finish: no interrupted run of"),
    ],
)
def test_where_none_is_there_it_is_said(folder, start, finished, told):
    if finished:
        finish(folder)
    with pytest.raises(CvappError, match=told) as error, runs.begin(folder, start):
        raise AssertionError("it began")
    assert error.value.code == Exit.USAGE


@pytest.mark.parametrize("start", [Start.NEW, Start.RESTART, Start.RESUME])
def test_with_nothing_there_a_run_begins(folder, start):
    with runs.begin(folder, start), runs.begin(folder, start):
        assert lock_file(folder).exists()
    if start is not Start.RESUME:
        finish(folder)
        with runs.begin(folder, start):
            pass


@pytest.mark.parametrize("there, words, told", [(True, (), STOPPED), (True, ("its own",), "its own"), (False, (), "")])
def test_ctrl_c_anywhere_says_how_to_go_on_where_a_state_is_kept(folder, there, words, told):
    """Also pressed twice, or while a report is written."""
    with pytest.raises(KeyboardInterrupt) as error, runs.begin(folder, Start.RESUME):
        if there:
            leave_state(folder)
        raise KeyboardInterrupt(*words)
    assert str(error.value) == told and not lock_file(folder).exists()


def test_list_tells_interrupted_runs_from_those_that_run(folder, capsys):
    assert cli.main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == {}
    leave_state(folder)
    leave_state(folder.with_name("other"))
    with locked(folder.with_name("other")):
        assert cli.main(["list", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)["runs"]
        assert found["mine"].pop("saved") and {name: row["pid"] for name, row in found.items()} == {"mine": None, "other": os.getpid()}
        assert found["mine"] == {"name": "mine", "place": "in epoch 3 of head, 2 epochs ended", "pid": None}
        assert cli.main(["list"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^mine +interrupted +in epoch 3 of head", text, re.M) and re.search(rf"^other +runs, process {os.getpid()} ", text, re.M)
    assert "cvapp train with --resume goes on with it, --finish makes a model of its best epoch so far, --restart discards it" in text


@contextlib.contextmanager
def other_writer(folder):
    """Another thread has the lock, as another process would."""
    has, done = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(folder):
            has.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    has.wait()
    yield
    done.set()
    thread.join()


@pytest.mark.parametrize("words", [["train", "--data", "photos", "--name", "mine"], ["slide", "source", "--name", "mine"]])
def test_commands_ask_before_they_read_any_data(folder, words, capsys):
    """A train or a slide onto the name of an interrupted run, or of one that runs: one line, exit 2, nothing else said or touched."""
    (folder.parents[1] / "photos").mkdir()
    folder.with_name("source").mkdir(parents=True)
    cards.write(cards.Card("source", "classify", ("a", "b"), Images((32, 32)), Recipe()), folder.with_name("source"))
    leave_state(folder)
    assert cli.main(words) == Exit.USAGE
    err = capsys.readouterr().err
    assert err.startswith("cvapp: an interrupted run of ") and err.count("\n") == 1
    (folder.with_name(".mine.work") / FILE).unlink()
    with other_writer(folder):
        assert cli.main(words) == Exit.USAGE
    err = capsys.readouterr().err
    assert re.match(r"cvapp: .*mine is being written by process \d+ .*: wait until it ends, or give another --name", err) and err.count("\n") == 1


def test_at_most_one_of_the_three_is_given(folder, capsys):
    with pytest.raises(SystemExit) as error:
        cli.main(["train", "--data", "photos", "--resume", "--finish"])
    assert error.value.code == Exit.USAGE and "--finish: not allowed with argument --resume" in capsys.readouterr().err
