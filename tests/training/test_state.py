"""The kept state: saved seldom enough, read back to the bit, and refused where it is another run's."""

import json
import re

import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.runs import Start
from cvapp.training import state
from cvapp.training.state import Keeper, Progress

ARRAYS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64), np.array([3, 4], np.uint32), np.zeros((0, 2), np.float32)]
IDENTITY = {"seed": 3, "train.epochs": 5, "images.size": (32, 48), "model.weights": None, "train.learning_rate": 1e-3}


def a_progress() -> Progress:
    """In the middle of a second epoch."""
    row = {"stage": "head", "epoch": 1, "loss": 0.1 + 0.2, "val_loss": 1 / 3}
    return Progress("head", 1, 2, {"photos": 8.0, "loss": 1 / 7, "accuracy": 3.0}, [row], 1 / 3, 0)


def test_what_is_kept_comes_back_to_the_bit(tmp_path):
    Keeper(tmp_path, IDENTITY).save(a_progress(), ARRAYS)
    keeper = Keeper(tmp_path, IDENTITY, start=Start.RESUME)
    progress, arrays = keeper.resumed
    assert progress == a_progress() and keeper.note == "going on with epoch 2 of head"
    for one, other in zip(arrays, ARRAYS, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in tmp_path.iterdir()] == [state.FILE]


def test_a_stage_without_any_good_epoch_comes_back_too(tmp_path):
    progress = Progress()
    progress.begin("fine-tuning", float("inf"))
    Keeper(tmp_path, {}).save(progress, [])
    assert Keeper(tmp_path, {}, start=Start.RESUME).resumed == (progress, [])
    assert progress.kept == -1 and progress.least == float("inf")


def test_steps_are_counted_by_their_photos():
    progress = Progress(sums={"photos": 0.0, "loss": 0.0, "accuracy": 0.0})
    progress.count(8, {"loss": 2.0, "accuracy": 0.5})
    progress.count(2, {"loss": 1.0, "accuracy": np.float32(1.0)})
    assert progress.step == 2 and progress.sums == {"photos": 10, "loss": 18.0, "accuracy": 6.0}
    json.dumps(vars(progress))


def test_a_new_run_begins_without_the_old_state(tmp_path):
    assert Keeper(tmp_path, IDENTITY).note == ""
    Keeper(tmp_path, IDENTITY).save(a_progress(), ARRAYS)
    keeper = Keeper(tmp_path, IDENTITY)
    assert keeper.resumed is None and not (tmp_path / state.FILE).exists()
    assert keeper.note == ""


def test_the_seconds_are_those_of_all_parts(tmp_path, monkeypatch):
    """120 s to the last saving and 7 s lost, then 30 s and 5 s lost, then 10 s: 160 s."""
    clock = [1000.0]
    monkeypatch.setattr(state.time, "monotonic", lambda: clock[0])
    for seconds, lost, start in ((120, 7, Start.NEW), (30, 5, Start.RESUME)):
        began = clock[0]
        clock[0] += 20  # photos are read before the state
        keeper = Keeper(tmp_path, IDENTITY, start, began)
        clock[0] += seconds - 20
        keeper.save(a_progress(), ARRAYS)
        clock[0] += lost
    began = clock[0]
    clock[0] += 10
    assert Keeper(tmp_path, IDENTITY, Start.RESUME, began).figures() == {"train_seconds": 160.0}
    early = {"train_seconds": 160.0, "finished_early": "in epoch 2 of head, 1 epoch ended"}
    assert Keeper(tmp_path, IDENTITY, Start.FINISH, began).figures() == early
    assert Keeper(tmp_path, IDENTITY, Start.NEW, began).figures() == {"train_seconds": 10.0}


def test_a_state_without_seconds_goes_on(tmp_path):
    note = {"identity": IDENTITY, "progress": vars(a_progress())}
    np.savez(tmp_path / state.FILE, note=np.array(json.dumps(note)), a0=np.zeros(2))
    keeper = Keeper(tmp_path, IDENTITY, Start.RESUME)
    assert keeper.resumed[0] == a_progress() and keeper.figures()["train_seconds"] < 1


def test_nothing_to_go_on_with(tmp_path):
    keeper = Keeper(tmp_path / "none", IDENTITY, start=Start.RESUME)
    assert keeper.resumed is None and keeper.note == "no interrupted run to go on with: training from the start"


def test_no_folder_keeps_nothing():
    keeper = Keeper(None, IDENTITY)
    keeper.save(a_progress(), ARRAYS)
    assert not keeper.due() and keeper.note == "" and keeper.resumed is None


@pytest.mark.parametrize(
    "change, text",
    [
        ({"seed": 4}, "the interrupted run had seed 3 (now 4); give what it was started with; --restart discards it and trains anew"),
        ({"images.size": (32, 32)}, "had images.size [32, 48] (now [32, 32]);"),
        ({"photos": "abc"}, "had other photos (some were added, removed or changed since);"),
        ({"seed": 4, "train.epochs": 6}, "had seed 3 (now 4), train.epochs 5 (now 6);"),
    ],
)
def test_the_state_of_another_run_is_refused_by_the_setting(change, text, tmp_path):
    Keeper(tmp_path, IDENTITY).save(a_progress(), ARRAYS)
    with pytest.raises(CvappError, match=re.escape(text)) as error:
        Keeper(tmp_path, {**IDENTITY, **change}, start=Start.RESUME)
    assert error.value.code == Exit.USAGE and (tmp_path / state.FILE).exists()
    assert Keeper(tmp_path, IDENTITY, start=Start.RESUME).resumed is not None, "what it was started with goes on"


@pytest.mark.parametrize(
    "fault", ["garbage", "empty", "cut short", "a bit turned", "another archive", "one array", "an older progress", "no identity"]
)
def test_a_state_that_cannot_be_read_is_exit_3(fault, tmp_path):
    path = tmp_path / state.FILE
    Keeper(tmp_path, IDENTITY).save(a_progress(), [np.arange(1000.0)])
    whole = path.read_bytes()
    if fault == "garbage":
        path.write_bytes(b"not an archive")
    elif fault == "empty":
        path.write_bytes(b"")
    elif fault == "cut short":
        path.write_bytes(whole[: len(whole) // 2])
    elif fault == "a bit turned":
        middle = whole.index(np.arange(500.0, 503.0).tobytes())
        path.write_bytes(whole[:middle] + b"\xff" + whole[middle + 1 :])
    elif fault == "another archive":
        np.savez(path, other=np.zeros(3))
    elif fault == "one array":
        np.save(tmp_path / "array.npy", np.zeros(3))
        (tmp_path / "array.npy").rename(path)
    else:
        note = (
            {"identity": IDENTITY, "progress": {"stage": "head", "half": 1}}
            if fault == "an older progress"
            else {"progress": vars(a_progress())}
        )
        np.savez(path, note=np.array(json.dumps(note)))
    with pytest.raises(CvappError, match=r"state.npz: cannot be read \(.*\); --restart trains anew") as error:
        Keeper(tmp_path, IDENTITY, start=Start.RESUME)
    assert error.value.code == Exit.BAD_DATA
    assert Keeper(tmp_path, IDENTITY).resumed is None and not path.exists(), "without it, a new run begins"


def test_a_place_that_cannot_be_written_is_exit_7(tmp_path):
    keeper = Keeper(tmp_path / "run", {})
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(CvappError, match="cannot write") as error:
        keeper.save(a_progress(), ARRAYS)
    assert error.value.code == Exit.CANNOT_WRITE


@pytest.mark.parametrize("cost, wait", [(0.0, 2.0), (0.05, 2.0), (0.5, 10.0), (3.0, 60.0)])
def test_saving_takes_a_twentieth_of_the_time_at_most(cost, wait, tmp_path, monkeypatch):
    """Every 2 seconds where it is cheap, else twenty times as long apart as it takes."""
    clock = [100.0]
    monkeypatch.setattr(state.time, "monotonic", lambda: clock[0])

    def slow(*_):
        clock[0] += cost

    monkeypatch.setattr(state, "write_bytes", slow)
    keeper = Keeper(tmp_path, {})
    assert not keeper.due()
    clock[0] += 2.001
    assert keeper.due(), "before anything was saved, its cost is not known"
    keeper.save(a_progress(), ARRAYS)
    assert not keeper.due()
    clock[0] += wait - 0.01
    assert not keeper.due()
    clock[0] += 0.02
    assert keeper.due()
    assert cost / (cost + wait) <= 0.05
