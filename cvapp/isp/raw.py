"""A camera's raw file, or a mosaic in a NumPy file, as linear values and what is needed to develop them."""

import contextlib
import dataclasses
import io
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator

import numpy as np

from cvapp.errors import CvappError, Exit, folded, missing_extra
from cvapp.images import RAW_SUFFIXES, read_bytes
from cvapp.isp.dump import EXAMPLE, Layout, read_dump
from cvapp.isp.sensor import levels
from cvapp.isp.shapes import PATTERNS, colours
from cvapp.isp.tone import camera_to_srgb
from cvapp.limits import MAX_PIXELS, check_size

ARRAYS = (".npy", ".npz")
# LibRaw's `flip`: bit 2 swaps rows and columns, bit 1 mirrors the rows' order, bit 0 the columns' -> EXIF orientation
ORIENTATIONS = {0: 1, 1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7}

# What the files of cameras begin with, and where: TIFF and its kin, Canon, Fujifilm, Minolta, Sigma, Sinar, ARRI, RED, Nokia, QuickTake
_HEADS = {
    0: (b"II", b"MM", b"FUJIFILM", b"\0MRM", b"FOVb", b"PWAD", b"ARRI", b"NOKIARAW", b"qktk", b"qktn", b"RIFF", b"XPDS", b"\xff\xd8\xff"),
    4: (b"ftyp", b"RED1", b"RED2"),
    6: (b"HEAPCCDR",),
}

_NO_PATTERN = "it has no 2x2 pattern of red, green and blue"


@dataclass(frozen=True)
class Raw:
    """What a sensor saw.

    Args:
        values: float32 (H, W), black 0, saturation 1.
        pattern: of the colour filter array, from the top left.
        multipliers: the camera's own white balance (red, green, blue); None where it is not known.
        matrix: (3, 3) from white-balanced camera colours to linear sRGB.
        orientation: EXIF 1..8.
        notes: what the person should know of how the file was read, a line each.
    """

    values: np.ndarray
    pattern: str
    multipliers: tuple[float, ...] | None = None
    matrix: np.ndarray = field(default_factory=lambda: np.eye(3))
    orientation: int = 1
    notes: tuple[str, ...] = ()


def read_raw(path: str | Path, pattern: str | None = None, white: float | None = None, layout: Layout | None = None) -> Raw:
    """Read a raw file (DNG, CR2, NEF, ARW ...; needs the extra `raw`), a mosaic from .npy or .npz, or a sensor's dump without a header.

    A mosaic is floats 0..1, or whole numbers whose kind's largest is white. An .npz holds it as `cfa_RGGB` (or another pattern), or alone.

    Args:
        path: of the file.
        pattern: of a file that does not say its own; another one than the file's own is an error.
        white: the value of a mosaic or a dump where the sensor saturates; raw files say their own.
        layout: of a dump; it is read as this says, whatever it holds.

    Raises:
        CvappError: no raw file, truncated, too large, no Bayer pattern, a dump of unknown layout (exit 3); no pattern given, a white level that
            cannot be, or rawpy is not installed (exit 2).
    """
    if pattern is not None:
        colours((2, 2), pattern)
    if white is not None and not 0 < white < float("inf"):
        raise CvappError(f"--white {white:g}: give the value where the sensor saturates, above 0, such as 4095 of 12 bits")
    array = Path(path).suffix.lower() in ARRAYS
    if layout is not None:
        if array:
            raise CvappError(f"{path}: --raw is for dumps without a header; a NumPy file says its own size: give --pattern and --white")
        made = _from_dump(path, layout, white)
    else:
        made = _from_array(Path(path), pattern, white) if array else _from_camera(path, pattern, white)
    if pattern not in (None, made.pattern):
        given = "--raw says" if layout is not None else "its pattern is"
        raise CvappError(f"{path}: {given} {made.pattern}, not {pattern}; leave --pattern out")
    return made


def _from_dump(path: str | Path, layout: Layout, white: float | None) -> Raw:
    values, most = read_dump(path, layout), (1 << layout.bits) - 1
    return Raw(levels(values, 0, _white(white, most, path)), layout.pattern)


def _white(white: float | None, most: int, path: str | Path) -> float:
    """The white level of whole numbers up to `most`."""
    if white is not None and white > most:
        raise CvappError(f"--white {white:g}: the values of {path} end at {most}; give at most that")
    return most if white is None else white


def _bad(path: str | Path, why: str) -> CvappError:
    return CvappError(f"{path}: {why}", Exit.BAD_DATA)


def _from_camera(path: str | Path, pattern: str | None, white: float | None) -> Raw:
    if white is not None:
        raise CvappError(f"{path}: --white is for mosaics (.npy, .npz) and for dumps with --raw; a camera's raw file says its own: leave it out")
    data = read_bytes(path)
    try:
        import rawpy
    except ImportError as error:
        raise missing_extra("rawpy", "raw") from error
    try:
        with _silence(), rawpy.RawPy() as file:
            file.open_buffer(io.BytesIO(data))
            check_size((file.sizes.raw_height, file.sizes.raw_width), path)  # before LibRaw makes room for it
            return _taken(path, file, pattern) if _has_head(data) else _guessed(path, file, pattern)
    except (rawpy.LibRawIOError, rawpy.LibRawFileUnsupportedError) as error:
        if isinstance(error, rawpy.LibRawIOError) and Path(path).suffix.lower() in RAW_SUFFIXES:
            raise _bad(path, "the file ends early, or is damaged; copy it again") from error
        taken = "a camera's raw file that LibRaw knows (DNG, CR2, NEF, ARW ...), a mosaic (.npy, .npz) or a picture (.jpg, .png ...)"
        raise _bad(path, f"not {taken}; give one of these, or say what a dump without a header holds: --raw {EXAMPLE}") from error
    except rawpy.LibRawError as error:
        raise _bad(path, f"LibRaw cannot read it ({folded(error).strip(chr(39) + 'b')}); convert it to DNG") from error


def _has_head(data: bytes) -> bool:
    return any(data.startswith(head, at) for at, heads in _HEADS.items() for head in heads)


def _guessed(path: str | Path, file: Any, pattern: str | None) -> Raw:
    """A file that LibRaw takes for some camera's by its length alone: refused (exit 3), unless the person has given its pattern."""
    if pattern is None:
        size = f"{file.sizes.raw_width}x{file.sizes.raw_height}"
        why = f"it has no header, and by its length alone LibRaw takes it for a camera's of {size} pixels"
        raise _bad(path, f"{why}; say what it holds with --raw WIDTHxHEIGHT,BITS,PATTERN, such as --raw {size},12,RGGB")
    note = "no header: its size and its levels are LibRaw's guess by the file's length; --raw says them for sure"
    return dataclasses.replace(_taken(path, file, pattern), pattern=pattern, notes=(note,))


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """LibRaw writes "unknown file: Unexpected end of file" to file descriptor 2 itself, beside the error that it raises."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _taken(path: str | Path, file: Any, pattern: str | None) -> Raw:
    """What is ours of an open raw file: numbers, levels, pattern, multipliers, matrix; LibRaw's own developing is not used."""
    if file.num_colors == 1 and file.raw_image is not None:
        return _unnamed(path, file, pattern)
    if file.raw_pattern is None or file.raw_pattern.shape != (2, 2) or file.num_colors != 3:
        raise _bad(path, f"{_NO_PATTERN} (X-Trans, Foveon, already developed); convert it elsewhere")
    places = file.raw_colors_visible[:2, :2]
    own = "".join(file.color_desc.decode()[index] for index in places.flat)
    if own not in PATTERNS:
        raise _bad(path, f"its pattern is {own}; {', '.join(PATTERNS)} can be developed")
    black, white = np.asarray(file.black_level_per_channel), np.asarray(file.camera_white_level_per_channel or [0] * 4)
    white = np.where(white > 0, white, file.white_level)
    given = tuple(float(value) for value in file.camera_whitebalance[:3])
    values = levels(np.asarray(file.raw_image_visible), black[places], white[places])
    return Raw(values, own, given if min(given) > 0 else None, _matrix(file), ORIENTATIONS.get(file.sizes.flip, 1))


def _unnamed(path: str | Path, file: Any, pattern: str | None) -> Raw:
    """A file without a pattern, which LibRaw guesses to be of a sensor without colors: read with the pattern that the person gives (else exit 3)."""
    if pattern is None:
        raise _bad(path, f"{_NO_PATTERN} (a sensor without colors, already developed), or does not name it: then give --pattern RGGB, or another")
    values = levels(np.asarray(file.raw_image_visible), file.black_level_per_channel[0], file.white_level)
    return Raw(values, pattern, orientation=ORIENTATIONS.get(file.sizes.flip, 1))


def _matrix(file: Any) -> np.ndarray:
    """From LibRaw's table of cameras (XYZ under D65 to camera), or what it made of the file's own ColorMatrix; none known: no change."""
    xyz_to_camera, ready = file.rgb_xyz_matrix[:3], file.color_matrix[:, :3]
    if np.any(xyz_to_camera):
        return camera_to_srgb(xyz_to_camera)
    return np.asarray(ready, np.float64) if np.any(ready) else np.eye(3)


def _from_array(path: Path, pattern: str | None, white: float | None) -> Raw:
    values, name = _array(path)
    pattern = name[4:] if name.startswith("cfa_") and name[4:] in PATTERNS else pattern
    if pattern is None:
        raise CvappError(f"{path}: a mosaic does not say its pattern; give --pattern, one of {', '.join(PATTERNS)}")
    if values.ndim != 2 or values.dtype.kind not in "fu":
        raise _bad(path, f"a mosaic is floats 0..1 or unsigned whole numbers (height, width); this is {values.dtype} {values.shape}")
    check_size(values.shape, path)
    if values.dtype.kind == "u":
        most = int(np.iinfo(values.dtype).max)
        note = () if white is not None else _dark(values, most)
        return Raw(levels(values, 0, _white(white, most, path)), pattern, notes=note)
    if white is not None:
        values = values / np.float32(white)
    if not np.isfinite(values).all() or (white is None and values.max() > 1.5):
        raise _bad(
            path, f"floats of a mosaic are 0..1; this holds {values.min():g} to {values.max():g}; take black off, and give --white"
        )
    return Raw(np.minimum(values.astype(np.float32), 1), pattern)


def _dark(values: np.ndarray, most: int) -> tuple[str, ...]:
    """A note where no value reaches a quarter of what the kind of number holds: the sensor has fewer bits."""
    highest = int(values.max())
    if values.dtype.itemsize < 2 or not 0 < highest < most // 4:
        return ()
    bits = max(8, highest.bit_length())
    return (f"{values.dtype} values up to {highest} of {most}: white is taken to be {most}; --white {(1 << bits) - 1} for a sensor of {bits} bits",)


def _array(path: Path) -> tuple[np.ndarray, str]:
    """The mosaic of a NumPy file and its name; nothing is loaded before its size is known."""
    if not path.is_file():
        read_bytes(path)  # says why
    try:
        if path.suffix.lower() == ".npy":
            return np.lib.format.open_memmap(path, mode="r"), ""
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = [name for name in arrays if name.startswith("cfa_")] or list(arrays)
            if len(names) != 1:
                raise _bad(path, f"which array? it holds {', '.join(names) or 'none'}; name the mosaic cfa_RGGB")
            if arrays.zip.getinfo(f"{names[0]}.npy").file_size > 8 * MAX_PIXELS:
                raise _bad(path, f"{names[0]} is too large; a photo has at most {MAX_PIXELS // 1_000_000} million pixels")
            return arrays[names[0]], names[0]
    except (ValueError, EOFError, OSError, KeyError, TypeError, MemoryError, zipfile.BadZipFile) as error:
        raise _bad(path, "not a whole NumPy file; save it again with numpy.save or numpy.savez") from error
