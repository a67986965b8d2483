"""Flat pictures as a camera would see them: cluttered backgrounds, perspective, things in front, light, colour, blur and noise."""

from typing import NamedTuple

import cv2
import numpy as np

Size = tuple[int, int]  # (height, width)


def _random_colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """Half of the colours are dull, as most of a room is."""
    colour = rng.uniform(0, 255, 3)
    if rng.random() < 0.5:
        colour = colour.mean() + 0.25 * (colour - colour.mean())
    red, green, blue = colour.astype(int).tolist()
    return red, green, blue


def _two_colours(rng: np.random.Generator, mix: np.ndarray) -> np.ndarray:
    """Two random colours, the first where `mix` (H, W) is 1, the second where it is 0; a channel at a time, which is three times as fast."""
    one, other = np.float32(_random_colour(rng)), np.float32(_random_colour(rng))
    rest = 1 - mix
    return np.dstack([(a * mix + b * rest).astype(np.uint8) for a, b in zip(one, other)])


def _blotches(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Two colours mixed by noise of several scales: walls, grass, cloth, stone."""
    height, width = size
    mix, weight = np.zeros(size, np.float32), 1.0
    for cells in (2, 5, 11, 23, 47)[rng.integers(0, 3) :]:
        coarse = rng.random((cells, max(1, round(cells * width / height))), np.float32)
        mix += np.float32(weight) * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        weight *= rng.uniform(0.3, 0.9)
    mix = cv2.normalize(mix, None, 0, 1, cv2.NORM_MINMAX)
    return _two_colours(rng, mix)


def _stripes(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Bars or checks in any direction: blinds, tiles, floorboards, shelves."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32) / height
    angle, rate = rng.uniform(0, np.pi), rng.uniform(2, 14)
    wave = np.sin(2 * np.pi * rate * (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))))
    if rng.random() < 0.5:
        wave = wave * np.sin(2 * np.pi * rate * rng.uniform(0.3, 1.5) * (y * np.float32(np.cos(angle)) - x * np.float32(np.sin(angle))))
    mix = np.clip(wave * np.float32(rng.uniform(1, 12)) + 0.5, 0, 1)
    return _two_colours(rng, mix)


def _gradient(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Four corner colours blended: a plain wall in a lit room."""
    corners = np.float32([[_random_colour(rng), _random_colour(rng)], [_random_colour(rng), _random_colour(rng)]])
    base = corners.mean((0, 1))
    return cv2.resize(base + rng.uniform(0.1, 1) * (corners - base), size[::-1], interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def _clutter(rng: np.random.Generator, scene: np.ndarray, count: int) -> None:
    """Boxes, discs, lines and odd polygons, in place: the things that stand in a room."""
    height, width = scene.shape[:2]
    for _ in range(count):
        centre = rng.uniform((0, 0), (width, height))
        extent = rng.uniform(0.03, 0.35) * height * rng.uniform(0.3, 1, 2)
        colour, kind = _random_colour(rng), rng.integers(0, 5)
        thick = -1 if rng.random() < 0.7 else int(rng.integers(1, max(2, height // 30)))
        if kind == 0:
            corners = cv2.boxPoints(
                ((float(centre[0]), float(centre[1])), (2 * float(extent[0]), 2 * float(extent[1])), float(rng.uniform(0, 180)))
            )
            cv2.drawContours(scene, [corners.astype(np.int32)], 0, colour, thick, cv2.LINE_AA)
        elif kind == 1:
            low, high = (centre - extent).astype(int), (centre + extent).astype(int)
            cv2.rectangle(scene, low.tolist(), high.tolist(), colour, thick, cv2.LINE_AA)
        elif kind == 2:
            cv2.ellipse(
                scene,
                centre.astype(int).tolist(),
                extent.astype(int).tolist(),
                float(rng.uniform(0, 180)),
                0,
                360,
                colour,
                thick,
                cv2.LINE_AA,
            )
        elif kind == 3:
            end = centre + rng.normal(0, height / 3, 2)
            cv2.line(
                scene,
                centre.astype(int).tolist(),
                end.astype(int).tolist(),
                colour,
                int(rng.integers(1, max(2, height // 20))),
                cv2.LINE_AA,
            )
        else:
            corners = centre + extent * rng.uniform(-1.5, 1.5, (int(rng.integers(3, 8)), 2))
            cv2.fillPoly(scene, [corners.astype(np.int32)], colour, cv2.LINE_AA)


def background(rng: np.random.Generator, size: Size) -> np.ndarray:
    """A scene with no sign in it: uint8 RGB (H, W, 3)."""
    makers = (_blotches, _stripes, _gradient)
    scene = makers[rng.choice(3, p=(0.45, 0.25, 0.3))](rng, size)
    if rng.random() < 0.3:  # a second material: a table before a wall
        other = makers[rng.integers(0, 3)](rng, size)
        edge = int(rng.uniform(0.3, 0.8) * size[0])
        scene[edge:] = other[edge:]
    _clutter(rng, scene, int(rng.choice((0, 3, 8, 16, 30))))
    if rng.random() < 0.35:  # out of focus
        scene = cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.3, 2.5) * size[0] / 100)
    return scene


def project(centre: tuple[float, float], side: float, turns: tuple[float, float, float], distance: float = 3.0) -> np.ndarray:
    """Where a square's corners appear: float32 (4, 2), from the top left clockwise, in pixels.

    Args:
        centre: of the square in the picture, (x, y) in pixels.
        side: of the square seen straight on, in pixels.
        turns: about the x, y and z axis, in degrees.
        distance: from the camera in sides; smaller is stronger perspective.
    """
    ax, ay, az = np.deg2rad(turns)
    turn_x = np.array([[1, 0, 0], [0, np.cos(ax), -np.sin(ax)], [0, np.sin(ax), np.cos(ax)]])
    turn_y = np.array([[np.cos(ay), 0, np.sin(ay)], [0, 1, 0], [-np.sin(ay), 0, np.cos(ay)]])
    turn_z = np.array([[np.cos(az), -np.sin(az), 0], [np.sin(az), np.cos(az), 0], [0, 0, 1]])
    square = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])
    turned = square @ (turn_z @ turn_y @ turn_x).T
    flat = turned[:, :2] * (distance / (distance + turned[:, 2:]))
    return (flat * side + centre).astype(np.float32)


def random_turns(rng: np.random.Generator) -> tuple[float, float, float]:
    """How a person holds a flat thing to a camera: turns about the x, y and z axis, in degrees."""
    about_x, about_y = rng.uniform(-38, 38, 2)
    return about_x, about_y, float(rng.normal(0, 9))


def random_pose(rng: np.random.Generator, size: Size, scale: tuple[float, float] = (0.35, 0.95)) -> np.ndarray:
    """Corners of a flat thing held before a camera: whole, or nearly, inside the middle square of the picture.

    Args:
        scale: the thing's side over the picture's shorter side, from the smallest to the largest.
    """
    reach = min(size)
    turns = random_turns(rng)
    corners = project((0, 0), rng.uniform(*scale) * reach, turns, rng.uniform(1.8, 4))
    corners = corners * min(1.0, 0.98 * reach / np.ptp(corners, 0).max())
    room = (reach - np.ptp(corners, 0)) / 2 + 0.06 * reach
    middle = np.array(size[::-1]) / 2 + rng.uniform(-room, room)
    return (corners - (corners.min(0) + corners.max(0)) / 2 + middle).astype(np.float32)


def warp(picture: np.ndarray, corners: np.ndarray, size: Size) -> np.ndarray:
    """An RGBA picture with its corners at `corners` (4, 2), where pixels have their middles at whole numbers: uint8 RGBA (H, W, 4)."""
    side = picture.shape[0]
    reach = np.linalg.norm(corners - np.roll(corners, 1, 0), axis=1).max()
    while side > 2 * max(reach, 16):  # halve first: warping alone would alias
        picture, side = cv2.resize(picture, (side // 2, side // 2), interpolation=cv2.INTER_AREA), side // 2
    source = np.float32([[0, 0], [side, 0], [side, side], [0, side]]) - np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(source, np.float32(corners))
    return cv2.warpPerspective(picture, matrix, size[::-1], flags=cv2.INTER_LINEAR)


def blend(scene: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """An RGBA layer (H, W, 4) before a scene (H, W, 3); a new array."""
    alpha = layer[..., 3:].astype(np.float32) / 255
    return (layer[..., :3] * alpha + scene * (1 - alpha)).astype(np.uint8)


def place(scene: np.ndarray, picture: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Lay an RGBA picture on a scene with its corners at `corners` (4, 2); a new array."""
    return blend(scene, warp(picture, corners, scene.shape[:2]))


class Bar(NamedTuple):
    """A finger or a twig: a line between two pixels (x, y), its colour and its width."""

    start: tuple[int, int]
    end: tuple[int, int]
    colour: tuple[int, int, int]
    width: int


def random_bar(rng: np.random.Generator, corners: np.ndarray) -> Bar:
    """A finger, a twig or the edge of another sheet before one edge of the thing at `corners`; it hides at most about a quarter."""
    middle, corner = corners.mean(0), corners[rng.integers(0, 4)]
    edge = (corner + corners[rng.integers(0, 4)]) / 2
    reach = np.linalg.norm(corners[0] - corners[2])
    end = edge + rng.normal(0, 1, 2) * reach
    start = edge + rng.uniform(0, 0.35) * (middle - edge)
    colour = _random_colour(rng)
    return Bar(start.astype(int).tolist(), end.astype(int).tolist(), colour, max(1, int(rng.uniform(0.04, 0.2) * reach)))


def hide_part(rng: np.random.Generator, scene: np.ndarray, corners: np.ndarray) -> None:
    """Put a random bar before the thing at `corners`, in place."""
    cv2.line(scene, *random_bar(rng, corners), cv2.LINE_AA)


def through_camera(rng: np.random.Generator, scene: np.ndarray, strength: float = 1.0, blur: float = 1.0) -> np.ndarray:
    """Uneven light, a colour cast, gamma, blur or shake, and sensor noise; `strength` 0..1 scales all of it, `blur` 0..1 blur and shake."""
    height, width = scene.shape[:2]
    light = 1 + strength * rng.uniform(-0.55, 0.35, (2, 2, 1))
    cast = 1 + strength * rng.uniform(-0.22, 0.22, (1, 1, 3))
    gains = np.float32(light * cast)
    picture = scene * cv2.resize(gains, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.12 * strength:  # a printer without colour
        picture[:] = picture.mean(-1, keepdims=True)
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.05 + strength * blur * rng.uniform(0, 0.012) * height)
    elif rng.random() < 0.5:
        picture = _shaken(rng, picture, 1 + strength * blur * rng.uniform(0, 0.04) * height)
    picture /= 255  # in place from here on: new arrays of this size take longer than the sums
    np.clip(picture, 0, 1, out=picture)
    picture **= np.float32(np.exp(strength * rng.uniform(-0.4, 0.4)))
    picture *= 255
    noise = rng.standard_normal(scene.shape, np.float32)
    noise *= np.float32(strength * rng.uniform(0, 14))
    picture += noise
    return np.clip(picture, 0, 255, out=picture).astype(np.uint8)


def _shaken(rng: np.random.Generator, picture: np.ndarray, length: float) -> np.ndarray:
    """Blur along one line of `length` pixels."""
    side = 2 * round((length - 1) / 2) + 1
    kernel = np.zeros((side, side), np.float32)
    step = np.array([np.cos(angle := rng.uniform(0, np.pi)), np.sin(angle)]) * (side - 1) / 2
    middle = np.array([side // 2, side // 2])
    cv2.line(kernel, (middle - step).round().astype(int).tolist(), (middle + step).round().astype(int).tolist(), 1.0)
    return cv2.filter2D(picture, -1, kernel / kernel.sum())
