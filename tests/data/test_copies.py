"""What copies decide: the part that a photo is bound to, what is free, and what no part can hold."""

import pytest

from cvapp.data.copies import Bound, bind, two_labels
from cvapp.data.listing import Photo


TRAINS = {"b": {"train", "val"}}


def photo(name, digest=None, label="a"):
    return Photo(name, label, None, digest or name.upper())


def test_one_content_under_two_labels_is_told_both_ways():
    some = [photo("one", "X"), photo("two", "X", "b"), photo("three", "X"), photo("four", "Y"), photo("five", "Y"), photo("six")]
    assert two_labels(some) == {
        "one": "same picture as two, which is labelled 'b'",
        "two": "same picture as one, which is labelled 'a'",
        "three": "same picture as two, which is labelled 'b'",
    }
    assert two_labels(some[3:]) == {}


@pytest.mark.parametrize(
    "settled, copies, parts, free, left_out",
    [
        ({}, [], {}, {"A": "A", "B": "B", "C": "C"}, {}),
        ({}, [("C", "B")], {}, {"A": "A", "B": "B", "C": "B"}, {}),
        ({"a": "val"}, [("A", "B")], {"A": "val", "B": "val"}, {"C": "C"}, {}),
        ({"a": "val"}, [("A", "B"), ("C", "B")], {"A": "val", "B": "val", "C": "val"}, {}, {}),
        ({"a": "train", "b": "val"}, [("A", "B")], {"A": "val", "B": "val"}, {"C": "C"}, {"a": "near copy of b, which is in val"}),
        (
            {"a": "train", "b": "val", "c": "test"},
            [("A", "B"), ("B", "C")],
            {"A": "test", "B": "test", "C": "test"},
            {},
            {"a": "near copy of c, which is in test", "b": "near copy of c, which is in test"},
        ),
        (
            {"a": "train", "c": "val"},
            [("A", "B"), ("B", "C")],
            {"A": "train", "C": "val"},
            {},
            {"b": "near copy of a in train and of c in val"},
        ),
        ({"a": "train", "c": "train"}, [("A", "B"), ("B", "C")], {"A": "train", "B": "train", "C": "train"}, {}, {}),
        ({"a": "train"}, [("A", "ELSEWHERE"), ("ELSEWHERE", "B")], {"A": "train"}, {"B": "B", "C": "C"}, {}),
    ],
    ids=[
        "none",
        "two new",
        "new and old",
        "a chain",
        "train and val",
        "all three",
        "a bridge",
        "a bridge in one part",
        "one that is not here",
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_copies_bind(settled, copies, parts, free, left_out, turned):
    some, pairs = [photo("a"), photo("b"), photo("c")], [pair[::-1] for pair in copies] if turned else copies
    assert bind(some, settled, {}, pairs) == Bound(parts, free, left_out)
    assert bind(some[::-1], settled, {}, pairs) == Bound(parts, free, left_out)


def test_an_exact_copy_goes_along_and_of_two_parts_the_measured_one_stays():
    some = [photo("a", "X"), photo("b", "X"), photo("c", "X")]
    assert bind(some, {"b": "test"}, {}, []) == Bound({"X": "test"}, {}, {})
    reason = "same picture as c, which is in test"
    assert bind(some, {"a": "val", "b": "train", "c": "test"}, {}, []) == Bound({"X": "test"}, {}, {"a": reason, "b": reason})


def test_what_may_not_be_tested_on_is_left_out_rather_than_moved_to_test():
    some = [photo("a"), photo("b"), photo("c")]
    copies = [("A", "B"), ("A", "C")]
    found = bind(some, {"a": "test"}, TRAINS, copies)
    assert found.left_out == {"b": "near copy of a, which is in test"} and found.parts["C"] == "test"
    assert bind(some, {"a": "val"}, TRAINS, copies).left_out == {}
    assert bind(some, {"a": "test", "b": "test"}, TRAINS, copies).left_out == found.left_out, "an old split's word does not move it into test"


def test_what_the_source_and_an_old_split_say_must_agree():
    """`a` was frozen to train and lies in test/ now: a model learnt from it, so that nothing may be measured on it."""
    found = bind([photo("a"), photo("b")], {"a": "train", "b": "train"}, {"a": {"test"}, "b": {"train"}}, [])
    words = "split.csv has it in train, its place in the data says test; move it back, or delete split.csv to part all anew"
    assert found == Bound({"A": "train", "B": "train"}, {}, {"a": words})
    assert bind([photo("a", "X"), photo("b", "X")], {"a": "train", "b": "train"}, {"a": {"test"}}, []).left_out == {
        "a": "same picture as b, which is in train"
    }, "the copy that is named is one that is used"


def test_what_an_old_split_held_apart_for_want_of_a_link_is_not_torn_by_a_new_one():
    """Old photos that only a new one connects stay; old ones that are copies of one another themselves do not."""
    some = [photo("a"), photo("b"), photo("new")]
    settled = {"a": "train", "b": "test"}
    assert set(bind(some, settled, {}, [("A", "NEW"), ("B", "NEW")]).left_out) == {"new"}
    assert set(bind(some, settled, {}, [("A", "NEW"), ("B", "NEW"), ("A", "B")]).left_out) == {"a"}
