"""How a picture becomes a model's input: read from a file (`cvapp.decoding`), and fitted to the model's size."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from cvapp.decoding import decode, decode_sized, upright
from cvapp.errors import CvappError, Exit
from cvapp.files import check_suffix, replacing, special

__all__ = [
    "FITS",
    "HEIC_SUFFIXES",
    "RAW_SUFFIXES",
    "RESIZES",
    "SUFFIXES",
    "WRITTEN",
    "Images",
    "decode",
    "decode_sized",
    "fit",
    "inside",
    "read",
    "read_bytes",
    "resize",
    "to_fitted",
    "upright",
    "window",
    "write",
]
MIN_BITS, MAX_BITS = 8, 16
FITS = ("crop", "letterbox", "stretch")
RESIZES = ("area", "linear")
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".avif", ".pgm", ".ppm"})
WRITTEN = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".gif", ".ppm")  # the usual ones first
HEIC_SUFFIXES = frozenset({".heic", ".heif"})
RAW_SUFFIXES = frozenset({".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw"})  # `cvapp.isp` develops them


@dataclass(frozen=True)
class Images:
    """How a photo becomes the model's input; one object serves the data set, the card, the camera and the phone page.

    Args:
        size: (height, width) in pixels; None stands for the backbone's own and is settled before training.
        fit: `crop` keeps the middle of the model's shape, `letterbox` keeps all and pads with black, `stretch` keeps all and ignores shape.
        resize: `area` averages when shrinking (and is linear when enlarging), `linear` samples. Resizing kinds must match everywhere.
        bits: how many of the 16 bits of a 16-bit file hold the picture, 8 to 16: microscopes, X-ray and depth cameras write 10, 12 or 14. None
            takes the file at its word, and so the upper 8 of 16. Files of 8 bits are not concerned.
    """

    size: tuple[int, int] | None = None
    fit: str = "crop"
    resize: str = "area"
    bits: int | None = None

    def __post_init__(self) -> None:
        if self.size is not None:
            sides = tuple(self.size) if isinstance(self.size, (list, tuple)) else ()
            object.__setattr__(self, "size", sides or self.size)
            if len(sides) != 2 or not all(isinstance(side, int) and 8 <= side <= 16384 for side in sides):
                raise CvappError(f"images.size is {self.size!r}: give (height, width), each 8 to 16384 pixels")
        for name, value, allowed in (("fit", self.fit, FITS), ("resize", self.resize, RESIZES)):
            if value not in allowed:
                raise CvappError(f"images.{name} is {value!r}: choose one of {', '.join(allowed)}")
        if self.bits is not None and (type(self.bits) is not int or not MIN_BITS <= self.bits <= MAX_BITS):
            raise CvappError(f"images.bits is {self.bits!r}: give {MIN_BITS} to {MAX_BITS}, the bits that a 16-bit file uses, or none for all")


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a file a person named; not to be had is bad data (exit 3)."""
    if wrong := special(path):
        raise CvappError(f"{path}: {wrong}", Exit.BAD_DATA)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CvappError(f"{path}: cannot be read ({error.strerror})", Exit.BAD_DATA) from error


def read(path: str | Path, bits: int | None = None) -> np.ndarray:
    """Read a picture file: uint8 RGB (H, W, 3). See `decode`; `bits` is a card's `images.bits`."""
    return decode(read_bytes(path), path, bits)


def write(path: str | Path, rgb: np.ndarray, quality: int = 92) -> None:
    """Write uint8 RGB (H, W, 3) as the format that the suffix names, whole or not at all.

    Raises:
        CvappError: no such format (exit 2), or the place cannot be written (exit 7).
    """
    path = Path(path)
    check_suffix(path, WRITTEN)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix.lower() in (".jpg", ".jpeg") else []
    done, data = cv2.imencode(path.suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise CvappError(f"{path}: OpenCV could not encode a picture of shape {rgb.shape}")
    with replacing(path) as neighbour:
        neighbour.write_bytes(data.tobytes())


def window(shape: tuple[int, ...], images: Images) -> tuple[int, int, int, int]:
    """The part of a picture of `shape` (H, W, ...) that the model sees: (top, left, height, width) in its pixels."""
    if images.size is None:
        raise CvappError("images.size is not settled; give --set images.size=224,224")
    height, width = shape[:2]
    if images.fit != "crop":
        return 0, 0, height, width
    scale = min(height / images.size[0], width / images.size[1])
    part_height, part_width = max(1, round(scale * images.size[0])), max(1, round(scale * images.size[1]))
    return (height - part_height) // 2, (width - part_width) // 2, part_height, part_width


def resize(rgb: np.ndarray, size: tuple[int, int], kind: str = "area") -> np.ndarray:
    """A picture at another (height, width); `kind` as `Images.resize`."""
    if rgb.shape[:2] == size:
        return np.ascontiguousarray(rgb)
    shrinks = rgb.shape[0] >= size[0] and rgb.shape[1] >= size[1]
    return cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_AREA if kind == "area" and shrinks else cv2.INTER_LINEAR)


def inside(shape: tuple[int, ...], images: Images) -> tuple[int, int, int, int]:
    """Where the part that the model sees lies in the fitted picture: (top, left, height, width) in its pixels; all of it but for `letterbox`."""
    _, _, height, width = window(shape, images)
    size = images.size or (height, width)  # `window` has made sure of it
    if images.fit != "letterbox":
        return 0, 0, *size
    scale = min(size[0] / height, size[1] / width)
    inner = max(1, round(scale * height)), max(1, round(scale * width))
    return (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2, *inner


def to_fitted(xy: np.ndarray, shape: tuple[int, ...], images: Images, back: bool = False) -> np.ndarray:
    """Points (..., 2), x and y in pixels of a picture of `shape` (H, W, ...), as points of the fitted picture; `back` is the way back."""
    (top, left, height, width), (to_top, to_left, to_height, to_width) = window(shape, images), inside(shape, images)
    scale = np.array([to_width / width, to_height / height])
    start, end = np.array([left, top]), np.array([to_left, to_top])
    return (xy - end) / scale + start if back else (xy - start) * scale + end


def fit(rgb: np.ndarray, images: Images) -> np.ndarray:
    """Fit a picture to the model: uint8 RGB (H, W, 3) of any size -> uint8 RGB of exactly `images.size`."""
    if not isinstance(rgb, np.ndarray):
        raise CvappError(f"a picture is a NumPy array, uint8 RGB (height, width, 3); this is a {type(rgb).__name__}; images.read reads a file")
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise CvappError(f"a picture is uint8 RGB (height, width, 3); this is {rgb.dtype} {rgb.shape}")
    (top, left, height, width), (to_top, to_left, *size) = window(rgb.shape, images), inside(rgb.shape, images)
    part = resize(rgb[top : top + height, left : left + width], (size[0], size[1]), images.resize)
    if images.fit != "letterbox":
        return part
    out = np.zeros((*(images.size or size), 3), np.uint8)
    out[to_top : to_top + size[0], to_left : to_left + size[1]] = part
    return out
