"""A bundle of a generator: pictures by a seed, the classes that can be asked for, and one line where a model cannot do what is wanted."""

import subprocess
import sys

import numpy as np
import pytest

from cvapp.bundle import Bundle, latent_of
from cvapp.card import Card
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from cvapp.loading import load
from cvapp.recipe import Recipe
from tests.tiny_generator import LABELS, inputs, numbers, save_exported
from tests.tiny_tflite import save_model


@pytest.fixture
def plain(tmp_path):
    return load(save_exported(tmp_path / "saved_models" / "plain"))


@pytest.fixture
def asked(tmp_path):
    return load(save_exported(tmp_path / "saved_models" / "asked", conditional=True, channels=1))


def expected(count, classes=0, channels=3, seed=0, place=None):
    """The pictures by NumPy alone."""
    given = inputs(count, classes, seed)
    if place is not None:
        given[:, -classes:] = np.eye(classes)[place]
    return np.rint((numbers(given, classes, channels) + 1) * 127.5).astype(int).repeat(3 // channels, axis=3)


def near(found, wanted):
    """Alike but for a level where float32 rounds to the other side."""
    off = np.abs(found.astype(int) - wanted)
    return off.max() <= 1 and (off > 0).mean() < 0.001


def test_pictures_are_those_of_the_seed(plain):
    found = plain.sample(6, 4)
    assert found.shape == (6, 12, 8, 3) and found.dtype == np.uint8
    assert near(found, expected(6, seed=4)) and not near(found, expected(6, seed=5))
    np.testing.assert_array_equal(plain.sample(300, 4)[:6], found)
    np.testing.assert_array_equal(plain.sample(6, 4), found)
    assert not np.array_equal(plain.sample(6), found) and near(plain.sample(6), expected(6))


def test_all_classes_come_in_turn_or_the_one_that_is_asked_for(asked):
    assert latent_of(asked.card) == (8, 3)
    assert near(asked.sample(300, 2), expected(300, 3, 1, 2)), "more than are made together"
    for place, label in enumerate(LABELS):
        found = asked.sample(7, 2, label)
        assert near(found, expected(7, 3, 1, 2, place)) and not near(found, expected(7, 3, 1, 2, place - 1))


def test_predict_answers_the_numbers_themselves(plain, asked):
    np.testing.assert_allclose(plain.predict(inputs(3)), numbers(inputs(3)), atol=1e-6)
    np.testing.assert_allclose(asked.predict(inputs(3, 3)), numbers(inputs(3, 3), 3, 1), atol=1e-6)
    np.testing.assert_array_equal(asked.ask(inputs(4), None), inputs(4, 3))


@pytest.mark.parametrize(
    "name, words, line",
    [
        ("plain", (3, 0, "bag"), "plain makes what it likes of all classes, 'bag' cannot be asked for; leave the label out"),
        ("asked", (3, 0, "bags"), "asked makes no 'bags': choose one of bag, shoe, shirt / top. Did you mean bag?"),
        ("plain", (0,), "count is 0: give how many pictures to make, 1 to 100000"),
        ("plain", (3, -1), "seed is -1: give a whole number from 0"),
    ],
)
def test_what_cannot_be_made_is_a_line(request, name, words, line):
    with pytest.raises(CvappError) as error:
        request.getfixturevalue(name).sample(*words)
    assert (str(error.value), error.value.code) == (line, Exit.USAGE)


PICTURE = np.zeros((20, 30, 3), np.uint8)
LOOKS = {
    "classify": lambda bundle: bundle.classify(PICTURE),
    "name": lambda bundle: bundle.name(PICTURE),
    "detect": lambda bundle: bundle.detect(PICTURE),
    "locate": lambda bundle: bundle.locate(PICTURE, PICTURE.shape),
    "read": lambda bundle: bundle.read(PICTURE),
    "spell": lambda bundle: bundle.spell(PICTURE),
    "attend": lambda bundle: bundle.attend(PICTURE),
    "fit": lambda bundle: bundle.fit(PICTURE),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_generator_looks_at_no_pictures(plain, look):
    with pytest.raises(CvappError) as error:
        LOOKS[look](plain)
    line = "plain is a generator: use sample, as in cvapp sample plain; it makes pictures and looks at none"
    assert (str(error.value), error.value.code) == (line, Exit.USAGE)


@pytest.mark.parametrize("task", ["classify", "transcribe"])
@pytest.mark.parametrize("make", [lambda one: one.sample(3), lambda one: one.ask(inputs(2)), lambda one: one.make(inputs(2))])
def test_no_other_model_makes_pictures(task, make):
    card = Card("mine", task, ("a", "b"), Images((8, 8)), Recipe())
    with pytest.raises(CvappError) as error:
        make(Bundle(card, lambda given: given, "keras"))
    line = f"mine is a {task} model; only a generator makes pictures: cvapp list shows the saved models"
    assert (str(error.value), error.value.code) == (line, Exit.USAGE)


def test_a_classifier_still_classifies(tmp_path):
    assert len(load(save_model(tmp_path / "saved_models" / "tiny")).classify(PICTURE)) == 3


def test_samples_need_no_tensorflow(plain, tmp_path):
    program = (
        "import sys\nfor name in ('tensorflow', 'keras', 'matplotlib'): sys.modules[name] = None\n"
        "from cvapp import load\nprint(load('saved_models/plain').sample(5, 4).tobytes().hex())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == (plain.sample(5, 4).tobytes().hex(), "")
