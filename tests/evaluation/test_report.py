"""The report: all its files are there, the page holds them, says what was measured, and takes any label for text."""

import dataclasses
from html.parser import HTMLParser

import numpy as np
import pytest

from cvapp import images
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import report
from cvapp.evaluation.session_accuracy import BySession, LeaveOneOut, Session
from cvapp.evaluation.sheets import contact_sheet
from tests.evaluation.runs import card, forecast, history, run

ALWAYS = {"report.html", "curves.png", "confusion.png", "reliability.png", "errors.csv", "errors.png"}
USUAL = {"train": (58, 60), "val": (17, 20), "test": (16, 20)}


class Reader(HTMLParser):
    """The tags of a page, its text, and the sources of its pictures."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.sources = [], "", []
        self.feed(page)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href", "srcset")]

    def handle_data(self, data):
        self.text += f" {data} "


def written(folder, results, labels=("ants", "bees"), changes=(), **metric):
    """The page of a run's report, read."""
    report.write(card(results, labels, changes, **metric), results, folder / "report")
    return Reader((folder / "report" / "report.html").read_text())


def files(folder):
    return {path.name for path in (folder / "report").iterdir()}


def test_all_files_are_written_and_the_page_holds_the_pictures(tmp_path):
    results = run(tmp_path, USUAL, crossed=True, learning=[(30, 1.0, 0.8), (60, 1.0, 0.9)])
    results = dataclasses.replace(
        results, seen=contact_sheet(np.zeros((4, 24, 32, 3), np.uint8), [], 2), before=results.probabilities[60:80]
    )
    page = written(tmp_path, results)
    assert files(tmp_path) == ALWAYS | {"learning.png", "training.png"}
    np.testing.assert_array_equal(images.read(tmp_path / "report" / "training.png"), results.seen)
    mistakes = 2 + 3 + 4
    assert len(page.sources) == page.tags.count("img") == 4 + mistakes + 1
    assert all(source.startswith("data:image/") for source in page.sources), "self-contained"
    assert not {"script", "link", "iframe"} & set(page.tags)


def test_a_plain_run_has_no_learning_curve_and_no_training_pictures(tmp_path):
    page = written(tmp_path, run(tmp_path, USUAL))
    assert files(tmp_path) == ALWAYS
    assert "What training sees" not in page.text and "left-out folds" not in page.text


def test_the_page_says_what_was_measured(tmp_path):
    results = run(tmp_path, USUAL, history=history([0.6, 0.3]) + history([0.3, 0.2], [0.4, 0.5], "fine-tuning", 3))
    page = written(
        tmp_path,
        results,
        changes=["train.epochs=7", "seed=5"],
        fine_tune="much data: the last 2 blocks",
        calibration_error_before=0.123,
        train_seconds=61.4,
    ).text
    for text in (
        "80.0% of 20 test photos right",
        "96.7% of 60 training photos right",
        "0.123 before calibration",
        "under it the answer is unknown; 100% of the right validation answers reach it, 100% of the wrong ones",
        "head: epochs 1 to 2, kept 2; fine-tuning: epochs 3 to 4, kept 3",
        "much data: the last 2 blocks",
        "seed=5, train.epochs=7",
        "made & up (licence: Apache-2.0)",
        "61 s",
        "training 60 96.7% 88.6% to 99.1%",
        "9 of 100 photos are answered otherwise than labelled",
        "hides many mistakes",
        "Each class, on test photos",
        "It overfits: it knows the photos it learned from much better than others.",
    ):
        assert text in page, text


def test_figures_of_a_model_that_was_not_held_out_to_the_end_are_validation_s(tmp_path):
    page = written(tmp_path, run(tmp_path, {"train": (58, 60), "val": (17, 20)})).text
    assert "of 20 validation photos right" in page and "Each class, on validation photos" in page and "test photos" not in page


def test_labels_and_names_are_text_whatever_they_are(tmp_path):
    labels = ('<b>&"', "<script>alert(1)</script>", "日本 $x$", "a\udcffb")
    results = run(tmp_path, {"train": (30, 40), "val": (10, 20)}, labels)
    results.rows[39] = results.rows[39]._replace(path="<i>'x'</i>.jpg")
    report.write(dataclasses.replace(card(results, labels), name="<u>mine"), results, tmp_path / "report")
    page = Reader((tmp_path / "report" / "report.html").read_text(errors="replace"))
    assert not {"script", "i", "u"} & set(page.tags) and page.tags.count("b") == 20, "one for each mistake"
    for text in ('<b>&"', "<script>alert(1)</script>", "日本 $x$", "<i>'x'</i>.jpg", "<u>mine"):
        assert text in page.text, text


def test_a_hundred_classes(tmp_path):
    labels = [f"class {index}" for index in range(100)]
    results = run(tmp_path, {"train": (200, 200), "val": (150, 200)}, labels)
    page = written(tmp_path, results, labels).text
    assert "100 classes" in page and "29 classes with the most mistakes" in page
    assert all(f" {label} " in page for label in labels), "the table of classes is whole"
    assert "Most often taken for each other" in page and "these are the worst 48" in page


def test_no_mistakes_and_one_epoch(tmp_path):
    results = run(tmp_path, {"train": (20, 20), "val": (10, 10)}, history=history([0.2]))
    page = written(tmp_path, results).text
    assert "No mistakes: all 30 photos are answered as they are labelled" in page and "Good fit" in page
    assert files(tmp_path) == ALWAYS and (tmp_path / "report" / "errors.csv").read_text().count("\n") == 1


def test_a_class_without_photos_held_out_has_no_recall(tmp_path):
    page = written(tmp_path, run(tmp_path, {"train": (30, 30), "val": (2, 2)}, ("a", "b", "c")), ("a", "b", "c")).text
    assert "c 0.0% – – 0" in page


def test_nothing_is_random(tmp_path):
    results = run(tmp_path, USUAL)
    for place in ("one", "two"):
        report.write(card(results), results, tmp_path / place)
    for name in ALWAYS:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "taken").write_text("a file")
    results = run(tmp_path, USUAL)
    with pytest.raises(CvappError, match="cannot write") as caught:
        report.write(card(results), results, tmp_path / "taken")
    assert caught.value.code == Exit.CANNOT_WRITE


def with_sessions(results, size):
    """The run with sessions of so many photos in each part; the right answers come first, so the last sessions are the worst."""
    rows, counts = [], {}
    for row in results.rows:
        index = counts[row.part] = counts.get(row.part, -1) + 1
        rows.append(row._replace(group=f"{row.part} <{index // size}>"))
    return dataclasses.replace(results, rows=rows)


def test_accuracy_by_session_is_the_headline(tmp_path):
    unseen = LeaveOneOut(BySession(0.71, 24, (0.6, 0.8), (Session("train <1>", 0.2, 5),)), 95, 5, 0.75, (-0.1, 0.2))
    results = dataclasses.replace(with_sessions(run(tmp_path, USUAL), 4), leave_one_out=unseen)
    page = written(tmp_path, results).text
    first = page.index("80.0% right by session, the mean of 5 test sessions")
    assert first < page.index("71.0% leave-one-session-out: what to expect of a new session") < page.index("80.0% of 20 test photos right")
    for text in (
        "worst: “test <4>”, 0% of 4 photos",
        "test, mean of 5 sessions 20 80.0%",
        "leave-one-session-out, mean of 24 sessions 95 71.0% 60.0% to 80.0%",
        "5 photos are not counted, because no other session has the class",
    ):
        assert text in page, text


def test_two_sessions_have_no_interval(tmp_path):
    page = written(tmp_path, with_sessions(run(tmp_path, USUAL), 10)).text
    assert "the mean of 2 test sessions no interval can be given for fewer than 3 sessions" in page
    assert "leave-one-session-out" not in page


def test_sessions_are_a_table_the_worst_first(tmp_path):
    few = written(tmp_path, with_sessions(run(tmp_path, USUAL), 4)).text
    head = few.index("Each session, on test photos session photos accuracy")
    rows = [few.index(text, head) for text in ("test <4> 4 0.0%", "test <0> 4 100.0%", "test <3> 4 100.0%")]
    assert rows == sorted(rows) and "sessions are shown" not in few
    many = {**USUAL, "test": (50, 60)}
    page = written(tmp_path, with_sessions(run(tmp_path, many), 2)).text
    table = page[page.index("Each session, on test photos") : page.index("The worst 20 of 30 sessions are shown")]
    assert table.count("test <") == 20


def test_unknown_sessions_are_not_mentioned(tmp_path):
    assert "session" not in written(tmp_path, run(tmp_path, USUAL)).text


def test_the_forecast_is_a_table_by_gain(tmp_path):
    made = forecast(0.9, 0.93, [(0.95, 0.953), (0.85, 0.903)])
    page = written(tmp_path, run(tmp_path, USUAL, crossed=True, learning=[(240, 1.0, 0.9)], forecast=made)).text
    assert "made from half of the photos (120) said 87 to 91%; with 240 it became 90%" in page
    rows = [page.index(text) for text in ("all photos 240 90% 93% (92 to 94%)", "bees 120 85% 90% (89 to 91%)", "ants 120 95% 95% (94 to 96%)")]
    assert rows == sorted(rows) and "at twice: 480 at four times: 960" in page
    assert "No forecast" not in page


def test_a_report_without_a_forecast_says_why(tmp_path):
    why = dataclasses.replace(run(tmp_path, USUAL), no_forecast="class “<a>” has 9 photos to train and validate on, and 10 are needed")
    page = written(tmp_path, why).text
    assert "What more photos are worth No forecast: class “<a>” has 9 photos to train and validate on, and 10 are needed." in page
    assert "No forecast: it is made from the features of a frozen backbone" in written(tmp_path, run(tmp_path, USUAL)).text


def test_a_forecast_that_failed_its_check_is_not_shown(tmp_path):
    made = forecast(0.9, 0.93, [(0.9, 0.93)] * 2, passed=False)
    page = written(tmp_path, run(tmp_path, USUAL, crossed=True, learning=[(240, 1.0, 0.9)], forecast=made)).text
    assert "not to be trusted" in page and "at twice" not in page and "Dashed" not in page


def test_labels_that_are_read_from_the_right_stand_in_the_order_of_the_list(tmp_path):
    labels = ("חץ", "مفتاح")
    results = dataclasses.replace(run(tmp_path, USUAL, labels), no_forecast="class “חץ” has 9 photos to train and validate on, and 10 are needed")
    page = written(tmp_path, results, labels).text
    assert "2 classes: \u2068חץ\u2069, \u2068مفتاح\u2069" in page and "class “\u2068חץ\u2069” has 9 photos" in page
