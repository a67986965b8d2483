"""Figures and names as people read them."""

import pytest

from cvapp.evaluation.words import counted, isolated, isolated_names, percent, printable, shorten


def test_figures():
    assert percent(0.925, 1) == "92.5%" and percent(0.994) == "99%" and percent(1) == "100%"
    assert counted(1, "photo") == "1 photo" and counted(12000, "photo") == "12,000 photos" and counted(2, "class", "classes") == "2 classes"


def test_what_cannot_be_drawn_becomes_a_question_mark():
    assert printable("a\nb\udcff\x07é 日本") == "a?b??é 日本"


@pytest.mark.parametrize("most", [1, 2, 5, 8, 9])
def test_a_long_name_loses_its_middle(most):
    name = "IMG_0001.jpg"
    short = shorten(name, most)
    assert len(short) == most and short.count("…") == 1
    head, tail = short.split("…")
    assert name.startswith(head) and name.endswith(tail)
    assert shorten(name, len(name)) == name


def test_names_from_the_right_are_isolated_in_a_sentence():
    assert isolated("bee 2") == "bee 2" and isolated("魚") == "魚"
    assert isolated("חץ 2") == "\u2068חץ 2\u2069"
    assert isolated_names("“חץ”, “مفتاح” and “bee” are mixed up") == "“\u2068חץ\u2069”, “\u2068مفتاح\u2069” and “bee” are mixed up"
