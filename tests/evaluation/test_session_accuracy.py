"""Accuracy by session: its mean, an interval that holds what it should, and leave-one-session-out."""

import numpy as np
import pytest

from cvapp.evaluation import folds, session_accuracy
from cvapp.evaluation.session_accuracy import by_session, leave_one_out


def test_every_session_counts_the_same_and_the_worst_is_named():
    right = np.array([1, 1, 1, 1, 0, 1, 0, 0], bool)
    found = by_session(right, ["a"] * 4 + ["b"] * 2 + ["", "c"])
    assert found.accuracy == pytest.approx((1 + 0.5 + 0 + 0) / 4) and found.sessions == 4
    assert found.worst == session_accuracy.Session("c", 0.0, 1), "photos without a session have no name"
    assert [one.name for one in found.named] == ["c", "b", "a"]
    figures = found.figures()
    assert figures["accuracy_by_session"] == 0.375 and figures["sessions"] == 4
    assert figures["worst_session"] == {"name": "c", "accuracy": 0.0, "photos": 1}


def test_no_sessions_no_figure_and_two_no_interval():
    assert by_session(np.ones(3, bool), ["", "", ""]) is None and by_session(np.ones(0, bool), []) is None
    assert by_session(np.array([1, 0, 1], bool), ["a", "a", "b"]).interval is None
    assert by_session(np.array([1, 0, 1], bool), ["a", "b", "c"]).interval is not None


@pytest.mark.parametrize("count, least", [(4, 0.88), (8, 0.9), (25, 0.9)])
@pytest.mark.parametrize("spread", [0.0, 0.15])
def test_the_interval_holds_the_mean_over_all_sessions(count, least, spread):
    """Simulated sessions that differ by chance alone, and by more; an interval of photos would hold it far less often."""
    generator, held, narrow = np.random.default_rng(count), 0, 0
    for _ in range(300):
        chances = np.clip(generator.normal(0.8, spread, count), 0.05, 1)
        right = np.concatenate([generator.random(30) < chance for chance in chances])
        found = by_session(right, [f"{index}" for index in range(count) for _ in range(30)])
        truth = np.clip(np.random.default_rng(0).normal(0.8, spread, 100_000), 0.05, 1).mean()
        held += found.interval[0] <= truth <= found.interval[1]
        low, high = session_accuracy.metrics.interval(right.sum(), len(right))
        narrow += low <= truth <= high
    assert held >= least * 300
    assert not spread or narrow < 0.75 * 300


def test_sessions_that_all_agree_count_as_one_photo_each():
    """8 of 8 by Wilson is 0.676 to 1 whatever the photos in each; 240 photos that are independent would be 0.984 to 1."""
    found = by_session(np.ones(240, bool), [f"{index // 30}" for index in range(240)])
    assert found.interval == pytest.approx((0.6756, 1.0), abs=1e-4)
    none = by_session(np.zeros(240, bool), [f"{index // 30}" for index in range(240)])
    assert none.interval == pytest.approx((0.0, 0.3244), abs=1e-4)
    some = np.tile(np.arange(30) >= 6, 8)  # 6 mistakes in each session show that these hardly differ
    low, high = by_session(some, [f"{index // 30}" for index in range(240)]).interval
    assert high - low < 0.15 and low < 0.8 < high


@pytest.mark.parametrize("usual, failing, often", [(1.0, 0.5, 0.2), (1.0, 0.3, 0.1), (0.97, 0.3, 0.1), (0.99, 0.6, 0.1)])
@pytest.mark.parametrize("count", [4, 8, 25])
def test_the_interval_allows_for_sessions_in_which_the_model_fails(count, usual, failing, often):
    """Most sessions are nearly all right, a few are not, and with few sessions often none of these is seen."""
    generator, held, runs = np.random.default_rng(count), 0, 200
    groups = [f"{index}" for index in range(count) for _ in range(30)]
    for _ in range(runs):
        chances = np.where(generator.random(count) < often, failing, usual)
        low, high = by_session(generator.random(30 * count) < np.repeat(chances, 30), groups).interval
        held += low <= usual + often * (failing - usual) <= high
    assert held >= 0.93 * runs


def photos(rng, sessions, apart):
    """Two classes of so many sessions with 15 photos, each with a look of its own: features (N, 40), truth (N,), names (N,)."""
    names = np.array([f"{label} {index}" for label in "ab" for index in range(sessions) for _ in range(15)])
    truth = np.repeat([0, 1], sessions * 15)
    centers = rng.normal(size=(2, 40))[truth] * 0.3
    looks = np.repeat(rng.normal(size=(2 * sessions, 40)), 15, axis=0) * apart
    return centers + looks + rng.normal(0, 0.8, (len(truth), 40)), truth, names


def test_new_sessions_are_harder_where_each_has_a_look_of_its_own(rng):
    x, truth, names = photos(rng, 6, 0.7)
    found = leave_one_out(x, truth, names, 0)
    assert found.photos == 180 and found.uncounted == 0 and found.by_session.sessions == 12
    assert found.mixed > found.by_session.accuracy + 0.05 and found.drop[0] > 0
    assert found == leave_one_out(x, truth, names, 0)


def test_new_sessions_are_no_harder_where_all_look_alike(rng):
    found = leave_one_out(*photos(rng, 6, 0.0), 0)
    assert found.drop[0] <= 0.01 and abs(found.mixed - found.by_session.accuracy) < 0.05


def test_no_probe_sees_the_session_that_it_is_tested_on(rng, monkeypatch):
    """Above the most folds, several sessions are left out together, still whole."""
    monkeypatch.setattr(session_accuracy, "MAX_FOLDS", 4)
    x, truth, names = photos(rng, 6, 0.5)
    dealt, deal = [], folds.deal
    monkeypatch.setattr(folds, "deal", lambda *args: dealt.append(deal(*args)) or dealt[-1])
    leave_one_out(x, truth, names, 0)
    whole, single = dealt
    assert all(len(set(whole[names == name])) == 1 for name in set(names)) and len(set(whole)) == 4
    assert any(len(set(single[names == name])) > 1 for name in set(names)), "the comparison deals photos"


def test_photos_whose_class_has_no_other_session_are_not_counted(rng):
    x, truth, names = photos(rng, 4, 0.2)
    x, truth, names = np.concatenate([x, x[:10] + 3]), np.concatenate([truth, [2] * 10]), np.concatenate([names, ["alone"] * 10])
    found = leave_one_out(x, truth, names, 0)
    assert found.uncounted == 10 and found.photos == 120 and found.by_session.worst.name != "alone"


def test_fewer_than_three_sessions_have_none_to_leave_out(rng):
    x, truth, names = photos(rng, 1, 0.2)
    assert leave_one_out(x, truth, names, 0) is None and leave_one_out(x, truth, [""] * 30, 0) is None
