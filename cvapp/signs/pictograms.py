"""The signs themselves: plates and pictograms as tables of vector shapes, drawn with OpenCV."""

from dataclasses import dataclass
from typing import Sequence

import cv2
import numpy as np

Colour = tuple[int, int, int]
Point = tuple[float, float]

WHITE, BLACK, CREAM = (250, 250, 248), (22, 22, 26), (250, 238, 210)
RED, GREEN, BLUE, NAVY, TEAL = (205, 32, 40), (22, 138, 70), (28, 88, 190), (18, 26, 78), (0, 150, 160)
YELLOW, ORANGE, BROWN, PURPLE, GREY = (250, 205, 30), (240, 120, 20), (110, 62, 30), (120, 50, 150), (120, 126, 134)

_SHIFT = 4  # cv2 takes fixed-point coordinates with this many fractional bits


@dataclass(frozen=True)
class Polygon:
    """A filled polygon; points are (x, y) in -1..1, y down."""

    colour: Colour
    points: Sequence[Point]


@dataclass(frozen=True)
class Disc:
    """A filled circle."""

    colour: Colour
    centre: Point
    radius: float


@dataclass(frozen=True)
class Stroke:
    """A line of round ends through its points."""

    colour: Colour
    points: Sequence[Point]
    width: float


@dataclass(frozen=True)
class Sign:
    """A plate (`square`, `circle`, `triangle`, `diamond` or `octagon`) of one colour with a border, and what is drawn on it."""

    plate: str
    colour: Colour
    border: Colour
    shapes: Sequence[Polygon | Disc | Stroke]


def regular(sides: int, radius: float = 1.0, turn: float = 0.0, inner: float | None = None) -> list[Point]:
    """Corners of a regular polygon, or of a star when `inner` (its inner radius) is given; the first points up, `turn` in degrees."""
    count = sides if inner is None else 2 * sides
    angles = np.deg2rad(turn - 90) + 2 * np.pi * np.arange(count) / count
    radii = np.full(count, radius)
    if inner is not None:
        radii[1::2] = inner
    return list(zip(radii * np.cos(angles), radii * np.sin(angles)))


def _heart() -> list[Point]:
    angle = np.linspace(0, 2 * np.pi, 60)
    x = 16 * np.sin(angle) ** 3
    y = -(13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle))
    return list(zip(x * 0.038, y * 0.038 - 0.04))


# fmt: off
PLATES = {
    "square": [(-0.97, -0.97), (0.97, -0.97), (0.97, 0.97), (-0.97, 0.97)],
    "circle": regular(90, 0.97),
    "triangle": [(0.0, -0.95), (0.98, 0.8), (-0.98, 0.8)],
    "diamond": regular(4, 0.99),
    "octagon": regular(8, 0.99, 22.5),
}

SIGNS: dict[str, Sign] = {
    "arrow": Sign("square", GREEN, WHITE, [Polygon(WHITE, [(0, -0.68), (0.58, -0.06), (0.22, -0.06), (0.22, 0.66), (-0.22, 0.66), (-0.22, -0.06), (-0.58, -0.06)])]),
    "bolt": Sign("triangle", YELLOW, BLACK, [Polygon(BLACK, [(0.10, -0.52), (-0.30, 0.18), (-0.04, 0.18), (-0.14, 0.66), (0.32, 0.02), (0.04, 0.02)])]),
    "cup": Sign("square", CREAM, BROWN, [
        Disc(BROWN, (0.40, 0.02), 0.30), Disc(CREAM, (0.40, 0.02), 0.16),
        Polygon(BROWN, [(-0.52, -0.26), (0.42, -0.26), (0.34, 0.46), (-0.44, 0.46)]),
        Stroke(BROWN, [(-0.62, 0.62), (0.52, 0.62)], 0.10),
        Stroke(BROWN, [(-0.26, -0.42), (-0.18, -0.55), (-0.26, -0.68)], 0.07), Stroke(BROWN, [(0.10, -0.42), (0.18, -0.55), (0.10, -0.68)], 0.07)]),
    "fish": Sign("circle", TEAL, WHITE, [
        Polygon(WHITE, [(0.56 * np.cos(a) - 0.1, 0.34 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 40)]),
        Polygon(WHITE, [(0.30, 0.0), (0.72, -0.36), (0.64, 0.0), (0.72, 0.36)]), Disc(TEAL, (-0.40, -0.08), 0.07)]),
    "heart": Sign("square", RED, WHITE, [Polygon(WHITE, _heart())]),
    "house": Sign("diamond", WHITE, BLUE, [
        Polygon(BLUE, [(0.0, -0.56), (0.56, -0.02), (-0.56, -0.02)]), Polygon(BLUE, [(-0.40, -0.04), (0.40, -0.04), (0.40, 0.46), (-0.40, 0.46)]),
        Polygon(WHITE, [(-0.11, 0.12), (0.11, 0.12), (0.11, 0.46), (-0.11, 0.46)])]),
    "key": Sign("octagon", ORANGE, BLACK, [
        Disc(BLACK, (-0.36, 0.0), 0.32), Disc(ORANGE, (-0.36, 0.0), 0.15), Stroke(BLACK, [(-0.08, 0.0), (0.62, 0.0)], 0.14),
        Stroke(BLACK, [(0.58, 0.0), (0.58, 0.26)], 0.13), Stroke(BLACK, [(0.32, 0.0), (0.32, 0.20)], 0.13)]),
    "moon": Sign("square", NAVY, YELLOW, [Disc(YELLOW, (-0.06, 0.0), 0.60), Disc(NAVY, (0.20, -0.14), 0.50)]),
    "star": Sign("circle", BLUE, YELLOW, [Polygon(YELLOW, regular(5, 0.66, inner=0.27))]),
    "tree": Sign("square", WHITE, GREEN, [
        Polygon(GREEN, [(0.0, -0.74), (0.36, -0.26), (-0.36, -0.26)]), Polygon(GREEN, [(0.0, -0.48), (0.48, 0.08), (-0.48, 0.08)]),
        Polygon(GREEN, [(0.0, -0.16), (0.60, 0.44), (-0.60, 0.44)]), Polygon(BROWN, [(-0.10, 0.44), (0.10, 0.44), (0.10, 0.74), (-0.10, 0.74)])]),
}

# fmt: on

BACKGROUND = "background"
LABELS = [*SIGNS, BACKGROUND]


def _fixed(points: Sequence[Point], side: int) -> np.ndarray:
    pixels = (np.asarray(points, np.float64) + 1) * side / 2 - 0.5
    return np.round(pixels * 2**_SHIFT).astype(np.int32)


def paint(canvas: np.ndarray, shape: Polygon | Disc | Stroke) -> None:
    """Draw one shape on a square canvas (side, side, C), in place."""
    side = canvas.shape[0]
    colour = shape.colour + (255,) * (canvas.shape[2] - 3)
    if isinstance(shape, Polygon):
        cv2.fillPoly(canvas, [_fixed(shape.points, side)], colour, cv2.LINE_AA, _SHIFT)
    elif isinstance(shape, Disc):
        centre = tuple(int(value) for value in _fixed([shape.centre], side)[0])
        cv2.circle(canvas, centre, round(shape.radius * side / 2 * 2**_SHIFT), colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    else:
        cv2.polylines(canvas, [_fixed(shape.points, side)], False, colour, max(1, round(shape.width * side / 2)), cv2.LINE_AA, _SHIFT)


def draw(sign: Sign, side: int = 256) -> np.ndarray:
    """Draw a sign: uint8 RGBA (side, side, 4); alpha is 0 around the plate.

    Drawn at twice the side and averaged down: smooth edges in colour and alpha.
    """
    outline = np.asarray(PLATES[sign.plate])
    canvas = np.zeros((2 * side, 2 * side, 4), np.uint8)
    paint(canvas, Polygon(sign.border, outline))
    canvas[..., :3][canvas[..., 3] < 255] = sign.border  # no dark fringe where alpha is blended
    paint(canvas, Polygon(sign.colour, outline * 0.9 + (0.0, 0.02 if sign.plate == "triangle" else 0.0)))
    for shape in sign.shapes:
        paint(canvas, shape)
    return cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA)
