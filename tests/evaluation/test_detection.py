"""Detection figures: the matching rule and average precision by hand and against brute force; difficult objects, kinds of mistakes."""

import json

import numpy as np
import pytest
from tests.evaluation.detections import boxes, random_set, truth

from cvapp.errors import CvappError, Exit
from cvapp.evaluation import boxed_mistakes
from cvapp.evaluation.detection import FALSE, IGNORED, Truth, average_precision, best, match, precision_recall, summary

LABELS = ["red", "white"]
CELL = (0, 0, 10, 10)
FAR = (50, 50, 60, 60)


def plain_iou(one, other):
    """Of two boxes, in plain Python."""
    width = max(0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0, min(one[3], other[3]) - max(one[1], other[1]))
    union = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - width * height
    return width * height / union if union else 0.0


def plain_ap(found, truths, label, threshold=0.5):
    """Average precision as the devkit's text tells it, with loops: all boxes by score, each object once, the area under the best precision."""
    rows = [
        (float(s), p, tuple(map(float, b)))
        for p, one in enumerate(found)
        for b, s, c in zip(one.xyxy, one.scores, one.classes)
        if c == label
    ]
    objects = {
        (p, place): (tuple(map(float, true.xyxy[place])), bool(true.difficult[place]))
        for p, true in enumerate(truths)
        for place in range(len(true.classes))
        if true.classes[place] == label
    }
    total, taken, hits, points = sum(not hard for _, hard in objects.values()), set(), [], []
    for _, photo, box in sorted(rows, key=lambda row: -row[0]):
        near = [(plain_iou(box, xyxy), key) for key, (xyxy, _) in objects.items() if key[0] == photo]
        overlap, key = max(near, default=(0.0, None), key=lambda pair: pair[0])
        if overlap >= threshold and objects[key][1]:
            continue
        hit = overlap >= threshold and key not in taken
        taken |= {key} if hit else set()
        hits.append(hit)
        points.append((sum(hits) / total, sum(hits) / len(hits)))
    area, before = 0.0, 0.0
    for place, (recall, _) in enumerate(points):
        area += (recall - before) * max(precision for _, precision in points[place:])
        before = recall
    return area


def curve(*rows, of):
    """The curve of class 0 in one picture."""
    return precision_recall([boxes(*rows)], [of], 0)


def test_each_object_is_found_once_by_its_best_box():
    found = boxes((*CELL, 0.5, 0), (1, 0, 11, 10, 0.9, 0), (*FAR, 0.8, 0), (*FAR, 0.7, 1))
    matched = match(found, truth((*CELL, 0), (50, 50, 60, 61, 0), (90, 90, 99, 99, 1)))
    assert matched.right.tolist() == [FALSE, 0, 1, FALSE]  # the surer box has the cell, though the other fits better
    assert matched.missed.tolist() == [False, False, True]


def test_an_overlap_of_just_the_threshold_is_right():
    half = boxes((0, 0, 5, 10, 0.9, 0))
    assert match(half, truth((*CELL, 0))).right.tolist() == [0]
    assert match(half, truth((*CELL, 0)), 0.51).right.tolist() == [FALSE]


def test_a_box_belongs_to_the_object_it_overlaps_most_even_where_that_is_taken():
    """Pascal's rule; COCO's would give the second box to the second object."""
    objects = truth((0, 0, 10, 10, 0), (3, 0, 13, 10, 0))
    found = boxes((0, 0, 10, 10, 0.9, 0), (1, 0, 11, 10, 0.8, 0))
    assert match(found, objects).right.tolist() == [0, FALSE]


def test_difficult_objects_count_neither_found_nor_missed():
    found = boxes((*CELL, 0.9, 0), (*CELL, 0.8, 0), (*FAR, 0.7, 0))
    objects = truth((*CELL, 0), (*FAR, 0), difficult=[0])
    matched = match(found, objects)
    assert matched.right.tolist() == [IGNORED, IGNORED, 1] and not matched.missed.any()
    assert match(boxes(), objects).missed.tolist() == [False, True]
    recall, precision, scores = curve((*CELL, 0.9, 0), (*CELL, 0.8, 0), (*FAR, 0.75, 0), of=objects)
    assert (recall.tolist(), precision.tolist(), scores.tolist()) == ([1], [1], [0.75])
    counted = curve((*CELL, 0.9, 0), (*CELL, 0.8, 0), (*FAR, 0.75, 0), of=truth((*CELL, 0), (*FAR, 0)))
    assert counted.precision.tolist() != precision.tolist()


def test_pascals_extra_pixel_turns_a_false_box_right():
    """Squares with edges 9 apart, 3 of it shifted: 54 of 108 is 1/2, counted by pixels 70 of 130."""
    found, objects = boxes((3.1, 0, 12.1, 9, 0.9, 0)), truth((0, 0, 9, 9, 0))
    assert match(found, objects).right.tolist() == [FALSE]
    assert match(found, objects, plus_one=True).right.tolist() == [0]
    assert precision_recall([found], [objects], 0, plus_one=True).recall.tolist() == [1]


RECALL, PRECISION = np.array([0.2, 0.2, 0.4, 0.4, 0.4, 0.6]), np.array([1, 1 / 2, 2 / 3, 2 / 4, 2 / 5, 3 / 6])


def test_average_precision_by_hand():
    """Five objects; right, false, right, false, false, right: 0.2 (1 + 2/3 + 1/2); at 11 points 3 times 1, 2 times 2/3, 2 times 1/2."""
    assert average_precision(RECALL, PRECISION) == pytest.approx(0.2 * (1 + 2 / 3 + 1 / 2))
    assert average_precision(RECALL, PRECISION, "11") == pytest.approx((3 + 2 * 2 / 3 + 2 / 2) / 11)
    assert average_precision(RECALL, PRECISION, "101") == pytest.approx((21 + 20 * 2 / 3 + 20 / 2) / 101)


def test_a_recall_of_just_three_tenths_counts_at_three_tenths():
    """0.1 * 3 is 0.30000000000000004 to a computer, which 3 objects of 10 do not reach."""
    assert average_precision(np.array([0.1, 0.2, 0.3]), np.ones(3), "11") == pytest.approx(4 / 11)


def test_the_area_without_the_ceiling_is_less():
    plain = float((np.diff(RECALL, prepend=0) * PRECISION).sum())
    rising = np.array([0.5, 1.0]), np.array([0.5, 0.9])
    assert average_precision(*rising) == pytest.approx(0.9) and float((np.diff(rising[0], prepend=0) * rising[1]).sum()) < 0.75
    assert plain <= average_precision(RECALL, PRECISION)


def test_ends_of_average_precision():
    none = np.zeros(0)
    assert [average_precision(none, none, points) for points in ("all", "11", "101")] == [0, 0, 0]
    assert [average_precision(np.ones(1), np.ones(1), points) for points in ("all", "11", "101")] == [1, 1, 1]
    with pytest.raises(CvappError, match="points '12': choose all, 11 or 101"):
        average_precision(none, none, "12")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.75])
def test_average_precision_is_that_of_brute_force(seed, threshold):
    found, truths = random_set(np.random.default_rng(seed), (30, 20, 9), difficult=0.15)
    for label in range(3):
        recall, precision, scores = precision_recall(found, truths, label, threshold)
        assert average_precision(recall, precision) == pytest.approx(plain_ap(found, truths, label, threshold), abs=1e-12)
        assert (np.diff(scores) <= 0).all() and (np.diff(recall) >= 0).all()


def test_counting_an_object_twice_or_difficult_ones_gives_another_figure(rng):
    found, truths = random_set(rng, (60,), difficult=0.2)
    plain = [Truth(true.xyxy, true.classes, np.zeros(len(true.classes), bool)) for true in truths]
    right = precision_recall(found, truths, 0)
    assert abs(average_precision(right.recall, right.precision) - plain_ap(found, plain, 0)) > 0.01
    again = [(match(one.take([place]), true).right[0] >= 0) for one, true in zip(found, truths) for place in range(len(one))]
    assert sum(again) > right.recall[-1] * sum((~true.difficult).sum() for true in truths)


def test_a_picture_without_objects_counts_its_false_boxes():
    found, truths = [boxes((*CELL, 0.8, 0)), boxes((*CELL, 0.9, 0))], [truth((*CELL, 0)), truth()]
    recall, precision, _ = precision_recall(found, truths, 0)
    assert recall.tolist() == [0, 1] and precision.tolist() == [0, 0.5]
    figures = summary(found, truths, LABELS)
    assert figures["map50"] == 0.5 and figures["false"]["background"] == 1


def test_the_best_threshold_has_the_best_f1_and_parts_no_equal_scores():
    rows = [(*CELL, 0.75, 0), (*FAR, 0.5, 0), (20, 0, 30, 10, 0.25, 0), (80, 0, 90, 10, 0.25, 0)]
    assert best(curve(*rows, of=truth((*CELL, 0), (*FAR, 0)))) == pytest.approx((0.5, 1, 1, 1))
    tied = best(curve(*rows, of=truth((*CELL, 0), (*FAR, 0), (20, 0, 30, 10, 0))))  # 2 / 2 of 3: F1 0.8; 3 / 4 of 3: 6/7
    assert tied == pytest.approx((0.25, 3 / 4, 1, 6 / 7))
    assert best(curve(of=truth((*CELL, 0)))) == (0.5, 0, 0, 0)


def test_a_class_without_objects_is_left_out_of_the_mean_and_named():
    found, truths = [boxes((*CELL, 0.9, 0), (*FAR, 0.9, 1))], [truth((*CELL, 0), (*FAR, 1), difficult=[1])]
    figures = summary(found, truths, LABELS)
    assert figures["map50"] == figures["map50_11"] == 1 and figures["classes_without_objects"] == ["white"]
    assert (figures["objects"], figures["difficult"], figures["photos"]) == (1, 1, 1)
    assert figures["by_class"]["red"]["objects"] == 1
    assert figures["by_class"]["white"] == {**dict.fromkeys(figures["by_class"]["red"]), "objects": 0}, "nothing to reckon from"


def test_the_mean_over_classes_by_hand():
    """Red: 1 of 2 found, no false box: 1/2; white: found behind a surer false one: 1/2."""
    found = [boxes((*CELL, 0.9, 0), (*FAR, 0.8, 1), (20, 0, 30, 10, 0.7, 1))]
    figures = summary(found, [truth((*CELL, 0), (80, 80, 90, 90, 0), (20, 0, 30, 10, 1))], LABELS)
    assert figures["map50"] == 0.5 and figures["by_class"]["red"] == {
        "ap": 0.5,
        "ap_11": round(6 / 11, 4),
        "precision": 1.0,
        "recall": 0.5,
        "f1": 0.6667,
        "best_threshold": 0.8999,  # 0.9 in float32 lies below 0.9
        "objects": 2,
    }
    assert "map75" in summary(found, [truth((*CELL, 0))], LABELS, 0.75)


@pytest.mark.parametrize("objects", [[truth((*CELL, 0))], [truth()]])
def test_nothing_found_is_nought_and_no_nan(objects):
    figures = summary([boxes()], objects, LABELS)
    assert figures["map50"] == figures["map50_11"] == figures["precision"] == figures["recall"] == 0
    json.dumps(figures, allow_nan=False)
    json.dumps(summary([], [], LABELS), allow_nan=False)


def test_kinds_of_mistakes_by_hand():
    objects = truth((*CELL, 0), (*FAR, 1), (200, 0, 240, 40, 0))
    found = boxes(
        (*CELL, 0.95, 0),  # right
        (1, 0, 11, 10, 0.9, 0),  # the same again
        (6, 0, 16, 10, 0.8, 0),  # 4 of 16: beside it
        (*FAR, 0.7, 0),  # the other class
        (100, 100, 110, 110, 0.6, 1),  # nothing there
        (9.5, 0, 19.5, 10, 0.5, 0),  # 0.5 of 19.5 is as good as nothing
        (0, 0, 5, 10, 0.1, 1),  # too unsure to count
    )
    mistakes = boxed_mistakes.find([found], [objects], score=0.2)
    kinds = [(one.kind, one.label, one.answer) for one in mistakes]
    assert kinds == [
        ("missed", 0, None),
        ("missed", 1, None),
        ("twice", 0, 0),
        ("poor place", 0, 0),
        ("wrong class", 1, 0),
        ("background", None, 1),
        ("background", None, 0),
    ]
    assert [round(one.overlap, 3) for one in mistakes] == [0, 1, 0.818, 0.25, 1, 0, 0]
    assert [one.size for one in mistakes] == ["medium", *["small"] * 6]
    figures = summary([found], [objects], LABELS, score=0.2)
    assert figures["false"] == {"wrong class": 1, "poor place": 1, "twice": 1, "background": 2} and figures["counted_from"] == 0.2
    assert figures["missed_by_size"] == {"small": 1, "medium": 1, "large": 0}
    assert figures["false_by_size"] == {"small": 5, "medium": 0, "large": 0}


def test_sizes_are_cocos():
    sides = (31.9, 32, 95.9, 96, 1000)
    assert [boxed_mistakes.size_of((0, 0, side, side)) for side in sides] == ["small", "medium", "medium", "large", "large"]


def test_every_box_and_object_is_right_ignored_or_a_mistake(rng):
    found, truths = random_set(rng, (40, 25), difficult=0.2)
    mistakes = boxed_mistakes.find(found, truths)
    matched = [match(one, true) for one, true in zip(found, truths)]
    false = sum((one.right == FALSE).sum() for one in matched)
    assert sum(one.kind in boxed_mistakes.KINDS for one in mistakes) == false > 10
    assert sum(one.kind == "missed" for one in mistakes) == sum(one.missed.sum() for one in matched) > 3


def test_the_table_holds_every_mistake(tmp_path):
    mistakes = boxed_mistakes.find([boxes((*FAR, 0.75, 1))], [truth((*CELL, 0))])
    boxed_mistakes.write_table(mistakes, ["a b.jpg"], LABELS, tmp_path / "errors.csv")
    assert (tmp_path / "errors.csv").read_text().splitlines() == [
        "path,kind,label,answer,score,overlap,size,left,top,right,bottom",
        "a b.jpg,missed,red,,,0.0000,small,0.0,0.0,10.0,10.0",
        "a b.jpg,background,,white,0.7500,0.0000,small,50.0,50.0,60.0,60.0",
    ]


@pytest.mark.parametrize(
    "found, truths, said",
    [
        ([], [truth()], "boxes found in 0 pictures, the truth of 1"),
        ([boxes((*CELL, 0.9, 2))], [truth()], "picture 0 names class 2: there are 2, counted from 0"),
        ([boxes()], [truth((*CELL, -1))], "picture 0 names class -1"),
        ([boxes()], [Truth(np.zeros((2, 4)), np.zeros(2, int), np.zeros(1, bool))], "the truth of picture 0 has shapes"),
    ],
)
def test_what_does_not_fit_together_is_bad_data(found, truths, said):
    with pytest.raises(CvappError, match=said) as error:
        summary(found, truths, LABELS)
    assert error.value.code == Exit.BAD_DATA
