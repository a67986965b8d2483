"""No advice without effect: every cure of many runs, pasted, is another run that the recipe and the command line take."""

import dataclasses
import itertools
import shlex

import pytest

from cvapp.cli.parser import build
from cvapp.data.split import Row
from cvapp.data.split_settings import DataSource
from cvapp.evaluation.cures import Cure, fewer_features, larger, longer, more_validation
from cvapp.evaluation.verdict import verdict
from cvapp.recipe import Recipe, override, settings
from cvapp.shipped import load_pipeline
from tests.evaluation.runs import card, history, run

CARDS = {
    "the default": (),
    "drawings": ("model.backbone=mobilenet_v2_drawings", "model.stages=5", "train.patience=100000"),
    "module": ("model.handle=module",),
    "module of the default": ("model.handle=efficientnet_lite0", "train.fine_tune=all"),
    "wide": ("model.backbone=mobilenet_v2", "model.alpha=1.0", "train.fine_tune=blocks:3", "augment.mirror=True"),
    "file": ("model.backbone=mobilenet_v2", "model.weights=mine.weights.h5", "model.head=mlp"),
    "downloaded": ("model.backbone=efficientnet_v2_b0", "model.stages=3", "augment.mixup=0.4", "train.clip_norm=0.5"),
    "largest": ("model.backbone=resnet_50", "train.fine_tune=all", "train.l2=0.01", "train.fine_tune_rate=1"),
    "scratch": ("model.backbone=small_resnet", "train.fine_tune=all", "data.val=0.3", "data.test=0.3"),
    "wide scratch": ("model.backbone=small_resnet", "model.alpha=1.0", "train.learning_rate=1"),
    "transformer": ("model.backbone=vit_small", "train.learning_rate=1e-8", "train.epochs=3"),
}
RIGHT = {"bias": (75, 74), "variance": (100, 85), "both": (80, 60), "unsure": (100, 94), "chance": (52, 50)}
SOURCES = [DataSource("my photos", (), True), DataSource("photos", ("test",), True), DataSource("photos", ("val", "test")), DataSource("photos")]
LOSSES = [0.9, 0.7, 0.5], [9.0, 9.0, 9.0], [0.69, 0.69, 0.69]


def effects(recipe: Recipe, cure: Cure) -> list[bool]:
    """Whether each setting of a cure, and its command, makes another recipe; an error where the recipe or the parser refuses it."""
    before, after = settings(recipe), settings(override(recipe, cure.settings))
    found = [before[path] != after[path] for path, _, _ in (setting.partition("=") for setting in cure.settings)]
    if cure.command:
        args = build().parse_args(shlex.split(cure.command)[1:])
        asked = args.val is not None if args.verb == "data" else settings(override(load_pipeline(args.pipeline), args.set)) != before
        found.append(asked)
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of each kind; where its features are frozen, left-out folds judge them by the same answers."""
    folder = tmp_path_factory.mktemp("runs")
    return {kind: run(folder / kind, {"train": (train, 100), "val": (val, 100)}, sure=0.99) for kind, (train, val) in RIGHT.items()}


@pytest.mark.parametrize("name", CARDS)
def test_every_cure_of_every_kind_of_run_is_another_run(runs, name):
    seen = set()
    crossed = name not in ("scratch", "wide scratch", "transformer")
    for number, ((kind, results), losses, stage) in enumerate(itertools.product(runs.items(), LOSSES, ("head", "fine-tuning"))):
        source, metric = SOURCES[number % len(SOURCES)], {"fine_tune": "little data"} if number % 3 == 0 else {}
        results = dataclasses.replace(results, history=history(losses, stage=stage), source=source, crossed=crossed)
        made = card(results, settings=CARDS[name], **metric)
        for cure in set(verdict(made, results).cures) - seen:
            assert all(effects(made.recipe, cure)), (kind, cure)
            seen.add(cure)
    assert len(seen) >= 8


def test_a_cure_without_effect_is_seen():
    """The control of the test above."""
    recipe = Recipe()
    assert effects(recipe, Cure("", ("train.fine_tune=none",))) == [False]
    assert effects(recipe, Cure("", ("model.head=mlp", "model.dropout=0.2"))) == [True, False]
    assert effects(load_pipeline("fine_tune"), Cure("", command="cvapp train fine_tune --data photos --name x")) == [False]
    with pytest.raises(SystemExit):
        effects(recipe, Cure("", command="cvapp data split photos --share 0.3"))


def texts(cures):
    return [(cure.text, *cure.settings) for cure in cures]


def larger_backbone(runs, *changes):
    cures = larger(card(runs["bias"], settings=changes), history([0.5]))
    return [cure.settings[0].partition("=")[2] for cure in cures if "backbone" in "".join(cure.settings)], " ".join(cure.text for cure in cures)


def test_the_next_backbone_needs_no_network_before_one_that_is_downloaded(runs):
    for name in ("mobilenet_v2_drawings", "mobilenet_v2"):
        found, said = larger_backbone(runs, f"model.backbone={name}")
        assert found == ["efficientnet_lite0"] and "downloaded" not in said
    assert larger_backbone(runs, "model.handle=module")[0] == ["efficientnet_lite0"]
    assert larger_backbone(runs, "model.handle=mobilenet_v2_drawings")[0] == ["efficientnet_lite0"]
    for changes in ((), ("model.handle=efficientnet_lite0",), ("model.backbone=efficientnet_lite2",)):
        found, said = larger_backbone(runs, *changes)
        assert found == ["efficientnet_v2_b0"] and "A larger backbone (its weights are downloaded)" in said
    assert larger_backbone(runs, "model.backbone=efficientnet_v2_b0")[0] == ["resnet_50"]
    assert larger_backbone(runs, "model.backbone=resnet_50")[0] == []


def test_from_scratch_a_wider_network_then_a_pretrained_one(runs):
    made = card(runs["bias"], settings=["model.backbone=small_resnet"])
    assert ("A wider backbone", "model.alpha=1.0") in texts(larger(made, history([0.5])))
    found, said = larger_backbone(runs, "model.backbone=small_resnet", "model.alpha=1.0")
    assert found == ["efficientnet_lite0"] and "A pretrained backbone" in said and "Let the backbone learn" not in said
    assert not override(made.recipe, ["model.backbone=efficientnet_lite0"]).model.from_scratch


def test_fine_tuning_is_not_switched_off_where_there_is_none(runs):
    scratch = card(runs["variance"], settings=["model.backbone=small_resnet", "train.fine_tune=all"])
    assert fewer_features(scratch) == [], "from scratch the whole network learns, whatever fine_tune says"
    assert texts(fewer_features(card(runs["variance"], settings=["train.fine_tune=all"]))) == [
        ("Let the head learn alone", "train.fine_tune=none")
    ]


def test_no_longer_than_the_recipe_takes():
    assert texts(longer(override(Recipe(), ["train.patience=60000"]), history([0.5]))) == [("Train longer", "train.patience=100000")]
    assert longer(override(Recipe(), ["train.patience=100000"]), history([0.5])) == []


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
