"""The verdict: each kind from a run made so, each observation with a run in which it must not be made."""

import dataclasses

import numpy as np
import pytest

from cvapp.evaluation import verdict as module
from cvapp.evaluation.cures import PHOTOS
from cvapp.evaluation.mirroring import Trial
from cvapp.evaluation.session_accuracy import BySession, LeaveOneOut, Session
from cvapp.evaluation.verdict import BIAS, BOTH, GOOD, VARIANCE, least_difference, verdict
from cvapp.recipe import Recipe, override, settings
from tests.evaluation.runs import answers, card, forecast, history, run

LABELS = ("ants", "bees", "wasps")
CALM = {"train": (98, 100), "val": (95, 100)}


def judge(results, labels=("ants", "bees"), changes=(), **metric):
    """The verdict on a run, each of whose cures must be a change that the recipe takes."""
    made = card(results, labels, changes, **metric)
    found = verdict(made, results)
    for cure in found.cures:
        before, after = settings(made.recipe), settings(override(made.recipe, cure.settings))
        names = [setting.partition("=")[0] for setting in cure.settings]
        assert all(before[name] != after[name] for name in names) and len(set(names)) == len(names), cure
    return found


def said(found):
    return " ".join(found.sentences)


def tried(found):
    return " ".join(setting for cure in found.cures for setting in cure.settings)


@pytest.mark.parametrize(
    "right, kind",
    [
        ({"train": (198, 200), "val": (193, 200)}, GOOD),
        ({"train": (182, 200), "val": (176, 200)}, GOOD),
        ({"train": (150, 200), "val": (146, 200)}, BIAS),
        ({"train": (200, 200), "val": (170, 200)}, VARIANCE),
        ({"train": (160, 200), "val": (120, 200)}, BOTH),
    ],
)
def test_the_kind_by_training_and_validation_accuracy(tmp_path, right, kind):
    assert judge(run(tmp_path, right)).kind == kind


def test_a_gap_in_few_photos_is_no_verdict_in_many_it_is(tmp_path):
    """9 of 10 against 900 of 1000, from a training accuracy of 100%."""
    few = judge(run(tmp_path / "few", {"train": (200, 200), "val": (9, 10)}))
    many = judge(run(tmp_path / "many", {"train": (200, 200), "val": (900, 1000)}))
    assert few.kind == GOOD and many.kind == VARIANCE
    assert "gap of 10 points may be chance: 10 validation photos cannot tell" in said(few) and "data.val=0.3" in tried(few)
    assert "between 60% and 98%" in said(few) and "between 88% and 92%" in said(many)
    assert "may be chance" not in said(many) and "data.val" not in tried(many)


def test_the_least_gap_against_a_published_interval():
    """Newcombe 1998 (Statistics in Medicine 17:873), table II, method 10: 56/70 and 48/80 differ by 0.0524 to 0.3339."""
    assert least_difference((56, 70), (48, 80)) == pytest.approx(0.0524, abs=2e-4)


def test_test_photos_have_the_say_where_there_are_any(tmp_path):
    lower = judge(run(tmp_path / "lower", {"train": (200, 200), "val": (198, 200), "test": (170, 200)}))
    assert lower.kind == VARIANCE and "85.0% on 200 test photos" in said(lower)
    higher = judge(run(tmp_path / "higher", {"train": (200, 200), "val": (170, 200), "test": (198, 200)}))
    assert higher.kind == GOOD and "validation photos, which" not in said(higher)
    few = judge(run(tmp_path / "few", {"train": (200, 200), "val": (198, 200), "test": (9, 10)}))
    assert "may be chance: 10 test photos cannot tell" in said(few) and "data.val" not in tried(few)


def test_the_running_training_accuracy_has_no_say(tmp_path):
    """With augmentation the history's training accuracy is low; the finished model on the plain photos counts."""
    assert judge(run(tmp_path, CALM, history=history([0.9, 0.8, 0.7]))).kind == GOOD


def test_cures_of_bias_and_of_variance_point_opposite_ways(tmp_path):
    bias, variance, both = (
        judge(run(tmp_path / name, {"train": (train, 200), "val": (val, 200)}), changes=["train.weight_decay=0.001"])
        for name, train, val in (("bias", 150, 148), ("variance", 200, 170), ("both", 160, 120))
    )
    assert {"train.fine_tune=blocks:2", "model.head=mlp", "model.dropout=0", "train.weight_decay=0"} <= set(tried(bias).split())
    assert "augment" not in tried(bias) and PHOTOS not in bias.cures
    assert {"augment.mirror=auto", "model.dropout=0.5", "train.weight_decay=0.01"} <= set(
        tried(variance).split()
    ) and PHOTOS in variance.cures
    assert "model.head=mlp" not in tried(variance) and "train.patience" not in tried(variance)
    assert {"model.head=mlp", "augment.mirror=auto"} <= set(tried(both).split()) and "dropout" not in tried(both)
    assert judge(run(tmp_path / "good", CALM)).cures == ()


@pytest.mark.parametrize("right", [(150, 148), (200, 170), (160, 120)], ids=["bias", "variance", "both"])
@pytest.mark.parametrize(
    "changes",
    [
        ["model.backbone=mobilenet_v2", "model.alpha=0.5", "model.head=mlp", "train.fine_tune=blocks:3", "augment.mirror=True"],
        ["model.backbone=efficientnet_v2_b0", "model.stages=3", "augment.mixup=0.4", "model.dropout=0.6", "train.label_smoothing=0.2"],
        ["model.backbone=resnet_50", "model.stages=5", "train.fine_tune=all", "train.l2=0.01", "model.dropout=0", "train.weight_decay=0"],
        ["model.backbone=small_resnet", "model.weights=none", "model.stochastic_depth=0.2", "data.val=0.3", "data.test=0.3"],
    ],
    ids=lambda changes: changes[0],
)
def test_every_cure_is_a_change_that_the_recipe_takes(tmp_path, right, changes):
    """`judge` holds the cures to it."""
    results = run(tmp_path, {"train": (right[0], 200), "val": (right[1], 200)})
    assert judge(results, changes=changes).cures


def test_against_variance_the_last_enlargement_is_taken_back_first(tmp_path):
    results = run(tmp_path, {"train": (200, 200), "val": (170, 200)}, sure=0.85)
    changes = ["model.backbone=resnet_50", "model.stages=2", "model.head=mlp", "train.fine_tune=all"]
    for setting in ("train.fine_tune=none", "model.head=linear", "model.stages=1", "model.backbone=efficientnet_lite0"):
        assert judge(results, changes=changes).cures[-1].settings == (setting,)
        changes.append(setting)
    assert "regularisation" in judge(results, changes=changes).cures[-1].text, "nothing is left to take back"


def test_a_backbone_is_let_learn_by_name_since_auto_would_decline_where_photos_are_few(tmp_path):
    results = run(tmp_path, {"train": (150, 200), "val": (148, 200)})
    assert "train.fine_tune=blocks:2" in tried(judge(results))
    assert "train.fine_tune=all" in tried(judge(results, changes=["model.handle=module"])), "the blocks of a module are unknown"
    declined = tried(judge(results, fine_tune="little data: a head alone"))
    assert "train.fine_tune=blocks:2" in declined and "model.stages" not in declined, "auto chooses the stages itself"


def test_longer_means_the_epochs_of_the_last_stage_where_they_ran_out(tmp_path):
    right = {"train": (150, 200), "val": (148, 200)}
    early = judge(run(tmp_path / "early", right))
    out = judge(run(tmp_path / "out", right), changes=["train.epochs=3"])
    tuned = run(tmp_path / "tuned", right, history=history([0.6]) + history([0.5, 0.4], stage="fine-tuning", first=2))
    assert "Train longer" not in str(early.cures) and "train.epochs=6" in tried(out)
    assert "train.fine_tune_epochs=4" in tried(judge(tuned, changes=["train.fine_tune=all", "train.fine_tune_epochs=2"]))


@pytest.mark.parametrize("losses", [[0.7, np.nan], [0.7, 0.9, 2.0], [50.0, 40.0], [np.inf]])
def test_a_loss_that_explodes(tmp_path, losses):
    found = judge(run(tmp_path, {"train": (50, 100), "val": (50, 100)}, history=history(losses)))
    assert "exploded" in said(found) and "did not fall" not in said(found)
    assert found.cures[0].settings == ("train.learning_rate=0.0003", "train.clip_norm=1")


@pytest.mark.parametrize("losses", [[0.7, 0.6, 0.5], [3.0, 0.9, 0.3], [0.7]])
def test_a_loss_that_falls_has_not_exploded(tmp_path, losses):
    assert "loss" not in said(judge(run(tmp_path, CALM, history=history(losses))))


@pytest.mark.parametrize("photos, uncertain", [(20, True), (99, True), (100, False)])
def test_what_few_validation_photos_chose_is_uncertain(tmp_path, photos, uncertain):
    found = judge(run(tmp_path, {"train": (98, 100), "val": (photos - 1, photos)}))
    assert (f"are uncertain: they rest on {photos} validation photos" in said(found)) == uncertain
    assert "data.val=0.3" in tried(found) or not uncertain


@pytest.mark.parametrize("harmful, mirrored, told", [(True, True, True), (True, False, False), (False, True, False)])
def test_pictures_mirrored_against_the_evidence(tmp_path, harmful, mirrored, told):
    trial = Trial(128, 128, 70, 58, 0, harmful, ("left", "right") if harmful else ())
    found = judge(run(tmp_path, CALM), changes=[f"augment.mirror={mirrored}"], mirror=trial.figures)
    assert ("augment.mirror=False" in tried(found)) == told == ("58 lost, 0 won" in said(found))


def test_a_loss_that_does_not_fall(tmp_path):
    stuck, chance = history([0.70, 0.69, 0.69, 0.69]), {"train": (52, 100), "val": (50, 100)}
    found = judge(run(tmp_path / "stuck", chance, history=stuck), changes=["model.backbone=small_resnet", "model.weights=none"])
    assert "did not fall" in said(found) and {"train.learning_rate=0.03", "model.initialiser=he"} <= set(tried(found).split())
    assert "did not fall" not in said(judge(run(tmp_path / "learned", CALM, history=stuck))), "the first epoch had learned all"
    assert "did not fall" not in said(judge(run(tmp_path / "falls", chance, history=history([0.7, 0.6, 0.5]))))
    assert "initialiser" not in tried(judge(run(tmp_path / "frozen", chance, history=stuck)))


def test_a_validation_loss_still_falling_at_the_end(tmp_path):
    falling = run(tmp_path, CALM, history=history([0.9, 0.7, 0.5, 0.4]))
    assert "still falling" in said(judge(falling, changes=["train.epochs=4"])) and "train.epochs=8" in tried(
        judge(falling, changes=["train.epochs=4"])
    )
    assert "still falling" not in said(judge(falling)), "it was stopped before its 100 epochs"
    flat = dataclasses.replace(falling, history=history([0.9, 0.5, 0.41, 0.408]))
    assert "still falling" not in said(judge(flat, changes=["train.epochs=4"]))


def small_class(tmp_path, large, found, weight=(90, 10)):
    """Ants beside few bees; `found` of the 20 bees held out are answered right, all ants are."""
    results = run(tmp_path, {"train": (sum(weight), sum(weight)), "val": (large + 20, large + 20)})
    labels = ["ants"] * weight[0] + ["bees"] * weight[1] + ["ants"] * large + ["bees"] * 20
    rows = [row._replace(label=label, path=f"{index}") for index, (row, label) in enumerate(zip(results.rows, labels))]
    truth = np.array([label == "bees" for label in labels]).astype(int)
    right = np.ones(len(rows), bool)
    right[len(rows) - 20 + found :] = False
    probabilities = np.where((truth == right)[:, None], [0.04, 0.96], [0.96, 0.04])
    return dataclasses.replace(results, rows=rows, probabilities=probabilities, judged=probabilities)


def test_a_small_class_that_suffers(tmp_path):
    suffers = judge(small_class(tmp_path / "1", 200, 8))
    assert "“bees” (10 photos, 40% found)" in said(suffers) and "train.class_weights=True" in tried(suffers)
    assert "Small classes" not in said(judge(small_class(tmp_path / "2", 200, 20))), "small, but found"
    assert "Small classes" not in said(judge(small_class(tmp_path / "3", 200, 8, (50, 50)))), "badly found, but not small"
    weighted = judge(small_class(tmp_path / "4", 200, 8), changes=["train.class_weights=True"])
    assert "Small classes" in said(weighted) and "class_weights" not in tried(weighted)


def test_the_most_confused_pair(tmp_path):
    """Every mistake of `run` is the next class; of 20 on test photos about a third is each pair's."""
    results = run(tmp_path / "3", {"train": (99, 99), "val": (99, 99), "test": (79, 99)}, LABELS, sure=0.85)
    assert "“ants” and “wasps” are most often taken for each other: 7 of 20 mistakes on test photos" in said(judge(results, LABELS))
    assert "most often" not in said(judge(run(tmp_path / "0", {"train": (99, 99), "val": (97, 99)}, LABELS), LABELS)), "two may be chance"
    assert "most often" not in said(judge(run(tmp_path / "2", {"train": (99, 99), "val": (79, 99)}))), "two classes are always the pair"


@pytest.mark.parametrize("sure, how", [(0.99, "more sure than right"), (0.6, "less sure than right"), (0.82, ""), (0.8, "")])
def test_probabilities_that_mislead(tmp_path, sure, how):
    found = judge(run(tmp_path, {"train": (160, 200), "val": (160, 200)}, sure=sure))
    assert how in said(found) and ("mislead" in said(found)) == bool(how)
    assert ("train.label_smoothing=0.1" in tried(found)) == (sure == 0.99)


def test_few_photos_cannot_show_that_probabilities_mislead(tmp_path):
    assert "mislead" not in said(judge(run(tmp_path, {"train": (200, 200), "val": (8, 10)}, sure=0.93)))


def test_more_photos_that_are_worth_it(tmp_path):
    made = forecast(0.91, 0.94, [(0.99, 0.99), (0.75, 0.84)])
    found = judge(run(tmp_path / "1", CALM, forecast=made))
    assert "Twice the training photos (240 more) are likely to bring the accuracy from 91% to between 93% and 95%." in said(found)
    assert PHOTOS in found.cures
    tuned = judge(run(tmp_path / "2", CALM, forecast=made), changes=["train.fine_tune=all"])
    assert "bring the accuracy of a probe on the frozen features from 91%" in said(tuned)
    unsure = judge(run(tmp_path / "3", CALM, forecast=forecast(0.91, 0.92, [(0.9, 0.91), (0.9, 0.91)])))
    assert "from 91% to about 92% (91 to 93%)" in said(unsure), "an interval that reaches below what there is now"


def test_the_class_that_gains_most_is_named_among_three(tmp_path):
    parts = {"train": (99, 99), "val": (96, 99)}
    one = forecast(0.91, 0.94, [(0.99, 0.99), (0.75, 0.84), (0.99, 0.99)])
    assert "between 93% and 95%; most of it in “bees”." in said(judge(run(tmp_path / "1", parts, LABELS, forecast=one), LABELS))
    even = forecast(0.91, 0.94, [(0.9, 0.93)] * 3)
    assert "most of it" not in said(judge(run(tmp_path / "2", parts, LABELS, forecast=even), LABELS))


@pytest.mark.parametrize("now", [1.0, 0.9])
def test_more_photos_that_promise_little(tmp_path, now):
    found = judge(run(tmp_path, CALM, forecast=forecast(now, now, [(now, now)] * 2)))
    assert f"promise little: with twice as many, the accuracy is likely to stay near {100 * now:.0f}%." in said(found)
    assert PHOTOS not in found.cures


def test_a_forecast_that_failed_its_check_gives_no_number(tmp_path):
    found = judge(run(tmp_path, CALM, forecast=forecast(0.91, 0.94, [(0.9, 0.95)] * 2, passed=False)))
    (sentence,) = [one for one in found.sentences if "more photos" in one]
    assert not any(letter.isdigit() for letter in sentence) and PHOTOS not in found.cures
    none = judge(run(tmp_path / "none", CALM, learning=[(50, 1.0, 0.8), (200, 1.0, 0.9)]))
    assert "photos of the same kind" not in said(none) and "Twice" not in said(none)


def unseen(found, mixed, drop):
    """A leave-one-session-out of 8 sessions."""
    return LeaveOneOut(BySession(found, 8, (found - 0.1, found + 0.1), (Session("kitchen", 0.5, 10),)), 100, 0, mixed, drop)


def test_new_sessions_that_are_harder(tmp_path):
    found = judge(run(tmp_path / "1", CALM, leave_one_out=unseen(0.71, 0.9, (0.1, 0.28))))
    assert "71% right where whole sessions are left out, 90% where other photos of the same session are in training" in said(found)
    assert "Photos from more sessions: other days, places and light" in [cure.text for cure in found.cures]
    assert "harder" not in said(judge(run(tmp_path / "2", CALM, leave_one_out=unseen(0.85, 0.9, (-0.01, 0.11))))), "it may be chance"
    assert "harder" not in said(judge(run(tmp_path / "3", CALM, leave_one_out=unseen(0.895, 0.9, (0.001, 0.009))))), "it is little"


def test_classes_of_a_single_session_are_named(tmp_path):
    results = run(tmp_path, CALM)
    names = {"ants": ["yard"], "bees": ["hive", "garden"]}
    rows = [row._replace(group=names[row.label][index // 2 % len(names[row.label])]) for index, row in enumerate(results.rows)]
    found = judge(dataclasses.replace(results, rows=rows))
    assert "“ants” has a single session: its held-out accuracy flatters." in said(found)
    assert "Photos of “ants” from another session" in [cure.text for cure in found.cures]
    both = [row._replace(group=row.label) for row in results.rows]
    assert "“ants”, “bees” have a single session each" in said(judge(dataclasses.replace(results, rows=both)))
    assert "single session" not in said(judge(results)), "sessions are not known"


def doubted(tmp_path, wrong, sure, crossed=True):
    """A run of 200 photos in which judges contradict the labels of `wrong` training photos, so surely."""
    results = run(tmp_path, {"train": (160, 160), "val": (40, 40)}, sure=0.95)
    judged = results.judged.copy()
    judged[:wrong] = answers(np.arange(wrong) % 2, 0, 2, sure)
    return dataclasses.replace(results, judged=judged, crossed=crossed)


def test_labels_that_may_be_wrong(tmp_path):
    found = judge(doubted(tmp_path / "1", 20, 0.97))
    assert "20 of 200 photos are firmly taken for another class" in said(found) and "errors.png" in found.cures[0].text
    assert "firmly" not in said(judge(doubted(tmp_path / "2", 4, 0.97))), "a few are usual"
    assert "firmly" not in said(judge(doubted(tmp_path / "3", 20, 0.55))), "they are hard, not wrong"
    assert "firmly" not in said(judge(doubted(tmp_path / "4", 20, 0.97, crossed=False))), "the model itself is no judge of what it learned"
    assert "firmly" not in said(judge(doubted(tmp_path / "5", 100, 0.97))), "judges that are mostly wrong are no judges"


def test_a_calm_run_has_figures_and_a_judgement_only(tmp_path):
    found = judge(run(tmp_path, CALM, sure=0.95))
    assert found.sentences == (
        "98.0% right on 100 training photos, 95.0% on 100 validation photos, which puts the true figure between 89% and 98%.",
        module.JUDGEMENTS[GOOD],
    )


def test_the_default_recipe_is_what_the_cures_start_from():
    assert Recipe().train.patience == 12 and Recipe().train.learning_rate == 3e-3 and Recipe().train.epochs == 100
