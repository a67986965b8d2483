"""`cvapp data check` and `cvapp data convert` on photos with boxes: what a person reads, what a machine reads, the exit code."""

import json

import pytest

from cvapp.cli import main
from cvapp.errors import Exit
from tests.data.formats.sets import lay, voc_xml


@pytest.fixture
def voc(workspace):
    """A folder of two photos, `voc`: one box in a damaged photo's place, one clipped, one difficult."""
    boxes = ("cat", 1, 1, 20, 10), ("dog 2", 60, 1, 70, 10, 1)
    return lay(
        workspace,
        {
            "voc/Annotations/a.xml": voc_xml("a.jpg", *boxes),
            "voc/Annotations/b.xml": "<annotation>",
            "voc/JPEGImages/a.jpg": "",
            "voc/JPEGImages/b.jpg": "",
        },
    )


def run(capsys, *words):
    """Exit code, standard output and standard error."""
    code = main([str(word) for word in words])
    return code, *capsys.readouterr()


def test_check_says_what_is_there_and_what_is_wrong(voc, capsys):
    code, out, _ = run(capsys, "data", "check", "voc")
    assert code == Exit.BAD_DATA
    assert out.splitlines() == [
        "class  photos  objects  shortest side  median  longest",
        "cat         1        1             10      15       20",
        "dog 2       1        1              5       8       10",
        "",
        "files that cannot be used (1)",
        "  b.jpg: Annotations/b.xml: line 1: no element found",
        "",
        "boxes that reach beyond the picture, clipped (1)",
        "  a.jpg: box 2 (dog 2) 59..70 x 0..10 reaches beyond the picture (64x48): clipped",
        "",
        "classes that are hard to learn (2)",
        "  class 'cat' has 1 object: 20 are a start",
        "  class 'dog 2' has 1 object: 20 are a start",
        "",
        "1 photos with 2 objects of 2 classes can be used: mend what stands first, then train",
    ]


def test_check_in_json(voc, capsys):
    code, out, _ = run(capsys, "data", "check", "voc", "--json")
    values = json.loads(out)
    assert code == Exit.BAD_DATA and values["wrong"] is True
    assert (values["format"], values["objects"], values["parts"]) == ("voc", 2, {"none": 1})
    assert values["classes"]["cat"] == {"photos": 1, "objects": 1, "parts": {"none": 1}, "sides": [10, 15, 20]}
    assert list(values["unusable"]) == ["b.jpg"] and list(values["mended"]) == ["reaches beyond the picture"]


def test_convert_says_what_was_left_out_and_what_is_lost(voc, capsys):
    code, out, err = run(capsys, "data", "convert", "voc", "--to", "yolo", "--out", "yolo")
    assert code == Exit.DONE and "1 photo left out; cvapp data check voc says what to mend" in err
    assert out.splitlines() == [
        "what yolo cannot hold (1)",
        "  objects marked difficult, ordinary ones now: 1",
        "",
        "photos left out (1)",
        "  b.jpg: Annotations/b.xml: line 1: no element found",
        "",
        "boxes mended (1)",
        "  a.jpg: box 2 (dog 2) 59..70 x 0..10 reaches beyond the picture (64x48): clipped",
        "",
        "1 photo with 2 objects, from voc to yolo: yolo; 1 photo left out",
    ]
    code, out, err = run(capsys, "data", "convert", "yolo", "--to", "coco", "--out", "coco")
    assert out.splitlines()[-1] == "1 photo with 2 objects, from yolo to coco: coco" and "left out" not in err
    code, out, _ = run(capsys, "data", "check", "yolo", "--json")
    assert code == Exit.DONE and json.loads(out)["objects"] == 2


def test_convert_in_json_and_its_errors(voc, capsys):
    code, out, _ = run(capsys, "data", "convert", "voc", "--to", "coco", "--out", "out", "--json")
    values = json.loads(out)
    assert code == Exit.DONE and (values["from"], values["to"], values["photos"], values["objects"], values["lost"]) == (
        "voc",
        "coco",
        1,
        2,
        [],
    )
    code, out, err = run(capsys, "data", "convert", "voc", "--to", "coco", "--out", "out")
    assert (code, out) == (Exit.USAGE, "") and err.splitlines()[-1] == "cvapp: out: holds something already; give a new folder"
    code, _, err = run(capsys, "data", "convert", "nowhere", "--to", "coco", "--out", "new")
    assert code == Exit.BAD_DATA and "cvapp: nowhere: no such place; expected Annotations/*.xml" in err
    with pytest.raises(SystemExit) as stop:
        main(["data", "convert", "voc", "--to", "vok", "--out", "new"])
    assert stop.value.code == Exit.USAGE and "Did you mean voc" in capsys.readouterr().err


def test_class_folders_are_checked_as_before(workspace, capsys):
    lay(workspace, {"photos/cats/1.jpg": "", "photos/dogs/1.jpg": ""})
    code, out, _ = run(capsys, "data", "check", "photos")
    assert code == Exit.BAD_DATA and out.startswith("class  usable photos\ncats               1\n")
