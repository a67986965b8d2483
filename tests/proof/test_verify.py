"""What an export is, is checked: every byte of its files, what they say of themselves, and their answers; nothing mangled crashes or lies."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cvapp import card as cards
from cvapp.errors import CvappError, Exit
from cvapp.files import sha256
from cvapp.loading import load
from cvapp.proof import apart, golden
from cvapp.proof.verify import verify
from cvapp.tflite import open_tflite
from tests.tiny_tflite import BIAS, LABELS, SIZE, WEIGHTS, change_export, publish, remade, save_model, softmax_of_pixels, with_metadata

TFLITE, PICTURE = "lite/float32.tflite", np.random.default_rng(5).integers(0, 256, (30, 40, 3)).astype(np.uint8)
HASHED = {"labels.txt", golden.FILE}


@pytest.fixture
def model(tmp_path):
    return save_model(tmp_path / "saved_models" / "tiny")


@pytest.fixture
def here(monkeypatch):
    """Let LiteRT work in this process, which is quicker, where no file is mangled."""
    monkeypatch.setattr(apart, "answers", lambda path, pixels: open_tflite(path)(golden.read(pixels)[0]))


def refused(folder: Path, code: Exit = Exit.GATE) -> str:
    """The one line that checking leads to where there is nothing to replay."""
    with pytest.raises(CvappError) as error:
        verify(folder)
    assert error.value.code == code and "\n" not in str(error.value)
    return str(error.value)


def correct_hashes(folder: Path) -> None:
    """Put the hashes of the files as they are now into `export.json`."""

    def change(values):
        values["card"] = sha256(folder / cards.FILE)
        values["files"] = {name: sha256(folder / "lite" / name) for name in HASHED}

    change_export(folder, change)


def change_card(folder: Path, **changes: object) -> None:
    """Change the card, and correct the hashes."""
    cards.write(dataclasses.replace(cards.read(folder), **changes), folder)
    correct_hashes(folder)


def biased(*bias: float) -> bytes:
    """The model with another bias."""
    data = np.frombuffer(np.array(bias, np.float32).tobytes(), np.uint8)
    return remade(lambda model: setattr(model.buffers[2], "data", data))


def test_an_export_as_it_was_made_has_no_reasons(model):
    found = verify(model)
    assert (found["name"], found["photos"], found["reasons"]) == ("tiny", 4, [])
    assert list(found["variants"]) == ["float32"], "int8 was not published"
    assert 0 <= found["variants"]["float32"]["largest_difference"] < 1e-6 and found["variants"]["float32"]["reasons"] == []


def test_every_step_is_told(model):
    told = []
    verify(model, lambda text, done, total: told.append((text, done, total)))
    assert told == [("replaying the golden photos", 0, 1), ("replaying the golden photos", 1, 1)]


def test_what_was_handed_over_without_the_keras_model_is_whole(model):
    (model / "model.keras").unlink()
    assert verify(model)["reasons"] == []


def test_a_name_nobody_saved_and_a_model_that_was_not_exported_are_wrong_uses(model):
    assert "no saved model at " in refused(model.with_name("nobody"), Exit.USAGE)
    shutil.rmtree(model / "lite")
    assert refused(model, Exit.USAGE) == f"{model} was not exported, so there is nothing to verify; run cvapp export tiny"


# file, what stands there, what stands there then (as long), what is said
ALTERED = {
    "card.json": (b'"threshold": 0.0', b'"threshold": 0.5', "card.json: altered since the model was exported"),
    "model.keras": (b"Keras", b"keras", "model.keras: altered since it was saved"),
    "lite/labels.txt": (b"bee", b"bed", "labels.txt: its labels are not the card's"),
    "lite/golden.npz": (b"\0\0!\0", b"\0\0\x22\0", "golden.npz: altered since it was saved"),  # a date in the archive
    TFLITE: (b"t", b"u", "lite/float32.tflite: altered since it was exported"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_one_altered_byte_is_said_with_the_files_name(model, name):
    before, after, text = ALTERED[name]
    path = model / name
    assert before in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(before, after, 1))
    try:
        (reason,) = verify(model)["reasons"]
    except CvappError as error:
        assert error.code == Exit.GATE
        reason = str(error)
    assert text in reason and "\n" not in reason


def test_any_altered_byte_is_noticed(model, monkeypatch):
    """Of every file that a hash stands for, each 7th byte. The replay is left out: it is the hashes that must see this."""
    answers = golden.read(model / "lite" / golden.FILE)[1]["float32"]
    monkeypatch.setattr(apart, "answers", lambda path, pixels: answers)
    assert verify(model)["reasons"] == [], "the control"
    for name in ALTERED:
        path = model / name
        good = path.read_bytes()
        for place in range(0, len(good), 7):
            path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
            try:
                found = verify(model)["reasons"]
            except CvappError as error:
                found = [str(error)] if error.code == Exit.GATE else []
            assert len(found) == 1 and path.name in found[0], (name, place)
        path.write_bytes(good)


HASHES = [("model",), ("card",), ("files", "labels.txt"), ("files", golden.FILE), ("variants", "float32", "sha256")]


@pytest.mark.parametrize("where", HASHES, ids=".".join)
def test_an_altered_hash_is_noticed(model, where):
    def change(values):
        *way, last = where
        for name in way:
            values = values[name]
        values[last] = ("1" if values[last][0] == "0" else "0") + values[last][1:]

    change_export(model, change)
    try:
        (reason,) = verify(model)["reasons"]
    except CvappError as error:
        assert error.code == Exit.GATE
        reason = str(error)
    assert "altered" in reason or "another model.keras" in reason


@pytest.mark.parametrize("name", ["labels.txt", golden.FILE])
def test_a_hash_for_a_file_that_is_missing_is_noticed(model, name):
    (model / "lite" / name).unlink()
    assert name in refused(model)


def test_any_file_that_the_export_names_must_be_there(model, here):
    change_export(model, lambda values: values["files"].update({"notice.txt": "0" * 64}))
    assert verify(model)["reasons"] == [f"{model}/lite/notice.txt: missing"]


def test_a_missing_variant_is_noticed(model):
    (model / TFLITE).unlink()
    assert verify(model)["reasons"] == ["lite/float32.tflite: missing"]


def test_line_ends_in_the_labels_are_no_other_labels_yet_other_bytes(model, here):
    path = model / "lite/labels.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert verify(model)["reasons"] == [f"{path}: altered since it was saved"]


FOREIGN = {
    "name": ({"name": "other"}, "say name 'other', the card 'tiny'"),
    "labels": ({"labels": ("bee", "Käfer", "wasp")}, "say labels ('bee', 'Käfer', 'wasp'), the card ('bee', 'Käfer', 'ant')"),
    "order": ({"labels": ("ant", "Käfer", "bee")}, "say labels ('ant', 'Käfer', 'bee'), the card"),
    "threshold": ({"threshold": 0.25}, "say threshold 0.25, the card 0.0"),
    "mean": ({"mean": 127.5}, "say mean 127.5, the card 0.0"),
    "deviation": ({"deviation": 255.0}, "say deviation 255.0, the card 1.0"),
    "colours": ({"color_space": "GRAYSCALE"}, "say colour space 'GRAYSCALE', the card 'RGB'"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_with_corrected_hashes_altered_metadata_are_said_by_name(model, here, what):
    others, text = FOREIGN[what]
    publish(model, with_metadata(**{"name": "tiny", **others}))
    (reason,) = verify(model)["reasons"]
    assert reason.startswith("lite/float32.tflite: its metadata ") and text in reason


def test_a_threshold_that_float32_rounds_is_the_same(model, here):
    change_card(model, threshold=0.7)
    publish(model, with_metadata("tiny", threshold=0.7))
    assert verify(model)["reasons"] == []


def test_with_corrected_hashes_an_altered_card_disagrees_with_the_file(model, here):
    publish(model, with_metadata("tiny", threshold=0.25))
    change_card(model, threshold=0.5, name="other")
    assert [reason.partition("metadata say ")[2] for reason in verify(model)["reasons"]] == [
        "name 'tiny', the card 'other'",
        "threshold 0.25, the card 0.5",
    ]


def test_a_file_without_metadata_is_said(model):
    publish(model, remade(lambda made: None))
    assert verify(model)["reasons"] == [
        "lite/float32.tflite: float32.tflite: its metadata cannot be read (it has none); export the model again"
    ]


def test_with_corrected_hashes_altered_weights_are_caught_by_the_golden_photos(model):
    publish(model, with_metadata("tiny", biased(BIAS[0], BIAS[1], BIAS[2] + 0.1)))
    found = verify(model)
    pixels = golden.read(model / "lite" / golden.FILE)[0]
    powers = softmax_of_pixels(pixels) * np.exp([0, 0, 0.1])
    off = np.abs(powers / powers.sum(1, keepdims=True) - softmax_of_pixels(pixels)).max()
    assert found["reasons"] == [f"lite/float32.tflite: a probability differs from the golden sample's by {off:.4f} (at most 0.0010)"]
    assert found["variants"]["float32"]["largest_difference"] == pytest.approx(off, abs=1e-6)

    publish(model, with_metadata("tiny", biased(BIAS[0], BIAS[1], BIAS[2] + 0.001)))
    assert verify(model)["reasons"] == [], "less than the tolerance, as on another processor"


def test_a_model_that_says_the_best_for_the_worst_is_caught_twice(model):
    publish(
        model, with_metadata("tiny", remade(lambda made: setattr(made.buffers[1], "data", np.frombuffer((-WEIGHTS).tobytes(), np.uint8))))
    )
    difference, first = verify(model)["reasons"]
    assert "a probability differs" in difference and "the first answer to " in first and first.endswith(" of 4 golden photos is another")


def test_answers_that_are_no_numbers_are_caught(model):
    publish(model, with_metadata("tiny", biased(np.nan, 0, 0)))
    found = verify(model)
    assert found["reasons"] == ["lite/float32.tflite: answers (4, 3) for golden answers of (4, 3), or numbers that are none"]
    json.loads(json.dumps(found, allow_nan=False))


@pytest.mark.parametrize(
    "variant, off, fine", [("float32", 0.0009, True), ("float32", 0.0012, False), ("int8", 0.0075, True), ("int8", 0.009, False)]
)
def test_float_is_held_to_a_thousandth_and_int8_to_two_steps(model, here, variant, off, fine):
    data = (model / TFLITE).read_bytes()
    (model / f"lite/{variant}.tflite").write_bytes(data)
    change_export(model, lambda values: values["variants"].update({variant: {"published": True, "sha256": sha256(model / TFLITE)}}))
    pixels, answers = golden.read(model / "lite" / golden.FILE)
    golden.write(model / "lite" / golden.FILE, pixels, {**answers, variant: answers["float32"] + np.array([off, -off, 0])})
    correct_hashes(model)
    found = verify(model)
    assert (found["variants"][variant]["reasons"] == []) is fine
    assert found["variants"][variant]["largest_difference"] == pytest.approx(off, abs=1e-6)


def test_golden_samples_without_answers_of_a_variant_are_said(model):
    pixels, answers = golden.read(model / "lite" / golden.FILE)
    golden.write(model / "lite" / golden.FILE, pixels, {"keras": answers["keras"]})
    correct_hashes(model)
    assert verify(model)["reasons"] == ["lite/float32.tflite: golden.npz holds no answers of it"]


def test_a_crash_of_the_interpreter_is_a_reason(model, tmp_path, monkeypatch):
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nkill -SEGV $$\n")
    script.chmod(0o755)
    monkeypatch.setattr(apart.sys, "executable", str(script))
    (reason,) = verify(model)["reasons"]
    assert reason.endswith("float32.tflite: LiteRT ended without an answer (code -11); export the model again")


# ---- mangled files


def mangled(good: bytes, rng: np.random.Generator) -> bytes:
    """The bytes with a bit turned, a run of odd ones, a stretch of zeros or an odd number in them, or cut off; anywhere, or at the ends."""
    size = len(good)
    low, high = [(0, size), (0, min(size, 700)), (max(0, size - 700), size)][rng.integers(3)]
    place, length = int(rng.integers(low, high)), int(rng.choice([1, 4, 16, 100, 400]))
    data = bytearray(good)
    kind = rng.integers(5)
    if kind == 0:
        data[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        data[place : place + length] = rng.bytes(min(length, size - place))
    elif kind == 2:
        data[place : place + length] = bytes(min(length, size - place))
    elif kind == 3:
        data[place : place + 4] = int(rng.choice([1, 255, 2**31 - 1, 2**32 - 1, size])).to_bytes(4, "little")
    else:
        del data[place:]
    return bytes(data) if data != good else mangled(good, rng)


def odd_cards(good: bytes) -> list[bytes]:
    """The card without each of its parts, and with each of some other kind; and texts that are no card."""
    values = json.loads(good)
    odd = [None, -1, 10**400, float("nan"), float("inf"), "", "x\0\n", [], [[1]], {"a": {}}, ["a", "a"], [1, 2, 3], True]
    made = [{key: value for key, value in values.items() if key != name} for name in values]
    made += [{**values, name: kind} for name in values for kind in odd if values[name] != kind]
    made += [
        {**values, "extra": 1},
        {**values, "images": {**values["images"], "size": [8]}},
        {**values, "recipe": {"train": {"epochs": "x"}}},
    ]
    texts = [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        good.replace(b"bee", b"\xff\xfe"),
        good.decode().encode("utf-16"),
    ]
    return [json.dumps(value).encode() for value in made] + texts + [good.replace(b'"threshold": 0.0', b'"threshold": ' + b"9" * 5000)]


def one_line(error: CvappError, *codes: Exit) -> bool:
    """Whether an error is one short line of these codes."""
    return error.code in codes and "\n" not in str(error) and 0 < len(str(error)) < 20_000


def test_200_mangled_files_in_one_process_are_each_a_line(model):
    """100 .tflite and 100 cards, hashes not corrected: loading refuses each, and so does checking."""
    rng = np.random.default_rng(11)
    assert load(model).classify(PICTURE)[0].label in LABELS and verify(model)["reasons"] == [], "the control"
    card, tflite = (model / cards.FILE).read_bytes(), (model / TFLITE).read_bytes()
    odd = odd_cards(card)
    cases = [(model / TFLITE, tflite, mangled(tflite, rng)) for _ in range(100)]
    cases += [(model / cards.FILE, card, data) for data in [*odd, *(mangled(card, rng) for _ in range(60))]]
    assert len(cases) >= 200
    for path, good, bad in cases:
        path.write_bytes(bad)
        with pytest.raises(CvappError) as error:
            load(model).classify(PICTURE)
        assert one_line(error.value, Exit.BAD_DATA), error.value
        if path.name == cards.FILE:
            assert refused(model)
        else:
            assert verify(model)["reasons"] == ["lite/float32.tflite: altered since it was exported"]
        path.write_bytes(good)
    assert load(model).classify(PICTURE)[0].label in LABELS and verify(model)["reasons"] == [], "the control, after all of them"


def test_odd_cards_with_corrected_hashes_are_a_line_or_change_no_answer(model):
    """A card is read without LiteRT, so this process is safe. What is accepted has the same labels and predicts the same."""
    whole = load(model).predict(PICTURE[None, :8, :8])
    good, accepted = (model / cards.FILE).read_bytes(), 0
    rng = np.random.default_rng(12)
    for bad in [*odd_cards(good), *(mangled(good, rng) for _ in range(150))]:
        (model / cards.FILE).write_bytes(bad)
        correct_hashes(model)
        try:
            bundle = load(model)
        except CvappError as error:
            assert one_line(error, Exit.BAD_DATA), error
            continue
        assert bundle.card.labels == LABELS and 0 <= bundle.card.threshold <= 1
        np.testing.assert_array_equal(bundle.predict(PICTURE[None, :8, :8]), whole)
        accepted += 1
    assert 0 < accepted < 150, "a date or a version may be anything"


def checked(folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """`cvapp verify` in a process of its own."""
    words = [sys.executable, "-m", "cvapp", "verify", folder.name]
    home = folder.parents[1]
    return subprocess.run(words, cwd=home, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)


def test_20_mangled_files_with_corrected_hashes_in_processes_of_their_own_are_each_a_line(tmp_path):
    """An answer may come out of a file in which nothing of account was hit; then it is the answer that NumPy computes."""
    rng, folders = np.random.default_rng(14), []
    for number in range(20):
        folder = save_model(tmp_path / "saved_models" / f"mangled{number}")
        if number < 16:
            publish(folder, mangled((folder / TFLITE).read_bytes(), rng))
        else:
            (folder / cards.FILE).write_bytes(mangled((folder / cards.FILE).read_bytes(), rng))
            correct_hashes(folder)
        folders.append(folder)
    pictures = rng.integers(0, 256, (6, *SIZE, 3), dtype=np.uint8)
    np.savez(tmp_path / "others.npz", pixels=pictures)
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(checked, folders))
    for folder, done in zip(folders, ended):
        assert "Traceback" not in done.stderr and "a bug" not in done.stderr, done.stderr
        lines = [line for line in done.stderr.splitlines() if line.startswith("cvapp: ")]
        if done.returncode == Exit.DONE:
            assert lines == []
            np.testing.assert_allclose(apart.answers(folder / TFLITE, tmp_path / "others.npz"), softmax_of_pixels(pictures), atol=2e-3)
        else:
            assert done.returncode == Exit.GATE and len(lines) == 1 and done.stdout == "", done.stderr
    assert sum(done.returncode == Exit.GATE for done in ended) >= 12, "most of what was hit matters"


def test_the_same_without_mangling_is_exit_0_where_tensorflow_cannot_be_imported(model, tmp_path):
    """A package of its name that cannot be imported stands before it, for the process that LiteRT works in too."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    for name in ("tensorflow", "keras", "tensorflow_hub", "keras_cv", "matplotlib"):
        (blocked / f"{name}.py").write_text("raise ImportError('blocked')")
    control = subprocess.run(
        [sys.executable, "-c", "import keras"], env={**os.environ, "PYTHONPATH": str(blocked)}, capture_output=True, text=True
    )
    assert control.returncode == 1 and "blocked" in control.stderr
    done = checked(model, PYTHONPATH=str(blocked))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("tiny: files, labels and answers to 4 golden photos are as exported\n")
