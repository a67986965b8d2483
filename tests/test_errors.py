"""The one error: a single line and the exit code that the design gives it."""

import pytest

from cvapp.errors import CvappError, Exit, missing_extra


def test_what_came_is_folded_to_one_line():
    error = CvappError("photo\n  one.jpg:\tis\r\nempty ")
    assert str(error) == "photo one.jpg: is empty"
    assert error.code == Exit.USAGE, "usage unless told"


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
