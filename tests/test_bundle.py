"""The Bundle: what LiteRT answers is what NumPy computes, what is not whole is refused, and none of it needs TensorFlow."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from cvapp import images
from cvapp.bundle import Bundle, Score, open_lite, rank
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from cvapp.windows import Scan, Windows, lay_out
from tests.camera.test_sources import painted, write_video
from tests.tiny_tflite import LABELS, change_export, publish, remade, save_model, softmax_of_pixels, tiny_tflite
from tests.windows.drawn import detector_card, draw, perfect

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
    assert done.stderr.count("\n") == 1 and "is not installed: pip install -e " in done.stderr and "[train]'" in done.stderr


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


SCAN = Scan(Windows((32, 32), (8, 8)), ((1.0, 1.0), (0.5, 0.5), (1.5, 1.2)), 16, 0.6)
FRAME = (96, 128)


def detector(fit="letterbox", scan=SCAN, labels=("cat", "dog"), **more):
    """A bundle that finds every drawn object of a fitting size, and calls it a dog."""
    card = detector_card(scan, Images(FRAME, fit), labels, **more)
    return Bundle(card, perfect(scan, len(labels), labels.index("dog")), "keras")


@pytest.mark.parametrize(
    "shape, fit", [(FRAME, "letterbox"), ((200, 150), "letterbox"), ((60, 200), "letterbox"), ((200, 150), "crop"), ((70, 200), "crop"),
                   ((150, 130), "stretch"), ((70, 64), "stretch")],
)
def test_what_is_drawn_on_a_picture_of_any_shape_is_found_in_its_pixels(shape, fit, rng):
    bundle = detector(fit)
    top, left, height, width = images.window(shape, bundle.card.images)
    inner = images.inside(shape, bundle.card.images)[2:]
    for scale in SCAN.scales:
        sides = [round(0.6 * 32 / one * seen / drawn) for one, seen, drawn in zip(scale, (height, width), inner)]
        if sides[0] > height or sides[1] > width:
            continue
        last = height - sides[0], width - sides[1]
        for y, x in [*rng.integers(0, np.array(last) + 1, (2, 2)).tolist(), (0, 0), last]:
            box = left + x, top + y, left + x + sides[1], top + y + sides[0]
            found = bundle.detect(draw(shape, box))
            assert len(found) == 1 and found.classes.tolist() == [1]
            assert np.abs(found.xyxy[0] - box).max() < 1, "within a pixel of the picture"
            assert np.abs(found.xyxy[0] - np.add(box, (3, 0, 3, 0))).max() > 1, "the control"


def test_landmarks_are_found_in_the_pictures_pixels_too(rng):
    scan = dataclasses.replace(SCAN, points=2, scales=((1.0, 1.0), (0.7, 0.8)))
    bundle = detector(scan=scan)
    for x, y in rng.integers(20, 110, (6, 2)).tolist():
        points = [[x + 8, y + 10], [x + 22, y + 25]]
        found = bundle.detect(draw((180, 160), (x, y, x + 34, y + 34), points=points))
        assert found.points.shape == (1, 2, 2) and np.abs(found.points[0] - points).max() < 1.2
        assert np.abs(found.points[0] - points[::-1]).max() > 10, "the control: the other landmark"


def test_two_objects_are_two_boxes_and_an_empty_picture_has_none():
    boxes = (10, 10, 42, 42), (100, 60, 133, 92)
    assert len(detector().detect(draw((160, 210), *boxes))) == 2
    for nothing in (detector().detect(draw((160, 210))), detector().detect(draw((3, 5)))):
        assert [part.shape for part in vars(nothing).values()] == [(0, 4), (0,), (0,), (0, 0, 2)]


def one_answer(bundle, shape, *numbers):
    """What a picture's maps say with one answer, in the cell whose window begins at the corner of the frame."""
    tile = lay_out(bundle.card.scan, FRAME)[0][0]
    height, width = bundle.card.input_size
    maps = np.zeros(((height - 32) // 8 + 1, (width - 32) // 8 + 1, len(numbers)), np.float32)
    maps[(tile.top + 16) // 8, (tile.left + 16) // 8] = numbers
    return bundle.locate(maps, shape)


def test_a_box_in_the_black_bars_of_a_letterbox_is_none():
    """The picture covers rows 32 to 64 of the frame: an answer above it is about nothing that anybody could show."""
    scan = dataclasses.replace(SCAN, scales=((1.0, 1.0),))
    bundle = detector(scan=scan)
    assert len(one_answer(bundle, (50, 200, 3), 0.9, 0.5, 0.5, 0.4, 0.4, 0, 1)) == 0
    reaching = one_answer(bundle, (50, 200, 3), 0.9, 0.5, 1.0, 0.5, 0.5, 0, 1)
    assert reaching.xyxy.tolist() == [[8 * 200 / 128, 0, 24 * 200 / 128, 8 * 50 / 32]], "what reaches in ends at the edge"


def test_the_card_says_what_counts_unless_the_caller_does():
    scan = dataclasses.replace(SCAN, scales=((1.0, 1.0),))
    bundle = detector(scan=scan)
    maps = np.zeros((13, 17, 7), np.float32)  # of the frame and its margin, 128x160
    maps[2, 2], maps[2, 3] = (0.9, 0.5, 0.5, 0.6, 0.6, 1, 0), (0.55, 0.5, 0.5, 0.6, 0.6, 1, 0)  # 19 wide, 8 apart: an IoU of 0.41
    maps[8, 8] = 0.45, 0.5, 0.5, 0.6, 0.6, 1, 0
    for settings, scores in (
        ({}, [0.9]),  # a threshold of 0.5 and an overlap of 0.3
        ({"overlap": 0.5}, [0.9, 0.55]),
        ({"least": 0.4}, [0.9, 0.45]),
        ({"least": 0.0, "overlap": 1.0}, [0.9, 0.55, 0.45]),
    ):
        assert bundle.locate(maps, FRAME, **settings).scores == pytest.approx(scores), settings


def test_the_background_of_a_classifier_that_was_slid_is_no_object():
    scan = dataclasses.replace(SCAN, refined=False, scales=((1.0, 1.0),))
    bundle = Bundle(detector_card(scan, Images(FRAME, "letterbox"), ("background", "dog", "unknown")), None, "keras")
    for numbers, classes in (((0.9, 0.1, 0), []), ((0, 0.1, 0.9), []), ((0.2, 0.8, 0), [1])):
        assert one_answer(bundle, FRAME, *numbers).classes.tolist() == classes


def test_a_detector_is_given_its_canvas():
    given = []
    bundle = detector()
    spying = dataclasses.replace(bundle, predict=lambda canvases: given.append(canvases) or bundle.predict(canvases))
    spying.detect(draw((50, 70)))
    assert [(one.shape, one.dtype) for one in given] == [((1, *bundle.card.input_size, 3), np.uint8)]
    assert bundle.card.input_size == lay_out(SCAN, FRAME)[1]


def test_a_classifier_finds_no_boxes(model):
    with pytest.raises(CvappError, match="^tiny is a classify model; only a detector finds boxes$") as error:
        open_lite(model).detect(np.zeros((8, 8, 3), np.uint8))
    assert error.value.code == Exit.USAGE


def test_a_detector_names_no_picture():
    with pytest.raises(CvappError, match="is a detector: it does not name a picture, it finds boxes in it; use detect$") as error:
        detector().classify(draw((50, 70)))
    assert error.value.code == Exit.USAGE
