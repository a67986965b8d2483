"""Shares of the split at the command line: refused where they change nothing, split again where they are asked for; and the advice after training."""

import dataclasses
import json
import sys

import numpy as np
import pytest

from cvapp import images, shipped
from cvapp.cli import main
from cvapp.cli.trained import trained
from cvapp.data import split
from cvapp.errors import Exit
from tests.data.formats.sets import lay, voc_xml
from tests.evaluation.runs import card, run as results_of


def run(capsys, *words):
    """Exit code, standard output and standard error."""
    code = main([str(word) for word in words])
    return code, *capsys.readouterr()


@pytest.fixture
def photos(workspace):
    """Three classes of ten pictures of noise."""
    rng = np.random.default_rng(8)
    for label in ("ants", "bees", "wasps"):
        for number in range(10):
            images.write(workspace / "photos" / label / f"{number}.png", rng.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    return workspace / "photos"


def test_training_refuses_a_share_that_a_frozen_split_does_not_have(photos, capsys):
    assert run(capsys, "data", "split", "photos")[0] == 0
    before = (photos / "split.csv").read_bytes()
    code, out, err = run(capsys, "train", "--data", "photos", "--set", "data.val=0.3")
    assert (code, out) == (Exit.USAGE, "")
    assert err.splitlines()[-1] == (
        "cvapp: --set data.val=0.3: photos/split.csv is kept, with 6 val photos where 9 are asked for; delete it to split again, "
        "or run: cvapp data split photos --val 0.3"
    )
    code, _, err = run(capsys, "train", "fine_tune", "--data", "photos", "--set", "data.test=0", "--seed", "4")
    assert code == Exit.USAGE and "with 6 test photos where 0 are asked for" in err and "cvapp data split photos --test 0" in err
    assert (photos / "split.csv").read_bytes() == before and not list(photos.parent.glob("saved_models/[a-z]*"))


def test_a_share_of_a_pipeline_of_its_own_is_no_request(photos, capsys, monkeypatch):
    """The control: the same share out of a pipeline trains; what it reaches here is a trainer that stops."""
    assert run(capsys, "data", "split", "photos")[0] == 0
    (photos.parent / "mine.py").write_text("from cvapp.recipe import Data, Recipe\nRECIPE = Recipe(data=Data(val=0.3))\n")
    assert shipped.load_pipeline("mine.py").data.val == 0.3
    reached = []
    monkeypatch.setattr("cvapp.cli.training.split_settings.check", lambda *asked: reached.append(asked))
    monkeypatch.setitem(sys.modules, "cvapp.training", None)
    for words, count in ((("mine.py",), 0), (("mine.py", "--set", "model.dropout=0.1"), 0), (("mine.py", "--set", " data.val = 0.3"), 1)):
        assert run(capsys, "train", *words, "--data", "photos")[0] == Exit.USAGE and len(reached) == count


def test_what_draws_its_own_photos_has_no_shares(workspace, capsys):
    code, _, err = run(capsys, "train", "pretrain_backbone", "--set", "data.test=0.1")
    assert code == Exit.USAGE and err == "cvapp: --set data.test: pretrain_backbone draws its own photos, for every part anew; leave it out\n"


def test_photos_are_split_again_where_it_is_asked_for(photos, capsys):
    """Of ten photos a class 0.2 is 2 and 0.3 is 3."""
    code, out, _ = run(capsys, "data", "split", "photos")
    assert code == 0 and "new split" not in out and split.counts(split.read(photos / "split.csv"))["ants"]["val"] == 2
    before = {row.path: row.part for row in split.read(photos / "split.csv")}
    code, out, _ = run(capsys, "data", "split", "photos", "--val", "0.3")
    after = {row.path: row.part for row in split.read(photos / "split.csv")}
    moved = sum(before[path] != after[path] for path in before)
    assert code == 0 and split.counts(split.read(photos / "split.csv"))["ants"] == {"train": 5, "val": 3, "test": 2}
    assert out.splitlines()[-1] == f"new split: {moved} photos changed part; models trained before were measured on another split"
    assert run(capsys, "data", "split", "photos", "--val", "0.3")[1].splitlines()[-1] == "new split: no photo changed part"
    code, out, _ = run(capsys, "data", "split", "photos", "--json")
    values = json.loads(out)
    assert (code, values["kept"], values["moved"]) == (0, 30, 0) and values["notes"] == [
        "photos/split.csv is kept: 9 val photos, where a share of 0.2 would give 6"
    ]
    values = json.loads(run(capsys, "data", "split", "photos", "--seed", "3", "--json")[1])
    assert values["kept"] == 0 < values["moved"] and values["photos"]["ants"] == {"train": 6, "val": 2, "test": 2}


def test_split_of_given_parts_and_of_boxes(photos, capsys):
    (photos.parent / "given").mkdir()
    photos.rename(photos.parent / "given" / "train")
    (photos.parent / "given" / "test" / "ants").mkdir(parents=True)
    (photos.parent / "given" / "train" / "ants" / "0.png").rename(photos.parent / "given" / "test" / "ants" / "0.png")
    code, _, err = run(capsys, "data", "split", "given", "--test", "0.3")
    assert code == Exit.USAGE and "cvapp: --test 0.3: given decides which photos are for test, by its folders or its list; leave it out" in err
    assert run(capsys, "data", "split", "given", "--val", "0.3")[0] == 0
    lay(photos.parent, {"voc/Annotations/a.xml": voc_xml("a.jpg", ("cat", 1, 1, 20, 10)), "voc/JPEGImages/a.jpg": ""})
    code, _, err = run(capsys, "data", "split", "voc", "--val", "0.3")
    assert code == Exit.USAGE and err.endswith("freezes split.csv there; delete that file to split again\n")


@pytest.mark.parametrize("data", ["/home/me/photos", "photos", "my photos"])
def test_the_terminal_says_what_to_try_with_the_path_that_was_given(tmp_path, data):
    made = card(results_of(tmp_path, {"train": (60, 100), "val": (30, 50)}), settings=["model.backbone=mobilenet_v2_drawings"], train_seconds=1)
    assert "hardly" not in trained(made, tmp_path / "mine", data), "a card without the figure"
    made.metrics.update(probe_accuracy_adjusted=0.1, probe_accuracy_adjusted_high=0.2)
    said = trained(made, tmp_path / "mine", data)
    quoted = f"'{data}'" if " " in data else data
    line = (
        "The backbone's features hardly tell these classes apart (chance-adjusted accuracy of a linear probe: 0.10). A backbone "
        f"that has seen photos, if these are photos: cvapp train --data {quoted} --name mine --set model.backbone=efficientnet_lite0"
    )
    assert line in said.splitlines() and said.count("efficientnet_lite0") == 1
    made.metrics.update(probe_accuracy_adjusted=0.8, probe_accuracy_adjusted_high=0.9)
    assert "hardly" not in trained(made, tmp_path / "mine", data)


@pytest.mark.parametrize("size, interval", [(5, "95% interval 0."), (25, "too few for an interval")])
def test_the_terminal_gives_accuracy_by_session_where_sessions_are_known(tmp_path, size, interval):
    results = results_of(tmp_path, {"train": (60, 100), "val": (30, 50)})
    unknown = card(results, train_seconds=1)
    assert "session" not in trained(unknown, tmp_path / "mine") and "sessions" not in unknown.metrics["val"]
    counts, rows = {}, []
    for row in results.rows:
        index = counts[row.part] = counts.get(row.part, -1) + 1
        rows.append(row._replace(group=f"{row.part} day {index // size}"))
    made = card(dataclasses.replace(results, rows=rows), train_seconds=1, leave_one_session_out=0.55)
    said = trained(made, tmp_path / "mine").splitlines()
    (line,) = [one for one in said if one.startswith("accuracy by session")]
    assert f"accuracy by session 0.600 on {50 // size} sessions of val ({interval}" in line
    assert ("worst 'val day 6': 0.000 of 5 photos" if size == 5 else "worst 'val day 1': 0.200 of 25 photos") in line
    assert "leave-one-session-out 0.550: what to expect of a new session" in said
    assert made.metrics["val"]["accuracy"] == 0.6 and made.metrics["val"]["accuracy_by_session"] == 0.6
