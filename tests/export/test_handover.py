"""What is handed over answers elsewhere as it did here, by cvapp and by the code in its README."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cvapp import card as cards
from cvapp import images, load
from cvapp.bundle import NOTHING, open_lite
from cvapp.errors import CvappError, Exit
from cvapp.export import snippets
from cvapp.cli import main
from cvapp.export.handover import hand_over, readme
from cvapp.files import sha256
from cvapp.images import FITS, RESIZES, Images
from cvapp.proof.verify import verify
from tests.test_card import CARD
from tests.tiny_tflite import LABELS, SIZE, change_export, save_model

NAMES = ["README.md", "card.json", "lite/float32.tflite", "lite/labels.txt", "lite/golden.npz", "lite/export.json"]
WAYS = [(fit, resize) for fit in FITS for resize in RESIZES]


@pytest.fixture
def folder(tmp_path):
    return save_model(tmp_path / "saved_models" / "böes")


@pytest.fixture
def photo(rng, tmp_path):
    """A photo of odd size, of which no two ways of fitting make the same."""
    rgb = np.linspace(0, 200, 37 * 22 * 3).reshape(37, 22, 3) + rng.integers(0, 56, (37, 22, 3))
    images.write(tmp_path / "photo ü.png", rgb.astype(np.uint8))
    return tmp_path / "photo ü.png"


def recard(folder, **changes):
    """Another card, and an export that knows it."""
    card = dataclasses.replace(cards.read(folder), **changes)
    cards.write(card, folder)
    (folder / "lite/labels.txt").write_text("".join(f"{label}\n" for label in card.labels), encoding="utf-8")
    change_export(folder, lambda values: values.update(card=sha256(folder / "card.json")))
    change_export(folder, lambda values: values["files"].update({"labels.txt": sha256(folder / "lite/labels.txt")}))


def unpack(folder, place, variant=None):
    """Hand over, and unpack at a place: the model's folder there."""
    made = hand_over(folder, place / "out.zip", variant)
    with zipfile.ZipFile(made["zip"]) as archive:
        archive.extractall(place)
    return place / folder.name


def code(folder, number=0):
    """A piece of code of the README."""
    return re.findall(r"```\w+\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)[number]


def run_litert(folder, photo):
    """What the README's code for LiteRT says of a photo: (answer, probability)."""
    done = subprocess.run([sys.executable, "-c", code(folder), photo], cwd=folder, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    answer, probability = done.stdout.rsplit(maxsplit=1)
    return answer, float(probability)


def test_the_zip_holds_one_folder_with_what_is_needed(folder, tmp_path):
    made = hand_over(folder, tmp_path / "new" / "out.ZIP")
    with zipfile.ZipFile(tmp_path / "new" / "out.ZIP") as archive:
        infos = archive.infolist()
        export = json.loads(archive.read("böes/lite/export.json"))
        for name in NAMES[1:-1]:
            assert archive.read(f"böes/{name}") == (folder / name).read_bytes()
    assert [info.filename for info in infos] == made["files"] == [f"böes/{name}" for name in NAMES]
    assert {(info.date_time, info.external_attr >> 16, info.compress_type) for info in infos} == {((1980, 1, 1, 0, 0, 0), 0o644, 8)}
    assert made["bytes"] == (tmp_path / "new" / "out.ZIP").stat().st_size and made["variant"] == "float32"
    here = json.loads((folder / "lite/export.json").read_text())
    assert export == {**here, "variants": {"float32": here["variants"]["float32"]}}
    assert list(here["variants"]) != ["float32"], "there was a row to leave out"


def test_the_same_model_gives_the_same_bytes(folder, tmp_path):
    for name in ("a.zip", "b.zip"):
        hand_over(folder, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    recard(folder, threshold=0.25)
    hand_over(folder, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() != (tmp_path / "b.zip").read_bytes()


def test_unpacked_elsewhere_it_is_a_saved_model_that_answers_the_same(folder, tmp_path, photo):
    there = unpack(folder, tmp_path / "elsewhere")
    mine = load(folder).classify(images.read(photo))
    shutil.rmtree(folder.parent)
    bundle = open_lite(there)
    assert bundle is not None and bundle.classify(images.read(photo)) == mine == load(there).classify(images.read(photo))
    assert verify(there)["reasons"] == []
    assert hand_over(there, tmp_path / "again.zip")["bytes"] == (tmp_path / "elsewhere/out.zip").stat().st_size


def test_a_package_says_what_it_is_where_the_model_itself_is_needed(exported, tmp_path, monkeypatch, capsys):
    """What works on a package goes on; the control, a model that lost a file, is told to be copied again."""
    folder = shutil.copytree(exported / "saved_models/mine", tmp_path / "saved_models/mine")
    there = unpack(folder, tmp_path / "unpacked")
    monkeypatch.chdir(tmp_path)
    for words, lacking in (["evaluate"], "split.csv"), (["export"], "model.keras"), (["slide"], "model.keras"):
        assert main([*words, str(there)]) == Exit.BAD_DATA
        said = capsys.readouterr().err.splitlines()[-1]
        assert f"{there} is a package for a device, without {lacking}: it can be used with verify, bench, phone and predict and camera" in said
        assert "saved_models/mine where it was trained" in said
    assert main(["verify", str(there)]) == 0
    (folder / "model.keras").unlink()
    assert main(["export", str(folder)]) == Exit.BAD_DATA and "copy the whole folder again" in capsys.readouterr().err


def test_another_variant_than_the_one_in_use_can_be_handed_over(exported, tmp_path):
    folder = exported / "saved_models/mine"
    there = unpack(folder, tmp_path, "int8")
    assert not (there / "lite/float32.tflite").exists()
    bundle = load(there)
    assert bundle.variant == "int8" and verify(there)["variants"].keys() == {"int8"}
    pixels = np.load(there / "lite/golden.npz")["pixels"]
    images.write(tmp_path / "photo.png", pixels[0])
    score = load(folder, "int8").classify(pixels[0])[0]
    answer, probability = run_litert(there, tmp_path / "photo.png")  # its output is in bytes
    assert (answer, probability) == (bundle.answer([score]), pytest.approx(score.probability, abs=1e-6))
    figures = json.loads((folder / "lite/export.json").read_text())["variants"]["int8"]
    text = (there / "README.md").read_text(encoding="utf-8")
    assert f"Right on {figures['accuracy']:.1%} of 9 validation photos." in text
    assert f"Time: {figures['threads']['1']['median_ms']:.2f} ms a picture" in text and "on the machine that exported it" in text


@pytest.mark.parametrize(("fit", "resize"), WAYS)
def test_the_code_for_litert_says_what_cvapp_says(folder, tmp_path, photo, fit, resize):
    recard(folder, images=Images(SIZE, fit, resize))
    there = unpack(folder, tmp_path / "elsewhere")
    score = load(folder).classify(images.read(photo))[0]
    assert run_litert(there, photo) == (score.label, pytest.approx(score.probability, abs=1e-6))
    for other in WAYS:
        if other != (fit, resize):
            recard(folder, images=Images(SIZE, *other))
            assert abs(load(folder).classify(images.read(photo))[0].probability - score.probability) > 1e-5, other


def fitting(card):
    """The function of the Python code that fits a photo."""
    names: dict = {}
    source = snippets.litert(card, "float32").partition("if len(sys.argv)")[0]
    exec(source, names)
    assert source.removeprefix(source[: source.index("def resize")]) in snippets.mediapipe(card, "float32")
    return names["fit"]


@pytest.mark.parametrize(("fit", "resize"), WAYS)
def test_the_code_fits_photos_of_any_shape_as_cvapp_does(folder, rng, fit, resize):
    card = dataclasses.replace(cards.read(folder), images=Images((17, 24), fit, resize))
    other = dataclasses.replace(card, images=Images((17, 24), FITS[FITS.index(fit) - 1], resize))
    mine, wrong = fitting(card), fitting(other)
    differ = 0
    for height, width in [(17, 24), (34, 48), (8, 8), (8, 300), (300, 8), (25, 20), (16, 50), *rng.integers(8, 120, (40, 2))]:
        rgb = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        expected = images.fit(rgb, card.images)
        np.testing.assert_array_equal(mine(rgb), expected)
        differ += not np.array_equal(wrong(rgb), expected)
    assert differ > 35


def test_the_code_says_unknown_where_cvapp_does(folder, tmp_path, photo):
    score = load(folder).classify(images.read(photo))[0]
    named = [{"labels": tuple(name if label == score.label else label for label in LABELS)} for name in ("wasp", *NOTHING)]
    expected = ["wasp", "unknown", "unknown", "unknown", score.label]
    for number, changes in enumerate([*named, {"threshold": score.probability + 1e-4}, {"threshold": score.probability}]):
        recard(folder, **{"threshold": 0.0, "labels": LABELS, **changes})
        there = unpack(folder, tmp_path / str(number))
        bundle = load(there)
        assert bundle.answer(bundle.classify(images.read(photo))) == expected[number]
        assert run_litert(there, photo) == (expected[number], pytest.approx(score.probability, abs=1e-6))
        said = (there / "README.md").read_text(encoding="utf-8").count("means none of the others")
        assert said == (number in (1, 2))


def test_the_code_says_which_file_is_no_photo(folder, tmp_path):
    there = unpack(folder, tmp_path)
    done = subprocess.run([sys.executable, "-c", code(there), "README.md"], cwd=there, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr == "README.md: not a photo that OpenCV reads\n"


@pytest.mark.parametrize(("fit", "resize"), WAYS)
def test_every_piece_of_code_is_for_this_model(folder, fit, resize):
    card = dataclasses.replace(cards.read(folder), images=Images((17, 24), fit, resize), threshold=0.625)
    for make in (snippets.litert, snippets.mediapipe, snippets.kotlin, snippets.swift):
        text = make(card, "dynamic")
        assert "17" in text and "24" in text and "dynamic" in text and "$" not in text
        assert all(text.count(left) == text.count(right) for left, right in ("()", "[]", "{}"))
        elsewhere = dataclasses.replace(card, images=Images((17, 24), FITS[FITS.index(fit) - 1], resize))
        assert make(elsewhere, "dynamic") != text
    assert "0.625" in snippets.litert(card, "dynamic")
    compile(snippets.mediapipe(card, "dynamic"), "mediapipe", "exec")


def test_the_readme_says_what_the_model_is(folder, tmp_path):
    recard(folder, threshold=0.5461, weights={"source": "the file w.h5", "licence": "MIT"})
    text = (unpack(folder, tmp_path) / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# böes\n") and "\n    bee, Käfer, ant\n" in text and "\n    cvapp verify .\n" in text
    assert "under 0.5461" in text and "8 x 8 pixels" in text and "the file w.h5. Their licence: MIT." in text
    assert "none of the others" not in text, "no label stands for nothing"
    assert re.findall(r"```(\w+)", text) == ["python", "python", "kotlin", "swift"] and text.count("Not run here") == 2


def test_it_needs_no_tensorflow_and_no_photos():
    blocked = ["tensorflow", "keras", "tensorflow_hub", "matplotlib", "pandas", "cvapp.data", "cvapp.models"]
    lines = f"import sys\nfor name in {blocked}: sys.modules[name] = None\nimport cvapp.export.handover\n"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def refuse(folder, out, code, text, variant=None):
    """It ends with one line, and leaves what was there."""
    before = out.read_bytes() if out.is_file() else None
    with pytest.raises(CvappError, match=text) as caught:
        hand_over(folder, out, variant)
    assert caught.value.code == code
    assert (out.read_bytes() if out.is_file() else None) == before
    assert not out.parent.is_dir() or not list(out.parent.glob(".*.zip"))


def test_what_cannot_be_handed_over_is_said(folder, tmp_path):
    out = tmp_path / "out.zip"
    out.write_bytes(b"old")
    refuse(tmp_path / "nothing", out, Exit.USAGE, "no saved model at .*nothing")
    refuse(folder, out, Exit.USAGE, "no variant 'int8': choose one of float32", "int8")
    refuse(folder, tmp_path / "out.tar", Exit.USAGE, r"out\.tar: cannot write \.tar; use \.zip")
    refuse(folder, tmp_path / "out", Exit.USAGE, r"out: cannot write a file without suffix; use \.zip")
    shutil.rmtree(folder / "lite")
    refuse(folder, out, Exit.USAGE, "was not exported, so there is nothing to hand over; run cvapp export 'böes'")


def test_a_place_that_cannot_be_written_is_said(folder, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "taken.zip").mkdir()
    refuse(folder, tmp_path / "file/out.zip", Exit.CANNOT_WRITE, "cannot write")
    refuse(folder, tmp_path / "taken.zip", Exit.CANNOT_WRITE, "cannot write")


@pytest.mark.parametrize("name", NAMES[1:])
def test_altered_files_are_not_handed_over(folder, tmp_path, name):
    with open(folder / name, "ab") as file:
        file.write(b"x")
    refuse(folder, tmp_path / "out.zip", Exit.BAD_DATA, re.escape(Path(name).name) if name != "lite/export.json" else "cannot be read")
    (folder / name).unlink()
    refuse(folder, tmp_path / "out.zip", Exit.USAGE if name == "card.json" else Exit.BAD_DATA, "böes")


def test_the_bits_of_deep_photos_are_told_to_whoever_fits_them():
    export = {"variants": {"float32": {}}, "chosen": "float32", "photos": 3}
    plain, deep = (dataclasses.replace(CARD, images=dataclasses.replace(CARD.images, bits=bits)) for bits in (None, 12))
    told = "A file of 16 bits: first min(value, 4095) >> 4 of each of its values."
    assert told in readme(deep, export, 1000, "mine") and "16 bits" not in readme(plain, export, 1000, "mine")
