"""Poor features come first: figures by hand, the backbone as one command, no word against the labels, and nothing said where they are good."""

import dataclasses

import numpy as np
import pytest

from cvapp.evaluation import page, poor_features, probe
from cvapp.evaluation.results import Results
from cvapp.data.split_settings import DataSource
from cvapp.evaluation.mistakes import find
from cvapp.evaluation.poor_features import POOR, cures, is_poor, probe_share
from cvapp.evaluation.verdict import verdict
from tests.evaluation.runs import answers, card, run

SENTENCE = "The backbone's features hardly tell these classes apart: a linear probe of them goes {} of the way from guessing to perfect."
DRAWINGS, LITE = "model.backbone=mobilenet_v2_drawings", "cvapp train --data photos --name mine --set model.backbone=efficientnet_lite0"
TUNE = "cvapp train fine_tune --data photos --name mine --set train.fine_tune=blocks:6"
DRAWN = "cvapp train --data photos --name mine --set model.backbone=mobilenet_v2_drawings"


def judged(folder, right, crossed=True, finished=95, **more) -> Results:
    """100 training photos of two classes, so many answered right by left-out folds and by the finished model, which also has 45 of 50 val."""
    results = run(folder, {"train": (finished, 100), "val": (45, 50)}, source=DataSource("photos"), **more)
    known = answers(np.arange(100) % 2, right, 2, 0.9)
    return dataclasses.replace(results, judged=np.concatenate([known, results.judged[100:]]), crossed=crossed)


def commands(found):
    return [cure.command or " ".join(cure.settings) for cure in found]


@pytest.mark.parametrize(
    "right, classes, expected",
    [([50, 50], 2, 1.0), ([25, 25], 2, 0.0), ([40, 30], 2, 0.4), ([10, 10], 2, 0.0), ([50, 0], 2, 0.0), ([50, 50, 50, 0], 4, 2 / 3)],
)
def test_adjusted_accuracy_by_hand(right, classes, expected):
    """Of 50 photos of each class so many are right; the others are taken for the next class. (0.8 + 0.6) / 2 = 0.7, and 0.2 / 0.5 = 0.4."""
    truth = np.repeat(np.arange(classes), 50)
    found = np.concatenate([np.where(np.arange(50) < count, one, (one + 1) % classes) for one, count in enumerate(right)])
    assert probe.adjusted_accuracy(found, truth, classes) == pytest.approx(expected)


@pytest.mark.parametrize(
    "accuracy, classes, poor",
    [
        (0.94, 2, False), (0.91, 2, False), (0.62, 2, True),  # ants and bees: EfficientNet-Lite0, MobileNetV2, drawings
        (0.75, 10, False), (0.62, 10, False), (0.32, 10, True),  # CIFAR-10
        (0.80, 2, False), (0.75, 2, False), (0.55, 2, True),  # vehicles
    ],
)  # fmt: skip
def test_the_threshold_parts_backbones_of_photos_from_drawings_as_measured(accuracy, classes, poor):
    assert is_poor(probe.above_chance(accuracy, classes)) == poor
    assert not is_poor(None) and not is_poor(POOR)


def test_the_share_is_of_training_photos_by_left_out_folds(tmp_path):
    """62 of 100 right: 0.12 of the 0.5 above guessing."""
    results = judged(tmp_path, 62)
    assert probe_share(results, ("ants", "bees")) == pytest.approx(0.24)
    assert poor_features.metric(results, ("ants", "bees")) == {"probe_accuracy_adjusted": 0.24}
    scratch = dataclasses.replace(results, crossed=False)
    assert probe_share(scratch, ("ants", "bees")) is None and poor_features.metric(scratch, ("ants", "bees")) == {}


def test_the_first_advice_is_the_backbone_and_no_label_is_doubted(tmp_path):
    """38 of 100 labels are firmly contradicted, which is held against the features; with good features 20 of them are held against the labels."""
    made, results = card(judged(tmp_path / "1", 62), settings=[DRAWINGS]), judged(tmp_path / "2", 62)
    found = verdict(made, results)
    assert found.sentences[2] == SENTENCE.format("24%") and found.cures[0].command == LITE and not found.doubts_labels
    assert not any("Their labels may be wrong" in sentence for sentence in found.sentences)
    assert not any(word in cure.text for cure in found.cures for word in ("move", "filed", "label", "head", "regularisation"))
    good = verdict(made, judged(tmp_path / "3", 90))
    assert "Their labels may be wrong" in " ".join(good.sentences) and good.doubts_labels and LITE not in commands(good.cures)
    assert not any("hardly" in sentence for sentence in good.sentences)


def test_the_page_shows_the_command_and_looks_for_no_photo_in_the_wrong_folder(tmp_path):
    texts = {}
    for right in (62, 90):
        results = judged(tmp_path / str(right), right)
        made = card(results, settings=[DRAWINGS])
        texts[right] = page.compose(made, results, verdict(made, results), find(results, made.labels), tmp_path)
    assert f"<li>A backbone that has seen photos, if these are photos <code>{LITE}</code>" in texts[62]
    assert "wrong folder" not in texts[62] and "Do not read them as label errors" in texts[62]
    assert "wrong folder" in texts[90] and LITE not in texts[90]


def test_the_page_says_what_stands_for_photos_whose_path_it_does_not_tell(tmp_path):
    line = "DIR stands for the folder or list of the photos."
    for source, right, told in ((DataSource(), 62, True), (DataSource("photos"), 62, False), (DataSource(), 90, False)):
        results = dataclasses.replace(judged(tmp_path / f"{source.name}{right}", right), source=source)
        made = card(results, settings=[DRAWINGS])
        text = page.compose(made, results, verdict(made, results), (), tmp_path)
        assert (line in text) == ("--data DIR" in text) == told


def test_a_run_from_scratch_is_judged_as_before(tmp_path):
    results = judged(tmp_path, 62, crossed=False, finished=60)
    found = verdict(card(results, settings=["model.backbone=small_resnet"]), results)
    assert found.doubts_labels and "hardly" not in " ".join(found.sentences) and "model.alpha=1.0" in " ".join(commands(found.cures))


@pytest.mark.parametrize(
    "changes, expected",
    [
        ([DRAWINGS], [LITE]),
        (["model.backbone=shipped"], [LITE]),
        (["model.handle=mobilenet_v2_drawings"], [LITE]),
        (["model.handle=module"], [LITE]),
        (["model.backbone=mobilenet_v2", "model.weights=mine.weights.h5"], [LITE]),
        ([], [TUNE, DRAWN]),
        (["model.handle=efficientnet_lite0"], [TUNE, DRAWN]),
        (["model.backbone=resnet_50"], [f"{TUNE} --set model.backbone=resnet_50", DRAWN]),
    ],
    ids=str,
)
def test_which_backbone_is_advised(tmp_path, changes, expected):
    made = card(judged(tmp_path, 62), settings=changes)
    assert commands(cures(made, 0.24, "photos")) == expected


def test_a_backbone_that_was_tuned(tmp_path):
    """45 of 50 validation photos right: tuning has made up for poor features. With 30 of 50 it has not."""
    results = judged(tmp_path / "good", 62)
    bad = run(tmp_path / "bad", {"train": (60, 100), "val": (30, 50)})
    assert cures(card(results, settings=["train.fine_tune=blocks:2"]), 0.24, "photos") == ()
    assert not verdict(card(results, settings=["train.fine_tune=blocks:2"]), results).doubts_labels, "the folds are no judges all the same"
    assert commands(cures(card(bad, settings=["train.fine_tune=blocks:2"]), 0.24, "photos")) == ["train.fine_tune=all", DRAWN]
    assert commands(cures(card(bad, settings=["train.fine_tune=all"]), 0.24, "photos")) == [DRAWN]
    assert commands(cures(card(bad, settings=["train.fine_tune=all", DRAWINGS]), 0.24, "photos")) == [LITE]


def test_names_with_blanks_can_be_pasted(tmp_path):
    made = dataclasses.replace(card(judged(tmp_path, 62), settings=[DRAWINGS]), name="my model")
    assert commands(cures(made, 0.1, "my photos"))[0].startswith("cvapp train --data 'my photos' --name 'my model' --set ")
    assert commands(cures(made, 0.1, ""))[0].startswith("cvapp train --data DIR --name ")
