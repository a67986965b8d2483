"""The one error: a single line and the exit code that the design gives it."""

import shlex
from pathlib import Path

import pytest

from cvapp import installing
from cvapp.errors import CvappError, Exit, folded, missing_extra, one_line


def test_a_line_break_in_what_came_is_escaped():
    error = CvappError("photo\n  one.jpg:\tis\r\nempty ")
    assert str(error) == r"photo\n  one.jpg:\tis\r\nempty"
    assert error.code == Exit.USAGE, "usage unless told"


@pytest.mark.parametrize(
    "text, line",
    [
        ("a\u2028b\x85c", r"a\u2028b\x85c"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        (b"caf\xe9.png".decode(errors="surrogateescape"), r"caf\xe9.png"),
        ("\ud800", r"\ud800"),
        ("plain, שלום, می\u200cخواهم, 👩\u200d🚀", "plain, שלום, می\u200cخواهم, 👩\u200d🚀"),
    ],
    ids=["line separators", "terminal codes", "turned direction", "no UTF-8", "half a pair", "any script"],
)
def test_one_line_escapes_what_cannot_be_seen_and_nothing_else(text, line):
    assert one_line(text) == line == one_line(line)


def test_what_a_library_says_in_several_lines_is_folded_and_cut():
    assert folded(ValueError("No such\n  layer:\n\nDense "), 17) == "No such layer: De"


@pytest.mark.parametrize(
    "name, code",
    [("DONE", 0), ("BUG", 1), ("USAGE", 2), ("BAD_DATA", 3), ("NO_WEIGHTS", 4), ("GATE", 5), ("NO_DEVICE", 6), ("CANNOT_WRITE", 7),
     ("INTERRUPTED", 130)],
)
def test_exit_codes_are_those_of_the_design(name, code):
    assert Exit[name] == code == CvappError("x", Exit[name]).code
    assert len(Exit) == 9


def test_a_missing_package_names_the_command_that_installs_it():
    error = missing_extra("tensorflow", "train")
    root = Path(__file__).resolve().parents[1]
    assert str(error) == f"tensorflow is not installed: pip install -e '{root}[train]'" and error.code == Exit.USAGE


WHEEL = "cvapp-0.1-py3-none-any.whl"


@pytest.mark.parametrize(
    "told, words",
    [
        (None, "cvapp[train]"),
        ("{}", "cvapp[train]"),
        ("no JSON", "cvapp[train]"),
        (f'{{"url": "file:///gone/{WHEEL}", "archive_info": {{}}}}', f"{WHEEL}[train]"),
        (f'{{"url": "file://FOLDER/my%20wheels%20(1)/{WHEEL}", "archive_info": {{}}}}', f"FOLDER/my wheels (1)/{WHEEL}[train]"),
        ('{"url": "file://FOLDER/my%20wheels%20(1)", "dir_info": {}}', "FOLDER/my wheels (1)[train]"),
        ('{"url": "https://a.b/c.git", "vcs_info": {"vcs": "git"}}', "cvapp[train] @ git+https://a.b/c.git"),
        (f'{{"url": "https://a.b/{WHEEL}"}}', f"cvapp[train] @ https://a.b/{WHEEL}"),
    ],
)
def test_an_installed_cvapp_names_what_it_was_installed_from(tmp_path, monkeypatch, told, words):
    """As pip keeps it (PEP 610); the command can be pasted into a shell whatever the path."""
    (tmp_path / "my wheels (1)").mkdir()
    (tmp_path / "my wheels (1)" / WHEEL).touch()
    (tmp_path / "cvapp-0.1.dist-info").mkdir()
    (tmp_path / "cvapp-0.1.dist-info" / "METADATA").write_text("Name: cvapp\nVersion: 0.1\n")
    if told:
        (tmp_path / "cvapp-0.1.dist-info" / "direct_url.json").write_text(told.replace("FOLDER", str(tmp_path)))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(installing, "ROOT", tmp_path)
    assert shlex.split(installing.command("train")) == ["pip", "install", words.replace("FOLDER", str(tmp_path))]


def test_a_checkout_in_any_folder_can_be_pasted(tmp_path, monkeypatch):
    root = tmp_path / "it's (mine)"
    root.mkdir()
    monkeypatch.setattr(installing, "ROOT", root)
    for name in ("setup.cfg", "pyproject.toml"):
        (root / name).touch()
    assert shlex.split(installing.command("phone")) == ["pip", "install", "-e", f"{root}[phone]"]
    assert shlex.split(installing.command("")) == ["pip", "install", "-e", str(root)]
