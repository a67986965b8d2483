"""`cvapp predict` and `cvapp camera` with a detector: tables, JSON, drawn photos, and what is asked for with --conf, --iou and --draw."""

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from cvapp import images, limits
from cvapp.errors import Exit
from tests.cli.test_cli import run

LOW = ("--conf", "0.3")


@pytest.fixture
def here(boxed_home, boxed_photos):
    """The detector's home with `photos`: two scenes with objects, and `empty.png`."""
    for name, to in (("0", "photos/0.png"), ("4", "photos/4.png"), ("24", "empty.png")):
        (boxed_home / to).parent.mkdir(exist_ok=True)
        shutil.copy(boxed_photos / "images" / f"{name}.png", boxed_home / to)
    return boxed_home


def test_the_table_has_a_row_for_each_box_and_one_for_nothing(here, capsys):
    code, out, _ = run(capsys, "predict", "boxes", "photos", "empty.png", *LOW)
    lines = out.splitlines()
    assert code == 0 and lines[0].split() == ["file", "label", "score", "left", "top", "right", "bottom"]
    assert lines[-1].split() == ["empty.png", "nothing"] and len(lines) >= 4
    for line in lines[1:-1]:
        file, label, score, left, top, right, bottom = line.split()
        assert file.startswith("photos/") and label in ("disc", "tile") and 0.3 <= float(score) <= 1
        assert 0 <= int(left) < int(right) <= 128 and 0 <= int(top) < int(bottom) <= 96


def test_csv_and_json_say_the_same(here, capsys):
    code, out, _ = run(capsys, "predict", "boxes", "photos", "empty.png", *LOW, "--csv", "out.csv", "--json")
    values = json.loads(out)
    with open("out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert code == 0 and values["photos"]["empty.png"] == [] and values["answers"]["empty.png"] == "nothing"
    boxes = [(file, box) for file, found in values["photos"].items() for box in found]
    assert [(row["file"], row["label"]) for row in rows] == [(file, box["label"]) for file, box in boxes] + [("empty.png", "nothing")]
    for row, (_, box) in zip(rows, boxes):
        assert [int(row[name]) for name in ("left", "top", "right", "bottom")] == [round(edge) for edge in box["xyxy"]]
        assert len(box["points"]) == 4
    assert rows[-1]["left"] == "" and values["threshold"] == json.loads(Path("saved_models/boxes/card.json").read_text())["threshold"]


def test_boxes_of_a_photo_that_is_read_reduced_are_in_its_own_pixels(here, capsys, monkeypatch):
    rgb = images.read("photos/0.png")
    images.write("large.png", images.resize(rgb, (2 * rgb.shape[0], 2 * rgb.shape[1])))
    found = []
    for most in (limits.MAX_PIXELS, rgb.shape[0] * rgb.shape[1]):
        monkeypatch.setattr(limits, "MAX_PIXELS", most)
        assert images.read("large.png").shape[0] == rgb.shape[0] * (2 if most > 10**6 else 1)
        _, out, _ = run(capsys, "predict", "boxes", "large.png", *LOW, "--draw", "drawn", "--json")
        found.append(json.loads(out)["photos"]["large.png"])
    (whole, reduced) = ([(*box["xyxy"], *np.ravel(box["points"])) for box in boxes] for boxes in found)
    assert len(whole) > 0 and max(map(max, whole)) > rgb.shape[1] and reduced == pytest.approx(np.array(whole), abs=1)


def count(capsys, *words):
    code, out, _ = run(capsys, "predict", "boxes", "photos/0.png", "photos/4.png", "--json", *words)
    assert code == 0
    return [box for found in json.loads(out)["photos"].values() for box in found]


def test_conf_and_iou_count(here, capsys):
    some, many, all_of_them = (count(capsys, "--conf", conf) for conf in ("0.6", "0.1", "0"))
    assert len(some) < len(many) < len(all_of_them) and min(box["score"] for box in many) >= 0.1
    assert len(count(capsys, "--conf", "1")) == 0
    assert len(count(capsys, *LOW, "--iou", "1")) > len(count(capsys, *LOW)) >= len(count(capsys, *LOW, "--iou", "0")) > 0


@pytest.mark.parametrize(
    "verb", [("predict", "boxes", "empty.png"), ("camera", "boxes", "--source", "empty.png", "--no-show")], ids="-".join
)
@pytest.mark.parametrize("flag", ["--conf", "--iou"])
@pytest.mark.parametrize("value", ["-0.1", "1.01", "nan", "high"])
def test_what_is_out_of_range_is_one_line(here, capsys, verb, flag, value):
    code, out, err = run(capsys, *verb, flag, value)
    assert (code, out) == (Exit.USAGE, "") and err.count("\n") == 1
    assert (f"{flag} {value}: give a number from 0 to 1" in err) if value != "high" else "invalid float value: 'high'" in err


@pytest.mark.parametrize("flag", ["--conf", "--iou"])
def test_a_classifier_has_no_use_for_them(home, capsys, photos, flag):
    for words in (("predict", "mine", photos / "moon"), ("camera", "mine", "--source", "synthetic:signs,frames=1", "--no-show")):
        code, out, err = run(capsys, *words, flag, "0.5")
        assert (code, out) == (Exit.USAGE, "") and f"cvapp: {flag} is for detectors; mine is a classify model: leave it out" in err


def test_photos_are_drawn_by_their_own_names(here, capsys):
    assert run(capsys, "predict", "boxes", "photos", "empty.png", *LOW, "--draw", "new/drawn")[0] == 0
    assert sorted(path.name for path in Path("new/drawn").iterdir()) == ["0.jpg", "4.jpg", "empty.jpg"]
    for name in ("0", "4"):
        drawn, photo = images.read(f"new/drawn/{name}.jpg"), images.read(f"photos/{name}.png")
        assert drawn.shape == photo.shape and (np.abs(drawn.astype(int) - photo).max(2) > 80).sum() > 100
    assert np.abs(images.read("new/drawn/empty.jpg").astype(int) - images.read("empty.png")).mean() < 15, "no box, nothing drawn"


def test_photos_of_one_name_are_numbered_and_none_is_lost(here, capsys):
    """`0-2` is the name that the second `0` would get, were only those of one name numbered."""
    for folder, name in (("more", "0.png"), ("other", "0-2.png")):
        Path(folder).mkdir()
        shutil.copy("empty.png", f"{folder}/{name}")
    assert run(capsys, "predict", "boxes", "photos/0.png", "more/0.png", "other/0-2.png", "--draw", "drawn")[0] == 0
    assert sorted(path.name for path in Path("drawn").iterdir()) == ["0-1.jpg", "0-2-3.jpg", "0-2.jpg"]


def test_a_photo_that_is_named_twice_is_drawn_once(here, capsys):
    code, out, _ = run(capsys, "predict", "boxes", "photos/0.png", "photos/0.png", "--draw", "drawn")
    assert code == 0 and [path.name for path in Path("drawn").iterdir()] == ["0.jpg"]


@pytest.mark.parametrize("words", [("p/a.jpg",), ("p",), ("q/a.png", "p/a-1.jpg")], ids="-".join)
def test_no_photo_is_written_over(here, capsys, words):
    """Its own drawing, or that of another which would get its name."""
    Path("q").mkdir()
    images.write("q/a.png", images.read("empty.png"))
    images.write("p/a.jpg" if "p/a-1.jpg" not in words else "p/a-1.jpg", images.read("photos/0.png"))
    if "p/a-1.jpg" in words:
        Path("q/b").mkdir()
        shutil.copy("q/a.png", "q/b/a.png")
        words = (*words, "q/b/a.png")
    before = {path: path.read_bytes() for path in Path("p").iterdir()}
    code, out, err = run(capsys, "predict", "boxes", *words, "--draw", "p")
    assert (code, out) == (Exit.USAGE, "") and "would take the place of" in err and "which is read; choose another name" in err
    assert {path: path.read_bytes() for path in Path("p").iterdir()} == before


def test_a_photo_that_is_not_there_is_told_though_a_drawing_of_its_name_is(here, capsys):
    images.write("drawn/gone.jpg", images.read("empty.png"))
    code, out, err = run(capsys, "predict", "boxes", "gone.png", "empty.png", "--draw", "drawn")
    assert code == Exit.BAD_DATA and "gone.png: cannot be read" in err and "empty.png" in out
    assert sorted(path.name for path in Path("drawn").iterdir()) == ["empty.jpg", "gone.jpg"]


def test_a_folder_that_cannot_be_written_is_exit_7(here, capsys):
    Path("file").write_text("")
    for place in ("file", "file/drawn"):
        code, out, err = run(capsys, "predict", "boxes", "photos", "--draw", place)
        assert (code, out) == (Exit.CANNOT_WRITE, "") and err.startswith(f"cvapp: --draw {place}: cannot write (")


def test_a_classifiers_photos_are_drawn_too(home, photos, capsys):
    assert run(capsys, "predict", "mine", photos / "moon" / "moon ü 0.png", "--draw", "drawn")[0] == 0
    assert images.read("drawn/moon ü 0.jpg").shape == images.read(photos / "moon" / "moon ü 0.png").shape


def test_a_detector_runs_live_on_a_video(here, capsys):
    writer = cv2.VideoWriter("scene.avi", cv2.VideoWriter_fourcc(*"MJPG"), 20, (128, 96))
    for name in ["photos/0.png", "empty.png"] * 3:
        writer.write(images.read(name)[..., ::-1])
    writer.release()
    words = ("camera", "boxes", "--source", "scene.avi", "--no-show", "--mirror", *LOW, "--save", "out.avi", "--log", "log.csv")
    code, out, _ = run(capsys, *words)
    assert code == 0 and "nothing" in out and "6 frames in" in out
    with open("log.csv", newline="") as file:
        found = [json.loads(row["boxes"]) for row in csv.DictReader(file)]
    assert len(found) == 6 and all(found[::2]) and not any(found[1::2])
    code, out, _ = run(capsys, *words[:6], "--json", "--conf", "1")
    assert code == 0 and json.loads(out)["labels"] == {"nothing": 6}
