"""A much more varied generated set to pretrain a backbone on: glyphs, plain shapes, textures and made-up signs.

None of the printable signs is in it.
"""

from typing import Callable, Sequence

import cv2
import numpy as np

from cvapp.signs import icons, scenes
from cvapp.signs.photos import blank_sheet, rng_for
from cvapp.signs.pictograms import Point, Polygon, Stroke, paint, regular

Picture = np.ndarray
Rng = np.random.Generator

GLYPHS = "ABDEFGHJKLMNPQRSTUVWXYZ23456789&?@#%$+"
CANVAS = 128


def _arc(start: float, end: float, radius: float, inner: float | None = None) -> list[Point]:
    angles = np.deg2rad(np.linspace(start, end, 40))
    outer = list(zip(radius * np.cos(angles), radius * np.sin(angles)))
    back = [(0.0, 0.0)] if inner is None else list(zip(inner * np.cos(angles[::-1]), inner * np.sin(angles[::-1])))
    return outer + back


def _wave(bends: float, sharp: bool) -> list[Point]:
    x = np.linspace(-0.8, 0.8, 81)
    phase = np.pi * bends * (x + 0.8) / 1.6
    return list(zip(x, 0.35 * (2 / np.pi * np.arcsin(np.sin(phase)) if sharp else np.sin(phase))))


def _spiral() -> list[Point]:
    angle = np.linspace(0, 5 * np.pi, 100)
    return list(zip(angle / 19 * np.cos(angle), angle / 19 * np.sin(angle)))


def _petals(count: int, depth: float) -> list[Point]:
    angle = np.linspace(0, 2 * np.pi, 120)
    radius = 0.8 * (1 - depth + depth * np.cos(count * angle))
    return list(zip(radius * np.cos(angle), radius * np.sin(angle)))


# fmt: off
# Each row: lists of points filled with the ink; a number after "stroke" is a line's width; "hole" is filled with the paper.
SHAPES: dict[str, Sequence[tuple[str, list[Point]]]] = {
    "triangle": [("fill", regular(3, 0.9))], "triangle-down": [("fill", regular(3, 0.9, 180))], "square": [("fill", regular(4, 0.95, 45))],
    "pentagon": [("fill", regular(5, 0.85))], "octagon": [("fill", regular(8, 0.85, 22.5))], "disc": [("fill", regular(60, 0.8))],
    "ring": [("fill", regular(60, 0.85)), ("hole", regular(60, 0.5))], "frame": [("fill", regular(4, 1.1, 45)), ("hole", regular(4, 0.65, 45))],
    "star-4": [("fill", regular(4, 0.95, inner=0.3))], "star-6": [("fill", regular(6, 0.9, inner=0.45))], "star-8": [("fill", regular(8, 0.9, inner=0.55))],
    "star-12": [("fill", regular(12, 0.9, inner=0.7))], "plus": [("0.4", [(-0.7, 0), (0.7, 0)]), ("0.4", [(0, -0.7), (0, 0.7)])],
    "times": [("0.3", [(-0.6, -0.6), (0.6, 0.6)]), ("0.3", [(-0.6, 0.6), (0.6, -0.6)])], "chevron-right": [("0.3", [(-0.3, -0.65), (0.4, 0), (-0.3, 0.65)])],
    "chevron-left": [("0.3", [(0.3, -0.65), (-0.4, 0), (0.3, 0.65)])], "chevrons-up": [("0.2", [(-0.6, 0.1), (0, -0.5), (0.6, 0.1)]), ("0.2", [(-0.6, 0.6), (0, 0), (0.6, 0.6)])],
    "arrow-right": [("0.22", [(-0.7, 0), (0.6, 0)]), ("0.22", [(0.1, -0.5), (0.65, 0), (0.1, 0.5)])],
    "arrow-left": [("0.22", [(0.7, 0), (-0.6, 0)]), ("0.22", [(-0.1, -0.5), (-0.65, 0), (-0.1, 0.5)])],
    "arrow-down": [("0.22", [(0, -0.7), (0, 0.6)]), ("0.22", [(-0.5, 0.1), (0, 0.65), (0.5, 0.1)])],
    "zigzag": [("0.18", _wave(5, True))], "wave": [("0.18", _wave(4, False))], "spiral": [("0.14", _spiral())],
    "half-disc-up": [("fill", _arc(180, 360, 0.85))], "half-disc-down": [("fill", _arc(0, 180, 0.85))], "pie": [("fill", _arc(30, 330, 0.85))],
    "arch": [("fill", _arc(180, 360, 0.85, 0.5))], "cup-arc": [("fill", _arc(0, 180, 0.85, 0.5))],
    "flower-4": [("fill", _petals(4, 0.35))], "flower-6": [("fill", _petals(6, 0.25))], "propeller": [("fill", _petals(3, 0.48))],
    "hourglass": [("fill", [(-0.6, -0.7), (0.6, -0.7), (-0.6, 0.7), (0.6, 0.7)])], "bow": [("fill", [(-0.8, -0.5), (0.8, 0.5), (0.8, -0.5), (-0.8, 0.5)])],
    "trapezoid": [("fill", [(-0.4, -0.5), (0.4, -0.5), (0.8, 0.5), (-0.8, 0.5)])], "slant": [("fill", [(-0.3, -0.5), (0.9, -0.5), (0.3, 0.5), (-0.9, 0.5)])],
    "bars": [("0.22", [(x, -0.6), (x, 0.6)]) for x in (-0.55, 0.0, 0.55)], "rows": [("0.22", [(-0.6, y), (0.6, y)]) for y in (-0.55, 0.0, 0.55)],
    "target": [("fill", regular(60, 0.9)), ("hole", regular(60, 0.65)), ("fill", regular(60, 0.4))],
    "dots-9": [("fill", [(x + 0.15 * a, y + 0.15 * b) for a, b in regular(16)]) for x in (-0.6, 0, 0.6) for y in (-0.6, 0, 0.6)],
    "dots-4": [("fill", [(x + 0.25 * a, y + 0.25 * b) for a, b in regular(16)]) for x in (-0.45, 0.45) for y in (-0.45, 0.45)],
    "eye": [("fill", [(x, 0.45 * (1 - (x / 0.9) ** 2)) for x in np.linspace(-0.9, 0.9, 30)] + [(x, -0.45 * (1 - (x / 0.9) ** 2)) for x in np.linspace(0.9, -0.9, 30)]), ("hole", regular(40, 0.25))],
}
# fmt: on


def _weave(a: np.ndarray, b: np.ndarray, rng: Rng) -> np.ndarray:
    return np.sign(np.sin(a)) * np.sign(np.sin(b))


def _cells(x: np.ndarray, y: np.ndarray, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Distances to the two nearest of some random points."""
    seeds = rng.uniform(x.min(), x.max(), (30, 2))
    far = np.sort((x[..., None] - seeds[:, 0]) ** 2 + (y[..., None] - seeds[:, 1]) ** 2, -1)
    return np.sqrt(far[..., 0]), np.sqrt(far[..., 1])


def _bricks(x: np.ndarray, y: np.ndarray, rng: Rng) -> np.ndarray:
    row = np.floor(y / 2)
    return np.maximum(np.abs(y % 2 - 1), np.abs((x + (row % 2) * 2) % 4 - 2) - 1) - 0.8


# fmt: off
# Each row maps coordinates (about -12..12, y down) to a mix of two colours: below 0 one, above 0 the other.
TEXTURES: dict[str, Callable[[np.ndarray, np.ndarray, Rng], np.ndarray]] = {
    "across": lambda x, y, rng: np.sin(2 * y), "upright": lambda x, y, rng: np.sin(2 * x),
    "rising": lambda x, y, rng: np.sin(1.5 * (x + y)), "falling": lambda x, y, rng: np.sin(1.5 * (x - y)),
    "checks": lambda x, y, rng: _weave(1.3 * x, 1.3 * y, rng), "diamonds": lambda x, y, rng: _weave(x + y, x - y, rng),
    "polka": lambda x, y, rng: np.sin(1.5 * x) * np.sin(1.5 * y) - 0.5, "holes": lambda x, y, rng: np.cos(1.5 * x) + np.cos(1.5 * y) - 0.3,
    "plaid": lambda x, y, rng: np.sin(x) + np.sin(y) + 0.5 * np.sin(4 * x), "net": lambda x, y, rng: np.maximum(np.sin(2 * (x + y)), np.sin(2 * (x - y))) - 0.9,
    "waves": lambda x, y, rng: np.sin(2 * y + 1.5 * np.sin(x)), "ripples": lambda x, y, rng: np.sin(2 * np.hypot(x, y)),
    "rays": lambda x, y, rng: np.sin(12 * np.arctan2(y, x)), "swirl": lambda x, y, rng: np.sin(5 * np.arctan2(y, x) + 1.2 * np.hypot(x, y)),
    "bricks": _bricks, "pebbles": lambda x, y, rng: np.subtract(*_cells(x, y, rng)) + 0.7, "bubbles": lambda x, y, rng: _cells(x, y, rng)[0] - 1.1,
    "hooks": lambda x, y, rng: np.sin(2 * x) + np.sin(2 * y * np.sign(np.sin(x))), "scales": lambda x, y, rng: np.hypot((x + (np.floor(y) % 2)) % 2 - 1, y % 1) - 0.8,
    "herringbone": lambda x, y, rng: np.sin(2 * (y + np.abs(x % 4 - 2))), "grain": lambda x, y, rng: rng.standard_normal(x.shape),
}

# fmt: on

CLASSES = [*(f"glyph {glyph}" for glyph in GLYPHS), *SHAPES, *TEXTURES, *(f"icon {index}" for index in range(icons.COUNT)), "nothing"]
_FLAT = len(GLYPHS) + len(SHAPES)
_PLAIN = _FLAT + len(TEXTURES)
NOTHING = len(CLASSES) - 1


def _two_colours(rng: Rng) -> np.ndarray:
    """Paper and ink, at least 80 levels apart."""
    while True:
        colours = rng.integers(0, 256, (2, 3))
        if np.abs(colours[0] - colours[1]).max() >= 80 and abs(int(colours[0].mean()) - int(colours[1].mean())) >= 30:
            return colours


def _sheet(rng: Rng, index: int) -> Picture:
    """A glyph or a shape in ink on a sheet of paper, or cut out with no paper around it."""
    paper, ink = (tuple(colour.tolist()) for colour in _two_colours(rng))
    sheet = np.zeros((CANVAS, CANVAS, 4), np.uint8)
    sheet[..., :3] = paper
    cut_out = index >= len(GLYPHS) and rng.random() < 0.4
    if not cut_out:
        plate = regular(4, 1.41, 45) if rng.random() < 0.5 else regular(60, 0.98) if rng.random() < 0.5 else regular(8, 1.05, 22.5)
        paint(sheet, Polygon(paper, plate))
        if rng.random() < 0.5:
            paint(sheet, Stroke(ink, [*plate, plate[0]], 0.08))
    zoom = rng.uniform(0.5, 0.8) if not cut_out else 1.0
    if index < len(GLYPHS):
        glyph, face, height = (
            GLYPHS[index],
            cv2.FontFace(("sans", "italic")[int(rng.random() < 0.2)]),
            round(rng.uniform(0.5, 0.75) * CANVAS),
        )
        heavy = int(rng.integers(300, 900))
        area = cv2.getTextSize((0, 0), glyph, (0, 0), face, height, heavy)
        origin = (round(CANVAS / 2 - area[2] / 2 - area[0]), round(CANVAS / 2 - area[3] / 2 - area[1]))
        cv2.putText(sheet, glyph, origin, (*ink, 255), face, height, heavy)
        return sheet
    for kind, points in list(SHAPES.values())[index - len(GLYPHS)]:
        scaled = [(zoom * x, zoom * y) for x, y in points]
        paint(
            sheet,
            Polygon(paper if kind == "hole" else ink, scaled) if kind in ("fill", "hole") else Stroke(ink, scaled, zoom * float(kind)),
        )
    if cut_out:
        sheet[..., :3] = np.where(sheet[..., 3:] > 0, sheet[..., :3], ink)
    return sheet


def _texture(rng: Rng, index: int, size: scenes.Size) -> Picture:
    """A texture over the whole picture, a little turned, bent and scaled."""
    height, width = size
    y, x = (np.mgrid[:height, :width].astype(np.float32) - height / 2) * np.float32(rng.uniform(10, 26) / height)
    turn, bend = np.float32(rng.normal(0, 0.15)), np.float32(rng.uniform(-0.02, 0.02))
    x, y = x * np.cos(turn) - y * np.sin(turn) + bend * y * y, x * np.sin(turn) + y * np.cos(turn) + bend * x * x
    shift = rng.uniform(-2, 2, 2).astype(np.float32)
    mix = np.clip(list(TEXTURES.values())[index](x + shift[0], y + shift[1], rng) * rng.uniform(1, 6) + 0.5, 0, 1)[..., None]
    paper, ink = _two_colours(rng)
    return (paper * mix + ink * (1 - mix)).astype(np.uint8)


def photo(seed: int, index: int, size: scenes.Size = (96, 96)) -> tuple[Picture, int]:
    """Photo number `index` of the endless set: uint8 RGB (H, W, 3) and its class, 0..len(CLASSES) - 1."""
    rng = rng_for(seed, index)
    kind = rng.random()  # half of the photos show an icon, since colour and shape must both be learnt for those
    label = NOTHING if kind < 0.04 else int(rng.integers(_PLAIN, NOTHING)) if kind < 0.54 else int(rng.integers(0, _PLAIN))
    if _FLAT <= label < _PLAIN:
        return scenes.through_camera(rng, _texture(rng, label - _FLAT, size)), label
    scene = scenes.background(rng, size)
    if label < NOTHING or rng.random() < 0.35:
        sheet = blank_sheet(rng) if label == NOTHING else icons.icon(label - _PLAIN) if label >= _PLAIN else _sheet(rng, label)
        corners = scenes.random_pose(rng, size, (0.3, 1.0))
        scene = scenes.place(scene, sheet, corners)
        if label < NOTHING and rng.random() < 0.35:
            scenes.hide_part(rng, scene, corners)
    return scenes.through_camera(rng, scene), label
