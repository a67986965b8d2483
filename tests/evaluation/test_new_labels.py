"""Labels beside a model's: matched by name, spelled otherwise or not, and what is said of those without a partner."""

from cvapp.evaluation import new_labels
from cvapp.evaluation.new_labels import few, listed

KNOWN = ("arrow", "café", "stop sign", "Tea", "tea")


def test_labels_are_matched_by_name():
    found = new_labels.match(["Arrow", "cafe\u0301", "stop  SIGN", "tea", "aroow", "TEA"], KNOWN)
    assert found.meant == {"Arrow": "arrow", "cafe\u0301": "café", "stop  SIGN": "stop sign", "tea": "tea"}
    assert found.extra == ("aroow", "TEA"), "the last may mean two"
    assert {"given": "Arrow", "label": "arrow"} in found.respelled and len(found.respelled) == 3
    assert found.advice("aroow") == ". Did you mean arrow?"
    assert found.advice("TEA") == ". It may mean 'Tea' or 'tea': spell it as one of them"
    assert found.advice("zebra") == ""


def test_two_that_mean_one_are_told_together():
    found = new_labels.match(["arrow", "ARROW"], KNOWN)
    assert set(found.meant.values()) == {"arrow"}
    assert found.notes() == ["classes 'ARROW' and 'arrow' mean the model's 'arrow' and count together"]
    assert new_labels.match(["Arrow"], KNOWN).notes() == ["class 'Arrow' is taken for the model's 'arrow'"]
    assert new_labels.match(KNOWN, KNOWN).notes() == []


def test_without_classes_all_are_one():
    found = new_labels.all_one(["b", "a"], "photos")
    assert found.meant == {"a": "photos", "b": "photos"} and found.extra == ()


def test_long_lists_are_counted():
    assert few(["a"] * 5, "things") == ["a"] * 5 and few(["a"] * 7, "things") == ["a"] * 5 + ["2 more things"]
    assert listed(["a", "b"]) == "'a', 'b'" and listed(["a", "b", "c"], most=2) == "'a', 'b' and 1 more"
