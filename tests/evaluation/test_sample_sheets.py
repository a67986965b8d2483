"""Sheets of samples: pairs in their order, crisp, each class's surest first, and "none" where there is none."""

import numpy as np
import pytest

from cvapp.evaluation import sample_sheets
from cvapp.evaluation.sample_sheets import by_class_sheet, nearest_sheet
from cvapp.evaluation.sheets import contact_sheet, stacked


@pytest.fixture
def shown(monkeypatch):
    """What was given to the contact sheets, and the titles."""
    given = {"pictures": [], "captions": [], "titles": []}

    def sheet(pictures, captions, columns, width):
        given["pictures"].append(pictures)
        given["captions"].append(captions)
        return contact_sheet(pictures, captions, columns, width)

    def below(sheets):
        given["titles"] += list(sheets)
        return stacked(sheets)

    monkeypatch.setattr(sample_sheets, "contact_sheet", sheet)
    monkeypatch.setattr(sample_sheets, "stacked", below)
    return given


def flat(values, side=28):
    """Pictures of one grey each."""
    return np.array([np.full((side, side, 3), value, np.uint8) for value in values])


def test_pairs_stand_nearest_first_with_how_far_they_are_apart(shown):
    made, train = flat([100, 110, 120]), flat([10, 120, 151])
    sheet = nearest_sheet(made, train, np.array([2, 1, 1]), np.array([51.0, 10, 0]))
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3
    (pairs,) = shown["pictures"]
    greys = [(int(pair[0, 0, 0]), int(pair[0, -1, 0])) for pair in pairs]
    assert greys == [(120, 120), (110, 120), (100, 151)]
    assert shown["captions"] == [["a copy, pixel for pixel", "pixels differ by 3.9%", "pixels differ by 20.0%"]]
    assert shown["titles"] == ["Samples (left) and the training photo each is most like (right), the most alike first"]
    assert len(nearest_sheet(made, train, np.array([2, 1, 1]), np.array([51.0, 10, 0]), 1)) < len(sheet) + 1
    assert len(shown["pictures"][1]) == 1


def test_small_pictures_are_enlarged_crisp(rng):
    """Of two colours none between them appears; a blur would make some."""
    made = np.where(rng.random((1, 28, 28, 1)) < 0.5, 40, 200).astype(np.uint8).repeat(3, 3)
    sheet = nearest_sheet(made, made, np.array([0]), np.array([0.0]))
    top, left = 30 + 12, 12
    assert set(np.unique(sheet[top : top + 168, left : left + 168])) == {40, 200}
    assert (sheet[top : top + 168, left : left + 168] == made[0].repeat(6, 0).repeat(6, 1)).all()
    assert (sheet[top : top + 168, left + 168 + 6 : left + 2 * 168 + 6] == made[0].repeat(6, 0).repeat(6, 1)).all()


@pytest.mark.parametrize("size", [(28, 28), (64, 64), (96, 96), (300, 300), (20, 200), (200, 20)])
def test_pictures_of_any_size_have_a_place(rng, size):
    made = rng.integers(0, 256, (3, *size, 3), dtype=np.uint8)
    assert nearest_sheet(made, made, np.arange(3), np.zeros(3)).shape[1] <= 3 * (2 * 168 + 6) + 60
    assert by_class_sheet(made, np.array([0, 1, 1]), ["a", "b"], np.ones(3)).shape[1] <= 10 * 110


def test_a_class_shows_its_surest_and_none_where_it_has_none(shown):
    made = flat([10, 20, 30, 40, 50])
    sheet = by_class_sheet(made, np.array([0, 2, 0, 0, 2]), ["ants", "bees", "wasps"], np.array([0.5, 0.7, 0.9, 0.8, 0.99]), 2)
    assert shown["titles"] == ["ants: 3 of 5 samples, 60%", "bees: none", "wasps: 2 of 5 samples, 40%"]
    assert [[int(picture[0, 0, 0]) for picture in row] for row in shown["pictures"]] == [[30, 40], [50, 20]]
    assert shown["captions"] == [["90%", "80%"], ["99%", "70%"]]
    assert all((sheet == grey).all(2).sum() >= 84 * 84 for grey in (30, 40, 50, 20)) and not (sheet == 10).all(2).sum() >= 84 * 84


def test_of_many_classes_those_with_most_samples_are_shown(shown):
    classes = np.array([1] * 3 + [4] * 2 + [7])
    by_class_sheet(flat(range(6)), classes, [f"c{number}" for number in range(60)], np.ones(6), most=2)
    assert shown["titles"][:2] == ["c1: 3 of 6 samples, 50%", "c4: 2 of 6 samples, 33%"]
    assert shown["titles"][2:] == ["2 of 60 classes: those with the most samples. 57 classes have none."]


def test_labels_in_any_letters_and_no_samples_at_all(shown):
    for labels in (["日本", "\udcff", "long " * 30], ["a\nb", '<b>&"', "ants"]):
        sheet = by_class_sheet(flat([9]), np.array([1]), labels, np.ones(1))
        assert (sheet < 100).any() and sheet.shape[1] < 900
    assert by_class_sheet(flat([9])[:0], np.zeros(0, int), ["ants", "bees"], np.zeros(0)).ndim == 3
    assert shown["titles"][-2:] == ["ants: none", "bees: none"]
