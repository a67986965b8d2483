"""Made-up signs to pretrain on, so that a backbone learns what signs are told apart by: each has a drawing and colours of its own."""

from functools import lru_cache

import numpy as np

from cvapp.signs.pictograms import (
    BLACK,
    BLUE,
    BROWN,
    CREAM,
    GREEN,
    GREY,
    NAVY,
    ORANGE,
    PLATES,
    PURPLE,
    RED,
    TEAL,
    WHITE,
    YELLOW,
    Colour,
    Disc,
    Polygon,
    Sign,
    Stroke,
    draw,
    regular,
)

COUNT = 99
SIDE = 128
_COLOURS = (WHITE, BLACK, CREAM, RED, GREEN, BLUE, NAVY, TEAL, YELLOW, ORANGE, BROWN, PURPLE, GREY)


def _far(one: Colour, other: Colour) -> bool:
    """Two colours that a tired camera still tells apart."""
    return abs(sum(one) - sum(other)) > 150 or max(abs(a - b) for a, b in zip(one, other)) > 140


def _palette(number: int) -> tuple[str, Colour, Colour, Colour]:
    """A plate's shape, its colour, its border's and its ink's."""
    rng = np.random.default_rng((1, number))
    plate = list(PLATES)[int(rng.integers(0, len(PLATES)))]
    while True:
        colour, border, ink = (_COLOURS[index] for index in rng.integers(0, len(_COLOURS), 3))
        if _far(colour, ink) and _far(colour, border):
            return plate, colour, border, ink


def _drawing(number: int, colour: Colour, ink: Colour) -> list[Polygon | Disc | Stroke]:
    """Two to five parts: discs, strokes, regular and random polygons, stars, now and then a hole."""
    rng = np.random.default_rng((2, number))
    parts: list[Polygon | Disc | Stroke] = []
    for index in range(int(rng.integers(2, 6))):
        centre = rng.uniform(-0.32, 0.32, 2)
        reach, kind = rng.uniform(0.18, 0.42), int(rng.integers(0, 5))
        paint = colour if index and rng.random() < 0.25 else ink
        if kind == 0:
            parts.append(Disc(paint, (centre[0], centre[1]), reach * 0.8))
        elif kind == 1:
            bend = centre + rng.uniform(-0.45, 0.45, 2)
            end = bend + rng.uniform(-0.35, 0.35, 2)
            parts.append(Stroke(paint, [(x, y) for x, y in (centre, bend, end)], float(rng.uniform(0.08, 0.18))))
        else:
            sides, turn = int(rng.integers(3, 7)), float(rng.uniform(0, 90))
            inner = reach * float(rng.uniform(0.35, 0.6)) if kind == 2 else None
            stretch = rng.uniform(0.6, 1.4, 2) if kind == 4 else np.ones(2)
            corners = np.array(regular(sides, reach, turn, inner)) * stretch + centre
            parts.append(Polygon(paint, [(x, y) for x, y in corners]))
    return parts


@lru_cache(maxsize=COUNT)
def icon(index: int) -> np.ndarray:
    """Made-up sign number `index`, 0..COUNT - 1: uint8 RGBA (SIDE, SIDE, 4).

    They come in threes: the second has the first one's drawing in other colours, the third its colours around another drawing. So neither
    colour nor shape alone tells them apart.
    """
    group, member = divmod(index, 3)
    plate, colour, border, ink = _palette(2 * group + (member == 1))
    return draw(Sign(plate, colour, border, _drawing(2 * group + (member == 2), colour, ink)), SIDE)
