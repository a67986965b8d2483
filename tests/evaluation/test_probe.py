"""Linear probes: the closed form against brute force, and answers that did not see their own photo."""

import numpy as np
import pytest

from cvapp.evaluation import folds, probe


def blobs(rng, sizes, features, spread=1.0):
    """Classes about points of their own: features (N, F) and truth (N,)."""
    truth = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.normal(size=(len(sizes), features))
    return centres[truth] + rng.normal(0, spread, (len(truth), features)), truth


def brute_force(features, truth, num_classes, strength):
    """The weighted normal equations with a column of ones that no ridge holds down."""
    sizes = np.bincount(truth, minlength=num_classes)
    weight = 1 / sizes[truth]
    weight = weight * len(truth) / weight.sum()
    mean = (features * weight[:, None]).sum(0) / weight.sum()
    variance = (weight[:, None] * (features - mean) ** 2).sum() / features.size
    rows = np.column_stack([features, np.ones(len(truth))])
    hold = np.eye(rows.shape[1]) * strength * len(truth) * variance
    hold[-1, -1] = 0
    solved = np.linalg.solve(rows.T @ (weight[:, None] * rows) + hold, rows.T @ (weight[:, None] * np.eye(num_classes)[truth]))
    return solved[:-1], solved[-1]


@pytest.mark.parametrize("count, features", [(40, 6), (12, 30), (20, 20)], ids=["more photos", "more features", "as many"])
@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_the_ridge_is_weighted_least_squares(rng, count, features, strength):
    """Both ways of solving, by the photos' products and by the features', against one that knows of neither."""
    x, truth = blobs(rng, (count // 2, count // 4, count - count // 2 - count // 4), features)
    weights, bias = probe.ridge(x, truth, 3, strength)
    expected, offset = brute_force(x, truth, 3, strength)
    np.testing.assert_allclose(weights, expected, atol=1e-8)
    np.testing.assert_allclose(bias, offset, atol=1e-8)
    unweighted = np.linalg.lstsq(np.column_stack([x, np.ones(count)]), np.eye(3)[truth], rcond=None)[0]
    assert not np.allclose(weights, unweighted[:-1], atol=1e-4)


def test_classes_weigh_alike(rng):
    """A rare class among many: weighted, a photo between the two is as near to one as to the other."""
    x = np.concatenate([rng.normal(-1, 0.2, (400, 1)), rng.normal(1, 0.2, (10, 1))])
    truth = np.repeat([0, 1], [400, 10])
    weights, bias = probe.ridge(x, truth, 2, 1e-6)
    middle = (x[truth == 0].mean() + x[truth == 1].mean()) / 2 * weights[0] + bias
    assert middle[0] == pytest.approx(middle[1], abs=1e-6)


def test_features_that_never_change_do_no_harm():
    weights, bias = probe.ridge(np.ones((6, 4)), np.array([0, 1, 2] * 2), 3, 1.0)
    assert np.isfinite(weights).all()
    np.testing.assert_allclose(bias + weights.sum(0), 1 / 3)


def test_left_out_answers_know_no_better_than_chance_where_there_is_nothing_to_know(rng):
    """More features than photos and labels by lot: what saw its own label knows it by heart."""
    x, truth = rng.normal(size=(300, 400)), rng.integers(0, 3, 300)
    assert (probe.left_out(x, truth, 3, 0).argmax(1) == truth).mean() < 0.45
    weights, bias = probe.ridge(x, truth, 3, 0.1)
    assert ((x @ weights + bias).argmax(1) == truth).mean() == 1.0


def test_left_out_answers_are_right_where_there_is_something_to_know(rng):
    x, truth = blobs(rng, (30, 30, 30), 20, 0.5)
    found = probe.left_out(x, truth, 3, 0)
    assert (found.argmax(1) == truth).mean() == 1.0
    np.testing.assert_allclose(found.sum(1), 1)


def test_a_label_that_is_wrong_does_not_move_the_answer_to_its_own_photo(rng, monkeypatch):
    """Folds, ridge and temperature held still, since the labels decide them; one that saw all photos is moved."""
    x, truth = blobs(rng, (20, 20), 60, 2.0)
    fold = folds.deal(truth, 0, probe.FOLDS)
    monkeypatch.setattr(folds, "deal", lambda *_: fold)
    monkeypatch.setattr(probe, "STRENGTHS", (1.0,))
    monkeypatch.setattr(probe.metrics, "fit_temperature", lambda *_: 0.1)
    wrong = truth.copy()
    wrong[7] = 1
    before, after = probe.left_out(x, truth, 2, 0), probe.left_out(x, wrong, 2, 0)
    same = np.abs(before - after).max(1) < 1e-12
    np.testing.assert_array_equal(same, fold == fold[7])
    leaky = [x[7] @ weights + bias for weights, bias in (probe.ridge(x, labels, 2, 1.0) for labels in (truth, wrong))]
    assert np.abs(leaky[0] - leaky[1]).max() > 0.1


def test_left_out_answers_are_calibrated(rng):
    x, truth = blobs(rng, (200, 200), 5, 2.0)
    found = probe.left_out(x, truth, 2, 0)
    right = (found.argmax(1) == truth).mean()
    assert 0.6 < right < 0.99 and found.max(1).mean() == pytest.approx(right, abs=0.05)


def test_the_learning_curve_grows_with_the_photos(rng):
    centres = rng.normal(size=(3, 40))
    truth, other = np.repeat([0, 1, 2], (60, 30, 10)), np.repeat([0, 1, 2], 100)
    known = centres[truth] + rng.normal(0, 2.5, (100, 40)), truth
    held = centres[other] + rng.normal(0, 2.5, (300, 40)), other
    curve = probe.learning_curve(known, held, 3, 0)
    assert [photos for photos, _, _ in curve] == [20, 40, 60, 80, 100], "each share of each class"
    assert curve[-1][2] > curve[0][2] + 0.05 and curve == probe.learning_curve(known, held, 3, 0)
    weights, bias = probe.ridge(*known, 3, 1.0)
    for place, (x, y) in enumerate((known, held), 1):
        assert curve[-1][place] == ((x @ weights + bias).argmax(1) == y).mean()
    assert probe.learning_curve(known, held, 3, 1)[0] != curve[0], "another seed begins with other photos"


def test_too_few_photos_for_a_share_are_passed_over():
    x, truth = np.arange(4.0)[:, None], np.array([0, 0, 1, 1])
    curve = probe.learning_curve((x, truth), (x, truth), 2, 0)
    assert [photos for photos, _, _ in curve] == [2, 2, 4, 4] and curve[-1][1:] == (1.0, 1.0)


def sessions_of(truth, size):
    """Names of sessions of so many photos each, in the order of the photos."""
    return [f"session {place // size}" for place in range(len(truth))]


def test_what_only_sessions_share_is_not_learned_where_they_are_left_out_whole(rng):
    """Labels by lot for each session, and features that tell the session alone: by single photos they seem to tell the class."""
    truth = np.repeat(rng.integers(0, 2, 40), 10)
    x = np.repeat(rng.normal(size=(40, 200)), 10, axis=0) + rng.normal(0, 0.1, (400, 200))
    by_photo = (probe.left_out(x, truth, 2, 0).argmax(1) == truth).mean()
    by_session = (probe.left_out(x, truth, 2, 0, sessions_of(truth, 10)).argmax(1) == truth).mean()
    assert by_photo > 0.95 and by_session < 0.7


def test_the_learning_curve_takes_whole_sessions(rng, monkeypatch):
    x, truth = blobs(rng, (100, 60, 40), 10)
    names, taken = np.array(sessions_of(truth, 10)), []
    ridge = probe.ridge
    monkeypatch.setattr(probe, "ridge", lambda features, *rest: taken.append(features) or ridge(features, *rest))
    curve = probe.learning_curve((x, truth), (x, truth), 3, 0, names)
    for features, (photos, *_) in zip(taken, curve, strict=True):
        known = np.isin(x[:, 0], features[:, 0])
        assert photos == known.sum() and all(known[names == name].all() or not known[names == name].any() for name in set(names))
    assert curve[-1][0] == 200 and curve[0][0] < 100
