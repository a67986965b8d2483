"""From what annotations say to a listing: every picture is looked at, every box held against its frame, nothing is mended unsaid."""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from cvapp.data.boxed import HOMES, Box, BoxedListing, BoxedPhoto, Corners
from cvapp.data.formats.looking import look
from cvapp.data.formats.matching import MATCHED, told as matched
from cvapp.data.formats.pictures import relative, unreadable
from cvapp.data.listing import natural
from cvapp.errors import CvappError, Exit
from cvapp.progress import Report, each

DECIMALS = 6  # of a pixel: normalised values and widths come back to the very same corners
SLACK = 1.0  # pixels beyond the frame that are clipped without a word: rounding, or a tool that counts from 0 where VOC counts from 1
SHAPELESS, OUTSIDE, BEYOND = "has no size, or its corners are swapped", "lies outside the picture", "reaches beyond the picture"
UNDECLARED, UNMARKED, STRANGER = "is of a class that is not declared", "has landmarks that are not marked", "belongs to no picture"
RESIZED = "its annotation says another size"
OUTLINED, UNSHAPED = "drawn around outlines or turned boxes", "is no shape with an inside"
NOWHERE = "is named in data.yaml and is not there"
TURNED, UNLISTED = "is turned upright by its EXIF orientation", "is in no annotation"
_LISTS = {"coco": (".json",), "createml": (".json",), "tensorflow": (".csv", ".tsv")}  # what a reader opens to see whether it is one of its own
LOST = "mend them, or it would be learnt as background"
KINDS = {
    RESIZED: "pictures of another size than their annotation says",
    UNDECLARED: "boxes of classes that are not declared, left out",
    STRANGER: "boxes of no picture, left out",
    SHAPELESS: "boxes without size, or with swapped corners, left out",
    OUTSIDE: "boxes outside the picture, left out",
    BEYOND: "boxes that reach beyond the picture, clipped",
    UNSHAPED: "points and lines instead of boxes, left out",
    UNMARKED: "landmarks that are not all marked, left out",
    TURNED: "photos that EXIF turns: see that their boxes sit right on the upright photo",
    UNLISTED: "pictures that no annotation tells of, not used",
    NOWHERE: "folders of test photos that are not there",
    MATCHED: "files found by the last parts of their names",
    OUTLINED: "outlines and turned boxes, of which the box around each is used",
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
        lost: how many boxes of the annotation are not among `boxes`.
        outlines: how many of `boxes` are drawn around an outline or a turned box.
        called: the name in the annotation that the picture was found by the last parts of; empty where there is no doubt.
    """

    picture: Path
    origin: str
    boxes: dict[int, Box] = field(default_factory=dict)
    said: tuple[int, int] | None = None
    part: str | None = None
    relative: bool = False
    notes: tuple[str, ...] = ()
    lost: int = 0
    outlines: int = 0
    called: str = ""


@dataclass(frozen=True)
class Told:
    """All that the annotations of a source tell.

    Args:
        source: what a person named.
        root: the folder that holds everything.
        format: its name among `formats.READERS`.
        drafts: pictures with their objects.
        labels: the classes in the source's order; those that only objects bear follow, as a person would sort them.
        stray: why files cannot be used.
        notes: lines for `mended` that belong to no picture.
        unlisted: pictures that no annotation tells of, and that are not used therefore.
    """

    source: Path
    root: Path
    format: str
    drafts: list[Draft]
    labels: list[str]
    stray: dict[Path, str]
    notes: tuple[str, ...] = ()
    unlisted: tuple[Path, ...] = ()


def listing(told: Told, report: Report) -> BoxedListing:
    """Look at each picture, hold its boxes against the frame, and list what can be used.

    Raises:
        CvappError: not one picture can be used (exit 3).
    """
    folder = _photo_folder(told.root, [draft.picture for draft in told.drafts])
    closed = unreadable(told.root, _LISTS.get(told.format, ()))
    name_of = {path: _name(path, folder, told.root) for path in [*(draft.picture for draft in told.drafts), *told.stray, *closed]}
    stray = {name_of[path]: reason for path, reason in {**closed, **told.stray}.items()}
    by_picture: dict[Path, list[Draft]] = defaultdict(list)
    for draft in (draft for draft in told.drafts if draft.picture not in told.stray):  # one annotation of two may be good: nobody knows
        by_picture[draft.picture].append(draft)
    photos, mended, turned = [], list(told.notes), []
    for picture, (draft, *others) in each(sorted(by_picture.items()), "reading photos", report):
        name = name_of[picture]
        if others:
            stray[name] = f"annotated twice, in {draft.origin} and in {others[0].origin}; keep the one that is right"
            continue
        try:
            seen = look(picture)
        except CvappError as error:
            stray[name] = str(error).removeprefix("photo: ")
            continue
        boxes, lines = _mend(draft, seen.size)
        lines = [*draft.notes, *lines]
        mended += [f"{name}: {line}" for line in lines]
        if (draft.boxes or draft.lost) and not boxes:
            why = next((line for line in lines if line.endswith(": left out")), lines[0])
            stray[name] = f"none of its boxes can be used ({why}); {LOST}"
            continue
        if boxes and seen.turn > 1:
            upright = f"{seen.size[1]}x{seen.size[0]}"
            turned.append(f"{name}: {TURNED} {seen.turn}; its boxes are taken as of the upright photo, {upright}: see that they sit right")
        photos.append(BoxedPhoto(name, boxes, seen.size, draft.part, seen.hash, seen.capture))
    mended += [*turned, *_summary(told), *(f"{_name(path, folder, told.root)}: {UNLISTED}: not used" for path in told.unlisted)]
    if not photos:
        first = next((f", such as {name}: {reason}" for name, reason in stray.items()), "")
        raise CvappError(f"{told.source}: none of its {len(stray) + len(told.unlisted)} pictures can be used{first}", Exit.BAD_DATA)
    found = {box.label for draft in told.drafts for box in draft.boxes.values()}
    labels = list(dict.fromkeys([*told.labels, *natural(found)]))
    return BoxedListing(
        told.source, folder, sorted(photos, key=lambda photo: photo.name), labels, dict(sorted(stray.items())), mended, told.format, told.root
    )


def _summary(told: Told) -> list[str]:
    """A line about all files that were found by the last parts of their names, and one about all outlines."""
    loose = [(draft.called, draft.picture, draft.origin) for draft in told.drafts if draft.called]
    outlined = [draft for draft in told.drafts if draft.outlines]
    count = sum(draft.outlines for draft in outlined)
    where = outlined[0].origin if len(outlined) == 1 else f"{len(outlined)} annotations, such as {outlined[0].origin}" if outlined else ""
    lines = [matched(loose, told.root)] if loose else []
    return lines + ([f"{count} box{'es are' if count > 1 else ' is'} {OUTLINED}, in {where}"] if outlined else [])


def sides_of(height: object, width: object) -> tuple[int, int] | None:
    """The (height, width) that an annotation claims, in numbers or in digits; None where it claims none."""
    try:
        sides = [int(str(side).strip().removesuffix(".0")[:12]) for side in (height, width)]
    except ValueError:
        return None
    return (sides[0], sides[1]) if all(0 < side < 1 << 30 for side in sides) else None


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
    homes = [root / home for home in HOMES]
    return next((home for home in homes if pictures and all(path.is_relative_to(home) for path in pictures)), root)


def _name(path: Path, folder: Path, root: Path) -> str:
    return relative(path, folder if path.is_relative_to(folder) else root)
