"""Positions: the paper's formula by hand, rows that start anywhere, what is learned, and sequences that are too long."""

import keras
import numpy as np
import pytest

from cvapp.errors import CvappError
from cvapp.models.positions import LearnedPositions, SinusoidalPositions, sinusoids


def test_sinusoids_are_the_papers_formula():
    """PE(p, 2i) = sin(p / 10000^(2i / d)), PE(p, 2i + 1) = cos of the same."""
    table = sinusoids(50, 8)
    assert table.shape == (50, 8) and table[0].tolist() == [0, 1, 0, 1, 0, 1, 0, 1]
    for place in (1, 7, 49):
        for pair in range(4):
            angle = place / 10_000 ** (2 * pair / 8)
            np.testing.assert_allclose(table[place, 2 * pair : 2 * pair + 2], [np.sin(angle), np.cos(angle)], atol=1e-12)
    np.testing.assert_allclose(table[1, :2], [0.8415, 0.5403], atol=1e-4)


def test_a_shift_is_a_rotation_that_does_not_depend_on_the_place():
    table = sinusoids(40, 6)
    rates = 10_000 ** (-np.arange(0, 6, 2) / 6)
    sines, cosines = table[:-5, ::2], table[:-5, 1::2]
    np.testing.assert_allclose(table[5:, ::2], sines * np.cos(5 * rates) + cosines * np.sin(5 * rates), atol=1e-12)


def test_an_odd_number_of_features_lacks_the_last_cosine():
    table = sinusoids(3, 5)
    assert table.shape == (3, 5)
    np.testing.assert_allclose(table[2, 4], np.sin(2 / 10_000 ** (4 / 5)))


@pytest.mark.parametrize("kind", [SinusoidalPositions, LearnedPositions])
def test_rows_are_added_from_the_place_where_a_part_starts(kind, rng):
    layer, values = kind(9), rng.normal(size=(2, 9, 6)).astype(np.float32)
    whole = np.array(layer(values))
    added = whole - values
    np.testing.assert_allclose(added[0], added[1], atol=1e-6)
    assert np.abs(added[:, 1:] - added[:, :-1]).max(-1).min() > 1e-3, "every place is another one"
    np.testing.assert_array_equal(layer(values[:, 4:7], start=4), whole[:, 4:7])
    assert len(layer.trainable_weights) == (kind is LearnedPositions)
    assert np.abs(added).max() == pytest.approx(1 if kind is SinusoidalPositions else 0.03, abs=0.02)


def test_what_is_learned_gets_its_gradient(rng):
    import tensorflow as tf

    layer = LearnedPositions(6)
    values = tf.constant(rng.normal(size=(3, 4, 2)).astype(np.float32))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(values, start=1))
    gradient = tape.gradient(total, layer.table.value)
    assert tf.convert_to_tensor(gradient).numpy().tolist() == [[0, 0], *[[3, 3]] * 4, [0, 0]]


@pytest.mark.parametrize("kind", [SinusoidalPositions, LearnedPositions])
def test_a_sequence_longer_than_there_are_positions_is_refused(kind):
    with pytest.raises(CvappError) as error:
        kind(4)(np.zeros((1, 5, 2), np.float32))
    assert str(error.value) == "a sequence of 5 places where 4 have a position: give a shorter one, or more positions"


@pytest.mark.parametrize("kind", [SinusoidalPositions, LearnedPositions])
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_a_keras_file_brings_them_back_exactly(tmp_path, rng, kind, dtype):
    model = keras.Sequential([keras.Input((None, 6)), kind(7, dtype=dtype, name="where")])
    model.save(tmp_path / "model.keras")
    values = rng.normal(size=(2, 5, 6)).astype(np.float32)
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(values), model(values))
