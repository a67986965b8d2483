"""What the page is told of a model is what the card, the export and the golden samples say."""

import json

import numpy as np
import pytest

from cvapp import bundle, windows
from cvapp import card as cards
from cvapp.errors import CvappError, Exit
from cvapp.phone.model import TOLD, model_files
from cvapp.proof import golden
from tests import tiny_generator, tiny_tflite


def told_of(folder):
    files = model_files(folder)
    return files, json.loads(files[TOLD].data)


def golden_of(files, told, variant):
    """What was given, and a variant's answers, read from the bytes as the page reads them."""
    facts = told["golden"]
    data = files[facts["file"]].data
    kind = np.float32 if facts["noise"] else np.uint8
    given = np.frombuffer(data, kind, int(np.prod(facts["given"]))).reshape(facts["given"])
    answers = np.frombuffer(data, "<f4", int(np.prod(facts["shape"])), facts["answers"][variant]).reshape(facts["shape"])
    return given, answers


def test_a_classifier(tmp_path):
    folder = tiny_tflite.save_model(tmp_path / "tiny")
    files, told = told_of(folder)
    assert (told["name"], told["task"], told["labels"]) == ("tiny", "classify", list(tiny_tflite.LABELS))
    assert told["images"] == {"size": [8, 8], "fit": "crop", "resize": "area"} and told["threshold"] == 0 and told["nothing"] == []
    assert told["chosen"] == "float32" and list(told["variants"]) == ["float32"]  # int8 was not published
    row = told["variants"]["float32"]
    assert (row["scale"], row["zero"], row["tolerance"]) == (1, 0, 1e-3) and "detector" not in told and "latent" not in told
    model = files[row["file"]]
    assert model.data == (folder / "lite/float32.tflite").read_bytes() and model.lasting and row["sha256"] in row["file"]
    pixels, answers = golden_of(files, told, "float32")
    expected = golden.read(folder / "lite/golden.npz")
    np.testing.assert_array_equal(pixels, expected[0])
    np.testing.assert_array_equal(answers, expected[1]["float32"])
    assert all(begin % 4 == 0 for begin in told["golden"]["answers"].values())  # as an array of floats in a browser must be


def test_bytes_are_told_with_their_step(home):
    files, told = told_of(home / "saved_models/mine")
    row = told["variants"]["int8"]
    assert 0 < row["scale"] < 0.01 and row["tolerance"] == pytest.approx(2 / 256) and row["figures"]["accuracy"] > 0.5
    pixels, answers = golden_of(files, told, "int8")
    found = bundle.open_lite(home / "saved_models/mine", "int8").predict(pixels)
    np.testing.assert_allclose(found, answers, atol=1e-6)


def test_background_counts_for_nothing(tmp_path):
    folder = tiny_tflite.save_model(tmp_path / "tiny")
    card = cards.read(folder)
    values = json.loads((folder / "card.json").read_text())
    values["labels"], values["threshold"] = ["bee", "background", "ant"], 0.6
    (folder / "card.json").write_text(json.dumps(values))
    (folder / "lite/labels.txt").write_text("bee\nbackground\nant\n")
    tiny_tflite.change_export(folder, lambda export: export.update(card=cards.sha256(folder / cards.FILE)))
    told = told_of(folder)[1]
    assert told["nothing"] == [1] and told["threshold"] == 0.6 and card.labels != tuple(told["labels"])


def test_a_detector_s_canvas_is_laid_out(detector):
    folder = detector / "saved_models/boxes"
    card, told = cards.read(folder), told_of(folder)[1]["detector"]
    tiles, size = windows.lay_out(card.scan, card.images.size)
    assert tuple(told["canvas"]) == size == card.input_size and len(told["tiles"]) == len(tiles)
    frame = np.random.default_rng(0).integers(1, 256, (*card.images.size, 3)).astype(np.uint8)
    painted = windows.paint(frame, card.scan)
    for row in told["tiles"]:
        (top, left), (height, width) = row["place"], row["size"]
        assert painted[top : top + height, left : left + width].min() > 0
        painted[top : top + height, left : left + width] = 0
    assert painted.max() == 0  # the tiles are all that is painted
    assert told["first_class"] == 5 and told["overlap"] == card.recipe.detect.overlap and told["refined"] is True
    last = max(row["cell"][0] + row["cells"][0] for row in told["tiles"])
    assert last <= card.scan.windows.grid(size)[0]


def test_a_generator(tmp_path):
    folder = tiny_generator.save_exported(tmp_path / "made", conditional=True)
    files, told = told_of(folder)
    assert (told["task"], told["latent"], told["classes"]) == ("generate", tiny_generator.LATENT, 3)
    noise, pictures = golden_of(files, told, "float32")
    np.testing.assert_allclose(pictures, tiny_generator.numbers(noise, 3), atol=1e-5)
    assert told["golden"]["factor"] == golden.MAPS and told["golden"]["noise"] is True


@pytest.mark.parametrize(
    "harm, code, match",
    [
        (lambda folder: (folder / "lite/float32.tflite").write_bytes(b"other"), Exit.BAD_DATA, "altered since it was exported"),
        (lambda folder: (folder / "lite/golden.npz").write_bytes(b"other"), Exit.BAD_DATA, "golden.npz: altered"),
        (lambda folder: (folder / "lite/golden.npz").unlink(), Exit.BAD_DATA, "golden.npz: missing"),
        (lambda folder: [path.unlink() for path in (folder / "lite").iterdir()] and (folder / "lite").rmdir(), Exit.USAGE, "was not exported"),
    ],
)
def test_what_is_not_whole_is_not_served(tmp_path, harm, code, match):
    folder = tiny_tflite.save_model(tmp_path / "tiny")
    model_files(folder)
    harm(folder)
    with pytest.raises(CvappError, match=match) as caught:
        model_files(folder)
    assert caught.value.code == code


def test_a_variant_that_is_not_there(tmp_path):
    with pytest.raises(CvappError, match="has no variant 'int8': choose one of float32"):
        model_files(tiny_tflite.save_model(tmp_path / "tiny"), "int8")


def test_a_transcriber_is_refused(transcriber):
    with pytest.raises(CvappError, match="is a transcriber"):
        model_files(transcriber / "saved_models/rows")
