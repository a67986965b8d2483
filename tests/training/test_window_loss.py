"""The loss of a window: by hand, against NumPy, and its gradient against differences."""

import numpy as np
import pytest
import tensorflow as tf

from cvapp.training.window_loss import accuracy, window_loss


def oracle(truth, logits, num_classes, box_weight, smoothing=0.0):
    """A window at a time, in plain words."""
    found = []
    for wanted, said in zip(truth.astype(float), logits.astype(float)):
        probability = 1 / (1 + np.exp(-said[0]))
        total = -(wanted[0] * np.log(probability) + (1 - wanted[0]) * np.log(1 - probability))
        if wanted[0]:
            names, marks = slice(5, 5 + num_classes), slice(5 + num_classes, None)
            error = sum((wanted[1:5] - said[1:5]) ** 2)
            landmarks = (wanted[marks] - said[marks]).reshape(-1, 2)
            error += np.mean([x**2 + y**2 for x, y in landmarks]) if len(landmarks) else 0
            likely = np.exp(said[names]) / np.exp(said[names]).sum()
            goal = wanted[names] * (1 - smoothing) + smoothing / num_classes
            total += box_weight * error - (goal * np.log(likely)).sum()
        found.append(total)
    return np.array(found)


def random_batch(rng, num_classes, points, count=24):
    truth = rng.uniform(0, 1, (count, 5 + num_classes + 2 * points)).astype(np.float32)
    truth[:, 0] = np.arange(count) % 3 == 0
    truth[:, 5 : 5 + num_classes] = np.eye(num_classes)[rng.integers(0, num_classes, count)]
    truth[truth[:, 0] == 0] = 0
    return truth, rng.normal(0, 1.5, truth.shape).astype(np.float32)


def test_a_window_without_an_object_counts_by_its_first_number_alone():
    truth = np.zeros((3, 8), np.float32)
    logits = np.array([[0, 0, 0, 0, 0, 0, 0, 0], [0, 9, -9, 9, 9, 5, -5, 7], [np.log(3), 1, 1, 1, 1, 1, 1, 1]], np.float32)
    assert np.asarray(window_loss(3, 5.0)(truth, logits)) == pytest.approx([np.log(2), np.log(2), np.log(4)], rel=1e-5)


def test_a_window_with_an_object_counts_by_all_of_them():
    truth = np.array([[1, 0.5, 0.5, 0.6, 0.4, 0, 1, 0.25, 0.75, 0.5, 0.5]], np.float32)
    logits = np.array([[0, 0.5, 0.6, 0.6, 0.6, 0, 0, 0.25, 0.75, 0.8, 0.9]], np.float32)
    box, marks = 0.1**2 + 0.2**2, (0 + 0.3**2 + 0.4**2) / 2
    assert np.asarray(window_loss(2, 10.0)(truth, logits)) == pytest.approx([np.log(2) + 10 * (box + marks) + np.log(2)], rel=1e-5)
    assert np.asarray(window_loss(2, 0.0)(truth, logits)) == pytest.approx([2 * np.log(2)], rel=1e-5), "the control: without the box"


@pytest.mark.parametrize("num_classes, points, smoothing", [(1, 0, 0.0), (3, 0, 0.0), (3, 2, 0.0), (4, 5, 0.2)])
def test_the_loss_is_what_numpy_computes(num_classes, points, smoothing, rng):
    truth, logits = random_batch(rng, num_classes, points)
    found = np.asarray(window_loss(num_classes, 5.0, smoothing)(truth, logits))
    assert found.shape == (24,)
    np.testing.assert_allclose(found, oracle(truth, logits, num_classes, 5.0, smoothing), rtol=1e-4, atol=1e-5)
    assert np.abs(found - oracle(truth, logits, num_classes, 4.0, smoothing)).max() > 0.1, "the control: another weight"


@pytest.mark.parametrize("points, smoothing", [(0, 0.0), (2, 0.1)])
def test_the_gradient_is_that_of_differences_and_none_where_no_object_is(points, smoothing, rng):
    truth, logits = random_batch(rng, 3, points, count=6)
    with tf.GradientTape() as tape:
        given = tf.Variable(logits)
        loss = tf.reduce_sum(window_loss(3, 5.0, smoothing)(tf.constant(truth), given))
    found = tape.gradient(loss, given).numpy()
    for place in np.ndindex(*logits.shape):
        step = np.zeros(logits.shape)
        step[place] = 1e-5
        above, below = (oracle(truth, logits + sign * step, 3, 5.0, smoothing).sum() for sign in (1, -1))
        assert found[place] == pytest.approx((above - below) / 2e-5, abs=2e-3)
    assert not found[truth[:, 0] == 0, 1:].any() and (found[truth[:, 0] == 1] != 0).all()


def test_large_logits_stay_finite():
    truth = np.array([[1, 0.5, 0.5, 0.5, 0.5, 1, 0], [0] * 7], np.float32)
    logits = np.array([[-1e4, 0.5, 0.5, 0.5, 0.5, -1e4, 1e4], [1e4, 0, 0, 0, 0, 1e4, -1e4]], np.float32)
    assert np.asarray(window_loss(2, 5.0)(truth, logits)) == pytest.approx([3e4, 1e4])


def test_accuracy_is_the_share_of_windows_taken_for_what_they_are():
    truth = np.array([[1, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0, 1], [0] * 7, [0] * 7], np.float32)
    logits = np.array([[2, 0, 0, 0, 0, 1, 3], [2, 0, 0, 0, 0, 3, 1], [-2, 0, 0, 0, 0, 1, 3], [-1, 0, 0, 0, 0, 3, 1], [1, 0, 0, 0, 0, 3, 1]])
    metric = accuracy(2)
    assert np.asarray(metric(truth, logits.astype(np.float32))).tolist() == [1, 0, 0, 1, 0]
    assert metric.__name__ == "accuracy", "the name that the loop asks for"
