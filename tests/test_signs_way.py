"""The demo's way in small: drawn signs, the shipped backbone, the exported file, a video with its truth."""

from cvapp import load
from cvapp.camera import live
from cvapp.data import signs as drawing


def test_held_out_signs_are_named(signs_home):
    from cvapp import card as cards

    card = cards.read(signs_home / "saved_models" / "signs")
    assert card.metrics["test"]["photos"] == 144 and card.metrics["test"]["accuracy"] >= 0.9
    assert card.metrics["test"]["calibration_error"] < 0.1
    assert "pretrain_backbone" in card.weights["source"] and card.weights["licence"] == "Apache-2.0"


def test_whole_signs_in_the_video_are_named(signs_home):
    bundle, truth = load(signs_home / "saved_models" / "signs"), drawing.read_truth(signs_home / "scene.truth.csv")
    answers = []
    done = live.run(signs_home / "scene.mp4", bundle.classify, each=lambda answered: answers.append(answered.answer[0][0]))
    assert done.frames == len(truth) == 300
    whole = [answer == label for answer, (label, seen) in zip(answers, truth) if seen]
    assert len(whole) > 150 and sum(whole) / len(whole) >= 0.9
