"""data.yaml: the forms that tools write give what a YAML parser reads from them; other forms are an error."""

import random

import pytest

from cvapp.data.formats import data_yaml
from cvapp.errors import CvappError, Exit

FORMS = [
    "names:\n  0: person\n  1: traffic light  # red\n  2: it's\n  3: a#b\n",
    "names: ['a', \"b\", c d]  # three\n",
    "names: [\n  'a, b', # first\n  \"c]\",\n  d,\n]\nnc: 3\n",
    "names:\n- a\n- 'it''s'\n- \"tab\\u00fc\"\n- bow, arrow (old)\n",
    "names:\n\n# classes\n    - 007\n    -   b:c\n",
    "names: {0: a, 1: 'b: c', 2: d e}\n",
    "{comment}\npath: ../datasets/coco8 # dataset root dir\ntrain: images/train # 4 images\nval: images/val\ntest: # optional\n\nnames:\n  0: a\n"
    "  7: b\n\ndownload: |\n  from x import y\n  names: no\n\n  dir = Path(yaml['path'])\nroboflow:\n  names: none\n".replace(
        "{comment}", "# c"
    ),
    "train: [images/a, 'images/b']\nval:\n  - images/c\ntest: null\nkpt_shape: [17, 3] # number of keypoints\nnames: [a]\n",
    "---\r\npath: C:\\sets\\mine\r\ntrain: images\r\nnames: [a]\r\n",
    "kpt_shape:\n- 4\n- 2\nnames: [a]\n",
]


@pytest.mark.parametrize("text", FORMS)
def test_the_forms_are_read_as_a_yaml_parser_reads_them(tmp_path, text):
    oracle = pytest.importorskip("yaml")
    (tmp_path / "data.yaml").write_bytes(text.encode())
    found, whole = data_yaml.read(tmp_path / "data.yaml"), oracle.load(text, oracle.BaseLoader)
    names = whole["names"]
    assert found.names == (dict(enumerate(names)) if isinstance(names, list) else {int(number): name for number, name in names.items()})
    words = {part: whole[part] for part in ("train", "val", "test") if whole.get(part) not in (None, "", "null")}
    assert found.parts == {part: word if isinstance(word, list) else [word] for part, word in words.items()}
    assert found.path == whole.get("path", "")
    assert found.points == (tuple(map(int, whole["kpt_shape"])) if "kpt_shape" in whole else None)


def test_what_is_written_is_read_by_both(tmp_path):
    oracle = pytest.importorskip("yaml")
    letters = "aü猫 #:'\"\\,[]{}-|>&*!%@`0\u00a0é"
    names = ["".join(random.Random(seed).choices(letters, k=8)).strip() + "." for seed in range(200)]
    names = [" ".join(name.split()) for name in names]
    (tmp_path / "data.yaml").write_text(data_yaml.text(names, {"train": "train.txt"}, 5), encoding="utf-8")
    assert list(data_yaml.read(tmp_path / "data.yaml").names.values()) == names
    whole = oracle.safe_load((tmp_path / "data.yaml").read_text(encoding="utf-8"))
    assert whole == {"train": "train.txt", "kpt_shape": [5, 3], "names": dict(enumerate(names))}


@pytest.mark.parametrize(
    "text, line",
    [
        ("train: images\n", "no classes; expected names: a list, or lines of '0: name'"),
        ("names: &classes [a]\n", "names: '&classes .a.' is not understood; write it as Ultralytics does"),
        ("names: [a, [b]]\n", "names: '.a, .b..' is not understood"),
        ("names: [a\n", "names: '.a' is not understood"),
        ("names: {a: 0}\n", "names: '{a: 0}' is not understood"),
        ("names:\n  cat: 0\n", "names: 'cat: 0' is not understood"),
        ("names:\n  0: |\n    cat\n", "names: '0: |' is not understood"),
        ("names:\n  0: cat\n  - dog\n", "names: '- dog' is not understood"),
        ("names: cat\n  dog\n", "names: 'dog' is not understood"),
        ("names: [a]\nkpt_shape: [17]\n", "kpt_shape is .17., expected .landmarks, 2 or 3."),
        ("names: [a]\nkpt_shape: [17, x]\n", "invalid literal for int"),
        ("names: [a]\npath: *other\n", "path: '.other' is not understood"),
    ],
)
def test_other_forms_are_an_error(tmp_path, text, line):
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(CvappError, match=line) as caught:
        data_yaml.read(tmp_path / "data.yaml")
    assert caught.value.code == Exit.BAD_DATA
