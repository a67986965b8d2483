"""When a photo was taken, and by which camera, as its EXIF block says, or else its name."""

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import PurePosixPath

from cvapp import exif, headers
from cvapp.errors import CvappError

_MAKE, _MODEL, _EXIF_IFD = 0x010F, 0x0110, 0x8769
_TAKEN, _SUBSECONDS = 0x9003, 0x9291  # DateTimeOriginal and SubSecTimeOriginal (CIPA DC-008-2023, 4.6.6)
_STAMP = re.compile(r"(?<!\d)((?:19|20)\d{6})[-_ T]?(\d{6})(?!\d{6})")


@dataclass(frozen=True)
class Capture:
    """The moment of a photo.

    Args:
        seconds: since 1970, by the camera's own clock: time zones are not known.
        camera: make and model; empty where they are not said.
    """

    seconds: float
    camera: str = ""


def capture_of(data: bytes, name: str) -> Capture | None:
    """The moment of a photo from its file's bytes, else from a name such as IMG_20261130_184501.jpg; None where neither says it."""
    return _of_exif(data) or _of_name(name)


def _of_exif(data: bytes) -> Capture | None:
    try:
        block = exif.block(data, headers.inspect(data, "photo").format)
    except CvappError:
        return None
    if not block:
        return None
    try:
        from PIL import Image
    except ModuleNotFoundError:  # on a device, where nothing is trained
        return None
    tags = Image.Exif()
    try:
        tags.load(b"Exif\0\0" + block)
        inner = tags.get_ifd(_EXIF_IFD)
        taken = datetime.strptime(_text(inner.get(_TAKEN)), "%Y:%m:%d %H:%M:%S")
        fraction = float("0." + (_text(inner.get(_SUBSECONDS)) or "0"))
        camera = " ".join(filter(None, (_text(tags.get(_MAKE)), _text(tags.get(_MODEL)))))
    except Exception:  # a damaged block may raise anything within Pillow; the picture itself may be whole
        return None
    return Capture(taken.replace(tzinfo=timezone.utc).timestamp() + fraction, camera)


def _text(value: object) -> str:
    return str(value).strip(" \0") if isinstance(value, str) else ""


def _of_name(name: str) -> Capture | None:
    found = _STAMP.search(PurePosixPath(name).stem)
    try:
        taken = datetime.strptime("".join(found.groups()), "%Y%m%d%H%M%S") if found else None
    except ValueError:
        return None
    return Capture(taken.replace(tzinfo=timezone.utc).timestamp()) if taken else None
