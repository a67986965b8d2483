"""The only place where pictures are decoded: to 8 bits, without alpha, upright, in RGB, and of bounded size."""

from pathlib import Path
from typing import Iterator

import cv2
import numpy as np

from cvapp import exif, heif
from cvapp.errors import CvappError, Exit
from cvapp.headers import Header, inspect
from cvapp.limits import check_size, reduced, reduction

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # OpenCV says on the terminal, less clearly, what our errors say
_REDUCED = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
_STRIP = 1 << 22  # pixels worked on at once, where a step needs more memory than the picture
DEEP = "16-bit"  # among `Header.notes`


def decode(data: bytes, name: str | Path, bits: int | None = None) -> np.ndarray:
    """Decode a picture file's bytes: uint8 RGB (H, W, 3), upright by its EXIF orientation (HEIC: by its container's).

    Grey becomes RGB, 10 or 16 bits become 8, transparent parts are laid on white, an animation gives its first picture. Color profiles are
    ignored: a photo in Display P3 keeps its numbers. A photo of more than `limits.MAX_PIXELS` comes reduced to 1/2, 1/4 or 1/8 of its sides.

    Args:
        data: the file's bytes.
        name: of the file, for messages.
        bits: how many bits of a 16-bit file hold the picture, 8 to 16: 2**bits - 1 becomes white; all 16 when left out.

    Raises:
        CvappError: empty, truncated, not a picture, of an absurd size, or HEIC where `pi-heif` is not installed (exit 3); `name` says which.
    """
    return decode_sized(data, name, bits)[0]


def decode_sized(data: bytes, name: str | Path, bits: int | None = None) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode as `decode` does, and tell the size of the photo itself, upright: (height, width), which is larger where it came reduced."""
    header = inspect(data, name)
    if header.format == "HEIC":
        rgb = _decode_heic(data, header, name)
        return rgb, (rgb.shape[0], rgb.shape[1])
    try:
        bgr = _stored(data, header, bits)
    except cv2.error:
        bgr = None
    if bgr is None:
        raise CvappError(
            f"{name}: OpenCV cannot decode this {header.format} file; open it elsewhere and save it as JPEG or PNG", Exit.BAD_DATA
        )
    check_size(bgr.shape[:2], name)
    height, width = header.size or bgr.shape[:2]
    turn = exif.turn(data, header.format)
    rgb = upright(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), turn)
    return rgb, (width, height) if turn >= 5 else (height, width)


def _stored(data: bytes, header: Header, bits: int | None) -> np.ndarray | None:
    """The picture as it is stored, before it is turned: uint8 BGR (H, W, 3), of at most `limits.MAX_PIXELS`; None where OpenCV cannot."""
    factor = reduction(header.size) if header.size else 1
    scaled = header.format == "JPEG"  # by the decoder itself
    deep = bits is not None and bits < 16 and DEEP in header.notes
    array = np.frombuffer(exif.neutral(data) if header.format == "TIFF" else data, np.uint8)
    bgr = cv2.imdecode(array, _REDUCED[factor if scaled else 1] | cv2.IMREAD_IGNORE_ORIENTATION | (cv2.IMREAD_ANYDEPTH if deep else 0))
    if bgr is None:
        return None
    if bits is not None and bgr.dtype == np.uint16:
        bgr = _stretched(bgr, bits)
    if header.alpha:
        bgr = _on_white(bgr, cv2.imdecode(array, cv2.IMREAD_UNCHANGED), header.format == "TIFF")
    if factor > 1 and header.size:
        height, width = reduced(header.size, factor)  # libjpeg rounds up: its last row and column may hold a small part of the photo
        bgr = bgr[:height, :width] if scaled else cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA)
    return bgr


def _strips(shape: tuple[int, ...]) -> Iterator[slice]:
    """Rows of a picture (H, W, ...) that are worked on at once."""
    rows = max(1, _STRIP // shape[1])
    return (slice(top, top + rows) for top in range(0, shape[0], rows))


def _stretched(deep: np.ndarray, bits: int) -> np.ndarray:
    """The upper 8 of the lower `bits` bits of uint16 values; what is larger is white."""
    out = np.empty(deep.shape, np.uint8)
    for rows in _strips(deep.shape):
        out[rows] = np.minimum(deep[rows], (1 << bits) - 1) >> (bits - 8)
    return out


def highest(data: bytes) -> int:
    """The largest value, 0..65535, of the colors of a picture file that OpenCV decodes; 0 where it cannot.

    What `images.bits` is for can be told by it: 4095 in a file of 16 bits are 12 bits.
    """
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error:
        return 0
    return 0 if found is None else int(found.max())


def _on_white(bgr: np.ndarray, full: np.ndarray, premultiplied: bool) -> np.ndarray:
    """Lay a picture on white by the alpha of `full`, where it has any; OpenCV's TIFF reader multiplies by alpha itself."""
    if full.ndim != 3 or full.shape[2] != 4:
        return bgr
    scale = 255 if full.dtype == np.uint8 else 65535
    for rows in _strips(bgr.shape):
        bgr[rows] = _blended(bgr[rows], full[rows, :, 3:].astype(np.float32) / scale, premultiplied)
    return bgr


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
        stored = cv2.transpose(stored)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(turn)
    return stored if flip is None else cv2.flip(stored, flip)
