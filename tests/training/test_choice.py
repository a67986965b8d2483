"""How much of a backbone is trained: the four cells of the table, and the reason told."""

import numpy as np
import pytest

from cvapp.training import choice
from cvapp.training.choice import choose

CENTRES = np.random.default_rng(7).normal(size=(40, 8)) * 3


def classes(sizes):
    return np.repeat(np.arange(len(sizes)), sizes)


def good(truth, seed=0):
    """Features that a line parts."""
    return CENTRES[truth] + np.random.default_rng(seed).normal(size=(len(truth), 8))


def poor(truth, seed=0):
    """Features that know nothing of the classes."""
    return np.random.default_rng(seed).normal(size=(len(truth), 8))


def chosen(truth, by_stages, opaque=False):
    asked = []

    def features(stages):
        asked.append(stages)
        return by_stages[stages]

    return choose(features, truth, int(truth.max()) + 1, opaque, 0), asked


LITTLE, MUCH = classes([20, 25, 30]), classes([700, 700, 700])


def test_little_data_and_a_similar_task():
    found, asked = chosen(LITTLE, {1: good(LITTLE)})
    assert (found.fine_tune, found.stages) == ("none", 1) and asked == [1], "no other stage is computed for nothing"
    assert found.reason.startswith(
        "little data (75 training photos, 25 in the middle class), a task like the backbone's (chance-adjusted accuracy of a linear probe: "
    )
    assert found.reason.endswith(": a head on the last features")


@pytest.mark.parametrize("best", [1, 2, 3])
def test_little_data_and_another_task_takes_the_stages_that_tell_most(best):
    features = {stages: poor(LITTLE, stages) for stages in (1, 2, 3)}
    weak = poor(LITTLE, 9)
    weak[:, 0] += LITTLE
    features[best] = weak if best == 1 else good(LITTLE)
    found, asked = chosen(LITTLE, features)
    assert (found.fine_tune, found.stages) == ("none", best) and sorted(set(asked)) == [1, 2, 3] and len(asked) == 3
    assert "another task than the backbone's" in found.reason
    assert f"a head on the features of {best} stage{'s' if best > 1 else ''} (by stages, 1: " in found.reason


@pytest.mark.parametrize("features, which, task", [(good, "blocks:2", "a task like"), (poor, "blocks:6", "another task than")])
def test_much_data_tunes_some_blocks_or_more(features, which, task):
    found, asked = chosen(MUCH, {1: features(MUCH)})
    assert (found.fine_tune, found.stages) == (which, 1) and asked == [1]
    assert found.reason.startswith("much data (2100 training photos, 700 in the middle class)") and task in found.reason
    assert found.reason.endswith(f"fine-tune the last {which[-1]} blocks")


@pytest.mark.parametrize(
    "truth, features, which, ending",
    [
        (LITTLE, good, "none", ": a head on the last features"),
        (LITTLE, poor, "none", "a hub module has no earlier stages to draw on, so: a head on the last features"),
        (MUCH, good, "all", ": fine-tune the whole module"),
        (MUCH, poor, "all", ": fine-tune the whole module"),
    ],
)
def test_a_module_has_one_stage_and_all_or_nothing_to_train(truth, features, which, ending):
    found, asked = chosen(truth, {1: features(truth)}, opaque=True)
    assert (found.fine_tune, found.stages, asked) == (which, 1, [1]) and found.reason.endswith(ending)


@pytest.mark.parametrize(
    "sizes, much",
    [
        ([1000, 1000], True),
        ([1000, 999], False),
        ([100] * 20, True),
        ([99] * 21, False),
        ([50] * 9 + [100] * 20, True),
        ([1900, 99, 99], False),
    ],
)
def test_data_is_much_in_all_and_in_the_middle_class(sizes, much):
    truth = classes(sizes)
    assert chosen(truth, {1: good(truth)})[0].reason.startswith("much" if much else "little")


def test_likeness_is_0_at_guessing_and_1_at_perfection_however_uneven_the_classes():
    """Nine of ten right by always saying the large class is guessing all the same."""
    uneven = classes([450, 50])
    assert choice._likeness(poor(uneven), uneven, 2, 0) < 0.2
    assert choice._likeness(np.eye(2)[uneven], uneven, 2, 0) == 1.0
    half = poor(uneven)
    half[:, 0] = np.where(np.random.default_rng(1).random(500) < 0.5, uneven * 10, 0)
    assert 0.3 < choice._likeness(half, uneven, 2, 0) < 0.7, "half of the small class shows itself"
