"""An exported detector: its variants find what Keras finds, its proof can be replayed, and the code that is handed over says what cvapp says."""

import contextlib
import dataclasses
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from cvapp import card as cards
from cvapp import images, load
from cvapp.boxes import iou
from cvapp.errors import CvappError, Exit
from cvapp.export import boxed_snippet
from cvapp.export.handover import hand_over
from cvapp.files import sha256
from cvapp.images import FITS, RESIZES, Images
from cvapp.proof import golden
from cvapp.proof.verify import verify
from tests.cli.test_cli import run
from tests.conftest import scene
from tests.tiny_tflite import change_export

VARIANTS = ["float32", "float16", "dynamic", "int8"]


@pytest.fixture
def folder(boxed_home):
    return boxed_home / "saved_models" / "boxes"


@pytest.fixture
def photo(tmp_path, rng):
    """A scene half as large again, of an odd size and shape."""
    picture = np.full((147, 205, 3), 120, np.uint8)
    picture[2:146, 7:199] = images.resize(scene(rng, 3)[0], (144, 192))
    images.write(tmp_path / "photo ü.png", picture)
    return tmp_path / "photo ü.png"


def recard(folder, **changes):
    """Another card, and an export that knows it."""
    card = dataclasses.replace(cards.read(folder), **changes)
    cards.write(card, folder)
    (folder / "lite/labels.txt").write_text("".join(f"{label}\n" for label in card.labels), encoding="utf-8")
    change_export(folder, lambda values: values.update(card=sha256(folder / "card.json")))
    change_export(folder, lambda values: values["files"].update({"labels.txt": sha256(folder / "lite/labels.txt")}))
    return card


def leave(folder, *names):
    """Take the other variants for not published: each is started in a process of its own."""
    change_export(folder, lambda values: [row.update(published=name in names) for name, row in values["variants"].items()])


def unpack(folder, place, variant=None):
    made = hand_over(folder, place / "out.zip", variant)
    with zipfile.ZipFile(made["zip"]) as archive:
        archive.extractall(place)
    return place / folder.name


def said_by_the_code(folder, photo, monkeypatch):
    """What the README's code prints of a photo: (label, score, edges) of each box."""
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    out = io.StringIO()
    with monkeypatch.context() as patch, contextlib.redirect_stdout(out):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["detect_litert.py", str(photo)])
        exec(compile(code, "detect_litert.py", "exec"), {})
    rows = [line.rsplit(maxsplit=5) for line in out.getvalue().splitlines()]
    return [(label, float(score), [float(edge) for edge in edges]) for label, score, *edges in rows]


def assert_same(rows, found, labels):
    """Rows of the code, and boxes of cvapp."""
    assert [row[0] for row in rows] == [labels[label] for label in found.classes]
    np.testing.assert_allclose([row[1] for row in rows], found.scores, atol=1e-3)
    np.testing.assert_allclose(np.reshape([row[2] for row in rows], (-1, 4)), found.xyxy, atol=0.2)


def test_every_variant_is_proven_and_published(detector):
    made = json.loads((detector / "saved_models/boxes/lite/export.json").read_text())
    rows = made["variants"]
    assert list(rows) == VARIANTS and all(row["published"] and not row["reasons"] for row in rows.values())
    whole = rows["float32"]
    assert whole["largest_difference"] < 1e-4 and whole["agreement"] == 1 and whole["map50"] == whole["keras_map50"] > 0.5
    assert rows["int8"]["bytes"] < rows["dynamic"]["bytes"] < rows["float16"]["bytes"] < whole["bytes"]
    assert rows["int8"]["float_operations"] == 0 and made["photos"] == 5
    assert np.load(detector / "saved_models/boxes/lite" / golden.FILE)["pixels"].shape == (2, 144, 176, 3), "canvases"


@pytest.mark.parametrize("variant", VARIANTS[1:])
def test_a_variant_boxes_what_keras_boxes(folder, photo, variant):
    picture = images.read(photo)
    # none is suppressed: which of two near boxes wins is another question, and a tie another answer on another processor
    theirs, mine = load(folder, "keras").detect(picture, 0.25, 1.0), load(folder, variant).detect(picture, 0.15, 1.0)
    assert len(theirs) >= 2
    same = (iou(theirs.xyxy, mine.xyxy) > 0.7) & (theirs.classes[:, None] == mine.classes)
    assert same.any(1).all()


def test_predict_gives_the_same_boxes_for_keras_and_float32(folder, photo, capsys):
    found = {}
    for variant in ("keras", "float32"):
        code, out, _ = run(capsys, "predict", "boxes", photo, "--variant", variant, "--conf", "0.3", "--json")
        found[variant] = json.loads(out)["photos"][str(photo)]
        assert code == 0
    assert len(found["keras"]) == len(found["float32"]) >= 2
    for one, other in zip(found["keras"], found["float32"]):
        assert one["label"] == other["label"] and one["score"] == pytest.approx(other["score"], abs=1e-3)
        np.testing.assert_allclose(one["xyxy"], other["xyxy"], atol=1)
        np.testing.assert_allclose(one["points"], other["points"], atol=1)


def test_verify_replays_the_golden_canvases(folder, capsys):
    leave(folder, "float32", "int8")
    code, out, _ = run(capsys, "verify", "boxes", "--json")
    found = json.loads(out)
    assert (code, found["reasons"], found["photos"], list(found["variants"])) == (0, [], 2, ["float32", "int8"])
    assert all(row["largest_difference"] < 0.02 for row in found["variants"].values())


def test_what_was_altered_is_told(folder, capsys):
    leave(folder, "float32", "int8")
    with np.load(folder / "lite" / golden.FILE) as file:
        parts = dict(file)
    (name,) = [name for name in parts if name.endswith("float32")]
    parts[name] = parts[name] + np.float32(0.1)
    np.savez(folder / "lite" / golden.FILE, **parts)
    change_export(folder, lambda values: values["files"].update({golden.FILE: sha256(folder / "lite" / golden.FILE)}))
    (folder / "lite/int8.tflite").write_bytes(b"TFL3" + (folder / "lite/int8.tflite").read_bytes())
    code, _, err = run(capsys, "verify", "boxes")
    assert code == Exit.GATE and "lite/int8.tflite: altered since it was exported" in err
    assert "lite/float32.tflite: " in err and "differ" in err, "its hash is right, its answers are others"
    with pytest.raises(CvappError, match=r"int8\.tflite: altered since it was exported"):
        load(folder, "int8")


def test_bench_times_canvases(folder, capsys):
    leave(folder, "float32")
    code, out, _ = run(capsys, "bench", "boxes", "--rounds", "1", "--threads", "1", "--json")
    rows = json.loads(out)["variants"]
    assert code == 0 and list(rows) == ["float32"] and all(row["threads"]["1"]["median_ms"] > 0 for row in rows.values())


def test_evaluate_measures_a_variant(folder, capsys):
    code, out, _ = run(capsys, "evaluate", "boxes", "--variant", "float32", "--split", "val", "--json")
    found, card = json.loads(out), cards.read(folder)
    assert code == 0 and (found["variant"], found["split"], found["photos"]) == ("float32", "val", 5)
    assert found["map50"] == pytest.approx(card.metrics["val"]["map50"], abs=0.02)
    code, out, _ = run(capsys, "evaluate", "boxes", "--variant", "int8")
    assert code == 0 and "boxes (int8): mAP50" in out and "on the 4 photos of test" in out


def test_the_folder_of_the_training_gives_the_default_figures(folder, boxed_photos, capsys):
    default, found = (json.loads(run(capsys, "evaluate", "boxes", "--json", *words)[1]) for words in ((), ("--data", boxed_photos)))
    mine = set(default) - {"split", "fingerprint"}
    assert {name: found[name] for name in mine} == {name: default[name] for name in mine} and "landmark_error" in mine
    assert found["left_out"]["learned"] == 22 and default["photos"] == found["photos"] == 4 and found["extra"] == found["missing"] == []
    assert run(capsys, "evaluate", "boxes", "--data", boxed_photos)[1].splitlines()[-1].endswith(f" on the 4 photos of {boxed_photos}")


def test_it_runs_without_tensorflow(folder, photo):
    blocked = ["tensorflow", "keras", "tensorflow_hub", "matplotlib", "cvapp.models", "cvapp.training"]
    lines = f"""
import sys
for name in {blocked}: sys.modules[name] = None
from cvapp.cli import main
for words in (["predict", "boxes", {str(photo)!r}, "--draw", "drawn"], ["export", "boxes", "--out", "a.zip"],
              ["camera", "boxes", "--source", {str(photo)!r}, "--no-show", "--conf", "0.3", "--save", "out.avi", "--log", "log.jsonl"]):
    code = main(words)
    if code: sys.exit(code)
"""
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert (folder.parents[1] / "drawn/photo ü.jpg").is_file() and (folder.parents[1] / "a.zip").is_file()
    (line,) = (folder.parents[1] / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(json.loads(line)["boxes"]) >= 2


# What is handed over.


def test_the_readme_says_what_the_detector_is(folder, tmp_path):
    card = cards.read(folder)
    text = (unpack(folder, tmp_path) / "README.md").read_text(encoding="utf-8")
    assert (
        "`lite/float32.tflite` finds the objects of 2 classes in a photo, a box about each, with 4 landmarks each:\n\n    disc, tile\n"
        in text
    )
    assert f"- Score: a box counts from {card.threshold:.4g} on.\n" in text
    assert "- Picture: 128 x 96 pixels (width x height), RGB, bytes 0 to 255." in text and "1 scales on one canvas of 176 x 144" in text
    assert (
        f"(mAP50): {json.loads((folder / 'lite/export.json').read_text())['variants']['float32']['map50']:.3f} on 5 validation photos."
        in text
    )
    assert "Right on" not in text and "best probability" not in text and "labels a photo shows" not in text
    assert re.findall(r"```(\w+)", text) == ["python"] and "MediaPipe's tasks do not read such a model" in text
    assert "classify" not in text and "$" not in text


def test_unpacked_elsewhere_it_is_a_detector_that_boxes_the_same(folder, tmp_path, photo):
    there = unpack(folder, tmp_path / "elsewhere")
    mine = load(folder).detect(images.read(photo))
    shutil.rmtree(folder.parent)
    theirs = load(there).detect(images.read(photo))
    np.testing.assert_array_equal(theirs.xyxy, mine.xyxy)
    assert verify(there)["reasons"] == []


@pytest.mark.parametrize(("fit", "resize"), [(fit, resize) for fit in FITS for resize in RESIZES])
def test_the_code_boxes_what_cvapp_boxes(folder, tmp_path, photo, monkeypatch, fit, resize):
    card = recard(folder, images=Images((96, 128), fit, resize), threshold=0.2)
    found = load(folder).detect(images.read(photo))
    assert len(found) >= 2
    assert_same(said_by_the_code(unpack(folder, tmp_path), photo, monkeypatch), found, card.labels)
    shifted = dataclasses.replace(found, xyxy=found.xyxy + 1)
    with pytest.raises(AssertionError):
        assert_same(said_by_the_code(tmp_path / "boxes", photo, monkeypatch), shifted, card.labels)


def test_the_code_looks_at_every_scale(folder, tmp_path, photo, monkeypatch):
    """Another scan on the same file: a canvas of another size, so the file's own is altered to take it."""
    scan = cards.read(folder).scan
    levels = tuple((0.5 * scale, 0.4 * scale) for scale in (1, 0.7, 0.5))
    code = boxed_snippet.litert(dataclasses.replace(cards.read(folder), scan=dataclasses.replace(scan, scales=levels)), "float32")
    block = code[code.index("LEVELS = [") : code.index("]\n") + 1]
    names: dict = {}
    exec(block, names)
    assert len(names["LEVELS"]) == 3 and [row[2] for row in names["LEVELS"]] == [48, 34, 24]
    assert all((row[4] * 8, row[5] * 8) == row[8:] for row in names["LEVELS"])


def test_the_code_for_int8_boxes_what_cvapp_boxes(folder, tmp_path, photo, monkeypatch):
    recard(folder, threshold=0.3)
    found = load(folder, "int8").detect(images.read(photo))
    assert len(found) >= 2
    assert_same(said_by_the_code(unpack(folder, tmp_path, "int8"), photo, monkeypatch), found, cards.read(folder).labels)


@pytest.mark.parametrize("threshold", [0.2, 0.35, 0.55])
def test_the_code_merges_windows_that_do_not_say_where_an_object_lies(folder, tmp_path, photo, monkeypatch, threshold):
    """All numbers of a cell taken for classes, two of which stand for nothing: it makes no sense, but the sums must be cvapp's."""
    labels = ("background", "b x", "b y", "b h", "b w", "unknown", *(f"c{number}" for number in range(9)))
    scan = dataclasses.replace(cards.read(folder).scan, refined=False, points=0, fill=0.7)
    card = recard(folder, labels=labels, scan=scan, threshold=threshold)
    found = load(folder).detect(images.read(photo))
    rows = said_by_the_code(unpack(folder, tmp_path), photo, monkeypatch)
    assert len(found) >= 3 and not {row[0] for row in rows} & {"background", "unknown"}
    assert_same(rows, found, card.labels)


def test_the_code_is_short_and_says_nothing_of_an_empty_photo(folder, tmp_path, monkeypatch, boxed_photos):
    card = cards.read(folder)
    for scan in (card.scan, dataclasses.replace(card.scan, refined=False, points=0)):
        for fit in FITS:
            code = boxed_snippet.litert(dataclasses.replace(card, scan=scan, images=Images((96, 128), fit)), "float32")
            assert code.count("\n") <= (90 if scan.refined else 100) and max(map(len, code.splitlines())) <= 140 and "cvapp" not in code
    assert said_by_the_code(unpack(folder, tmp_path), boxed_photos / "images/24.png", monkeypatch) == []
