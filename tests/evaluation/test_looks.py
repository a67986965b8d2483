"""The sheet of where a transformer looks: held-out photos, their answers, and the maps at their places."""

import dataclasses

import keras
import numpy as np
import pytest

from cvapp.camera import heat
from cvapp.evaluation import looks, report
from cvapp.evaluation.sheets import contact_sheet
from cvapp.models import vit
from cvapp.models.attention_maps import attention_maps
from tests.evaluation.runs import card, run
from tests.models.classifiers import classifier_of

LABELS = ("ants", "bees")


@pytest.fixture
def results(tmp_path):
    return run(tmp_path, {"train": (10, 10), "val": (5, 5), "test": (4, 6)})


@pytest.fixture
def shown(monkeypatch):
    """What was given to the contact sheet."""
    given = []

    def sheet(pictures, captions, columns):
        given.append((pictures, captions, columns))
        return contact_sheet(pictures, captions, columns)

    monkeypatch.setattr(looks, "contact_sheet", sheet)
    return given


def small_transformer(monkeypatch, size, depth=2):
    monkeypatch.setitem(vit.VARIANTS, "vit_small_4", vit.Variant(16, depth, 2, 16, 4, vit.MEAN))
    return classifier_of("vit_small", size, len(LABELS))


def test_held_out_photos_stand_with_their_answers_and_their_maps(results, shown, monkeypatch):
    size = results.pixels.read([results.rows[0].hash])[0].shape[:2]
    model = small_transformer(monkeypatch, size)
    picture = looks.sheet(model, results, LABELS)
    (pictures, captions, columns), test = shown[0], [row for row in results.rows if row.part == "test"]
    assert picture.dtype == np.uint8 and columns == 8 and len(pictures) == len(captions) == 4 * min(8, len(test))
    assert [caption.split("\n")[0] for caption in captions[::4]] == [row.label for row in looks.split.balanced(test, 8)]
    row = looks.split.balanced(test, 1)[0]
    answer = results.probabilities[results.rows.index(row)]
    assert captions[0] == f"{row.label}\n{100 * answer.max():.0f}% {LABELS[answer.argmax()]}"
    assert [caption.split("\n")[0] for caption in captions[1:4]] == ["all blocks", "block 1", "block 2"]
    maps = np.array(attention_maps(model)(results.pixels.read([row.hash]).astype(np.float32)))[0]
    for place, painted in enumerate(pictures[1:4]):
        np.testing.assert_allclose(painted, heat.paint(pictures[0], maps[place]), atol=2)
        assert np.abs(painted.astype(int) - pictures[0]).max() > 20


def test_of_a_deep_network_the_first_the_last_and_some_between_are_shown(results, shown, monkeypatch):
    size = results.pixels.read([results.rows[0].hash])[0].shape[:2]
    looks.sheet(small_transformer(monkeypatch, size, depth=9), results, LABELS)
    _, captions, columns = shown[0]
    assert [caption.split("\n")[0] for caption in captions[2:7]] == ["block 1", "block 3", "block 5", "block 7", "block 9"]
    assert columns == 7


def test_a_network_without_attention_has_no_sheet(results):
    pixels = keras.Input((8, 8, 3))
    model = keras.Model(pixels, keras.layers.Dense(2)(keras.layers.Flatten()(pixels)))
    assert looks.sheet(model, results, LABELS) is None


def test_the_report_shows_the_sheet_where_there_is_one(results, tmp_path):
    sheet = contact_sheet(np.zeros((4, 24, 32, 3), np.uint8), [], 2)
    for name, chosen in (("with", sheet), ("without", None)):
        report.write(card(results, LABELS), dataclasses.replace(results, looks=chosen), tmp_path / name)
        assert (tmp_path / name / "attention.png").is_file() is (chosen is not None)
        assert ("Where it looks" in (tmp_path / name / "report.html").read_text()) is (chosen is not None)
