"""The kinds of answers: what is said, logged and counted of names, and a live run of boxes from the frames to the log and the recording."""

import csv
import json

import numpy as np
import pytest

from cvapp.boxes import Boxes
from cvapp.camera.boxed import boxed
from cvapp.camera.kinds import named
from cvapp.camera.live import Options, run
from tests.camera.test_recorder import played
from tests.camera.test_sources import number_of, write_video

SCORES = [("wasp", 0.41), ("bee", 0.3)]
LABELS = ("bee", "wasp")


def test_names_are_said_logged_and_counted():
    kind = named(lambda scores: "unknown")
    assert (kind.say(SCORES), kind.counted(SCORES)) == ("unknown", ["unknown"])
    assert kind.line(SCORES) == {"label": "wasp", "probability": 0.41}
    assert named().say(SCORES) == "wasp"
    picture = np.full((96, 128, 3), 90, np.uint8)
    assert (kind.draw(picture, SCORES, "", None, False) != named().draw(picture, SCORES, "", None, False)).any(), (
        "what is said stands first"
    )


def test_a_name_that_cannot_be_drawn_here_is_its_number(few_fonts):
    labels = ("ไทย", "עברית", "bee")
    picture, plain = np.full((96, 128, 3), 90, np.uint8), named()
    for label, shown in (("ไทย", "#0"), ("עברית", "עברית"), ("bee", "bee")):
        for kind in (named(labels=labels), named(lambda scores: scores[1][0], labels)):
            scores, drawn = [(label, 0.5), ("bee", 0.2)], [(shown, 0.5), ("bee", 0.2)]
            expected = plain if kind.say(scores) == label else named(lambda scores: "bee")
            np.testing.assert_array_equal(kind.draw(picture, scores, "", None, False), expected.draw(picture, drawn, "", None, False))
            assert kind.line(scores)["label"] == label, "what is logged stays as it is"


def test_a_box_whose_class_cannot_be_drawn_here_has_its_number(few_fonts):
    found = Boxes(np.float32([[10, 40, 60, 80]]), np.float32([0.9]), np.int32([1]), np.zeros((1, 0, 2), np.float32))
    picture = np.full((96, 128, 3), 90, np.uint8)

    def drawn(*labels):
        return boxed(labels).draw(picture, found, "", None, False)

    np.testing.assert_array_equal(drawn("a", "ไทย"), drawn("a", "#1"))
    assert (drawn("a", "עברית") != drawn("a", "תירבע")).any(), "in the order of reading"
    assert boxed(("a", "ไทย")).say(found) == "1 ไทย"


def eye(rgb):
    """A made-up detector: on frame n, n % 3 bees side by side, the first of them beside the number's bits; a wasp on each fifth."""
    number = number_of(rgb)
    edges = [(10 + 40 * place, 70, 30 + 40 * place, 100) for place in range(number % 3)] + [(120, 75, 150, 110)] * (number % 5 == 0)
    classes = [0] * (number % 3) + [1] * (number % 5 == 0)
    return Boxes(np.float32(edges).reshape(-1, 4), np.linspace(0.9, 0.8, len(edges), dtype=np.float32), np.int32(classes))


@pytest.fixture
def video(workspace):
    return str(write_video(workspace / "scene.mp4", 15, 25, (120, 160)))


def counted():
    """What the summary should count, by counting."""
    frames = {"bee": sum(n % 3 > 0 for n in range(15)), "wasp": sum(n % 5 == 0 for n in range(15))}
    return {**frames, "nothing": sum(n % 3 == 0 and n % 5 > 0 for n in range(15))}


def test_boxes_of_a_video_are_logged_counted_and_recorded(video, workspace):
    done = run(video, eye, Options(kind=boxed(LABELS), log="log.jsonl", save="out.avi"))
    assert (done.frames, done.labels) == (15, counted()), "a frame counts once for each label that it shows"
    lines = [json.loads(line) for line in (workspace / "log.jsonl").read_text().splitlines()]
    assert [len(line["boxes"]) for line in lines] == [n % 3 + (n % 5 == 0) for n in range(15)]
    assert lines[5]["answer"] == "2 bee, 1 wasp" and lines[3]["answer"] == "nothing" and lines[3]["boxes"] == []
    assert lines[5]["boxes"][2] == {"label": "wasp", "score": 0.8, "xyxy": [120.0, 75.0, 150.0, 110.0]}
    frames = played("out.avi")[0]
    bright = [(frame[70:110].max(2) - frame[70:110].min(2)) > 60 for frame in frames]
    assert [bool(part[:, :115].sum() > 60) for part in bright] == [n % 3 > 0 for n in range(15)]
    assert [bool(part[:, 115:].sum() > 60) for part in bright] == [n % 5 == 0 for n in range(15)]


def test_a_csv_holds_the_boxes_as_json(video, workspace):
    run(video, eye, Options(kind=boxed(LABELS), log="log.csv"))
    with open("log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15 and rows[3]["boxes"] == "[]"
    assert [box["label"] for box in json.loads(rows[5]["boxes"])] == ["bee", "bee", "wasp"] and rows[5]["answer"] == "2 bee, 1 wasp"


def test_a_mirrored_recording_shows_the_boxes_mirrored(video):
    run(video, eye, Options(kind=boxed(LABELS), save="plain.avi"))
    run(video, eye, Options(kind=boxed(LABELS), save="mirrored.avi", mirror=True))
    plain, turned = (np.stack(played(name)[0]).astype(int) for name in ("plain.avi", "mirrored.avi"))
    coloured = [(frames[10, 76:108].max(2) - frames[10, 76:108].min(2) > 60).any(0) for frames in (plain, turned)]
    np.testing.assert_array_equal(*(np.flatnonzero(part)[[0, -1]] // 3 for part in (coloured[0], coloured[1][::-1])))
    assert not np.array_equal(coloured[0], coloured[1])


def test_boxes_are_steadied_where_that_is_asked_for(video, workspace):
    places = iter(range(15))

    def moving(rgb):
        left = 20 + 2 * next(places)
        return Boxes(np.float32([[left, 70, left + 40, 110]]), np.float32([0.9]), np.int32([0]))

    run(video, moving, Options(kind=boxed(LABELS), smooth=0.04, log="log.jsonl"))
    lines = [json.loads(line) for line in (workspace / "log.jsonl").read_text().splitlines()]
    left = 20.0
    for number, line in enumerate(lines):
        left = left if number == 0 else left + (1 - np.exp(-1)) * (20 + 2 * number - left)  # 25 frames a second: one time constant
        assert line["boxes"][0]["xyxy"][0] == pytest.approx(left, abs=0.06)
