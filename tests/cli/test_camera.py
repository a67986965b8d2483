"""`cvapp camera`: what is printed, how it ends by a signal or a key, and what it refuses, in processes of its own where that matters."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from cvapp import images
from cvapp.camera import stage
from cvapp.cli import main, running
from cvapp.errors import Exit
from cvapp.files import sha256
from tests.camera.test_recorder import played
from tests.camera.test_sources import cut
from tests.camera.test_stage import ScriptedWindow
from tests.camera.test_window import LEFT, RIGHT, Server
from tests.tiny_tflite import change_export, save_model

SIGNS = "synthetic:signs,fps=30,size=96x128"


@pytest.fixture
def tiny(workspace):
    """The current folder, with a model of three labels that answers in no time."""
    save_model(workspace / "saved_models/tiny")
    return workspace


def usual_signals():
    """A shell's background job, or nohup, would hand them down ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def start(*words, **environment):
    """`cvapp camera tiny ...` as a process."""
    command = [sys.executable, "-m", "cvapp", "camera", "tiny", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "preexec_fn": usual_signals}
    return subprocess.Popen(command, env={**os.environ, **environment}, **pipes)


def until(true, seconds=10.0):
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return found


def test_a_log_on_standard_output_is_json_lines_and_nothing_else(tiny):
    process = start("--source", SIGNS + ",frames=12", "--no-show", "--log", "-")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and out.endswith("}\n") and "\n\n" not in out, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert 1 <= len(lines) <= 12 and all(line["label"] in ("bee", "Käfer", "ant") for line in lines)
    assert lines[-1]["dropped"] == lines[-1]["frame"] + 1 - len(lines)


def test_without_a_log_the_summary_is_told(tiny, capsys):
    assert main(["camera", "tiny", "--source", SIGNS + ",frames=4", "--no-show"]) == 0
    out = capsys.readouterr().out
    assert "frames in" in out and "old when it was answered" in out and "were dropped" in out


@pytest.mark.parametrize("numbers", [[signal.SIGTERM], [signal.SIGINT], [signal.SIGINT, signal.SIGINT]], ids=["SIGTERM", "Ctrl-C", "twice"])
def test_a_signal_ends_it_well_with_every_answered_frame_in_the_log_and_the_recording(tiny, numbers):
    process = start("--source", SIGNS, "--no-show", "--save", "out.mp4", "--log", "log.jsonl", "--json")
    until(lambda: Path("log.jsonl").exists() and len(Path("log.jsonl").read_text().splitlines()) >= 10)
    for number in numbers:
        process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and "stopped" in err, err
    lines, frames = Path("log.jsonl").read_text(encoding="utf-8").splitlines(), played("out.mp4")[0]
    assert [json.loads(line)["frame"] for line in lines] == sorted({json.loads(line)["frame"] for line in lines})
    assert len(lines) == json.loads(out)["frames"] >= 10
    assert len(frames) == pytest.approx(30 * json.loads(lines[-1])["seconds"] + 1, abs=1.1), "as long as life"
    assert sorted(path.name for path in tiny.iterdir()) == ["log.jsonl", "out.mp4", "saved_models"]


REFUSED = [
    (["--smooth", "-1"], Exit.USAGE, "smooth is -1: give seconds, 0 or more"),
    (["--smooth", "nan"], Exit.USAGE, "smooth is nan"),
    (["--smooth", "long"], Exit.USAGE, "invalid float value: 'long'"),
    (["--size", "640"], Exit.USAGE, "--size 640: give HEIGHTxWIDTH, such as 480x640"),
    (["--size", "0x640"], Exit.USAGE, "--size 0x640: give HEIGHTxWIDTH"),
    (["--size", "99999x640"], Exit.USAGE, "each 1 to 16384 pixels"),
    (["--fps", "0"], Exit.USAGE, "fps is 0: give frames a second, above 0"),
    (["--fps", "nan"], Exit.USAGE, "fps is nan"),
    (["--frames", "0"], Exit.USAGE, "--frames 0: give at least 1"),
    (["--isp", "sharpen"], Exit.USAGE, "step 'sharpen'"),
    (["--json", "--log", "-"], Exit.USAGE, "--json and --log - both write to standard output"),
    (["--log", "log.txt"], Exit.USAGE, "--log log.txt: cannot write .txt; use .jsonl, .csv"),
    (["--log", "file/log.csv"], Exit.CANNOT_WRITE, "file/log.csv: cannot write"),
    (["--save", "out.webm"], Exit.USAGE, "--save out.webm: cannot write .webm; use .mp4"),
    (["--save", "out"], Exit.USAGE, "--save out: cannot write a file without suffix"),
    (["--save", "file/out.mp4"], Exit.CANNOT_WRITE, "cannot write"),
    (["--save", "folder.mp4"], Exit.CANNOT_WRITE, "folder.mp4: cannot write (it is a folder)"),
    (["--source", "wide.png", "--size", "48x64"], Exit.USAGE, "wide.png: size cannot be chosen for it"),
    (["--source", "wide.png", "--fps", "5"], Exit.USAGE, "wide.png: fps cannot be chosen for it"),
    (["--backend", "V4L2"], Exit.USAGE, "backend cannot be chosen for it"),
    (["--source", "nowhere.mp4"], Exit.BAD_DATA, "no source 'nowhere.mp4'"),
    (["--variant", "int4"], Exit.USAGE, "int4"),
    (["--snapshots", "file/kept"], Exit.CANNOT_WRITE, "file/kept: cannot write (Not a directory); choose another place"),
]


@pytest.mark.parametrize("words, code, text", REFUSED, ids=[" ".join(words) for words, _, _ in REFUSED])
def test_what_cannot_work_is_one_line_and_an_exit_code(tiny, capsys, words, code, text):
    Path("file").write_text("")
    Path("folder.mp4").mkdir()
    images.write("wide.png", np.full((16, 9000, 3), 90, np.uint8))
    before = sorted(path.name for path in tiny.iterdir())
    try:
        found = main(["camera", "tiny", "--source", SIGNS + ",frames=3", "--no-show", *words])
    except SystemExit as stop:
        found = stop.code
    out, err = capsys.readouterr()
    assert (found, out) == (code, "") and text in err
    said = [line for line in err.splitlines() if not line.startswith("frames")]
    assert len(said) == 1 and said[0].startswith("cvapp: ")
    assert sorted(path.name for path in tiny.iterdir()) == before


def test_an_error_amid_a_run_is_told_after_what_was_done(tiny, capfd):
    """Half a video: its frames are answered and saved, then it is named; as text and as JSON."""
    cut(tiny / "half.avi")
    words = ["camera", "tiny", "--source", "half.avi", "--no-show", "--save", "out.avi"]
    assert main(words) == Exit.BAD_DATA
    out, err = capfd.readouterr()
    held = len(played("out.avi")[0])
    assert 0 < held < 38 and f"{held} frames in" in out and out.endswith("saved out.avi\n")
    assert err.splitlines()[-1] == f"cvapp: half.avi: truncated, it holds {held} of its 40 frames; copy it again"
    assert main([*words, "--json"]) == Exit.BAD_DATA
    values = json.loads(capfd.readouterr().out)
    assert (values["frames"], values["saved"], values["replaced"]) == (held, "out.avi", True) and "truncated" in values["error"]


def test_a_recording_that_took_the_place_of_another_says_so(tiny, capsys):
    said = []
    for _ in range(2):
        assert main(["camera", "tiny", "--source", SIGNS + ",frames=2", "--no-show", "--save", "out.mp4"]) == 0
        said.append(capsys.readouterr().out.splitlines()[-1])
    assert said == ["saved out.mp4", "saved out.mp4, replaced"]


def test_a_recording_that_no_codec_takes_is_told_at_its_first_frame(tiny, capsys):
    images.write("wide.png", np.full((16, 9000, 3), 90, np.uint8))
    assert main(["camera", "tiny", "--source", "wide.png", "--no-show", "--save", "out.mp4"]) == Exit.CANNOT_WRITE
    out, err = capsys.readouterr()
    assert "OpenCV cannot write a 9000x16 .mp4 video" in err and "saved" not in out and not Path("out.mp4").exists()


def test_who_reads_the_log_may_leave_and_the_recording_is_finished(tiny):
    process = start("--source", SIGNS, "--no-show", "--log", "-", "--save", "out.mp4")
    lines = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.stdout.close()
    assert process.wait(20) == 0 and process.stderr.read() == "stopped\n"
    process.stderr.close()
    assert lines[1]["frame"] > 0 and len(played("out.mp4")[0]) >= 2
    assert sorted(path.name for path in tiny.iterdir()) == ["out.mp4", "saved_models"]


def test_help_says_that_size_and_rate_are_those_of_drawn_signs_too(capsys):
    with pytest.raises(SystemExit):
        main(["camera", "--help"])
    assert " ".join(capsys.readouterr().out.split()).count("or to draw synthetic:signs at") == 2


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_full_disk_under_the_log_is_one_line(tiny, capsys, suffix):
    Path(f"log.{suffix}").symlink_to("/dev/full")
    assert main(["camera", "tiny", "--source", SIGNS, "--no-show", "--log", f"log.{suffix}"]) == Exit.CANNOT_WRITE
    assert f"log.{suffix}: cannot write (No space left on device)" in capsys.readouterr().err


def test_a_full_disk_under_standard_output_is_one_line(tiny):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "cvapp", "camera", "tiny", "--source", SIGNS, "--no-show", "--log", "-"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == Exit.CANNOT_WRITE and done.stderr.startswith("cvapp: standard output: cannot write (No space"), done.stderr


def scripted(monkeypatch, keys):
    """A window on a display, both pretended."""
    window = ScriptedWindow(keys)
    monkeypatch.setattr(running, "has_display", lambda: True)
    monkeypatch.setattr(stage, "Window", lambda title: window)
    return window


def test_v_goes_round_the_published_variants(tiny, monkeypatch, capsys):
    lite = tiny / "saved_models/tiny/lite"
    (lite / "float16.tflite").write_bytes((lite / "float32.tflite").read_bytes())
    row = {"published": True, "sha256": sha256(lite / "float16.tflite")}
    change_export(lite.parent, lambda values: values["variants"].update(float16=row))
    scripted(monkeypatch, {2: "v", 5: "q"})
    assert main(["camera", "tiny", "--source", SIGNS]) == 0
    assert "ms an answer by float32, then float16\n" in capsys.readouterr().out
    scripted(monkeypatch, {2: "v", 5: "v", 8: "v", 11: "q"})
    assert main(["camera", "tiny", "--source", SIGNS, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.splitlines() == [f"{name} answers now" for name in ("float16", "float32", "float16")]
    assert json.loads(out)["variant"] == "float16" and json.loads(out)["frames"] == 12


def test_v_says_so_where_one_variant_alone_was_published(tiny, monkeypatch, capsys):
    scripted(monkeypatch, {2: "v", 5: "q"})
    assert main(["camera", "tiny", "--source", SIGNS]) == 0
    assert capsys.readouterr().err.splitlines() == ["there is no other variant"]


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.process.terminate()
    server.process.wait(10)


def reddish(screen):
    """The columns of the screen's upper part in which red, and in which blue, outweighs the other by much."""
    difference = screen[:200, ..., 0].astype(int) - screen[:200, ..., 2]
    return tuple(np.flatnonzero((sign * difference > 100).sum(0) > 60) for sign in (1, -1))


@pytest.mark.skipif(sys.platform != "linux", reason="an X server is asked on Linux alone")
def test_a_person_at_a_real_window_mirrors_asks_keeps_and_quits(tiny, server):
    picture = np.zeros((240, 320, 3), np.uint8)
    picture[:, :160], picture[:, 160:] = LEFT, RIGHT
    writer = cv2.VideoWriter("scene.avi", cv2.VideoWriter_fourcc(*"MJPG"), 20, (320, 240))
    for _ in range(1200):
        writer.write(picture[..., ::-1])
    writer.release()
    for _ in range(6):  # one window in five stays black on Xvfb, with OpenCV alone too
        process = start("--source", "scene.avi", "--save", "out.avi", "--json", DISPLAY=server.display)
        end = time.monotonic() + 4
        while time.monotonic() < end and len(reddish(server.screen())[0]) < 100:
            time.sleep(0.02)
        if time.monotonic() < end:
            break
        process.kill()
        process.communicate()
    red, blue = reddish(server.screen())
    assert red.max() < blue.min(), "as the video is"
    server.press("m")
    until(lambda: all(map(len, found := reddish(server.screen()))) and found[1].max() < found[0].min())
    server.press("h")
    until(lambda: not any(map(len, reddish(server.screen()))))
    server.press("h")
    until(lambda: all(map(len, reddish(server.screen()))))
    server.press("s")
    until(lambda: len(list(Path("snapshots").glob("*.png"))) == 2)
    server.press("q")
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    plain, answer = sorted(Path("snapshots").iterdir(), key=lambda path: len(path.name))
    np.testing.assert_allclose(images.read(plain)[120, [80, 240]], [LEFT, RIGHT], atol=12)
    np.testing.assert_allclose(images.read(answer)[120, [80, 240]], [RIGHT, LEFT], atol=12)
    assert len(played("out.avi")[0]) == json.loads(out)["frames"]
