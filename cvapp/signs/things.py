"""Other things than signs: rooms, walls with windows, animals and people in small, flowers, one before the other.

What a camera sees when nobody holds a sign. Drawn from simple shapes, light and shade: enough for a classifier to learn what a sign is not.
"""

import cv2
import numpy as np

from cvapp.signs import scenes, surfaces
from cvapp.signs.scenes import Size
from cvapp.signs.surfaces import Rng, colour, field, picture, spot


def _plane(rng: Rng, size: Size) -> np.ndarray:
    """What a thing may stand before, more or less out of focus."""
    makers = (surfaces.blank, surfaces.clouds, surfaces.leaves, surfaces.strokes, scenes.background, room)
    scene = makers[rng.choice(6, p=(0.2, 0.25, 0.1, 0.1, 0.1, 0.25))](rng, size)
    return cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.3, 8))


def _grid(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """The x and the y of each pixel (H, W)."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    return x, y


def room(rng: Rng, size: Size) -> np.ndarray:
    """Planes of one tint that meet at edges, each lit its own way, with bright windows, dark doors and beams."""
    height, width = size
    x, y = (values / height for values in _grid(size))
    tint = colour(rng)
    tint = 1 - rng.uniform(0, 0.6) * (1 - tint / max(1, tint.max()))
    light = np.full(size, rng.uniform(0.2, 1), np.float32)
    for _ in range(int(rng.integers(1, 6))):
        angle = rng.choice((0, np.pi / 2, np.pi / 4, -np.pi / 4)) + rng.normal(0, 0.2)
        across = (x - rng.uniform(0.1, 0.9) * width / height) * np.cos(angle) + (y - rng.uniform(0.1, 0.9)) * np.sin(angle)
        light = np.where(across > 0, light * rng.uniform(0.2, 1.5) * (1 + rng.uniform(-0.6, 0.6) * across), light)
    scene = picture(255 * light[..., None] * tint)
    for _ in range(int(rng.integers(0, 7))):
        centre, extent = rng.uniform((0, 0), (width, height)), rng.uniform(0.04, 0.4, 2) * height
        corners = centre + extent * (np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) + rng.normal(0, 0.12, (4, 2)))
        level = rng.choice((rng.uniform(0, 0.3), rng.uniform(0.8, 1), rng.uniform(0.3, 0.8)))
        ink = 255 * level * tint if rng.random() < 0.7 else colour(rng)
        cv2.fillPoly(scene, [corners.astype(np.int32)], ink.tolist(), cv2.LINE_AA)
        if rng.random() < 0.5:
            cv2.polylines(scene, [corners.astype(np.int32)], True, (255 * rng.random() * tint).tolist(), int(rng.integers(1, 9)), cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 4))):
        ends = (rng.uniform(-0.5, 1.5, (2, 2)) * (width, height)).astype(int).tolist()
        cv2.line(scene, *ends, (255 * rng.random() * tint).tolist(), int(rng.integers(1, max(2, height // 8))), cv2.LINE_AA)
    return cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.3, 5))


def facade(rng: Rng, size: Size) -> np.ndarray:
    """A wall with rows of windows, panes and shutters or shelves and boxes, of brick or not, seen from one side."""
    height, width = size
    scene = _plane(rng, size)
    if rng.random() < 0.5:
        _lay_bricks(rng, scene)
    columns, rows = rng.integers(1, 7, 2)
    step = np.array([width / columns, height / rows])
    extent, shift, panes = step * rng.uniform(0.3, 0.85, 2), rng.uniform(-0.3, 0.3, 2), int(rng.integers(1, 4))
    fill, frame, shutter = (colour(rng).tolist() for _ in range(3))
    thick, shutters = max(1, round(0.05 * extent.min())), rng.random() < 0.4
    for place in np.argwhere(rng.random((columns, rows)) < 0.85):
        low = (step * (place + 0.5 + shift) - extent / 2).astype(int)
        high = (low + extent).astype(int)
        if shutters:
            cv2.rectangle(scene, (low - extent * (0.4, 0)).astype(int).tolist(), (high + extent * (0.4, 0)).astype(int).tolist(), shutter, -1)
        cv2.rectangle(scene, low.tolist(), high.tolist(), fill, -1)
        cv2.rectangle(scene, low.tolist(), high.tolist(), frame, thick)
        for part in np.arange(1, panes) / panes:
            middle = (low + part * extent).astype(int)
            cv2.line(scene, (int(middle[0]), int(low[1])), (int(middle[0]), int(high[1])), frame, thick)
            cv2.line(scene, (int(low[0]), int(middle[1])), (int(high[0]), int(middle[1])), frame, thick)
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    tilted = corners + np.float32(rng.uniform(-0.25, 0.25, (4, 2)) * height * rng.integers(0, 2))
    return cv2.warpPerspective(scene, cv2.getPerspectiveTransform(corners, tilted), (width, height), borderMode=cv2.BORDER_REFLECT)


def _lay_bricks(rng: Rng, scene: np.ndarray) -> None:
    """Joints of stone or brick, in place."""
    height, width = scene.shape[:2]
    course, joint = int(rng.integers(6, 30)), colour(rng).tolist()
    length = int(course * rng.uniform(1.5, 3))
    for number, top in enumerate(range(0, height, course)):
        cv2.line(scene, (0, top), (width, top), joint, 1)
        for left in range(number % 2 * length // 2, width, length):
            cv2.line(scene, (left, top), (left, top + course), joint, 1)


def figure(rng: Rng, size: Size) -> np.ndarray:
    """A body of a few ovals lit from one side, with limbs and dark spots: an insect, a bird, a person, fruit; near or far."""
    height, width = size
    scene = _plane(rng, size)
    base, scale = colour(rng), rng.uniform(0.08, 0.8) * height
    centre = np.array([width, height]) / 2 + rng.normal(0, 0.15, 2) * height
    limb, thick = (base * rng.uniform(0.1, 0.9)).tolist(), max(1, round(scale * rng.uniform(0.03, 0.15)))
    for _ in range(int(rng.integers(0, 9))):
        turns = rng.uniform(0, 2 * np.pi) + np.array([0, rng.normal(0, 0.9)])
        steps = scale * rng.uniform((0.7, 0.3), (1.2, 0.8))[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1)
        cv2.polylines(scene, [(centre + np.cumsum([(0, 0), *steps], 0)).astype(np.int32)], False, limb, thick, cv2.LINE_AA)
    place, light, grain = centre, rng.uniform(0, 2 * np.pi), field(rng, size)
    for _ in range(int(rng.integers(1, 5))):
        ink = base + rng.normal(0, 25, 3) if rng.random() < 0.7 else colour(rng)
        scene = _lit_oval(rng, scene, place, scale * rng.uniform(0.4, 1.1, 2), light, np.float32(ink) * (1 + rng.uniform(0, 0.25) * grain))
        place = place + rng.normal(0, 0.7, 2) * scale
    for _ in range(int(rng.integers(0, 6))):
        spot(rng, scene, centre + rng.normal(0, 0.5, 2) * scale, scale * rng.uniform(0.05, 0.3), colour(rng) * rng.uniform(0, 0.8))
    return cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.3, 2.5))


def _lit_oval(rng: Rng, scene: np.ndarray, centre: np.ndarray, axes: np.ndarray, light: float, surface: np.ndarray) -> np.ndarray:
    """Lay an egg of some surface (H, W, 3) on a scene, turned at random: bright in the middle and towards the light, dark at its rim."""
    x, y = (values - place for values, place in zip(_grid(scene.shape[:2]), centre))
    turn = rng.uniform(0, np.pi)
    along, across = (x * np.cos(turn) + y * np.sin(turn)) / axes[0], (y * np.cos(turn) - x * np.sin(turn)) / axes[1]
    inside = 1 - along**2 - across**2
    shade = 0.6 + 0.45 * np.sqrt(np.clip(inside, 0, 1)) + 0.4 * (x * np.cos(light) + y * np.sin(light)) / axes.max()
    cover = np.clip(inside * rng.uniform(3, 30), 0, 1)[..., None]
    return picture(surface * shade[..., None] * cover + scene * (1 - cover))


def flower(rng: Rng, size: Size) -> np.ndarray:
    """Petals about a middle, one near or several far."""
    scene, petal, heart = _plane(rng, size), colour(rng), colour(rng).tolist()
    reach = rng.uniform(0.06, 0.4) * size[0]
    for _ in range(1 if reach > 0.2 * size[0] else int(rng.integers(1, 12))):
        centre, squash = np.array(size[::-1]) / 2 + rng.normal(0, 0.25, 2) * size[0], rng.uniform(0.5, 1)
        wide = max(1, round(reach * rng.uniform(0.12, 0.5)))
        for angle in rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi, int(rng.integers(4, 24)), endpoint=False):
            out = 0.55 * reach * np.array([np.cos(angle), squash * np.sin(angle)])
            axes, turn = (max(1, round(np.hypot(*out))), wide), float(np.rad2deg(np.arctan2(out[1], out[0])))
            ink = np.clip(petal * rng.uniform(0.7, 1.15), 0, 255).tolist()
            cv2.ellipse(scene, (centre + out).astype(int).tolist(), axes, turn, 0, 360, ink, -1, cv2.LINE_AA)
        cv2.circle(scene, centre.astype(int).tolist(), max(1, round(reach * rng.uniform(0.1, 0.4))), heart, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.3, 2))


# How often each is drawn. Most pictures that people take show somebody or something, in a room or outdoors.
MAKERS = {
    surfaces.blank: 1,
    surfaces.noise: 1,
    surfaces.clouds: 1,
    surfaces.leaves: 1,
    surfaces.strokes: 1,
    surfaces.cells: 2,
    surfaces.lights: 1,
    surfaces.page: 1,
    scenes.background: 1,
    facade: 2,
    flower: 2,
    room: 3,
    figure: 8,
}
_SHARES = np.array(list(MAKERS.values())) / sum(MAKERS.values())


def _any(rng: Rng, size: Size) -> np.ndarray:
    return list(MAKERS)[rng.choice(len(MAKERS), p=_SHARES)](rng, size)


def _cover(rng: Rng, size: Size) -> np.ndarray:
    """Where one scene hides another, 0..1 (H, W, 1): within a wavy outline, or wherever a 1/f field is high, as foliage does."""
    if rng.random() < 0.3:
        cover = np.asarray(np.clip(field(rng, size)[..., 0] * rng.uniform(1, 8) + rng.normal(), 0, 1), np.float32)
    else:
        angle = np.linspace(0, 2 * np.pi, 80, endpoint=False)
        waves = sum(rng.normal(0, 0.35 / count) * np.cos(count * angle + rng.uniform(0, 2 * np.pi)) for count in range(1, 6))
        reach = np.abs(1 + waves) * rng.uniform(0.12, 0.45) * size[0]
        outline = rng.uniform(0.2, 0.8, 2) * size[::-1] + (reach * (np.cos(angle), rng.uniform(0.4, 1) * np.sin(angle))).T
        cover = np.zeros(size, np.float32)
        cv2.fillPoly(cover, [outline.astype(np.int32)], 1.0)
    return cv2.GaussianBlur(np.float32(cover), (0, 0), rng.uniform(0.5, 4))[..., None]


def cut_out(rng: Rng, side: int) -> np.ndarray:
    """A piece of a thing, to stand before others: uint8 RGBA (side, side, 4)."""
    return np.dstack([_any(rng, (side, side)), picture(255 * _cover(rng, (side, side)))])


def scene(rng: Rng, size: Size) -> np.ndarray:
    """A scene of other things than signs: uint8 RGB (H, W, 3)."""
    made = _any(rng, size)
    while rng.random() < 0.4:
        cover = _cover(rng, size)
        made = picture(_any(rng, size) * cover + made * (1 - cover))
    if rng.random() < 0.4:  # a dull day
        grey = made.mean(2, keepdims=True)
        made = picture(grey + rng.random() * (made - grey))
    return cv2.GaussianBlur(made, (0, 0), rng.uniform(0.3, 3)) if rng.random() < 0.3 else made
