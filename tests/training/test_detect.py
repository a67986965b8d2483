"""A detector trained from photos with boxes: it finds what it should, is saved whole, and an interrupted run goes on as if nothing had been."""

import csv
import dataclasses
import json
import re
import shutil
import signal

import keras
import numpy as np
import pytest

from cvapp import card as cards
from cvapp import images, load
from cvapp.boxes import iou
from cvapp.data import frames as framed
from cvapp.data import split
from cvapp.data.boxed import Box
from cvapp.data.frames import Frames, Truth
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import boxed
from cvapp.models import classifier, sliding
from cvapp.models.backbones import open_network
from cvapp.recipe import override
from cvapp.runs import Start
from cvapp.shipped import load_pipeline
from cvapp.training import detect, mining, rounds, state
from cvapp.windows import paint
from tests.conftest import COLOURS, boxed_recipe

QUICK = ["train.epochs=4", "detect.passes=1", "detect.hidden=8"]


@pytest.fixture
def saved(detector):
    return detector / "saved_models" / "boxes"


@pytest.fixture
def place(workspace, monkeypatch):
    """Where a model is trained, without its report, that takes longer than such a training."""
    monkeypatch.setattr(detect.boxed_report, "write", lambda *_: None)
    return workspace / "saved_models" / "boxes"


@pytest.fixture
def scenes(boxed_photos, workspace):
    """A copy of the scenes, to be changed."""
    return shutil.copytree(boxed_photos, workspace / "scenes")


def annotations(folder, part):
    return folder / "annotations" / f"instances_{part}.json"


def change(folder, part, alter):
    """Alter the annotations of a part, a list of dictionaries."""
    path = annotations(folder, part)
    values = json.loads(path.read_text())
    values["annotations"] = alter(values["annotations"])
    path.write_text(json.dumps(values))


def weights_of(folder):
    return classifier.open_model(folder / "model.keras").get_weights()


def test_it_finds_what_it_should(saved, boxed_photos):
    card, bundle = cards.read(saved), load(saved, "keras")
    for part in ("val", "test"):
        assert card.metrics[part]["map50"] > 0.5, part
    known = json.loads(annotations(boxed_photos, "test").read_text())
    overlaps, apart = [], []
    for row in known["images"]:
        found = bundle.detect(images.read(boxed_photos / row["file_name"]), 0.3)
        for one in (one for one in known["annotations"] if one["image_id"] == row["id"]):
            left, top, width, height = one["bbox"]
            mine = found.take(found.classes == one["category_id"] - 1)
            place = iou(mine.xyxy, np.array([[left, top, left + width, top + height]]))
            overlaps.append(place.max(initial=0))
            if overlaps[-1] > 0.5:
                corners = np.reshape(one["keypoints"], (4, 3))[:, :2]
                apart.append(np.abs(mine.points[place.argmax()] - corners).mean())
    assert np.mean(np.array(overlaps) > 0.5) > 0.7 and np.median(apart) < 6


def test_a_scene_without_objects_shows_none(saved, boxed_photos):
    bundle = load(saved, "keras")
    for number in (24, 25):
        assert not len(bundle.detect(images.read(boxed_photos / "images" / f"{number}.png")))


def test_the_folder_holds_all_that_later_stages_need(saved):
    card = cards.read(saved)
    names = {path.relative_to(saved).as_posix() for path in saved.rglob("*") if path.is_file() and path.parent.name != "lite"}
    assert names == {"card.json", *card.files} | {name for name in names if name.startswith("report/")} and "report/report.html" in names
    assert {"model.keras", "split.csv", "truth.json", "history.csv"} <= set(card.files)
    assert (card.task, card.labels, card.images) == ("detect", tuple(COLOURS), boxed_recipe().images)
    assert card.scan.points == 4 and card.scan.refined and card.scan.windows.size == (48, 48) and len(card.scan.scales) == 1
    assert (
        card.recipe == boxed_recipe()
        and card.data["photos"] == {"train": 17, "val": 5, "test": 4}
        and sum(card.data["objects"].values()) == 50
    )
    assert card.threshold == card.metrics["val"]["best_threshold"] and 0 < card.threshold < 1
    with open(saved / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["stage"] for row in rows] == ["round 1"] * 3 + ["round 2"] * 3
    best = min((row for row in rows if row["stage"] == "round 2"), key=lambda row: float(row["val_loss"]))
    assert float(best["val_map50"]) == pytest.approx(card.metrics["val"]["map50"], abs=1e-4), "all five photos are measured in every epoch"
    assert not (saved.parent / ".boxes.work").exists()


def test_saved_rows_hold_no_path_of_this_machine(tmp_path):
    rows = [split.Row("aa", str(tmp_path / "set" / "a.jpg"), "cat", "train"), split.Row("bb", "images/b.jpg", "cat", "val")]
    assert [row.path for row in detect.portable(rows)] == ["a.jpg", "images/b.jpg"]


def test_its_figures_are_those_of_an_evaluation(saved, monkeypatch):
    monkeypatch.chdir(saved.parents[1])
    for part in ("val", "test"):
        found, figures = boxed.evaluate(saved, part=part, variant="keras"), cards.read(saved).metrics[part]
        assert {name: found[name] for name in figures} == figures


def test_mistakes_on_the_held_out_part_are_counted_from_the_score_that_is_used(saved):
    card = cards.read(saved)
    assert card.metrics["test"]["counted_from"] == card.threshold, "not from the one that would be best there"


def built(data, recipe=boxed_recipe()):
    """The networks of a recipe on some photos, untrained."""
    network, row, _ = open_network(recipe.model, recipe.detect.window)
    frames = framed.prepare(data, recipe)
    return rounds.networks(network, row, frames, recipe), frames


def test_cells_answer_as_the_window_classifier_does_once_it_has_learnt(boxed_photos, workspace, rng):
    made, frames = built(boxed_photos)
    for weight in made.classifier.weights:
        weight.assign(np.asarray(weight) + rng.uniform(0, 0.2, weight.shape))
    canvases = np.stack([paint(frame, made.finder.scan) for frame in frames.pixels.read(frames.of("test"))])
    before = sliding.deviation(made.classifier, made.detector, canvases, made.finder.scan.windows)
    made.learnt()
    after = sliding.deviation(made.classifier, made.detector, canvases, made.finder.scan.windows)
    assert before.largest > 0.05 and after.largest < 1e-4 and after.cells > 500


def test_the_network_that_trains_is_the_one_that_is_saved(boxed_photos, workspace, rng):
    made, _ = built(boxed_photos)
    windows = rng.integers(0, 256, (5, 48, 48, 3)).astype(np.float32)
    logits, answers = (np.array(network(windows, training=False)) for network in (made.training, made.classifier))
    np.testing.assert_allclose(answers[:, 0], 1 / (1 + np.exp(-logits[:, 0])), atol=1e-6)
    powers = np.exp(logits[:, 5:7])
    np.testing.assert_allclose(answers[:, 5:7], powers / powers.sum(1, keepdims=True), atol=1e-6)
    np.testing.assert_array_equal(answers[:, [1, 2, 3, 4, *range(7, 15)]], logits[:, [1, 2, 3, 4, *range(7, 15)]])


def test_windows_have_the_shape_of_the_objects(boxed_photos, workspace):
    made, frames = built(boxed_photos)
    sides = [box.xyxy[2] - box.xyxy[0] for name in frames.of("train") for box in frames.truth[name]]
    ((scale_y, scale_x),) = made.finder.scan.scales
    assert min(sides) <= 0.625 * 48 / scale_y <= max(sides) and scale_x == scale_y, "squares all"


@pytest.mark.parametrize("box", [[5, 5, 0.001, 0.001], [1, 20, 90, 0.01]], ids=["a speck", "a line"])
def test_objects_of_less_than_a_pixel_ask_for_no_level_that_fits_no_memory(scenes, workspace, box):
    change(scenes, "train", lambda rows: [{**row, "bbox": box} for row in rows])
    made, _ = built(scenes)
    ((scale_y, scale_x),) = made.finder.scan.scales
    assert scale_y == rounds.LARGEST and (scale_x == rounds.LARGEST if box[2] < 1 else scale_x < 1)


@pytest.mark.parametrize(
    "objects, settings, passes, steps",
    [
        (100, [], 32, 100),  # 3 windows for each of 100 objects in 100 batches of 96
        (101, [], 32, 101),
        (20, [], 100, 63),  # as many as there may be
        (5000, [], 2, 313),  # as few
        (100, ["detect.background=1"], 48, 100),
        (100, ["detect.passes=5"], 5, 16),
    ],
)
def test_an_epoch_has_steps_enough_whatever_the_number_of_objects(objects, settings, passes, steps):
    boxes = (Box("disc", (0, 0, 9, 9)),)
    truth = Truth({"a": boxes * (objects - 1), "b": boxes, "c": boxes * 50})
    rows = [split.Row(name, name, "disc", part) for name, part in (("a", "train"), ("b", "train"), ("c", "val"))]
    found = Frames(rows, truth, ["disc"], None, {}, [])
    recipe = rounds.settled(override(load_pipeline("window_detector"), settings), found)
    assert (recipe.detect.passes, rounds.steps_per_epoch(recipe, found)) == (passes, steps)


def test_epochs_are_counted_through_the_rounds_of_which_there_are_no_more(boxed_photos, place):
    """Two epochs are asked for and three rounds, and windows enough for 100 batches of one window."""
    said = []
    settings = override(boxed_recipe(), [*QUICK, "train.epochs=2", "detect.rounds=3", "detect.passes=none", "train.batch=1", "detect.background=0.1"])
    card = detect.train(settings, boxed_photos, place, lambda *state: said.append(str(state[0])))
    objects = sum(len(boxes) for name, boxes in framed.read_truth(place / "truth.json").items() if name in trained_on(place))
    passes = -(-100 // (1.1 * objects))
    assert card.recipe.detect.passes == passes, "the card tells what was used"
    told = next(line for line in said if " rounds" in line)
    assert told.startswith("2 epochs in 2 rounds (instead of 3, for want of epochs), ") and told.endswith("is the mAP50 on 5 validation photos")
    places = [line for line in said if line.startswith("epoch ") and "val_map50" in line]
    assert re.fullmatch(r"epoch 1/2, round 1 of 2, \d+ (s|min) left  loss .*  val_map50 .*", places[0]) and "val_loss" not in places[0]
    assert len(places) == 2 and places[1].startswith("epoch 2/2, round 2 of 2  loss")
    assert [line.partition(":")[0] for line in said if line.startswith("kept")] == ["kept epoch 1 of 1", "kept epoch 2 of 2"]


def trained_on(folder):
    """The hashes of the photos that a saved model learned from."""
    return {row.hash for row in split.read(folder / "split.csv") if row.part == "train"}


def test_odd_data_is_learnt_from_and_told(scenes, place):
    """A class that no training photo shows, nothing at all to be found in the validation photos, frames smaller than a window."""
    change(scenes, "train", lambda rows: [row for row in rows if row["category_id"] == 1])
    change(scenes, "val", lambda rows: [])
    said = []
    settings = override(boxed_recipe(), [*QUICK, "train.epochs=1", "images.size=24,32"])
    card = detect.train(settings, scenes, place, lambda *state: said.append(" ".join(map(str, state))))
    assert "class 'tile' has no object to train on; the model cannot find it" in said
    assert card.labels == ("disc", "tile") and card.metrics["test"]["by_class"]["tile"]["ap"] < 0.05
    assert card.metrics["val"]["objects"] == 0 and 0 <= card.threshold <= 1 and boxed.evaluate(place, part="val")["objects"] == 0
    assert card.scan.scales[0][0] > 2, "objects are enlarged to fill their window"


def test_no_object_at_all_is_one_line(scenes, place):
    change(scenes, "train", lambda rows: [])
    with pytest.raises(CvappError, match="^no object in the photos to train on: a detector needs boxes; ") as caught:
        detect.train(boxed_recipe(), scenes, place)
    assert caught.value.code == Exit.BAD_DATA and not place.exists()


def test_class_folders_are_no_photos_with_boxes(photos, place):
    with pytest.raises(CvappError, match=r"no photos with boxes; expected Annotations/\*\.xml") as caught:
        detect.train(boxed_recipe(), photos, place)
    assert caught.value.code == Exit.BAD_DATA


@pytest.mark.parametrize(
    "settings, text",
    [
        (["images.size=none"], "^a detector needs the size of its frames: give images.size, such as 480,640$"),
        (
            ["model.handle=efficientnet_lite0"],
            "^a detector needs the layers of its network, a hub module is opaque",
        ),
        (["detect.window=32,32"], r"32"),
    ],
    ids=str,
)
def test_what_cannot_be_a_detector_is_one_line(settings, text, boxed_photos, place):
    with pytest.raises(CvappError, match=text) as caught:
        detect.train(override(boxed_recipe(), settings), boxed_photos, place)
    assert caught.value.code == Exit.USAGE and "\n" not in str(caught.value)


# Resuming. Every step is saved, and runs share one process: each begins with its own seed, so that nothing is handed down.


@pytest.fixture
def eager(monkeypatch):
    """Save after every step; a function that sends Ctrl-C after so many savings."""
    monkeypatch.setattr(state, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(state, "_SHARE", 1e9)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell hands it down ignored
    save, left = state.Keeper.save, [0]

    def mortal(self, *arguments):
        save(self, *arguments)
        left[0] -= 1
        if left[0] == 0:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(state.Keeper, "save", mortal)
    yield lambda count: left.__setitem__(0, count)
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def whole(boxed_photos, tmp_path_factory):
    """A quick run that nothing happens to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("whole"))
        patch.setattr(detect.boxed_report, "write", lambda *_: None)
        folder = tmp_path_factory.mktemp("whole") / "boxes"
        detect.train(override(boxed_recipe(), QUICK), boxed_photos, folder)
    return folder


def run(data, place, start=Start.NEW, said=None):
    report = (lambda *words: said.append(words[0])) if said is not None else (lambda *_: None)
    return detect.train(override(boxed_recipe(), QUICK), data, place, report, start)


def assert_same(one, other):
    assert (one / "history.csv").read_text() == (other / "history.csv").read_text()
    figures = [{**cards.read(folder).metrics, "train_seconds": 0} for folder in (one, other)]
    assert figures[0] == figures[1] and cards.read(one).threshold == cards.read(other).threshold
    for mine, theirs in zip(weights_of(one), weights_of(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_run_that_is_interrupted_wherever_it_is_ends_in_the_same_model(whole, boxed_photos, place, eager, monkeypatch):
    """At the last step of an epoch; while mistakes are looked for; amid the second round; at its report, after the last state was saved."""
    said = []
    eager(steps_of(whole) - 1)
    with pytest.raises(KeyboardInterrupt):
        run(boxed_photos, place)
    eager(0)
    with monkeypatch.context() as patch:
        patch.setattr(mining, "mistakes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(boxed_photos, place, Start.RESUME, said)
        shutil.copytree(place.parent / ".boxes.work", place.parent / ".early.work")
        early = run(boxed_photos, place.parent / "early", Start.FINISH).metrics["finished_early"]  # no mistakes are looked for
        rows = (whole / "history.csv").read_text().splitlines()
        assert (place.parent / "early" / "history.csv").read_text().splitlines() == [row for row in rows if not row.startswith("round 2")]
        assert " of round 1, " in early
    eager(steps_of(whole) + 3)
    with pytest.raises(KeyboardInterrupt):
        run(boxed_photos, place, Start.RESUME, said)
    assert not place.exists()
    with monkeypatch.context() as patch:
        patch.setattr(state.Keeper, "due", lambda self: False)
        patch.setattr(detect.boxed_report, "write", full)
        with pytest.raises(CvappError, match="the disk is full"):
            run(boxed_photos, place, Start.RESUME, said)
    run(boxed_photos, place, Start.RESUME, said)
    lines = [line for line in said if line.startswith("going on")]
    assert [line.split(" of ")[1] for line in lines] == ["round 1", "round 1", "round 2", "round 2"], lines
    assert_same(whole, place)
    assert not (place.parent / ".boxes.work").exists() and not [name for name in cards.read(place).files if "state" in name]


def interrupted(*_):
    raise KeyboardInterrupt


def full(*_):
    raise CvappError("the disk is full", Exit.CANNOT_WRITE)


def steps_of(folder):
    """Steps of an epoch of the quick recipe: windows of each training object, and two of the background for each."""
    rows = split.read(folder / "split.csv")
    known = framed.read_truth(folder / "truth.json")
    objects = sum(len(known[row.hash]) for row in rows if row.part == "train")
    return -(-3 * objects // 32)


def test_another_seed_or_other_boxes_are_another_run(whole, scenes, place, eager):
    eager(1)
    with pytest.raises(KeyboardInterrupt):
        run(scenes, place)
    other = dataclasses.replace(override(boxed_recipe(), QUICK), seed=7)
    with pytest.raises(CvappError, match=r"the interrupted run had seed 0 \(now 7\)") as caught:
        detect.train(other, scenes, place, start=Start.RESUME)
    assert caught.value.code == Exit.USAGE
    change(scenes, "train", lambda rows: rows[1:])
    with pytest.raises(CvappError, match="^the interrupted run had other photos "):
        run(scenes, place, start=Start.RESUME)


def test_every_weight_is_drawn_by_the_recipes_seed(boxed_photos, workspace):
    def weights(seed):
        keras.utils.set_random_seed(seed)
        made, _ = built(boxed_photos)
        return {weight.path: np.asarray(weight) for weight in made.classifier.weights}

    first, same, other = weights(0), weights(0), weights(7)
    for path, values in first.items():
        np.testing.assert_array_equal(values, same[path])
        if path.endswith("kernel"):
            assert not np.array_equal(values, other[path]), path
