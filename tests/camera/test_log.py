"""The log of frames: a line at once for each, in two formats."""

import csv
import json

import pytest

from cvapp.camera.log import frame_log
from cvapp.errors import CvappError, Exit

LINES = [{"frame": 0, "answer": "Käfer, klein", "probability": 0.5}, {"frame": 1, "answer": 'a "b"', "probability": 1.0}]


def test_json_lines_are_there_as_soon_as_they_are_written(tmp_path):
    path = tmp_path / "new" / "log.jsonl"
    with frame_log(path) as write:
        for count, line in enumerate(LINES, 1):
            write(line)
            assert len(path.read_text(encoding="utf-8").splitlines()) == count
    assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] == LINES


def test_csv_has_one_head(tmp_path):
    path = tmp_path / "log.csv"
    with frame_log(path) as write:
        for line in LINES:
            write(line)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{name: str(value) for name, value in line.items()} for line in LINES]


def test_a_dash_is_json_lines_on_standard_output(capsys):
    with frame_log("-") as write:
        write(LINES[0])
    assert json.loads(capsys.readouterr().out) == LINES[0]


def test_what_was_logged_outlives_an_error(tmp_path):
    with pytest.raises(KeyboardInterrupt), frame_log(tmp_path / "log.jsonl") as write:
        write(LINES[0])
        raise KeyboardInterrupt
    assert json.loads((tmp_path / "log.jsonl").read_text(encoding="utf-8")) == LINES[0]


@pytest.mark.parametrize(
    "name, code", [("log.txt", Exit.USAGE), ("log", Exit.USAGE), ("taken.jsonl", Exit.CANNOT_WRITE), ("file/log.csv", Exit.CANNOT_WRITE)]
)
def test_a_place_that_cannot_be_logged_to_is_one_line(tmp_path, name, code):
    (tmp_path / "taken.jsonl").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(CvappError) as error, frame_log(tmp_path / name):
        pass
    assert error.value.code == code and "\n" not in str(error.value)
