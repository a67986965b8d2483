"""From what annotations say to a listing: every picture is looked at, every box held against its frame, nothing is mended unsaid."""

import hashlib
import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from cvapp import headers, images
from cvapp.data.boxed import Box, BoxedListing, BoxedPhoto, Corners
from cvapp.data.listing import natural
from cvapp.errors import CvappError, Exit
from cvapp.progress import Report, each

DECIMALS = 6  # of a pixel: normalised values and widths come back to the very same corners
SLACK = 1.0  # pixels beyond the frame that are clipped without a word: rounding, or a tool that counts from 0 where VOC counts from 1
SHAPELESS, OUTSIDE, BEYOND = "has no size, or its corners are swapped", "lies outside the picture", "reaches beyond the picture"
UNDECLARED, UNMARKED, STRANGER = "is of a class that is not declared", "has landmarks that are not marked", "belongs to no picture"
RESIZED = "its annotation says another size"
KINDS = {
    RESIZED: "pictures of another size than their annotation says",
    UNDECLARED: "boxes of classes that are not declared, left out",
    STRANGER: "boxes of no picture, left out",
    SHAPELESS: "boxes without size, or with swapped corners, left out",
    OUTSIDE: "boxes outside the picture, left out",
    BEYOND: "boxes that reach beyond the picture, clipped",
    UNMARKED: "landmarks that are not all marked, left out",
}


@dataclass(frozen=True)
class Draft:
    """One picture as its annotation tells of it, before anybody looked at it.

    Args:
        picture: its file.
        origin: the annotation's file, for people.
        boxes: by their number in the annotation, in pixels, or in shares of the frame where `relative`.
        said: (height, width) that the annotation claims.
        part: `train`, `val`, `test` or None.
        relative: corners and points are shares of width and height.
        notes: what the annotation's reader left out, a line each.
    """

    picture: Path
    origin: str
    boxes: dict[int, Box] = field(default_factory=dict)
    said: tuple[int, int] | None = None
    part: str | None = None
    relative: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """All that the annotations of a source tell.

    Args:
        source: what a person named.
        root: the folder that holds everything.
        format: `voc`, `coco` or `yolo`.
        drafts: pictures with their objects.
        labels: the classes in the source's order; those that only objects bear follow, as a person would sort them.
        stray: why files cannot be used.
        notes: lines for `mended` that belong to no picture.
    """

    source: Path
    root: Path
    format: str
    drafts: list[Draft]
    labels: list[str]
    stray: dict[Path, str]
    notes: tuple[str, ...] = ()


def listing(told: Told, report: Report) -> BoxedListing:
    """Look at each picture, hold its boxes against the frame, and list what can be used.

    Raises:
        CvappError: not one picture can be used (exit 3).
    """
    folder = _photo_folder(told.root, [draft.picture for draft in told.drafts])
    name_of = {path: _name(path, folder, told.root) for path in [*(draft.picture for draft in told.drafts), *told.stray]}
    stray = {name_of[path]: reason for path, reason in told.stray.items()}
    by_picture: dict[Path, list[Draft]] = defaultdict(list)
    for draft in told.drafts:
        by_picture[draft.picture].append(draft)
    photos, mended = [], list(told.notes)
    for picture, (draft, *others) in each(sorted(by_picture.items()), "reading photos", report):
        name = name_of[picture]
        if others:
            stray[name] = f"annotated twice, in {draft.origin} and in {others[0].origin}; keep the one that is right"
            continue
        try:
            size, digest = look(picture)
        except CvappError as error:
            stray[name] = str(error).removeprefix("photo: ")
            continue
        boxes, lines = _mend(draft, size)
        mended += [f"{name}: {line}" for line in (*draft.notes, *lines)]
        if draft.boxes and not boxes:
            stray[name] = (
                f"none of its boxes can be used ({lines[0] if lines else draft.notes[0]}); mend them, or it would be learnt as background"
            )
            continue
        photos.append(BoxedPhoto(name, boxes, size, draft.part, digest))
    if not photos:
        first = next((f", such as {name}: {reason}" for name, reason in stray.items()), "")
        raise CvappError(f"{told.source}: none of its {len(stray)} pictures can be used{first}", Exit.BAD_DATA)
    found = {box.label for draft in told.drafts for box in draft.boxes.values()}
    labels = list(dict.fromkeys([*told.labels, *natural(found)]))
    return BoxedListing(
        told.source, folder, sorted(photos, key=lambda photo: photo.name), labels, dict(sorted(stray.items())), mended, told.format
    )


def look(picture: Path) -> tuple[tuple[int, int], str]:
    """The (height, width) of a photo when it is upright, and the sha256 of its file; not a pixel is decoded where its header tells.

    Raises:
        CvappError: no such file, truncated, no picture ... (exit 3); the line speaks of `photo`.
    """
    try:
        data = picture.read_bytes()
    except OSError as error:
        raise CvappError("no such file" if not picture.exists() else f"cannot be read ({error.strerror})", Exit.BAD_DATA) from error
    header = headers.inspect(data, "photo")
    digest = hashlib.sha256(data).hexdigest()
    if header.size is None:
        height, width = images.decode(data, "photo").shape[:2]
        return (height, width), digest
    height, width = header.size
    return (width, height) if headers.turn(data, header.format) >= 5 else (height, width), digest


def framed(box: Box, size: tuple[int, int]) -> tuple[Box | None, str]:
    """A box within the frame (height, width), and what had to be done to it in words; None where nothing of it can be used."""
    if not all(map(math.isfinite, box.xyxy)) or box.xyxy[0] >= box.xyxy[2] or box.xyxy[1] >= box.xyxy[3]:
        return None, f"{SHAPELESS}: left out"
    height, width = size
    left, top, right, bottom = box.xyxy
    clipped = max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
    if clipped[0] >= clipped[2] or clipped[1] >= clipped[3]:
        return None, f"{OUTSIDE} ({width}x{height}): left out"
    beyond = max(abs(old - new) for old, new in zip(box.xyxy, clipped))
    return box._replace(xyxy=clipped), f"{BEYOND} ({width}x{height}): clipped" if beyond > SLACK else ""


def place(corners: Corners) -> str:
    """Where a box lies, for people: columns x rows."""
    left, top, right, bottom = corners
    return f"{left:g}..{right:g} x {top:g}..{bottom:g}"


def _mend(draft: Draft, size: tuple[int, int]) -> tuple[tuple[Box, ...], list[str]]:
    """The boxes of a draft in pixels of a frame (height, width), and a line for all that was done to them."""
    kept, lines = [], []
    if draft.said and draft.said != size:
        turned = ", turned upright" if draft.said == size[::-1] else ""
        lines.append(
            f"{RESIZED} ({draft.said[1]}x{draft.said[0]}) than the picture has ({size[1]}x{size[0]}{turned}): the picture's is used"
        )
    for number, said in draft.boxes.items():
        box = _rounded(said, (size[1], size[0]) if draft.relative else (1, 1))
        inside, wrong = framed(box, size)
        if wrong:
            lines.append(f"box {number} ({box.label}) {place(box.xyxy)} {wrong}")
        if inside and not all(math.isfinite(value) for point in inside.points for value in point):
            lines.append(f"box {number} ({box.label}) {UNMARKED} (not all are numbers): its landmarks are left out")
            inside = inside._replace(points=())
        kept += [inside] if inside else []
    return tuple(kept), lines


def _rounded(box: Box, scale: tuple[int, int]) -> Box:
    """A box with its corners and points times (x, y), to a millionth of a pixel."""
    x, y = scale
    left, top, right, bottom = (round(value * side, DECIMALS) for value, side in zip(box.xyxy, (x, y, x, y)))
    points = tuple((round(across * x, DECIMALS), round(down * y, DECIMALS)) for across, down in box.points)
    return box._replace(xyxy=(left, top, right, bottom), points=points)


def _photo_folder(root: Path, pictures: list[Path]) -> Path:
    """The folder that names start at: the layout's own for pictures where it holds all of them."""
    homes = [root / home for home in ("JPEGImages", "images")]
    return next((home for home in homes if pictures and all(path.is_relative_to(home) for path in pictures)), root)


def _name(path: Path, folder: Path, root: Path) -> str:
    base = next((base for base in (folder, root) if path.is_relative_to(base)), None)
    return path.relative_to(base).as_posix() if base else path.as_posix()
