"""A transcriber at work: the probabilities along what it writes, where it looked, and that no batch changes them."""

import keras
import numpy as np
import pytest

from cvapp.bundle import spelled
from cvapp.models import generation, reading, transcriber
from cvapp.models.token_decoder import END
from cvapp.models.transcriber import texts_of
from tests.models.test_generation import network_of, pictures_of

DIGITS = "0123456789"


@pytest.fixture(scope="module")
def network():
    """Of random weights, whose texts differ, and of which some end."""
    made = network_of(DIGITS, 6, seed=2, restless=1.5)
    made.get_layer("decoder").linear.bias.assign(2.0 * (np.arange(11) == END))
    return made


@pytest.fixture(scope="module")
def pixels():
    return pictures_of(12)


@pytest.fixture(scope="module")
def read(network):
    return reading.reader(network)


@pytest.fixture(scope="module")
def written(network, pixels):
    return generation.greedy(network)(pixels)


def test_probabilities_are_those_of_the_network_that_trains_up_to_the_end(network, read, written, pixels):
    found = read(pixels)
    lengths = [row.tolist().index(END) + 1 if END in row else 6 for row in written.tokens]
    assert found.probabilities.shape == (12, 6, 11) and found.probabilities.dtype == np.float32
    assert min(lengths) < 6 == max(lengths) and len(np.unique(written.tokens, axis=0)) > 3
    begun = np.concatenate([np.full((12, 1), 11), written.tokens[:, :-1]], 1).astype(np.int32)
    chances = np.array(keras.ops.softmax(network([pixels.astype(np.float32), begun])))
    for row, (length, tokens) in enumerate(zip(lengths, written.tokens)):
        np.testing.assert_allclose(found.probabilities[row, :length], chances[row, :length], atol=1e-5)
        np.testing.assert_array_equal(found.probabilities[row, length:], np.eye(11)[[END] * (6 - length)])
        np.testing.assert_array_equal(found.probabilities[row].argmax(1), tokens)


def test_what_is_spelled_is_what_is_written_with_its_probability(read, written, pixels):
    scores = [spelled(DIGITS, one) for one in read(pixels).probabilities]
    assert [score.label for score in scores] == texts_of(written.tokens, DIGITS)
    np.testing.assert_allclose([score.probability for score in scores], np.exp(written.score), rtol=1e-4)


def test_looks_are_the_mean_of_the_heads_of_the_last_block(network, read, written, pixels):
    tokens, found = written.tokens, read(pixels)
    begun = np.concatenate([np.full((12, 1), 11), tokens[:, :-1]], 1).astype(np.int32)
    memory = network.get_layer("encoder")(pixels.astype(np.float32))
    weights = np.array(network.get_layer("decoder")(begun, memory, return_weights=True)[1])
    assert weights.shape == (12, 2, 6, 8)
    np.testing.assert_allclose(found.looks, weights.mean(1), atol=1e-6)
    np.testing.assert_allclose(found.looks.sum(-1), 1, atol=1e-5)


def test_a_batch_changes_nothing(network, read, pixels, monkeypatch):
    whole = read(pixels)
    monkeypatch.setattr(reading, "BATCH", 5)
    for one, other in zip(read(pixels), whole, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    alone = np.concatenate([read(pixels[index : index + 1]).probabilities for index in range(12)])
    np.testing.assert_allclose(alone, whole.probabilities, atol=1e-5)


def test_the_whole_text_at_hand_gives_the_networks_logits(network, pixels, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 5)
    written, _, _ = transcriber.tokens_of(["12", "345", "6"] * 4, DIGITS, 6)
    logits = reading.teacher_forced(network)(pixels, written)
    np.testing.assert_allclose(logits, network([pixels.astype(np.float32), written]), atol=1e-5)


def test_a_file_reads_as_the_network_did(network, read, pixels, tmp_path):
    network.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(reading.open_reader(tmp_path / "model.keras")(pixels), read(pixels).probabilities)
