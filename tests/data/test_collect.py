"""Collecting: photos from a video at its own pace, numbered on, and a countdown before a live camera's first."""

import re
import threading
import time

import numpy as np
import pytest

from cvapp import images
from cvapp.camera.recorder import record
from cvapp.camera.sources import Frame, Source, open_source
from cvapp.data.collect import Pace, collect
from cvapp.data.folders import scan
from cvapp.data.listing import hashed
from cvapp.data.photos import thumbnails
from cvapp.data.sessions import grouped
from cvapp.errors import CvappError, Exit
from tests.camera.test_sources import number_of, painted


@pytest.fixture(params=[10])
def video(tmp_path, request):
    """A video of 30 numbered frames; its parameter is frames a second."""
    with record(tmp_path / "video.avi", request.param) as recorder:
        for number in range(30):
            recorder.write(painted(number))
    return tmp_path / "video.avi"


def taken(paths) -> list[int]:
    """The numbers that the photos bear."""
    return [number_of(images.read(path)) for path in paths]


def live(times: list[float], shown: threading.Event) -> Source:
    """A camera whose next frame comes once the one before was shown."""

    def frames():
        for index, seconds in enumerate(times):
            yield Frame(painted(index), seconds, index)
            shown.wait(5)
            shown.clear()

    return Source("0", frames(), True, 30.0, None)


@pytest.mark.parametrize("video", [10, 15, 25, 30], indirect=True)
def test_the_interval_is_in_the_videos_own_time(tmp_path, video):
    found = {}
    for every in (1, 2, 3, 4, 5, 6, 7, 10):
        with open_source(video) as source:
            found[every] = taken(collect("bee", source, tmp_path / f"every {every}", Pace(count=99, interval=every / source.fps)))
    assert found == {every: list(range(0, 30, every)) for every in found}


@pytest.mark.parametrize("interval, expected", [(0.0, list(range(30))), (0.25, [0, 3, 5, 8, 10, 13, 15, 18, 20, 23, 25, 28]), (9.0, [0])])
def test_an_interval_between_frames_takes_the_next(tmp_path, video, interval, expected):
    with open_source(video) as source:
        assert taken(collect("bee", source, tmp_path / "data", Pace(99, interval))) == expected


def test_each_session_has_a_name_of_its_own_and_no_photo_is_written_over(tmp_path, video, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1764549912.0)  # two sessions within a second
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(1764549912.0))
    later = time.strftime("%Y%m%d-%H%M%S", time.localtime(1764549913.0))
    latest = time.strftime("%Y%m%d-%H%M%S", time.localtime(1764549914.0))
    for label, pace, session in (("big bee ü", Pace(3, 0.5), stamp), ("big bee ü", Pace(2, 0.5), later), ("wasp", Pace(1), latest)):
        with open_source(video) as source:
            paths = collect(label, source, tmp_path / "data", pace)
        assert [path.name for path in paths] == [f"{label}-{session}v-{number:04d}.jpg" for number in range(1, pace.count + 1)]
        assert taken(paths) == [0, 5, 10][: pace.count]
    listing, thumbs = thumbnails(hashed(scan(tmp_path / "data")))
    assert {(photo.label, photo.group) for photo in grouped(listing, thumbs).photos} == {
        ("big bee ü", f"collected {stamp}v"),
        ("big bee ü", f"collected {later}v"),
        ("wasp", ""),
    }, "a photo by itself is no session"


def test_what_is_saved_is_reported_and_shown(tmp_path, video):
    told, shown = [], []
    with open_source(video) as source:
        collect("bee", source, tmp_path / "data", Pace(3, 0.2), lambda rgb, text: not shown.append((number_of(rgb), text)),
                lambda *state: told.append(state))
    assert told == [("bee", 1, 3), ("bee", 2, 3), ("bee", 3, 3)]
    assert shown == [(0, "bee: 1 of 3"), (1, "bee: 1 of 3"), (2, "bee: 2 of 3"), (3, "bee: 2 of 3"), (4, "bee: 3 of 3")]


def test_closing_the_window_or_ctrl_c_keeps_what_was_saved(tmp_path, video):
    def interrupt(rgb: np.ndarray, text: str) -> bool:
        if text == "bee: 2 of 40":
            raise KeyboardInterrupt
        return True

    told = []
    for show in (lambda rgb, text: text != "bee: 2 of 40", interrupt):
        with open_source(video) as source:
            assert taken(collect("bee", source, tmp_path / "data", Pace(), show, lambda *state: told.append(state))) == [0, 5]
    assert told[-1] == ("stopped after 2 photos",)


def test_a_live_camera_counts_down_before_the_first_photo(tmp_path):
    texts, shown = [], threading.Event()
    source = live([100.0, 100.5, 101.5, 102.9, 103.0, 103.2, 103.5], shown)

    def show(rgb: np.ndarray, text: str) -> bool:
        texts.append(text)
        shown.set()
        return True

    saved = collect("bee", source, tmp_path / "data", Pace(99, 0.5, countdown=3.0), show)
    assert taken(saved) == [4, 6] and all(re.fullmatch(r"bee-\d{8}-\d{6}-000\d\.jpg", path.name) for path in saved)
    assert texts == ["ready in 3", "ready in 3", "ready in 2", "ready in 1", "bee: 1 of 99", "bee: 1 of 99", "bee: 2 of 99"]


def test_a_folder_of_pictures_is_a_source_too(tmp_path):
    for number in range(3):
        images.write(tmp_path / "in" / f"{number}.png", painted(number))
    with open_source(tmp_path / "in") as source:
        assert taken(collect("bee", source, tmp_path / "data", Pace(99, 0.5))) == [0, 1, 2]


@pytest.mark.parametrize("label", ["", "  ", ".", "..", ".hidden", "a/b", "a\\b", "../up", 'a"b', "a:b", "a?", "a*", "a|b", "<a>"])
def test_a_label_that_is_no_folder_name_is_refused_before_anything_is_made(tmp_path, video, label):
    words = "cannot be a folder's name; use letters, digits, blanks, - and _$"
    with open_source(video) as source, pytest.raises(CvappError, match=words) as error:
        collect(label, source, tmp_path / "data", Pace(1))
    assert error.value.code == Exit.USAGE and not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "label, words",
    [
        ("a\nb", "is not readable text: it holds a line break"),
        ("a\tb", r"holds a control character \(U\+0009\)"),
        ("\u202eab", "right-to-left override"),
        ("b" * 101, "has 101 characters; 100 are the most"),
    ],
)
def test_a_label_is_held_to_the_rule_for_all(tmp_path, video, label, words):
    with open_source(video) as source, pytest.raises(CvappError, match=f"{words}.*; use letters, digits, blanks, - and _$") as error:
        collect(label, source, tmp_path / "data", Pace(1))
    assert error.value.code == Exit.USAGE and not (tmp_path / "data").exists()


def test_a_class_that_is_there_in_another_spelling_is_gone_on_with(tmp_path, video):
    (tmp_path / "data" / "cafe\u0301").mkdir(parents=True)
    with open_source(video) as source:
        (saved,) = collect(" caf\u00e9 ", source, tmp_path / "data", Pace(1))
    assert saved.parent == tmp_path / "data" / "cafe\u0301" and saved.name.startswith("caf\u00e9-") and saved.name.endswith("-0001.jpg")
    told = []
    with open_source(video) as source:
        (saved,) = collect("CAF\u00c9", source, tmp_path / "data", Pace(1), report=lambda text, *_: told.append(text))
    assert saved.parent.name == "CAF\u00c9"
    assert told[0] == "there is a class 'cafe\u0301' too, which looks like 'CAF\u00c9'; if they are one, collect 'cafe\u0301'"


@pytest.mark.parametrize("pace", [{"count": 0}, {"interval": -0.1}, {"countdown": -1}, {"interval": float("nan")}])
def test_a_pace_is_checked_when_made(pace):
    with pytest.raises(CvappError, match="^count .*: give a count of at least 1 and no negative seconds$") as error:
        Pace(**pace)
    assert error.value.code == Exit.USAGE


def test_a_place_that_cannot_be_written_is_told(tmp_path, video):
    (tmp_path / "data").touch()
    with open_source(video) as source, pytest.raises(CvappError, match="data/bee: cannot write") as error:
        collect("bee", source, tmp_path / "data")
    assert error.value.code == Exit.CANNOT_WRITE
