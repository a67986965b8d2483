"""Export from a real model: what is published answers as Keras does, what fails is not, and the old stays until the new is whole."""

import hashlib
import json
import platform
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from cvapp import card as cards
from cvapp import images, load
from cvapp.data import split
from cvapp.errors import CvappError, Exit
from cvapp.export import export as exporting
from cvapp.export.export import export
from cvapp.images import Images
from cvapp.models.classifier import open_model
from cvapp.proof import metadata
from cvapp.recipe import Export, Model, Recipe, Train
from cvapp.training.classify import train

MINE = Path("saved_models/mine")
VARIANTS = ("float32", "float16", "dynamic", "int8")


def digest(path):
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def by_hand(path, pixels):
    """What a .tflite answers, dequantised by hand."""
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    answers = []
    for picture in pixels:
        interpreter.set_tensor(source["index"], picture[None])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(target["index"])[0].astype(float))
    scale, zero = target["quantization"]
    return (np.array(answers) - zero) * scale if scale else np.array(answers)


@pytest.fixture
def pictures(rng):
    """Pictures with colour in them, so that the answers differ."""
    return (rng.integers(0, 256, (12, 1, 1, 3)) * rng.uniform(0.6, 1, (12, 32, 32, 1))).astype(np.uint8)


def test_float32_answers_as_keras_and_the_others_nearly(exported, pictures):
    folder = exported / MINE
    keras_says, *says = (load(folder, variant).predict(pictures) for variant in ("keras", *VARIANTS))
    float_says, half_says, dynamic_says, int_says = says
    assert np.ptp(keras_says, 0).max() > 0.1
    np.testing.assert_allclose(float_says, keras_says, atol=1e-4)
    assert np.abs(half_says - keras_says).max() < 0.02 and np.abs(dynamic_says - keras_says).max() < 0.1
    assert np.abs(int_says - keras_says).max() < 0.25
    np.testing.assert_allclose(int_says.sum(1), 1, atol=0.03)
    assert np.abs(float_says[::-1] - keras_says).max() > 0.1, "a comparison that cannot fail proves nothing"


def test_all_variants_take_bytes_and_int8_computes_no_float(exported):
    for name in VARIANTS:
        source = Interpreter(str(exported / MINE / f"lite/{name}.tflite")).get_input_details()[0]
        assert source["dtype"] == np.uint8 and list(source["shape"]) == [1, 32, 32, 3]
    tensors = Interpreter(str(exported / MINE / "lite/int8.tflite")).get_tensor_details()
    assert {np.dtype(row["dtype"]).name for row in tensors} <= {"uint8", "int8", "int32"}


def test_the_table_holds_what_was_measured(exported):
    lite = exported / MINE / "lite"
    made = json.loads((lite / "export.json").read_text())
    card = cards.read(exported / MINE)
    assert (made["schema"], made["chosen"], made["photos"], made["calibration"]) == (2, "float32", 9, 24)
    assert made["model"] == digest(exported / MINE / "model.keras") and made["card"] == digest(exported / MINE / "card.json")
    assert made["files"] == {name: digest(lite / name) for name in ("labels.txt", "golden.npz")}
    assert made["gate"] == {"max_drop": 50, "min_agreement": 0.5, "max_difference": 1e-3}
    assert made["host"].items() >= {"numpy": np.__version__, "python": platform.python_version()}.items()
    assert platform.machine() in made["host"]["machine"] and tuple(made["variants"]) == VARIANTS == card.recipe.export.variants
    for name, row in made["variants"].items():
        path = lite / f"{name}.tflite"
        assert (row["published"], row["reasons"], row["layers_in_float"]) == (True, [], 0)
        assert (row["sha256"], row["bytes"]) == (digest(path), path.stat().st_size)
        assert row["first_ms"] > 0 and row["memory_mb"] >= 0 and "1" in row["threads"]
        assert all(0 < taken["median_ms"] <= taken["p95_ms"] for taken in row["threads"].values())
        assert (row["float_operations"] == 0) is (name == "int8")
    row = made["variants"]["float32"]
    assert row["agreement"] == 1 and row["largest_difference"] < 1e-3 and row["broken"] == row["mended"] == 0
    assert (lite / "labels.txt").read_text() == "heart\nmoon\ntree\n"


def test_the_accuracy_of_each_variant_is_that_of_its_file_on_the_validation_photos(exported, photos):
    card, rows = cards.read(exported / MINE), split.read(exported / MINE / "split.csv")
    val = [row for row in rows if row.part == "val"]
    pixels = np.stack([images.fit(images.read(photos / row.path), card.images) for row in val])
    truth = np.array([card.labels.index(row.label) for row in val])
    made = json.loads((exported / MINE / "lite/export.json").read_text())["variants"]
    keras_says = open_model(exported / MINE / "model.keras").predict(pixels.astype(np.float32), verbose=0)
    for name in VARIANTS:
        answers = by_hand(exported / MINE / f"lite/{name}.tflite", pixels)
        assert made[name]["accuracy"] == pytest.approx((answers.argmax(1) == truth).mean(), abs=1e-6)
        assert made[name]["keras_accuracy"] == pytest.approx((keras_says.argmax(1) == truth).mean(), abs=1e-6)
        assert made[name]["mean_difference"] == pytest.approx(np.abs(answers - keras_says).mean(), abs=2e-6)
        assert made[name]["largest_difference"] == pytest.approx(np.abs(answers - keras_says).max(), abs=2e-6)
    assert made["int8"]["mean_difference"] > made["float32"]["mean_difference"]


def test_the_golden_photos_are_of_validation_first_and_their_answers_those_of_the_files(exported, photos):
    card, rows = cards.read(exported / MINE), split.read(exported / MINE / "split.csv")
    with np.load(exported / MINE / "lite/golden.npz") as file:
        pixels, answers = file["pixels"], {name: file[name] for name in file.files if name != "pixels"}
    part_of = {images.fit(images.read(photos / row.path), card.images).tobytes(): (row.part, row.label) for row in rows}
    shown = [part_of[picture.tobytes()] for picture in pixels]
    assert [part for part, _ in shown] == ["val"] * 9 + ["train"] * 7
    assert [label for _, label in shown] == [("heart", "moon", "tree")[number % 3] for number in (*range(9), *range(7))]
    assert set(answers) == {"keras", *VARIANTS}
    keras_says = open_model(exported / MINE / "model.keras").predict(pixels.astype(np.float32), verbose=0)
    np.testing.assert_allclose(answers["keras"], keras_says, atol=1e-5)
    for name in VARIANTS:
        np.testing.assert_allclose(answers[name], by_hand(exported / MINE / f"lite/{name}.tflite", pixels), atol=1e-5)
        assert np.abs(answers[name][::-1] - keras_says).max() > 0.1, "the photos in another order would be seen"


def test_every_file_says_of_itself_what_the_card_says(exported):
    card = cards.read(exported / MINE)
    for name in VARIANTS:
        path = exported / MINE / f"lite/{name}.tflite"
        said = metadata.read(path.read_bytes(), name)
        assert (said.name, said.labels, said.threshold) == ("mine", card.labels, pytest.approx(card.threshold, abs=1e-7))
        assert said.description == "Tells 3 classes apart, learnt from 42 photos. Fit a picture by crop to 32 x 32 pixels."
        assert (said.author, said.version, said.licence) == ("", "1", card.weights["licence"])
        with zipfile.ZipFile(path) as archive:
            assert archive.read("labels.txt").decode().splitlines() == list(card.labels)


@pytest.fixture
def untimed(monkeypatch):
    """No clock: what the variants' rows get from it is made up."""
    monkeypatch.setattr(exporting.apart, "rounds", lambda files, *_, **__: {name: {"threads": {"1": {"median_ms": 1.0}}} for name in files})


def wish(*names, **changes):
    """These variants, and a gate that the tiny model passes."""
    return Export(variants=names, **{"min_agreement": 0.5, "max_drop": 50, **changes})


def spoil(monkeypatch, name):
    """Replace one variant's predictions by their reverse."""
    honest = exporting.open_tflite

    def spoiled(path):
        predict = honest(path)
        return (lambda pixels: predict(pixels)[:, ::-1]) if path.stem == name else predict

    monkeypatch.setattr(exporting, "open_tflite", spoiled)


def test_float32_failing_is_exit_5_and_replaces_nothing(home, monkeypatch):
    before = {path.name: path.read_bytes() for path in (home / MINE / "lite").iterdir()}
    spoil(monkeypatch, "float32")
    with pytest.raises(CvappError, match="nothing was published") as error:
        export(home / MINE)
    assert error.value.code == Exit.GATE
    assert {path.name: path.read_bytes() for path in (home / MINE / "lite").iterdir()} == before
    assert not [path for path in (home / MINE).iterdir() if path.name.startswith(".")]


def test_the_smallest_that_passes_is_chosen_and_what_fails_is_listed_with_its_reason(home, monkeypatch, untimed):
    """int8, the smallest, fails here with its layers in float too; what the wishes say of the model is in the files."""
    spoil(monkeypatch, "int8")
    says = {"author": "Ann Ö.", "licence": "MIT", "description": "Three signs.", "version": "7"}
    lines: list[str] = []
    made = export(
        home / MINE, wishes=wish("float32", "float16", "int8", **says), use="smallest", report=lambda text, *_: lines.append(text)
    )
    row = made["variants"]["int8"]
    assert not row["published"] and "agrees with Keras on" in row["reasons"][-1] and row["layers_in_float"] == 0
    assert [line for line in lines if line.startswith("int8 ")] == [f"int8 {'; '.join(row['reasons'])}"], "the first attempt is told, once"
    assert "finding the layers that int8 hurts" in lines and "threads" not in row
    sizes = {name: (home / MINE / f"lite/{name}.tflite").stat().st_size for name in ("float32", "float16")}
    assert made["chosen"] == "float16" == min(sizes, key=sizes.__getitem__) and row["bytes"] < sizes["float16"]
    names = {"float32.tflite", "float16.tflite", "labels.txt", "export.json", "golden.npz"}
    assert {path.name for path in (home / MINE / "lite").iterdir()} == names
    with np.load(home / MINE / "lite/golden.npz") as file:
        assert set(file.files) == {"pixels", "keras", "float32", "float16"}
    assert load(home / MINE).variant == "float16" and load(home / MINE, "float32").variant == "float32"
    with pytest.raises(CvappError, match="has no variant 'int8': choose one of float32, float16"):
        load(home / MINE, "int8")
    said = metadata.read((home / MINE / "lite/float16.tflite").read_bytes(), "it")
    assert {name: getattr(said, name) for name in says} == says and json.loads((home / MINE / "lite/export.json").read_text()) == made


@pytest.fixture
def ladder(exported, tmp_path, monkeypatch):
    """Publish int8 with made-up attempts: each is the exported file, and only that with `enough` layers in float passes."""
    asked: list[int] = []
    card, model = cards.read(exported / MINE), (exported / MINE / "lite/int8.tflite").read_bytes()

    def climb(enough, layers=20, name="int8", between=()):
        def attempt(_, in_float=()):
            count = len(in_float) - len(between) if in_float else 0
            assert list(in_float) in ([], [*between, *(f"layer {number}" for number in range(count))]), "those that hurt most"
            asked.append(len(in_float))
            return model

        monkeypatch.setattr(exporting, "quantise", attempt)
        monkeypatch.setattr(exporting, "spared", lambda *_: list(between))
        monkeypatch.setattr(exporting, "harm", lambda *_: [f"layer {number}" for number in range(layers)])
        monkeypatch.setattr(exporting.variants, "ranges", lambda *_: None)
        monkeypatch.setattr(exporting.variants, "make", lambda *_: model)
        pixels = np.zeros((2, 32, 32, 3), np.uint8)
        judge = lambda *_: ([] if asked and asked[-1] == enough else [f"attempt {len(asked)}"], {})  # noqa: E731
        proof = exporting.Proof(card, None, wish("float32"), pixels, pixels, judge, pixels, {})
        row = exporting._publish(proof, name, tmp_path, tmp_path, lambda *_: None)
        return asked, row, tmp_path / f"{name}.tflite"

    return climb


@pytest.mark.parametrize("enough, attempts", [(0, [0]), (2, [0, 2]), (4, [0, 2, 4]), (8, [0, 2, 4, 8]), (16, [0, 2, 4, 8, 16])])
def test_int8_is_published_with_as_few_layers_in_float_as_it_takes(ladder, enough, attempts):
    asked, row, path = ladder(enough)
    assert asked == attempts and (row["published"], row["reasons"], row["layers_in_float"]) == (True, [], enough)
    assert row["sha256"] == digest(path)


@pytest.mark.parametrize("enough, attempts, layers", [(0, [0], 0), (3, [0, 3], 0), (5, [0, 3, 5], 2), (7, [0, 3, 5, 7], 4)])
def test_with_attention_what_lies_between_the_layers_is_in_float_first(ladder, enough, attempts, layers):
    asked, row, _ = ladder(enough, between=("norm", "softmax", "sum"))
    assert asked == attempts and (row["published"], row["layers_in_float"]) == (True, layers)


@pytest.mark.parametrize("layers, attempts", [(20, [0, 2, 4, 8, 16]), (5, [0, 2, 4]), (1, [0])])
def test_int8_that_never_passes_keeps_the_figures_of_its_first_attempt_and_no_file(ladder, layers, attempts):
    asked, row, path = ladder(None, layers)
    assert asked == attempts and (row["published"], row["reasons"], row["layers_in_float"]) == (False, ["attempt 1"], 0)
    assert not path.exists()


def test_another_variant_that_fails_is_not_tried_again(ladder):
    asked, row, path = ladder(None, name="dynamic")
    assert asked == [] and row["reasons"] == ["attempt 0"] and not path.exists()


SMALL = Recipe(
    images=Images(size=(32, 32)),
    model=Model(backbone="small_resnet", weights="none", alpha=0.1, head="mlp", hidden=16, dropout=0.0),
    train=Train(epochs=3, batch=8, learning_rate=0.01, mixed_precision=True),
)


def test_a_network_without_a_hub_module_learnt_in_16_bits_under_a_hidden_layer_is_exported(photos, workspace, untimed):
    train(SMALL, photos, workspace / MINE)
    made = export(workspace / MINE, wishes=wish("float32", "int8", min_agreement=0.0, max_drop=100))
    assert made["variants"]["float32"]["published"] and made["variants"]["int8"]["published"]
    assert made["variants"]["float32"]["largest_difference"] < 1e-4 and made["variants"]["int8"]["float_operations"] == 0
    layers = Interpreter(str(workspace / MINE / "lite/float32.tflite"))._get_ops_details()
    assert sum(row["op_name"] == "FULLY_CONNECTED" for row in layers) == 2 and "CAST" in {row["op_name"] for row in layers}


def test_photos_are_found_by_content_where_they_were_not_kept(home, photos, untimed):
    shutil.rmtree(home / "saved_models/.cache")
    with pytest.raises(CvappError, match="name their folder with --data") as error:
        export(home / MINE)
    assert error.value.code == Exit.BAD_DATA
    with pytest.raises(CvappError, match="none of the model's"):
        (home / "other" / "a").mkdir(parents=True)
        shutil.copy(exported_photo(photos), home / "other" / "a" / "x.png")
        (home / "other" / "a" / "x.png").write_bytes((home / "other/a/x.png").read_bytes() + b" ")
        export(home / MINE, home / "other")
    (home / "renamed").mkdir()
    for number, path in enumerate(sorted(photos.rglob("*.png"))):
        (home / "renamed" / path.parent.name).mkdir(exist_ok=True)
        shutil.copy(path, home / "renamed" / path.parent.name / f"{number}.png")
    assert export(home / MINE, home / "renamed", wish("float32"))["photos"] == 9


def exported_photo(photos):
    """Any one photo."""
    return next((photos / "heart").iterdir())


def test_an_altered_model_is_not_exported(home):
    path = home / MINE / "model.keras"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(CvappError, match="altered since it was saved") as error:
        export(home / MINE)
    assert error.value.code == Exit.BAD_DATA
