"""`cvapp` and a transcriber: trained, measured, read with, run live, and refused where a .tflite is wanted."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from cvapp import images
from cvapp.data import digit_rows
from cvapp.errors import Exit
from tests.cli.test_cli import run
from tests.rows import few, rows_recipe


@pytest.fixture
def here(transcriber, workspace, monkeypatch):
    """A copy of the transcriber's home, with `photos`: four pictures of another size than its own."""
    few(monkeypatch)
    shutil.copytree(transcriber / "saved_models", "saved_models")
    for index in range(4):
        images.write(f"photos/{index}.png", digit_rows.picture(4, index, (48, 72), 1, 2)[0])
    return workspace


def test_predict_says_the_text_and_its_probability(here, capsys):
    code, out, err = run(capsys, "predict", "rows", "photos", "--csv", "out.csv", "--draw", "drawn")
    lines = [line.split() for line in out.splitlines()]
    assert code == 0 and lines[0] == ["file", "text", "probability"] and len(lines) == 5
    assert err == "rows is a transcriber: Keras runs it, slowly\n"
    for index, (file, text, probability) in enumerate(lines[1:]):
        assert file == f"photos/{index}.png" and (text.isdecimal() or text == "nothing") and 0 < float(probability) <= 1
        drawn = images.read(f"drawn/{index}.jpg")
        assert drawn.shape[1] == 72 and drawn.shape[0] > 48 + 20
    code, out, _ = run(capsys, "predict", "rows", "photos", "--json")
    values = json.loads(out)
    assert code == 0 and values["variant"] == "keras" and values["errors"] == {}
    for (file, text, probability), row in zip(lines[1:], csv.DictReader(Path("out.csv").read_text().splitlines())):
        found = values["photos"][file]
        assert values["answers"][file] == text == row["text"] and (found["text"] or "nothing") == text
        assert f"{found['probability']:.3f}" == probability == row["probability"]


def test_camera_runs_it_live(here, capsys):
    code, out, err = run(capsys, "camera", "rows", "--source", "photos/*.png", "--no-show", "--log", "log.jsonl", "--save", "out.avi")
    lines = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    assert code == 0 and "rows is a transcriber: Keras runs it, slowly" in err and "4 frames in" in out and "saved out.avi" in out
    assert len(lines) == 4 and all(line["answer"] == (line["text"] or "nothing") and 0 < line["probability"] <= 1 for line in lines)


def test_evaluate_gives_the_figures_of_the_card(here, capsys):
    code, out, _ = run(capsys, "evaluate", "rows", "--json")
    values, card = json.loads(out), json.loads(Path("saved_models/rows/card.json").read_text())
    assert code == 0 and {name: values[name] for name in card["metrics"]["test"]} == card["metrics"]["test"]
    assert (values["name"], values["variant"], values["split"], values["pictures"]) == ("rows", "keras", "test", 96)
    assert values["beam"]["width"] == 2 and set(values["by_length"]) == {"1", "2"}
    code, out, _ = run(capsys, "evaluate", "rows", "--split", "val")
    lines = out.splitlines()
    assert code == 0 and lines[0].split()[:2] == ["digits", "pictures"] and lines[3].split()[:2] == ["all", "48"]
    assert lines[4].startswith("without a mistake by beam search, 2 wide: ")
    share = float(lines[3].split()[2])
    assert lines[5].startswith(f"rows (keras): {share:.3f}") and " of 48 drawn pictures of val without a mistake, 95% interval 0." in lines[5]


def test_evaluate_reads_pictures_of_a_csv_and_of_folders(here, capsys):
    """What it reads itself is right by definition; one text is altered, another holds a letter that it cannot write."""
    from cvapp import load

    bundle = load("saved_models/rows")
    read = [bundle.read(images.read(f"photos/{index}.png")).label for index in range(4)]
    texts = [read[0], read[1], f"{read[2]}9", "7b"]
    for index, text in enumerate(texts):
        images.write(f"folders/{text}/{index}.png", images.read(f"photos/{index}.png"))
    lines = [f"photos/{index}.png,{text}" for index, text in enumerate([*texts, "11"])]
    Path("list.csv").write_text("\n".join(["path,label", *lines]))
    Path("photos/4.png").write_bytes(b"none")
    for source in ("list.csv", "folders"):
        code, out, _ = run(capsys, "evaluate", "rows", "--data", source, "--json")
        values = json.loads(out)
        assert (code, values["accuracy"], values["pictures"]) == (0, 0.5, 4), "two of four"
        assert values["accuracy_interval"] == [0.15, 0.85]  # Wilson's of 2 of 4: 0.5 -+ 0.35
        assert (values["data"], values["split"], values["missing"], values["extra"]) == (source, None, [], [])
        assert "1 of 4 texts holds characters that the model cannot write ('b'), such as '7b': each counts as a mistake" in values["notes"]
        assert values["left_out"] == {"learned": 0, "repeated": 0, "two_labels": 0, "near_copies": 0, "unusable": int(source == "list.csv")}
    assert list(json.loads(run(capsys, "evaluate", "rows", "--data", "list.csv", "--json")[1])["unusable"]) == ["photos/4.png"]
    code, out, _ = run(capsys, "evaluate", "rows", "--data", "folders")
    assert out.splitlines()[-1] == "rows (keras): 0.5000 of 4 pictures of folders without a mistake, 95% interval 0.1500 to 0.8500"


def test_it_is_trained_from_the_command_line(here, capsys, monkeypatch):
    monkeypatch.setattr("cvapp.shipped.load_pipeline", lambda name: rows_recipe("train.images_per_epoch=32"))
    monkeypatch.setattr("cvapp.training.transcribe.text_report.write", lambda *_: None)
    code, out, _ = run(capsys, "train", "digit_rows", "--epochs", "1")
    assert json.loads(Path("saved_models/digit_rows/card.json").read_text())["task"] == "transcribe"
    assert code == 0 and re.search(r"saved_models/digit_rows: trained in \d+ s; report: saved_models/digit_rows/report/report.html", out)
    assert out.endswith("next: cvapp predict digit_rows PHOTO\n") and "all" in out


def test_list_shows_it(here, capsys):
    code, out, _ = run(capsys, "list", "--json")
    values = json.loads(out)
    assert code == 0 and values["pipelines"]["digit_rows"].startswith("A transcriber from scratch")
    figures = json.loads(Path("saved_models/rows/card.json").read_text())["metrics"]["test"]
    shown = values["models"]["rows"]
    assert (shown["task"], shown["labels"], shown["accuracy"], shown["lite"]) == ("transcribe", 10, figures["accuracy"], [])


NOT_EXPORTED = "it writes a token at a time, in a loop that no .tflite of cvapp's holds; cvapp predict runs it in Keras"


@pytest.mark.parametrize(
    "words",
    [
        ("export", "rows"),
        ("export", "rows", "--out", "rows.zip"),
        ("verify", "rows"),
        ("bench", "rows"),
        ("slide", "rows"),
        ("predict", "rows", "photos", "--variant", "float32"),
        ("evaluate", "rows", "--variant", "float32"),
    ],
    ids=" ".join,
)
def test_a_tflite_of_it_is_refused(here, capsys, words):
    assert run(capsys, *words) == (Exit.USAGE, "", f"cvapp: rows is a transcriber: {NOT_EXPORTED}\n")


@pytest.mark.parametrize(
    "words, said",
    [
        (
            ("evaluate", "rows", "--split", "val", "--data", "photos"),
            "--data photos --split val: rows learned from pictures that cvapp draws, and they lie in no folder; leave one of the two out",
        ),
        (("train", "digit_rows", "--data", "photos"), "--data photos: digit_rows draws its own photos; leave --data out"),
        (("predict", "rows", "photos", "--conf", "0.5"), "--conf is for detectors; rows is a transcribe model: leave it out"),
        (
            ("train", "digit_rows", "--set", "transcribe.most=40"),
            "1 to 40 digits in a picture of (32, 160): give 1 digit or more, 16 pixels ",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_what_it_has_no_use_for_is_one_line(here, capsys, words, said):
    code, out, err = run(capsys, *words)
    assert (code, out) == (Exit.USAGE, "") and f"cvapp: {said}" in err
