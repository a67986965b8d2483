"""What may fill a picture that shows no sign: walls, noise, clouds, leaves, grass, cells, lights, text; drawn, not photographed.

Each maker takes a generator and a size (height, width) and gives uint8 RGB (H, W, 3).
"""

import cv2
import numpy as np

from cvapp.signs.scenes import Size

Rng = np.random.Generator
LETTERS = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:-      ")


def picture(values: np.ndarray) -> np.ndarray:
    """Values of any range as a picture: uint8, cut off at 0 and 255."""
    return np.clip(values, 0, 255).astype(np.uint8)


def colour(rng: Rng) -> np.ndarray:
    """A colour of common matter, float32 (3,): white and black are as frequent as the greys between, and most of it is dull."""
    hue = rng.random(3)
    hue = (hue - hue.min()) / np.ptp(hue)
    return np.asarray(rng.uniform(0, 255) * (1 - rng.random() ** 2 * (1 - hue)), np.float32)


def palette(rng: Rng, count: int) -> np.ndarray:
    """Colours around one, (count, 3): the same matter in other light, and like matter."""
    spread = rng.uniform(5, 70)
    light, tint = rng.normal(0, spread, (count, 1)), rng.normal(0, spread * rng.uniform(0.1, 0.8), (count, 3))
    return np.clip(colour(rng) + light + tint, 0, 255)


def field(rng: Rng, size: Size, channels: int = 1) -> np.ndarray:
    """Noise whose amplitude falls as 1/f^a, as in photographs (Field 1987): float32 (H, W, channels), mean 0, deviation 1."""
    half = (size[0] + 1) // 2, (size[1] + 1) // 2  # drawn at half the size: four times as fast
    stretch = rng.uniform(0.3, 3) if rng.random() < 0.4 else 1.0
    frequency = np.hypot(stretch * np.fft.fftfreq(half[0])[:, None], np.fft.rfftfreq(half[1]))
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((channels, *half))) * frequency ** -rng.uniform(0.8, 2.2)
    values = np.float32(np.fft.irfft2(spectrum, half).transpose(1, 2, 0))
    return cv2.resize(values / values.std((0, 1)), size[::-1], interpolation=cv2.INTER_CUBIC).reshape(*size, channels)


def blank(rng: Rng, size: Size) -> np.ndarray:
    """One colour: a wall, a cap left on the lens, a light too bright."""
    level = rng.choice((rng.uniform(0, 12), rng.uniform(240, 255)))
    return np.full((*size, 3), picture(colour(rng) if rng.random() < 0.6 else level), np.uint8)


def noise(rng: Rng, size: Size) -> np.ndarray:
    """Every grain for itself, uniform or Gaussian, grey or in colour: a sensor in the dark, gravel."""
    grain = int(rng.choice((1, 1, 2, 4, 8)))
    shape = -(-size[0] // grain), -(-size[1] // grain), int(rng.choice((1, 3)))
    values = rng.uniform(-1.7, 1.7, shape) if rng.random() < 0.5 else rng.standard_normal(shape)
    kind = cv2.INTER_NEAREST if rng.random() < 0.5 else cv2.INTER_LINEAR
    values = cv2.resize(np.float32(values), size[::-1], interpolation=kind).reshape(*size, -1)
    return picture(colour(rng) + rng.uniform(10, 110) * values)


def clouds(rng: Rng, size: Size) -> np.ndarray:
    """A 1/f field whose light varies more than its tint: sky, stone, skin, a lawn from afar."""
    tint = rng.uniform(0.05, 0.8)
    mix = np.float32([[1, 1, 1], [tint, -tint / 2, -tint / 2], [0, tint, -tint]])  # light, red to cyan, green to blue
    return picture(colour(rng) + rng.uniform(10, 65) * field(rng, size, 3) @ mix)


def spot(rng: Rng, scene: np.ndarray, centre: np.ndarray, reach: float, ink: np.ndarray) -> None:
    """An ellipse or an odd polygon of about `reach` pixels around a place (x, y), in place."""
    if rng.random() < 0.6:
        axes = max(1, round(reach)), max(1, round(reach * rng.uniform(0.2, 1)))
        cv2.ellipse(scene, centre.astype(int).tolist(), axes, float(rng.uniform(0, 180)), 0, 360, ink.tolist(), -1, cv2.LINE_AA)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 9))))
        corners = centre + reach * rng.uniform(0.5, 1.2, (len(angles), 1)) * np.stack([np.cos(angles), np.sin(angles)], 1)
        cv2.fillPoly(scene, [corners.astype(np.int32)], ink.tolist(), cv2.LINE_AA)


def leaves(rng: Rng, size: Size) -> np.ndarray:
    """Things before things, many small and few large, which has the statistics of photographs (Lee, Mumford and Huang 2001)."""
    scene = np.full((*size, 3), picture(colour(rng)), np.uint8)
    inks = np.concatenate([palette(rng, 30) for _ in range(int(rng.integers(1, 4)))])
    smallest = rng.uniform(0.008, 0.06)
    for _ in range(int(rng.integers(60, 300))):
        reach = min(0.6, smallest / np.sqrt(1 - rng.random())) * size[0]
        spot(rng, scene, rng.uniform((0, 0), size[::-1]), reach, rng.choice(inks))
    return scene


def strokes(rng: Rng, size: Size) -> np.ndarray:
    """Thin bent lines of much the same direction: grass, fur, twigs."""
    scene, inks = clouds(rng, size), palette(rng, 20)
    angle, spread, length = rng.uniform(0, np.pi), rng.uniform(0.05, 1.5), rng.uniform(0.03, 0.25) * size[0]
    thickest = int(rng.integers(2, 7))
    for _ in range(int(rng.integers(80, 400))):
        turns = rng.normal(angle, spread) + np.array([0, rng.normal(0, 0.5)])
        steps = length * rng.uniform(0.3, 1) * np.stack([np.cos(turns), np.sin(turns)], 1)
        points = rng.uniform((0, 0), size[::-1]) + np.cumsum([(0, 0), *steps], 0)
        cv2.polylines(scene, [points.astype(np.int32)], False, rng.choice(inks).tolist(), int(rng.integers(1, thickest)), cv2.LINE_AA)
    return scene


def cells(rng: Rng, size: Size) -> np.ndarray:
    """Round things of one size, with a rim or without, a few of them stained: cells, pebbles, bubbles, fruit."""
    paper = colour(rng) if rng.random() < 0.5 else 255 - (255 - colour(rng)) * 0.3
    scene = np.full((*size, 3), picture(paper), np.uint8)
    inner, rim = np.clip(paper + rng.normal(0, 50, (2, 3)), 0, 255)
    usual, rimmed, thick = rng.uniform(0.03, 0.14) * size[0], rng.random() < 0.7, rng.uniform(0.1, 0.5)
    for _ in range(int(rng.integers(10, 90))):
        centre, reach = rng.uniform((0, 0), size[::-1]).astype(int).tolist(), usual * rng.uniform(0.75, 1.25)
        axes, turn = (max(2, round(reach)), max(2, round(reach * rng.uniform(0.75, 1)))), float(rng.uniform(0, 180))
        cv2.ellipse(scene, centre, axes, turn, 0, 360, np.clip(inner + rng.normal(0, 8), 0, 255).tolist(), -1, cv2.LINE_AA)
        if rimmed:
            cv2.ellipse(scene, centre, axes, turn, 0, 360, rim.tolist(), max(1, round(usual * thick)), cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 4))):
        spot(rng, scene, rng.uniform((0, 0), size[::-1]), usual * rng.uniform(0.8, 2), colour(rng))
    return cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.4, 2.5))


def lights(rng: Rng, size: Size) -> np.ndarray:
    """Lamps out of focus before the dark, or spots of sun: discs that add up."""
    corners = np.float32([[colour(rng), colour(rng)], [colour(rng), colour(rng)]]) * np.float32(rng.uniform(0.1, 1))
    scene, usual = cv2.resize(corners, size[::-1], interpolation=cv2.INTER_LINEAR), rng.uniform(0.03, 0.2) * size[0]
    for _ in range(int(rng.integers(4, 40))):
        disc, strength = np.zeros(size, np.uint8), rng.uniform(20, 200) * rng.uniform(0.3, 1, 3)
        centre = rng.uniform((0, 0), size[::-1]).astype(int).tolist()
        cv2.circle(disc, centre, max(2, round(usual * rng.uniform(0.6, 1.3))), 1, -1)
        scene[disc > 0] += np.float32(strength)
    return picture(cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.5, 8)))


def page(rng: Rng, size: Size) -> np.ndarray:
    """Lines of text without sense, in one ink on one paper."""
    scene = np.full((*size, 3), picture(255 - (255 - colour(rng)) * rng.random()), np.uint8)
    ink, face = colour(rng).astype(int).tolist(), cv2.FontFace("sans")
    height, left, base = int(rng.integers(8, 36)), int(rng.uniform(-20, 40)), float(rng.uniform(0, 30))
    while base < size[0] + height:
        if rng.random() < 0.9:
            line = "".join(rng.choice(LETTERS, int(rng.integers(3, 400 // height + 4))))
            cv2.putText(scene, line, (left, round(base)), ink, face, height, int(rng.integers(300, 800)))
        base += height * rng.uniform(1.1, 1.6)
    return scene
