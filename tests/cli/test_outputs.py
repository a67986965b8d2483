"""Every output of every command: never over what is read, with a suffix that is known, at a place that can be written; told before any work."""

import glob
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from cvapp import images
from cvapp.cli import main, outputs
from cvapp.cli.outputs import Output
from cvapp.errors import CvappError, Exit
from tests.camera.test_sources import painted, write_video
from tests.tiny_generator import save_exported
from tests.tiny_tflite import save_model

PREDICT = ("predict", "tiny", "photos")
CAMERA = ("camera", "tiny", "--no-show", "--source")
SAMPLE = ("sample", "made", "--count", "4")
SIGNS = ("data", "signs", "--count", "5")
CONVERT = ("data", "convert", "boxes", "--to", "yolo")
ISP = ("isp", "photos/b.png", "--steps", "mean")
EXPORT = ("export", "tiny")
COLLECT = ("data", "collect", "mug", "--source", "scene.avi", "--interval", "0")
VOC = (
    "<annotation><filename>a.png</filename><object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>20</xmax><ymax>20</ymax></bndbox>"
    "</object></annotation>"
)


def lay(folder):
    """Models, photos, a video and photos with boxes, and names that lead to them by another way."""
    save_model(folder / "saved_models/tiny")
    save_exported(folder / "saved_models/made")
    for name in ("photos/a.jpg", "photos/b.png", "boxes/JPEGImages/a.png", "photos/c.tiff"):
        images.write(folder / name, painted(3))
    (folder / "boxes/Annotations").mkdir()
    (folder / "boxes/Annotations/a.xml").write_text(VOC)
    write_video(folder / "scene.avi", 6)
    for name, target in (("link.csv", "photos/a.jpg"), ("link.jsonl", "scene.avi"), ("link.mp4", "scene.avi"), ("alike", "photos")):
        (folder / name).symlink_to(target)
    os.link(folder / "photos/b.png", folder / "hard.png")
    os.link(folder / "scene.avi", folder / "hard.avi")
    (folder / "table.csv").symlink_to("saved_models/tiny/card.json")
    (folder / "file").write_text("in the way")
    for name in ("folder.csv", "folder.mp4", "folder.png", "folder.jsonl", "folder.zip", "folder.pdf", "full"):
        (folder / name / "inner").mkdir(parents=True)
    return folder


@pytest.fixture
def here(workspace):
    return lay(workspace)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """The same for tests that change nothing, with photos inside of a model's folder."""
    folder = lay(tmp_path_factory.mktemp("untouched"))
    shutil.copytree(folder / "photos", folder / "saved_models/tiny/photos")
    return folder


def contents(folder):
    """Every file with what is in it, every folder and every link."""
    return {path: os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


INPUT, SUFFIX, PLACE, TWICE = "would take the place of", "cannot write ", "cannot write (", "writes there too"
LONG = "n" * 300
REFUSED = [
    (PREDICT, ("--csv", "link.csv"), INPUT),
    (PREDICT, ("--csv", "table.csv"), INPUT),
    (PREDICT, ("--csv", "photos/a.jpg"), SUFFIX),
    (PREDICT, ("--csv", "out"), SUFFIX),
    (PREDICT, ("--csv", "folder.csv"), PLACE),
    (PREDICT, ("--csv", "file/out.csv"), PLACE),
    (PREDICT, ("--csv", f"{LONG}.csv"), PLACE),
    (PREDICT, ("--csv", ""), "give a name"),
    (PREDICT, ("--draw", "photos"), INPUT),
    (PREDICT, ("--draw", "alike"), INPUT),
    (PREDICT, ("--draw", "photos/../alike"), INPUT),
    (PREDICT, ("--draw", "file"), PLACE),
    (PREDICT, ("--draw", ""), "give a name"),
    (CAMERA, ("scene.avi", "--save", "scene.avi"), INPUT),
    (CAMERA, ("scene.avi", "--save", "./photos/../scene.avi"), INPUT),
    (CAMERA, ("scene.avi", "--save", "hard.avi"), INPUT),
    (CAMERA, ("scene.avi", "--save", "link.mp4"), INPUT),
    (CAMERA, ("scene.avi", "--save", "out.webm"), SUFFIX),
    (CAMERA, ("scene.avi", "--save", "folder.mp4"), PLACE),
    (CAMERA, ("scene.avi", "--save", "file/out.mp4"), PLACE),
    (CAMERA, ("scene.avi", "--log", "link.jsonl"), INPUT),
    (CAMERA, ("photos", "--log", "link.csv"), INPUT),
    (CAMERA, ("photos/*.jpg", "--log", "link.csv"), INPUT),
    (CAMERA, ("photos", "--log", "table.csv"), INPUT),
    (CAMERA, ("scene.avi", "--log", "log.txt"), SUFFIX),
    (CAMERA, ("scene.avi", "--log", "folder.jsonl"), PLACE),
    (CAMERA, ("scene.avi", "--snapshots", "file/kept"), PLACE),
    (SAMPLE, ("--grid", "out.csv"), SUFFIX),
    (SAMPLE, ("--grid", "folder.png"), PLACE),
    (SAMPLE, ("--video", "out.gif"), SUFFIX),
    (SAMPLE, ("--video", "folder.mp4"), PLACE),
    (SAMPLE, ("--out", "file"), PLACE),
    (SAMPLE, ("--out", "new", "--grid", "new/0002.png"), TWICE),
    (ISP, ("--out", "photos/b.png"), INPUT),
    (ISP, ("--out", "alike/b.png"), INPUT),
    (ISP, ("--out", "hard.png"), INPUT),
    (ISP, ("--out", "out.dng"), SUFFIX),
    (ISP, ("--out", "folder.png"), PLACE),
    (ISP, ("--out", ""), "give a name"),
    (EXPORT, ("--out", "out.tar"), SUFFIX),
    (EXPORT, ("--out", "folder.zip"), PLACE),
    (EXPORT, ("--out", "file/out.zip"), PLACE),
    (CONVERT, ("--out", "boxes"), "holds something already"),
    (CONVERT, ("--out", "full"), "holds something already"),
    (CONVERT, ("--out", "boxes/new"), "lies inside the photos"),
    (CONVERT, ("--out", "file/new"), PLACE),
    (CONVERT, ("--out", ""), "give a name"),
    (SIGNS, ("--out", "file"), PLACE),
    (SIGNS, ("--scenes", "file"), PLACE),
    (SIGNS, ("--out", "new", "--scenes", "./new"), TWICE),
    (SIGNS, ("--print", "signs.png"), SUFFIX),
    (SIGNS, ("--print", "folder.pdf"), PLACE),
    (SIGNS, ("--video", "signs.gif"), SUFFIX),
    (SIGNS, ("--video", "folder.mp4"), PLACE),
    (SIGNS, ("--out", ""), "give a name"),
    (COLLECT, ("--out", "file"), PLACE),
    (COLLECT, ("--out", ""), "give a name"),
    (("slide", "tiny"), ("--name", "tiny"), "which would be replaced"),
    (("train", "--data", "saved_models/tiny/photos"), ("--name", "tiny"), "which would be replaced"),
]


@pytest.mark.parametrize("words, more, line", REFUSED, ids=[" ".join((*words, *more))[:90] for words, more, _ in REFUSED])
def test_an_output_that_will_not_do_is_one_line_and_nothing_is_touched(untouched, monkeypatch, capsys, words, more, line):
    monkeypatch.chdir(untouched)
    before = contents(untouched)
    code = main([*words, *more])
    out, err = capsys.readouterr()
    assert (code, out) == (Exit.CANNOT_WRITE if line == PLACE else Exit.USAGE, "") and line in err
    assert err.startswith("cvapp: ") and err.count("\n") == 1, "before any work is told of"
    assert contents(untouched) == before


@pytest.mark.parametrize("option, suffixes", [("--csv", [".csv"]), ("--save", [".mp4", ".mov", ".avi", ".mkv"]), ("--log", [".jsonl", ".csv"])])
def test_the_suffixes_that_are_allowed_are_named(untouched, monkeypatch, capsys, option, suffixes):
    monkeypatch.chdir(untouched)
    words = PREDICT if option == "--csv" else (*CAMERA, "photos")
    assert main([*words, option, "out.xyz"]) == Exit.USAGE
    assert capsys.readouterr().err == f"cvapp: {option} out.xyz: cannot write .xyz; use {', '.join(suffixes)}\n"


GOOD = [
    (PREDICT, ("--csv", "new/out.CSV", "--draw", "new/drawn"), ["new/out.CSV", "new/drawn/a.jpg", "new/drawn/b.jpg"]),
    (PREDICT, ("--csv", "photos/out.csv"), ["photos/out.csv"]),
    (CAMERA, ("scene.avi", "--save", "new/out.mkv", "--log", "new/log.csv"), ["new/out.mkv", "new/log.csv"]),
    (CAMERA, ("photos", "--save", "photos/out.mp4", "--log", "photos/log.jsonl"), ["photos/out.mp4", "photos/log.jsonl"]),
    (SAMPLE, ("--grid", "new/a.JPG", "--out", "new", "--video", "new/a.mp4", "--seconds", "0.2"), ["new/a.JPG", "new/0004.png", "new/a.mp4"]),
    (ISP, ("--out", "photos/new.tiff"), ["photos/new.tiff"]),
    (EXPORT, ("--out", "saved_models/tiny/out.zip"), ["saved_models/tiny/out.zip"]),
    (CONVERT, ("--out", "new/yolo"), ["new/yolo/data.yaml"]),
    (SIGNS, ("--scenes", "new/scenes"), ["new/scenes/images/00005.jpg"]),
    (COLLECT, ("--out", "photos"), ["photos/mug/mug-*-0001.jpg"]),
]


@pytest.mark.parametrize("words, more, made", GOOD, ids=[" ".join((*words, *more))[:60] for words, more, _ in GOOD])
def test_the_control_a_good_output_works_and_twice(here, capsys, words, more, made):
    before = contents(here)
    assert main([*words, *more]) == Exit.DONE, capsys.readouterr().err
    assert [path for path in made if not glob.glob(path)] == []
    assert before.items() <= contents(here).items(), "nothing else changed"
    if words != CONVERT:  # wants a new folder
        assert main([*words, *more]) == Exit.DONE, capsys.readouterr().err


def test_what_is_read_may_lie_on_another_name_of_the_disk(workspace):
    """As with a file system without capitals: two names, one file."""
    images.write("a.png", np.zeros((4, 4, 3), np.uint8))
    os.link("a.png", "A.PNG")
    with pytest.raises(CvappError, match=r"^--out A\.PNG: would take the place of a\.png, which is read; choose another name$"):
        outputs.check([Output("--out", "A.PNG", images.WRITTEN)], ["a.png"])


@pytest.mark.parametrize("name", ["split.csv", "photos.split.csv"])
def test_a_frozen_split_is_no_place_for_another_file(workspace, name):
    Path(name).write_text("hash,path,label,part\n")
    with pytest.raises(CvappError, match=f"^--csv {name}: the frozen split of photos is there; choose another name$"):
        outputs.check([Output("--csv", name, (".csv",))])
    Path(name).write_text("path,label\n")
    outputs.check([Output("--csv", name, (".csv",))])


def test_a_pipe_is_no_place_for_a_file(workspace):
    os.mkfifo("pipe.csv")
    with pytest.raises(CvappError, match="^--csv pipe.csv: cannot write .it is a named pipe.; choose another name$") as error:
        outputs.check([Output("--csv", "pipe.csv", (".csv",))])
    assert error.value.code == Exit.CANNOT_WRITE


def test_checking_leaves_no_folder_behind(workspace):
    outputs.check([Output("--out", "deep/new/folder"), Output("--csv", "deeper/out.csv", (".csv",))])
    assert list(workspace.iterdir()) == []
