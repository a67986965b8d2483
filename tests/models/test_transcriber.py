"""The transcriber: what it learns from, what its decoder may see, tied weights, a file, and that it learns."""

import keras
import numpy as np
import pytest

from cvapp.errors import CvappError
from cvapp.models import generation
from cvapp.models.token_decoder import TokenDecoder
from cvapp.models.transcriber import Design, build, texts_of, tokens_of

DESIGN = Design((16, 32), "0123456789", 6, features=16, num_heads=2, hidden=24)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(4)
    return build(DESIGN)


def test_texts_become_what_is_written_what_comes_next_and_what_counts():
    written, targets, counted = tokens_of(["40", "", "999"], "0123456789", 4)
    assert written.tolist() == [[11, 5, 1, 0], [11, 0, 0, 0], [11, 10, 10, 10]]
    assert targets.tolist() == [[5, 1, 0, 0], [0, 0, 0, 0], [10, 10, 10, 0]]
    assert counted.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]]
    assert texts_of(targets, "0123456789") == ["40", "", "999"]
    assert texts_of(np.array([[1, 2], [0, 2]]), "ab") == ["ab", ""], "without an end, and with what follows one"
    assert [part.shape for part in tokens_of([], "ab", 3)] == [(0, 3)] * 3


@pytest.mark.parametrize("text", ["1234", "1x", "²"])
def test_a_text_that_cannot_be_written_is_refused(text):
    with pytest.raises(CvappError) as error:
        tokens_of(["1", text], "0123456789", 4)
    assert str(error.value) == f"'{text}': give a text of the characters '0123456789', 3 of them at most"


@pytest.mark.parametrize(
    "size, characters, length", [((20, 32), "ab", 5), ((16, 30), "ab", 5), ((16, 32), "aba", 5), ((16, 32), "", 5), ((16, 32), "ab", 1)]
)
def test_a_design_that_cannot_be_is_refused(size, characters, length):
    with pytest.raises(CvappError, match="give a height divisible by 8, a width by 4, at least 2 tokens, and each character once$"):
        build(Design(size, characters, length))


def test_a_token_is_told_from_those_before_it_and_from_the_picture(network, rng):
    pixels = rng.integers(0, 256, (2, 16, 32, 3)).astype(np.float32)
    written = np.array([[11, 3, 4, 5], [11, 7, 7, 7]], np.int32)
    logits = np.array(network([pixels, written]))
    assert logits.shape == (2, 4, 11)
    later = written.copy()
    later[:, 2] = 9
    changed = np.array(network([pixels, later]))
    np.testing.assert_allclose(changed[:, :2], logits[:, :2], atol=1e-6)
    assert np.abs(changed - logits)[:, 2:].max((0, 2)).min() > 0.01
    assert np.abs(network([255 - pixels, written]) - logits).max((0, 2)).min() > 1e-3


def test_where_each_token_looked_can_be_asked_for(network, rng):
    memory = network.get_layer("encoder")(rng.integers(0, 256, (2, 16, 32, 3)).astype(np.float32))
    decoder, written = network.get_layer("decoder"), np.array([[11, 3, 4], [11, 7, 7]], np.int32)
    logits, weights = decoder(written, memory, return_weights=True)
    assert memory.shape == (2, 8, 16) and weights.shape == (2, 2, 3, 8)
    np.testing.assert_allclose(np.sum(weights, -1), 1, atol=1e-6)
    np.testing.assert_allclose(logits, decoder(written, memory), atol=1e-6)


def test_tied_weights_are_the_embeddings(network):
    decoder = network.get_layer("decoder")
    free = TokenDecoder(11, 6, 16, 2, 24, blocks=2, tied=False)
    free.build((None, None), (None, 8, 16))
    assert free.count_params() - decoder.count_params() == 16 * 11 + 11
    memory, written = np.zeros((1, 8, 16), np.float32), np.array([[11]], np.int32)
    before, table = np.array(decoder(written, memory)), decoder.embedding.embeddings
    kept = table.numpy()
    table.assign(kept + 1.0 * (np.arange(12) == 4)[:, None] * np.sign(kept))
    changed = np.array(decoder(written, memory)) - before
    table.assign(kept)
    assert np.abs(changed[0, 0, 4]) > 0.1 and np.abs(np.delete(changed, 4, -1)).max() < 1e-5


def test_a_keras_file_brings_it_back_exactly(network, tmp_path, rng):
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    inputs = [rng.integers(0, 256, (3, 16, 32, 3)).astype(np.float32), rng.integers(0, 12, (3, 6)).astype(np.int32)]
    np.testing.assert_array_equal(loaded(inputs), network(inputs))


def test_it_learns_a_few_pictures_by_heart_and_writes_their_texts():
    """Overfitting a tiny sample to 100%: what is learned with the whole text at hand is what is written token by token."""
    from cvapp.data import digit_rows

    keras.utils.set_random_seed(0)
    pictures, texts = zip(*(digit_rows.picture(5, index, (16, 32), 2, 3) for index in range(8)))
    assert len(set(texts)) == 8 and set(map(len, texts)) == {2, 3}
    pixels = np.stack(pictures)
    network = build(Design((16, 32), digit_rows.DIGITS, 4, features=32, num_heads=2, hidden=48, decoder_blocks=1, dropout=0.0))
    network.compile(keras.optimizers.Adam(6e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    written, targets, counted = tokens_of(texts, digit_rows.DIGITS, 4)
    inputs = [pixels.astype(np.float32), written]
    losses = [network.train_on_batch(inputs, targets, sample_weight=counted) for _ in range(60)]
    assert losses[0] > 1 and losses[-1] < 0.2
    write = generation.greedy(network)
    assert tuple(texts_of(write(pixels).tokens, digit_rows.DIGITS)) == texts
    assert tuple(texts_of(write(pixels[::-1]).tokens, digit_rows.DIGITS)) == texts[::-1], "by the picture, not by its place"
