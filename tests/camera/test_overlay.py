"""The overlay: readable on any scene and at any size, the first three answers in order, corners where only a part is seen."""

import numpy as np
import pytest

from cvapp.camera.keys import HELP
from cvapp.camera.overlay import caption, draw, listing

SCORES = [("stop sign", 0.75), ("speed limit 30", 0.2), ("yield", 0.04), ("never shown", 0.01)]
STATUS = "30 frames/s  12 ms"
SIZES = [(24, 32), (48, 64), (96, 128), (240, 320), (480, 640), (640, 360), (100, 1000), (1000, 100), (1080, 1920)]
USUAL = [(96, 128), (240, 320), (480, 640), (640, 360), (1080, 1920)]
BACKGROUNDS = {"white": 255, "grey": 128, "black": 0}
GREEN, DIM, TRACK = (64, 196, 140), (184, 190, 198), (70, 74, 80)


def plain(size, value=0):
    """A picture of one grey."""
    return np.full((*size, 3), value, np.uint8)


def luminance(rgb):
    """Relative luminance of colours (..., 3), as WCAG 2.2 defines it."""
    part = np.asarray(rgb) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(one, other):
    """Contrast ratio of two colours, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def longest(row):
    """The length of the longest run of True in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(int)))
    return max((edges[1::2] - edges[::2]), default=0)


def bars(drawn):
    """Each bar on a black picture, from the top: its first and last row, how long it is filled, and how long it is."""
    filled = (drawn == GREEN).all(2) | (drawn == DIM).all(2)
    whole = filled | (drawn == TRACK).all(2)
    rows = np.flatnonzero([longest(row) >= 0.25 * drawn.shape[1] for row in whole])
    blocks = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    return [(block[0], block[-1], longest(filled[block[1]]), longest(whole[block[1]])) for block in blocks]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_input_is_untouched_and_the_shape_kept(rng, size):
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    kept = image.copy()
    image.flags.writeable = False
    whole = draw(image, SCORES, STATUS, (0, 0, 9, 9))
    for drawn in (whole, draw(image[:, ::-1], SCORES), draw(image, []), caption(image, "3 photos of bees")):
        assert (drawn.shape, drawn.dtype) == (image.shape, np.uint8) and not np.shares_memory(drawn, image)
    np.testing.assert_array_equal(image, kept)
    assert (draw(image, SCORES) != image).any()


@pytest.mark.parametrize("size", USUAL, ids=str)
@pytest.mark.parametrize("value", BACKGROUNDS.values(), ids=BACKGROUNDS)
def test_text_stands_out_from_what_lies_behind_it(size, value):
    """WCAG 2.2 asks for a ratio of 4.5, and of 3 for large text."""
    drawn = draw(plain(size, value), SCORES, STATUS)
    for (top, bottom, _, _), least in zip(bars(draw(plain(size), SCORES)), (4.5, 3, 3), strict=True):
        text = drawn[top - 1 : bottom + 1, : size[1] // 2].reshape(-1, 3)
        assert contrast(text[luminance(text).argmax()], drawn[-1, 0]) >= least
    rate = drawn[: size[0] // 8, -size[1] // 8 :].reshape(-1, 3)
    assert contrast(rate[luminance(rate).argmax()], drawn[0, -1]) >= 4.5


def test_the_control_without_the_panel_white_on_white_is_not_seen():
    assert contrast((255, 255, 255), (255, 255, 255)) == 1 and contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)


@pytest.mark.parametrize("size", USUAL, ids=str)
def test_bars_are_as_long_as_their_probabilities_the_best_on_top(size):
    found = bars(draw(plain(size), SCORES))
    assert [whole for _, _, _, whole in found] == pytest.approx([0.3 * size[1]] * 3, abs=2)
    assert [filled for _, _, filled, _ in found] == pytest.approx([share * found[0][3] for _, share in SCORES[:3]], abs=2)
    assert found == sorted(found) and found[-1][1] < size[0] - 1


def test_three_are_shown_in_the_order_given():
    image = plain((240, 320), 90)
    np.testing.assert_array_equal(draw(image, SCORES), draw(image, SCORES[:3]))
    for other in (SCORES[:2], SCORES[1:], [SCORES[1], SCORES[0], SCORES[2]]):
        assert (draw(image, other) != draw(image, SCORES)).any()


@pytest.mark.parametrize("probability", [0.0, 0.001, 0.999, 1.0])
def test_certain_and_impossible_answers_are_drawn_within_their_bar(probability):
    (_, _, filled, whole), = bars(draw(plain((240, 320)), [("a", probability)]))
    assert filled == pytest.approx(max(1, whole * probability), abs=1) and filled <= whole


LONG = "a very long label that goes on and on until it is much too long for any picture at all " * 3


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("label", [LONG, "蜜蜂 пчела Ωmega", "🐝" * 40, "", " "], ids=["long", "foreign", "emoji", "empty", "blank"])
def test_no_label_breaks_the_picture(size, label):
    drawn = draw(plain(size, 90), [(label, 0.5)] * 3, STATUS, (0, 0, 5, 5))
    assert drawn.shape == (*size, 3)


@pytest.mark.parametrize("size", USUAL, ids=str)
@pytest.mark.parametrize("row", [0, 1], ids=["best", "second"])
def test_a_long_label_ends_before_its_percentage(size, row):
    def drawn(label, probability):
        scores = [("", 0.0)] * row + [(label, probability)]
        return draw(plain(size), scores)[:, : size[1] - round(0.3 * size[1]) - 8].max(2)

    label_ink = np.flatnonzero((drawn(LONG, 1.0) != drawn("", 1.0)).any(0))
    percent_ink = np.flatnonzero((drawn("", 1.0) > 60).any(0))
    percent_ink = percent_ink[percent_ink > size[1] // 3]
    assert label_ink.size and label_ink.max() < percent_ink.min()


def test_letters_beyond_ascii_are_drawn_as_themselves():
    texts = ("Käfer", "Kafer", "K?fer", "пчела", "蜜蜂", "?????", "??")
    drawn = {text: draw(plain((240, 320)), [(text, 0.5)]).tobytes() for text in texts}
    assert len(set(drawn.values())) == len(drawn)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_rate_never_covers_the_answer(size):
    image = plain(size, 200)
    with_rate, without = draw(image, SCORES, STATUS), draw(image, SCORES)
    first = np.flatnonzero((without != image).any((1, 2)))[0]
    np.testing.assert_array_equal(with_rate[first:], without[first:])


def test_a_long_status_is_cut_to_the_width():
    image = plain((240, 200), 90)
    drawn = draw(image, SCORES, "30 frames/s  12 ms  40 ms old  3 dropped, and much more than there is room for")
    assert drawn.shape == image.shape and (drawn[:12] != draw(image, SCORES, "30")[:12]).any()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_keys_are_listed_on_any_size(size):
    image = plain(size, 200)
    listed = listing(image, [("space", "pause"), ("q", "quit")])
    assert listed.shape == image.shape and listed.mean() < 0.5 * image.mean() and (image == 200).all()


@pytest.mark.parametrize("size", [*USUAL, (100, 1000)], ids=str)
def test_all_keys_have_room_one_below_the_other(size):
    rows = list(HELP.items())
    bare = listing(plain(size), [(" ", " ")] * len(rows))
    ends = []
    for number in range(len(rows)):
        alone = [("S", " ") if number == at else (" ", " ") for at in range(len(rows))]
        ink = np.flatnonzero((listing(plain(size), alone) != bare).any((1, 2)))
        ends.append((ink[0], ink[-1]))
    assert all(last < first for (_, last), (first, _) in zip(ends, ends[1:])) and ends[-1][1] < size[0] - 1


@pytest.mark.parametrize("seen", [None, (0, 0, 480, 640)], ids=["unknown", "all"])
def test_no_corners_are_marked_when_all_is_seen(seen):
    image = plain((480, 640), 90)
    np.testing.assert_array_equal(draw(image, SCORES, STATUS, seen), draw(image, SCORES, STATUS))


@pytest.mark.parametrize("value", BACKGROUNDS.values(), ids=BACKGROUNDS)
@pytest.mark.parametrize("seen", [(0, 80, 480, 480), (60, 200, 240, 240), (100, 0, 280, 640)], ids=["sides", "middle", "bands"])
def test_the_four_corners_of_the_part_that_is_seen_are_marked(seen, value):
    image = plain((480, 640), value)
    changed = (draw(image, [], "", seen) != draw(image, [])).any(2)
    top, left, height, width = seen
    near = np.zeros_like(changed)
    for y in (top, top + height - 1):
        for x in (left, left + width - 1):
            corner = np.s_[max(0, y - 24) : y + 25, max(0, x - 24) : x + 25]
            assert changed[corner].sum() > 30
            near[corner] = True
    assert not changed[~near].any(), "nothing but the corners"


def test_a_caption_is_readable_at_the_top_right():
    image = plain((240, 320), 255)
    changed = (caption(image, "3 photos of bees") != image).any(2)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert rows[0] == 0 and rows[-1] < 60 and columns[-1] == 319 and columns[0] > 60
    assert contrast(caption(image, "3 photos of bees")[0, -1], (255, 255, 255)) >= 4.5


def test_unknown_stands_first_without_a_bar_and_the_guesses_below():
    image = plain((240, 320))
    drawn = draw(image, SCORES, said="unknown")
    assert len(bars(draw(image, SCORES))) == 3 and len(bars(drawn)) == 2
    assert (drawn != draw(image, SCORES, said="unsure")).any()
    np.testing.assert_array_equal(draw(image, SCORES, said=SCORES[0][0]), draw(image, SCORES))
