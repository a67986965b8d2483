"""The Card: what is written is read back, and an altered, newer or missing one is named."""

import dataclasses
import json

import pytest

from cvapp import card as cards
from cvapp.card import Card
from cvapp.errors import CvappError, Exit
from cvapp.images import Images
from cvapp.recipe import Recipe, override
from cvapp.windows import Scan, Windows, lay_out

CARD = Card(
    name="mine",
    task="classify",
    labels=("10", "2", 'Käfer, "rot"'),
    images=Images((96, 128), "letterbox", "linear"),
    recipe=override(Recipe(), ["train.epochs=3", "images.size=96,128"]),
    data={"fingerprint": "ab", "photos": {"train": 3, "val": 1}},
    metrics={"val": {"accuracy": 0.9}},
    temperature=1.25,
    threshold=0.4,
    weights={"source": "here", "licence": "Apache-2.0"},
    versions={"python": "3.11"},
    files={"model.keras": "00"},
)


@pytest.fixture
def folder(workspace):
    made = workspace / "saved_models" / "mine"
    made.mkdir(parents=True)
    cards.write(CARD, made)
    return made


def change(folder, **values):
    """Alter the card's JSON as a person with an editor might."""
    path = folder / cards.FILE
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), "utf-8")


def test_the_bits_of_deep_photos_travel_and_older_cards_have_none(folder):
    deep = dataclasses.replace(CARD, images=dataclasses.replace(CARD.images, bits=12), recipe=override(CARD.recipe, ["images.bits=12"]))
    cards.write(deep, folder)
    assert cards.read(folder) == deep and cards.read(folder).images.bits == cards.read(folder).recipe.images.bits == 12
    cards.write(CARD, folder)
    values = json.loads((folder / cards.FILE).read_text("utf-8"))
    del values["images"]["bits"], values["recipe"]["images"]["bits"]
    (folder / cards.FILE).write_text(json.dumps(values), "utf-8")
    assert cards.read(folder) == CARD and CARD.images.bits is None


def test_what_is_written_is_read_back_labels_in_their_order(folder):
    assert cards.read(folder) == CARD
    assert cards.read(folder).labels == ("10", "2", 'Käfer, "rot"'), "never sorted again"
    assert cards.read(folder) != dataclasses.replace(CARD, labels=("2", "10", 'Käfer, "rot"'))
    assert json.loads((folder / cards.FILE).read_text("utf-8"))["schema"] == cards.SCHEMA == 2


@pytest.mark.parametrize(
    "old, now",
    [
        ({"backbone": "hub", "handle": "mobilenet_v2_035_96"}, ("hub", "mobilenet_v2_drawings")),
        ({"backbone": "hub", "handle": "https://tfhub.dev/a"}, ("hub", "https://tfhub.dev/a")),
        ({"backbone": "shipped", "handle": "mobilenet_v2_035_96"}, ("mobilenet_v2_drawings", "")),
        ({"backbone": "keras_cv_efficientnet_lite_b0", "handle": "x", "weights": "none"}, ("efficientnet_lite0", "")),
    ],
)
def test_a_card_of_the_first_schema_is_read_with_todays_names(folder, old, now):
    recipe = json.loads((folder / cards.FILE).read_text("utf-8"))["recipe"]
    change(folder, schema=1, recipe=recipe | {"model": recipe["model"] | old})
    found = cards.read(folder)
    assert (found.recipe.model.backbone, found.recipe.model.handle) == now and found.schema == cards.SCHEMA
    change(folder, schema=2, recipe=recipe | {"model": recipe["model"] | {"backbone": "shipped", "handle": "x"}})
    with pytest.raises(CvappError, match="model.handle is 'x', but mobilenet_v2_drawings is no hub module"):
        cards.read(folder)


@pytest.mark.parametrize(
    "values, words",
    [
        ({"schema": 3}, "made by a newer cvapp (schema 3, this one reads up to 2); upgrade cvapp"),
        ({"schema": "1"}, "made by a newer cvapp"),
        ({"labels": []}, "labels are (): expected at least one, none twice"),
        ({"labels": ["a", "a"]}, "labels are ('a', 'a'): expected at least one, none twice"),
        ({"labels": None}, "not a card (TypeError"),
        ({"images": {"size": None}}, "a card's images.size must be settled"),
        ({"images": {"size": 224}}, "card.json: "),
        ({"images": {"size": [8, 8], "fit": "cut"}}, "images.fit is 'cut': choose one of crop, letterbox, stretch"),
        ({"threshold": 1.5}, "threshold 1.5 or temperature 1.25 is out of range"),
        ({"temperature": 0}, "threshold 0.4 or temperature 0 is out of range"),
        ({"temperature": float("nan")}, "out of range"),
        ({"recipe": {"trian": {}}}, "trian is no part of a recipe. Did you mean train?"),
        ({"surprise": 1}, "not a card (TypeError"),
    ],
)
def test_an_altered_card_is_bad_data_and_names_its_file(folder, values, words):
    change(folder, **values)
    with pytest.raises(CvappError) as error:
        cards.read(folder)
    assert words in str(error.value) and str(error.value).startswith(f"{folder / 'card.json'}: ")
    assert str(error.value).count(str(folder)) == 1 and error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"{}", b"null", b"\xff\xfe", b'{"schema": 1}', b'{"schema": 1, "images": {}}'])
def test_what_is_no_card_at_all_is_bad_data(folder, content):
    (folder / cards.FILE).write_bytes(content)
    with pytest.raises(CvappError, match="card.json: not a card .*; train or copy the model again$") as error:
        cards.read(folder)
    assert error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize("name, hint", [("mien", "; there are mine. Did you mean mine?"), ("zebra", "; there are mine")])
def test_a_model_that_is_not_there_names_those_that_are(folder, name, hint):
    with pytest.raises(CvappError) as error:
        cards.read(folder.with_name(name))
    assert str(error.value) == f"no saved model at {folder.with_name(name)}: card.json is missing{hint}"
    assert error.value.code == Exit.USAGE


def test_with_no_model_at_all_training_is_the_hint(workspace):
    with pytest.raises(CvappError, match="card.json is missing; run cvapp train first$"):
        cards.read(workspace / "mine")


def test_files_are_known_by_their_hashes(folder):
    (folder / "lite").mkdir()
    (folder / "model.keras").write_bytes(b"abc")
    (folder / "lite" / "a b.txt").write_bytes(b"")
    hashes = cards.hash_files(folder)
    assert list(hashes) == ["lite/a b.txt", "model.keras"], "all but the card itself"
    (folder / "state-board").mkdir()
    (folder / "state-board" / "events").write_bytes(b"")
    (folder / "state.npz").write_bytes(b"")
    assert list(cards.hash_files(folder, "state*")) == list(hashes), "nor what a run keeps for itself, in a folder of its own either"
    assert hashes["model.keras"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    card = dataclasses.replace(CARD, files=hashes)
    assert cards.check_file(card, folder, "model.keras") == folder / "model.keras"
    (folder / "model.keras").write_bytes(b"abd")
    (folder / "lite" / "a b.txt").unlink()
    for name, words in (
        ("model.keras", "altered since it was saved (its sha256 is not the card's); copy the whole folder again"),
        ("lite/a b.txt", "missing from the saved model; copy the whole folder again"),
        ("split.csv", "card.json: names no split.csv; train or copy the model again"),
    ):
        with pytest.raises(CvappError) as error:
            cards.check_file(card, folder, name)
        assert words in str(error.value) and error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize("values", [{"labels": ()}, {"images": Images()}, {"threshold": float("nan")}, {"temperature": -1.0}])
def test_a_card_is_checked_when_made(values):
    with pytest.raises(CvappError) as error:
        dataclasses.replace(CARD, **values)
    assert error.value.code == Exit.BAD_DATA


def test_versions_name_what_is_installed():
    found = cards.versions()
    assert {"python", "cvapp", "numpy", "opencv-python"} <= set(found) and all(found.values())


SCAN = Scan(Windows((32, 40), (8, 4)), ((1.0, 0.9), (0.3, 0.4)), 20, 0.65, points=5)
DETECTOR = dataclasses.replace(CARD, task="detect", scan=SCAN)


def test_a_detectors_card_is_read_back_with_its_scan(folder):
    cards.write(DETECTOR, folder)
    assert cards.read(folder) == DETECTOR != CARD
    assert cards.read(folder).scan == SCAN and isinstance(cards.read(folder).scan.windows, Windows)
    change(folder, scan={**json.loads((folder / cards.FILE).read_text("utf-8"))["scan"], "margin": 21})
    assert cards.read(folder) == dataclasses.replace(DETECTOR, scan=dataclasses.replace(SCAN, margin=21)) != DETECTOR


def test_a_card_written_before_there_were_detectors_is_read(folder):
    values = json.loads((folder / cards.FILE).read_text("utf-8"))
    del values["scan"], values["recipe"]["detect"]
    (folder / cards.FILE).write_text(json.dumps(values), "utf-8")
    assert cards.read(folder) == CARD


def test_the_network_takes_the_fitted_picture_or_a_detectors_canvas():
    assert CARD.input_size == (96, 128)
    assert DETECTOR.input_size == lay_out(SCAN, (96, 128))[1] == (208, 156)


@pytest.mark.parametrize("refined, expected", [(True, []), (False, [0, 2])])
def test_only_a_classifier_or_what_was_slid_has_a_word_for_nothing(refined, expected):
    labels = ("background", "ant", "unknown")
    scan = dataclasses.replace(SCAN, refined=refined)
    assert dataclasses.replace(DETECTOR, labels=labels, scan=scan).nothing == expected, "a trained detector may name a thing so"
    assert dataclasses.replace(CARD, labels=labels).nothing == [0, 2] and CARD.nothing == []


@pytest.mark.parametrize(
    "values, words",
    [
        ({"scan": None}, "a card of the task 'detect' needs a scan"),
        ({"scan": {}}, "a card of the task 'detect' needs a scan"),
        ({"task": "classify"}, "a card of the task 'classify' has no scan"),
        ({"scan": [1]}, "not a card (TypeError"),
        ({"scan": {"fill": 0.5}}, "not a card (TypeError"),
    ],
)
def test_a_scan_that_is_missing_or_none_is_bad_data(folder, values, words):
    cards.write(DETECTOR, folder)
    change(folder, **values)
    refused(folder, words)


def refused(folder, words):
    with pytest.raises(CvappError) as error:
        cards.read(folder)
    assert words in str(error.value) and str(error.value).startswith(f"{folder / 'card.json'}: ") and error.value.code == Exit.BAD_DATA


@pytest.mark.parametrize(
    "values, words",
    [
        ({"scales": []}, "a scan needs scales above 0"),
        ({"scales": [[1, 0]]}, "a scan needs scales above 0"),
        ({"scales": [[1, float("nan")]]}, "a scan needs scales above 0"),
        ({"scales": [[1, 1, 1]]}, "not a card (ValueError"),
        ({"scales": [["a", 1]]}, "not a card (ValueError"),
        ({"fill": 1.5}, "a scan needs scales above 0, a fill of 0 to 1"),
        ({"margin": "wide"}, "a scan needs scales"),
        ({"margin": 3.5}, "a scan needs scales"),
        ({"points": -1}, "a scan needs scales"),
        ({"refined": "no"}, "a scan needs scales"),
        ({"windows": 3}, "not a card (AttributeError"),
        ({"windows": [[32, 32], [8, 8]]}, "not a card (AttributeError"),
        ({"windows": {"size": [32, 32]}}, "not a card (TypeError"),
        ({"windows": {"size": [32, 32], "stride": [0, 8]}}, "size and stride above 0"),
        ({"windows": {"size": [32], "stride": [8, 8]}}, "expected pairs of whole numbers"),
        ({"windows": {"size": [32, 32], "stride": [8, 8], "places": 3}}, "not a card (TypeError"),
        ({"surprise": 1}, "not a card (TypeError"),
    ],
)
def test_an_altered_scan_is_bad_data_too(folder, values, words):
    cards.write(DETECTOR, folder)
    change(folder, scan={**json.loads((folder / cards.FILE).read_text("utf-8"))["scan"], **values})
    refused(folder, words)
