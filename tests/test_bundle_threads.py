"""One bundle asked from four threads: every answer is that of its own picture, on LiteRT and on Keras, whatever the model does."""

import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from cvapp import bundle as bundles
from cvapp import progress, tflite
from cvapp.bundle import Bundle, open_lite
from cvapp.images import Images
from cvapp.loading import KERAS, load
from cvapp.tflite import open_tflite
from cvapp.windows import Scan, Windows
from tests.tiny_attention import brightness, save_looking
from tests.tiny_generator import save_exported
from tests.tiny_tflite import BIAS, LABELS, WEIGHTS, remade, save_model, softmax_of_pixels
from tests.windows.drawn import detector_card

THREADS, CALLS = 4, 1000
PICTURES = list(np.random.default_rng(5).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8))
PIXELS = detector_card(Scan(Windows((4, 4), (4, 4)), ((1.0, 1.0),), 0, 1.0, refined=False), Images((8, 8)), LABELS)


def storm(ask, given, calls=CALLS):
    """Ask from four threads at once, each so many times: what was raised, and how many answers were not what one thread gets."""
    wanted, raised, wrong = [ask(one) for one in given], [], []
    assert len({str(one) for one in wanted}) > 0.8 * len(wanted), "answers that are alike prove nothing"

    def work(seed):
        for number in np.random.default_rng(seed).integers(len(given), size=calls).tolist():
            try:
                if not np.array_equal(ask(given[number]), wanted[number]):
                    wrong.append(number)
            except Exception as error:
                raised.append(error)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    return raised, wrong


def classes(bundle):
    return lambda picture: [score.probability for score in bundle.classify(picture)]


def boxes(bundle):
    return lambda picture: np.c_[(found := bundle.detect(picture, 200.0)).xyxy, found.scores, found.classes]


def samples(bundle):
    return lambda seed: bundle.sample(1, seed)


def cast_alone():
    """A file that answers its pixels as float32: each 8x8 canvas is a map of scores, for a detector whose cells lie apart."""

    def change(model):
        graph = model.subgraphs[0]
        graph.operators, graph.outputs = graph.operators[:1], [1]

    return remade(change)


def lite_detector(folder):
    (folder / "x.tflite").write_bytes(cast_alone())
    return Bundle(PIXELS, open_tflite(folder / "x.tflite"), "float32")


ON_LITERT = {
    "classify": (lambda folder: classes(open_lite(save_model(folder / "a"))), PICTURES),
    "attend": (lambda folder: open_lite(save_looking(folder / "a")).attend, PICTURES),
    "detect": (lambda folder: boxes(lite_detector(folder)), PICTURES),
    "sample": (lambda folder: samples(open_lite(save_exported(folder / "a"))), range(40)),
}


@pytest.mark.parametrize("kind", ON_LITERT)
def test_litert_answers_each_thread_its_own(tmp_path, kind):
    made, given = ON_LITERT[kind]
    assert storm(made(tmp_path), given, 250 if kind == "detect" else CALLS) == ([], [])


def test_the_control_without_the_lock_calls_fail(tmp_path, monkeypatch):
    monkeypatch.setattr(tflite, "threading", SimpleNamespace(Lock=contextlib.nullcontext))
    made, given = ON_LITERT["classify"]
    raised, wrong = storm(made(tmp_path), given, 200)
    assert raised or wrong, "the storm is one"


def keras_bundle(card):
    """A classifier in Keras that computes what the tiny .tflite does, with a second network that answers where it looks."""
    import keras

    from cvapp.models.classifier import predict_function

    pixels = keras.Input((8, 8, 3))
    dense = keras.layers.Dense(len(LABELS), "softmax")
    model = keras.Model(pixels, dense(keras.layers.Flatten()(pixels)))
    dense.set_weights([WEIGHTS.T, BIAS])
    looks = keras.Model(pixels, keras.ops.mean(pixels, -1))
    return Bundle(card, predict_function(model), KERAS, predict_function(looks))


@pytest.mark.parametrize("kind", ["classify", "attend"])
def test_keras_answers_each_thread_its_own_from_its_first_call_on(tmp_path, kind):
    bundle = keras_bundle(open_lite(save_model(tmp_path / "a")).card)
    pictures = np.stack(PICTURES)
    expected = softmax_of_pixels(pictures) if kind == "classify" else brightness(pictures)
    ask = (lambda picture: bundle.predict(picture[None])[0]) if kind == "classify" else bundle.attend
    with ThreadPoolExecutor(THREADS) as pool:  # which of them traces the network is a race
        np.testing.assert_allclose(list(pool.map(ask, PICTURES)), expected, rtol=1e-4)
    assert storm(ask, PICTURES, 250) == ([], [])


def test_a_companion_that_four_threads_ask_first_is_opened_once_and_errors_are_still_seen(tmp_path, monkeypatch, capfd):
    opened, honest = [], bundles.open_tflite
    monkeypatch.setattr(bundles, "open_tflite", lambda path, threads: opened.append(path.name) or honest(path, threads))
    bundle = open_lite(save_looking(tmp_path / "a"))
    with ThreadPoolExecutor(THREADS) as pool:
        assert len(list(pool.map(bundle.attend, PICTURES))) == len(PICTURES)
    assert opened == ["float32.tflite", "attention.tflite"]


def test_hushing_in_several_threads_leaves_standard_error_as_it_was(capfd):
    def hush(_):
        with progress.hushed(), progress.hushed():
            time.sleep(1e-4)
            os.write(2, b"chatter")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(hush, range(40)))
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classify", "detect", "sample", "read"])
def test_a_trained_model_answers_each_thread_its_own_on_keras(request, kind):
    fixture, name, ask, size = {
        "classify": ("exported", "mine", classes, (32, 32)),
        "detect": ("detector", "boxes", lambda bundle: lambda picture: bundle.predict(bundle.fit(picture)[None])[0], (96, 128)),
        "sample": ("generator", "made", samples, None),
        "read": ("transcriber", "rows", lambda bundle: lambda picture: bundle.predict(bundle.fit(picture)[None])[0], (16, 24)),
    }[kind]
    bundle = load(request.getfixturevalue(fixture) / "saved_models" / name, KERAS)
    given = list(range(20)) if size is None else list(np.random.default_rng(6).integers(0, 256, (20, *size, 3), dtype=np.uint8))
    assert storm(ask(bundle), given) == ([], [])
