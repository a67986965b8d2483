"""From files that list many pictures with their boxes to a listing: what CreateML, Edge Impulse and TensorFlow's CSV share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Sequence

from cvapp.data.boxed import Box, BoxedListing
from cvapp.data.formats.matching import Files, printable
from cvapp.data.formats.pictures import below, part_of_file, part_searched, relative
from cvapp.data.formats.reading import Draft, Told, listing
from cvapp.data.labels import label_of
from cvapp.picture_files import PICTURES
from cvapp.progress import Report


@dataclass(frozen=True)
class Entry:
    """One picture as a file lists it.

    Args:
        file: the file.
        where: the place in it, for people.
        called: the picture's name.
        boxes: by number, in pixels, or in shares of the frame where `relative`.
        wrong: why it cannot be used, in words.
        said: (height, width) that the file claims.
        relative: corners are shares of width and height.
    """

    file: Path
    where: str
    called: str
    boxes: dict[int, Box] = field(default_factory=dict)
    wrong: str = ""
    said: tuple[int, int] | None = None
    relative: bool = False


def read(source: Path, format: str, entries: Sequence[Entry], report: Report) -> BoxedListing:
    """Find each entry's picture below the source, and list what can be used.

    Raises:
        CvappError: nothing that can be used (exit 3).
    """
    root = source if source.is_dir() else source.parent
    there = below(root, PICTURES)
    drafts: list[Draft] = []
    stray: dict[Path, str] = {}
    asked = [(one.file.parent, one.called, part_searched(one.file, root)) for one in entries]
    for one, found in zip(entries, Files(root, there).find_from(asked)):
        origin = relative(one.file, root)
        picture = found.path or one.file.parent / (printable(one.called).lstrip("/") or f"{one.file.name} {one.where}")
        wrong = one.wrong or found.wrong
        if wrong:
            stray[picture] = f"{origin}: {one.where}: {wrong}"
        else:
            called = one.called if found.loosely else ""
            drafts.append(Draft(picture, origin, one.boxes, one.said, part_of_file(one.file, root), one.relative, called=called))
    told = {draft.picture for draft in drafts} | set(stray)
    unlisted = tuple(path for path in there if path not in told) if source.is_dir() else ()
    return listing(Told(source, root, format, drafts, [], stray, unlisted=unlisted), report)


def named(where: str, values: Mapping[str, Any], label: Any, centered: bool) -> Box:
    """A box from x, y, width and height in pixels; x and y are its middle or its corner.

    Raises:
        ValueError: a number or the label is none; where, and the reason, in words.
    """
    try:
        x, y, width, height = (_number(values, key) for key in ("x", "y", "width", "height"))
        left, top = (x - width / 2, y - height / 2) if centered else (x, y)
        return Box(label_of(str(label if label is not None else "")), (left, top, left + width, top + height))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _number(values: Mapping[str, Any], key: str) -> float:
    value = values.get(key)
    try:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise OverflowError
        return float(value)
    except OverflowError:
        raise ValueError(f"{key} is {str(value)[:80]!r}, not a number") from None
