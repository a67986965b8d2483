"""The Makefile's words, with a `cvapp` that says what it was called with."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def house(tmp_path):
    """A checkout with a trained model and a cache, where everything is installed. Only what is tracked is no work of the Makefile."""
    for name in ("Makefile", "setup.cfg", "pyproject.toml", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("saved_models/__init__.py", "saved_models/mine/card.json", "saved_models/.cache/pixels/a", "demo/signs/a.jpg", ".venv/bin/cvapp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".venv/bin/cvapp").write_text('#!/bin/sh\necho cvapp "$@"\ntest "$2" != typo\n')
    (tmp_path / ".venv/bin/cvapp").chmod(0o755)
    (tmp_path / ".venv/.ready").touch()
    subprocess.run("git init -q . && git add saved_models/__init__.py", shell=True, check=True, cwd=tmp_path)
    return tmp_path


def make(house, *words):
    done = subprocess.run(["make", *words], cwd=house, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, [line for line in done.stdout.splitlines() if not line.startswith("make[")]


def test_a_wrong_name_is_left_to_cvapp_and_trains_nothing(house):
    assert make(house, "phone", "NAME=typo") == (2, ["cvapp export typo"])
    assert make(house, "phone", "NAME=mine") == (0, ["cvapp export mine", "cvapp phone mine --lan"])
    code, said = make(house, "phone")
    assert code == 0 and said[0] == "cvapp train feature_extraction --data demo/signs --name signs", "the demo's own model is made"
    assert said[1:] == ["cvapp export signs", "cvapp phone signs --lan"]


def test_names_and_paths_reach_cvapp_whole(house):
    """`echo` shows the words apart from one another by a single space: two spaces in a name stay two."""
    data, name = "my  photos (1)/it's $x", "two  words (2)"
    words = (f"DATA={data.replace('$', '$$')}", f"NAME={name}")
    assert make(house, "train", *words, "SET=a.b=c d.e=(1,2)") == (
        0,
        [f"cvapp train feature_extraction --data {data} --name {name} --set a.b=c --set d.e=(1,2)"],
    )
    assert make(house, "export", *words, "OUT=a (b).zip") == (0, [f"cvapp export {name} --data {data} --out a (b).zip"])
    assert make(house, "export", "NAME=mine") == (0, ["cvapp export mine"]), "photos that are not named are those that were kept"
    assert make(house, "verify", f"NAME={name}")[1] + make(house, "bench", f"NAME={name}")[1] == [f"cvapp verify {name}", f"cvapp bench {name}"]
    assert make(house, "webcam", f"NAME={name}", "SOURCE=a  (1).mp4") == (0, [f"cvapp camera {name} --source a  (1).mp4"])
    assert make(house, "phone", f"NAME={name}", "HERE=1")[1] == [f"cvapp export {name}", f"cvapp phone {name}"]


def test_clean_keeps_trained_models_unless_it_is_told_to_remove_them(house):
    code, said = make(house, "clean")
    assert code == 0 and said[1:] == ["kept: saved_models/mine/", "make clean MODELS=yes removes them"]
    assert sorted(path.name for path in (house / "saved_models").iterdir()) == ["__init__.py", "mine"] and not (house / "demo").exists()
    make(house, "clean", "MODELS=no")
    assert (house / "saved_models/mine/card.json").is_file()
    assert len(make(house, "clean", "MODELS=yes")[1]) == 1
    assert [path.name for path in (house / "saved_models").iterdir()] == ["__init__.py"]
