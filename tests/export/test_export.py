"""Export from a real model: what is published answers as Keras does, what fails is not, and the old stays until the new is whole."""

import json
from pathlib import Path

import numpy as np
import pytest

from cvapp import load
from cvapp.data.split import Row
from cvapp.errors import CvappError, Exit
from cvapp.export import export as exporting
from cvapp.export import variants
from cvapp.export.export import balanced, export
from cvapp.models.classifier import open_model

MINE = Path("saved_models/mine")


@pytest.fixture
def pictures(rng):
    """Pictures with colour in them, so that the answers differ."""
    return (rng.integers(0, 256, (12, 1, 1, 3)) * rng.uniform(0.6, 1, (12, 32, 32, 1))).astype(np.uint8)


def test_float32_answers_as_keras_and_int8_nearly(exported, pictures):
    folder = exported / MINE
    keras_says, float_says, int_says = (load(folder, variant).predict(pictures) for variant in ("keras", "float32", "int8"))
    assert np.ptp(keras_says, 0).max() > 0.1
    np.testing.assert_allclose(float_says, keras_says, atol=1e-4)
    assert np.abs(int_says - keras_says).max() < 0.25
    np.testing.assert_allclose(int_says.sum(1), 1, atol=0.03)
    assert np.abs(float_says[::-1] - keras_says).max() > 0.1, "a comparison that cannot fail proves nothing"


def test_both_take_bytes_and_int8_computes_no_float(exported):
    from ai_edge_litert.interpreter import Interpreter

    for name in ("float32", "int8"):
        source = Interpreter(str(exported / MINE / f"lite/{name}.tflite")).get_input_details()[0]
        assert source["dtype"] == np.uint8 and list(source["shape"]) == [1, 32, 32, 3]
    tensors = Interpreter(str(exported / MINE / "lite/int8.tflite")).get_tensor_details()
    assert {np.dtype(row["dtype"]).name for row in tensors} <= {"uint8", "int8", "int32"}


def test_the_table_holds_what_was_measured(exported):
    made = json.loads((exported / MINE / "lite/export.json").read_text())
    assert made["chosen"] == "float32" and made["photos"] == 9 and made["calibration"] == 24
    row = made["variants"]["float32"]
    assert row["published"] and row["agreement"] == 1 and row["largest_difference"] < 1e-3 and row["broken"] == row["mended"] == 0
    assert row["bytes"] == (exported / MINE / "lite/float32.tflite").stat().st_size
    assert (exported / MINE / "lite/labels.txt").read_text() == "heart\nmoon\ntree\n"


def spoil(monkeypatch, name):
    """Replace one variant's predictions by their reverse."""
    honest = exporting.open_tflite

    def spoiled(path):
        predict = honest(path)
        return (lambda pixels: predict(pixels)[:, ::-1]) if path.stem == name else predict

    monkeypatch.setattr(exporting, "open_tflite", spoiled)


def test_float32_failing_is_exit_5_and_replaces_nothing(home, monkeypatch):
    before = (home / MINE / "lite/export.json").read_bytes()
    spoil(monkeypatch, "float32")
    with pytest.raises(CvappError, match="nothing was published") as error:
        export(home / MINE)
    assert error.value.code == Exit.GATE
    assert (home / MINE / "lite/export.json").read_bytes() == before
    assert not [path for path in (home / MINE).iterdir() if path.name.startswith(".")]


def test_int8_failing_is_listed_with_its_reason_and_not_published(home, monkeypatch):
    spoil(monkeypatch, "int8")
    made = export(home / MINE)
    assert not made["variants"]["int8"]["published"] and "agrees with Keras on" in made["variants"]["int8"]["reasons"][-1]
    assert {path.name for path in (home / MINE / "lite").iterdir()} == {"float32.tflite", "labels.txt", "export.json"}
    with pytest.raises(CvappError, match="has no variant 'int8': choose one of float32"):
        load(home / MINE, "int8")


def test_calibration_without_black_and_white_is_caught(exported, monkeypatch):
    model = open_model(exported / MINE / "model.keras")
    grey = np.full((4, 32, 32, 3), 100, np.uint8) + np.arange(4, dtype=np.uint8)[:, None, None, None]
    monkeypatch.setattr(variants, "_pictures", lambda some: lambda: ([one[None].astype(np.float32)] for one in some))
    with pytest.raises(CvappError, match="input scale .* and zero point") as error:
        variants.convert(model, "int8", grey)
    assert error.value.code == Exit.GATE


def test_photos_are_found_by_content_where_they_were_not_kept(home, photos):
    import shutil

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
    assert export(home / MINE, home / "renamed")["photos"] == 9


def exported_photo(photos):
    """Any one photo."""
    return next((photos / "heart").iterdir())


def test_calibration_takes_from_the_classes_in_turn():
    rows = [Row(str(index), "", label, "train") for index, label in enumerate("aaaaab")]
    assert [row.label for row in balanced(rows, 4)] == ["a", "b", "a", "a"]


def test_an_altered_model_is_not_exported(home):
    path = home / MINE / "model.keras"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(CvappError, match="altered since it was saved") as error:
        export(home / MINE)
    assert error.value.code == Exit.BAD_DATA
