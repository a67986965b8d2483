"""What a photo's file says of itself: its size upright, its content hash, and when it was taken."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from cvapp import exif, headers, images
from cvapp.data.capture import Capture, capture_of
from cvapp.errors import CvappError, Exit
from cvapp.files import no_file


class Look(NamedTuple):
    """A photo's file.

    Args:
        size: (height, width) of the photo when it is upright.
        hash: sha256 of the file.
        turn: the EXIF orientation that turns it; 1 where none does.
        capture: when and by which camera it was taken, where that is known.
    """

    size: tuple[int, int]
    hash: str
    turn: int
    capture: Capture | None


def look(picture: Path) -> Look:
    """Read a photo's file; not a pixel is decoded where its header tells.

    Raises:
        CvappError: no such file, truncated, no picture ... (exit 3); the line speaks of `photo`.
    """
    if wrong := no_file(picture):
        raise CvappError(wrong, Exit.BAD_DATA)
    try:
        data = picture.read_bytes()
    except OSError as error:
        raise CvappError(f"cannot be read ({error.strerror})", Exit.BAD_DATA) from error
    header = headers.inspect(data, "photo")
    digest, capture = hashlib.sha256(data).hexdigest(), capture_of(data, picture.name)
    if header.size is None:
        height, width = images.decode(data, "photo").shape[:2]
        return Look((height, width), digest, 1, capture)
    height, width = header.size
    turn = exif.turn(data, header.format)
    return Look((width, height) if turn >= 5 else (height, width), digest, turn, capture)
