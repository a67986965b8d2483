"""The embedded data set: printable signs, drawn as a camera would see them (NumPy and OpenCV)."""

from cvapp.signs.photos import Truth, close_up, moving_scene, photo
from cvapp.signs.pictograms import BACKGROUND, LABELS, SIGNS, draw

__all__ = ["BACKGROUND", "LABELS", "SIGNS", "Truth", "close_up", "draw", "moving_scene", "photo"]
