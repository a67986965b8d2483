"""The loss of texts: by hand, beside Keras' own, and blind to what comes after the end."""

import keras
import numpy as np
import pytest

from cvapp.training.text_loss import AFTER, accuracy, targets_of, text_loss

TRUTH = np.array([[2, 0, AFTER], [1, 1, 0]], np.int32)


def test_targets_are_the_tokens_up_to_the_end():
    tokens, counted = np.array([[2, 0, 0], [1, 1, 0]]), np.array([[1, 1, 0], [1, 1, 1]], np.float32)
    made = targets_of(tokens, counted)
    assert made.tolist() == TRUTH.tolist() and made.dtype == np.int32


def test_the_loss_by_hand():
    """Logits 0 but for one: the probabilities are 1/3, or 3/5 and 1/5 where a logit is the logarithm of 3."""
    logits = np.zeros((2, 3, 3), np.float32)
    logits[0, 0, 2] = logits[1, 2, 1] = np.log(3)
    wanted = np.mean(-np.log([3 / 5, 1 / 3, 1 / 3, 1 / 3, 1 / 5]))
    assert float(text_loss()(TRUTH, logits)) == pytest.approx(wanted, abs=1e-6)
    assert float(text_loss()(TRUTH.astype(np.float32), logits)) == pytest.approx(wanted, abs=1e-6), "as Keras hands targets on"


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_that_of_keras_on_what_counts(rng, smoothing):
    logits = rng.normal(0, 2, (2, 3, 3)).astype(np.float32)
    whole = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing, reduction="mean_with_sample_weight")
    wanted = whole(np.eye(3)[np.maximum(TRUTH, 0)], logits, sample_weight=TRUTH != AFTER)
    assert float(text_loss(smoothing)(TRUTH, logits)) == pytest.approx(float(wanted), abs=1e-6)


def test_what_comes_after_the_end_counts_nowhere(rng):
    logits = rng.normal(0, 2, (2, 3, 3)).astype(np.float32)
    after, before = logits.copy(), logits.copy()
    after[0, 2] = rng.normal(0, 9, 3)
    before[0, 1] = rng.normal(0, 9, 3)
    loss = text_loss(0.1)
    assert float(loss(TRUTH, after)) == float(loss(TRUTH, logits)) != float(loss(TRUTH, before))
    np.testing.assert_array_equal(accuracy(TRUTH, after), accuracy(TRUTH, logits))


def test_a_text_is_right_where_all_its_tokens_are():
    logits = np.eye(3, dtype=np.float32)[[[2, 0, 1], [1, 1, 0]]]
    assert np.array(accuracy(TRUTH, logits)).tolist() == [1, 1]
    logits[1, 2] = [0, 1, 0]
    assert np.array(accuracy(TRUTH, logits)).tolist() == [1, 0], "without its end it is not"
