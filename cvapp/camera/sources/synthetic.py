"""Drawn signs that move before a camera that does not exist: live, by the clock, with frames lost at random."""

import dataclasses
import itertools
import threading
from dataclasses import dataclass
from typing import Iterator

import numpy as np

from cvapp.camera.sources.frames import Frame, Settings, Source, by_the_clock
from cvapp.errors import CvappError
from cvapp.recipe.values import did_you_mean

START = "synthetic:"
KINDS = ("signs",)


@dataclass(frozen=True)
class Scene:
    """What is drawn.

    Args:
        fps: frames a second.
        drop: the chance of each frame to be lost; its number is left out.
        seed: decides the scene and which frames are lost.
        size: (height, width).
        frames: how many there are, lost ones included; no end when left out.
    """

    fps: float = 30.0
    drop: float = 0.0
    seed: int = 1
    size: tuple[int, int] = (480, 640)
    frames: int | None = None

    def __post_init__(self) -> None:
        limits = {"fps": (1, 240), "drop": (0, 0.99), "seed": (0, 2**32), "frames": (1, 10**9)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise CvappError(f"{START}signs: {name} is {value:g}: give a number from {low:g} to {high:g}")
        if not all(16 <= side <= 4096 for side in self.size):
            raise CvappError(f"{START}signs: size is {self.size[0]}x{self.size[1]}: give height x width, each 16 to 4096 pixels")


def parse(word: str, settings: Settings) -> Scene:
    """Read `synthetic:signs,fps=30,drop=0.1`; what the word leaves out is as the settings say.

    Raises:
        CvappError: an unknown kind or setting, or a value that is none (exit 2).
    """
    kind, *pairs = word.removeprefix(START).split(",")
    if kind not in KINDS:
        raise CvappError(f"{word}: {kind!r} is not drawn; give {START}{KINDS[0]}{did_you_mean(kind, KINDS)}")
    known = [field.name for field in dataclasses.fields(Scene)]
    values: dict[str, object] = {name: value for name in ("fps", "size") if (value := getattr(settings, name)) is not None}
    for pair in pairs:
        name, _, text = pair.partition("=")
        if name not in known:
            raise CvappError(f"{word}: unknown setting {name!r}: choose from {', '.join(known)}{did_you_mean(name, known)}")
        values[name] = _value(word, name, text)
    return Scene(**values)  # type: ignore[arg-type]


def _value(word: str, name: str, text: str) -> object:
    try:
        if name == "size":
            height, width = map(int, text.split("x"))
            return height, width
        return float(text) if name in ("fps", "drop") else int(text)
    except ValueError:
        wanted = {"size": "height x width, such as 480x640", "fps": "a number", "drop": "a number"}.get(name, "a whole number")
        raise CvappError(f"{word}: {name} is {text!r}: give {wanted}") from None


def open_synthetic(word: str, settings: Settings) -> Source:
    """Open drawn signs as a live source; the same seed gives the same frames and loses the same ones."""
    scene, closed = parse(word, settings), threading.Event()
    lost = np.random.default_rng(scene.seed)
    count = None if scene.frames is None else int((np.random.default_rng(scene.seed).random(scene.frames) >= scene.drop).sum())
    kept = (frame for frame in _drawn(scene) if lost.random() >= scene.drop)
    return Source(word, by_the_clock(kept, closed.wait), True, scene.fps, count, closed.set)


def _drawn(scene: Scene) -> Iterator[Frame]:
    """All frames, with their times from the start; once every sign was shown, the next seed's scene follows."""
    from cvapp.signs import moving_scene  # late: drawing is not needed for a real camera

    scenes = (moving_scene(scene.seed + number, scene.size, fps=scene.fps) for number in itertools.count())
    pictures = (rgb for pictures in scenes for rgb, _ in pictures)
    for index, rgb in enumerate(itertools.islice(pictures, scene.frames)):
        yield Frame(rgb, index / scene.fps, index)
