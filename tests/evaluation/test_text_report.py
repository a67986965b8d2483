"""A transcriber's report: its files, what its page says, and that looks are drawn where they are."""

import csv
import re

import numpy as np
import pytest

from cvapp import images
from cvapp.bundle import Score
from cvapp.card import Card
from cvapp.evaluation import text_report, text_sheets
from cvapp.evaluation.texts import summary
from cvapp.evaluation.transcribed import TextResults
from cvapp.images import Images
from cvapp.recipe import Recipe
from tests.evaluation.runs import history

TRUTHS = ["7", "42", "1234", "88"]
READ = [Score("7", 0.9), Score("43", 0.5), Score("123", 0.8), Score("88", 1.0)]


def results(truths=TRUTHS, scores=READ, size=(16, 40)):
    """Grey pictures; character n of a text is looked for in column n, but for a tenth that falls on the last column."""
    looks = np.zeros((len(truths), 5, size[1] // 4), np.float32)
    looks[:, range(5), range(5)] = 0.9
    looks[..., -1] += 0.1
    return TextResults("test", np.full((len(truths), *size, 3), 90, np.uint8), truths, scores, looks)


def card(made, beam=0.75):
    figures = {**summary([score.label for score in made.scores], made.truths), "beam": {"width": 4, "accuracy": beam}}
    return Card("rows", "transcribe", tuple("0123456789"), Images((16, 40)), Recipe(), metrics={"test": figures, "train_seconds": 3.0})


def page_of(folder):
    """The page without the pictures that it holds."""
    return re.sub("base64,[^']*", "", (folder / "report.html").read_text())


def test_the_report_is_whole(tmp_path):
    made = results()
    text_report.write(card(made), made, history([0.9, 0.4], stage="whole"), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "errors.csv", "errors.png", "looks.png", "report.html"]
    page = page_of(tmp_path)
    for said in (
        "<h1>rows</h1>",
        "<strong>50.0%</strong><span>of texts without a mistake</span><small>2 of 4 test pictures read wrong",
        "<strong>22.22%</strong><span>of characters wrong",
        "<strong>75.0%</strong><span>of texts by beam search</span><small>the best of 4 texts side by side",
        "<td>1<td>1<td style='--share:100%'>100.0%<td>0.00%",
        "<td>2<td>2<td style='--share:50%'>50.0%<td>25.00%",
        "All 2, the surest first.",
        "Where it looked",
        "How it was made",
    ):
        assert said in page, said
    assert "http" not in page and "nan" not in page and page.count("data:image/png") == 3
    rows = list(csv.DictReader((tmp_path / "errors.csv").read_text().splitlines()))
    assert [tuple(row.values()) for row in rows] == [("2", "1234", "123", "0.8000", "1"), ("1", "42", "43", "0.5000", "1")]


@pytest.mark.parametrize("scores", [[Score(truth, 0.9) for truth in TRUTHS], [Score("", 0.1)] * 4], ids=["all right", "all wrong"])
def test_a_report_of_one_kind_is_written(tmp_path, scores):
    made = results(scores=scores)
    text_report.write(card(made), made, history([0.9]), tmp_path)
    assert ("None." in page_of(tmp_path)) == (scores[0].label == "7")
    assert images.read(tmp_path / "looks.png").shape[1] > 900


def test_only_the_surest_mistakes_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(text_sheets, "SHOWN", 1)
    made = results()
    text_report.write(card(made), made, history([0.9]), tmp_path)
    assert "The 1 of 2 that it was surest of." in page_of(tmp_path)


def dark(strips, row):
    """The columns, in fortieths of the picture, that are darkest in a strip."""
    values = strips[17 * row + 8].sum(-1)
    return np.flatnonzero(values == values.min()) * 40 // 480


def test_a_strip_is_dark_where_its_character_was_looked_for():
    made = results()
    drawn = text_sheets.look(made, 1)
    strips = drawn[-17 * 3 :, 26:]
    assert drawn.shape[1] == 26 + 480 and (drawn[22 : 22 + 192, 26:] == 90).all(), "the picture, twelve times as large"
    for row in range(3):
        assert set(dark(strips, row) // 4) == {row}, "two characters and the end"
    assert strips[8, 240].min() > 250 > strips[8, 470].min() > 150, "nothing in the middle, a little in the last column"


def test_what_was_read_stands_above_it_and_the_truth_where_that_is_another():
    made = results()
    assert text_sheets.caption(made, 1) == "43, 50% sure"
    assert text_sheets.caption(results(scores=[Score("", 0.25)] * 4), 0) == "nothing, 25% sure"
    titles = [text_sheets.look(made, place)[:20, 26:] for place in (0, 1)]
    assert (titles[1] < 128).sum() > (titles[0] < 128).sum()


def test_a_text_that_never_ends_has_no_strip_for_the_end():
    made = results(scores=[Score("12345", 0.5)] * 4)
    assert len(text_sheets.look(made, 0)) - len(text_sheets.look(results(), 0)) == 17 * (5 - 2)


def test_wide_pictures_have_no_black_bars():
    sheet = text_sheets.mistakes_sheet(results(size=(16, 160)))
    assert sheet.shape[1] == 2 * (12 + 2 * (240 + 12)) and not (sheet[:60, 12:252] == 0).all(-1).any()
