"""Progress: every item is counted, a terminal sees a bar and the time left, a log file one line, and C++ is kept quiet."""

import io
import os
import types

import pytest

from cvapp import progress


class Screen(io.StringIO):
    """Standard error, as a terminal or as a file."""

    def __init__(self, terminal: bool):
        super().__init__()
        self.isatty = lambda: terminal


@pytest.fixture
def show(monkeypatch):
    """Report states (clock, done of 4) through a Terminal; what the screen has then."""

    def shown(terminal: bool, states) -> str:
        screen, clock = Screen(terminal), types.SimpleNamespace(monotonic=lambda: now)
        monkeypatch.setattr("sys.stderr", screen)
        monkeypatch.setattr(progress, "time", clock)
        report = progress.Terminal()
        for now, done in states:
            report("work", done, 4)
        report("a line")
        return screen.getvalue()

    return shown


@pytest.mark.parametrize("items, total", [(["a", "b"], None), (iter("ab"), 2)])
def test_each_yields_all_and_counts_them(items, total):
    told = []
    assert list(progress.each(items, "work", lambda *state: told.append(state), total)) == ["a", "b"]
    assert told == [("work", 0, 2), ("work", 1, 2), ("work", 2, 2)]


def test_silence_is_silent(capfd):
    assert list(progress.each([1, 2], "work", progress.silent)) == [1, 2]
    assert capfd.readouterr() == ("", "")


def test_a_terminal_sees_a_bar_and_the_time_left(show):
    text = show(True, [(100.0, 0), (102.0, 1), (102.01, 2), (108.0, 4)])
    assert "\rwork  [                        ] 0/4" in text
    assert "\rwork  [######                  ] 1/4  6 s left" in text, "2 s for one, so 6 s for three"
    assert "2/4" not in text, "ten times a second at most"
    assert "\rwork  [########################] 4/4  8.0 s" in text and text.endswith("\na line\n")


def test_a_file_gets_one_line_a_piece_of_work(show):
    lines = show(False, [(100.0, 0), (102.0, 1), (108.0, 4), (200.0, 0), (201.5, 4)]).splitlines()
    assert [line.rstrip() for line in lines] == [f"work  [{'#' * 24}] 4/4  8.0 s", f"work  [{'#' * 24}] 4/4  1.5 s", "a line"]


def test_hushed_keeps_what_libraries_write_off_the_terminal_and_lets_errors_through(capfd):
    os.write(2, b"before ")
    with pytest.raises(ValueError), progress.hushed():
        os.write(2, b"noise")
        raise ValueError
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"


def test_a_file_name_with_a_line_break_is_one_line(show, monkeypatch):
    monkeypatch.setattr("sys.stderr", screen := Screen(False))
    progress.Terminal()("left out: a\nb.jpg")
    assert screen.getvalue() == "left out: a\\nb.jpg\n"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), BrokenPipeError(32, "Broken pipe"), ValueError("closed file")], ids=repr)
def test_work_goes_on_where_nobody_can_be_told(monkeypatch, error):
    def write(text):
        raise error

    monkeypatch.setattr("sys.stderr", types.SimpleNamespace(write=write, isatty=lambda: True))
    assert list(progress.each("ab", "work", progress.Terminal())) == ["a", "b"]
    monkeypatch.setattr("sys.stderr", None)
    assert list(progress.each("ab", "work", progress.Terminal())) == ["a", "b"]
