"""The page in a real browser, beside Python: pixels, boxes, noise, photos, pictures; and what it says when something is refused."""

import base64
import dataclasses
import io
import json
import shutil
import signal
import time

import cv2
import numpy as np
import pytest

from cvapp import bundle, images, sampling
from cvapp import card as cards
from cvapp.images import Images
from cvapp.phone import network
from cvapp.phone.model import TOLD, model_files
from cvapp.phone.served import page_files, with_list
from cvapp.proof import golden
from tests import tiny_generator, tiny_tflite
from tests.phone import browsing, serving
from tests.phone.browsing import opened, playwright  # noqa: F401 - a fixture

pytestmark = pytest.mark.browser

FIT = """async ([rgba, shape, images]) => {
  const {fit} = await import('/fit.js');
  const fitted = fit(Uint8ClampedArray.from(atob(rgba), (one) => one.charCodeAt(0)), shape, images);
  return btoa(Array.from(fitted, (byte) => String.fromCharCode(byte)).join(''));
}"""
SHAPES = [(480, 640), (640, 480), (96, 96), (192, 192), (100, 333), (50, 60), (777, 434), (95, 200)]


@pytest.fixture(scope="module")
def chromium(playwright):  # noqa: F811
    """Without a camera."""
    with browsing.browser(playwright) as one:
        yield one


@pytest.fixture(scope="module")
def mine(exported):
    """The small classifier served, all variants; and its folder."""
    with serving.phone(exported, "mine", "--port", "0") as server:
        yield server.address, exported / "saved_models/mine"


@pytest.fixture(scope="module")
def boxes(detector):
    """The small detector served; and its folder."""
    with serving.phone(detector, "boxes", "--port", "0") as server:
        yield server.address, detector / "saved_models/boxes"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small generator of three classes served; and its folder."""
    home = tmp_path_factory.mktemp("home")
    folder = tiny_generator.save_exported(home / "saved_models/made", conditional=True)
    with serving.phone(home, "made", "--port", "0") as server:
        yield server.address, folder


@pytest.fixture(scope="module")
def without_camera(chromium, mine):
    """The classifier's page, on which no camera was found."""
    with opened(chromium, mine[0], permissions=["camera"]) as page:
        page.wait("return document.body.dataset.state === 'stopped'")
        yield page


def noisy(shape, seed=0) -> np.ndarray:
    """Blobs and grain: uint8 RGB."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 206, (shape[0] // 8 + 2, shape[1] // 8 + 2, 3)).astype(np.uint8)
    return cv2.resize(coarse, shape[::-1]) + rng.integers(0, 50, (*shape, 3)).astype(np.uint8)


@pytest.mark.parametrize("resize", images.RESIZES)
@pytest.mark.parametrize("how", images.FITS)
def test_a_picture_is_fitted_as_python_fits_it(without_camera, how, resize):
    wanted, worst = Images((96, 80), how, resize), 0.0
    for shape in SHAPES:
        picture = noisy(shape)
        top, left, height, width = images.window(shape, wanted)
        part = cv2.cvtColor(picture[top : top + height, left : left + width], cv2.COLOR_RGB2RGBA)
        told = {"size": wanted.size, "fit": how, "resize": resize}
        found = np.frombuffer(base64.b64decode(without_camera.ask(FIT, [browsing.packed(part), shape, told])), np.uint8)
        expected = images.fit(picture, wanted)
        off = np.abs(found.reshape(expected.shape).astype(int) - expected)
        assert off.max() <= 1, shape  # a half rounded to the other side
        worst = max(worst, (off > 0).mean())
    assert worst < 0.01


def test_resizing_kinds_must_match(without_camera):
    """The control: the other kind gives other pixels, and the comparison above would see it."""
    picture = noisy((480, 640))
    told = {"size": (96, 128), "fit": "stretch", "resize": "linear"}
    found = without_camera.ask(FIT, [browsing.packed(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)), (480, 640), told])
    expected = images.fit(picture, Images((96, 128), "stretch", "area"))
    assert np.abs(np.frombuffer(base64.b64decode(found), np.uint8).reshape(expected.shape).astype(int) - expected).max() > 5


def test_halves_are_rounded_to_even(without_camera):
    values = [0.5, 1.5, 2.5, 2.4999, 127.5, 254.5, 0.0, 3.0]
    found = without_camera.ask("async (all) => { const {roundEven} = await import('/fit.js'); return all.map(roundEven); }", values)
    assert found == np.rint(values).tolist()


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**32, 2**53 - 1])
def test_a_seed_gives_numpy_s_noise(without_camera, seed):
    code = "async (seed) => { const {noise} = await import('/noise.js'); return [...noise(40, 100, seed)]; }"
    found = np.float32(without_camera.ask(code, seed)).reshape(40, 100)
    expected = sampling.noise(40, 100, seed)
    np.testing.assert_allclose(found, expected, rtol=2e-7, atol=0)
    assert not np.allclose(found, sampling.noise(40, 100, seed + 1))


@pytest.mark.parametrize("refined", [True, False])
def test_maps_become_the_boxes_that_python_makes_of_them(boxes, chromium, refined, rng):
    """Random maps, many of them sure, so that suppression, merging and the ends of the frame all have work to do."""
    address, folder = boxes
    found = bundle.open_lite(folder)
    told = model_told(folder)
    scan = dataclasses.replace(found.card.scan, refined=refined)
    classes, points = len(found.card.labels), scan.points
    rows, columns = found.predict(found.fit(noisy((96, 128)))[None])[0].shape[:2]
    maps = rng.random((rows, columns, (5 if refined else 0) + classes + 2 * points)).astype(np.float32) ** (3 if refined else 30)
    told["detector"] |= {"refined": refined, "first_class": 5 if refined else 0}
    told["threshold"] = 0.2
    card = dataclasses.replace(found.card, scan=scan, threshold=0.2)
    shape = (333, 500)
    expected = bundle.Bundle(card, found.predict, "float32").locate(maps, shape)
    code = """async ([maps, size, shape, told]) => {
      const {locate} = await import('/boxes.js');
      return locate(Float32Array.from(maps), size, shape, told);
    }"""
    with opened(chromium, address) as page:
        answer = page.ask(code, [maps.ravel().tolist(), maps.shape, shape, told])
    assert len(answer) == len(expected.scores) > (10 if refined else 4)
    np.testing.assert_allclose([box["score"] for box in answer], expected.scores, rtol=1e-6)
    assert [box["place"] for box in answer] == expected.classes.tolist()
    np.testing.assert_allclose([box["xyxy"] for box in answer], expected.xyxy, atol=2e-3)
    np.testing.assert_allclose([box["points"] for box in answer], expected.points.reshape(len(answer), points, 2), atol=2e-3)


def model_told(folder):
    """model.json of a saved model."""
    return json.loads(model_files(folder)[TOLD].data)


def test_every_variant_says_of_the_golden_photos_what_it_said_when_they_were_made(without_camera, mine, tmp_path):
    """Through the gallery: the file is decoded, fitted and answered by the page."""
    pixels, answers = golden.read(mine[1] / "lite/golden.npz")
    labels = cards.read(mine[1]).labels
    files = [tmp_path / f"{number}.png" for number in range(len(pixels))]
    for file, picture in zip(files, pixels):
        images.write(file, picture)
    assert set(answers) >= {"float32", "float16", "dynamic", "int8"}
    for variant in sorted(set(answers) & {"float32", "float16", "dynamic", "int8"}):
        proof = without_camera.variant(variant)
        assert proof["same"] and proof["count"] == len(pixels), proof
        found = []
        for file in files:
            scores = without_camera.choose(file)["scores"]
            assert [one["probability"] for one in scores] == sorted((one["probability"] for one in scores), reverse=True)
            found.append([next(one["probability"] for one in scores if one["label"] == label) for label in labels])
        assert golden.differ(variant, np.float32(found), answers[variant]) == [], variant
        assert golden.differ(variant, np.float32(found)[::-1], answers[variant])  # the control
    without_camera.variant("float32")


def exif(picture, turn) -> bytes:
    """A JPEG that says how it is to be turned."""
    data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 97])[1].tobytes()
    head = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + bytes([0, turn, 0, 0]) + b"\0\0\0\0"
    return data[:2] + b"\xff\xe1" + (len(head) + 2).to_bytes(2, "big") + head + data[2:]


def photos(tmp_path):
    """What a gallery holds: turned, transparent, grey, large."""
    picture = noisy((300, 420), seed=3)
    picture[:, :140] = (200, 30, 30)
    for turn in (1, 3, 6, 8):
        (tmp_path / f"turned{turn}.jpg").write_bytes(exif(picture, turn))
    alpha = np.dstack([picture[..., ::-1], np.linspace(0, 255, 420).astype(np.uint8)[None].repeat(300, 0)])
    cv2.imwrite(str(tmp_path / "clear.png"), alpha)
    cv2.imwrite(str(tmp_path / "grey.png"), picture[..., 0])
    cv2.imwrite(str(tmp_path / "large.jpg"), cv2.resize(picture, (4200, 3000))[..., ::-1])
    cv2.imwrite(str(tmp_path / "photo.webp"), picture[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 101])
    return sorted(tmp_path.iterdir())


def test_photos_of_all_kinds_are_answered_as_predict_answers_them(without_camera, mine, tmp_path):
    one = bundle.open_lite(mine[1])
    heads = set()
    for path in photos(tmp_path):
        found, picture = without_camera.choose(path), images.read(path)
        expected = one.classify(picture)
        assert without_camera.ask("seen.detail.shape") == list(picture.shape[:2]), path.name
        off = max(abs(dict(expected)[score["label"]] - score["probability"]) for score in found["scores"])
        assert off < 0.02, path.name  # decoders of JPEG differ by a level here and there
        assert found["said"] == one.answer(expected) == without_camera.text("#answer")
        heads.add(round(expected[0].probability, 2))
    assert len(heads) > 2  # they are not all answered alike


@pytest.mark.parametrize("size", [(320, 568), (390, 844), (568, 320), (844, 390)])
def test_a_small_screen_holds_it_all(without_camera, size):
    without_camera.page.set_viewport_size({"width": size[0], "height": size[1]})
    assert without_camera.ask("[innerWidth, innerHeight, document.documentElement.scrollWidth]") == [*size, size[0]]
    boxes = [one.bounding_box() for one in without_camera.page.locator("nav button").all()]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= size[0] and box["height"] >= 44 for box in boxes)


def test_what_is_shown_is_the_answer(without_camera, mine, tmp_path):
    images.write(tmp_path / "one.png", noisy((200, 200)))
    found = without_camera.choose(tmp_path / "one.png")
    rows = without_camera.page.locator("#bars li").all_inner_texts()
    assert [row.split("\n")[0] for row in rows] == [score["label"] for score in found["scores"][:3]]
    shares = without_camera.ask("[...document.querySelectorAll('#bars li')].map((row) => Number(row.style.getPropertyValue('--share')))")
    np.testing.assert_allclose(shares, [score["probability"] for score in found["scores"][:3]], rtol=1e-6)
    assert without_camera.text("#pause").strip() == "Camera" and without_camera.page.is_enabled("#save")
    with without_camera.page.expect_download() as caught:
        without_camera.page.click("#save")
    assert caught.value.suggested_filename.startswith("mine-") and caught.value.suggested_filename.endswith(".png")
    saved = images.read(caught.value.path())
    assert saved.shape[1] == 200 and np.array_equal(saved[:200], images.read(tmp_path / "one.png")) and saved.shape[0] > 220


SHOW = """async (labels) => {
  const view = await import('./view.js');
  view.setDirection(labels);
  view.showAnswer({said: labels[0], known: true, scores: labels.map((label, at) => ({label, probability: 0.6 - 0.2 * at}))}, {labels});
  return labels.map(view.isolated);
}"""
WAYS = "(all) => [...document.querySelectorAll(all)].map((one) => getComputedStyle(one).direction)"
# Where the first row's label, its percentage and the colored part of the bar are: left ends in pixels.
PLACES = """() => {
  const [row] = document.querySelectorAll('#bars li');
  const [name, share] = [...row.children].map((one) => one.getBoundingClientRect().left);
  return [name, share, parseFloat(getComputedStyle(row, '::before').left)];
}"""


def test_a_label_reads_in_its_own_direction(without_camera):
    labels = ["עברית", "stop 2", "bee", "🌙"]
    assert without_camera.ask(SHOW, labels) == ["\u2068עברית\u2069", "stop 2", "bee", "🌙"]
    assert without_camera.ask(WAYS, "#bars li span:first-child") == ["rtl", "ltr", "ltr"]
    assert without_camera.ask(WAYS, "#answer, #answer bdi, #bars") == ["ltr", "rtl", "ltr"], "an answer stands where every other does"
    name, share, bar = without_camera.ask(PLACES)
    assert name < share and bar == 0


def test_where_most_labels_are_read_from_the_right_answers_and_bars_begin_there(without_camera):
    without_camera.ask(SHOW, ["كلب", "עברית (2)", "background", "\U0001e900"])  # the last is Adlam
    assert without_camera.ask(WAYS, "#answer, #bars, #bars li span:first-child") == ["rtl", "rtl", "rtl", "rtl", "ltr"]
    name, share, bar = without_camera.ask(PLACES)
    assert share < name and bar > 100, "60% of the bar, from the right"
    align = "(({right}, all) => all.right - 16 - right)(document.querySelector('#answer bdi').getBoundingClientRect(), {right: innerWidth})"
    assert abs(without_camera.ask(align)) < 1
    assert without_camera.page.locator("#bars li").first.inner_text().split("\n")[1] == "60.0%"
    without_camera.ask(SHOW, ["bee", "ant"])
    assert without_camera.ask(WAYS, "#answer, #bars") == ["ltr", "ltr"]


def test_what_a_detector_counts_is_listed_in_the_order_of_the_page(without_camera):
    """A label from the right that comes first must not turn the list around."""
    code = """import('./view.js').then((view) => {
      const labels = ['עברית', 'bee'];
      view.setDirection(labels);
      view.showAnswer({boxes: [{place: 0, score: 0.9}, {place: 0, score: 0.8}, {place: 1, score: 0.7}]}, {labels});
      return [...document.querySelectorAll('#answer bdi')].map((one) => one.getBoundingClientRect().left);
    })"""
    first, second = without_camera.ask(code)
    assert first < second and without_camera.text("#answer") == "2 × עברית, bee"


def test_a_label_on_a_picture_keeps_its_direction_and_leaves_room_for_the_percentage(without_camera):
    code = """async ([label, room]) => {
      const {captioned} = await import('./view.js');
      const context = document.createElement('canvas').getContext('2d');
      context.font = '20px sans-serif';
      const text = captioned(context, label, 0.5, room);
      return [text, context.measureText(text).width, getComputedStyle(document.documentElement).direction];
    }"""
    assert without_camera.ask(code, ["עברית", 400])[0] == "\u2068עברית\u2069 50.0%"
    assert without_camera.ask(code, ["bee", 400])[::2] == ["bee 50.0%", "ltr"], "so that the percentage stands to the right of every label"
    for label, mark in (("a label " * 12, ""), ("שלום רב " * 12, "\u2069")):
        text, width, _ = without_camera.ask(code, [label, 300])
        assert width <= 300 and text.endswith(f"…{mark} 50.0%") and 20 < len(text) < 60


def test_an_unsure_answer_is_unknown(chromium, exported, tmp_path):
    """The same model with a card that asks for more than it can be sure of."""
    home = tmp_path / "home"
    shutil.copytree(exported, home)
    folder = home / "saved_models/mine"
    values = json.loads((folder / "card.json").read_text())
    values["threshold"] = 1.0
    (folder / "card.json").write_text(json.dumps(values))
    export = json.loads((folder / "lite/export.json").read_text())
    export["card"] = cards.sha256(folder / "card.json")
    (folder / "lite/export.json").write_text(json.dumps(export))
    images.write(tmp_path / "one.png", noisy((200, 200)))
    with serving.phone(home, "mine", "--port", "0", "--variant", "int8") as server, opened(chromium, server.address) as page:
        assert server.told["variant"] == "int8"
        page.wait("return document.body.dataset.state === 'stopped'")
        found = page.choose(tmp_path / "one.png")
        assert not found["known"] and page.text("#answer") == "unknown" and len(found["scores"]) > 1


def test_no_camera_and_a_refused_one_are_told_and_photos_still_work(playwright, without_camera, mine, tmp_path):  # noqa: F811
    images.write(tmp_path / "one.png", noisy((200, 200)))
    with browsing.browser(playwright, "--use-fake-device-for-media-stream") as one, opened(one, mine[0], permissions=[]) as page:
        page.wait("return document.body.dataset.state === 'stopped'")
        assert "The camera was refused." in page.text("#message") and "Allow it in the settings" in page.text("#message")
        assert page.page.is_visible("#again")
        assert page.choose(tmp_path / "one.png")["scores"] and not page.page.is_visible("#message")
        page.page.click("#pause")  # back to the camera, which is still refused
        page.wait("return document.body.dataset.state === 'stopped'")
        page.context.grant_permissions(["camera"])
        before = page.answers()
        page.wait(f"return document.body.dataset.state === 'live' && seen.answers > {before + 2}")  # allowed at last, it goes on by itself
    without_camera.page.reload()
    without_camera.wait("return document.body.dataset.state === 'stopped'")
    assert "There is no camera here." in without_camera.text("#message")


def test_a_file_that_is_no_picture_is_told(without_camera, tmp_path):
    (tmp_path / "notes.jpg").write_text("no picture")
    without_camera.page.set_input_files("#file", str(tmp_path / "notes.jpg"))
    without_camera.wait("return document.getElementById('message-text').textContent.startsWith('notes.jpg: this browser cannot read it')")
    images.write(tmp_path / "dot.png", noisy((7, 90)))
    without_camera.page.set_input_files("#file", str(tmp_path / "dot.png"))
    without_camera.wait("return document.getElementById('message-text').textContent.startsWith('dot.png: 90x7 pixels; a photo has sides')")
    assert not without_camera.page.is_visible("#again") and without_camera.page.is_enabled("#photo")


def test_boxes_are_those_of_python(boxes, chromium, boxed_photos):
    address, folder = boxes
    one = bundle.open_lite(folder)
    count = 0
    with opened(chromium, address) as page:
        page.wait("return document.body.dataset.state === 'stopped'")
        for path in sorted((boxed_photos / "images").iterdir())[:8]:
            found, expected = page.choose(path)["boxes"], one.detect(images.read(path))
            assert [one.card.labels[box["place"]] for box in found] == [one.card.labels[place] for place in expected.classes]
            np.testing.assert_allclose(np.array([box["xyxy"] for box in found]).reshape(-1, 4), expected.xyxy, atol=0.2)
            np.testing.assert_allclose([box["score"] for box in found], expected.scores, atol=4e-3)
            count += len(found)
            words = page.text("#answer")
            assert words == "nothing found" if not found else all(one.card.labels[box["place"]] in words for box in found)
        assert page.wait("return seen.proof")["same"] and count > 8
        drawn = page.ask("document.getElementById('overlay').getContext('2d').getImageData(0, 0, 9999, 9999).data.some((byte) => byte)")
        assert drawn is (len(found) > 0)


def test_pictures_are_those_of_sample(made, chromium):
    address, folder = made
    one = bundle.open_lite(folder)
    code = "seen.detail.pictures.map((rgba) => btoa(String.fromCharCode(...rgba)))"
    with opened(chromium, address) as page:
        page.wait("return document.body.dataset.state === 'made'")
        for seed, label in ((0, None), (7, None), (7, "shoe")):
            before = page.answers()
            page.page.select_option("#label", label=label or "all in turn")
            page.page.fill("#seed", str(seed))
            page.page.press("#seed", "Enter")
            page.page.locator("#seed").blur()
            page.wait(f"return seen.answers > {before - (seed == 0)} && document.getElementById('answer').textContent.endsWith('seed {seed}')")
            serving.until(lambda: page.ask("document.body.dataset.state") == "made")
            found = np.stack([np.frombuffer(base64.b64decode(text), np.uint8).reshape(12, 8, 4) for text in page.ask(code)])
            off = np.abs(found[..., :3].astype(int) - one.sample(16, seed, label))
            assert off.max() <= 1 and (off > 0).mean() < 0.01 and (found[..., 3] == 255).all(), (seed, label)
        assert page.wait("return seen.proof")["same"]
        page.page.click("#pause")
        page.wait("return document.getElementById('answer').textContent === '16 pictures of seed 8'")
        page.page.fill("#seed", "-3")
        page.page.locator("#seed").blur()
        assert not page.ask("document.getElementById('making').checkValidity()") and not page.page.is_visible("#photo")
        assert page.text("#answer") == "16 pictures of seed 8" and page.text("#note") == "✓ proven on this phone: 16 golden samples"
        with page.page.expect_download() as caught:
            page.page.click("#save")
        assert caught.value.suggested_filename.startswith("made-8-")


def test_numbers_that_are_none_are_never_near_enough(without_camera):
    code = """async ([found, expected, classes]) => {
      const {compared} = await import('/answers.js');
      return compared(Float32Array.from(found), Float32Array.from(expected), 1e-3, classes).same;
    }"""
    nan = float("nan")
    assert without_camera.ask(code, [[0.5, 0.5], [0.5, 0.5], 0]) is True
    for found in ([0.5, nan, 0.5], [nan, 0.5, 0.5], [0.5, 0.5, nan], [0.5, 0.5, 0.502], [0.5, 0.5]):
        assert without_camera.ask(code, [found, [0.5, 0.5, 0.5], 0]) is False, found
    assert without_camera.ask(code, [[0.4999, 0.5001], [0.5, 0.4999], 2]) is True  # a tie may fall either way
    with pytest.raises(Exception, match="answers numbers that are none"):
        without_camera.ask("async () => (await import('/answers.js')).picture(Float32Array.from([NaN, 0]), [1, 2, 1])")


def test_a_photo_that_is_chosen_while_the_camera_opens_wins(playwright, mine, tmp_path):  # noqa: F811
    """The gallery hides the page on a phone; whatever comes first at the return, the photo stays and the camera is given back."""
    images.write(tmp_path / "one.png", noisy((200, 200)))
    hide = """(hidden) => {
      Object.defineProperty(document, 'hidden', {get: () => hidden, configurable: true});
      document.dispatchEvent(new Event('visibilitychange'));
    }"""
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with browsing.browser(playwright, *camera) as one, opened(one, mine[0], permissions=["camera"]) as page:
        for back_first in (True, False):
            page.wait("return document.body.dataset.state === 'live'")
            page.ask(hide, True)
            assert page.ask("document.body.dataset.state") == "hidden" and not page.ask("document.getElementById('video').srcObject")
            if back_first:
                page.ask(hide, False)
            page.page.set_input_files("#file", str(tmp_path / "one.png"))
            if not back_first:
                page.ask(hide, False)
            page.wait("return document.body.dataset.state === 'photo'")
            time.sleep(0.5)
            assert page.ask("document.body.dataset.state") == "photo" and page.ask("seen.detail.shape") == [200, 200]
            assert not page.ask("document.getElementById('video').srcObject") and not page.page.is_visible("#video")
            page.page.click("#pause")


def test_a_worker_that_does_not_start_is_told(chromium, mine):
    with opened(chromium, "about:blank", service_workers="block") as page:
        page.page.route("**/worker.js", lambda route: route.fulfill(body="this is no JavaScript", content_type="text/javascript"))
        page.page.goto(mine[0])
        page.wait("return document.getElementById('message-text').textContent.startsWith('this browser cannot run the model')")
        assert page.errors.pop() == "Unexpected identifier 'is'" and not page.errors


def test_a_model_that_was_swapped_on_the_way_is_not_run(chromium, mine):
    with opened(chromium, "about:blank") as page:
        page.page.route("**/*.tflite", lambda route: route.fulfill(body=b"another model"))
        page.page.goto(mine[0])
        page.wait("return document.getElementById('message-text').textContent.includes('is not the one that was exported')")
        assert page.answers() == 0


def test_an_answer_that_is_off_is_told(chromium, mine):
    """Golden samples that this model never gave: the page says that it is not to be trusted."""

    def forged(route):
        data = bytearray(route.fetch().body())
        told = model_told(mine[1])["golden"]
        begin, count = told["answers"]["float32"], int(np.prod(told["shape"]))
        answers = np.frombuffer(data, "<f4", count, begin).copy()
        answers[0] += 0.01
        data[begin : begin + 4 * count] = answers.tobytes()
        route.fulfill(body=bytes(data))

    with opened(chromium, "about:blank", service_workers="block") as page:
        page.page.route("**/*.bin", forged)
        page.page.goto(mine[0])
        page.wait("return document.body.dataset.state === 'stopped'")
        buffer = io.BytesIO(cv2.imencode(".png", noisy((64, 64)))[1].tobytes())
        page.page.set_input_files("#file", {"name": "one.png", "mimeType": "image/png", "buffer": buffer.getvalue()})
        proof = page.wait("return seen.proof")
        assert not proof["same"] and proof["off"] == pytest.approx(0.01, abs=1e-4)
        assert "this phone does not answer as the computer did" in page.text("#note")


def test_it_works_without_the_computer(chromium, exported, tmp_path):
    """A service worker keeps page and model on loopback; the server is gone for good when the page is loaded again."""
    images.write(tmp_path / "one.png", noisy((200, 200)))
    server = serving.Phone(exported, "mine", "--port", "0")
    with opened(chromium, server.address) as page:
        page.wait("return document.body.dataset.state === 'stopped'")
        first = page.choose(tmp_path / "one.png")
        page.wait("return document.getElementById('kept').dataset.done === 'true'")
        assert server.end(signal.SIGTERM) == (0, "")
        page.page.reload()
        page.wait("return document.body.dataset.state === 'stopped'")
        assert page.choose(tmp_path / "one.png") == first
        assert page.variant("int8")["same"]  # the other variants are kept, too
        page.wait("return document.getElementById('kept').textContent.startsWith('Kept on this phone')")
    with opened(chromium, "about:blank") as page, pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"):
        page.page.goto(server.address)  # the control: a browser that was never there gets nothing


def test_another_model_at_the_same_address_takes_the_place_of_the_first(chromium, exported, tmp_path):
    """At once while the computer is there, and afterwards without it."""
    images.write(tmp_path / "one.png", noisy((200, 200)))
    tiny_tflite.save_model(tmp_path / "saved_models/tiny")
    kept = "return document.getElementById('kept').dataset.done === 'true'"
    first = serving.Phone(exported, "mine", "--port", "0")
    with opened(chromium, first.address) as page:
        page.wait("return document.body.dataset.state === 'stopped'")
        page.choose(tmp_path / "one.png")
        page.wait(kept)
        first.end()
        second = serving.Phone(tmp_path, "tiny", "--port", str(first.told["port"]))
        page.page.reload()
        page.wait("return document.body.dataset.state === 'stopped'")
        found = page.choose(tmp_path / "one.png")
        assert page.text("#name") == "tiny" and [one["label"] for one in found["scores"]] != []
        page.wait(kept)
        page.ask("caches.open('cvapp').then((cache) => cache.keys()).then((all) => { globalThis.held = all.map(({url}) => url); })")
        assert sum(url.endswith(".tflite") for url in page.wait("return globalThis.held")) == 1  # the first one's files are gone
        second.end()
        page.page.reload()
        page.wait("return document.body.dataset.state === 'stopped'")
        assert page.text("#name") == "tiny" and page.choose(tmp_path / "one.png") == found
        with serving.phone(exported, "mine", "--port", str(first.told["port"])):  # back at once after a load without the computer
            page.page.reload()
            page.wait("return document.getElementById('name').textContent === 'mine'")


def test_over_a_certificate_that_vouches_for_itself_it_works_while_it_is_open(chromium, mine, tmp_path):
    files = with_list({**page_files(), **model_files(mine[1])})
    certificate = network.make_certificate(["127.0.0.1"], tmp_path)
    images.write(tmp_path / "one.png", noisy((200, 200)))
    with serving.running(files, ["127.0.0.1"], certificate) as port:
        with opened(chromium, f"https://127.0.0.1:{port}/", ignore_https_errors=True) as page:
            assert page.ask("isSecureContext")  # so that the camera is given to it
            page.wait("return document.body.dataset.state === 'stopped'")
            assert page.choose(tmp_path / "one.png")["scores"]
            page.wait("return document.getElementById('kept').textContent.startsWith('Not kept: ')")
        with opened(chromium, "about:blank") as page, pytest.raises(Exception, match="ERR_CERT_AUTHORITY_INVALID"):
            page.page.goto(f"https://127.0.0.1:{port}/")  # the control: a browser that was not told to go on
