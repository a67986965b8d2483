"""The forecast: right on curves whose truth is known, wrong where it must be, never falling, and the same under a seed."""

import dataclasses

import numpy as np
import pytest

from cvapp.evaluation import forecast, gram, learning_curves

NOW, TWO = np.array([80, 80, 80]), np.array([160, 160])  # training photos of three classes, of two


def gaussians(generator, count, spread=4.0, classes=3, features=60):
    """Classes about fixed centers: features (N, F), truth (N,)."""
    centers = np.random.default_rng(7).normal(size=(classes, features))
    truth = np.arange(count) % classes
    return centers[truth] * 0.5 + generator.normal(0, spread / 2, (count, features)), truth


def reached(photos, spread=4.0, times=15):
    """The accuracy of the probe after so many photos, by simulation with new photos each time."""
    right = []
    for seed in range(times):
        generator = np.random.default_rng((seed, photos))
        x, truth = gaussians(generator, photos, spread)
        other, labels = gaussians(generator, 3000, spread)
        matrix, bias = gram.solve(gram.sums(x, truth, gram.class_weights(truth, 3)), x.shape[1], 0.3 * 240 / photos)
        right.append(((other @ matrix + bias).argmax(1) == labels).mean())
    return float(np.mean(right))


def test_the_power_law_is_found_again():
    photos = np.array([50.0, 100, 200, 400, 800])
    errors = np.stack([0.1 + 2 * photos**-0.5, 3 * photos**-0.7, np.full(5, 0.2), np.zeros(5)])
    floor, slope, left = forecast.power_law(photos, errors, forecast.EXPONENTS)
    best = left.argmin(1)
    rows = np.arange(4)
    np.testing.assert_allclose(forecast.EXPONENTS[best][:2], [0.5, 0.7])
    np.testing.assert_allclose(floor[rows, best], [0.1, 0, 0.2, 0], atol=1e-9)
    np.testing.assert_allclose(slope[rows, best], [2, 3, 0, 0], atol=1e-9)


def test_neither_floor_nor_slope_is_negative():
    photos = np.array([50.0, 100, 200, 400])
    floor, slope, _ = forecast.power_law(photos, np.array([[0.1, 0.2, 0.3, 0.4], [0.9, 0.5, 0.2, 0.0]]), forecast.EXPONENTS)
    assert (floor >= 0).all() and (slope >= 0).all() and (slope[0] == 0).all()


def test_the_truth_of_simulated_classes_lies_in_the_interval():
    """Of nine forecasts at least seven, with a mean error of two points at most."""
    truth = {times: reached(240 * times) for times in (2, 4)}
    held, off = [], []
    for seed in range(9):
        found = forecast.forecast(*gaussians(np.random.default_rng((seed, 1)), 300), [""] * 300, NOW, seed)
        for times, one in ((2, found.overall.twice), (4, found.overall.fourfold)):
            held.append(one.low <= truth[times] <= one.high)
            off.append(one.middle - truth[times])
    assert truth[2] > reached(240) + 0.02, "there is something to be gained"
    assert np.mean(held) >= 7 / 9 and np.abs(off).mean() < 0.025


@pytest.fixture(scope="module")
def found():
    return forecast.forecast(*gaussians(np.random.default_rng(3), 300), [""] * 300, NOW, 5)


def test_more_photos_never_cost_accuracy(found):
    middles = [one.middle for _, one in found.band]
    assert all(later >= before for before, later in zip(middles, middles[1:]))
    for one in (found.overall, *found.classes):
        assert one.now <= one.twice.middle <= one.fourfold.middle <= 1 and one.gain >= 0
        assert one.twice.low <= one.twice.middle <= one.twice.high
    assert found.band[0][0] == 240 and found.band[-1][0] == 960 and len(found.classes) == 3


def test_the_same_seed_gives_the_same_forecast(found):
    again = forecast.forecast(*gaussians(np.random.default_rng(3), 300), [""] * 300, NOW, 5)
    assert again == found
    assert forecast.forecast(*gaussians(np.random.default_rng(3), 300), [""] * 300, NOW, 6) != found


def test_the_check_forecasts_all_photos_from_half_of_them(found):
    assert found.check.half * 2 == pytest.approx(found.check.whole, abs=4) and found.check.whole == 240
    assert found.check.passed and found.check.measured == pytest.approx(found.curve[-1][1])


def made_up(accuracies, count=400):
    """A learning curve that is made up: growing sets of 20 to 320 photos, answers right by lot."""
    generator = np.random.default_rng(0)
    right = generator.random((4, len(accuracies), count)) < np.array(accuracies)[:, None]
    photos = np.array([20.0, 40, 60, 80, 120, 160, 220, 320])
    return learning_curves.LearningCurves(photos, right, np.arange(count) % 2, np.arange(count))


def test_a_leap_that_nothing_announces_fails_the_check():
    """Flat up to half of the photos, then twice as good: no power law of the first half foresees it."""
    leap = forecast.extend(made_up([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.7, 0.95]), TWO, 0)
    assert not leap.check.passed and leap.check.measured > leap.check.predicted.high + 0.2
    steady = forecast.extend(made_up(1 - 0.1 - 2 * np.array([20.0, 40, 60, 80, 120, 160, 220, 320]) ** -0.6), TWO, 0)
    assert steady.check.passed


def test_nothing_is_gained_where_all_is_right():
    perfect = forecast.extend(made_up([1.0] * 8), TWO, 0)
    assert perfect.overall.now == perfect.overall.fourfold.middle == 1 and perfect.overall.gain == 0 and perfect.check.passed


def test_the_class_that_still_errs_gains():
    curves = made_up([0.6, 0.68, 0.73, 0.76, 0.8, 0.83, 0.86, 0.9])
    right = curves.right.copy()
    right[:, :, curves.truth == 0] = True
    learned = forecast.extend(dataclasses.replace(curves, right=right), TWO, 0)
    assert learned.classes[0].gain == 0 and learned.classes[1].gain > 0.01


def test_too_few_photos_or_sessions_have_no_forecast():
    x, truth = gaussians(np.random.default_rng(0), 27)
    assert forecast.forecast(x, truth, [""] * 27, NOW, 0) is None, "nine of each class"
    x, truth = gaussians(np.random.default_rng(0), 300)
    names = [f"{label} {place // 60}" for place, label in enumerate(truth)]
    assert forecast.forecast(x, truth, names, NOW, 0) is None, "five sessions of each class"
    assert forecast.forecast(x, np.zeros(300, int), [""] * 300, NOW, 0) is None, "two classes have none"


def test_photos_of_a_single_session_have_no_forecast():
    """One film of class 1 beside many sessions of the others; the control has two films and single photos."""
    x, truth = gaussians(np.random.default_rng(0), 300)
    names = np.where(truth == 1, "film", "").tolist()
    assert forecast.forecast(x, truth, names, NOW, 0) is None
    assert forecast.obstacle(truth, names, ["ant", "bee", "fly"]).startswith("class “bee” has a single session")
    some = np.flatnonzero(truth == 1)
    for place, index in enumerate(some[:12]):
        names[index] = f"other film {place}"
    assert forecast.obstacle(truth, names, ["ant", "bee", "fly"]) == "" and forecast.forecast(x, truth, names, NOW, 0) is not None


def test_what_stands_in_the_way_is_named():
    truth = np.repeat([0, 1], [20, 9])
    labels = ["ant", "bee"]
    assert forecast.obstacle(truth, [""] * 29, labels) == "class “bee” has 9 photos to train and validate on, and 10 are needed"
    names = ["a"] * 15 + [""] * 5 + [""] * 9
    assert forecast.obstacle(truth, names, labels) == (
        "class “ant” has 6 sessions (single photos counted) to train and validate on, and 10 are needed"
    )
    assert forecast.obstacle(np.repeat([0, 1], [10, 10]), [""] * 20, labels) == ""
    assert "“bee” has 0 photos" in forecast.obstacle(np.zeros(20, int), [""] * 20, labels)


def test_no_probe_learns_from_a_session_that_it_is_measured_on():
    """Labels by lot for each session: whoever knew the session would be right."""
    generator = np.random.default_rng(2)
    truth = np.repeat(np.arange(60) % 2, 10)
    x = np.repeat(generator.normal(size=(60, 150)), 10, axis=0) + generator.normal(0, 0.1, (600, 150))
    names = np.repeat([f"s{index}" for index in range(60)], 10)
    assert learning_curves.measure(x, truth, names, 0).right[:, -1].mean() < 0.65
    assert learning_curves.measure(x, truth, [""] * 600, 0).right[:, -1].mean() > 0.9


def test_ten_of_each_class_are_enough():
    curves = learning_curves.measure(*gaussians(np.random.default_rng(0), 30), [""] * 30, 0)
    np.testing.assert_allclose(curves.photos, [3, 6, 9, 12, 18, 24])
    assert curves.right.shape == (learning_curves.ROUNDS, 6, 30)
