"""One .tflite as a function: what it answers is what NumPy computes, and what is not of the wanted kind is one line."""

import numpy as np
import pytest

from cvapp import images
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from cvapp.tflite import open_generator, open_tflite
from tests.tiny_generator import inputs, numbers, tiny_generator
from tests.tiny_tflite import softmax_of_pixels, tiny_tflite


@pytest.fixture
def place(tmp_path):
    """Write a file: its path."""

    def place(data):
        (tmp_path / "x.tflite").write_bytes(data)
        return tmp_path / "x.tflite"

    return place


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_generator_makes_what_numpy_computes(place, classes, channels, threads, capfd):
    given = inputs(5, classes)
    make = open_generator(place(tiny_generator(classes, channels)), threads)
    made = make(given)
    assert made.shape == (5, 12, 8, channels) and made.dtype == np.float32
    np.testing.assert_allclose(made, numbers(given, classes, channels), atol=1e-6)
    np.testing.assert_array_equal(np.concatenate([make(row[None]) for row in given]), made)
    assert np.abs(made - numbers(given[::-1], classes, channels)).max() > 0.5, "a comparison that cannot fail proves nothing"
    assert capfd.readouterr() == ("", "")


def test_a_classifier_is_no_generator_and_the_other_way_round(place):
    pictures = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    np.testing.assert_allclose(open_tflite(place(tiny_tflite()))(pictures), softmax_of_pixels(pictures), atol=1e-6)
    with pytest.raises(
        CvappError, match=r"x\.tflite: takes uint8 .*, not noise \(float32, one row\); export the model with cvapp$"
    ) as error:
        open_generator(place(tiny_tflite()))
    assert error.value.code == Exit.BAD_DATA
    with pytest.raises(CvappError, match=r"x\.tflite: takes float32 .*, not uint8 pictures; export the model with cvapp$") as error:
        open_tflite(place(tiny_generator()))
    assert error.value.code == Exit.BAD_DATA


def test_what_answers_no_pictures_is_no_generator(place):
    with pytest.raises(CvappError, match=r"answers float32 \[ *1 +12 +8 +2\], not pictures in float32"):
        open_generator(place(tiny_generator(0, 2)))


@pytest.mark.parametrize("opened", [open_tflite, open_generator])
@pytest.mark.parametrize("data", [b"", b"no model", tiny_generator()[:500]], ids=["empty", "text", "cut"])
def test_what_cannot_be_read_is_a_line(place, opened, data):
    with pytest.raises(CvappError, match=r"x\.tflite: LiteRT cannot read it \(.*\); export the model again$") as error:
        opened(place(data))
    assert error.value.code == Exit.BAD_DATA and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "opened, data, values, line",
    [
        (open_generator, tiny_generator(), inputs(1, 3), "takes float32 (B, 8), not float32 (1, 11)"),
        (open_tflite, tiny_tflite(), np.zeros((2, 8, 9, 3), np.uint8), "takes uint8 (B, 8, 8, 3), not uint8 (2, 8, 9, 3)"),
        (open_tflite, tiny_tflite(), np.zeros((8, 8, 3), np.uint8), "takes uint8 (B, 8, 8, 3), not uint8 (8, 8, 3)"),
        (open_tflite, tiny_tflite(), np.zeros((1, 8, 8, 3), np.float32), "takes uint8 (B, 8, 8, 3), not float32 (1, 8, 8, 3)"),
    ],
    ids=["noise", "size", "no batch", "float"],
)
def test_what_the_model_does_not_take_is_the_callers_to_mend_and_no_new_export(place, opened, data, values, line):
    with pytest.raises(CvappError) as error:
        opened(place(data))(values)
    assert str(error.value).endswith(f"x.tflite: {line}; bundle.fit prepares a picture, bundle.ask noise")
    assert error.value.code == Exit.USAGE


def test_no_pictures_have_no_answers(place):
    run = open_tflite(place(tiny_tflite()))
    whole, none = run(np.zeros((2, 8, 8, 3), np.uint8)), run(np.zeros((0, 8, 8, 3), np.uint8))
    assert none.shape == (0, *whole.shape[1:]) and none.dtype == whole.dtype


@pytest.mark.shared
def test_a_quantised_model_names_the_cheeseburger(shared_data):
    predict = open_tflite(shared_data / "tflite/mobilenet_v1_0.25_224_quant.tflite")
    burger = images.fit(images.read(shared_data / "tflite/burger.jpg"), Images((224, 224)))
    answers = predict(np.stack([burger, 255 - burger]))
    labels = (shared_data / "tflite/imagenet_labels.txt").read_text().splitlines()
    assert labels[answers[0].argmax()] == "cheeseburger" and answers[0].max() > 0.9
    assert answers.sum(1) == pytest.approx(1, abs=0.1), "scale and zero point are undone"
    assert labels[answers[1].argmax()] != "cheeseburger"


@pytest.mark.shared
def test_a_model_for_floats_is_refused(shared_data):
    with pytest.raises(CvappError, match="takes float32 .* not uint8 pictures") as error:
        open_tflite(shared_data / "tflite/mobilenet_v1_0.25_224_1_default_1.tflite")
    assert error.value.code == Exit.BAD_DATA
