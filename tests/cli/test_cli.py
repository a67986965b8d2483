"""The command line: one line for an error, the design's exit codes, JSON alone on standard output."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cvapp import card as cards
from cvapp import images, load, signs
from cvapp.cli import main
from cvapp.errors import Exit
from tests.tiny_tflite import change_export, save_model


def run(capsys, *words):
    """Exit code, standard output and the error line of a command run in this process."""
    try:
        code = main([str(word) for word in words])
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    return code, out, err


def process(*words, **options):
    """The same in a process of its own."""
    return subprocess.run([sys.executable, "-m", "cvapp", *map(str, words)], capture_output=True, text=True, errors="replace", **options)


@pytest.fixture
def blank(workspace):
    """A folder with one picture."""
    images.write(workspace / "blank.png", np.full((20, 20, 3), 90, np.uint8))
    return workspace


USAGE = [
    (["trian"], "choose one of .*Did you mean train"),
    (["train"], "no photos: give --data DIR"),
    (["train", "--data", ".", "--set", "train.epoch=3"], "Did you mean train.epochs"),
    (["train", "--data", ".", "--set", "train.epochs"], "write it as part.name=value"),
    (["train", "--data", ".", "--epochs", "0"], "train.epochs is 0: give a number from 1"),
    (["train", "--data", ".", "--name", "../up"], "give a plain folder name"),
    (["train", "--data", ".", "--name", "a\nb"], r"--name 'a\\nb': give a plain folder name"),
    (["train", "--data", ".", "--name", "\u202eab"], "give a plain folder name"),
    (["train", "--data", ".", "--name", "ab "], "give a plain folder name"),
    (["train", "nothing", "--data", "."], "no pipeline 'nothing'"),
    (["train", "pretrain_backbone", "--data", "."], "draws its own photos"),
    (["predict", "nobody", "blank.png"], "no saved model at saved_models/nobody"),
    (["export", "nobody"], "no saved model"),
    (["evaluate", "nobody"], "no saved model"),
    (["camera"], "which model"),
    (["data", "signs"], "nothing to draw"),
    (["data", "signs", "--out", "x", "--count", "0"], "at least 1"),
    (["data", "signs", "--print", "sheet.png"], "--print sheet.png: cannot write .png; use .pdf"),
    (["data", "split", ".", "--val", "0"], "give shares above 0"),
    (["data", "collect", "a/b", "--out", "x", "--source", "blank.png"], "cannot be a folder's name"),
    (["data", "collect", "mug", "--out", "x", "--count", "0"], "give a count of at least 1"),
]
BAD_DATA = [
    (["train", "--data", "nowhere"], "no such folder"),
    (["data", "check", "nowhere"], "no folder nowhere"),
    (["data", "check", "."], "lies in no class folder"),
    (["data", "split", "nowhere"], "no folder nowhere"),
    (["train", "--data", ".", "--set", "model.handle=nowhere"], "expected class folders|no SavedModel there"),
]


@pytest.mark.parametrize(
    "code, words, line",
    [*((Exit.USAGE, *case) for case in USAGE), *((Exit.BAD_DATA, *case) for case in BAD_DATA)],
    ids=lambda part: str(part)[:40],
)
def test_an_error_is_one_line_with_its_code(code, words, line, blank, capsys):
    found, out, err = run(capsys, *words)
    assert found == code and out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith("cvapp: ")
    assert re.search(line, last)


def test_a_bug_is_said_to_be_one(capsys, monkeypatch):
    monkeypatch.setattr("cvapp.cli.doctor._packages", lambda: 1 / 0)
    code, _, err = run(capsys, "doctor")
    assert code == Exit.BUG and err.startswith("cvapp: a bug: ZeroDivisionError") and err.count("\n") == 1
    with pytest.raises(ZeroDivisionError):
        main(["doctor", "--debug"])


def test_the_whole_way_by_command(home, capsys, photos):
    """Evaluate, predict, camera and list on a model that is there; JSON is one object alone."""
    code, out, _ = run(capsys, "evaluate", "mine", "--json")
    found = json.loads(out)
    assert code == 0 and found["split"] == "test" and found["variant"] == "float32" and 0 <= found["accuracy"] <= 1
    code, out, _ = run(capsys, "predict", "mine", photos / "heart", "--json", "--csv", home / "answers.csv")
    found = json.loads(out)
    assert code == 0 and len(found["photos"]) == 14 and found["errors"] == {}
    assert all(sum(row["probability"] for row in rows) == pytest.approx(1, abs=1e-4) for rows in found["photos"].values())
    assert len((home / "answers.csv").read_text().splitlines()) == 15
    code, out, _ = run(capsys, "camera", "mine", "--source", photos / "heart", "--no-show", "--save", home / "seen.mp4", "--json")
    assert code == 0 and json.loads(out)["frames"] == 14 and (home / "seen.mp4").is_file()
    code, out, _ = run(capsys, "list", "--json")
    assert json.loads(out)["models"]["mine"]["lite"] == ["dynamic", "float16", "float32", "int8"] and "hub_classifier" in json.loads(out)["pipelines"]


def test_a_trained_model_and_its_variants_are_measured_on_photos_encoded_anew(home, photos, capsys):
    """The same photos as JPEG are others by content: each is answered as the bundle answers it."""
    bundle, right, count = load("saved_models/mine", "float32"), 0, 0
    for path in sorted(photos.glob("*/*.png"))[::2]:
        place = Path("new") / path.parent.name / f"{count}.jpg"
        images.write(place, images.read(path))
        right, count = right + (bundle.classify(images.read(place))[0].label == place.parent.name), count + 1
    found = json.loads(run(capsys, "evaluate", "mine", "--data", "new", "--json", "--variant", "float32")[1])
    assert (found["accuracy"], found["photos"], found["variant"]) == (round(right / count, 4), count, "float32")
    given, default = (json.loads(run(capsys, "evaluate", "mine", "--json", *words)[1]) for words in (("--data", photos), ()))
    assert {name: value for name, value in given.items() if name in default and name not in ("split", "fingerprint")} == {
        name: value for name, value in default.items() if name not in ("split", "fingerprint")
    }


def test_predict_goes_on_past_a_bad_photo(home, capsys, photos):
    good = next((photos / "heart").iterdir())
    (home / "bad.jpg").write_bytes(b"")
    code, out, err = run(capsys, "predict", "mine", home / "bad.jpg", good)
    assert code == Exit.BAD_DATA and good.name in out
    assert err.strip().endswith("bad.jpg: the file is empty (0 bytes); copy it again")


def test_predict_names_what_cannot_be_opened_and_goes_on(home, capsys, photos):
    """Below a folder: a link to nowhere, a pipe, a raw file; what is hidden is passed over, as training passes it over."""
    good = next((photos / "heart").iterdir())
    (home / "some" / ".hidden").mkdir(parents=True)
    for name in ("some/good.png", "some/.hidden/good.png", "raw.dng"):
        (home / name).write_bytes(good.read_bytes())
    (home / "some" / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(home / "some" / "pipe.png")
    code, out, err = run(capsys, "predict", "mine", "some", "raw.dng", "gone.png", "--json")
    found = json.loads(out)
    assert code == Exit.BAD_DATA and list(found["photos"]) == ["some/good.png"]
    assert found["errors"] == {
        "some/gone.jpg": "some/gone.jpg: a link to nowhere (nowhere.jpg); fetch what it stands for, or remove it",
        "some/pipe.png": "some/pipe.png: a named pipe, not a file; remove it",
        "raw.dng": "raw.dng: a camera's raw file; develop it first: cvapp isp raw.dng --out raw.png, then give raw.png",
        "gone.png": "gone.png: cannot be read (No such file or directory)",
    }
    assert err.count("\n") == 4


def test_prediction_and_camera_run_without_tensorflow(home, photos):
    """As on a device: with TensorFlow and Keras blocked, and loaded by nothing."""
    code = (
        "import sys\nfor name in ('tensorflow', 'keras', 'tensorflow_hub', 'matplotlib'): sys.modules[name] = None\n"
        "from cvapp.cli import main\n"
        f"assert main(['predict', 'mine', {str(photos / 'moon')!r}]) == 0\n"
        f"assert main(['camera', 'mine', '--source', {str(photos / 'moon')!r}, '--no-show', '--save', 'out.avi']) == 0\n"
        "assert main(['evaluate', 'mine']) == 0\n"
        "sys.exit(main(['export', 'mine']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == Exit.USAGE and "pip install -e '" in done.stderr and "[train]'" in done.stderr, done.stderr


def test_no_camera_is_exit_6(home, capsys):
    if Path("/dev/video0").exists():
        pytest.skip("this machine has a camera")
    code, _, err = run(capsys, "camera", "mine", "--source", "0", "--no-show")
    assert code == Exit.NO_DEVICE and "no picture from camera 0" in err


@pytest.mark.parametrize(
    "fault, line",
    [
        ("newer", "made by a newer cvapp"),
        ("broken", "not a card"),
        ("labels", "its labels are not the card's"),
        ("card", "altered since the model was exported"),
        ("tflite", "altered since it was exported"),
        ("gone", "missing from the saved model"),
        ("other model", "was exported from another model.keras"),
    ],
)
def test_a_damaged_model_is_refused(fault, line, home, capsys, photos):
    folder = home / "saved_models" / "mine"
    card, lite = folder / cards.FILE, folder / "lite" / "float32.tflite"
    if fault == "newer":
        card.write_text(card.read_text().replace('"schema": 2', '"schema": 3'))
    elif fault == "broken":
        card.write_text(card.read_text()[:100])
    elif fault == "labels":
        (folder / "lite/labels.txt").write_text("hearts\nmoon\ntree\n")
    elif fault == "card":
        card.write_text(card.read_text().replace('"heart"', '"hearts"'))
    elif fault == "tflite":
        lite.write_bytes(lite.read_bytes()[:-1] + b"\x01")
    elif fault == "gone":
        lite.unlink()
    else:
        change_export(folder, lambda values: values.update(model="0" * 64))
    code, out, err = run(capsys, "predict", "mine", photos / "heart")
    assert code == Exit.BAD_DATA and out == "" and line in err and err.count("\n") == 1


def filling(limit):
    """A disk that fills up after so many bytes of one file."""

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return limited


@pytest.mark.parametrize(
    "limit, words",
    [
        (40_000, ["export", "mine"]),
        (40_000, ["train", "--data", "{photos}", "--name", "mine", "--set", "model.handle={module}"]),
        (3_000, ["camera", "mine", "--source", "{photos}/heart", "--no-show", "--save", "out.avi"]),
    ],
    ids=["export", "train", "camera"],
)
def test_a_full_disk_is_one_line_and_nothing_saved_is_lost(limit, words, home, photos, tiny_module):
    before = {path: path.read_bytes() for path in (home / "saved_models").rglob("*") if path.is_file()}
    done = process(*[word.format(photos=photos, module=tiny_module) for word in words], preexec_fn=filling(limit))
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == Exit.CANNOT_WRITE and last.startswith("cvapp: "), done.stderr
    assert {path: path.read_bytes() for path in (home / "saved_models").rglob("*") if path.is_file()} == before
    assert not (home / "out.avi").exists()


def test_ctrl_c_during_training_is_exit_130_and_leaves_the_old_model(home, photos, tiny_module):
    before = (home / "saved_models/mine/card.json").read_bytes()
    words = [
        "train",
        "--data",
        photos,
        "--name",
        "mine",
        "--set",
        f"model.handle={tiny_module}",
        "--set",
        "train.patience=90000",
        "--epochs",
        "90000",
    ]
    running = subprocess.Popen([sys.executable, "-m", "cvapp", *map(str, words)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in running.stderr:
        if line.startswith("epoch 10/"):
            os.kill(running.pid, signal.SIGINT)
            break
    err = running.communicate(timeout=60)[1]
    assert running.returncode == Exit.INTERRUPTED and "cvapp: interrupted" in err
    assert (home / "saved_models/mine/card.json").read_bytes() == before


def test_data_commands(workspace, capsys):
    code, out, _ = run(capsys, "data", "signs", "--out", "signs", "--count", "3", "--print", "sheet.pdf", "--json")
    assert code == 0 and json.loads(out)["photos"] == 3 * (len(signs.LABELS) + 1)
    assert (workspace / "sheet.pdf").read_bytes().startswith(b"%PDF")
    assert run(capsys, "data", "check", "signs")[0] == 0
    code, out, _ = run(capsys, "data", "split", "signs", "--json")
    assert code == 0 and json.loads(out)["photos"]["heart"] == {"train": 1, "val": 1, "test": 1}
    (workspace / "signs/heart/broken.png").write_bytes(b"\x89PNG")
    code, out, _ = run(capsys, "data", "check", "signs", "--json")
    assert code == Exit.BAD_DATA and list(json.loads(out)["unusable"]) == ["heart/broken.png"]


def test_doctor_and_version(capsys):
    code, out, _ = run(capsys, "doctor", "--json")
    assert code in (0, Exit.NO_DEVICE)
    assert {"numpy", "opencv-python", "ai-edge-litert", "tensorflow", "rawpy", "cameras", "display"} <= {
        row["what"] for row in json.loads(out)["rows"]
    }
    assert run(capsys, "--version")[1].startswith("cvapp 0.")


def test_doctor_sees_clashing_wheels(capsys, monkeypatch):
    from cvapp.cli import doctor

    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda package: "5.0" if package == "opencv-contrib-python" else real(package))
    code, out, _ = run(capsys, "doctor")
    assert code == Exit.NO_DEVICE and "opencv-python and opencv-contrib-python overwrite each other" in out


def test_a_wheel_runs_outside_the_checkout(tmp_path, home, photos):
    """Built and unpacked without the network; the pipelines, the backbone and the phone page are inside."""
    root = Path(__file__).parents[2]
    left_out = (".git", ".venv*", "node_modules", "demo", ".cache", "build", "*.egg-info")
    tree = shutil.copytree(root, tmp_path / "tree", ignore=shutil.ignore_patterns(*left_out))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-build-isolation", "--no-index", "--target", tmp_path / "site", tree],
        check=True,
        capture_output=True,
    )
    code = "import cvapp, sys; assert cvapp.__file__.startswith(sys.argv[1]); from cvapp.cli import main; sys.exit(main(sys.argv[2:]))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}

    def installed(*words):
        return subprocess.run(
            [sys.executable, "-c", code, str(tmp_path), *map(str, words)], capture_output=True, text=True, env=environment, cwd=home
        )

    page, own = tmp_path / "site/cvapp/phone/page", root / "cvapp/phone/page"
    assert {path.relative_to(page) for path in page.rglob("*")} == {path.relative_to(own) for path in own.rglob("*")}
    listed = json.loads(installed("list", "--json").stdout)
    assert {"hub_classifier", "pretrain_backbone"} <= set(listed["pipelines"]) and "mobilenet_v2_drawings" in listed["models"]
    done = installed("train", "--data", photos, "--name", "fresh", "--epochs", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["labels"] == ["heart", "moon", "tree"]
    assert installed("predict", "mine", photos / "tree").returncode == 0


def test_doctor_says_in_which_scripts_labels_are_drawn(capsys, few_fonts):
    _, out, _ = run(capsys, "doctor", "--json")
    told = {row["state"]: row["found"] for row in json.loads(out)["rows"] if row["what"] == "labels"}
    assert told["ok"].startswith("drawn in Latin, Cyrillic, Greek, Hebrew, Arabic")
    assert told["absent"].startswith("drawn as numbers in Devanagari, Thai, emoji: ")
    assert "fonts-noto-color-emoji fonts-noto-core" in told["absent"] or sys.platform != "linux"


def test_doctor_without_pillow_says_what_brings_it(capsys, few_fonts, monkeypatch):
    from cvapp import lettering

    monkeypatch.setitem(sys.modules, "PIL", None)
    lettering.forget()
    _, out, _ = run(capsys, "doctor", "--json")
    told = [row["found"] for row in json.loads(out)["rows"] if row["what"] == "labels" and row["state"] == "absent"]
    assert len(told) == 1 and "Hebrew" in told[0] and "[labels]'" in told[0]


def test_a_picture_whose_labels_cannot_be_drawn_here_comes_with_one_line(workspace, capsys, few_fonts):
    save_model(workspace / "saved_models" / "tiny", labels=("ไทย", "עברית", "bee"))
    images.write(workspace / "blank.png", np.full((20, 20, 3), 90, np.uint8))
    code, _, err = run(capsys, "predict", "tiny", "blank.png", "--draw", "drawn")
    assert code == Exit.DONE and err.count("\n") == 1
    assert err.startswith("labels that cannot be drawn on pictures here are shown as their numbers: #0 ไทย; install fonts")
    assert run(capsys, "predict", "tiny", "blank.png")[2] == "", "nothing is drawn, so nothing is said"


@pytest.mark.parametrize(
    "words, start",
    [((), "usage: cvapp [-h]"), (("help",), "usage: cvapp [-h]"), (("help", "data", "check"), "usage: cvapp data check")],
)
def test_help_is_shown_where_it_is_asked_for_and_where_nothing_is(words, start):
    """And without TensorFlow or numpy, which take seconds."""
    code = "import sys; from cvapp.cli import run\ntry: run()\nfinally: print({'tensorflow', 'numpy'} & {*sys.modules}, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith(start) and done.stderr.strip() == "set()", done.stderr


def test_help_of_no_command_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["help", "trian"])
    assert stop.value.code == Exit.USAGE and "Did you mean train?" in capsys.readouterr().err
