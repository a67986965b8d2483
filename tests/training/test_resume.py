"""A run that dies by SIGKILL, again and again, ends in the same weights and the same history as one that nothing happens to."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cvapp import card as cards
from cvapp.errors import Exit
from cvapp.models import classifier
from cvapp.runs import STOPPED
from tests.dying import PLAN

# Reports are left out, they take longer than such a training.
CODE = f"""
from cvapp.training import classify

classify.reports.write = lambda *_: None
{PLAN}"""
VARIED = ["augment.mirror=yes", "augment.rotation=15", "augment.zoom=0.2", "augment.noise=0.02", "augment.mixup=0.3", "augment.cutmix=1"]
COMMON = ["images.size=32,32", "train.batch=8", "model.dropout=0.3", "model.stochastic_depth=0.3", "train.schedule=cosine", *VARIED]
SCRATCH = [*COMMON, "model.backbone=small_resnet", "model.weights=none", "model.alpha=0.2", "train.epochs=3"]
TUNED = [
    *COMMON,
    "model.backbone=mobilenet_v2_drawings",
    "train.fine_tune=blocks:2",
    "train.epochs=2",
    "train.fine_tune_epochs=2",
    "train.class_weights=yes",
]


def train(settings: list[str], name: str, *more: str) -> list[str]:
    """The command, of which `cvapp` is left out."""
    return ["train", "--data", "photos", "--name", name, *(word for one in settings for word in ("--set", one)), *more]


def run(*plan: tuple[list[str], int, int]) -> tuple[list[int], str]:
    """Run commands after one another, each dying by a signal after so many savings (0 for never); exit codes and what was said."""
    done = subprocess.run([sys.executable, "-c", CODE, json.dumps(plan)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split("\n") if line.lstrip("-").isdigit()], done.stderr


def learnt(name: str) -> tuple[list[np.ndarray], str, dict]:
    """Weights, history and figures of a saved model."""
    folder = Path("saved_models") / name
    figures = {**cards.read(folder).metrics, "train_seconds": 0}
    return classifier.open_model(folder / "model.keras").get_weights(), (folder / "history.csv").read_text(), figures


def assert_same(name: str, other: str) -> None:
    (weights, history, figures), (others, told, measured) = learnt(name), learnt(other)
    assert history == told and figures == measured
    for one, same in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, same)


@pytest.fixture
def home(workspace, photos):
    """Photos of three classes, 24 to train on: three steps an epoch."""
    shutil.copytree(photos, workspace / "photos")
    return workspace


KILL, INTERRUPT = int(signal.SIGKILL), int(signal.SIGINT)


def test_a_network_from_scratch_is_killed_three_times(home):
    """After the first step; in the middle of the second epoch; right after its end. Another seed is another run, and is refused."""
    codes, said = run(
        (train(SCRATCH, "whole"), 0, KILL),
        (train(SCRATCH, "killed"), 1, KILL),
        (train(SCRATCH, "killed", "--resume", "--seed", "7"), 0, KILL),
        (train(SCRATCH, "killed", "--resume"), 5, KILL),
        (train(SCRATCH, "killed", "--resume"), 2, KILL),
        (train(SCRATCH, "killed", "--resume"), 0, KILL),
        (train(SCRATCH, "other", "--seed", "7"), 0, KILL),
    )
    assert codes == [0, -KILL, Exit.USAGE, -KILL, -KILL, 0, 0]
    assert "the interrupted run had seed 0 (now 7); give what it was started with; --restart discards it and trains anew" in said
    assert [line for line in said.splitlines() if line.startswith("going on")] == [
        "going on with epoch 1 of whole", "going on with epoch 2 of whole", "going on with epoch 3 of whole",
    ]  # fmt: skip
    assert_same("whole", "killed")
    assert learnt("whole")[1].count("whole,") == 3
    assert not np.array_equal(learnt("whole")[0][0], learnt("other")[0][0]), "weights that never change would always be the same"
    assert sorted(path.name for path in Path("saved_models").iterdir() if not path.name.startswith(".cache")) == [
        "killed",
        "other",
        "whole",
    ]


def test_a_tuned_backbone_is_interrupted_and_killed_twice(home):
    """By Ctrl-C in the head's stage; in the middle of a fine-tuning epoch; right after its end."""
    codes, said = run(
        (train(TUNED, "whole"), 0, KILL),
        (train(TUNED, "killed"), 2, INTERRUPT),
        (train(TUNED, "killed", "--resume"), 7, KILL),
        (train(TUNED, "killed", "--resume"), 2, KILL),
        (train(TUNED, "killed", "--resume"), 0, KILL),
    )
    assert codes == [0, Exit.INTERRUPTED, -KILL, -KILL, 0]
    assert f"cvapp: interrupted; {STOPPED}\n" in said
    assert [line for line in said.splitlines() if line.startswith("going on")] == [
        "going on with epoch 2 of head", "going on with epoch 1 of fine-tuning", "going on with epoch 2 of fine-tuning",
    ]  # fmt: skip
    assert_same("whole", "killed")
    history = learnt("whole")[1]
    assert history.count("head,") == history.count("fine-tuning,") == 2
