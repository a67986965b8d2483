"""Photos of the signs, and a moving scene with the truth for every frame."""

from typing import Callable, Iterator, NamedTuple

import cv2
import numpy as np

from cvapp.signs import icons, scenes, things
from cvapp.signs.pictograms import BACKGROUND, LABELS, SIGNS, draw

SIGN_SIDE = 256
TILT, FILLS = 18, (0.8, 0.96)  # of a close-up: degrees that a sign is tilted by, either way; how much of the picture's side it takes up
EMPTY, MADE_UP = 0.1, 0.03  # of the photos without a sign: those that show an empty sheet, and those that show a sign that is none of ours


def rng_for(seed: int, *position: int) -> np.random.Generator:
    """A generator that depends on the seed and the position alone, so any photo can be made without the ones before it."""
    return np.random.default_rng((seed, *position))


def photo(seed: int, label: str, index: int, size: scenes.Size = (240, 320)) -> np.ndarray:
    """Photo number `index` of one sign, or of no sign for `background`: uint8 RGB (H, W, 3)."""
    rng = rng_for(seed, LABELS.index(label), index)
    if label == BACKGROUND:
        return _no_sign(rng, size)
    scene, corners = scenes.background(rng, size), scenes.random_pose(rng, size)
    scene = scenes.place(scene, draw(SIGNS[label], SIGN_SIDE), corners)
    if rng.random() < 0.35:
        scenes.hide_part(rng, scene, corners)
    return scenes.through_camera(rng, scene)


def close_up(seed: int, label: str, index: int, side: int = 96) -> np.ndarray:
    """Picture number `index` of one sign that nearly fills it, held almost straight before a good camera: uint8 RGB (side, side, 3)."""
    rng = rng_for(seed, LABELS.index(label), index, 1)  # other positions than those of `photo`
    about_x, about_y = rng.uniform(-TILT, TILT, 2)
    corners = scenes.project((0, 0), side, (about_x, about_y, float(rng.normal(0, 4))))
    corners = corners * rng.uniform(*FILLS) * side / np.ptp(corners, 0).max() + side * rng.uniform(0.48, 0.52, 2)
    scene = scenes.place(scenes.background(rng, (side, side)), draw(SIGNS[label], SIGN_SIDE), corners.astype(np.float32))
    return scenes.through_camera(rng, scene, 0.4, 0.3)


def _no_sign(rng: np.random.Generator, size: scenes.Size) -> np.ndarray:
    """Another thing, now and then with an empty sheet or a made-up sign before it, seen by a good camera or a bad one."""
    scene, kind = things.scene(rng, size), rng.random()
    if kind < EMPTY + MADE_UP:
        sheet = blank_sheet(rng) if kind < EMPTY else icons.icon(int(rng.integers(0, icons.COUNT)))
        scene = scenes.place(scene, sheet, scenes.random_pose(rng, size))
    return scenes.through_camera(rng, scene, rng.random())


def blank_sheet(rng: np.random.Generator) -> np.ndarray:
    """A sheet of one colour with a border and nothing on it: uint8 RGBA (64, 64, 4)."""
    sheet = np.full((64, 64, 4), 255, np.uint8)
    sheet[..., :3] = rng.integers(0, 256, 3)
    cv2.rectangle(sheet, (0, 0), (63, 63), (*rng.integers(0, 256, 3).tolist(), 255), int(rng.integers(1, 6)))
    return sheet


class Truth(NamedTuple):
    """What a frame shows: its label, where the sign's corners are (pixels, clockwise from the top left), and whether all of it is seen."""

    frame: int
    label: str
    whole: bool
    corners: tuple[tuple[float, float], ...]


def moving_scene(
    seed: int, size: scenes.Size = (480, 640), seconds_each: float = 2.0, fps: float = 15.0
) -> Iterator[tuple[np.ndarray, Truth]]:
    """Every sign in turn is brought into the picture, turned about and taken away, while the camera pans over a scene.

    Yields:
        RGB frames and their truth. Between signs the label is `background`; while a sign is in part outside the picture,
        the label is its own and `whole` is False.
    """
    height, width = size
    rng = rng_for(seed)
    wide = scenes.background(rng, (height, width * 2))
    order = [str(label) for label in rng.permutation(list(SIGNS))]
    steps = round(seconds_each * fps)
    total = steps * len(order)
    light = np.float32(rng.uniform(0.75, 1.1, (2, 2, 3)))
    gains = cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
    for number, label in enumerate(order):
        picture = draw(SIGNS[label], SIGN_SIDE)
        path = _path(rng, size)
        for step in range(steps):
            frame = number * steps + step
            left = round((width - 1) * 0.5 * (1 - np.cos(2 * np.pi * frame / total)))
            scene = wide[:, left : left + width]
            corners = path(step / (steps - 1))
            low, high = corners.min(0), corners.max(0)
            seen = bool((high > 0).all() and (low < (width, height)).all())
            if seen:
                scene = scenes.place(scene, picture, corners)
            whole = seen and bool((low >= 0).all() and (high <= (width, height)).all())
            noise = rng.standard_normal((height, width, 1), np.float32) * 4
            rgb = np.clip(scene * gains + noise, 0, 255).astype(np.uint8)
            places = tuple((round(float(x), 1), round(float(y), 1)) for x, y in corners) if seen else ()
            yield rgb, Truth(frame, label if seen else BACKGROUND, whole, places)


def _path(rng: np.random.Generator, size: scenes.Size) -> Callable[[float], np.ndarray]:
    """A hand brings a sign in from one side, holds it while turning it, and takes it out: time 0..1 -> corners (4, 2)."""
    height, width = size
    side = rng.uniform(0.45, 0.75) * height
    away = np.array([width / 2 + side, 0.0]) * rng.choice((-1, 1)) + (0, rng.uniform(-0.2, 0.2) * height)
    swing, phase = rng.uniform(15, 35, 2), rng.uniform(0, 2 * np.pi, 3)

    def corners(time: float) -> np.ndarray:
        out = np.clip(abs(2 * time - 1) * 2.2 - 1.2, 0, 1) ** 1.5  # 1 at both ends, 0 while held
        wobble = np.sin(2 * np.pi * time + phase)
        centre = np.array([width / 2, height / 2]) + out * away + wobble[:2] * (0.08 * width, 0.04 * height)
        return scenes.project((float(centre[0]), float(centre[1])), side, (swing[0] * wobble[0], swing[1] * wobble[1], 8 * wobble[2]))

    return corners
