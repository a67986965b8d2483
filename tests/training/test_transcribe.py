"""A transcriber is trained on drawn rows: it reads, is saved whole, and a run that was cut off goes on as if nothing had been."""

import csv
import shutil

import keras
import numpy as np
import pytest

from cvapp import card as cards
from cvapp import load
from cvapp.data import digit_rows, generated
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import transcribed
from cvapp.evaluation.texts import summary
from cvapp.models import transcriber as networks
from cvapp.models.classifier import open_model
from cvapp.runs import Start
from cvapp.training import state, transcribe
from tests.rows import HELD, few, rows_recipe

SHORT = ("train.batch=8", "train.images_per_epoch=24", "transcribe.dropout=0.2")


@pytest.fixture
def saved(transcriber):
    return transcriber / "saved_models" / "rows"


@pytest.fixture
def quick(workspace, monkeypatch):
    """A place to train in, without the test and the report, that take longer than such a training."""
    few(monkeypatch)
    monkeypatch.setattr(transcribe, "judge", lambda *_: ({}, None))
    monkeypatch.setattr(transcribe.text_report, "write", lambda *_: None)
    return workspace


def test_it_is_saved_whole(saved):
    card = cards.read(saved)
    assert (card.name, card.task, "".join(card.labels), card.images.size) == ("rows", "transcribe", "0123456789", (16, 24))
    assert card.data == {"generated": "digits", "photos": {"train": 4800, "val": 48, "test": 96}}
    assert sorted(card.files) == ["history.csv", "model.keras"] and cards.check_file(card, saved, "model.keras")
    assert sorted(path.name for path in (saved / "report").iterdir()) == [
        "curves.png",
        "errors.csv",
        "errors.png",
        "looks.png",
        "report.html",
    ]
    rows = list(csv.DictReader((saved / "history.csv").read_text().splitlines()))
    kept = min(rows, key=lambda row: float(row["val_loss"]))
    assert len(rows) == 2 and card.metrics["val"]["accuracy"] == round(float(kept["val_accuracy"]), 4)
    assert float(rows[0]["loss"]) > float(rows[1]["loss"])


def test_it_reads_and_its_figures_are_those_of_pictures_read_one_by_one(saved, monkeypatch):
    few(monkeypatch)
    bundle, figures = load(saved), cards.read(saved).metrics["test"]
    pictures, truths = generated.held_rows("test", rows_recipe())
    read = [bundle.read(picture) for picture in pictures]
    assert {name: figures[name] for name in summary(truths, truths)} == summary([score.label for score in read], truths)
    assert figures["accuracy"] > 0.25 and figures["by_length"]["1"]["accuracy"] > 0.4, "one of eleven, and of a hundred, by chance"
    right = [score.probability for score, truth in zip(read, truths) if score.label == truth]
    wrong = [score.probability for score, truth in zip(read, truths) if score.label != truth]
    assert np.mean(right) > np.mean(wrong) and 0 < min(wrong) <= max(right) <= 1


def test_validation_counts_texts_that_are_written_greedily_without_a_mistake(saved, monkeypatch):
    few(monkeypatch)
    network = open_model(saved / "model.keras")
    measure = transcribe._measure(rows_recipe(), network)
    loss, accuracy = measure()
    figures = transcribed.judge(network, rows_recipe(), "val")[0]
    assert accuracy == pytest.approx(figures["accuracy"], abs=1e-4) and 0.25 < accuracy < 1
    card = cards.read(saved).metrics["val"]
    assert (round(loss, 4), round(accuracy, 4)) == (card["loss"], card["accuracy"])
    for weight in network.trainable_weights:
        weight.assign(np.random.default_rng(0).permuted(weight.numpy()))
    assert measure()[1] < 0.1, "shuffled weights read nothing"


def test_no_picture_is_learnt_from_twice(quick):
    stage = transcribe._stage(rows_recipe(*SHORT), networks.build(transcribe.design_of(rows_recipe())))
    whole = [batch for epoch in range(2) for batch in stage.batches(epoch, 0)]
    assert stage.steps == 3 and len(whole) == 6
    for number, ((pixels, written), targets, weight) in enumerate(whole):
        drawn = [digit_rows.picture(0, 8 * number + place, (16, 24), 1, 2) for place in range(8)]
        np.testing.assert_array_equal(pixels, np.stack([picture for picture, _ in drawn]))
        tokens, wanted, counted = networks.tokens_of([text for _, text in drawn], digit_rows.DIGITS, 3)
        np.testing.assert_array_equal(written, tokens)
        np.testing.assert_array_equal(targets, np.where(counted > 0, wanted, -1))
        assert weight is None
    for one, other in zip(stage.batches(1, 1), whole[4:], strict=True):
        np.testing.assert_array_equal(one[0][0], other[0][0])


def learnt(place):
    """Weights and history."""
    return open_model(place / "model.keras").get_weights(), (place / "history.csv").read_text()


def test_a_run_that_was_cut_off_goes_on_to_the_same_end(quick, monkeypatch):
    """Killed in the middle of the second epoch; another seed is another run."""

    class Killed(Exception):
        pass

    save, saved = state.Keeper.save, []

    def mortal(self, progress, arrays):
        save(self, progress, arrays)
        saved.append((progress.epoch, progress.step))
        if len(saved) == 5:
            raise Killed

    recipe, lines = rows_recipe(*SHORT), []
    transcribe.train(recipe, quick / "whole")
    monkeypatch.setattr(state, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(state, "_SHARE", 1e9)
    monkeypatch.setattr(state.Keeper, "save", mortal)
    with pytest.raises(Killed):
        transcribe.train(recipe, quick / "cut")
    with pytest.raises(CvappError, match="^the interrupted run had seed 0 .now 7.; give what it was started with") as error:
        transcribe.train(rows_recipe(*SHORT, "seed=7"), quick / "cut", start=Start.RESUME)
    assert error.value.code == Exit.USAGE
    shutil.copytree(quick / ".cut.work", quick / ".early.work")
    card = transcribe.train(recipe, quick / "early", start=Start.FINISH)
    assert card.metrics["finished_early"] == "in epoch 2 of whole, 1 epoch ended" and not (quick / ".early.work").exists()
    assert learnt(quick / "early")[1].splitlines() == learnt(quick / "whole")[1].splitlines()[:2], "the header and the epoch that had ended"
    transcribe.train(recipe, quick / "cut", lambda text, *_: lines.append(text), start=Start.RESUME)
    assert saved[:5] == [(0, 1), (0, 2), (0, 3), (1, 0), (1, 1)] and "going on with epoch 2 of whole" in lines
    (weights, history), (others, told) = learnt(quick / "whole"), learnt(quick / "cut")
    assert history == told
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, other)
    keras.utils.set_random_seed(0)
    start = networks.build(transcribe.design_of(recipe)).get_weights()
    assert any((one != other).any() for one, other in zip(weights, start)), "weights that never change would always be the same"
    assert not (quick / ".cut.work").exists()


@pytest.mark.parametrize(
    "setting",
    [
        "data.test=0.3",
        "model.dropout=0.5",
        "augment.rotation=5",
        "detect.shapes=2",
        "export.calibration=3",
        "train.class_weights=yes",
        "train.fine_tune=auto",
    ],
)
def test_what_means_nothing_to_a_transcriber_is_refused(workspace, setting):
    name = setting.partition("=")[0]
    with pytest.raises(CvappError, match=f"^{name} means nothing to a transcriber; leave it out") as error:
        transcribe.train(rows_recipe(setting), workspace / "rows")
    assert error.value.code == Exit.USAGE and not list(workspace.iterdir())


def test_the_held_pictures_are_few_here_alone():
    assert HELD.keys() == generated.HELD.keys() and generated.HELD["test"][1] == 2000
