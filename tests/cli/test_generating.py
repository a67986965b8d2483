"""`cvapp` and a generator: trained, of the drawn signs where no photos are named; measured, listed, refused."""

import json
import re
import shutil
from pathlib import Path

import pytest

from cvapp import card as cards
from cvapp.cli import training
from cvapp.cli.trained import beside_photos, trained
from cvapp.errors import Exit
from tests.cli.test_cli import run
from tests.gan import gan_recipe, narrow, untrained


@pytest.fixture
def here(generator, workspace, monkeypatch):
    """A copy of the generator's home, as the current folder."""
    shutil.copytree(generator, workspace / "home")
    monkeypatch.chdir(workspace / "home")
    return workspace / "home"


@pytest.fixture
def short(monkeypatch):
    """The pipeline in small, with a judge that learnt nothing and no report."""
    narrow(monkeypatch)
    untrained(monkeypatch)
    monkeypatch.setattr("cvapp.shipped.load_pipeline", lambda name: gan_recipe("train.epochs=1"))
    monkeypatch.setattr("cvapp.training.generate.generated_report.write", lambda *_: None)


def test_evaluate_prints_its_figures_beside_those_of_photos(here, capsys):
    code, out, _ = run(capsys, "evaluate", "made", "--json")
    values, card = json.loads(out), cards.read(Path("saved_models/made"))
    assert code == 0 and {name: values[name] for name in card.metrics["test"]} == card.metrics["test"]
    code, out, _ = run(capsys, "evaluate", "made", "--split", "val")
    lines = out.splitlines()
    assert code == 0 and lines[0].split() == ["by", "the", "judge", "samples", "real", "photos"]
    assert lines[1].startswith("Fréchet distance") and lines[-3].startswith("nearly a training photo")
    assert lines[-2] == "of 4 samples beside 4 photos: too few to say much"
    assert re.fullmatch(
        r"made \(keras\): Fréchet distance \S+, of real photos \S+; 64 samples beside 9 photos of val, distances over 4 of each", lines[-1]
    )


def test_list_shows_its_distance(here, capsys):
    figures = cards.read(Path("saved_models/made")).metrics["test"]
    shown = json.loads(run(capsys, "list", "--json")[1])["models"]["made"]
    assert (shown["task"], shown["frechet"], shown["accuracy"], shown["map50"]) == ("generate", figures["frechet"], None, None)
    line = next(line for line in run(capsys, "list")[1].splitlines() if line.startswith("made "))
    assert line.split()[1:4] == ["generate", "3", str(figures["frechet"])]


def test_without_photos_it_learns_the_drawn_signs(short, workspace, capsys, monkeypatch):
    monkeypatch.setattr(training, "EACH", 8)
    code, out, err = run(capsys, "train", "dcgan", "--set", "data.val=0.3")
    assert code == 0, err
    folder = Path("saved_models/.cache/signs")
    assert "no --data: the printable signs are learnt, each by its name, 8 of each, drawn into saved_models/.cache/signs" in err
    assert len(list(folder.glob("*/*.jpg"))) == 8 * 10 and "80 photos of 10 classes" in err
    assert out.endswith("next: cvapp sample dcgan --grid out.png; cvapp export dcgan\n")
    assert "saved_models/dcgan: trained in " in out and "epoch 1 of 1 kept; report: saved_models/dcgan/report/report.html" in out
    drawn = {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")}
    code, out, err = run(capsys, "train", "dcgan", "--json", "--set", "data.val=0.3")
    values = json.loads(out)
    assert code == 0 and "no --data: the drawn signs in saved_models/.cache/signs are learnt, each by its name" in err
    assert drawn == {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")}
    assert (values["task"], values["name"], len(values["labels"])) == ("generate", "dcgan", 10) and values["metrics"]["test"][
        "samples"
    ] == 64


@pytest.mark.parametrize(
    "words, code, said",
    [
        (("--strict", "--data", "photos"), Exit.USAGE, "--strict ends a generator's run that collapses; feature_extraction makes a classify model"),
        (("dcgan", "--data", "nowhere"), Exit.BAD_DATA, "--data nowhere: no such folder or file; give a folder with photos, in class folders or not"),
        (("dcgan", "--data", "photos", "--set", "images.size=40,40"), Exit.USAGE, "images.size is (40, 40): a generator makes squares of 28, 32"),
        (("dcgan", "--data", "photos", "--set", "train.patience=3"), Exit.USAGE, "train.patience means nothing to a generator"),
        (("dcgan", "--data", "photos", "--batch", "4000"), Exit.BAD_DATA, "24 training photos, but a step takes 4000; give --batch 24 or less"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(photos, workspace, capsys, words, code, said):
    shutil.copytree(photos, "photos", ignore=shutil.ignore_patterns("split.csv"))
    found, out, err = run(capsys, "train", *words, *(("--set", "data.val=0.2", "--set", "data.test=0.2") if "--batch" in words else ()))
    assert (found, out) == (code, "") and f"cvapp: {said}" in err and not list(Path().glob("saved_models/[a-z]*"))
    assert not Path("photos/split.csv").exists(), "parts of photos that were refused are not frozen"


def test_a_forgotten_pipeline_puts_no_classifier_in_a_generator_s_place(here, photos, capsys):
    code, _, err = run(capsys, "train", "--data", photos, "--name", "made")
    wrong = "saved_models/made is a generate model, feature_extraction makes a classify model: give another --name, or remove the old one first"
    assert code == Exit.USAGE and wrong in err and cards.read(Path("saved_models/made")).task == "generate"


def test_a_generator_is_not_slid(here, capsys):
    code, _, err = run(capsys, "slide", "made")
    assert code == Exit.USAGE and "cvapp: made is a generator: use sample" in err


def test_alarms_and_a_collapse_are_named(here):
    card = cards.read(Path("saved_models/made"))
    card.metrics.update(alarms={"diversity": 300}, collapsed="all alike")
    text = trained(card, Path("saved_models/made"))
    assert "\nalarms: diversity (step 300)\ncollapsed: all alike\n" in text and "\nnext: cvapp sample made" in text
    card.metrics.update(alarms={}, collapsed="")
    assert "alarm" not in trained(card, Path("saved_models/made"))
    bare = {name: value for name, value in card.metrics["test"].items() if name not in ("covered", "memorised")}
    assert "classes made" not in beside_photos(bare)
