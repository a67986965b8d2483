"""How large a picture file may be: what decoding it costs in memory, and by how much a very large photo is reduced."""

import math
from pathlib import Path

from cvapp.errors import CvappError, Exit

MIN_SIDE = 8
MAX_PIXELS = 100_000_000  # of a decoded picture; a photo that has more is decoded reduced
MAX_STORED = 1 << 30  # pixels in a file: OpenCV's own limit
MAX_MEMORY = 1 << 31  # bytes that decoding one photo may take
FACTORS = (1, 2, 4, 8)  # those at which libjpeg decodes a JPEG without its full size (scaled inverse DCT)

# Bytes a pixel that OpenCV takes at its peak, as measured with 108 million pixels: three of the picture, and three of the copy that leaves OpenCV.
_COLOR = 6.1
_WEBP = 7.1
_DEEP, _ALPHA, _DEEP_ALPHA = 12.1, 11.1, 22.1  # 16 bits are kept until they are stretched; alpha is decoded beside the color


def reduction(size: tuple[int, int]) -> int:
    """By how much a photo of (height, width) is reduced while it is decoded: 1, 2, 4 or 8, the least that leaves no more than `MAX_PIXELS`.

    It depends on the size in the file alone, not on the model, so that a photo becomes the same pixels wherever it is decoded.
    """
    fitting = (factor for factor in FACTORS if math.prod(reduced(size, factor)) <= MAX_PIXELS)
    return next(fitting, FACTORS[-1])


def reduced(size: tuple[int, int], factor: int) -> tuple[int, int]:
    """(height, width) of a picture reduced by a factor, rounded to the nearest (a half down), so that its content moves by no more than that."""
    return (2 * size[0] + factor - 1) // (2 * factor), (2 * size[1] + factor - 1) // (2 * factor)


def max_pixels(format: str, alpha: bool = False, deep: bool = False, coefficients: float = 0.0) -> int:
    """How many pixels a file of a format may have.

    Args:
        format: as `Header.format`. A JPEG is decoded reduced and takes little memory, whatever its size; any other format at its full size.
            Of HEIC and AVIF, whose decoders take up to 22 bytes a pixel, no more are read than a decoded picture has.
        alpha: it may have transparent parts.
        deep: 16 bits a channel.
        coefficients: bytes a pixel that a JPEG of several scans holds until its last scan was read; 0 of one scan.
    """
    if format in ("HEIC", "AVIF"):
        return MAX_PIXELS
    if format == "JPEG":
        return MAX_STORED if not coefficients else min(MAX_STORED, int((MAX_MEMORY - _COLOR * MAX_PIXELS) / coefficients))
    peak = max(_WEBP if format == "WebP" else _COLOR, _DEEP if deep else 0, (_DEEP_ALPHA if deep else _ALPHA) if alpha else 0)
    return max(MAX_PIXELS, int(MAX_MEMORY / peak))


def check_size(size: tuple[int, ...], name: str | Path, most: int = MAX_PIXELS, hint: str = "") -> None:
    """Refuse a picture of an absurd size (exit 3): `size` is (height, width), `hint` what to do about one that is too large."""
    height, width = size
    large = height * width > most
    if min(height, width) < MIN_SIDE or large:
        allowed = f"sides of at least {MIN_SIDE} and at most {most // 1_000_000} million pixels"
        raise CvappError(f"{name}: {width}x{height} pixels; a photo has {allowed}{hint if large else ''}", Exit.BAD_DATA)
