"""Texts live: the vote over frames, what is said and logged, and the strip below the picture."""

import math

import numpy as np
import pytest

from cvapp.camera.written import Voting, draw, written


def test_a_frame_alone_is_as_it_is():
    vote = Voting(0.0)
    for time, answer in enumerate([("12", 0.9), ("7", 0.2), ("", 0.4)]):
        assert vote(answer, float(time)) == answer


def test_one_bad_frame_does_not_flip_the_text():
    """New counts 1 - 1/e after one time constant: 0.632 of 0.3 stands against 0.368 of 0.9."""
    vote, share = Voting(0.5), 1 - math.exp(-1)
    assert vote(("12", 0.9), 0.0) == ("12", 0.9)
    text, mean = vote(("17", 0.3), 0.5)
    assert text == "12" and mean == pytest.approx((1 - share) * 0.9)
    assert vote(("17", 0.8), 1.0)[0] == "17", "two in a row do"
    assert vote(("5", 0.1), 0.2) == ("5", 0.1), "a film that begins anew"


def test_texts_that_are_long_gone_are_forgotten():
    vote = Voting(0.1)
    for number in range(100):
        vote((str(number), 0.9), 0.1 * number)
    assert len(vote._kept) < 15


def test_what_is_said_logged_and_counted():
    kind = written()
    assert (kind.say(("042", 0.98765)), kind.counted(("042", 0.9))) == ("042", ["042"])
    assert kind.line(("042", 0.98765)) == {"text": "042", "probability": 0.9877}
    assert (kind.say(("", 0.3)), kind.counted(("", 0.3)), kind.line(("", 0.3))["text"]) == ("nothing", ["nothing"], "")


@pytest.mark.parametrize("size", [(480, 640), (32, 160), (40, 30)])
def test_the_picture_is_whole_and_the_text_lies_below_it(size):
    picture = np.random.default_rng(0).integers(60, 200, (*size, 3)).astype(np.uint8)
    drawn = draw(picture, ("02426814", 0.93))
    np.testing.assert_array_equal(drawn[: size[0]], picture)
    strip = drawn[size[0] :]
    assert len(strip) > 20 and strip.shape[1] == size[1] and strip.dtype == np.uint8
    assert strip.max() > 200 > strip.mean(), "bright text on a dark strip"
    assert draw(picture, ("0" * 40, 1.0)).shape == drawn.shape, "every frame of a film has one size"
    assert (draw(picture, ("72426814", 0.93)) != drawn).any()


def test_the_status_stands_on_the_picture():
    picture = np.full((480, 640, 3), 120, np.uint8)
    told = written().draw(picture, ("1", 0.5), "25 frames/s", None, True)
    assert (told[:34, 400:] != 120).any() and (told[34:480] == 120).all()
