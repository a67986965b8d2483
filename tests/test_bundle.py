"""The Bundle: what LiteRT answers is what NumPy computes, what is not whole is refused, and none of it needs TensorFlow."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from cvapp import images
from cvapp.bundle import Bundle, Score, open_lite, open_tflite, rank
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from tests.camera.test_sources import painted, write_video
from tests.tiny_tflite import LABELS, change_export, publish, remade, save_model, softmax_of_pixels, tiny_tflite

BLOCKED = ("tensorflow", "keras", "tensorflow_hub", "keras_cv", "matplotlib")


@pytest.fixture
def model(tmp_path):
    return save_model(tmp_path / "saved_models" / "tiny")


@pytest.fixture
def pictures(rng):
    return rng.integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)


def test_predict_answers_what_numpy_computes(model, pictures):
    answers = open_lite(model).predict(pictures)
    assert answers.dtype == np.float32 and answers.shape == (5, 3)
    np.testing.assert_allclose(answers, softmax_of_pixels(pictures), atol=1e-6)
    assert np.abs(answers - softmax_of_pixels(pictures[::-1])).max() > 0.1, "a comparison that cannot fail proves nothing"


def test_predict_of_a_batch_equals_one_at_a_time_and_keeps_its_answers(model, pictures):
    predict = open_lite(model, threads=2).predict
    first = predict(pictures[:1])
    kept = first.copy()
    np.testing.assert_array_equal(predict(pictures), np.concatenate([predict(picture[None]) for picture in pictures]))
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (7, 200), (300, 5), (240, 320)])
def test_classify_takes_a_picture_of_any_size(model, rng, size):
    scores = open_lite(model).classify(rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    assert sorted(score.label for score in scores) == sorted(LABELS)
    assert sum(score.probability for score in scores) == pytest.approx(1)
    assert [score.probability for score in scores] == sorted((score.probability for score in scores), reverse=True)


def test_classify_sees_the_middle_and_averages_when_it_shrinks(model, pictures, rng):
    bundle = open_lite(model)
    picture = pictures[0]
    expected = rank(LABELS, bundle.predict(picture[None])[0])
    assert bundle.classify(picture.repeat(4, 0).repeat(4, 1)) == expected
    wide = np.concatenate([rng.integers(0, 256, (8, 6, 3), dtype=np.uint8), picture, rng.integers(0, 256, (8, 6, 3), dtype=np.uint8)], 1)
    assert bundle.classify(wide) == expected
    assert bundle.classify(np.roll(wide, 3, 1)) != expected


@pytest.mark.parametrize("picture", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 4), np.uint8)])
def test_what_is_not_a_picture_is_refused_by_name(model, picture):
    with pytest.raises(CvappError, match=r"a picture is uint8 RGB \(height, width, 3\); this is (uint8|float32) \(8, 8"):
        open_lite(model).classify(picture)


def test_rank_puts_the_best_first_and_ties_keep_the_labels_order():
    ranked = rank(("a", "b", "c", "d"), np.array([0.1, 0.4, 0.1, 0.4], np.float32))
    assert [score.label for score in ranked] == ["b", "d", "a", "c"]
    assert ranked[0] == Score("b", pytest.approx(0.4)) and type(ranked[0].probability) is float


def test_opening_is_silent_and_says_which_variant_it_is(model, capfd):
    bundle = open_lite(model)
    assert (bundle.variant, bundle.card.labels) == ("float32", LABELS)
    assert open_lite(model, "float32").variant == "float32"
    assert capfd.readouterr() == ("", "")


def test_a_model_that_was_not_exported_has_no_lite_side(model):
    for path in (model / "lite").iterdir():
        path.unlink()
    (model / "lite").rmdir()
    assert open_lite(model) is None


WHOLE = tiny_tflite()
REFUSED = {
    "another model": (lambda folder: change_export(folder, lambda values: values.update(model="0" * 64)), r"from another model\.keras"),
    "altered tflite": (lambda folder: (folder / "lite/float32.tflite").write_bytes(WHOLE[:-1] + b"!"), r"float32\.tflite: altered since"),
    "missing tflite": (lambda folder: (folder / "lite/float32.tflite").unlink(), r"float32\.tflite: missing from the saved model"),
    "altered labels": (lambda folder: (folder / "lite/labels.txt").write_text("ant\nbee\n"), r"labels\.txt: its labels are not the card's"),
    "missing labels": (lambda folder: (folder / "lite/labels.txt").unlink(), r"lite: cannot be read \(FileNotFoundError"),
    "missing json": (lambda folder: (folder / "lite/export.json").unlink(), r"lite: cannot be read \(FileNotFoundError"),
    "broken json": (lambda folder: (folder / "lite/export.json").write_text('{"model": '), r"lite: cannot be read \(JSONDecodeError"),
    "a list as json": (lambda folder: (folder / "lite/export.json").write_text("[1]"), r"lite: cannot be read \(TypeError"),
    "deep json": (lambda folder: (folder / "lite/export.json").write_text("[" * 100_000), r"lite: cannot be read \(RecursionError"),
    "altered card": (
        lambda folder: (folder / "card.json").write_text((folder / "card.json").read_text() + "\n"),
        "card.json: altered since the",
    ),
    "another card": (
        lambda folder: change_export(folder, lambda values: values.update(card="0" * 64)),
        "card.json: altered since the model was",
    ),
    "no card": (lambda folder: change_export(folder, lambda values: values.pop("card")), r"lite: cannot be read \(KeyError: 'card'"),
    "no files": (lambda folder: change_export(folder, lambda values: values.pop("files")), r"lite: cannot be read \(KeyError: 'files'"),
    "odd files": (
        lambda folder: change_export(folder, lambda values: values.update(files=["golden.npz"])),
        r"lite: cannot be read \(ValueError",
    ),
    "no choice": (lambda folder: change_export(folder, lambda values: values.pop("chosen")), r"lite: cannot be read \(KeyError"),
    "odd row": (lambda folder: change_export(folder, lambda values: values["variants"].update(int8=3)), "lite.*: cannot be read"),
    "no hash": (lambda folder: change_export(folder, lambda values: values["variants"]["float32"].pop("sha256")), "lite.*: cannot"),
    "garbage": (lambda folder: publish(folder, WHOLE[:8] + bytes(range(256)) * 8), r"float32\.tflite: LiteRT cannot read it \("),
    "cut in half": (lambda folder: publish(folder, WHOLE[: len(WHOLE) // 2]), r"float32\.tflite: LiteRT cannot read it"),
    "empty": (lambda folder: publish(folder, b""), r"float32\.tflite: LiteRT cannot read it"),
    "no input": (lambda folder: publish(folder, remade(lambda model: setattr(model.subgraphs[0], "inputs", []))), "LiteRT cannot read it"),
    "float input": (lambda folder: publish(folder, tiny_tflite("float32")), r"float32\.tflite: takes float32 .*, not uint8 pictures"),
}


@pytest.mark.parametrize("damage", REFUSED)
def test_a_damaged_export_is_refused_in_one_line_that_says_what_to_do(model, damage, capfd):
    change, text = REFUSED[damage]
    change(model)
    with pytest.raises(CvappError, match=text) as error:
        open_lite(model)
    assert error.value.code == Exit.BAD_DATA
    assert "export" in str(error.value) and "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_a_file_that_opens_and_cannot_run_is_one_line_too(model, pictures, capfd):
    publish(model, remade(lambda made: setattr(made.buffers[1], "data", None)))
    opened = open_lite(model)
    with pytest.raises(CvappError, match=r"float32\.tflite: LiteRT cannot run it \(.*lacks data.*\); export the model again$") as error:
        opened.predict(pictures)
    assert error.value.code == Exit.BAD_DATA and "\n" not in str(error.value)


@pytest.mark.parametrize("variant", ["int8", "float16", "../float32"])
def test_a_variant_that_was_not_published_is_refused_with_those_that_were(model, variant):
    with pytest.raises(CvappError, match=f"^tiny has no variant '{variant}': choose one of float32$") as error:
        open_lite(model, variant)
    assert error.value.code == Exit.USAGE


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


def cvapp_without_tensorflow(folder, *arguments):
    """Run a command in a process where TensorFlow and the rest of `[train]` cannot be imported; the last line lists what was."""
    program = f"""
import sys
for name in {BLOCKED}:
    sys.modules[name] = None
from cvapp.cli import main
code = main(sys.argv[1:])
print(sorted(name for name in sys.modules if name.split(".")[0] in {BLOCKED} and sys.modules[name] is not None))
sys.exit(code)
"""
    return subprocess.run([sys.executable, "-c", program, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)


def test_prediction_and_the_live_run_work_where_tensorflow_cannot_be_imported(model):
    home = model.parents[1]
    images.write(home / "photo.png", painted(3))
    done = cvapp_without_tensorflow(home, "predict", "tiny", "photo.png", "--json")
    answer, imported = done.stdout.splitlines()
    assert (done.returncode, done.stderr, imported) == (0, "", "[]")
    expected = open_lite(model).classify(painted(3))
    assert json.loads(answer)["photos"]["photo.png"][0] == {
        "label": expected[0].label,
        "probability": pytest.approx(expected[0].probability, abs=1e-6),
    }

    write_video(home / "scene.avi", 12)
    done = cvapp_without_tensorflow(home, "camera", "tiny", "--source", "scene.avi", "--no-show", "--save", "out.mp4", "--json")
    answer, imported = done.stdout.splitlines()
    assert (done.returncode, imported) == (0, "[]")
    values = json.loads(answer)
    assert (values["frames"], sum(values["labels"].values()), values["saved"], values["variant"]) == (12, 12, "out.mp4", "float32")


def test_the_control_keras_is_really_out_of_reach_there(model):
    done = cvapp_without_tensorflow(model.parents[1], "predict", "tiny", ".", "--variant", "keras")
    assert done.returncode == Exit.BAD_DATA and "no pictures below this folder" in done.stderr
    images.write(model.parents[1] / "photo.png", painted(3))
    done = cvapp_without_tensorflow(model.parents[1], "predict", "tiny", "photo.png", "--variant", "keras")
    assert done.returncode == Exit.USAGE
    assert done.stderr.count("\n") == 1 and "is not installed: pip install 'cvapp[train]'" in done.stderr


@pytest.mark.parametrize(
    "best, answer",
    [
        (("cat", 0.8), "cat"),
        (("cat", 0.7), "cat"),
        (("cat", 0.69), "unknown"),
        (("background", 0.99), "unknown"),
        (("unknown", 0.99), "unknown"),
    ],
)
def test_an_unsure_answer_and_the_background_are_unknown(model, best, answer):
    opened = open_lite(model)
    card = dataclasses.replace(opened.card, threshold=0.7)
    assert Bundle(card, opened.predict, "float32").answer([Score(*best), Score("dog", 0.01)]) == answer
    assert Bundle(dataclasses.replace(card, threshold=0.0), opened.predict, "float32").answer([Score("cat", 0.4)]) == "cat"
