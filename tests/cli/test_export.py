"""`cvapp export`: what its flags ask for, what it prints, and what is refused before a minute is spent."""

import json
import shutil
from pathlib import Path

import pytest

from cvapp import load
from cvapp.errors import CvappError, Exit
from cvapp.export import export as exporting
from cvapp.export import handover
from cvapp.recipe import Export
from tests.cli.test_cli import run

MINE = Path("saved_models/mine")
GATE = {"min_agreement": 0.5, "max_drop": 50}  # of the fixture's recipe


@pytest.fixture
def asked(home, monkeypatch):
    """What the export was asked for, and what was handed over, nothing made."""
    made, calls = json.loads((home / MINE / "lite/export.json").read_text()), []

    def export(folder, data, wishes, use, report):
        calls.append({"folder": folder, "data": data, "wishes": wishes, "use": use})
        return {**made, "chosen": "int8" if use == "smallest" else use}

    def hand_over(folder, out):
        calls.append({"folder": folder, "out": out})
        return {"zip": str(out), "variant": "float32", "bytes": 1_500_000, "files": ["README.md"]}

    monkeypatch.setattr(exporting, "export", export)
    monkeypatch.setattr(handover, "hand_over", hand_over)
    return calls


@pytest.mark.parametrize(
    "words, expected",
    [
        ([], {}),
        (["--auto"], {"use": "smallest"}),
        (["--use", "float16", "--max-drop", "50"], {"use": "float16"}),
        (["--data", "photos here"], {"data": "photos here"}),
        (["--max-drop", "0"], {"wishes": Export(**{**GATE, "max_drop": 0.0})}),
        (["--set", "export.max_drop=3", "--max-drop", "1.5"], {"wishes": Export(**{**GATE, "max_drop": 1.5})}),
        (
            ["--set", "export.author=Ann Ö.", "--set", "export.variants=float32,int8", "--set", "export.min_agreement=0.9"],
            {"wishes": Export(variants=("float32", "int8"), author="Ann Ö.", max_drop=50, min_agreement=0.9)},
        ),
    ],
    ids=str,
)
def test_flags_arrive_and_the_recipe_stands_where_there_are_none(words, expected, asked, capsys):
    assert run(capsys, "export", "mine", *words)[0] == 0
    assert asked == [{"folder": MINE, "data": None, "wishes": Export(**GATE), "use": "float32", **expected}]


def test_the_tables_name_every_variant_and_the_last_line_the_one_in_use(asked, home, capsys):
    made = json.loads((home / MINE / "lite/export.json").read_text())
    code, out, _ = run(capsys, "export", "mine", "--auto")
    lines = out.splitlines()
    names = ["float32", "float16", "dynamic", "int8"]
    assert code == 0 and [line.split()[0] for line in lines[1:5]] == names == [line.split()[0] for line in lines[8:12]]
    assert all(line.endswith("yes") for line in lines[1:5]) and lines[4].split()[-2] == "0", "int8 has no operation in float"
    for name, line in zip(names, lines[8:12]):
        row, whole = made["variants"][name], made["variants"]["float32"]
        taken = row["threads"]["1"]
        shown = [
            f"{row['bytes'] / 1e6:.2f}",
            f"{row['bytes'] / whole['bytes']:.3f}",
            f"{row['first_ms']:.1f}",
        ]
        shown += [f"{row['memory_mb']:.1f}", f"{taken['median_ms']:.2f}", f"{taken['p95_ms']:.2f}"]
        assert line.split()[1:7] == shown
    assert lines[-3] == f"measured on this host: {made['host']['machine']}"
    assert lines[-1].startswith("next: cvapp camera mine; ") and max(map(len, lines[:6] + lines[7:13])) <= 140
    assert lines[-2] == "proven on 9 validation photos; int8 is in use: saved_models/mine/lite/int8.tflite"


def test_json_is_the_export_and_nothing_else(asked, home, capsys):
    code, out, _ = run(capsys, "export", "mine", "--json")
    assert code == 0
    assert json.loads(out) == {
        "name": "mine",
        "folder": "saved_models/mine/lite",
        **json.loads((home / MINE / "lite/export.json").read_text()),
    }


def test_a_variant_that_was_not_published_is_listed_with_its_reasons(asked, home, capsys):
    values = json.loads((home / MINE / "lite/export.json").read_text())
    row = values["variants"]["int8"]
    row |= {"published": False, "reasons": ["lost 9 points", "agrees on none"]}
    del row["threads"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "export", lambda *_: values)
        code, out, _ = run(capsys, "export", "mine")
    assert code == 0 and "int8 was not published: it lost 9 points; it agrees on none" in out.splitlines()
    assert [line.split()[0] for line in out.splitlines()[8:12]] == ["float32", "float16", "dynamic", "ratio:"], (
        "what is not there has no speed"
    )
    assert out.splitlines()[4].endswith("no")


def test_out_packs_what_is_there_and_makes_nothing(asked, capsys):
    code, out, _ = run(capsys, "export", "mine", "--out", "a.zip")
    assert (code, asked) == (0, [{"folder": MINE, "out": Path("a.zip")}])
    assert out == "a.zip: float32 of mine, 1.50 MB; unpack it and read README.md\n"


def test_hints_can_be_pasted_whatever_the_model_is_called(home, capsys):
    """A shell takes each hint's name as one word."""
    (home / "saved_models/mine").rename(home / "saved_models/my photos (1)")
    shutil.rmtree(home / "saved_models/my photos (1)/lite")
    for words in (["verify", "my photos (1)"], ["bench", "my photos (1)"], ["phone", "my photos (1)"]):
        assert run(capsys, *words)[0] == 2
        assert run(capsys, *words)[2].rstrip().endswith(("run cvapp export 'my photos (1)'", "run cvapp export 'saved_models/my photos (1)'"))


def test_use_puts_another_variant_in_use_and_makes_nothing(asked, home, capsys):
    code, out, _ = run(capsys, "export", "mine", "--use", "int8")
    assert (code, out, asked) == (0, "int8 of mine is in use\n", [])
    assert load(home / MINE).variant == "int8"
    code, out, _ = run(capsys, "export", "mine", "--use", "dynamic", "--out", "a.zip")
    assert code == 0 and out.splitlines()[0] == "dynamic of mine is in use" and asked == [{"folder": MINE, "out": Path("a.zip")}]
    code, _, err = run(capsys, "export", "mine", "--use", "int4")
    assert code == Exit.USAGE and "has no variant 'int4': choose one of" in err and load(home / MINE).variant == "dynamic"


@pytest.mark.parametrize("words", [["--auto"], ["--max-drop", "1"], ["--set", "export.author=Ann"], ["--data", "photos"]], ids=str)
def test_out_beside_another_flag_makes_the_variants_first(words, asked, capsys):
    code, out, _ = run(capsys, "export", "mine", "--out", "a.zip", *words, "--json")
    assert code == 0 and [sorted(call) for call in asked] == [["data", "folder", "use", "wishes"], ["folder", "out"]]
    assert json.loads(out).keys() >= {"name", "variants", "chosen", "zip", "files"}


def test_out_of_a_model_that_was_never_exported_makes_the_variants_first(asked, home, capsys):
    shutil.rmtree(home / MINE / "lite")
    assert run(capsys, "export", "mine", "--out", "a.zip")[0] == 0
    assert [sorted(call)[0] for call in asked] == ["data", "folder"]


USAGE = [
    (["nobody"], "no saved model at saved_models/nobody"),
    (["mine", "--auto", "--use", "int8"], "--auto chooses the variant in use, --use int8 too; give one of them"),
    (["mine", "--max-drop", "1", "--use", "int4"], "--use is 'int4': choose one of float32, float16, dynamic, int8"),
    (["mine", "--set", "export.variants=int9"], "export.variants is 'int9': choose one of"),
    (["mine", "--set", "train.epochs=3"], "--set train.epochs=3: the model is trained; only export.* can be changed now"),
    (["mine", "--set", "exports.author=me"], "only export.* can be changed now"),
    (["mine", "--set", "export.author=me", "--set", "seed=1"], "--set seed=1: the model is trained"),
    (["mine", "--out", "a.zip", "--set", "model.head=mlp"], "--set model.head=mlp: the model is trained"),
    (["mine", "--set", "export.autor=me"], "export.autor is no part of a recipe. Did you mean export.author?"),
    (["mine", "--set", "export.author"], "write it as part.name=value"),
    (["mine", "--set", "export.variants=int8"], "float32 must be among them"),
    (["mine", "--set", "export.variants=float32,flaot16"], "Did you mean float16?"),
    (["mine", "--max-drop", "-1"], "export.max_drop is -1.0: give a number from 0 to 100"),
    (["mine", "--max-drop", "nan"], "export.max_drop is 'nan': expected float"),
    (["mine", "--max-drop", "little"], "--max-drop: invalid float value: 'little'"),
    (["mine", "--rounds", "3"], "unrecognized arguments: --rounds"),
]


@pytest.mark.parametrize("words, line", USAGE, ids=lambda part: str(part)[:40])
def test_a_wrong_flag_is_one_line_before_anything_is_made(words, line, asked, capsys):
    code, out, err = run(capsys, "export", *words)
    assert code == Exit.USAGE and out == "" and line in err and err.startswith("cvapp: ") and err.count("\n") == 1
    assert asked == []


def test_a_gate_that_fails_is_exit_5(asked, monkeypatch, capsys):
    def fail(*_):
        raise CvappError("float32 differs: nothing was published", Exit.GATE)

    monkeypatch.setattr(exporting, "export", fail)
    code, out, err = run(capsys, "export", "mine")
    assert (code, out, err) == (Exit.GATE, "", "cvapp: float32 differs: nothing was published\n")


def test_from_the_command_to_the_files(home, capsys, monkeypatch, photos):
    """Nothing but the clock is made up."""
    timed = {"first_ms": 1.0, "memory_mb": 1.0, "threads": {}}
    monkeypatch.setattr(exporting.apart, "rounds", lambda files, *_, **__: {name: timed for name in files})
    sets = ["--set", "export.variants=float32,float16", "--set", "export.author=Ann"]
    code, out, _ = run(capsys, "export", "mine", "--auto", *sets, "--json")
    assert code == 0 and json.loads(out)["chosen"] == "float16"
    assert {path.stem for path in (home / MINE / "lite").glob("*.tflite")} == {"float32", "float16"}
    assert all(b"Ann" in path.read_bytes() for path in (home / MINE / "lite").glob("*.tflite"))
    code, out, _ = run(capsys, "predict", "mine", photos / "moon")
    assert code == 0 and out
