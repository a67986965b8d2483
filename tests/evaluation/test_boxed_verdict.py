"""The verdict on a detector: each kind and each observation from a run made so, with a control, and no advice without effect."""

import shlex
from collections import Counter

import numpy as np
import pytest

from cvapp.card import Card
from cvapp.cli.parser import build
from cvapp.data.split_settings import DataSource
from cvapp.evaluation import boxed_report
from cvapp.evaluation.boxed_sheets import BoxedResults
from cvapp.evaluation.boxed_verdict import verdict
from cvapp.evaluation.detection import summary
from cvapp.evaluation.verdict import BIAS, BOTH, GOOD, VARIANCE
from cvapp.images import Images
from cvapp.recipe import override, settings
from cvapp.shipped import load_pipeline
from cvapp.training import detect
from cvapp.windows import Scan
from cvapp.windows.geometry import Windows
from tests.evaluation.detections import boxes, truth

LABELS = ("cell", "plate")
SIDE = 40.0
SCAN = Scan(Windows((64, 64), (8, 8)), ((1.0, 1.0),), 32, 0.625)  # one level, for objects of 40 x 40


def squares(count, side=SIDE, gap=20.0, start=5.0):
    """Objects of two classes in turn, in rows of 6: (count, 5)."""
    places = [(start + (side + gap) * (index % 6), start + (side + gap) * (index // 6)) for index in range(count)]
    return np.array([(left, top, left + side, top + side, index % 2) for index, (left, top) in enumerate(places)])


def part_of(missed=0, false=0, objects=None):
    """Found boxes and truth of one photo: the first `missed` objects have no box, `false` boxes lie where nothing is."""
    objects = squares(60) if objects is None else objects
    hits = [(*row[:4], 0.9, row[4]) for row in objects[missed:]]
    invented = [(400.0, 5.0 + 30 * index, 420.0, 25.0 + 30 * index, 0.95, index % 2) for index in range(false)]
    return [boxes(*hits, *invented)], [truth(*objects)]


def judge(train=(), val=(), changes=(), source=DataSource("photos", ("val", "test")), counts=None, threshold=0.5):
    """The verdict on a run whose parts are `part_of`'s, each of whose cures must train something else, or be a command that can be given."""
    known, held = part_of(**dict(train)), part_of(**dict(val))
    figures = {name: summary(*part, LABELS, score=threshold) for name, part in (("train", known), ("val", held))}
    recipe = override(load_pipeline("window_detector"), ["detect.passes=2", *changes])
    card = Card("cells", "detect", LABELS, Images((480, 640)), recipe, metrics=figures, threshold=threshold, scan=SCAN)
    everywhere = Counter({"cell": 50, "plate": 50})
    objects = {"train": everywhere, "val": everywhere} if counts is None else counts
    results = BoxedResults("val", ["a.jpg"], lambda place: np.full((480, 640, 3), 90, np.uint8), *held, [], threshold, objects, source)
    found = verdict(card, results)
    for cure in found.cures:
        check_cure(recipe, cure)
    return found, card, results


def check_cure(recipe, cure):
    """Each setting changes the recipe, all of them are obeyed by a detector, and a command is one."""
    after = override(recipe, cure.settings)
    for setting in cure.settings:
        name = setting.partition("=")[0]
        assert settings(recipe)[name] != settings(after)[name], setting
    detect._refuse(after)
    if cure.command:
        args = build().parse_args(shlex.split(cure.command)[1:])
        assert args.verb == "predict" and 0 < args.conf < 1
    assert cure.text


def words(found):
    """All that is said, and all that is advised."""
    return " ".join(found.sentences), " ".join(cure.line for cure in found.cures)


@pytest.mark.parametrize(
    "train, val, kind, advice",
    [
        ({}, {}, GOOD, None),
        ({"missed": 30}, {"missed": 30}, BIAS, "Train longer: --set train.epochs=24"),
        ({}, {"missed": 20}, VARIANCE, "More photos"),
        ({"missed": 20}, {"missed": 45}, BOTH, "More photos"),
    ],
)
def test_each_kind(train, val, kind, advice):
    found, *_ = judge(train, val)
    assert found.kind == kind and (found.cures == () if advice is None else found.cures[0].line.startswith(advice))
    assert found.sentences[0].startswith(f"mAP50 is {100 - train.get('missed', 0) / 0.6:.1f}% on 1 training photo (60 objects)")


def test_a_gap_of_few_objects_may_be_chance():
    few = {"objects": squares(6), "missed": 1}
    said, tried = words(judge({}, few, source=DataSource("photos", (), True))[0])
    assert "may be chance: 6 validation objects cannot tell" in said
    assert "More validation photos (first delete split.csv beside the photos): --set data.val=0.3" in tried
    assert "may be chance" not in words(judge({}, {"missed": 20})[0])[0]


def test_classes_with_few_objects_or_none_are_said_first():
    counts = {"train": Counter({"cell": 50, "plate": 3}), "val": Counter({"cell": 9})}
    found, *_ = judge(counts=counts, source=DataSource("photos"))
    said, tried = words(found)
    assert "few training objects, where 20 are a start: “plate” (3)" in said and "No validation photo shows “plate”" in said
    assert "--set seed=1" in tried and found.cures[0].text == "More photos that show “plate”"
    assert "own validation part" in words(judge(counts=counts)[0])[1], "the data has parts of its own"


def test_touching_objects_are_named_where_they_are_missed():
    pairs = squares(12, gap=60.0)
    touching = np.concatenate([pairs, pairs + (SIDE * 0.4, 0, SIDE * 0.4, 0, 0)])  # the same class, an IoU of 0.43
    said, tried = words(judge({}, {"objects": touching[::-1], "missed": 8})[0])
    assert "touch" not in said, "where all touch, none is worse"
    apart = squares(24, start=245.0)[:12]
    said, tried = words(judge({}, {"objects": np.concatenate([touching[:12], touching[12:], apart + (0, 160, 0, 160, 0)]), "missed": 8})[0])
    assert "Objects that touch another one are missed more often: 8 of 24, where 0 of 12 others are" in said
    assert "--set detect.overlap=0.6" in tried
    far = np.concatenate([pairs, pairs + (SIDE * 0.9, 0, SIDE * 0.9, 0, 0), apart + (0, 160, 0, 160, 0)])
    said, tried = words(judge({}, {"objects": far, "missed": 8})[0])
    assert "8 of 24" in said and "detect.overlap" not in tried, "suppression has no part in it"


@pytest.mark.parametrize(
    "side, said, advice",
    [(10.0, "Small objects are missed more often", "images.size=704,960"), (100.0, "fits no window", "detect.shapes=6")],
)
def test_objects_that_are_too_small_or_fit_no_window_are_named(side, said, advice):
    mixed = np.concatenate([squares(8, side, 5.0), squares(12, start=230.0)])
    sentences, tried = words(judge({}, {"objects": mixed, "missed": 7})[0])
    assert said in sentences and "7 of 8, where 0 of 12 others are" in sentences and advice in tried
    assert said not in words(judge({}, {"objects": mixed[::-1], "missed": 7})[0])[0], "the others are missed"


def test_objects_at_the_edge_are_named():
    edge = squares(20)
    edge[:6, :3:2] -= 5  # the left end lies on the edge
    edge[:6, [0, 2]] = 0, SIDE
    edge[:6, [1, 3]] = np.stack([[60 * row, 60 * row + 40] for row in range(6)])
    edge[6:, [0, 2]] += 100
    said, tried = words(judge({}, {"objects": edge, "missed": 6})[0])
    assert "Objects at the edge of the frame are missed more often: 6 of 6, where 0 of 14 others are" in said and "by one rule" in tried


def test_frequent_false_boxes_are_named_by_their_kind():
    said, tried = words(judge({}, {"false": 12})[0])
    assert "12 of 72 boxes on validation photos lie on no object that is annotated." in said
    assert "Look at false.png first" in tried and "detect.hard=0.6" in tried and "detect.background=4" in tried
    assert "annotated" not in words(judge({}, {"false": 4})[0])[0]
    once = words(judge({}, {"false": 12}, ["detect.rounds=1"])[0])[1]
    assert "detect.hard" not in once and "--set detect.rounds=3" in once, "a single round has no mistakes to learn from"
    assert "--set train.epochs=12" in words(judge({}, {"false": 12}, ["train.epochs=1"])[0])[1]


def test_a_threshold_that_lies_to_one_side_is_changed_without_training():
    said, tried = words(judge({}, {"missed": 30})[0])
    assert "At the score threshold of 50%, 100% of the boxes are right and 50% of the objects are found." in said
    assert "cvapp predict cells DIR --conf 0.25" in tried
    assert "--conf 0.75" in words(judge({}, {"false": 30})[0])[1] and "--conf" not in words(judge()[0])[1]


LARGEST = ["model.alpha=2", "train.epochs=100000", "detect.hidden=65536"]


@pytest.mark.parametrize("changes", [[], ["detect.turn=True"], ["augment.mirror=True"], LARGEST])
def test_no_advice_without_effect(changes):
    """`judge` looks at each cure of each kind of run."""
    lines = [words(judge(train, val, changes)[0])[1] for train in ({}, {"missed": 30}) for val in ({}, {"missed": 50}, {"false": 20})]
    assert ("detect.turn" in " ".join(lines)) is ("detect.turn=True" not in changes)


def test_the_page_begins_with_it(tmp_path):
    found, card, results = judge({"missed": 30}, {"missed": 30})
    boxed_report.write(card, results, tmp_path, found)
    page = (tmp_path / "report.html").read_text()
    assert "class='verdict poor'><h2>High bias</h2>" in page and "<code>--set train.epochs=24</code>" in page
    boxed_report.write(card, results, tmp_path)
    assert "verdict poor" not in (tmp_path / "report.html").read_text()
