"""The companion of a vision transformer: it looks where the Keras network looks, on a device without TensorFlow too, and is kept only if so."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from cvapp import card as cards
from cvapp import images, load
from cvapp.card import Card
from cvapp.cli import main
from cvapp.data import split
from cvapp.data.folders import scan
from cvapp.data.listing import hashed
from cvapp.data.split import Row
from cvapp.errors import CvappError, Exit
from cvapp.export import companion
from cvapp.export.export import export
from cvapp.files import sha256
from cvapp.models import vit
from cvapp.models.attention_maps import attention_maps
from cvapp.models.classifier import open_model
from cvapp.proof import golden
from cvapp.recipe import Export, Images, Model, Recipe
from tests.models.classifiers import classifier_of
from tests.test_bundle import cvapp_without_tensorflow

SIZE = (32, 32)
MINE = Path("saved_models/looker")
FILE = MINE / "lite/attention.tflite"


def save_transformer(folder: Path, photos: Path) -> None:
    """A saved model as training leaves it: a vision transformer of random weights, large enough that it looks at few places."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vit.VARIANTS, "vit_small_4", vit.Variant(32, 2, 2, 32, 4, vit.MEAN))
        model = classifier_of("vit_small")
    rng = np.random.default_rng(4)
    for weight in model.trainable_weights:
        weight.assign(weight + rng.normal(0, 0.25, weight.shape))
    folder.mkdir(parents=True)
    model.save(folder / "model.keras")
    found = hashed(scan(photos)).photos
    parts = {photo.hash: "val" if number % 4 == 0 else "train" for number, photo in enumerate(found)}
    split.write(folder / split.FILE, [Row(photo.hash, photo.name, photo.label, parts[photo.hash]) for photo in found])
    recipe = Recipe(images=Images(SIZE), model=Model(backbone="vit_small", weights="none"))
    labels = ("background", "heart", "moon", "tree")
    cards.write(Card(folder.name, "classify", labels, Images(SIZE), recipe, files=cards.hash_files(folder)), folder)


WISHES = Export(variants=("float32",))


@pytest.fixture(scope="module")
def made(tmp_path_factory, photos):
    """The folder of an exported vision transformer, and what the export told; treat it as read-only, or copy it."""
    home, told = tmp_path_factory.mktemp("home"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        save_transformer(home / MINE, photos)
        export(home / MINE, photos, WISHES, report=lambda text, *state: state or told.append(text))
    return home, told


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """A copy of the folder, as the current one, with a photo."""
    shutil.copytree(made[0], tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    images.write("photo.png", np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def model(made):
    """The Keras network."""
    return open_model(made[0] / MINE / "model.keras")


@pytest.fixture(scope="module")
def seen(made, photos, model):
    """The validation photos, fitted, and where the Keras network looks in them, all blocks rolled out."""
    rows = [row for row in split.read(made[0] / MINE / split.FILE) if row.part == "val"]
    pixels = np.stack([images.fit(images.read(photos / row.path), Images(SIZE)) for row in rows])
    return pixels, np.array(attention_maps(model)(pixels.astype(np.float32)))[:, 0]


def by_hand(path, pixels):
    """What a .tflite answers."""
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (source["dtype"], list(source["shape"])) == (np.uint8, [1, *SIZE, 3])
    assert (target["dtype"], list(target["shape"])) == (np.float32, [1, 8, 8])
    answers = []
    for picture in pixels:
        interpreter.set_tensor(source["index"], picture[None])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(target["index"])[0])
    return np.array(answers)


def test_it_looks_where_the_keras_network_looks(made, seen):
    pixels, expected = seen
    assert np.abs(expected[1:] - expected[:-1]).max((1, 2)).min() > 0.2 and expected.max() > 2, "each photo is looked at otherwise"
    found = by_hand(made[0] / FILE, pixels)
    assert np.abs(found - expected).max() < 0.02
    assert np.abs(found[::-1] - expected).max() > 0.2, "the control: maps of other photos"
    np.testing.assert_allclose(found.mean((1, 2)), 1, atol=1e-3)


def test_its_row_holds_what_was_measured(made, seen):
    values = json.loads((made[0] / MINE / "lite/export.json").read_text())
    row = values["attention"]
    assert set(row) == {"sha256", "bytes", "difference", "places"} and row["places"] == [8, 8]
    assert (row["sha256"], row["bytes"]) == (sha256(made[0] / FILE), (made[0] / FILE).stat().st_size)
    assert row["difference"] == pytest.approx(np.abs(by_hand(made[0] / FILE, seen[0]) - seen[1]).max(), abs=2e-5)
    assert row["bytes"] < 0.75 * (made[0] / MINE / "lite/float32.tflite").stat().st_size, "its weights are halves"
    assert list(values["variants"]) == ["float32"] and values["schema"] == 2
    assert made[1].count("making the file that shows where it looks") == 1


def test_its_golden_maps_are_those_of_the_file(made):
    pixels, answers = golden.read(made[0] / MINE / "lite" / golden.FILE)
    np.testing.assert_allclose(answers["attention"], by_hand(made[0] / FILE, pixels), atol=1e-4)


def test_litert_and_keras_attend_alike_to_a_picture_of_any_size(here):
    picture = images.read("photo.png")
    lite, whole = load(MINE), load(MINE, "keras")
    assert (lite.variant, whole.variant) == ("float32", "keras")
    assert lite.attend(picture).shape == (8, 8) and lite.attend(picture).dtype == np.float32
    np.testing.assert_allclose(lite.attend(picture), whole.attend(picture), atol=0.02)
    assert np.abs(lite.attend(picture) - whole.attend(picture[::-1])).max() > 0.1
    shutil.rmtree(MINE / "lite")
    np.testing.assert_array_equal(load(MINE).attend(picture), whole.attend(picture), "not exported")


def test_a_device_without_tensorflow_shows_it(here):
    done = cvapp_without_tensorflow(here, "camera", "looker", "--source", "photo.png", "--no-show", "--save", "out.avi", "--attention")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "[]") and Path("out.avi").stat().st_size > 1000, done.stderr
    done = cvapp_without_tensorflow(here, "predict", "looker", "photo.png", "--draw", "drawn", "--attention")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "[]" and Path("drawn/photo.jpg").exists()


def test_verify_replays_it_and_sees_what_is_wrong(here, capsys):
    assert main(["verify", "looker", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["attention"] == {"largest_difference": 0.0, "reasons": []}
    FILE.write_bytes((MINE / "lite/float32.tflite").read_bytes())
    assert main(["verify", "looker"]) == Exit.GATE
    assert "looker: lite/attention.tflite: altered since it was exported" in capsys.readouterr().err
    assert main(["predict", "looker", "photo.png", "--draw", "drawn", "--attention"]) == Exit.BAD_DATA
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("cvapp: ") and "attention.tflite: altered" in err and err.count("\n") == 1
    assert main(["predict", "looker", "photo.png", "--draw", "drawn"]) == 0, "who does not ask for it is not disturbed"


def test_bench_times_the_variants_alone(here, capsys):
    assert main(["bench", "looker", "--rounds", "1", "--threads", "1", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["variants"]) == ["float32"]


def remade(model, tmp_path, pixels):
    """What `make` returns and tells."""
    told: list[str] = []
    row = companion.make(model, pixels, tmp_path, tmp_path / "temporary", lambda text, *state: state or told.append(text))
    return row, told[1:]


@pytest.fixture
def spoiled(made, monkeypatch):
    """A function that lets conversion give the file that there is, and its answers be those to mirrored photos where it is of these kinds."""

    def spoil(*kinds):
        tried, honest = [], companion.open_tflite

        def opened(path):
            predict = honest(path)
            return (lambda pixels: predict(pixels[:, :, ::-1])) if tried[-1] in kinds else predict

        monkeypatch.setattr(companion.variants, "make", lambda _, kind, place: tried.append(kind) or (made[0] / FILE).read_bytes())
        monkeypatch.setattr(companion, "open_tflite", opened)
        return tried

    return spoil


def test_halves_that_are_too_far_off_give_way_to_whole_numbers(model, seen, tmp_path, spoiled):
    tried = spoiled("float16")
    row, (lost, kept) = remade(model, tmp_path, seen[0])
    assert tried == ["float16", "float32"] and row["attention"]["sha256"] == sha256(tmp_path / "attention.tflite")
    assert lost.startswith("attention.tflite in float16 is not kept: a place differs from Keras' by ")
    assert lost.endswith(" (at most 0.02); float32 is tried")
    told = f"{row['attention']['bytes'] / 1e6:.2f} MB, a place differs from Keras' by {row['attention']['difference']:.4f} at most"
    assert kept == f"attention.tflite in float32: {told}"


def test_one_that_is_too_far_off_is_not_kept_and_that_is_told(model, seen, tmp_path, spoiled):
    spoiled("float16", "float32")
    row, told = remade(model, tmp_path, seen[0])
    assert row == {} and not (tmp_path / "attention.tflite").exists()
    assert [line.split(": a place differs")[0] for line in told] == [f"attention.tflite in {kind} is not kept" for kind in companion.KINDS]


def test_what_the_converter_refuses_is_told_and_the_export_goes_on(model, seen, tmp_path, monkeypatch):
    def refuse(*_):
        raise CvappError("float16: TensorFlow's converter refused the model (ValueError: no)", Exit.GATE)

    monkeypatch.setattr(companion.variants, "make", refuse)
    row, told = remade(model, tmp_path, seen[0])
    assert row == {} and told == ["attention.tflite was not made: float16: TensorFlow's converter refused the model (ValueError: no)"]


def test_a_full_disk_is_no_reason_to_go_on(model, seen, tmp_path, monkeypatch):
    def full(*_):
        raise CvappError("temporary: cannot write", Exit.CANNOT_WRITE)

    monkeypatch.setattr(companion.variants, "make", full)
    with pytest.raises(CvappError, match="temporary: cannot write"):
        remade(model, tmp_path, seen[0])


def test_a_network_without_attention_and_a_detector_have_none(tmp_path, exported):
    assert companion.make(classifier_of("small_resnet"), np.zeros((1, *SIZE, 3), np.uint8), tmp_path, tmp_path, print) == {}
    assert "attention" not in json.loads((exported / "saved_models/mine/lite/export.json").read_text())
    assert dataclasses.asdict(load(exported / "saved_models/mine"))["attention"] is None
