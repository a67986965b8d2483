"""A .tflite in a process of its own: the same answers as here, and whatever ends that process is one line here."""

import builtins
import resource
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cvapp import card as cards
from cvapp.errors import CvappError, Exit
from cvapp.proof import apart
from cvapp.tflite import open_tflite
from tests.tiny_generator import inputs, numbers, save_exported, tiny_generator
from tests.tiny_tflite import SIZE, remade, save_model, softmax_of_pixels, tiny_tflite


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_tflite())
    return path


@pytest.fixture
def pixels(tmp_path, rng):
    """Pictures, and the file that they lie in."""
    pictures = rng.integers(0, 256, (5, *SIZE, 3), dtype=np.uint8)
    np.savez(tmp_path / "pixels.npz", pixels=pictures)
    return pictures, tmp_path / "pixels.npz"


@pytest.fixture
def child(tmp_path, monkeypatch):
    """Put a shell script in the place of the interpreter that works apart."""

    def replace(script: str) -> None:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(apart.sys, "executable", str(path))

    return replace


def refused(path: Path, pixels: Path) -> str:
    """The one line that asking for answers leads to."""
    with pytest.raises(CvappError) as error:
        apart.answers(path, pixels)
    assert error.value.code == Exit.BAD_DATA and "\n" not in str(error.value)
    return str(error.value)


def test_the_answers_are_those_given_in_this_process(model, pixels):
    pictures, path = pixels
    found = apart.answers(model, path)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, open_tflite(model)(pictures))
    np.testing.assert_allclose(found, softmax_of_pixels(pictures), atol=1e-6)
    assert np.abs(found - softmax_of_pixels(pictures[::-1])).max() > 0.1, "a comparison that cannot fail proves nothing"


def test_a_file_that_cannot_be_read_is_the_line_it_would_be_here(model, pixels):
    model.write_bytes(tiny_tflite()[:900])
    line = refused(model, pixels[1])
    assert line.startswith(f"{model}: LiteRT cannot read it (") and line.endswith("; export the model again")


def test_a_file_that_cannot_be_run_is_a_line(model, pixels):
    model.write_bytes(remade(lambda made: setattr(made.buffers[1], "data", None)))
    assert f"{model}: LiteRT cannot run it (" in refused(model, pixels[1])


def test_pictures_of_another_size_are_a_line(model, tmp_path):
    np.savez(tmp_path / "large.npz", pixels=np.zeros((1, 9, 9, 3), np.uint8))
    assert f"{model}: takes uint8 (B, 8, 8, 3), not uint8 (1, 9, 9, 3); bundle.fit prepares a picture" in refused(model, tmp_path / "large.npz")


def test_an_exception_there_is_a_line_here(model, tmp_path):
    assert refused(model, tmp_path / "nowhere.npz") == f"{model}: LiteRT ended without an answer (code 1); export the model again"


def test_a_crash_there_is_a_line_here(model, pixels, child):
    child("kill -SEGV $$")
    assert refused(model, pixels[1]) == f"{model}: LiteRT ended without an answer (code -11); export the model again"


def test_a_crash_with_bytes_that_are_no_text_is_a_line_here(model, pixels, child):
    child(r"printf 'Node \377\376 failed\n' >&2; printf '\377\n'; kill -ABRT $$")
    assert refused(model, pixels[1]) == "\N{REPLACEMENT CHARACTER}"


def test_no_answer_in_time_is_a_line_here(model, pixels, child, monkeypatch):
    child("exec sleep 60")
    monkeypatch.setattr(apart, "LIMIT", 0.3)
    assert refused(model, pixels[1]) == f"{model}: gave no answer within 0 seconds; export the model again"


def test_timing_gives_the_first_answer_the_memory_and_the_threads_asked_for(model):
    found = apart.timing(model, SIZE, (1, 2))
    assert set(found) == {"first_ms", "memory_mb", "threads"} and set(found["threads"]) == {"1", "2"}
    assert found["first_ms"] > 0 and -5 < found["memory_mb"] < 100
    for row in found["threads"].values():
        assert 0 < row["median_ms"] <= row["p95_ms"] < 1000
    assert found["first_ms"] > found["threads"]["1"]["median_ms"], "the first answer waits for the file to be read"


def test_a_generator_is_given_noise(tmp_path):
    (tmp_path / "g.tflite").write_bytes(tiny_generator(3, 1))
    np.savez(tmp_path / "golden.npz", noise=inputs(4, 3))
    np.testing.assert_allclose(apart.answers(tmp_path / "g.tflite", tmp_path / "golden.npz"), numbers(inputs(4, 3), 3, 1), atol=1e-6)
    found = apart.timing(tmp_path / "g.tflite", (11,), (1, 2))
    assert set(found["threads"]) == {"1", "2"} and 0 < found["threads"]["1"]["median_ms"] < 1000
    with pytest.raises(CvappError, match=r"takes float32 \(B, 11\), not float32 \(1, 12\)") as error:
        apart.timing(tmp_path / "g.tflite", (12,))
    assert error.value.code == Exit.BAD_DATA


def test_what_a_model_takes_is_told_by_its_card(tmp_path):
    plain, asked = (cards.read(save_exported(tmp_path / name, name == "asked")) for name in ("plain", "asked"))
    assert (apart.taken(plain), apart.taken(asked)) == ((8,), (11,))
    assert apart.taken(cards.read(save_model(tmp_path / "tiny"))) == SIZE


def test_timing_opens_the_file_anew_for_each_other_number_of_threads(model, monkeypatch):
    opened = []
    monkeypatch.setattr(apart, "open_tflite", lambda path, threads=1: opened.append((path, threads)) or (lambda picture: None))
    monkeypatch.setattr(apart, "_latency", lambda predict, picture: picture.shape)
    assert apart._timing(model, SIZE, (1, 2, 4))["threads"] == dict.fromkeys((1, 2, 4), (1, *SIZE, 3))
    assert opened == [(model, 1), (model, 2), (model, 4)]


def test_timing_what_cannot_be_read_is_a_line(model):
    model.write_bytes(b"no model")
    with pytest.raises(CvappError, match="LiteRT cannot read it") as error:
        apart.timing(model, SIZE)
    assert error.value.code == Exit.BAD_DATA


def test_latency_tells_the_median_and_the_95th_percentile_after_warming_up(monkeypatch):
    """The n-th inference that is counted takes n ms; at 30 of them the least is done and half a second is not yet over."""
    monkeypatch.setattr(apart, "SECONDS", 0.4)
    clock, calls = [0.0], []

    def predict(picture):
        calls.append(picture)
        clock[0] += max(0, len(calls) - apart.WARM_UP) / 1000

    monkeypatch.setattr(apart.time, "perf_counter", lambda: clock[0])
    found = apart._latency(predict, np.zeros(1))
    assert len(calls) == apart.WARM_UP + 30  # 1 + 2 + ... + 30 = 465 ms
    assert found == {"median_ms": 15.5, "p95_ms": 28.55}  # 0.95 x 29 = 27.55 steps above 1


@pytest.mark.parametrize("taken, counted", [(1e-5, apart.MOST), (0.001, 500), (10.0, apart.LEAST)])
def test_latency_takes_half_a_second_within_its_bounds(taken, counted, monkeypatch):
    clock, calls = [0.0], []

    def predict(picture):
        calls.append(picture)
        clock[0] += taken

    monkeypatch.setattr(apart.time, "perf_counter", lambda: clock[0])
    apart._latency(predict, np.zeros(1))
    assert len(calls) - apart.WARM_UP == pytest.approx(counted, abs=1)


def test_rounds_take_turns_and_give_the_median_of_each_figure(monkeypatch):
    taken = {"a": [3.0, 1.0, 8.0], "b": [30.0, 10.0, 20.0]}
    asked = []

    def timing(path, size, threads):
        value = taken[path.name][sum(name == path.name for name, *_ in asked)]
        asked.append((path.name, size, threads))
        return {"first_ms": value, "threads": {"1": {"median_ms": value / 7}}}

    monkeypatch.setattr(apart, "timing", timing)
    told = []
    found = apart.rounds({"a": Path("a"), "b": Path("b")}, SIZE, (1,), 3, lambda text, done, total: told.append((done, total)))
    assert [name for name, *_ in asked] == ["a", "b", "a", "b", "a", "b"] and {row[1:] for row in asked} == {(SIZE, (1,))}
    assert found["a"] == {"first_ms": 3.0, "threads": {"1": {"median_ms": 0.429}}}
    assert found["b"]["first_ms"] == 20.0
    assert told == [(done, 6) for done in range(7)]


@pytest.mark.parametrize("processors, counts", [(1, [1]), (2, [1, 2]), (4, [1, 2, 4]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8]), (None, [1])])
def test_the_threads_worth_measuring_are_1_2_4_and_all_that_there_are(processors, counts, monkeypatch):
    monkeypatch.setattr(apart.os, "cpu_count", lambda: processors)
    assert apart.thread_counts() == counts


def test_machine_names_the_processors(monkeypatch):
    monkeypatch.setattr(apart.os, "cpu_count", lambda: 6)
    monkeypatch.setattr(apart.platform, "machine", lambda: "aarch64")
    assert apart.machine() == "aarch64, 6 processors"


def test_memory_grows_by_what_is_taken():
    """In a process of its own: in this one, what other tests left may be given back in between."""
    code = (
        "import numpy as np\nfrom cvapp.proof import apart\nbefore = apart._memory()\ntaken = np.ones(50_000_000, np.uint8)\n"
        "print(apart._memory() - before, taken.all())"
    )
    grown, there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert 45 < float(grown) < 60 and there == "True"


def test_memory_where_the_system_has_no_proc_is_the_most_held_and_on_windows_none(monkeypatch):
    monkeypatch.setattr(apart, "Path", lambda path: Path("/nowhere") / path.lstrip("/"))
    assert apart._memory() == pytest.approx(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
    real = builtins.__import__

    def without_resource(name, *rest):
        if name == "resource":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_resource)
    assert apart._memory() == 0.0
