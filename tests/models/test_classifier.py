"""The classifier around a backbone."""

import keras
import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.evaluation.metrics import softmax
from cvapp.models import classifier


def test_an_answer_does_not_depend_on_its_company(rng):
    dense = keras.layers.Dense(4)
    run = classifier.batched(dense, (6,))
    inputs = rng.normal(size=(70, 6)).astype(np.float32)
    together = run(inputs)
    assert together.shape == (70, 4)
    np.testing.assert_array_equal(together[41], run(inputs[41:42])[0])
    kernel, bias = dense.get_weights()
    np.testing.assert_allclose(together, inputs @ kernel + bias, atol=1e-6)


def test_folding_a_temperature_divides_the_logits(rng):
    head = classifier.head(5, 3, 0.3)
    features = rng.normal(size=(4, 5)).astype(np.float32)
    logits = np.asarray(head(features, training=False))
    classifier.fold_temperature(head, 2.5)
    np.testing.assert_allclose(np.asarray(head(features, training=False)), logits / 2.5, atol=1e-6)
    assert not np.allclose(softmax(logits), softmax(logits / 2.5))


def test_a_file_that_keras_cannot_read(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"PK not really")
    with pytest.raises(CvappError, match="Keras cannot read it") as error:
        classifier.open_model(tmp_path / "model.keras")
    assert error.value.code == Exit.BAD_DATA
