"""Where an exported model looks: its companion is opened when it is first asked, checked by its hash, and is no variant."""

import numpy as np
import pytest

from cvapp import bundle as bundles
from cvapp import images
from cvapp.bundle import Bundle, open_lite
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from tests.tiny_attention import FILE, brightness, put, save_looking, tiny_attention
from tests.tiny_tflite import change_export, remade, save_model


@pytest.fixture
def model(tmp_path):
    return save_looking(tmp_path / "saved_models" / "tiny")


def test_it_answers_a_map_of_each_picture(model, rng):
    pictures = rng.integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
    found = open_lite(model).attention(pictures)
    assert found.dtype == np.float32 and found.shape == (3, 8, 8)
    np.testing.assert_allclose(found, brightness(pictures), rtol=1e-5)
    assert np.abs(found - brightness(pictures[::-1])).max() > 50, "a comparison that cannot fail proves nothing"


@pytest.mark.parametrize("shape", [(8, 8), (20, 33), (50, 10)])
def test_attend_fits_the_picture_itself(model, rng, shape):
    picture = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
    fitted = images.fit(picture, Images((8, 8)))
    opened = open_lite(model)
    np.testing.assert_allclose(opened.attend(picture), brightness(fitted[None])[0], rtol=1e-5)
    np.testing.assert_array_equal(opened.attend(fitted), opened.attend(picture), "what is fitted stays as it is")


def test_the_file_is_opened_when_it_is_first_asked_and_once(model, monkeypatch, rng):
    opened, honest = [], bundles.open_tflite
    monkeypatch.setattr(bundles, "open_tflite", lambda path, threads: opened.append(path.name) or honest(path, threads))
    bundle, picture = open_lite(model), rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    bundle.classify(picture)
    assert opened == ["float32.tflite"]
    for _ in range(3):
        bundle.attend(picture)
    assert opened == ["float32.tflite", "attention.tflite"]


REFUSED = {
    "missing": (lambda folder: (folder / FILE).unlink(), r"attention\.tflite: missing from the saved model; run cvapp export tiny again$"),
    "altered": (
        lambda folder: (folder / FILE).write_bytes(tiny_attention()[:-1] + b"!"),
        r"attention\.tflite: altered since it was exported",
    ),
    "foreign": (lambda folder: (folder / FILE).write_bytes((folder / "lite/float32.tflite").read_bytes()), r"attention\.tflite: altered"),
    "garbage": (lambda folder: put(folder, b"TFL3" * 100), r"attention\.tflite: LiteRT cannot read it \(.*\); export the model again$"),
    "takes float": (
        lambda folder: put(folder, remade(lambda made: setattr(made.subgraphs[0].tensors[0], "type", 0))),
        r"attention\.tflite: takes float32 .*, not uint8 pictures",
    ),
}


@pytest.mark.parametrize("damage", REFUSED)
def test_a_damaged_companion_is_one_line_when_it_is_asked_and_no_harm_before(model, damage, capfd):
    change, text = REFUSED[damage]
    change(model)
    picture = np.zeros((8, 8, 3), np.uint8)
    bundle = open_lite(model)
    assert len(bundle.classify(picture)) == 3
    for _ in range(2):
        with pytest.raises(CvappError, match=text) as error:
            bundle.attend(picture)
        assert error.value.code == Exit.BAD_DATA and "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("row", [3, {}, {"sha256": None}, None, "x", []], ids=str)
def test_an_odd_row_is_refused_at_once(model, row):
    change_export(model, lambda values: values.update(attention=row))
    with pytest.raises(CvappError, match=r"lite: cannot be read \((TypeError|KeyError|ValueError): .*run cvapp export tiny$") as error:
        open_lite(model)
    assert error.value.code == Exit.BAD_DATA


def test_a_model_without_one_says_so_in_one_line(tmp_path):
    bundle = open_lite(save_model(tmp_path / "old"))
    assert bundle.attention is None
    with pytest.raises(CvappError, match="^old has no attention to show: only vision transformers that classify have; of one, ") as error:
        bundle.attend(np.zeros((8, 8, 3), np.uint8))
    assert error.value.code == Exit.USAGE and "\n" not in str(error.value)


def test_it_is_no_variant(model):
    with pytest.raises(CvappError, match="^tiny has no variant 'attention': choose one of float32$") as error:
        open_lite(model, "attention")
    assert error.value.code == Exit.USAGE


def test_a_bundle_made_by_hand_needs_none(model):
    opened = open_lite(model)
    assert Bundle(opened.card, opened.predict, "float32").attention is None
