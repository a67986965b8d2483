"""The loop: figures that are means over photos, the best epoch kept, and a run that goes on where it was stopped, wherever that was."""

import os
import signal

import keras
import numpy as np
import pytest

from cvapp.errors import CvappError, Exit
from cvapp.progress import silent
from cvapp.recipe import Train
from cvapp.runs import Start
from cvapp.training import loop, optimise
from cvapp.training.loop import Stage, calibrated
from cvapp.training.state import Keeper, Progress

TRUTH = np.zeros(10, int)
INPUTS = np.random.default_rng(8).normal(size=(10, 4)).astype(np.float32)
TARGETS = np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1, 0, 0, 1, 1, 1]]


@pytest.fixture(autouse=True, scope="module")
def _likelihood_alone():
    """Without the prior on the temperature, for which ten photos are few, a validation loss is one that can be worked out by hand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.metrics, "PRIOR", np.inf)
        yield


def answers(right: int, sure: float = 1.0) -> np.ndarray:
    """Logits (10, 2) of which so many are right."""
    logits = np.zeros((10, 2))
    logits[np.arange(10), (np.arange(10) >= right).astype(int)] = sure
    return logits


def entropy(right: int) -> float:
    """What so many right answers of 10 cost, well calibrated."""
    share = right / 10
    return -share * np.log(share) - (1 - share) * np.log(1 - share)


def a_stage(
    script=(), epochs=4, patience=50, name="head", tuned=False, seed=0, spoil=(), interrupt=None, settings=Train(), dropout=0.5, rate=0.05
):
    """A stage of 3 batches (4, 4 and 2 of 10 photos) whose validation answers are scripted: so many of 10 are right.

    `seen` collects the weights at every validation. `spoil` names the (epoch, step) whose input is not finite, `interrupt` the
    (epoch, step) at which Ctrl-C is pressed; a step of "check" is the validation.
    """
    keras.utils.set_random_seed(seed)
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(dropout), keras.layers.Dense(2, name="logits")])
    optimise.prepare(network, settings, rate, epochs, 3)
    seen, script, state = [], list(script), {"epoch": 0}

    def press(place):
        if place == interrupt:
            os.kill(os.getpid(), signal.SIGINT)

    def batches(epoch, first):
        state["epoch"] = epoch
        order = np.random.default_rng((5, epoch)).permutation(10)
        for step in range(first, 3):
            chosen = order[4 * step : 4 * step + 4]
            press((epoch, step))
            yield INPUTS[chosen] + (np.inf if (epoch, step) in spoil else 0), TARGETS[chosen], None

    def check():
        press((state["epoch"], "check"))
        seen.append([np.asarray(weight) for weight in network.weights])
        if not script:
            return np.asarray(network(INPUTS, training=False))
        place = len(seen) - 1
        return answers(script[place]) if not isinstance(script[place], np.ndarray) else script[place]

    truth = TRUTH if script else TARGETS.argmax(1)
    return Stage(name, network, batches, 3, epochs, patience, calibrated(check, truth), tuned), seen


def run(stage: Stage, progress=None, keeper=None, report=silent) -> Progress:
    progress = progress or Progress()
    loop.run(stage, progress, keeper or Keeper(None, {}), report)
    return progress


def same(one, other) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def cross_entropies(network) -> tuple[np.ndarray, np.ndarray]:
    """Of every photo: its loss, and whether it is answered right."""
    logits = np.asarray(network(INPUTS, training=False))
    return -(TARGETS * (logits - np.log(np.exp(logits).sum(1, keepdims=True)))).sum(1), logits.argmax(1) == TARGETS.argmax(1)


def test_an_epochs_figures_are_means_over_its_photos():
    """The network stands still. The last batch has 2 photos, so a mean over batches would be another."""
    stage, _ = a_stage([5, 5], epochs=2, dropout=0.0, rate=1e-8)
    rows = run(stage).rows
    one, right = cross_entropies(stage.network)
    for epoch, row in enumerate(rows):
        assert row["loss"] == pytest.approx(one.mean(), abs=1e-6) and row["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
        order = np.random.default_rng((5, epoch)).permutation(10)
        batch_means = np.mean([one[order[start : start + 4]].mean() for start in (0, 4, 8)])
        assert abs(batch_means - row["loss"]) > 1e-3


def test_an_epochs_loss_leaves_the_penalty_out():
    stage, _ = a_stage([5], epochs=1, dropout=0.0, rate=1e-8, settings=Train(l2=1.0))
    (row,) = run(stage).rows
    one, _ = cross_entropies(stage.network)
    penalty = float((np.asarray(stage.network.get_layer("logits").kernel) ** 2).sum())
    assert row["loss"] == pytest.approx(one.mean(), abs=1e-5) and penalty > 0.5


def test_a_row_tells_the_stage_the_epoch_and_the_rate():
    plan = Train(schedule="step", decay=0.5, decay_epochs=1)
    progress = run(a_stage([6, 7], 2, settings=plan)[0])
    run(a_stage([6, 8], 1, name="fine-tuning", settings=plan, tuned=True)[0], progress)
    assert [(row["stage"], row["epoch"]) for row in progress.rows] == [("head", 1), ("head", 2), ("fine-tuning", 3)]
    np.testing.assert_allclose([row["learning_rate"] for row in progress.rows], [0.025, 0.0125, 0.025], rtol=1e-6)
    assert [row["val_accuracy"] for row in progress.rows] == [0.6, 0.7, 0.8]
    assert list(progress.rows[0]) == ["stage", "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]


@pytest.mark.parametrize("sure", [1.0, 4.0])
def test_the_validation_loss_is_that_after_calibration(sure):
    """8 right of 10 cost the entropy of 0.8, however sure of itself the network is; uncalibrated, 4.0 would cost 0.82."""
    stage, _ = a_stage([answers(8, sure)], 1)
    assert run(stage).rows[0]["val_loss"] == pytest.approx(entropy(8), abs=1e-6) == pytest.approx(0.5004, abs=1e-4)


def test_the_best_epoch_is_kept():
    stage, seen = a_stage([6, 8, 7, 7])
    progress = run(stage)
    assert len(seen) == 4 and progress.kept == 1 and progress.least == pytest.approx(entropy(8), abs=1e-6)
    assert same(stage.network.weights, seen[1]) and not same(seen[1], seen[3])


@pytest.mark.parametrize(
    "script, patience, epochs",
    [
        ([6, 8, 7, 7, 7, 7, 7, 7], 3, 5),
        ([6, 8, 7, 7, 9, 7, 7, 7, 7], 3, 8),
        ([6, 6, 6, 6], 1, 2),
        ([5, 6, 7, 8, 9], 1, 5),
        ([9, 8, 8, 8], 2, 3),
    ],
)
def test_patience_is_the_epochs_without_a_better_one(script, patience, epochs):
    """As Keras' EarlyStopping counts."""
    stage, seen = a_stage(script, len(script), patience)
    assert len(run(stage).rows) == epochs
    wait, best, expected = 0, 0, 0
    for right in script:
        expected += 1
        wait, best = (0, right) if right > best else (wait + 1, best)
        if wait >= patience:
            break
    assert epochs == expected


def test_what_is_tuned_worse_goes_back_to_where_it_began():
    stage, seen = a_stage([8, 7, 7, 6, 7], tuned=True)
    progress = run(stage)
    assert len(progress.rows) == 4 and progress.kept == -1
    assert same(stage.network.weights, seen[0]) and not same(seen[0], seen[1])
    stage, seen = a_stage([8, 7, 7, 6, 7], epochs=4)
    assert run(stage).kept == 0 and same(stage.network.weights, seen[0]), "untuned, the first epoch is the first that counts"


def test_what_is_tuned_better_is_kept():
    stage, seen = a_stage([6, 5, 7, 6, 6], tuned=True)
    assert run(stage).kept == 1 and same(stage.network.weights, seen[2])


def test_patience_counts_from_the_start_of_what_is_tuned():
    stage, _ = a_stage([8, 7, 7, 7, 7], tuned=True, patience=2)
    assert len(run(stage).rows) == 2


def test_a_loss_that_is_not_finite_keeps_the_best_and_says_so():
    lines = []
    stage, seen = a_stage([6, 8, 7, 9], spoil={(3, 1)})
    progress = run(stage, report=lambda text, *_: lines.append(text))
    assert len(progress.rows) == 3 and same(stage.network.weights, seen[1])
    assert lines[-2] == (
        "the loss was not finite in epoch 4 of head: the rate is too high or the start is bad; stopped, the best weights before it are kept; "
        "lower train.learning_rate (0.05 at that step), or clip with train.clip_norm=1"
    )
    assert lines[-1] == "kept epoch 2 of 3: validation accuracy 0.800, loss 0.500"


@pytest.mark.parametrize("step", [0, 2])
def test_a_loss_that_is_not_finite_before_any_epoch_has_ended_is_exit_5(step):
    with pytest.raises(CvappError, match="the loss was not finite in epoch 1 of head: .*; lower train.learning_rate") as error:
        run(a_stage([6, 8], 2, spoil={(0, step)})[0])
    assert error.value.code == Exit.GATE


def test_tuning_that_fails_at_once_leaves_what_there_was():
    lines = []
    stage, seen = a_stage([8, 9], 2, spoil={(0, 1)}, tuned=True, name="fine-tuning")
    assert run(stage, report=lambda text, *_: lines.append(text)).rows == []
    assert same(stage.network.weights, seen[0]) and "lower train.fine_tune_rate" in lines[-1]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_answers_that_are_not_finite_end_it_too(value):
    """The last step of an epoch can spoil the weights after a loss that was finite."""
    broken = np.full((10, 2), value)
    with pytest.raises(CvappError, match="not finite in epoch 1 of head") as error:
        run(a_stage([broken, broken], 2)[0])
    assert error.value.code == Exit.GATE
    lines = []
    stage, seen = a_stage([8, broken, 9], 3)
    assert len(run(stage, report=lambda text, *_: lines.append(text)).rows) == 1
    assert same(stage.network.weights, seen[0]) and "not finite in epoch 2" in lines[-2]


class Killed(Exception):
    """The process is gone."""


class Mortal(Keeper):
    """Saves at every chance, and dies at the one that is asked for."""

    def __init__(self, folder, last=None, start=Start.NEW, seed=0):
        super().__init__(folder, {"seed": seed}, start)
        self.left = last

    def due(self):
        return True

    def save(self, progress, arrays):
        super().save(progress, arrays)
        self.left = None if self.left is None else self.left - 1
        if self.left == 0:
            raise Killed


def two_stages(keeper, **options) -> tuple[list, list[np.ndarray]]:
    """A head, then the fine-tuning of the same network with another optimiser; rows and weights."""
    progress = Progress()
    first, _ = a_stage(epochs=2, **options)
    run(first, progress, keeper)
    second, _ = a_stage(epochs=2, name="fine-tuning", tuned=True, settings=Train(optimiser="momentum", schedule="cosine"))
    second.network.set_weights(first.network.get_weights())
    run(second, progress, keeper)
    return progress.rows, [np.asarray(weight) for weight in second.network.weights]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[list, list[np.ndarray]]:
    """Rows and weights of a run that nothing happens to."""
    return two_stages(Mortal(tmp_path_factory.mktemp("whole")))


@pytest.mark.parametrize("kills", [(1,), (4,), (9,), (16,), (3, 4, 5)], ids=str)
def test_a_run_killed_anywhere_goes_on_to_the_same_end(kills, undisturbed, tmp_path):
    """2 stages of 2 epochs of 3 steps and a validation: 16 moments. Adam's moments, schedules, dropout's seeds, running figures count."""
    for place, last in enumerate(kills):
        with pytest.raises(Killed):
            two_stages(Mortal(tmp_path, last, Start.RESUME if place else Start.NEW))
    rows, weights = two_stages(Mortal(tmp_path, start=Start.RESUME))
    assert len(rows) == 4 and rows == undisturbed[0] and same(weights, undisturbed[1])


@pytest.mark.parametrize("forgotten", ["seed_generator_state", "momentum", "iteration"])
def test_a_state_that_lacks_a_part_leads_elsewhere(forgotten, undisturbed, tmp_path, monkeypatch):
    with pytest.raises(Killed):
        two_stages(Mortal(tmp_path, 5))
    restore = loop._restore

    def forget(variables, arrays):
        restore(*zip(*((one, array) for one, array in zip(variables, arrays, strict=True) if forgotten not in one.path)))

    monkeypatch.setattr(loop, "_restore", forget)
    rows, weights = two_stages(Mortal(tmp_path, start=Start.RESUME))
    assert rows != undisturbed[0] and not same(weights, undisturbed[1])


@pytest.mark.parametrize("moment", [(0, 0), (1, 1), (1, 2), (1, "check"), (2, 2), (2, "check")], ids=str)
def test_ctrl_c_saves_the_state_and_says_how_to_go_on(moment, tmp_path):
    """In the middle of an epoch, at its last step, and while it is measured; in the last epoch, too."""
    before = signal.getsignal(signal.SIGINT)
    whole, _ = a_stage(epochs=3)
    rows = run(whole).rows
    stage, _ = a_stage(epochs=3, interrupt=moment)
    with pytest.raises(KeyboardInterrupt, match="--resume goes on, with --finish makes a model"):
        run(stage, keeper=Keeper(tmp_path, {}))
    assert signal.getsignal(signal.SIGINT) is before
    lines = []
    keeper = Keeper(tmp_path, {}, start=Start.RESUME)
    assert keeper.resumed is not None, "nothing was saved"
    kept = keeper.resumed[0]
    assert (kept.epoch, kept.step) == ((moment[0] + 1, 0) if moment[1] in (2, "check") else (moment[0], 1 + moment[1]))
    stage, _ = a_stage(epochs=3)
    assert run(stage, keeper=keeper, report=lambda text, *_: lines.append(text)).rows == rows
    assert same(stage.network.weights, whole.network.weights)


def test_a_stage_that_was_finished_is_passed_over(tmp_path):
    with pytest.raises(Killed):
        two_stages(Mortal(tmp_path, 10))
    keeper = Mortal(tmp_path, start=Start.RESUME)
    stage, seen = a_stage(epochs=2)
    before = [np.asarray(weight) for weight in stage.network.weights]
    progress = run(stage, keeper=keeper)
    assert seen == [] and progress.rows == [] and same(stage.network.weights, before)
    assert keeper.resumed is not None and keeper.resumed[0].stage == "fine-tuning"


@pytest.mark.parametrize("moment, rows", [(4, 1), (6, 1), (7, 1), (8, 2), (10, 2), (13, 3), (16, 4)])
def test_finishing_leaves_the_best_weights_so_far_and_trains_no_further(moment, rows, undisturbed, tmp_path):
    """After some of 16 savings, 4 an epoch, the last at its end: the best of the epochs that had ended, of this stage or of those before."""
    with pytest.raises(Killed):
        two_stages(Mortal(tmp_path, moment))
    kept, arrays = Mortal(tmp_path, start=Start.RESUME).resumed
    keeper = Mortal(tmp_path, start=Start.FINISH)
    found, weights = two_stages(keeper)
    assert found == undisturbed[0][:rows] and len(found) == rows and keeper.done and keeper.left is None
    assert same(weights, arrays[-len(weights) :]), "the best so far is what the state holds at its end"
    assert keeper.figures()["finished_early"].endswith(f"{rows} epoch{'s' if rows > 1 else ''} ended")
    if rows == 4:
        assert same(weights, undisturbed[1])
    else:
        assert not same(weights, undisturbed[1]), "training on would have led elsewhere"
    assert Mortal(tmp_path, start=Start.RESUME).resumed[0] == kept, "finishing leaves the state until the model is saved"


@pytest.mark.parametrize("moment", [1, 3])
def test_before_an_epoch_has_ended_there_is_nothing_to_finish(moment, tmp_path):
    with pytest.raises(Killed):
        two_stages(Mortal(tmp_path, moment))
    with pytest.raises(CvappError, match="^--finish: no epoch of the interrupted run has ended, so none is the best; --resume goes on") as error:
        Mortal(tmp_path, start=Start.FINISH)
    assert error.value.code == Exit.USAGE


def test_a_loss_that_is_not_finite_leaves_no_state_that_would_only_fail_again(tmp_path):
    with pytest.raises(CvappError, match="not finite in epoch 1"):
        run(a_stage(spoil=[(0, 2)])[0], keeper=Mortal(tmp_path))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_that_end_a_run_keep_its_state_too(number, tmp_path, monkeypatch):
    monkeypatch.setattr(signal, "SIGINT", number)  # that `a_stage` sends
    test_ctrl_c_saves_the_state_and_says_how_to_go_on((1, 1), tmp_path)


def test_a_state_that_cannot_be_saved_at_ctrl_c_is_not_called_kept():
    class Full(Keeper):
        def save(self, progress, arrays):
            raise CvappError("state.npz: cannot write (No space left on device)", Exit.CANNOT_WRITE)

    with pytest.raises((CvappError, KeyboardInterrupt), match="No space left") as error:
        run(a_stage(epochs=3, interrupt=(1, 1))[0], keeper=Full(None, {}))
    assert error.value.code == Exit.CANNOT_WRITE
