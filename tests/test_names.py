"""Names: what a person takes for the same is found, and no more than that."""

import unicodedata

import pytest

from cvapp.names import composed, did_you_mean, key, meant

NFC, NFD = "caf\u00e9", "cafe\u0301"


def test_composed_and_decomposed_are_one_name():
    assert NFC != NFD and composed(NFD) == NFC == composed(NFC)


@pytest.mark.parametrize(
    "one, other",
    [
        (NFC, NFD.upper()),
        ("IMG_1.JPG", "img_1.jpg"),
        ("stop sign", "stop\u00a0sign"),
        ("stop sign", " Stop  sign"),
        ("stop", "st\u200bop"),
        ("stop", "\u202astop\u202c"),
        ("Stra\u00dfe", "STRASSE"),
        ("\u1e9e", unicodedata.normalize("NFD", "ss")),
    ],
)
def test_what_looks_alike_has_one_key(one, other):
    assert one != other and key(one) == key(other)


@pytest.mark.parametrize("one, other", [(NFC, "cafe"), ("stop sign", "stopsign"), ("a", "b"), ("1", "\u2460"), ("a_b", "a b")])
def test_what_can_be_told_apart_has_two(one, other):
    assert key(one) != key(other)


def test_the_nearest_kind_of_sameness_counts():
    assert meant(NFC, [NFD, NFC]) == [NFC]
    assert meant(NFC, [NFD, NFC.upper()]) == [NFD]
    assert meant(NFC, [NFC.upper(), NFC.title()]) == [NFC.upper(), NFC.title()]
    assert meant("tea", [NFC]) == []


def test_what_is_meant_is_asked():
    assert did_you_mean("CATS", ["dogs", "cats"]) == ". Did you mean cats?", "no letter is the same"
    assert did_you_mean("catz", ["dogs", "cats"]) == ". Did you mean cats?"
    assert did_you_mean("bird", ["dogs", "cats"]) == ""
