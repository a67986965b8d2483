"""From one format of boxes into another, with the photos."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from cvapp.data import split
from cvapp.data.boxed import BoxedListing, as_listing
from cvapp.data.formats import FORMATS
from cvapp.data.formats.writing import size_of
from cvapp.errors import CvappError, cannot_write
from cvapp.files import replacing_folder
from cvapp.progress import Report, each, silent

_OUTSIDE = "outside"  # the folder of the copies of photos that lie outside the set's, where others lie inside


def convert(listing: BoxedListing, to: str, out: str | Path, report: Report = silent) -> list[str]:
    """Write a data set in a format, its photos copied, whole or not at all; names, parts, boxes and landmarks stay,
    and so does a frozen split.

    Photos outside the listing's folder (of a data.yaml with absolute paths) are called by their paths below the folder that they share.

    Args:
        listing: what is written; its strays are not.
        to: `voc`, `coco` or `yolo`.
        out: a folder that holds nothing yet.
        report: told how many photos are copied.

    Returns:
        what the format cannot hold, a line each.

    Raises:
        CvappError: no such format, or the folder holds something (exit 2); two photos that would share an annotation (exit 3).
    """
    if to not in FORMATS:
        raise CvappError(f"format {to!r}: choose one of {', '.join(FORMATS)}")
    outside = _outside(listing)
    check_new(out, listing.source, listing.folder, *{path.parent for path in outside.values()})
    copied = _copied(listing, outside)
    photos = [replace(photo, name=copied[photo.name], size=size_of(listing, photo)) for photo in listing.photos]
    with replacing_folder(Path(out).resolve()) as work:
        lost = FORMATS[to].write(replace(listing, photos=photos), work)
        for photo in each(listing.photos, "copying photos", report):
            path = work / FORMATS[to].PHOTOS / copied[photo.name]
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(listing.folder / photo.name, path)
        if frozen := split.beside(as_listing(listing)):  # a photo that was held out stays so
            split.write(work / split.FILE, [row._replace(path=copied.get(row.path, row.path)) for row in frozen])
    return lost


def _outside(listing: BoxedListing) -> dict[str, Path]:
    """The files of the photos that do not lie below the listing's folder, by name."""
    paths = {photo.name: Path(os.path.abspath(listing.folder / photo.name)) for photo in listing.photos}
    folder = os.path.abspath(listing.folder)
    return {name: path for name, path in paths.items() if ".." in Path(name).parts or not path.is_relative_to(folder)}


def _copied(listing: BoxedListing, outside: dict[str, Path]) -> dict[str, str]:
    """What the copy of each photo is called below the new folder, by the photo's name; no two alike."""
    if not outside:
        return {photo.name: photo.name for photo in listing.photos}
    shared = os.path.commonpath([path.parent for path in outside.values()])
    inside = [photo.name for photo in listing.photos if photo.name not in outside]
    tops = {Path(name).parts[0].lower() for name in inside}
    home = next(name for count in range(len(tops) + 1) if (name := f"{_OUTSIDE}-{count}" if count else _OUTSIDE) not in tops)
    moved = {name: path.relative_to(shared).as_posix() for name, path in outside.items()}
    return {**dict(zip(inside, inside)), **{name: f"{home}/{path}" if inside else path for name, path in moved.items()}}


def check_new(out: str | Path, *sources: Path) -> None:
    """Refuse (exit 2) a folder that holds something, or lies inside of what is converted."""
    folder = Path(out).resolve()
    try:
        full = os.path.lexists(folder) and (not os.path.isdir(folder) or bool(os.listdir(folder)))
    except OSError as error:
        raise cannot_write(folder, error) from error
    if full:
        raise CvappError(f"{out}: holds something already; give a new folder")
    if any(folder.is_relative_to(source.resolve()) for source in sources):
        raise CvappError(f"{out}: lies inside the photos that are converted, and would be taken for some of them; give a folder elsewhere")
