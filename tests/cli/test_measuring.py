"""What a person reads of a detector's figures, after training and by `cvapp evaluate`, and what `--epochs` asks for."""

from pathlib import Path

import pytest

from cvapp.card import Card
from cvapp.cli import main, training
from cvapp.cli.measuring import _detector
from cvapp.cli.trained import trained
from cvapp.data.boxed import Box
from cvapp.errors import CvappError
from cvapp.evaluation.boxed import figures_of
from cvapp.images import Images
from cvapp.recipe import Recipe
from cvapp.windows import Scan
from cvapp.windows.geometry import Windows
from tests.evaluation.detections import boxes

LABELS = ("cat", "dog", "fox")
SCAN = Scan(Windows((48, 48), (8, 8)), ((1.0, 1.0),), 24, 0.625)
TRUE = [Box("cat", (0, 0, 20, 20)), Box("cat", (50, 0, 70, 20)), Box("dog", (0, 50, 20, 70))]
FOUND = boxes((0, 0, 20, 20, 0.9, 0), (50, 0, 70, 20, 0.4, 0), (0, 50, 20, 70, 0.8, 1), (90, 90, 99, 99, 0.7, 2))


def figures(score):
    """Of one photo: both cats are found, one of them unsurely, and a fox where there is none."""
    return figures_of([FOUND], [TRUE], LABELS, score)


@pytest.mark.parametrize("score, cat", [(0.5, "1.000   0.500"), (0.3, "1.000   1.000")])
def test_precision_and_recall_are_those_at_the_threshold_and_a_class_without_objects_has_none(score, cat):
    lines = _detector({**figures(score), "split": "test"})
    assert lines[0].splitlines() == [
        "class  objects   AP50  precision  recall",
        f"cat          2  1.000      {cat}",
        "dog          1  1.000      1.000   1.000",
        "fox          0      -          -       -",
    ]
    missed = 1 if score == 0.5 else 0
    assert lines[1] == f"precision and recall at the score threshold of {score:.2f}; false boxes: 1 background; missed: {missed} of 3"
    assert figures(score)["by_class"]["fox"] == {**dict.fromkeys(figures(score)["by_class"]["cat"]), "objects": 0}
    assert figures(score)["recall"] == pytest.approx((3 - missed) / 3, abs=1e-4)


@pytest.mark.parametrize("advice", [{"verdict": "high bias", "advice": "Train longer: --set train.epochs=24"}, {"verdict": "good fit"}])
def test_the_terminal_says_what_to_try_where_the_verdict_is_bad(advice):
    metrics = {**{part: figures(0.5) for part in ("train", "val")}, "train_seconds": 9.0, **advice}
    card = Card("pets", "detect", LABELS, Images((96, 128)), Recipe(), threshold=0.5, metrics=metrics, scan=SCAN)
    lines = trained(card, Path("saved_models/pets")).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["part", "train", "val"]
    assert ("high bias; try first: Train longer: --set train.epochs=24" in lines) is ("advice" in advice)
    assert "precision and recall at the score threshold of 0.50" in lines


def note(asked, recipe):
    """Take what is to be trained, and train nothing."""
    asked.append(recipe.train)
    raise CvappError("no training here")


@pytest.mark.parametrize(
    "words, expected",
    [
        (["fine_tune", "--epochs", "3"], (3, 3)),
        (["fine_tune", "--epochs", "5000"], (5000, 15)),
        (["fine_tune", "--epochs", "3", "--set", "train.fine_tune_epochs=7"], (3, 7)),
        (["window_detector", "--epochs", "3"], (3, 20)),
        (["fine_tune"], (40, 15)),
    ],
)
def test_epochs_bound_the_fine_tuning_too(words, expected, workspace, monkeypatch):
    asked = []
    monkeypatch.setattr(training, "_train", lambda recipe, *_: note(asked, recipe))
    (workspace / "photos").mkdir()
    main(["train", *words, "--data", "photos", "--name", "new"])
    assert (asked[0].epochs, asked[0].fine_tune_epochs) == expected
