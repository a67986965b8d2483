"""A transcriber's bundle: the text and its probability out of the tokens', and who cannot read."""

import numpy as np
import pytest

from cvapp.bundle import Bundle, Score, spelled
from cvapp.card import Card
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from cvapp.recipe import Recipe
from cvapp.windows import Scan, Windows
from tests.rows import spelling

DIGITS = tuple("0123456789")


def bundle(task="transcribe", labels=DIGITS, predict=lambda pictures: np.stack([spelling(5, 3, 0)] * len(pictures))):
    """Of a model that writes 42 whatever it sees."""
    return Bundle(Card("rows", task, labels, Images((16, 24), "stretch"), Recipe()), predict, "keras")


def test_a_text_ends_at_the_first_end_and_its_probability_is_the_product():
    read = spelled(DIGITS, spelling(5, 3, 0, 7, sure=0.5))
    assert read == Score("42", 0.5**4), "what follows an end counts only where the model is not certain of it, which a transcriber is"
    certain = np.concatenate([spelling(5, 3, 0, sure=0.5), spelling(0, 0, sure=1.0)])
    assert spelled(DIGITS, certain) == Score("42", 0.125)
    assert spelled(DIGITS, spelling(0, sure=0.75)) == Score("", 0.75)
    assert spelled(DIGITS, spelling(1, 10, 1, sure=0.5)) == Score("090", 0.125), "a text that never ends is cut"
    assert spelled("ab", spelling(2, 1, 0, sure=0.5, count=3)) == Score("ba", 0.125), "the characters are the labels"


def test_a_picture_of_any_size_is_read():
    seen = []

    def predict(pictures):
        seen.append(pictures)
        return np.stack([spelling(5, 3, 0)] * len(pictures))

    made = bundle(predict=predict)
    picture = np.random.default_rng(0).integers(0, 256, (50, 90, 3), dtype=np.uint8)
    assert made.read(picture) == made.spell(made.fit(picture)) == Score("42", 0.421875)
    assert seen[0].shape == (1, 16, 24, 3) and seen[0].dtype == np.uint8


PICTURE = np.zeros((16, 24, 3), np.uint8)


@pytest.mark.parametrize(
    "ask, words",
    [
        (lambda: bundle().classify(PICTURE), "rows is a transcriber: it does not name a picture, it reads the text in it; use read"),
        (lambda: bundle().detect(PICTURE), "rows is a transcribe model; only a detector finds boxes"),
        (lambda: bundle("classify").read(PICTURE), "rows is a classify model; only a transcriber reads texts"),
    ],
    ids=["classify", "detect", "read"],
)
def test_what_a_model_cannot_do_is_one_line(ask, words):
    with pytest.raises(CvappError) as error:
        ask()
    assert str(error.value) == words and error.value.code == Exit.USAGE


def test_a_detector_does_not_read():
    scan = Scan(Windows((8, 8), (4, 4)), ((1.0, 1.0),), 8, 0.6)
    card = Card("boxes", "detect", DIGITS, Images((16, 24)), Recipe(), scan=scan)
    with pytest.raises(CvappError, match="^boxes is a detect model; only a transcriber reads texts$"):
        Bundle(card, lambda pictures: pictures, "keras").read(PICTURE)


def test_the_labels_of_a_transcriber_are_characters():
    with pytest.raises(CvappError, match=r"labels are \('1', '10'\): expected single characters of a transcriber") as error:
        bundle(labels=("1", "10"))
    assert error.value.code == Exit.BAD_DATA
    assert bundle("classify", labels=("1", "10")).card.labels == ("1", "10")
