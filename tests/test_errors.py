"""The one error: a single line and the exit code that the design gives it."""

import pytest

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
    assert str(error) == "tensorflow is not installed: pip install 'cvapp[train]'" and error.code == Exit.USAGE
