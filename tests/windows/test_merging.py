"""Windows that hang together become one box: by hand, and against a search that walks from box to box."""

import numpy as np
import pytest

from cvapp.boxes import iou
from cvapp.windows.merging import LINKED, merge
from tests.evaluation.detections import boxes


def test_the_box_is_the_mean_by_score_and_has_the_best_score():
    found = merge(boxes((0, 0, 40, 40, 0.9, 0), (10, 0, 50, 40, 0.6, 0), (200, 200, 240, 240, 0.7, 0)))
    assert found.xyxy == pytest.approx(np.array([[4, 0, 44, 40], [200, 200, 240, 240]])), "0.6 of 1.5 parts of the way"
    assert found.scores == pytest.approx([0.9, 0.7]) and found.classes.tolist() == [0, 0]


@pytest.mark.parametrize("shift, count", [(23, 1), (25, 2)])
def test_windows_hang_together_from_an_iou_of_a_quarter(shift, count):
    """40 wide, shifted by 24 they share 16 of 64."""
    assert LINKED == 0.25 and len(merge(boxes((0, 0, 40, 40, 0.9, 0), (shift, 0, 40 + shift, 40, 0.6, 0)))) == count


def test_classes_are_merged_apart_and_the_best_comes_first():
    found = merge(boxes((0, 0, 40, 40, 0.9, 1), (4, 0, 44, 40, 0.8, 0), (0, 4, 40, 44, 0.7, 1), (0, 0, 40, 40, 0.2, 0)))
    assert found.classes.tolist() == [1, 0] and found.scores == pytest.approx([0.9, 0.8])


def test_a_chain_is_one_group_though_its_ends_do_not_meet():
    chain = boxes(*((20 * step, 0, 20 * step + 40, 40, 0.5, 0) for step in (3, 0, 4, 1, 2)))
    assert merge(chain).xyxy == pytest.approx(np.array([[40, 0, 80, 40]]))
    assert len(merge(chain.take([0, 1, 2, 3]))) == 2, "the control: without its middle it falls in two"


def test_groups_are_those_of_a_walk_from_box_to_box(rng):
    for count in (0, 1, 2, 30, 60):
        places, classes = rng.uniform(0, 300, (count, 2)), rng.integers(0, 2, count)
        scores = np.sort(rng.uniform(0.1, 1, count))[::-1]
        found = boxes(*(np.r_[place, place + rng.uniform(20, 60, 2), score, label] for place, score, label in zip(places, scores, classes)))
        left, groups = set(range(count)), []
        while left:
            group = waiting = {min(left)}
            while waiting:
                near = {b for a in waiting for b in left - group if found.classes[a] == found.classes[b] and overlap(found, a, b) >= LINKED}
                group, waiting = group | near, near
            groups.append(sorted(group))
            left -= group
        merged = merge(found)
        assert len(merged) == len(groups)
        for group, box, score, label in zip(groups, merged.xyxy, merged.scores, merged.classes):
            assert box == pytest.approx(np.average(found.xyxy[group], 0, found.scores[group]), abs=1e-3)
            assert score == found.scores[group[0]] and label == found.classes[group[0]]
        assert merged.points.shape == (len(groups), 0, 2)


def overlap(found, first, second):
    return iou(found.xyxy[[first]], found.xyxy[[second]])[0, 0]
