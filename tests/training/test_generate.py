"""A generator is trained on photos: it is saved whole with its judge, and a run that was cut off goes on as if nothing had been."""

import csv
import json
import shutil
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest

from cvapp import card as cards
from cvapp import images, load, sampling
from cvapp.cli.trained import trained
from cvapp.data import split
from cvapp.data.photos import store_for
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import few_pictures, film
from cvapp.evaluation.generator import Measured
from cvapp.evaluation.crowds import frechet
from cvapp.evaluation.judging import open_judge
from cvapp.models.classifier import open_model
from cvapp.recipe import Recipe, Train
from cvapp.runs import Start
from cvapp.training import adversarial, generate, run_alarms, state
from cvapp.training.generate_settings import batch_words, check_counts, refuse, settle, settle_batch
from tests.dying import PLAN
from tests.gan import gan_recipe, narrow, untrained


@pytest.fixture
def quick(workspace, monkeypatch):
    """A place to train in, without a judge that learnt anything, the figures and the report."""
    narrow(monkeypatch)
    untrained(monkeypatch)
    measured = Measured({"diversity": 0.2, "real_diversity": 0.2}, "test", None, None, None, None, None)
    monkeypatch.setattr(generate.generator, "measure", lambda *_: measured)
    monkeypatch.setattr(generate.generated_report, "write", lambda *_: None)
    return workspace


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_it_is_saved_whole(generator):
    folder, lines = generator / "saved_models" / "made", (generator / "told.txt").read_text("utf-8").splitlines()
    card = cards.read(folder)
    assert (card.task, card.labels, card.images.size) == ("generate", ("heart", "moon", "tree"), (28, 28))
    assert sorted(card.files) == ["course.csv", "history.csv", "judge.keras", "model.keras", "split.csv"]
    assert [path.name for path in (folder / "tensorboard").iterdir()] == ["events.out.tfevents.cvapp"]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*card.files, "card.json", "report", "tensorboard"])
    assert card.data["photos"] == {"train": 24, "val": 9, "test": 9} and card.metrics["epochs"] == 2
    rows = rows_of(folder / "history.csv")
    best = min(rows, key=lambda row: float(row["frechet"]))
    assert [row["step"] for row in rows] == ["3", "6"] and card.metrics["kept_epoch"] == int(best["epoch"])
    assert card.metrics["kept_frechet"] == pytest.approx(float(best["frechet"]), rel=1e-3)
    notes = rows_of(folder / "course.csv")
    assert [row["step"] for row in notes] == ["1", "2", "3", "4", "5", "6"]
    assert float(rows[1]["d_loss"]) == pytest.approx(np.mean([float(row["d_loss"]) for row in notes[3:]]), abs=1e-5)
    assert "42 photos of 3 classes: 24 train, 9 val, 9 test" in lines
    assert [line.split()[:2] for line in lines if line.startswith("epoch")] == [["epoch", "1/2"], ["epoch", "2/2"]]
    assert not list(generator.glob("saved_models/.made*"))


def test_the_weights_that_are_kept_are_those_of_the_least_distance(generator):
    """The distance of the history, from the files alone; classes are asked for as often as there are photos of them."""
    folder = generator / "saved_models" / "made"
    card, bundle, judge = cards.read(folder), load(folder), open_judge(folder / "judge.keras")
    rows = [row for row in split.read(folder / "split.csv") if row.part == "val"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(generator)
        photos = store_for(card.images).read(row.hash for row in rows)
    grey = np.stack([cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB) for photo in photos])
    wanted = [place for place, count in enumerate((22, 21, 21)) for _ in range(count)]
    samples = bundle.make(np.concatenate([sampling.noise(64, 16, 1), np.eye(3, dtype=np.float32)[wanted]], 1))
    assert frechet(judge.look(grey).features, judge.look(samples).features) == pytest.approx(card.metrics["kept_frechet"], rel=2e-3)
    assert frechet(judge.look(photos).features, judge.look(samples).features) != pytest.approx(card.metrics["kept_frechet"], rel=2e-3)


def test_the_average_is_saved_and_not_what_trains(photos, quick, monkeypatch):
    kept = []
    open_them = adversarial.open_adversaries
    monkeypatch.setattr(generate.adversarial, "open_adversaries", lambda *words: kept.append(open_them(*words)) or kept[0])
    generate.train(gan_recipe("train.epochs=1"), photos, quick / "made")
    saved = open_model(quick / "made" / "model.keras").get_weights()
    for one, other in zip(saved, kept[0].average.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((one != other).any() for one, other in zip(saved, kept[0].generator.get_weights()))
    generate.train(gan_recipe("train.epochs=1", "seed=7"), photos, quick / "other")
    assert (open_model(quick / "other" / "model.keras").get_weights()[0] != saved[0]).any(), "another seed, another generator"


def events(path):
    """(step, tag, figure or picture) of an event file, by TensorFlow's own reader."""
    import tensorflow as tf
    from tensorflow.core.util.event_pb2 import Event

    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        event = Event.FromString(record)
        for value in event.summary.value:
            yield event.step, value.tag, value.image.encoded_image_string or value.simple_value


def test_tensorboard_has_all_notes_epochs_and_grids(generator):
    folder = generator / "saved_models" / "made"
    told = list(events(folder / "tensorboard" / "events.out.tfevents.cvapp"))
    notes, rows = rows_of(folder / "course.csv"), rows_of(folder / "history.csv")
    losses = [(step, value) for step, tag, value in told if tag == "steps/g_loss"]
    assert losses == [(int(row["step"]), pytest.approx(float(row["g_loss"]), abs=1e-5)) for row in notes]
    assert [step for step, tag, _ in told if tag == "epochs/frechet"] == [int(row["step"]) for row in rows]
    grids = {step: images.decode(value, "grid") for step, tag, value in told if tag == "samples"}
    assert list(grids) == [0, 2, 4, 6] and (grids[0] != grids[6]).any()
    assert [step for step, *_ in told] == sorted(step for step, *_ in told)


def learnt(folder):
    """Weights, notes and history."""
    weights = [*open_model(folder / "model.keras").get_weights(), *open_model(folder / "judge.keras").get_weights()]
    return weights, (folder / "course.csv").read_text(), (folder / "history.csv").read_text()


def assert_same(folder, other):
    (weights, *told), (others, *said) = learnt(folder), learnt(other)
    assert told == said
    for one, same in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, same)


VARIED = ("generate.augment=colour,translation", "generate.instance_noise=0.1", "train.schedule=cosine", "augment.mirror=yes")


def test_a_run_that_was_cut_off_goes_on_to_the_same_end(photos, quick, monkeypatch):
    """Cut off in the middle of the second epoch; what was shown after the state is gone when it goes on. Another seed is another run."""

    class Killed(Exception):
        pass

    save, saved, lines = state.Keeper.save, [], []

    def mortal(self, progress, arrays):
        if len(saved) == 4:
            raise Killed
        save(self, progress, arrays)
        saved.append((progress.epoch, progress.step))

    recipe = gan_recipe(*VARIED)
    generate.train(recipe, photos, quick / "whole")
    monkeypatch.setattr(state, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(state, "_SHARE", 1e9)
    monkeypatch.setattr(state.Keeper, "save", mortal)
    with pytest.raises(Killed):
        generate.train(recipe, photos, quick / "cut")
    work = quick / ".cut.work"
    assert saved == [(0, 1), (0, 2), (0, 3), (1, 0)]
    images.write(work / "state-grid-000005.png", np.zeros((8, 8, 3), np.uint8))
    assert sorted(path.name for path in work.glob("state-grid*")) == [f"state-grid-{step:06d}.png" for step in (0, 2, 4, 5)]
    saved.clear()
    monkeypatch.setattr(state.Keeper, "save", save)
    with pytest.raises(CvappError, match="^the interrupted run had seed 0 .now 7.; give what it was started with"):
        generate.train(gan_recipe(*VARIED, "seed=7"), photos, quick / "cut", start=Start.RESUME)
    shutil.copytree(work, quick / ".early.work")
    card = generate.train(recipe, photos, quick / "early", start=Start.FINISH)
    assert card.metrics["finished_early"] == "in epoch 2 of adversarial, 1 epoch ended" and card.metrics["kept_epoch"] == 1
    whole = (quick / "whole" / "history.csv").read_text().splitlines()
    assert (quick / "early" / "history.csv").read_text().splitlines() == whole[:2] and not (quick / ".early.work").exists()
    shown = watched(monkeypatch)
    generate.train(recipe, photos, quick / "cut", lambda text, *_: lines.append(text), start=Start.RESUME)
    assert "going on with epoch 2 of adversarial" in lines
    assert shown == [["state-grid-000000.png", "state-grid-000002.png"]]
    assert_same(quick / "whole", quick / "cut")
    assert not work.exists()


def watched(monkeypatch):
    """The grids that are there when a run starts to be watched."""
    begin, shown = generate.Watch.start, []

    def start(self, *words):
        begin(self, *words)
        shown.append(sorted(path.name for path in self.folder.glob("state-grid*")))

    monkeypatch.setattr(generate.Watch, "start", start)
    return shown


CODE = f"""
from cvapp.training import generate

class Patch:
    setattr = staticmethod(setattr)

from tests.gan import narrow, untrained
narrow(Patch)
untrained(Patch)
generate.generated_report.write = lambda *_: None
{PLAN}"""


def test_a_run_that_dies_by_sigkill_and_by_ctrl_c_ends_in_the_same_weights(photos, workspace, request):
    shutil.copytree(photos, "photos")
    settings = ["images.size=28,28", "data.val=0.2", "data.test=0.2", "train.batch=8", "train.epochs=2"]
    settings += ["generate.latent=16", "generate.preview=2", "generate.judged=64", "generate.conditional=yes"]

    def train(name, *more):
        return ["train", "dcgan", "--data", "photos", "--name", name, *(word for one in settings for word in ("--set", one)), *more]

    plan = [
        (train("whole"), 0, 0),
        (train("killed"), 2, int(signal.SIGKILL)),
        (train("killed", "--resume"), 2, int(signal.SIGINT)),
        (train("killed", "--resume"), 0, 0),
    ]
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(plan)], capture_output=True, text=True, env=environment(request.config.rootpath)
    )
    assert [int(line) for line in done.stdout.split("\n") if line.lstrip("-").isdigit()] == [0, -9, 130, 0], done.stderr
    assert_same(workspace / "saved_models" / "whole", workspace / "saved_models" / "killed")


def environment(root):
    import os

    return {**os.environ, "PYTHONPATH": str(root)}


def standing(monkeypatch, broken=None):
    """Steps that change nothing; one of them, perhaps, answers a loss that is not finite."""
    figures = dict.fromkeys(adversarial.FIGURES, 0.5)

    def make(*_):
        return lambda photos, classes, number: {**figures, **({"g_loss": np.nan} if number == broken else {})}

    monkeypatch.setattr(generate.adversarial, "make_step", make)


def test_a_loss_that_is_not_finite_ends_the_run(photos, quick, monkeypatch):
    standing(monkeypatch, broken=1)
    with pytest.raises(CvappError, match="^a loss or a gradient was not finite in epoch 1, step 2: the weights are broken; lower") as error:
        generate.train(gan_recipe(), photos, quick / "made")
    assert error.value.code == Exit.GATE and not (quick / "made").exists()


def test_after_an_epoch_what_was_best_before_is_kept(photos, quick, monkeypatch):
    standing(monkeypatch, broken=4)
    lines = []
    card = generate.train(gan_recipe(), photos, quick / "made", lambda text, *_: lines.append(text))
    assert card.metrics["epochs"] == 1 and any("not finite in epoch 2, step 5; stopped, the best weights" in line for line in lines)
    with pytest.raises(CvappError, match="not finite in epoch 2"):
        generate.train(gan_recipe(), photos, quick / "strict", strict=True)
    assert not (quick / "strict").exists()


def test_a_strict_run_ends_where_samples_collapse_and_goes_on_without(photos, quick, monkeypatch):
    standing(monkeypatch)
    monkeypatch.setattr("cvapp.training.adversarial_loop.diversity", lambda pictures: 0.001)
    lines = []
    with pytest.raises(CvappError, match="^collapsed: .*nothing is replaced; --resume without --strict goes on$") as error:
        generate.train(gan_recipe("train.epochs=3"), photos, quick / "made", strict=True)
    assert error.value.code == Exit.GATE and not (quick / "made").exists() and (quick / ".made.work" / "state.npz").is_file()
    card = generate.train(gan_recipe("train.epochs=3"), photos, quick / "made", lambda text, *_: lines.append(text), start=Start.RESUME)
    assert card.metrics["alarms"] == {"diversity": 6} and card.metrics["collapsed"].startswith("steps 6 to 9: two samples differ by 0.1%")
    assert "going on with epoch 2 of adversarial" in lines


def test_without_classes_in_folders_one_class_is_learnt(photos, quick, monkeypatch):
    """Named by the folder."""
    standing(monkeypatch)
    (quick / "flat").mkdir()
    for number, path in enumerate(sorted(photos.rglob("*.png"))):
        shutil.copy(path, quick / "flat" / f"{number}.png")
    card = generate.train(gan_recipe("images.size=32,32", "train.epochs=1"), quick / "flat", quick / "made")
    judge = open_judge(quick / "made" / "judge.keras")
    assert card.labels == ("flat",) and (judge.features, judge.classes) == (27, 0)
    with pytest.raises(CvappError, match="^all photos are of one class, 'flat': generate.conditional") as error:
        generate.train(gan_recipe("generate.conditional=yes"), quick / "flat", quick / "made")
    assert error.value.code == Exit.BAD_DATA


def test_the_size_is_settled_by_a_look_at_the_photos(photos, tmp_path):
    lines = []
    recipe = settle(gan_recipe("images.size=none"), photos, lambda text, *_: lines.append(text))
    assert recipe.images.size == (32, 32) and lines == ["the photos are in colour: pictures of 32x32; images.size sets another size"]
    for number, path in enumerate(sorted(photos.rglob("*.png"))):
        images.write(tmp_path / f"{number}.png", images.read(path).mean(2, keepdims=True).astype(np.uint8).repeat(3, 2))
    assert settle(gan_recipe("images.size=none"), tmp_path, lines.append).images.size == (28, 28)
    shutil.copy(path, tmp_path / "coloured.png")
    assert settle(gan_recipe("images.size=none"), tmp_path, lines.append).images.size == (32, 32), "one in colour is enough"
    assert settle(gan_recipe(), photos, lines.append).images.size == (28, 28), "what is asked for stays"


@pytest.mark.parametrize(
    "setting, said",
    [
        ("model.dropout=0.5", "model.dropout means nothing to a generator; leave it out"),
        ("detect.shapes=2", "detect.shapes means nothing"),
        ("transcribe.most=4", "transcribe.most means nothing"),
        ("augment.mixup=0.2", "augment.mixup means nothing"),
        ("train.class_weights=yes", "train.class_weights means nothing to a generator; leave it out (it learns all photos alike)"),
        ("train.fine_tune=auto", "train.fine_tune means nothing"),
        ("train.patience=3", "train.patience means nothing to a generator; leave it out (all epochs run, the best is kept)"),
        ("train.label_smoothing=0.1", "train.label_smoothing means nothing to a generator; leave it out (generate.label_smoothing"),
        ("train.optimiser=sgd", "train.optimiser is 'sgd': a generator and its discriminator learn by Adam; give adam"),
        ("train.weight_decay=0.1", "train.weight_decay is 0.1: a generator's weights are not decayed; give 0"),
    ],
)
def test_what_means_nothing_to_a_generator_is_refused(setting, said):
    with pytest.raises(CvappError) as error:
        refuse(gan_recipe(setting))
    assert str(error.value).startswith(said) and error.value.code == Exit.USAGE


def test_what_it_obeys_is_not_refused():
    refuse(gan_recipe("train.schedule=cosine", "train.warmup=0.1", "train.clip_norm=1", "augment.mirror=yes", "export.calibration=9"))
    with pytest.raises(CvappError, match="train.optimiser is 'adamw'"):
        refuse(Recipe("generate", train=Train()))


class Counted:
    """Photos of two classes by their number in each part."""

    labels = ["a", "b"]

    def __init__(self, **parts):
        self._parts = parts

    def of(self, part):
        return np.arange(self._parts.get(part, 0))


@pytest.mark.parametrize(
    "settings, counts, said",
    [
        (("train.batch=50",), {"train": 40, "val": 9}, "40 training photos, but a step takes 50; give --batch 40 or less, or more photos"),
        (
            ("generate.steps=5",),
            {"train": 39, "val": 9},
            "39 training photos, but a step takes 40 (5 of the discriminator, 8 each); give --batch 7 or less, or more photos",
        ),
        (("generate.steps=50",), {"train": 39, "val": 9}, "39 training photos, but a step takes 400 (50 of the discriminator, 8 each); give more"),
        ((), {"train": 40, "val": 7}, "7 val photos: samples are judged beside at least 8; add photos, or give data.val a larger share"),
        ((), {"train": 40, "val": 9, "test": 3}, "3 test photos: samples are judged beside at least 8; add photos, or give data.test"),
    ],
)  # fmt: skip
def test_too_few_photos_are_refused(settings, counts, said):
    with pytest.raises(CvappError) as error:
        check_counts(gan_recipe(*settings), Counted(**counts))
    assert str(error.value).startswith(said) and error.value.code == Exit.BAD_DATA
    check_counts(gan_recipe(), Counted(train=8, val=8))


@pytest.mark.parametrize(
    "photos, settings, batch, steps",
    [
        (48_000, (), 128, 375),
        (1280, (), 128, 10),
        (1279, (), 64, 19),
        (100, (), 8, 12),
        (40, (), 8, 5),
        (5, (), 5, 1),
        (1280, ("generate.steps=5",), 16, 16),
        (40, ("train.batch=20",), 20, 2),
    ],
)
def test_a_batch_that_is_not_named_leaves_an_epoch_ten_steps_where_it_can(photos, settings, batch, steps):
    recipe = settle_batch(gan_recipe("train.batch=0", *settings), photos)
    assert recipe.train.batch == batch and photos // (batch * recipe.generate.steps) == steps
    words = batch_words(recipe, photos)
    assert words is None if batch == 128 else words.endswith(f"so that an epoch has {steps} step{'' if steps == 1 else 's'}; --batch sets another")


@pytest.mark.parametrize("given", ["train.batch=0", "train.batch=12"])
def test_a_few_photos_get_a_batch_of_their_own_and_a_given_one_is_obeyed(photos, quick, monkeypatch, given):
    standing(monkeypatch)
    lines = []
    card = generate.train(gan_recipe("train.epochs=1", given), photos, quick / "made", lambda text, *_: lines.append(text))
    few = "24 training photos: a batch of 8 instead of 128, so that an epoch has 3 steps; --batch sets another"
    asked = given.endswith("12")
    assert card.recipe.train.batch == (12 if asked else 8) and (few in lines) != asked
    assert [row["step"] for row in rows_of(quick / "made" / "history.csv")] == ["2" if asked else "3"]
    assert any(line.startswith("24 training photos are few: a generator takes a few thousand") for line in lines)
    monkeypatch.setattr("cvapp.cli.trained.beside_photos", lambda figures: "figures")
    said = trained(card, quick / "made", "my photos (1)")
    epochs = 1500 if asked else 1000
    command = f"cvapp train dcgan --data 'my photos (1)' --name made --epochs {epochs} --set generate.augment=translation,colour"
    assert f"3,000 steps instead of {2 if asked else 3} and photos" in said and command in said.splitlines()[-2]


def test_no_advice_where_photos_are_many_or_all_is_done():
    class Made:
        name, metrics = "made", {"epochs": 300}
        recipe, data = gan_recipe("generate.augment=colour"), {"photos": {"train": 80}}

    assert few_pictures.few(80) and few_pictures.advice(Made) == "", "300 epochs of ten steps, and varied: what is left is more photos"
    Made.metrics = {"epochs": 100}
    advice = few_pictures.advice(Made)
    assert "3 (" not in advice and "--epochs 300 --set" in advice and "varied" not in advice
    for kept in ("generate.augment=colour", "images.size=28,28", "train.batch=8", "generate.latent=16", "data.val=0.2"):
        assert f"--set {kept}" in advice, "what the run was given stays"
    assert "train.epochs" not in advice and "train.optimiser" not in advice, "what the pipeline has is not said again"
    Made.data = {"photos": {"train": 2000}}
    assert few_pictures.few(2000) == few_pictures.advice(Made) == ""


def test_each_alarm_is_told_once_when_raised_and_once_when_over(monkeypatch):
    sounding = ["", "diversity", "diversity", "", "oscillation diversity", "", "diversity"]
    monkeypatch.setattr(
        run_alarms.alarms,
        "check",
        lambda notes, *_: [run_alarms.Alarm(name, f"{name}!") for name in sounding[len(notes) - 1].split()],
    )
    lines, notes = [], []
    for step in range(len(sounding)):
        notes.append({"step": step, "real_diversity": 0.3})
        run_alarms.note(gan_recipe(), notes, lines.append)
    assert lines == [
        "alarm: diversity!",
        "the alarm 'diversity' of step 1 is over, at step 3",
        "alarm: oscillation!",
        "the alarm 'oscillation' of step 4 is over, at step 5",
    ]
    assert [row["alarms"] for row in notes] == sounding and run_alarms.raised(notes) == {"diversity": 1, "oscillation": 4}
    assert run_alarms.fatal(gan_recipe(), notes) == "diversity!" and run_alarms.fatal(gan_recipe(), []) == ""


def test_a_film_shows_the_first_and_the_last():
    assert film.chosen(1) == [0] and film.chosen(3) == [0, 1, 2]
    many = film.chosen(1000)
    assert len(many) == film.MOST and many[0] == 0 and many[-1] == 999
