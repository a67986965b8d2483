"""COCO's figures: ours at 101 points are pycocotools' to the last bits, with nothing printed and no figure from nothing."""

import json
import sys

import numpy as np
import pytest
from tests.evaluation.detections import boxes, random_set, truth

from cvapp.errors import CvappError
from cvapp.evaluation.coco import NAMES, coco_summary
from cvapp.evaluation.detection import average_precision, precision_recall

COUNTS = (53, 37, 29)  # so that no recall falls on a hundredth, where COCO's own steps are not exact
LABELS = ["red", "white", "platelet"]
CELL = (0, 0, 10, 10)


def mean_ap(found, truths, points, threshold=0.5):
    """The mean over all classes."""
    curves = [precision_recall(found, truths, label, threshold) for label in range(len(LABELS))]
    return float(np.mean([average_precision(curve.recall, curve.precision, points) for curve in curves]))


@pytest.mark.parametrize("seed", range(6))
def test_cocos_figures_are_ours_at_101_points(seed):
    found, truths = random_set(np.random.default_rng(seed), COUNTS)
    figures = coco_summary(found, truths, LABELS)
    assert figures["ap50"] == pytest.approx(mean_ap(found, truths, "101"), abs=1e-9)
    assert figures["ap75"] == pytest.approx(mean_ap(found, truths, "101", 0.75), abs=1e-9)
    steps = [mean_ap(found, truths, "101", threshold) for threshold in np.linspace(0.5, 0.95, 10)]
    assert figures["ap"] == pytest.approx(np.mean(steps), abs=1e-9)
    assert 0.1 < figures["ap75"] < figures["ap50"] < 0.95


@pytest.mark.parametrize("seed", range(3))
def test_all_points_lie_near_101_points_and_11_points_further_off(seed):
    found, truths = random_set(np.random.default_rng(seed), COUNTS)
    ap50 = coco_summary(found, truths, LABELS)["ap50"]
    assert 0 < abs(mean_ap(found, truths, "all") - ap50) < 0.01
    assert abs(mean_ap(found, truths, "11") - ap50) < 0.1
    assert abs(mean_ap(found, truths, "101", 0.6) - ap50) > 1e-3  # a figure of another threshold is seen


def test_recall_grows_with_the_boxes_that_count():
    """Two objects of one class in one picture: the best box finds one, the ten best both."""
    found, truths = [boxes((*CELL, 0.9, 0), (50, 50, 60, 60, 0.8, 0))], [truth((*CELL, 0), (50, 50, 60, 60, 0))]
    figures = coco_summary(found, truths, ["red"])
    assert list(figures) == list(NAMES) and len(NAMES) == 12
    assert (figures["ar_1"], figures["ar_10"], figures["ar_100"]) == pytest.approx((0.5, 1, 1))
    assert figures["ap"] == figures["ap_small"] == pytest.approx(1)


def test_difficult_objects_do_not_count():
    found = [boxes((*CELL, 0.9, 0), (50, 50, 60, 60, 0.8, 0))]
    hard = truth((*CELL, 0), (50, 50, 60, 60, 0), (90, 90, 99, 99, 0), difficult=[0, 2])
    assert coco_summary(found, [hard], ["red"])["ap50"] == pytest.approx(1)
    assert coco_summary(found, [hard._replace(difficult=np.zeros(3, bool))], ["red"])["ap50"] < 0.7


def test_nothing_found_is_nought_and_what_cannot_be_reckoned_is_none():
    figures = coco_summary([boxes()], [truth((*CELL, 0))], LABELS)
    assert figures["ap"] == figures["ap50"] == figures["ar_100"] == figures["ap_small"] == 0
    assert figures["ap_medium"] is figures["ap_large"] is figures["ar_large"] is None
    assert set(coco_summary([boxes((*CELL, 0.9, 0))], [truth()], LABELS).values()) == {None}
    assert set(coco_summary([], [], LABELS).values()) == {None}
    json.dumps(figures, allow_nan=False)


def test_it_prints_nothing(capsys):
    coco_summary([boxes((*CELL, 0.9, 0))], [truth((*CELL, 0))], LABELS)
    assert capsys.readouterr() == ("", "")


def test_without_pycocotools_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    with pytest.raises(CvappError, match=r"pycocotools is not installed: pip install -e '.*\[train\]'$"):
        coco_summary([], [], LABELS)


def test_classes_must_be_known():
    with pytest.raises(CvappError, match="picture 0 names class 3: there are 3"):
        coco_summary([boxes((*CELL, 0.9, 3))], [truth()], LABELS)
