"""A classifier slid over frames: boxes lie where objects are, no layer that is unknown is slid, empty photos show little."""

import dataclasses
import json
import shutil

import cv2
import numpy as np
import pytest

from cvapp import card as cards
from cvapp import images, load
from cvapp.data import split
from cvapp.data.photos import store_for
from cvapp.errors import CvappError, Exit
from cvapp.recipe import Images, Model, Recipe, Train
from cvapp.training import slide as sliding
from cvapp.training.mining import Finder
from cvapp.windows import lay_out
from cvapp.windows.decode import places
from tests.cli.test_cli import run
from tests.conftest import COLOURS

FRAME = (48, 72)


def drawn(label, size, rng, place=None):
    """A photo of some (height, width): noise, and a disc or a tile at a place (left, top, side)."""
    picture = rng.integers(90, 150, (*size, 3)).astype(np.uint8)
    if place is not None:
        left, top, side = place
        if label == "disc":
            cv2.circle(picture, (left + side // 2, top + side // 2), side // 2, COLOURS[label], -1)
        else:
            cv2.rectangle(picture, (left, top), (left + side - 1, top + side - 1), COLOURS[label], -1)
    return picture


def nothing(number, rng):
    """Noise, with a black edge as beside a frame, or with a small piece of an object, or far too much of one."""
    picture = drawn("", (40, 40), rng)
    if number % 4 == 1:
        side, width = number // 4 % 4, int(rng.integers(8, 36))
        np.rot90(picture, side)[:width] = 0
    elif number % 4 == 2:
        left, top = rng.choice([-22, 30], 2).tolist()
        picture = drawn(list(COLOURS)[number // 4 % 2], (40, 40), rng, (left, top, 32))
    elif number % 4 == 3:
        picture[:] = np.where(rng.random((40, 40, 1)) < 0.02, picture, COLOURS[list(COLOURS)[number // 4 % 2]])
    return picture


@pytest.fixture(scope="module")
def classifier_home(tmp_path_factory):
    """A folder with `saved_models/parts`, a classifier of 32x32 of discs, tiles and the background, `saved_models/boxes` made of it, `photos`."""
    from cvapp.training import classify

    home, rng = tmp_path_factory.mktemp("slide"), np.random.default_rng(2)
    for label in (*COLOURS, "background"):
        for number in range(32 if label == "background" else 16):
            side = int(rng.integers(28, 38))
            place = (*rng.integers(0, 41 - side, 2).tolist(), side)
            picture = nothing(number, rng) if label == "background" else drawn(label, (40, 40), rng, place)
            images.write(home / "photos" / label / f"{number}.png", picture)
    recipe = Recipe(
        images=Images((32, 32)),
        model=Model(backbone="small_resnet", weights="none", alpha=0.1, dropout=0.0),
        train=Train(epochs=14, batch=16, learning_rate=1e-2, schedule="cosine"),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr(classify.reports, "write", lambda *_: None)
        classify.train(recipe, home / "photos", home / "saved_models" / "parts")
        sliding.slide(home / "saved_models" / "parts", home / "saved_models" / "boxes", FRAME, home / "photos", tune=6)
    return home


@pytest.fixture
def here(classifier_home, tmp_path, monkeypatch):
    """A copy of it, as the current folder."""
    shutil.copytree(classifier_home, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def parts(here):
    return here / "saved_models" / "parts"


def test_boxes_lie_where_objects_are(parts, here, rng):
    assert cards.read(parts).metrics["val"]["accuracy"] > 0.9, "or there is nothing to slide"
    bundle = load(here / "saved_models" / "boxes")
    inside = []
    for number in range(8):
        label, side = list(COLOURS)[number % 2], int(rng.integers(18, 32))
        left, top = int(rng.integers(72 - side)), int(rng.integers(48 - side))
        found = bundle.detect(drawn(label, FRAME, rng, (left, top, side)), 0.5)
        mine = found.take(found.classes == bundle.card.labels.index(label)).xyxy[:1]
        centre = (mine[:, :2] + mine[:, 2:]) / 2 - [left, top]
        inside.append(bool(((centre > 0) & (centre < side)).all(1).any()))
        assert not any(bundle.card.labels[place] == "background" for place in found.classes)
    assert sum(inside) >= 6, inside
    assert not len(bundle.detect(drawn("", FRAME, rng)))


def test_the_card_is_that_of_a_detector_made_of_a_classifier(here, parts):
    source, card = cards.read(parts), cards.read(here / "saved_models" / "boxes")
    assert (card.task, card.name, card.labels) == ("detect", "boxes", source.labels)
    assert card.images == Images(FRAME, "letterbox") and not card.scan.refined and card.scan.points == 0
    heights = [32 / y for y, _ in card.scan.scales]
    assert heights == pytest.approx([48, 48 / 2**0.5, 24, 24 / 2**0.5, 12]), "from the frame's own height to a quarter"
    assert card.metrics["classifier"] == (source.metrics.get("test") or source.metrics["val"])
    assert card.weights == source.weights and card.data == source.data and card.threshold >= source.threshold
    assert set(card.files) == {"model.keras", "split.csv", "truth.json"} and (parts / "model.keras").is_file()
    assert card.metrics["deviation_tuned"]["mean"] < card.metrics["deviation"]["mean"] and card.recipe.detect.tune == 6


def finder(scores):
    """A detector that gives each cell of a canvas a score of a disc by the frame that is looked at: black or lighter."""

    def answer(canvases):
        disc = np.full((len(canvases), 20, 20, 1), scores[bool(canvases.any())], np.float32)
        return np.concatenate([1 - disc, disc, np.zeros_like(disc)], -1)

    return answer


@pytest.mark.parametrize(("own", "score", "expected"), [(0.0, 0.7, 0.7), (0.6, 0.7, 0.7), (0.8, 0.7, 0.8), (0.3, 0.1, 0.3)])
def test_the_threshold_rises_until_empty_photos_show_nothing(here, own, score, expected):
    card = dataclasses.replace(cards.read(here / "saved_models" / "boxes"), threshold=own)
    rows = [row for row in split.read(here / "saved_models/boxes/split.csv") if row.part == "val"]
    store, said = store_for(card.images), []
    made = Finder(finder({True: score, False: 0.0}), card.scan, FRAME)
    assert sliding._threshold(card, made, store, rows, lambda *words: said.append(words[0])) == pytest.approx(expected)
    assert any("the threshold rises from" in line for line in said) == (expected > own)
    objects = [row for row in rows if row.label != "background"]
    assert sliding._threshold(card, made, store, objects, lambda *_: None) == own, "photos of objects do not count"


def test_the_threshold_looks_at_the_windows_alone_that_boxes_come_from(here):
    """Cells between two levels of the canvas see parts of both: they show no box, so they must not count."""
    card = dataclasses.replace(cards.read(here / "saved_models" / "boxes"), threshold=0.2)
    rows = [row for row in split.read(here / "saved_models/boxes/split.csv") if row.part == "val"]
    shape = Finder(lambda canvases: np.zeros((1, 40, 40, 3), np.float32), card.scan, FRAME).maps(np.zeros((*FRAME, 3), np.uint8)).shape
    looked = np.zeros(shape[:2], bool)
    for tile in lay_out(card.scan, FRAME)[0]:
        (row, column), windows = places(card.scan, tile)
        looked[row : row + windows.shape[0], column : column + windows.shape[1]] = True
    maps = np.where(looked[..., None], np.float32([1, 0, 0]), np.float32([0, 1, 0]))
    made = Finder(lambda canvases: maps[None], card.scan, FRAME)
    assert not looked.all() and sliding._threshold(card, made, store_for(card.images), rows, lambda *_: None) == 0.2


def test_the_command_says_what_it_made(here, capsys):
    code, out, _ = run(capsys, "slide", "parts", "--size", "48x72", "--data", "photos")
    lines = out.splitlines()
    assert code == 0 and [line.strip() for line in lines[1:6]] == ["48x48", "34x34", "24x24", "17x17", "12x12"]
    assert lines[-2].startswith("saved_models/parts_boxes: a detector, from a score of ") and "cvapp export parts_boxes" in lines[-1]
    assert run(capsys, "predict", "parts_boxes", "photos/disc/0.png", "--variant", "keras")[0] == 0
    code, out, err = run(capsys, "evaluate", "parts_boxes")
    assert (code, out) == (Exit.BAD_DATA, "") and "was made of a classifier, whose photos have no boxes to measure by" in err
    code, out, _ = run(capsys, "list", "--json")
    assert code == 0 and json.loads(out)["models"]["parts_boxes"]["task"] == "detect"


@pytest.mark.parametrize(
    "words, code, text",
    [
        (["nobody"], Exit.USAGE, "no saved model at saved_models/nobody"),
        (["parts", "--tune", "-1"], Exit.USAGE, "--tune -1: give a number of steps, 0 for none"),
        (["parts", "--size", "64"], Exit.USAGE, "--size 64: give HEIGHTxWIDTH, such as 480x640"),
        (["parts", "--name", "parts"], Exit.USAGE, "--name parts: saved_models/parts is in saved_models/parts, which would be replaced"),
        (["parts", "--data", "nowhere"], Exit.BAD_DATA, "--data nowhere: no such folder or file"),
    ],
    ids=str,
)
def test_what_cannot_be_slid_is_one_line(here, capsys, words, code, text):
    shutil.rmtree("saved_models/.cache", ignore_errors=True)
    found, out, err = run(capsys, "slide", "--size", "48x72", *words)
    assert (found, out) == (code, "") and text in err.splitlines()[-1] and err.splitlines()[-1].startswith("cvapp: ")
    assert sorted(path.name for path in (here / "saved_models").iterdir() if path.name[0] != ".") == ["boxes", "parts"]


def test_photos_of_one_part_alone_are_too_few(here, parts, capsys):
    shutil.rmtree("saved_models/.cache", ignore_errors=True)
    for row in split.read(parts / "split.csv"):
        if row.part == "val":
            (here / "photos" / row.path).unlink()
    code, out, err = run(capsys, "slide", "parts", "--size", "48x72", "--data", "photos")
    assert (code, out) == (Exit.BAD_DATA, "") and "no val photo of saved_models/parts is kept or lies below --data" in err.splitlines()[-1]


def test_a_hub_module_is_refused_in_one_line(home, capsys, photos):
    code, out, err = run(capsys, "slide", "mine", "--size", "48x72", "--data", photos)
    assert (code, out) == (Exit.USAGE, "") and err.splitlines()[-1].startswith("cvapp: ") and "hub" in err.splitlines()[-1]


def test_a_detector_is_no_classifier(boxed_home, capsys):
    code, _, err = run(capsys, "slide", "boxes")
    assert code == Exit.USAGE and "is a detect model; a classifier is made a detector" in err


def test_an_altered_classifier_is_told(here, parts):
    (parts / "model.keras").write_bytes(b"")
    with pytest.raises(CvappError, match="model.keras: altered since it was saved") as caught:
        sliding.slide(parts, here / "saved_models" / "boxes", FRAME, here / "photos")
    assert caught.value.code == Exit.BAD_DATA


def test_what_a_frame_costs_is_told_and_how_it_costs_less():
    """480 x 640 / 96 / 96 is 33.3; 224 x 224 over 96 x 96 is 5.4."""
    told = []
    sliding._tell_cost((96, 96), (480, 640), told.append)
    assert told == ["a frame takes about as long as 33 photos of the classifier"]
    sliding._tell_cost((224, 224), (448, 672), told.append)
    assert told[1:] == [
        "a frame takes about as long as 6 photos of the classifier",
        "a classifier of smaller pictures is slid 5 times as fast: train it with --set images.size=96,96",
    ]
