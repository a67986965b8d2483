"""Mistakes: the least likely labels first, so that photos in the wrong folder fill the first rows."""

import csv

import numpy as np
import pytest

from cvapp.data import split
from cvapp.evaluation import metrics, mistakes, probe
from cvapp.evaluation.results import Results
from tests.evaluation.runs import run

LABELS = ["ants", "bees", "wasps"]


def by_hand(tmp_path, crossed):
    """Five photos: right, nearly right, quite wrong, as wrong again, wrong on validation."""
    made = run(tmp_path, {"train": (4, 4), "val": (1, 1)}, LABELS)
    rows = [
        split.Row(row.hash, f"{name}.jpg", label, row.part)
        for row, name, label in zip(made.rows, "cdbae", ("ants", "bees", "wasps", "ants", "ants"))
    ]
    judged = np.array([[0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.7, 0.2, 0.1], [0.1, 0.7, 0.2], [0.3, 0.6, 0.1]])
    return Results(made.history, rows, made.probabilities, judged, crossed, None, made.pixels)


def test_the_least_likely_label_comes_first_and_ties_go_by_path(tmp_path):
    found = mistakes.find(by_hand(tmp_path, True), LABELS)
    assert [(one.row.path, one.answer, one.probability, one.of_label) for one in found] == [
        ("a.jpg", "bees", 0.7, 0.1),
        ("b.jpg", "ants", 0.7, 0.1),
        ("e.jpg", "bees", 0.6, 0.3),
        ("d.jpg", "ants", 0.5, 0.4),
    ]


@pytest.mark.parametrize("crossed, learned", [(True, "left-out fold"), (False, "itself")])
def test_the_table_says_who_judged(tmp_path, crossed, learned):
    mistakes.write_table(mistakes.find(by_hand(tmp_path, crossed), LABELS), tmp_path / "errors.csv")
    with open(tmp_path / "errors.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["path", "part", "label", "answer", "probability", "probability_of_label", "judged_by"]
    assert rows[1] == ["a.jpg", "train", "ants", "bees", "0.7000", "0.1000", learned]
    assert rows[3] == ["e.jpg", "val", "ants", "bees", "0.6000", "0.3000", "held out"]
    assert len(rows) == 5


def test_a_path_with_commas_line_breaks_and_odd_bytes_survives(tmp_path):
    made = run(tmp_path, {"train": (0, 1), "val": (1, 1)})
    made.rows[0] = made.rows[0]._replace(path='a,"b"\n\udcff.jpg')
    mistakes.write_table(mistakes.find(made, ["ants", "bees"]), tmp_path / "errors.csv")
    with open(tmp_path / "errors.csv", newline="", errors="surrogateescape") as file:
        assert list(csv.reader(file))[1][0] == 'a,"b"\n\udcff.jpg'
    assert mistakes.sheet(mistakes.find(made, ["ants", "bees"]), made.pixels).ndim == 3


def test_the_sheet_shows_the_worst_and_no_more(tmp_path):
    made = run(tmp_path, {"train": (0, 60), "val": (1, 1)})
    found = mistakes.find(made, ["ants", "bees"])
    whole, few = mistakes.sheet(found, made.pixels), mistakes.sheet(found[:3], made.pixels)
    assert len(found) == 60 and whole.shape[1] > 2 * few.shape[1] and whole.shape[0] > 5 * few.shape[0]
    np.testing.assert_array_equal(whole, mistakes.sheet(found[: mistakes.SHOWN], made.pixels))


def test_no_mistakes(tmp_path):
    made = run(tmp_path, {"train": (5, 5), "val": (5, 5)})
    assert mistakes.find(made, ["ants", "bees"]) == []
    mistakes.write_table([], tmp_path / "errors.csv")
    assert (tmp_path / "errors.csv").read_text().count("\n") == 1
    assert (mistakes.sheet([], made.pixels) < 128).any(), "it says so"


def plant(truth, num_classes, rng):
    """A tenth of the labels changed: the labels, and where."""
    planted = rng.choice(len(truth), len(truth) // 10, replace=False)
    labels = truth.copy()
    labels[planted] = (truth[planted] + rng.integers(1, num_classes, len(planted))) % num_classes
    return labels, planted


def caught(made, labels, classes, judged, planted):
    """The share of the planted labels among as many first mistakes."""
    rows = [row._replace(label=labels[one], path=f"{index:04d}.jpg") for index, (row, one) in enumerate(zip(made.rows, classes))]
    found = mistakes.find(Results(made.history, rows, judged, judged, True, None, made.pixels), labels)
    first = {int(one.row.path[:4]) for one in found[: len(planted)]}
    return len(first & set(planted.tolist())) / len(planted)


def test_planted_wrong_labels_fill_the_first_rows(tmp_path, rng):
    """Judges that are right in four of five photos; a control that learned the labels by heart finds nothing."""
    truth = rng.integers(0, 3, 400)
    classes, planted = plant(truth, 3, rng)
    made = run(tmp_path, {"train": (300, 300), "val": (100, 100)}, LABELS)
    judged = metrics.softmax(3 * np.eye(3)[truth] + rng.normal(0, 1.8, (400, 3)))
    assert 0.75 < metrics.accuracy(judged, truth) < 0.9
    assert caught(made, LABELS, classes, judged, planted) >= 0.5
    by_heart = metrics.softmax(3 * np.eye(3)[classes] + rng.normal(0, 1.8, (400, 3)))
    assert caught(made, LABELS, classes, by_heart, planted) < 0.3


@pytest.mark.shared
def test_wrong_labels_among_real_photos_fill_the_first_rows(tmp_path, shared_data, rng):
    """Ants and bees, a tenth of the labels changed, each photo judged by a probe of the features of the other folds' photos."""
    from cvapp import images
    from cvapp.models import hub

    layer, size = hub.open_module(shared_data / "hub" / "mobilenet_v2_035_224_feature_vector")
    paths = sorted((shared_data / "hymenoptera-256").glob("*/*/*.jpg"))
    truth = np.array([path.parent.name == "bees" for path in paths]).astype(int)
    pixels = [images.fit(images.read(path), images.Images(size)) for path in paths]
    features = np.concatenate([layer(np.stack(pixels[start : start + 32]) / np.float32(255)) for start in range(0, len(pixels), 32)])
    made = run(tmp_path, {"train": (len(paths), len(paths))})
    classes, planted = plant(truth, 2, rng)
    assert len(planted) == 39
    share = caught(made, ["ants", "bees"], classes, probe.left_out(features, classes, 2, 0), planted)
    assert share >= 0.5
