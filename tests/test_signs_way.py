"""The demo's way in small: drawn signs, the shipped backbone, the exported file, a video with its truth."""

import pytest

from cvapp import load
from cvapp.camera import live
from cvapp.cli import main
from cvapp.data import signs as drawing


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which signs were drawn, trained and exported by their commands."""
    home = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert main(["data", "signs", "--out", "signs", "--count", "60", "--seed", "3", "--video", "scene.mp4"]) == 0
        assert main(["train", "--data", "signs"]) == 0
        assert main(["export", "signs", "--set", "export.variants=float32,int8"]) == 0
    return home


def test_held_out_signs_are_named(trained):
    from cvapp import card as cards

    card = cards.read(trained / "saved_models" / "signs")
    assert card.metrics["test"]["photos"] == 144 and card.metrics["test"]["accuracy"] >= 0.9
    assert card.metrics["test"]["calibration_error"] < 0.1
    assert "pretrain_backbone" in card.weights["source"] and card.weights["licence"] == "Apache-2.0"


def test_whole_signs_in_the_video_are_named(trained):
    bundle, truth = load(trained / "saved_models" / "signs"), drawing.read_truth(trained / "scene.truth.csv")
    answers = []
    done = live.run(trained / "scene.mp4", bundle.classify, each=lambda answered: answers.append(answered.answer[0][0]))
    assert done.frames == len(truth) == 300
    whole = [answer == label for answer, (label, seen) in zip(answers, truth) if seen]
    assert len(whole) > 150 and sum(whole) / len(whole) >= 0.9
