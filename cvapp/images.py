"""The only place where pictures are decoded and fitted: orientation, colour order, size."""

from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import cv2
import numpy as np

from cvapp import heif
from cvapp.errors import CvappError, Exit
from cvapp.files import check_suffix, replacing, special
from cvapp.exif import orientation
from cvapp.headers import Header, check_size, inspect

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # OpenCV says on the terminal, less clearly, what our errors say
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
    """

    size: tuple[int, int] | None = None
    fit: str = "crop"
    resize: str = "area"

    def __post_init__(self) -> None:
        if self.size is not None:
            sides = tuple(self.size) if isinstance(self.size, (list, tuple)) else ()
            object.__setattr__(self, "size", sides or self.size)
            if len(sides) != 2 or not all(isinstance(side, int) and 8 <= side <= 16384 for side in sides):
                raise CvappError(f"images.size is {self.size!r}: give (height, width), each 8 to 16384 pixels")
        for name, value, allowed in (("fit", self.fit, FITS), ("resize", self.resize, RESIZES)):
            if value not in allowed:
                raise CvappError(f"images.{name} is {value!r}: choose one of {', '.join(allowed)}")


def decode(data: bytes, name: str | Path) -> np.ndarray:
    """Decode a picture file's bytes: uint8 RGB (H, W, 3), upright by its EXIF orientation (HEIC: by its container's).

    Grey becomes RGB, 10 or 16 bits become 8, transparent parts are laid on white, an animation gives its first picture. Color profiles are
    ignored: a photo in Display P3 keeps its numbers.

    Raises:
        CvappError: empty, truncated, not a picture, of an absurd size, or HEIC where `pi-heif` is not installed (exit 3); `name` says which.
    """
    header = inspect(data, name)
    if header.format == "HEIC":
        return _decode_heic(data, header, name)
    array = np.frombuffer(data, np.uint8)
    try:
        bgr = cv2.imdecode(array, cv2.IMREAD_COLOR)
        if header.alpha and bgr is not None:
            bgr = _on_white(bgr, *cv2.imdecodeWithMetadata(array, cv2.IMREAD_UNCHANGED), header.format == "TIFF")
    except cv2.error:
        bgr = None
    if bgr is None:
        raise CvappError(
            f"{name}: OpenCV cannot decode this {header.format} file; open it elsewhere and save it as JPEG or PNG", Exit.BAD_DATA
        )
    check_size(bgr.shape[:2], name)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def _on_white(bgr: np.ndarray, full: np.ndarray, kinds: Sequence[int], chunks: Sequence[np.ndarray], premultiplied: bool) -> np.ndarray:
    """Lay an upright picture on white by the alpha of `full`, which OpenCV leaves as stored; its TIFF reader multiplies by alpha itself."""
    if full.ndim != 3 or full.shape[2] != 4:
        return bgr
    exif = next((chunk.tobytes() for kind, chunk in zip(kinds, chunks) if kind == cv2.IMAGE_METADATA_EXIF), b"")
    alpha = upright(full[..., 3:], orientation(exif)).astype(np.float32) / (255 if full.dtype == np.uint8 else 65535)
    return _blended(bgr, alpha, premultiplied)


def _blended(color: np.ndarray, alpha: np.ndarray, premultiplied: bool) -> np.ndarray:
    """Color, uint8 (H, W, 3), on white by alpha, 0..1 (H, W, 1)."""
    ink = color if premultiplied else color * alpha
    return np.clip(np.round(ink + 255 * (1 - alpha)), 0, 255).astype(np.uint8)


def _decode_heic(data: bytes, header: Header, name: str | Path) -> np.ndarray:
    """Decode a HEIC file to uint8 RGB; what is not as large as its header says would put boxes in the wrong place, and is refused."""
    rgb, premultiplied = heif.decode(data, name)
    if rgb.shape[:2] != header.size:
        raise CvappError(f"{name}: the HEIC file is damaged (its header tells another size than its pixels have); copy it again", Exit.BAD_DATA)
    return rgb if rgb.shape[2] == 3 else _blended(rgb[..., :3], rgb[..., 3:].astype(np.float32) / 255, premultiplied)


def upright(stored: np.ndarray, turn: int) -> np.ndarray:
    """Turn an array (H, W, C) as its EXIF orientation 1..8 asks for (Exif 2.32, tag 274)."""
    if turn >= 5:
        stored = stored.transpose(1, 0, 2)
    if turn in (2, 3, 6, 7):
        stored = stored[:, ::-1]
    return stored[::-1] if turn in (3, 4, 7, 8) else stored


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a file a person named; not to be had is bad data (exit 3)."""
    if wrong := special(path):
        raise CvappError(f"{path}: {wrong}", Exit.BAD_DATA)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CvappError(f"{path}: cannot be read ({error.strerror})", Exit.BAD_DATA) from error


def read(path: str | Path) -> np.ndarray:
    """Read a picture file: uint8 RGB (H, W, 3). See `decode`."""
    return decode(read_bytes(path), path)


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
