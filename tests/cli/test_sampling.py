"""`cvapp sample`: grids, files and videos of a generator, the same by the same seed; and what is refused before anything is made."""

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from cvapp import images, sampling
from cvapp.cli.sampling import _columns
from cvapp.errors import Exit
from cvapp.loading import load
from cvapp.proof import metadata
from tests.cli.test_cli import run
from tests.tiny_generator import LABELS, put, save_exported, says, tiny_generator, weights
from tests.tiny_tflite import change_export, save_model, with_metadata


@pytest.fixture
def here(workspace):
    """`plain` and `asked`, a conditional one, both exported, and `tiny`, a classifier."""
    save_exported(workspace / "saved_models" / "plain")
    save_exported(workspace / "saved_models" / "asked", conditional=True, channels=1)
    save_model(workspace / "saved_models" / "tiny")
    return workspace


def made(name, *words):
    """What the model makes, without the command."""
    return load(f"saved_models/{name}").sample(*words)


def test_a_grid_of_the_seed_is_written(here, capsys):
    code, out, err = run(capsys, "sample", "plain", "--count", 10, "--seed", 7, "--grid", "new/out.png")
    assert (code, out, err) == (0, "wrote new/out.png: 10 pictures in a grid of 276x304 pixels\n", "")
    np.testing.assert_array_equal(images.read("new/out.png"), sampling.grid(made("plain", 10, 7)))
    assert not np.array_equal(images.read("new/out.png"), sampling.grid(made("plain", 10, 8)))


def test_with_nothing_said_it_is_64_of_seed_0_in_a_file_of_the_models_name(here, capsys):
    assert run(capsys, "sample", "plain")[:2] == (0, "wrote plain.png: 64 pictures in a grid of 548x804 pixels\n")
    np.testing.assert_array_equal(images.read("plain.png"), sampling.grid(made("plain", 64)))
    assert run(capsys, "sample", "saved_models/plain")[1].startswith("replaced plain.png: 64 pictures")
    assert sorted(path.name for path in here.iterdir()) == ["plain.png", "saved_models"]


def test_each_picture_is_a_file(here, capsys):
    code, out, _ = run(capsys, "sample", "plain", "--count", 3, "--out", "pics")
    assert (code, out) == (0, "wrote 3 pictures below pics: 0001.png to 0003.png\n")
    assert sorted(path.name for path in (here / "pics").iterdir()) == ["0001.png", "0002.png", "0003.png"]
    for number, picture in enumerate(made("plain", 3), 1):
        np.testing.assert_array_equal(images.read(f"pics/000{number}.png"), picture)
    assert not (here / "plain.png").exists()
    assert (
        run(capsys, "sample", "plain", "--count", 4, "--out", "pics")[1]
        == "wrote 4 pictures below pics: 0001.png to 0004.png; 3 replaced\n"
    )
    assert run(capsys, "sample", "plain", "--count", 1, "--out", "one")[1] == "wrote 1 picture below one: 0001.png\n"


def test_a_class_is_in_the_files_name_and_marks_that_no_name_bears_are_not(here, capsys):
    code, out, _ = run(capsys, "sample", "asked", "--count", 4, "--out", "pics", "--json")
    values = json.loads(out)
    assert code == 0 and values["labels"] == [*LABELS, LABELS[0]]
    assert [Path(file).name for file in values["files"]] == ["0001-bag.png", "0002-shoe.png", "0003-shirt _ top.png", "0004-bag.png"]
    np.testing.assert_array_equal(np.stack([images.read(file) for file in values["files"]]), made("asked", 4))


def test_json_says_what_was_made_and_nothing_else_is_printed(here, capsys):
    words = ("--count", 6, "--seed", 3, "--label", "shoe", "--grid", "g.png", "--out", "pics", "--variant", "float32", "--threads", 2)
    code, out, err = run(capsys, "sample", "asked", *words, "--json")
    values, pictures = json.loads(out), made("asked", 6, 3, "shoe")
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert values == {
        "model": "asked",
        "variant": "float32",
        "count": 6,
        "seed": 3,
        "size": [12, 8],
        "labels": ["shoe"] * 6,
        "mean_pixel": round(float(pictures.mean()), 4),
        "files": ["g.png", *(f"pics/000{number}-shoe.png" for number in range(1, 7))],
        "replaced": 0,
    }
    np.testing.assert_array_equal(images.read("g.png"), sampling.grid(pictures))
    assert json.loads(run(capsys, "sample", "plain", "--json")[1])["labels"] == []


@pytest.mark.parametrize("count, classes, columns", [(64, 10, 10), (64, 3, 6), (64, 2, 8), (100, 10, 10), (64, 37, None), (1, 3, None)])
def test_each_class_has_its_columns_where_that_makes_a_grid(count, classes, columns):
    assert _columns(count, classes) == columns


def test_the_grid_of_a_conditional_one_shows_a_class_in_each_column(here, capsys):
    assert run(capsys, "sample", "asked", "--count", 64, "--grid", "g.png")[0] == 0
    np.testing.assert_array_equal(images.read("g.png"), sampling.grid(made("asked", 64), 6))
    assert run(capsys, "sample", "asked", "--count", 64, "--label", "bag", "--grid", "g.png")[0] == 0
    np.testing.assert_array_equal(images.read("g.png"), sampling.grid(made("asked", 64, 0, "bag"), 8))


def frames(path):
    """Every frame of a video, RGB."""
    capture, found = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        found.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    capture.release()
    return np.stack(found).astype(int)


def test_a_video_goes_to_the_other_seed_and_back(here, capsys):
    code, out, err = run(capsys, "sample", "asked", "--count", 6, "--seed", 3, "--video", "w.avi", "--to", 9, "--seconds", 0.8)
    assert (code, out) == (0, "wrote w.avi: 20 frames, 0.8 s, from seed 3 to seed 9 and back\n")
    assert "from seed 3 to seed 9 and back  [########################] 20/20" in err
    found, ends = frames("w.avi"), [sampling.grid(made("asked", 6, seed), 3) for seed in (3, 9, 4)]
    start, end, other = (np.pad(one, ((0, one.shape[0] % 2), (0, one.shape[1] % 2), (0, 0)), "edge") for one in ends)
    assert found.shape == (20, *start.shape) and start.shape[0] % 2 == start.shape[1] % 2 == 0
    off = {name: [np.abs(frame - one).mean() for frame in found] for name, one in {"start": start, "end": end, "other": other}.items()}
    assert off["start"][0] < 8 and off["end"][10] < 8 and off["start"][10] > 20 and min(off["other"]) > 20
    assert np.abs(found[3] - found[17]).mean() < 8, "the way back is the way there"
    assert run(capsys, "sample", "asked", "--count", 2, "--video", "w.avi", "--seconds", 0.2)[1].startswith(
        "replaced w.avi: 5 frames, 0.2 s, from seed 0 to seed 1"
    )
    assert not (here / "asked.png").exists()


def test_making_many_is_told(here, capsys):
    code, out, err = run(capsys, "sample", "plain", "--count", 600, "--grid", "g.png")
    assert code == 0 and "making pictures  [########################] 3/3" in err
    np.testing.assert_array_equal(images.read("g.png"), sampling.grid(made("plain", 600)))


WRONG = [
    (["plain", "--count", "0"], Exit.USAGE, "count is 0: give how many pictures to make, 1 to 100000"),
    (["plain", "--seed", "-1"], Exit.USAGE, "seed is -1: give a whole number from 0"),
    (["plain", "--threads", "0"], Exit.USAGE, "--threads 0: give at least 1"),
    (["plain", "--label", "bag"], Exit.USAGE, "plain makes what it likes of all classes, 'bag' cannot be asked for; leave the label out"),
    (["asked", "--label", "sheo"], Exit.USAGE, "asked makes no 'sheo': choose one of bag, shoe, shirt / top. Did you mean shoe?"),
    (["tiny"], Exit.USAGE, "tiny is a classify model; only a generator makes pictures: cvapp list shows the saved models"),
    (
        ["plian"],
        Exit.USAGE,
        "no saved model at saved_models/plian: card.json is missing; there are asked, plain, tiny. Did you mean plain?",
    ),
    (["plain", "--variant", "int8"], Exit.USAGE, "plain has no variant 'int8': choose one of float32"),
    (["plain", "--grid", "out.xyz"], Exit.USAGE, f"--grid out.xyz: cannot write .xyz; use {', '.join(images.WRITTEN)}"),
    (["plain", "--grid", "out"], Exit.USAGE, f"--grid out: cannot write a file without suffix; use {', '.join(images.WRITTEN)}"),
    (["plain", "--video", "out.gif"], Exit.USAGE, "--video out.gif: cannot write .gif; use .mp4, .mov, .avi, .mkv"),
    (["plain", "--to", "3"], Exit.USAGE, "--to 3 is of a video: say where to write it with --video OUT.mp4"),
    (["plain", "--seconds", "3"], Exit.USAGE, "--seconds 3 is of a video: say where to write it with --video OUT.mp4"),
    (["plain", "--video", "w.avi", "--to", "-3"], Exit.USAGE, "--to -3: give a seed, a whole number from 0"),
    (["plain", "--video", "w.avi", "--seconds", "0"], Exit.USAGE, "--seconds 0: give 0.2 to 60"),
    (["plain", "--video", "w.avi", "--seconds", "nan"], Exit.USAGE, "--seconds nan: give 0.2 to 60"),
    (
        ["plain", "--video", "w.avi", "--count", "1025"],
        Exit.USAGE,
        "--count 1025: --video shows at most 1024; --out DIR writes each in a file of its own",
    ),
    (["plain", "--count", "10001"], Exit.USAGE, "--count 10001: --grid shows at most 10000; --out DIR writes each in a file of its own"),
    (["plain", "--grid", "folder.png"], Exit.CANNOT_WRITE, "--grid folder.png: cannot write (it is a folder); choose another name"),
    (["plain", "--video", "folder.avi"], Exit.CANNOT_WRITE, "--video folder.avi: cannot write (it is a folder); choose another name"),
    (["plain", "--out", "file"], Exit.CANNOT_WRITE, "--out file: cannot write (File exists); choose another place"),
    (["plain", "--grid", "file/out.png"], Exit.CANNOT_WRITE, "--grid file/out.png: cannot write (File exists); choose another place"),
]


@pytest.mark.parametrize("words, code, line", WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_what_is_wrong_is_one_line_and_nothing_is_written(here, capsys, words, code, line):
    (here / "folder.png").mkdir()
    (here / "folder.avi").mkdir()
    (here / "file").write_text("")
    before = sorted(here.rglob("*"))
    assert run(capsys, "sample", *words) == (code, "", f"cvapp: {line}\n")
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize(
    "words", [["predict", "plain", "pic.png"], ["camera", "plain"], ["camera", "plain", "--attention"], ["slide", "plain"]], ids=str
)
def test_a_generator_is_shown_no_pictures(here, capsys, words):
    images.write("pic.png", np.zeros((8, 8, 3), np.uint8))
    line = "cvapp: plain is a generator: use sample, as in cvapp sample plain; it makes pictures and looks at none\n"
    assert run(capsys, *words) == (Exit.USAGE, "", line)


def test_verify_replays_its_golden_samples_and_sees_what_is_wrong(here, capsys):
    code, out, err = run(capsys, "verify", "asked")
    assert code == 0 and "replaying the golden samples" in err
    assert out.splitlines()[1].split()[0] == "float32" and float(out.splitlines()[1].split()[1]) < 1e-5
    assert out.splitlines()[-1] == "asked: files, labels and answers to 16 golden samples are as exported"
    held = weights(3, 1)
    other = tiny_generator(3, 1).replace(held.tobytes(), (1.2 * held).astype(np.float32).tobytes())
    put(here / "saved_models/asked", metadata.write(other, says("other")))
    code, out, err = run(capsys, "verify", "asked")
    assert (code, out) == (Exit.GATE, "") and "its metadata say name 'other', the card 'asked'" in err
    assert re.search(r"a number differs from the golden sample's by 0\.\d+ \(at most 0\.0040\)", err)
    put(here / "saved_models/asked", with_metadata("asked", labels=LABELS))
    assert "takes uint8 [1 8 8 3], not noise (float32, one row)" in run(capsys, "verify", "asked", "--json")[1]


def test_bench_times_it(here, capsys):
    code, out, _ = run(capsys, "bench", "asked", "--rounds", 1, "--threads", 1, "--json")
    row = json.loads(out)["variants"]["float32"]
    assert code == 0 and 0 < row["threads"]["1"]["median_ms"] <= row["threads"]["1"]["p95_ms"] and row["bytes"] > 1000


def test_another_variant_is_put_in_use_and_packed(here, capsys):
    change_export(here / "saved_models/plain", lambda values: values["variants"].update(float16=values["variants"]["float32"]))
    (here / "saved_models/plain/lite/float16.tflite").write_bytes((here / "saved_models/plain/lite/float32.tflite").read_bytes())
    assert run(capsys, "export", "plain", "--use", "float16")[:2] == (0, "float16 of plain is in use\n")
    assert json.loads(run(capsys, "sample", "plain", "--json")[1])["variant"] == "float16"
    assert run(capsys, "export", "plain", "--out", "plain.zip")[0] == 0 and (here / "plain.zip").is_file()


@pytest.mark.parametrize("words, said", [(["--data", "photos"], "--data photos"), (["--max-drop", "1"], "--max-drop 1")])
def test_options_of_export_that_mean_nothing_to_it_are_refused(here, capsys, words, said):
    line = f"cvapp: {said}: plain is a generator, which is proven on noise and has no accuracy; leave it out\n"
    assert run(capsys, "export", "plain", *words) == (Exit.USAGE, "", line)


def test_it_runs_where_tensorflow_cannot_be_imported(here):
    program = (
        "import sys\nfor name in ('tensorflow', 'keras', 'tensorflow_hub', 'keras_cv', 'matplotlib'): sys.modules[name] = None\n"
        "from cvapp.cli import main\nsys.exit(main(['sample', 'plain', '--count', '4', '--grid', 'g.png', '--video', 'w.avi', '--seconds', '0.2']))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(images.read(here / "g.png"), sampling.grid(made("plain", 4)))
