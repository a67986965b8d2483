"""The whole way on real photos and a real video: train, export, predict, camera, each by its command."""

import json
import subprocess
import sys
import time

import pytest

from cvapp.camera.finishing import count_frames

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def bees(tmp_path_factory):
    """A folder in which ants and bees were trained on the real hub module; the command's answer and seconds."""
    from tests.conftest import SHARED

    if not SHARED.is_dir():
        pytest.skip("the shared real data is not beside this checkout")
    home = tmp_path_factory.mktemp("bees")
    start = time.monotonic()
    handle = SHARED / "hub" / "mobilenet_v2_035_224_feature_vector"
    answer = cvapp(home, "train", "hub_classifier", "--data", SHARED / "hymenoptera-256", "--name", "bees", "--set", f"model.handle={handle}")
    return home, answer, time.monotonic() - start


def cvapp(home, *words):
    """What a command answers with --json."""
    done = subprocess.run([sys.executable, "-m", "cvapp", *map(str, words), "--json"], cwd=home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_head_on_real_features_reaches_088_in_90_seconds(bees):
    _, answer, seconds = bees
    assert answer["metrics"]["val"]["photos"] == 153 and answer["metrics"]["val"]["accuracy"] >= 0.88
    assert seconds < 90


def test_it_is_exported_predicts_and_runs_on_a_video(bees, shared_data):
    home, _, _ = bees
    made = cvapp(home, "export", "bees", "--set", "export.variants=float32,int8")
    assert made["chosen"] == "float32" and made["variants"]["float32"]["published"] and "accuracy" in made["variants"]["int8"]
    found = cvapp(home, "predict", "bees", shared_data / "hymenoptera-256" / "val" / "bees")
    named = [rows[0]["label"] for rows in found["photos"].values()]
    assert len(named) == 83 and named.count("bees") / 83 >= 0.88
    done = cvapp(home, "camera", "bees", "--source", shared_data / "video" / "cockatoo.mp4", "--save", "out.mp4", "--no-show")
    assert done["frames"] == 280 == count_frames(home / "out.mp4")


def test_keras_and_litert_agree_on_the_real_photos(bees):
    home, _, _ = bees
    keras, lite = (cvapp(home, "evaluate", "bees", "--variant", variant) for variant in ("keras", "float32"))
    assert keras["accuracy"] == lite["accuracy"] and keras["split"] == "val"
    assert keras["loss"] == pytest.approx(lite["loss"], abs=1e-3)
