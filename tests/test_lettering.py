"""Labels of any script on pictures: in the order and form in which they are read, or named where this machine cannot draw them."""

import sys

import numpy as np
import pytest

from cvapp import installing, lettering
from cvapp.lettering import can_draw, drawable, legend, shortened, stand_ins, text_width, write

HEBREW, ARABIC, PERSIAN, THAI, HINDI = "עברית", "عربي", "می\u200cخواهم", "ไทย", "हिन्दी"
HONEYBEE = "\U0001f41d"


pytestmark = pytest.mark.usefixtures("few_fonts")


@pytest.fixture
def no_pillow(few_fonts, monkeypatch):
    """A device without Pillow."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    lettering.forget()


def drawn(text, height=40, weight=400, ground=0, color=(255, 255, 255)):
    """A text on a picture."""
    image = np.full((80, 600, 3), ground, np.uint8)
    write(image, text, (20, 55), height, color, weight)
    return image


def ink(image, ground=0):
    """The columns from the first to the last that hold anything."""
    columns = np.flatnonzero((image != ground).any((0, 2)))
    return image[:, columns[0] : columns[-1] + 1]


def alike(one, other):
    """Whether two pictures show the same, a shift of part of a pixel allowed."""
    width = min(one.shape[1], other.shape[1])
    return np.abs(one[:, :width].astype(int) - other[:, :width].astype(int)).mean() < 12


@pytest.mark.parametrize("weight", [400, 700])
@pytest.mark.parametrize("word", [HEBREW, "ימין", "שמאל"])
def test_the_first_letter_of_a_hebrew_word_stands_at_the_right(word, weight):
    whole, first, last = (ink(drawn(text, weight=weight)) for text in (word, word[0], word[-1]))
    assert alike(whole[:, -first.shape[1] :], first) and alike(whole, last)
    assert not alike(whole[:, : first.shape[1]], first)


def test_the_control_a_latin_word_begins_at_the_left():
    whole, first, last = (ink(drawn(text)) for text in ("Käfer", "K", "r"))
    assert alike(whole[:, : first.shape[1]], first) and not alike(whole, last)


def test_arabic_letters_are_joined():
    """Joined, a word is one piece of ink a dot aside; its letters by themselves are not."""
    word = "سلم"
    together, apart = ink(drawn(word)), sum(ink(drawn(letter)).shape[1] for letter in word)
    assert together.shape[1] < 0.95 * apart
    assert together.any((0, 2)).all(), "no column between two letters is empty"


def test_persian_is_parted_where_its_spelling_says_so():
    assert ink(drawn(PERSIAN)).shape != ink(drawn(PERSIAN.replace("\u200c", ""))).shape


@pytest.mark.parametrize(
    "text, left, right",
    [
        ("כלב 12", "12", "כ"),  # a number stands left of the Hebrew word before it, its digits in their own order
        ("כלב ABC", "ABC", "כ"),
        ("ABC כלב", "ABC", "כ"),
        ("كلب 12", "12", "ك"),
    ],
)
def test_mixed_text_is_ordered_as_unicode_says(text, left, right):
    whole, first = ink(drawn(text)), ink(drawn(left + HEBREW)) if text.startswith("ABC") else None
    numbers = ink(drawn(HEBREW + " " + left))
    start = ink(drawn(left)).shape[1] - 4
    assert alike(whole[:, :start], (numbers if first is None else first)[:, :start]), "the same word at the left end"


def test_what_opencv_draws_right_stays_as_it_was():
    import cv2

    for text in ("stop sign 97%", "Käfer", "пчела", "蜜蜂", "Ωmega…", "● 30"):
        image = np.zeros((80, 600, 3), np.uint8)
        cv2.putText(image, text, (20, 55), (255, 255, 255), cv2.FontFace("sans"), 40, 400)
        np.testing.assert_array_equal(drawn(text), image)


def test_an_accent_of_its_own_is_composed():
    np.testing.assert_array_equal(drawn("Ka\u0308fer"), drawn("Käfer"))


@pytest.mark.parametrize("ground", [0, 90, 255])
def test_the_color_is_the_one_asked_for_and_the_ground_stays(ground):
    image = drawn(HEBREW, ground=ground, color=(10, 200, 60))
    inked = image[(image != ground).any(2)]
    assert (np.abs(inked.astype(int) - (10, 200, 60)).max(1) < 3).any()
    assert (image[:, :15] == ground).all() and (image[:, -200:] == ground).all()
    low, high = np.minimum((10, 200, 60), ground), np.maximum((10, 200, 60), ground)
    assert (image >= low).all() and (image <= high).all(), "nothing between is lighter or darker than both"


@pytest.mark.parametrize("place", [(-30, 20), (580, 55), (20, -5), (20, 100), (-900, 20), (700, 300), (20, 3)])
def test_text_beyond_the_edge_is_cut_off(place):
    image = np.zeros((80, 600, 3), np.uint8)
    write(image, HEBREW, place, 40, (255, 255, 255))
    whole = np.zeros((680, 2600, 3), np.uint8)
    write(whole, HEBREW, (place[0] + 1000, place[1] + 300), 40, (255, 255, 255))
    np.testing.assert_array_equal(image, whole[300:380, 1000:1600])


@pytest.mark.parametrize("text", [HEBREW, ARABIC, "stop sign", "Käfer", "😀 שלום"])
@pytest.mark.parametrize("height", [9, 24, 60])
def test_the_width_is_that_of_what_is_drawn(text, height):
    image = np.zeros((120, 900, 3), np.uint8)
    write(image, text, (50, 80), height, (255, 255, 255))
    columns = np.flatnonzero(image.any((0, 2)))
    assert abs(columns[0] - 50) <= 0.2 * height + 1 and abs(columns[-1] + 1 - 50 - text_width(text, height)) <= 0.2 * height + 2


@pytest.mark.parametrize("text", [HEBREW * 9, "a long label " * 9, "नमस्ते" * 9, "😀" * 40])
def test_a_text_too_long_is_cut_at_its_end(text):
    short = shortened(text, 20, 150)
    assert short.endswith("…") and text_width(short, 20) <= 150 and text.startswith(short[:-1])
    assert text_width(short[:-1] + text[len(short) - 1 :][:3] + "…", 20) > 140, "not shorter than it has to be"
    assert shortened(text[:2], 20, 150) == text[:2] and shortened(text, 20, -5) == "…"


def test_thai_without_a_font_is_a_number_and_a_line_says_which():
    shown = stand_ins(["stop", THAI, HEBREW, HINDI])
    assert shown == {"stop": "stop", THAI: "#1", HEBREW: HEBREW, HINDI: "#3"}
    line = legend(shown)
    assert line is not None and line.count("\n") == 0
    assert line.startswith(f"labels that cannot be drawn on pictures here are shown as their numbers: #1 {THAI}, #3 {HINDI}; install fonts")
    assert legend(stand_ins(["stop", HEBREW, "#1"])) is None
    np.testing.assert_array_equal(drawn(THAI), drawn("???"))


def test_an_emoji_without_a_font_is_its_name():
    assert can_draw("😀") and not can_draw(HONEYBEE)
    assert stand_ins(["ant", HONEYBEE, "👩\u200d🚀 x"]) == {"ant": "ant", HONEYBEE: ":honeybee:", "👩\u200d🚀 x": ":woman rocket: x"}
    np.testing.assert_array_equal(drawn(HONEYBEE), drawn(":honeybee:"))


def test_without_pillow_nothing_is_drawn_backwards(no_pillow):
    assert stand_ins(["Käfer", HEBREW, ARABIC, "蜜蜂", "😀"]) == {
        "Käfer": "Käfer", HEBREW: "#1", ARABIC: "#2", "蜜蜂": "蜜蜂", "😀": ":grinning face:",
    }  # fmt: skip
    line = legend(stand_ins([HEBREW, ARABIC]))
    assert line is not None and line.endswith(f"#0 {HEBREW}, #1 {ARABIC}; Pillow with Raqm draws them: {installing.command('labels')}")
    assert drawable(f"{HEBREW} 2") == "????? 2"
    np.testing.assert_array_equal(drawn(HEBREW), drawn("?????"))


def test_a_pillow_that_cannot_order_letters_is_none(monkeypatch):
    from PIL import features

    monkeypatch.setattr(features, "check", lambda name: False)
    lettering.forget()
    assert not can_draw(HEBREW) and stand_ins([ARABIC]) == {ARABIC: "#0"}


def test_many_labels_without_a_font_are_one_short_line():
    labels = [THAI + letter for letter in "กขฃคฅฆงจฉชซฌญ"]
    line = legend(stand_ins(labels))
    assert line is not None and f"#9 {labels[9]} and 3 more;" in line and labels[10] not in line


def test_plots_name_what_no_font_of_outlines_has():
    assert lettering.outlined(f"{HEBREW} 😀 {HONEYBEE}") == f"{HEBREW} 😀 :honeybee:"
    assert lettering.outlined(f"a? {THAI}") == "a? ???" and lettering.outlined("♥\ufe0f") == "♥"
    assert lettering.undrawn(["a?", HEBREW, THAI, HONEYBEE, HINDI]) == [THAI, HINDI]


def test_every_sample_of_a_script_is_of_that_script():
    import unicodedata

    words = {"Latin": "LATIN", "Chinese": "CJK", "Japanese": "KATAKANA", "Korean": "HANGUL", "emoji": "HONEYBEE"}
    for name, (sample, package) in lettering.SCRIPTS.items():
        assert unicodedata.name(sample[0]).startswith(words.get(name, name.upper())) and package.startswith("fonts-noto")
