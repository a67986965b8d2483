"""Labels: one rule, and each kind of text that breaks it."""

import pytest

from cvapp.data.labels import alike, label_of


@pytest.mark.parametrize(
    "text, label",
    [
        ("cat", "cat"),
        (" stop sign\t", "stop sign"),
        ("cat\n", "cat"),
        ("\u00a0cat\u3000", "cat"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u732b", "\u732b"),
        ("\u05d7\u05ea\u05d5\u05dc", "\u05d7\u05ea\u05d5\u05dc"),
        ("0", "0"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680"),
        ("\U0001f431", "\U0001f431"),
        ("a" * 100, "a" * 100),
        ("e\u0301" * 100, "\u00e9" * 100),
    ],
)
def test_readable_text_is_trimmed_and_composed(text, label):
    assert label_of(text) == label


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "^has no label$"),
        (" \n\t", "^has no label$"),
        ("a\nb", r"^label 'a\\nb' is not readable text: it holds a line break$"),
        ("a\r\nb", "a line break"),
        ("a\x85b", "a line break"),
        ("a\u2028b", "a line break"),
        ("a\tb", r"a control character \(U\+0009\)"),
        ("a\x07", r"a control character \(U\+0007\)"),
        ("a\0b", r"U\+0000"),
        ("\u202egnp", r"right-to-left override \(U\+202E\)"),
        ("a\u200f", "right-to-left mark"),
        ("a\u200db", r"zero width joiner \(U\+200D\)"),
        ("\u05d0\u200c", r"zero width non-joiner \(U\+200C\)"),
        ("\u2066a\u2069", "left-to-right isolate"),
        ("\ufeffa", "zero width no-break space"),
        ("a\u00a0b", r"no-break space \(U\+00A0\)"),
        ("b\udcff", r"U\+DCFF"),
        ("\ue000", r"U\+E000"),
        ("a" * 101, r"^label 'a{20}\.\.\.' has 101 characters; 100 are the most$"),
    ],
)
def test_all_other_text_is_refused_with_the_reason(text, words):
    with pytest.raises(ValueError, match=words):
        label_of(text)


def test_labels_that_look_alike_are_found():
    assert alike(["cat", "Cat", "dog", "stop sign", "stop  sign", "cot"]) == [["cat", "Cat"], ["stop sign", "stop  sign"]]
    assert alike(["cat", "dog"]) == []
