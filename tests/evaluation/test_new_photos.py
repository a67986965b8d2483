"""A classifier measured on a person's own folder: figures by hand, classes that fit or do not, photos that it learned from, damaged files."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cvapp import card as cards
from cvapp import images
from cvapp.bundle import Bundle
from cvapp.card import Card
from cvapp.cli import main
from cvapp.data import duplicates, split
from cvapp.data.split import Row
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import evaluate as evaluating
from cvapp.evaluation.evaluate import evaluate
from cvapp.images import Images
from cvapp.recipe import Recipe

LABELS = ("red", "green", "blue")


def look(pixels: np.ndarray) -> np.ndarray:
    """The share of each color: a picture is of the color that it has most of."""
    means = pixels.astype(np.float32).mean((1, 2)) + 1e-3
    return means / means.sum(1, keepdims=True)


def paint(path: str | Path, color: str, seed: int = 0, strength: int = 200) -> str:
    """A noisy picture of one color, 0.8 of its light or, where it is weaker, less; returns its content hash."""
    values = np.full((20, 24, 3), 25) + strength * (np.array(LABELS) == color) * (strength > 25)
    images.write(path, (values + np.random.default_rng(seed).integers(0, 5, values.shape)).astype(np.uint8))
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.fixture
def folder(workspace, monkeypatch):
    """A saved model of three colors, and `photos`, its own: of each color three to train on, one of val, two of test."""
    home, rows = workspace / "saved_models" / "colors", []
    for place, label in enumerate(LABELS):
        for number, part in enumerate(("train", "train", "train", "val", "test", "test")):
            name = f"{label}/{number}.png"
            shown = "blue" if (label, number) == ("green", 5) else label
            rows.append(Row(paint(f"photos/{name}", shown, 10 * place + number), name, label, part))
    save(home, sorted(rows, key=lambda row: row.path), monkeypatch)
    return home


def save(home, rows, monkeypatch, labels=LABELS, threshold=0.5):
    home.mkdir(parents=True, exist_ok=True)
    split.write(home / split.FILE, rows)
    card = Card("colors", "classify", labels, Images((8, 8)), Recipe(), threshold=threshold, files=cards.hash_files(home))
    cards.write(card, home)
    monkeypatch.setattr(evaluating, "load", lambda place, variant: Bundle(card, look, variant or "keras"))


def besides(figures):
    names = ("accuracy", "accuracy_interval", "loss", "photos", "macro_f1", "accuracy_by_class", "calibration_error")
    return {name: figures[name] for name in names}


def test_figures_of_other_photos_are_counted_by_hand(folder):
    """Four right of five: a blue photo lies among the red ones. Two photos of another class, of which a dull one is answered as unknown."""
    for number in range(2):
        paint(f"new/Red/{number}.png", "red", 50 + number)
        paint(f"new/green/{number}.png", "green", 60 + number)
        paint(f"new/pink/{number}.png", "red", 80 + number, strength=(200, 20)[number])
    paint("new/Red/2.png", "blue", 70)
    found = evaluate(folder, "new")
    assert (found["accuracy"], found["photos"], found["accuracy_interval"]) == (0.8, 5, [0.3755, 0.9638])
    assert found["accuracy_by_class"] == {"red": 0.6667, "green": 1.0}, "of a class without photos it is absent, not 0"
    assert (found["data"], found["split"], found["missing"]) == ("new", None, ["blue"])
    assert found["respelled"] == [{"given": "Red", "label": "red"}]
    assert found["extra"] == [{"label": "pink", "photos": 2, "unknown": 1}]
    assert found["left_out"] == {"learned": 0, "repeated": 0, "two_labels": 0, "near_copies": 0, "unusable": 0}
    assert found["notes"] == [
        "class 'Red' is taken for the model's 'red'",
        "1 of the model's 3 classes could not be measured: 'blue'",
        "class 'pink' is not one of the model's: its 2 photos do not count; answered as unknown: 1 of 2",
    ]
    assert json.dumps(found)


def test_without_a_threshold_nothing_is_unknown(folder, monkeypatch):
    save(folder, split.read(folder / split.FILE), monkeypatch, threshold=0.0)
    paint("new/red/0.png", "red", 50)
    paint("new/bleu/0.png", "blue", 51)
    found = evaluate(folder, "new")
    assert found["extra"] == [{"label": "bleu", "photos": 1, "unknown": None}]
    assert found["notes"][-1] == "class 'bleu' is not one of the model's: its 1 photo does not count. Did you mean blue?"


def test_the_folder_of_the_training_gives_the_default_figures(folder):
    default, found = evaluate(folder, "photos", "test"), evaluate(folder, "photos")
    assert default["split"] == "test" and besides(found) == besides(default) and found["accuracy"] == pytest.approx(5 / 6, abs=1e-4)
    assert found["left_out"]["learned"] == 12 and found["missing"] == []
    assert found["notes"] == ["left out: 12 photos that the model learned from or that chose its epoch"]


def test_where_no_photo_is_held_out_val_is_what_was_not_learned(folder, monkeypatch):
    rows = [row for row in split.read(folder / split.FILE) if row.part != "test"]
    save(folder, rows, monkeypatch)
    for row in [path for path in Path("photos").glob("*/[45].png")]:
        row.unlink()
    default, found = evaluate(folder, "photos", "val"), evaluate(folder, "photos")
    assert besides(found) == besides(default) and found["photos"] == 3 and found["left_out"]["learned"] == 9
    assert found["notes"] == ["left out: 9 photos that the model learned from"]


def test_copies_count_as_often_as_in_the_split_and_else_once(folder, monkeypatch):
    shutil.copy("photos/red/4.png", "photos/red/9.png")
    rows = split.read(folder / split.FILE)
    twin = next(row for row in rows if row.path == "red/4.png")
    save(folder, sorted([*rows, twin._replace(path="red/9.png")], key=lambda row: row.path), monkeypatch)
    assert besides(evaluate(folder, "photos")) == besides(evaluate(folder, "photos", "test")), "7 photos, twice one of them"
    for name in ("a", "b", "c"):
        paint(f"new/red/{name}.png", "red", 50)
    paint("new/blue/a.png", "blue", 51)
    found = evaluate(folder, "new")
    assert found["photos"] == 2 and found["left_out"]["repeated"] == 2
    assert "left out: 2 copies of other files: each content counts once" in found["notes"]


def test_a_near_copy_beside_a_photo_of_the_split_is_left_out_as_in_training(folder, monkeypatch):
    """Of a split with given parts training leaves copies out, and so does the measuring of its folder; alone they are photos like any other."""
    shade = np.kron(np.random.default_rng(9).integers(0, 90, (8, 8, 3)), np.ones((12, 12, 1))).astype(np.uint8) + np.uint8([90, 0, 0])
    images.write("photos/red/6.png", shade)
    row = Row(hashlib.sha256(Path("photos/red/6.png").read_bytes()).hexdigest(), "red/6.png", "red", "test")
    save(folder, sorted([*split.read(folder / split.FILE), row], key=lambda row: row.path), monkeypatch)
    images.write("photos/red/7.png", shade + np.uint8(3))
    images.write("photos/red/8.png", shade[::-1])
    default, found = evaluate(folder, "photos", "test"), evaluate(folder, "photos")
    assert found["unusable"] == {"red/7.png": "near copy of red/6.png, which is in the model's split"} and found["left_out"]["near_copies"] == 1
    assert found["photos"] == default["photos"] + 1 == 8, "another picture is none"
    Path("photos/red/8.png").unlink()
    assert besides(evaluate(folder, "photos")) == besides(default)
    images.write("new/red/7.png", shade + np.uint8(3))
    assert evaluate(folder, "new")["photos"] == 1


def test_near_copies_of_what_was_learned_are_said_to_flatter(folder, monkeypatch):
    shade = np.kron(np.random.default_rng(9).integers(0, 90, (8, 8, 3)), np.ones((12, 12, 1))).astype(np.uint8) + np.uint8([90, 0, 0])
    save(folder, sorted([*split.read(folder / split.FILE), Row("f" * 64, "red/6.png", "red", "train")], key=lambda row: row.path), monkeypatch)
    duplicates.store().open().put("f" * 64, duplicates.thumbnail(shade))
    images.write("new/red/1.png", shade + np.uint8(3))
    images.write("new/red/2.png", shade[::-1])
    line = "1 photo all but the same as what the model learned from: the figures flatter"
    found = evaluate(folder, "new")
    assert found["photos"] == 2 and line in found["notes"]
    Path("new/red/1.png").unlink()
    assert not evaluate(folder, "new")["notes"][1:], "only of the classes that are missing"


def test_what_cannot_be_used_is_named_and_two_labels_of_one_content_are_left_out(folder):
    paint("new/red/good.png", "red", 50)
    paint("new/red/twice.png", "red", 51)
    paint("new/blue/twice.png", "red", 51)
    for number in range(5):
        Path(f"new/red/bad{number}.png").write_bytes(b"none")
    Path("new/red/empty.png").write_bytes(b"")
    found = evaluate(folder, "new")
    assert (found["photos"], found["accuracy"]) == (1, 1.0)
    assert found["left_out"] == {"learned": 0, "repeated": 0, "two_labels": 2, "near_copies": 0, "unusable": 6} and len(found["unusable"]) == 8
    assert found["unusable"]["red/twice.png"] == "same picture as blue/twice.png, which is labelled 'blue'"
    lines = [line for line in found["notes"] if line.startswith("left out: ")]
    assert len(lines) == 5 and "3 more files; --json names them all" in found["notes"]
    assert all(":" in line.removeprefix("left out: ") for line in lines), "each with its reason"


def test_two_folders_of_one_class_are_no_two_labels(folder):
    paint("new/red/a.png", "red", 51)
    paint("new/RED/b.png", "red", 51)
    paint("new/RED/c.png", "red", 52)
    found = evaluate(folder, "new")
    assert found["photos"] == 2 and found["left_out"]["two_labels"] == 0
    assert found["notes"][0] == "classes 'RED' and 'red' mean the model's 'red' and count together"


@pytest.mark.parametrize(
    "given, said",
    [
        ({"gren": 50, "pink": 51}, r"^--data new: none of its classes \('gren', 'pink'\) is one of the model's .*\. Did you mean green\?$"),
        ({"pink": 51}, r"^--data new: none of its classes \('pink'\) is one .* \('red', 'green', 'blue'\); rename the classes that are meant$"),
    ],
)
def test_no_class_in_common_is_one_line(folder, given, said):
    for label, seed in given.items():
        paint(f"new/{label}/0.png", "red", seed)
    with pytest.raises(CvappError, match=said) as error:
        evaluate(folder, "new")
    assert error.value.code == Exit.BAD_DATA


def test_where_nothing_remains_a_part_of_the_split_is_named(folder):
    shutil.copytree("photos", "new", ignore=shutil.ignore_patterns("[45].png"))
    wanted = "--data new: nothing is left to measure on without the 12 photos that the model learned from or that chose its epoch; give "
    with pytest.raises(CvappError, match=f"^{wanted}other photos, or measure a part of its own split with --split val$") as error:
        evaluate(folder, "new")
    assert error.value.code == Exit.BAD_DATA
    assert evaluate(folder, "new", "val")["photos"] == 3
    Path("bad/red").mkdir(parents=True)
    Path("bad/red/0.png").write_bytes(b"none")
    with pytest.raises(CvappError, match="^--data bad: no photo of the model's classes can be used, such as red/0.png: ") as error:
        evaluate(folder, "bad")
    assert error.value.code == Exit.BAD_DATA


def test_what_is_no_source_is_one_line(folder, boxed_photos):
    wrong = {"nowhere": "--data nowhere: no such folder or file; give a folder for each class", boxed_photos: "photos with boxes, but"}
    for source, said in wrong.items():
        with pytest.raises(CvappError, match=said) as error:
            evaluate(folder, source)
        assert error.value.code == Exit.BAD_DATA


def test_photos_of_the_split_that_are_lost_name_a_command_that_works(folder):
    with pytest.raises(CvappError, match="not kept in saved_models/.cache; name their folder with --split test --data DIR, the one") as error:
        evaluate(folder)
    assert error.value.code == Exit.BAD_DATA
    assert evaluate(folder, "photos", "test")["photos"] == 6
    shutil.rmtree("saved_models/.cache")
    shutil.rmtree("photos/blue")
    told = []
    with pytest.raises(CvappError, match="^2 of the model's 6 photos are not to be had; name the folder that it learnt from with --split test"):
        evaluate(folder, "photos", "test", report=lambda text, *_: told.append(text))
    assert not any("the others are used" in line for line in told)


def test_the_command_says_it_all(folder, capsys):
    paint("new/red/0.png", "red", 50)
    paint("new/Green/0.png", "blue", 51)
    assert main(["evaluate", "colors", "--data", "new"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "class  accuracy",
        "red       1.000",
        "green     0.000",
        "class 'Green' is taken for the model's 'green'",
        "1 of the model's 3 classes could not be measured: 'blue'",
        "colors (keras): accuracy 0.5000, 95% interval 0.0945 to 0.9055, on the 2 photos of new",
    ]
    assert main(["evaluate", "colors", "--data", "photos", "--part", "val", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(["evaluate", "colors", "--data", "photos", "--split", "val", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == first and first["split"] == "val" and first["photos"] == 3
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    told = capsys.readouterr().out
    assert "--split" in told and "--part" not in told


def test_a_backbone_is_not_measured(workspace, capsys):
    paint("new/red/0.png", "red", 50)
    shipped = Path(cards.__file__).parents[1] / "saved_models" / "mobilenet_v2_drawings"
    assert main(["evaluate", str(shipped), "--data", "new"]) == Exit.USAGE
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "is a backbone: it answers features, not labels" in err


def test_photos_that_join_known_sessions_do_not_bring_back_what_was_learned(folder, monkeypatch):
    """The names tell two sessions; a file more than the split must not make the others count again."""
    rows = []
    for place, label in enumerate(LABELS[:2]):
        for number in range(6):
            name = f"{label}/{label}-2026113{number % 2}-100000-{number:04d}.png"
            rows.append(Row(paint(f"shots/{name}", label, 200 + 10 * place + number), name, label, "test" if number % 2 else "train"))
    save(folder, sorted(rows, key=lambda row: row.path), monkeypatch)
    default = evaluate(folder, "shots")
    paint("shots/red/red-20261132-100000-0001.png", "red", 300)
    grown = evaluate(folder, "shots")
    assert (default["photos"], grown["photos"]) == (6, 7) and default["left_out"]["learned"] == grown["left_out"]["learned"] == 6
