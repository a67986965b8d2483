"""Poor features come first: figures by hand, the backbone as one command, no word against the labels, and nothing said where they are good."""

import dataclasses
import math
import shlex

import numpy as np
import pytest

from cvapp.cli.parser import build
from cvapp.data.split_settings import DataSource
from cvapp.evaluation import metrics, page, poor_features, probe
from cvapp.evaluation.cures import PHOTOS
from cvapp.evaluation.mistakes import find
from cvapp.evaluation.poor_features import ADJUSTED, HIGHEST, POOR, cures, is_poor, limit
from cvapp.evaluation.results import Results
from cvapp.evaluation.verdict import verdict
from cvapp.recipe import override
from cvapp.shipped import load_pipeline
from tests.evaluation.runs import answers, card, run

SENTENCE = "The backbone's features hardly tell these classes apart (chance-adjusted accuracy of a linear probe: {})."
DRAWINGS, LITE = "model.backbone=mobilenet_v2_drawings", "cvapp train --data photos --name mine --set model.backbone=efficientnet_lite0"
TUNE = "cvapp train fine_tune --data photos --name mine --set train.fine_tune=blocks:6"
DRAWN = "cvapp train --data photos --name mine --set model.backbone=mobilenet_v2_drawings"


def judged(folder, right, crossed=True, finished=95, val=45, photos=100, **more) -> Results:
    """Training photos of two classes, so many answered right by left-out folds and by the finished model, which also has `val` of 50 val."""
    results = run(folder, {"train": (finished, photos), "val": (val, 50)}, source=DataSource("photos"), **more)
    known = answers(np.arange(photos) % 2, right, 2, 0.9)
    return dataclasses.replace(results, judged=np.concatenate([known, results.judged[photos:]]), crossed=crossed)


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


def probed(accuracy, classes, photos, folder):
    """Results whose left-out folds answer so much of so many training photos."""
    labels = [f"class{index}" for index in range(classes)]
    results = run(folder, {"train": (photos, photos), "val": (4, 4)}, labels)
    known = answers(np.arange(photos) % classes, 0, classes, 0.9)
    right = (np.arange(photos) // classes + 0.5) / (photos / classes) < accuracy  # the same share of each class
    known[right] = answers(np.arange(photos) % classes, photos, classes, 0.9)[right]
    return card(dataclasses.replace(results, judged=np.concatenate([known, results.judged[photos:]]), crossed=True), labels)


@pytest.mark.parametrize(
    "accuracy, classes, photos, poor",
    [
        (0.94, 2, 243, False), (0.91, 2, 243, False), (0.62, 2, 243, True),  # ants and bees: EfficientNet-Lite0, MobileNetV2, drawings
        (0.75, 10, 300, False), (0.62, 10, 300, False), (0.32, 10, 300, True),  # CIFAR-10
        (0.80, 2, 60, False), (0.75, 2, 60, False), (0.55, 2, 60, True),  # vehicles
        (0.39, 100, 500, False), (0.02, 100, 500, True),  # 39 times, and twice, as often as by guessing
        (0.65, 2, 16, False), (0.65, 2, 400, True),  # the same share of few and of many photos
    ],
)  # fmt: skip
def test_the_limit_parts_backbones_of_photos_from_drawings_as_measured(accuracy, classes, photos, poor, tmp_path):
    assert is_poor(probed(accuracy, classes, photos, tmp_path)) == poor


def test_good_features_are_seldom_called_poor_by_few_photos(tmp_path):
    """Of 16 photos, each right with probability 0.8, up to `most` right are called poor."""
    most = max(right for right in range(17) if is_poor(card(judged(tmp_path / str(right), right, photos=16))))
    chance = sum(math.comb(16, right) * 0.8**right * 0.2 ** (16 - right) for right in range(most + 1))
    assert 4 <= most < 11 and chance < 0.01


def test_the_limit_by_hand():
    """0.05 of 100 classes is 0.04 of the 0.99 above chance."""
    assert limit(2) == limit(10) == POOR and limit(100) == pytest.approx(0.04 / 0.99) and limit(20) == pytest.approx(0.2 / 0.95)


def test_the_figure_is_of_training_photos_by_left_out_folds(tmp_path):
    """62 of 100 right: 0.12 of the 0.5 above chance. Wilson's interval of 0.62 ends at 0.7091."""
    results = judged(tmp_path, 62)
    assert poor_features.metric(results, ("ants", "bees")) == {ADJUSTED: 0.24, HIGHEST: pytest.approx(0.4182, abs=2e-3)}
    assert poor_features.metric(dataclasses.replace(results, crossed=False), ("ants", "bees")) == {}


def test_a_small_class_makes_the_figure_less_certain(tmp_path):
    """90 and 10 photos count as 4 / (1/90 + 1/10) = 36 do."""
    results = judged(tmp_path, 62)
    rows = [row._replace(label="ants" if index < 90 else "bees") if row.part == "train" else row for index, row in enumerate(results.rows)]
    uneven = poor_features.metric(dataclasses.replace(results, rows=rows), ("ants", "bees"))
    recall = (1 + uneven[ADJUSTED]) / 2
    assert uneven[HIGHEST] == pytest.approx(2 * metrics.interval(36 * recall, 36)[1] - 1, abs=1e-3)


def test_the_first_advice_is_the_backbone_and_no_label_is_doubted(tmp_path):
    """40 of 100 labels are firmly contradicted, which is held against the features; with good features 20 of them are held against the labels."""
    made, results = card(judged(tmp_path / "1", 60), settings=[DRAWINGS]), judged(tmp_path / "2", 60)
    found = verdict(made, results)
    assert found.sentences[2] == SENTENCE.format("0.20") and found.cures[0].command == LITE and not found.doubts_labels
    assert not any("Their labels may be wrong" in sentence for sentence in found.sentences)
    assert not any(word in cure.text for cure in found.cures for word in ("move", "filed", "label", "head", "regularisation"))
    fine = judged(tmp_path / "3", 90)
    good = verdict(card(fine, settings=[DRAWINGS]), fine)
    assert "Their labels may be wrong" in " ".join(good.sentences) and good.doubts_labels and LITE not in commands(good.cures)
    assert not any("hardly" in sentence for sentence in good.sentences)


def test_the_page_shows_the_command_and_looks_for_no_photo_in_the_wrong_folder(tmp_path):
    texts = {}
    for right in (60, 90):
        results = judged(tmp_path / str(right), right)
        made = card(results, settings=[DRAWINGS])
        texts[right] = page.compose(made, results, verdict(made, results), find(results, made.labels), tmp_path)
    assert f"<li>A backbone that has seen photos, if these are photos <code>{LITE}</code>" in texts[60]
    assert "wrong folder" not in texts[60] and "Do not read them as label errors" in texts[60]
    assert "wrong folder" in texts[90] and LITE not in texts[90]


def test_the_page_says_what_stands_for_photos_whose_path_it_does_not_tell(tmp_path):
    line = "DIR stands for the folder or list of the photos."
    for source, right, told in ((DataSource(), 60, True), (DataSource("photos"), 60, False), (DataSource(), 90, False)):
        results = dataclasses.replace(judged(tmp_path / f"{source.name}{right}", right), source=source)
        made = card(results, settings=[DRAWINGS])
        text = page.compose(made, results, verdict(made, results), (), tmp_path)
        assert (line in text) == ("--data DIR" in text) == told


def test_a_run_from_scratch_is_judged_as_before(tmp_path):
    results = judged(tmp_path, 60, crossed=False, finished=60)
    found = verdict(card(results, settings=["model.backbone=small_resnet"]), results)
    assert found.doubts_labels and "hardly" not in " ".join(found.sentences) and "model.alpha=1.0" in " ".join(commands(found.cures))


@pytest.mark.parametrize(
    "changes, expected",
    [
        ([DRAWINGS], [LITE]),
        (["model.handle=mobilenet_v2_drawings"], [LITE]),
        (["model.handle=module"], [LITE]),
        (["model.backbone=mobilenet_v2", "model.weights=mine.weights.h5", "model.alpha=1.0"], [LITE]),
        ([], [TUNE, DRAWN, ""]),
        (["model.handle=efficientnet_lite0"], [TUNE, DRAWN, ""]),
        (["model.handle=efficientnet_lite2"], [f"{TUNE} --set model.backbone=efficientnet_lite2", DRAWN, ""]),
        (["model.backbone=resnet_50"], [f"{TUNE} --set model.backbone=resnet_50", DRAWN, ""]),
        (["model.backbone=mobilenet_v2", "model.alpha=1.0"], [f"{TUNE} --set model.backbone=mobilenet_v2 --set model.alpha=1", DRAWN, ""]),
    ],
    ids=str,
)
def test_which_backbone_is_advised(tmp_path, changes, expected):
    """More photos come last, where the features may be poor for want of them."""
    found = cures(card(judged(tmp_path, 60), settings=changes), "photos")
    assert commands(found) == expected and (PHOTOS in found) == (len(expected) > 1)


KEPT = ["seed=4", "images.fit=letterbox", "images.resize=linear", "images.size=160,128", "train.class_weights=True"]


@pytest.mark.parametrize("changes", [[DRAWINGS], [], ["model.backbone=mobilenet_v2", "model.alpha=0.5"]], ids=str)
def test_a_command_keeps_what_a_person_has_set(tmp_path, changes):
    made = card(judged(tmp_path, 60), settings=[*changes, *KEPT])
    for cure in cures(made, "photos"):
        if cure.command:
            args = build().parse_args(shlex.split(cure.command)[1:])
            after = override(load_pipeline(args.pipeline), args.set)
            assert (after.seed, after.images, after.train.class_weights) == (4, made.recipe.images, True)
            assert args.pipeline != "fine_tune" or after.model.alpha == made.recipe.model.alpha


@pytest.mark.parametrize("changes, size", [([DRAWINGS], "96,96"), ([], "224,224"), (["model.handle=efficientnet_lite0"], "224,224")], ids=str)
def test_a_size_that_is_the_backbones_own_is_not_kept(tmp_path, changes, size):
    """Every card names a size; that of an unknown module is the module's."""
    plain, sized = (commands(cures(card(judged(tmp_path, 60), settings=[*changes, *more]), "photos")) for more in ((), (f"images.size={size}",)))
    assert plain == sized and "images.size=64,64" in commands(cures(card(judged(tmp_path, 60), settings=[*changes, "images.size=64,64"]), ""))[0]
    assert commands(cures(card(judged(tmp_path, 60), settings=["model.handle=module", "images.size=64,64"]), "photos")) == [LITE]


def test_a_backbone_that_was_tuned(tmp_path):
    """45 of 50 validation photos right: tuning has made up for poor features. With 30 of 50 it has not."""
    good, bad = judged(tmp_path / "good", 60), judged(tmp_path / "bad", 60, finished=60, val=30)
    tuned = card(good, settings=["train.fine_tune=blocks:2"])
    assert cures(tuned, "photos") == ()
    assert not verdict(tuned, good).doubts_labels, "the folds are no judges all the same"
    assert commands(cures(card(bad, settings=["train.fine_tune=blocks:2"]), "photos")) == ["train.fine_tune=all", DRAWN, ""]
    assert commands(cures(card(bad, settings=["train.fine_tune=all"]), "photos")) == [DRAWN, ""]
    assert commands(cures(card(bad, settings=["train.fine_tune=all", DRAWINGS]), "photos")) == [LITE]


def test_names_with_blanks_can_be_pasted(tmp_path):
    made = dataclasses.replace(card(judged(tmp_path, 60), settings=[DRAWINGS]), name="my model")
    assert commands(cures(made, "my photos"))[0].startswith("cvapp train --data 'my photos' --name 'my model' --set ")
    assert commands(cures(made, ""))[0].startswith("cvapp train --data DIR --name ")
