"""The page live, on a camera that plays the video of the signs: what it says is what `cvapp predict` says of the same frames, and soon."""

import json
import time

import cv2
import numpy as np
import pytest

from cvapp import bundle, images
from cvapp.cli import main
from cvapp.data.signs import read_truth
from tests.phone import browsing, serving
from tests.phone.browsing import opened, playwright  # noqa: F401 - a fixture

pytestmark = pytest.mark.browser

FIRST, RATE = 3.0, 20.0  # seconds to the first answer, and answers a second, that are promised for the demo's model
COUNT = 24
# Every fifth answer is kept with its frame, until there are so many.
KEEP = """(count) => {
  globalThis.kept = [];
  seen.kept = ({source, found}) => {
    if (seen.answers % 5 || kept.length === count) return;
    const canvas = Object.assign(document.createElement('canvas'), {width: source.width, height: source.height});
    canvas.getContext('2d').drawImage(source, 0, 0);
    kept.push({canvas, found});
  };
}"""
KEPT = "kept.map(({canvas, found}) => ({png: canvas.toDataURL('image/png').split(',')[1], found}))"


@pytest.fixture(scope="module")
def frames(signs_home):
    """The video's frames, uint8 RGB."""
    video, found = cv2.VideoCapture(str(signs_home / "scene.mp4")), []
    while (read := video.read())[0]:
        found.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    return found


@pytest.fixture(scope="module")
def watching(playwright, frames, tmp_path_factory):  # noqa: F811
    """A browser whose camera plays the video over and over."""
    video = browsing.write_y4m(tmp_path_factory.mktemp("camera") / "scene.y4m", frames)
    with browsing.browser(playwright, *browsing.playing(video)) as one:
        yield one


@pytest.fixture(scope="module")
def address(signs_home):
    with serving.phone(signs_home, "signs", "--port", "0") as server:
        yield server.address


@pytest.fixture(scope="module")
def kept(watching, address):
    """Frames as the page saw them, uint8 RGB, and its answers to them."""
    with opened(watching, address, permissions=["camera"]) as page:
        page.wait("return seen.answers")
        page.ask(KEEP, COUNT)
        page.wait(f"return kept.length === {COUNT}")
        rows = page.ask(KEPT)
    return [(browsing.unpacked(row["png"]), row["found"]) for row in rows]


def test_each_answer_is_that_of_cvapp_predict_on_the_same_frame(kept, signs_home, tmp_path, monkeypatch, capsys):
    for number, (frame, _) in enumerate(kept):
        images.write(tmp_path / f"{number:02}.png", frame)
    monkeypatch.chdir(signs_home)
    assert main(["predict", "signs", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    for number, (_, found) in enumerate(kept):
        file = str(tmp_path / f"{number:02}.png")
        assert found["said"] == said["answers"][file]
        expected = {score["label"]: score["probability"] for score in said["photos"][file]}
        np.testing.assert_allclose([one["probability"] for one in found["scores"]], [expected[one["label"]] for one in found["scores"]], atol=1e-3)
    assert len(set(said["answers"].values())) >= 3  # of several signs, or a sign and none


def test_the_frames_are_those_of_the_video_and_are_named_right(kept, frames, signs_home):
    """The camera's way through the browser changes colours a little, and no answer that is sure."""
    truth, one = read_truth(signs_home / "scene.truth.csv"), bundle.open_lite(signs_home / "saved_models/signs")
    small = np.stack([cv2.resize(frame, (64, 48), interpolation=cv2.INTER_AREA) for frame in frames]).astype(int)
    right = whole = 0
    for picture, found in kept:
        apart = np.abs(small - cv2.resize(picture, (64, 48), interpolation=cv2.INTER_AREA)).mean((1, 2, 3))
        nearest = int(apart.argmin())
        assert apart[nearest] < 4 < np.median(apart)
        scores = one.classify(frames[nearest])
        if scores[0].probability > 0.95:
            assert found["said"] == one.answer(scores)
        if truth[nearest][1]:
            whole, right = whole + 1, right + (found["said"] == truth[nearest][0])
    assert whole > COUNT / 3 and right / whole >= 0.8


def test_the_first_answer_comes_soon_and_the_others_fast(watching, address):
    with opened(watching, address, permissions=["camera"]) as page:
        first = page.wait("return seen.first") / 1000
        page.wait("return seen.proof?.same")
        before, start = page.answers(), time.monotonic()
        time.sleep(3)
        rate = (page.answers() - before) / (time.monotonic() - start)
        shown = page.text("#pace")
    assert first < FIRST and rate >= RATE, f"{first:.2f} s to the first answer, {rate:.1f} a second"
    assert abs(float(shown.split(" fps")[0]) - rate) < 15 and shown.endswith(" ms")


def test_pause_and_going_on(watching, address):
    with opened(watching, address, permissions=["camera"]) as page:
        page.wait("return document.body.dataset.state === 'live' && seen.answers")
        page.page.click("#pause")
        page.wait("return document.body.dataset.state === 'paused'")
        before = page.answers()
        shown = page.text("#answer")
        assert not page.ask("document.getElementById('video').srcObject")  # the camera is off
        with page.page.expect_download() as caught:
            page.page.click("#save")
        assert images.read(caught.value.path()).shape[1] == 640
        time.sleep(0.5)
        assert page.answers() == before and page.text("#answer") == shown
        page.page.click("#pause")
        page.wait(f"return document.body.dataset.state === 'live' && seen.answers > {before + 3}")


def test_another_variant_takes_over_while_it_runs(watching, address):
    with opened(watching, address, permissions=["camera"]) as page:
        page.wait("return seen.answers")
        assert page.variant("float16")["same"]
        before = page.answers()
        page.wait(f"return seen.answers > {before + 3}")


def test_front_and_back(playwright, address):  # noqa: F811
    """Two cameras: the button is there, and the page goes on with the other."""
    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream=device-count=2"]
    with browsing.browser(playwright, *flags) as one, opened(one, address, permissions=["camera"]) as page:
        page.wait("return document.body.dataset.state === 'live' && seen.answers")
        page.wait("return !document.getElementById('flip').disabled")
        asked = page.ask(
            "(async () => { const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices); globalThis.asked = [];"
            " navigator.mediaDevices.getUserMedia = (wanted) => { asked.push(wanted.video.facingMode.ideal); return real(wanted); };"
            " return asked; })()"
        )
        assert asked == []
        before = page.answers()
        page.page.click("#flip")
        page.wait(f"return document.body.dataset.state === 'live' && seen.answers > {before + 2}")
        assert page.ask("asked") == ["user"]
        mirrored = page.ask("document.getElementById('video').classList.contains('mirrored')")
        assert mirrored is True
        page.page.click("#flip")
        page.wait("return asked.length === 2 && document.body.dataset.state === 'live'")
        mirrored = page.ask("document.getElementById('video').classList.contains('mirrored')")
        assert page.ask("asked") == ["user", "environment"] and mirrored is False
