"""Writing token by token: with a cache and without, beside a plain loop and beside every text there is."""

import itertools

import keras
import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.models import generation, transcriber
from cvapp.models.token_decoder import END

TOKENS = 11


def network_of(characters, length, seed, restless):
    """A transcriber with random weights, whose answers change from picture to picture and from place to place."""
    keras.utils.set_random_seed(seed)
    design = transcriber.Design((16, 32), characters, length, 16, 2, 24, encoder_blocks=0, decoder_blocks=2, tied=False)
    network = transcriber.build(design)
    decoder, rng = network.get_layer("decoder"), np.random.default_rng(seed)
    decoder.set_weights(
        [rng.normal(0, restless * weight.std(), weight.shape) if weight.ndim == 2 else weight for weight in decoder.get_weights()]
    )
    decoder.linear.bias.assign(-8.0 * (np.arange(len(characters) + 1) == END))  # texts go on
    return network


def pictures_of(count):
    """Random tiles of 8x4 pixels: pictures whose columns differ more than noise."""
    tiles = np.random.default_rng(0).integers(0, 256, (count, 2, 8, 3))
    return tiles.repeat(8, 1).repeat(4, 2).astype(np.uint8)


@pytest.fixture(scope="module")
def network():
    return network_of("0123456789", 21, seed=2, restless=1.5)


@pytest.fixture(scope="module")
def pixels():
    return pictures_of(6)


@pytest.fixture(scope="module")
def writers(network):
    """Compiled once for each width, length and way."""
    made = {}

    def writer(width, length, cached):
        key = width, length, cached
        if key not in made:
            made[key] = generation.beam(network, *key)
        return made[key]

    return writer


def chances(network, pixels, texts):
    """Logarithms (B, T, V) for each token of texts (B, T) from those before it, as the network that trains has them."""
    decoder = network.get_layer("decoder")
    begun = np.concatenate([np.full((len(texts), 1), decoder.tokens), texts[:, :-1]], 1).astype(np.int32)
    logits = np.array(decoder(begun, network.get_layer("encoder")(pixels.astype(np.float32))), np.float64)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


@pytest.mark.parametrize("length", [8, 20])
@pytest.mark.parametrize("width", [1, 3])
def test_a_cache_changes_nothing(writers, pixels, width, length):
    cached, plain = writers(width, length, True)(pixels), writers(width, length, False)(pixels)
    assert cached.tokens.shape == (6, length) and cached.tokens.dtype == np.int32
    np.testing.assert_array_equal(cached.tokens, plain.tokens)
    np.testing.assert_allclose(cached.score, plain.score, atol=1e-4)
    assert len(np.unique(cached.tokens, axis=0)) > 2 and len(np.unique(cached.tokens)) > 2, "texts that differ"
    assert (cached.tokens != END).sum(1).max() >= length - 1, "and are long"


def test_greedy_takes_the_likeliest_token_each_time(network, writers, pixels):
    texts, score, ended = np.zeros((len(pixels), 8), np.int32), np.zeros(len(pixels)), np.zeros(len(pixels), bool)
    for place in range(8):
        likely = chances(network, pixels, texts)[:, place]
        texts[:, place] = np.where(ended, END, likely.argmax(1))
        score += np.where(ended, 0, likely.max(1))
        ended |= texts[:, place] == END
    found = writers(1, 8, True)(pixels)
    np.testing.assert_array_equal(found.tokens, texts)
    np.testing.assert_allclose(found.score, score, atol=1e-4)


def test_a_text_ends_and_is_filled_with_the_end(network, writers, pixels):
    """The end is made so likely that half of the pictures' texts come to one; nothing follows it."""
    likely = chances(network, pixels, writers(1, 20, True)(pixels).tokens)
    lacking = np.median((likely.max(-1) - likely[..., END]).min(1))
    bias = network.get_layer("decoder").linear.bias
    before = bias.numpy()
    bias.assign(before + lacking * (np.arange(TOKENS) == END))
    try:
        for width in (1, 3):
            cached, plain = (writers(width, 20, way)(pixels).tokens for way in (True, False))
            np.testing.assert_array_equal(cached, plain)
            lengths = [(row == END).argmax() if END in row else 20 for row in cached]
            assert min(lengths) < 20 and all((row[count:] == END).all() for row, count in zip(cached, lengths))
            assert width > 1 or (np.array(lengths) < 20).sum() == 3
    finally:
        bias.assign(before)


def test_a_picture_is_read_alike_in_any_company(writers, pixels):
    write = writers(3, 8, True)
    together = write(pixels)
    for index in range(len(pixels)):
        np.testing.assert_array_equal(write(pixels[index : index + 1]).tokens[0], together.tokens[index])


def test_a_beam_of_all_beginnings_finds_the_best_of_all_texts():
    """Three tokens, at most three a text: 1 + 2 + 4 + 8 texts. Greedy search misses the best of some pictures; a beam of 2 does better."""
    network = network_of("ab", 3, seed=1, restless=1.0)
    network.get_layer("decoder").linear.bias.assign(np.zeros(3))
    texts = np.array([text for text in itertools.product(range(3), repeat=3) if list(text) == ended_once(text)], np.int32)
    assert len(texts) == 15
    many = pictures_of(20)
    each = chances(network, np.repeat(many, 15, 0), np.tile(texts, (20, 1))).reshape(20, 15, 3, 3)
    counts = np.cumsum(texts == END, 1) - (texts == END) == 0  # up to the first end
    gained = np.take_along_axis(each, texts[None, :, :, None], -1)[..., 0] * counts
    scores = gained.sum(-1).T  # (15 texts, 20 pictures)
    best = np.argmax(scores, 0)
    found = generation.beam(network, 15)(many)
    np.testing.assert_array_equal(found.tokens, texts[best])
    np.testing.assert_allclose(found.score, np.max(scores, 0), atol=1e-5)
    np.testing.assert_allclose(np.exp(scores).sum(0), 1, atol=1e-5)
    greedy, two = generation.greedy(network)(many), generation.beam(network, 2)(many)
    assert (greedy.tokens != found.tokens).any(), "greedy search is not the best"
    assert greedy.score.mean() < two.score.mean() <= found.score.mean() + 1e-6


def ended_once(text):
    """The text with all after its first end made end."""
    place = text.index(END) if END in text else len(text)
    return [*text[:place], *[END] * (len(text) - place)]


@pytest.mark.parametrize("width, length", [(0, 5), (1, 0), (1, 22)])
def test_widths_and_lengths_that_cannot_be_are_refused(network, width, length):
    with pytest.raises(CvappError) as error:
        generation.beam(network, width, length)
    assert error.value.code == Exit.USAGE
    assert str(error.value) == f"beam width {width}, length {length}: give a width of at least 1 and a length of 1 to 21"
