"""`cvapp verify` and `cvapp bench`: what they say of an exported model, and how they end where it is not what it was."""

import json
import shutil

import numpy as np
import pytest

from cvapp.cli import main
from cvapp.errors import Exit
from cvapp.files import sha256
from cvapp.proof import apart
from tests.tiny_tflite import change_export, publish, remade, save_model, with_metadata


@pytest.fixture
def model(workspace):
    folder = save_model(workspace / "saved_models" / "tiny")
    change_export(folder, lambda values: values["variants"]["float32"].update(bytes=4_000_000, accuracy=0.987654))
    return folder


@pytest.fixture
def run(capsys):
    """Exit code, standard output and the lines on standard error of a command."""

    def run(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err.splitlines()

    return run


def test_verify_says_how_near_the_answers_are_and_what_was_checked(model, run):
    code, out, told = run("verify", "tiny")
    assert (code, out.splitlines()) == (
        Exit.DONE,
        [
            "variant  largest difference",
            "float32            0.000000",
            "tiny: files, labels and answers to 4 golden photos are as exported",
        ],
    )
    assert len(told) == 1 and told[0].startswith("replaying the golden photos  [########################] 1/1")


def test_verify_takes_a_path_and_gives_json(model, run):
    code, out, _ = run("verify", f"{model}/", "--json")
    values = json.loads(out)
    assert (code, values["name"], values["photos"], values["reasons"]) == (Exit.DONE, "tiny", 4, [])
    assert values["variants"]["float32"]["largest_difference"] < 1e-6


def test_verify_of_an_altered_variant_is_one_line_and_exit_5(model, run):
    publish(model, with_metadata("other", threshold=0.5))
    code, out, told = run("verify", "tiny")
    assert (code, out) == (Exit.GATE, "")
    assert [line for line in told if line.startswith("cvapp: ")] == [
        "cvapp: tiny: lite/float32.tflite: its metadata say name 'other', the card 'tiny'; "
        "lite/float32.tflite: its metadata say threshold 0.5, the card 0.0"
    ]


FAILURES = {
    "altered": lambda model: (model / "lite/float32.tflite").write_bytes(b"x"),
    "missing": lambda model: (model / "lite/float32.tflite").unlink(),
    "unreadable": lambda model: publish(model, b"x"),
    "altered keras": lambda model: (model / "model.keras").write_bytes(b"x"),
    "no numbers": lambda model: publish(model, with_metadata("tiny", nan())),
    "other shape": lambda model: publish(model, with_metadata("tiny", remade(lambda made: setattr(made.subgraphs[0], "outputs", [1])))),
}


def nan() -> bytes:
    """The model with a bias that is no number."""
    return remade(lambda made: setattr(made.buffers[2], "data", np.frombuffer(np.full(3, np.nan, np.float32).tobytes(), np.uint8)))


@pytest.mark.parametrize("damage", FAILURES)
def test_verify_that_fails_with_json_is_one_object_with_reasons_and_exit_5(model, run, damage):
    FAILURES[damage](model)
    code, out, told = run("verify", "tiny", "--json")
    assert code == Exit.GATE and out.count("\n") == 1
    values = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert len(values["reasons"]) == 1 and not any(line.startswith("cvapp: ") for line in told)


@pytest.mark.parametrize("words", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("name", ["card.json", "lite/labels.txt", "lite/golden.npz"])
def test_verify_of_what_cannot_be_compared_with_anything_is_one_line_and_exit_5(model, run, name, words):
    path = model / name
    path.write_bytes(path.read_bytes()[:-20])
    code, out, told = run("verify", "tiny", *words)
    assert (code, out, len(told)) == (Exit.GATE, "", 1)
    assert told[0].startswith("cvapp: saved_models/tiny/") and name in told[0]


@pytest.mark.parametrize("verb, nothing", [("verify", "verify"), ("bench", "time")])
def test_a_model_that_was_not_exported_and_one_nobody_saved_are_wrong_uses(model, run, verb, nothing):
    shutil.rmtree(model / "lite")
    line = f"cvapp: saved_models/tiny was not exported, so there is nothing to {nothing}; run cvapp export tiny"
    assert run(verb, "tiny") == (Exit.USAGE, "", [line])
    code, out, told = run(verb, "tinny")
    assert (code, out, len(told)) == (Exit.USAGE, "", 1)
    assert told[0].startswith("cvapp: no saved model at saved_models/tinny: ") and told[0].endswith("Did you mean tiny?")


def test_bench_times_the_variants_at_the_threads_asked_for(model, run):
    code, out, told = run("bench", "tiny", "--rounds", 1, "--threads", 1, 2)
    head, row, _, host = out.splitlines()
    assert code == Exit.DONE
    assert " ".join(head.split()) == "variant MB ratio first memory ms on 1 p95 ratio ms on 2 p95 ratio" and len(head) <= 80
    assert row.split()[:3] == ["float32", "4.00", "1.000"] and row.split()[-1] == "1.00"
    assert host == f"measured on this host: {apart.machine()}"
    assert len(told) == 1 and told[0].startswith("timing the variants on this machine") and "1/1" in told[0]


def test_bench_gives_json_of_every_published_variant_in_turns(model, run, monkeypatch):
    asked = []

    def timing(path, size, threads):
        asked.append((path.name, size, tuple(threads)))
        row = {"median_ms": 1.0 * len(asked), "p95_ms": 20.0}
        return {"first_ms": 5.0, "memory_mb": 2.0, "threads": {str(count): row for count in threads}}

    monkeypatch.setattr(apart, "timing", timing)
    monkeypatch.setattr(apart.os, "cpu_count", lambda: 2)
    (model / "lite/int8.tflite").write_bytes(b"not read here")
    row = {"published": True, "sha256": sha256(model / "lite/int8.tflite"), "bytes": 1_000_000, "accuracy": 0.5}
    change_export(model, lambda values: values["variants"].update(int8=row))
    code, out, _ = run("bench", "tiny", "--json")
    values = json.loads(out)
    assert code == Exit.DONE and (values["name"], values["host"]) == ("tiny", apart.machine())
    assert asked == 3 * [("int8.tflite", (8, 8), (1, 2)), ("float32.tflite", (8, 8), (1, 2))]
    assert values["variants"]["float32"] == {
        "first_ms": 5.0,
        "memory_mb": 2.0,
        "threads": {"1": {"median_ms": 4.0, "p95_ms": 20.0}, "2": {"median_ms": 4.0, "p95_ms": 20.0}},
        "bytes": 4_000_000,
    }
    assert values["variants"]["int8"]["threads"]["1"]["median_ms"] == 3.0, "the median of turns 1, 3 and 5"
    _, out, _ = run("bench", "tiny", "--rounds", 1, "--threads", 1)
    assert out.splitlines()[1].split() == ["int8", "1.00", "0.250", "5.0", "2.0", "7.00", "20.00", "0.88"]


@pytest.mark.parametrize("words", [["--rounds", 0], ["--threads", 0], ["--threads", 1, -2]], ids=str)
def test_bench_of_nothing_is_a_wrong_use(model, run, words):
    assert run("bench", "tiny", *words) == (Exit.USAGE, "", ["cvapp: --rounds and --threads: give at least 1"])


def test_bench_of_a_file_that_cannot_be_read_is_one_line(model, run):
    publish(model, b"no model")
    change_export(model, lambda values: values["variants"]["float32"].update(bytes=8, accuracy=1.0))
    code, out, told = run("bench", "tiny")
    assert (code, out) == (Exit.BAD_DATA, "") and "float32.tflite: LiteRT cannot read it (" in told[-1]


def test_bench_times_no_altered_file(model, run):
    (model / "lite/float32.tflite").write_bytes(b"another")
    code, _, errors = run("bench", "tiny")
    assert code == Exit.BAD_DATA and len(errors) == 1 and "float32.tflite: altered since it was exported" in errors[0]
