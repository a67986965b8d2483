"""The plots say what they are given, for two classes and a hundred, one epoch and many, and whatever the labels are."""

import numpy as np
import pytest

from cvapp import images
from cvapp.evaluation import metrics, plots
from cvapp.evaluation.results import Part
from tests.evaluation.runs import forecast, history

TWO_STAGES = history([1, 0.5, 0.3], [1, 0.6, 0.7]) + history([0.3, 0.2, 0.1, 0.1], [0.5, 0.4, 0.3, 0.35], "fine-tuning", 4)


def drawn(path, colour):
    """How many pixels of a picture are nearly of a colour."""
    rgb = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return int((np.abs(images.read(path).astype(int) - rgb).max(-1) < 12).sum())


def test_the_kept_epochs_are_those_of_least_validation_loss():
    assert plots.kept_epochs(TWO_STAGES) == {"head": 2, "fine-tuning": 6}
    assert plots.kept_epochs(history([1, 1, 1], [np.nan, 0.5, np.nan])) == {"head": 2}


def test_curves_are_drawn_with_their_stages(tmp_path):
    plots.write_curves(TWO_STAGES, tmp_path / "two.png")
    plots.write_curves(history([1, 0.5, 0.3, 0.2]), tmp_path / "one.png")
    for name in ("one", "two"):
        picture = images.read(tmp_path / f"{name}.png")
        assert picture.shape[0] > picture.shape[1] > 800
        assert drawn(tmp_path / f"{name}.png", plots.VAL) > 500
    # the line between the stages is the only thing as dark and as tall in all three panels
    tall = [((images.read(tmp_path / f"{name}.png") < 110).all(2).sum(0) > 0.7 * 1054).sum() for name in ("one", "two")]
    assert tall[1] > tall[0]


@pytest.mark.parametrize(
    "losses",
    [[0.7], [np.nan, np.nan], [0.7, np.inf, 1e9], [5.0, 0.5, 0.004], [0.0, 0.0]],
    ids=["one epoch", "nan", "explodes", "logarithmic", "zero"],
)
def test_any_history_can_be_drawn(tmp_path, losses):
    plots.write_curves(history(losses), tmp_path / "curves.png")
    assert images.read(tmp_path / "curves.png").std() > 5


def test_the_matrix_shows_right_in_blue_and_wrong_in_orange(tmp_path):
    plots.write_confusion(np.array([[3, 0], [0, 2]]), ["ants", "bees"], "val", tmp_path / "right.png")
    plots.write_confusion(np.array([[0, 3], [2, 0]]), ["ants", "bees"], "val", tmp_path / "wrong.png")
    assert drawn(tmp_path / "right.png", plots.TRAIN) > 20_000 and drawn(tmp_path / "right.png", plots.VAL) == 0
    assert drawn(tmp_path / "wrong.png", plots.VAL) > 20_000 and drawn(tmp_path / "wrong.png", plots.TRAIN) == 0


def test_many_classes_become_those_with_the_most_mistakes_and_the_others(rng):
    table = np.diag(rng.integers(5, 9, 100))
    table[3, 70], table[41, 3], table[98, 99] = 6, 4, 2
    small, names = plots.condense(table, [f"c{index}" for index in range(100)], 5)
    assert names == ["c3", "c41", "c70", "c98", "the other 96"]
    assert small.sum() == table.sum()
    assert small[0, 2] == 6 and small[1, 0] == 4 and small[3, 4] == 2
    assert small[4, 4] == sum(table[index, index] for index in range(100) if index not in (3, 41, 70, 98))
    same, all_names = plots.condense(table, [f"c{index}" for index in range(100)], 100)
    assert same is table and len(all_names) == 100


@pytest.mark.parametrize("count", [2, 5, 100])
def test_a_matrix_of_any_size_is_of_a_sane_size(tmp_path, count):
    plots.write_confusion(np.eye(count, dtype=int), [f"class {index}" for index in range(count)], "test", tmp_path / "confusion.png")
    assert 800 < max(images.read(tmp_path / "confusion.png").shape) <= 2100


def test_labels_that_are_formulas_or_foreign_or_long(tmp_path):
    labels = ["$\\frac$", "日本", "a\nb\udcff", "long " * 30, '<b>&"']
    plots.write_confusion(np.eye(5, dtype=int), labels, "val", tmp_path / "confusion.png")
    assert images.read(tmp_path / "confusion.png").shape[1] < 1300


def test_reliability_shows_before_after_and_test(tmp_path, rng):
    truth = rng.integers(0, 3, 200)
    logits = 4 * (np.eye(3)[truth] + rng.normal(0, 0.7, (200, 3)))
    before, after = (Part("val", metrics.softmax(logits / temperature), truth) for temperature in (1, 3))
    plots.write_reliability([after, Part("test", after.probabilities[::-1], truth[::-1])], before, tmp_path / "all.png")
    plots.write_reliability([after], None, tmp_path / "after.png")
    assert drawn(tmp_path / "all.png", plots.TEST) > 500 and drawn(tmp_path / "after.png", plots.TEST) == 0
    assert drawn(tmp_path / "all.png", plots.VAL) > 500 and drawn(tmp_path / "after.png", plots.VAL) > 500


def test_reliability_of_a_single_photo_and_of_perfect_certainty(tmp_path):
    plots.write_reliability([Part("val", np.array([[1.0, 0.0]]), np.array([0]))], None, tmp_path / "reliability.png")
    assert images.read(tmp_path / "reliability.png").std() > 5


def test_the_learning_curve_is_drawn(tmp_path):
    plots.write_learning([(30, 1.0, 0.8), (60, 1.0, 0.85), (120, 0.99, 0.9)], None, tmp_path / "many.png")
    plots.write_learning([(30, 1.0, 0.8)], None, tmp_path / "one.png")
    assert drawn(tmp_path / "many.png", plots.VAL) > drawn(tmp_path / "one.png", plots.VAL) > 50


def test_the_forecast_is_drawn_where_it_can_be_trusted(tmp_path):
    """The band is the pale orange of the held-out curve on white."""
    learning, band = [(60, 1.0, 0.8), (240, 1.0, 0.9)], "#f7e4d5"
    plots.write_learning(learning, forecast(0.9, 0.93), tmp_path / "good.png")
    plots.write_learning(learning, forecast(0.9, 0.93, passed=False), tmp_path / "bad.png")
    assert drawn(tmp_path / "good.png", band) > 3000 and drawn(tmp_path / "bad.png", band) < 300
    assert drawn(tmp_path / "bad.png", plots.VAL) > 500, "what was measured is drawn"


LETTERS = {"Hebrew": "עברית", "Arabic": "عربي", "a face": "😀 x"}


@pytest.mark.parametrize("label", LETTERS.values(), ids=LETTERS)
def test_labels_of_other_scripts_are_drawn_with_a_font_that_has_them(tmp_path, few_fonts, label, recwarn):
    plots.write_confusion(np.eye(2, dtype=int), [label, "b"], "val", tmp_path / "it.png")
    plots.write_confusion(np.eye(2, dtype=int), [label[::-1], "b"], "val", tmp_path / "reversed.png")
    assert (images.read(tmp_path / "it.png") != images.read(tmp_path / "reversed.png")).any()
    assert not [one for one in recwarn if "Glyph" in str(one.message)]


def test_a_label_without_a_font_is_no_row_of_boxes(tmp_path, few_fonts):
    assert plots.name("ไทย") == "???" and plots.name("🐝 $") == r":honeybee: \$"


def test_a_hebrew_label_begins_at_the_right(tmp_path, few_fonts):
    """The same as its letters in reversed order, each kept where it is by a mark of direction."""
    for name, label in (("it", "עברית"), ("kept", "\u202d" + "עברית"[::-1] + "\u202c")):
        figure = plots.Figure(figsize=(3, 1), dpi=100)
        figure.text(0.1, 0.5, label)
        plots.save(figure, tmp_path / f"{name}.png")
    one, other = (images.read(tmp_path / f"{name}.png").astype(int) for name in ("it", "kept"))
    assert one.shape == other.shape and (one < 128).any() and np.abs(one - other).mean() < 1
