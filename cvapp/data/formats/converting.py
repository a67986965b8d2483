"""From one format of boxes into another, with the photos."""

import shutil
from pathlib import Path

from cvapp.data.boxed import BoxedListing
from cvapp.data.formats import FORMATS
from cvapp.errors import CvappError
from cvapp.files import replacing_folder
from cvapp.progress import Report, each, silent


def convert(listing: BoxedListing, to: str, out: str | Path, report: Report = silent) -> list[str]:
    """Write a data set in a format, its photos copied, whole or not at all; names, parts, boxes and landmarks stay.

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
    check_new(out, listing.source, listing.folder)
    with replacing_folder(Path(out).resolve()) as work:
        lost = FORMATS[to].write(listing, work)
        for photo in each(listing.photos, "copying photos", report):
            path = work / FORMATS[to].PHOTOS / photo.name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(listing.folder / photo.name, path)
    return lost


def check_new(out: str | Path, *sources: Path) -> None:
    """Refuse (exit 2) a folder that holds something, or lies inside of what is converted."""
    folder = Path(out).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CvappError(f"{out}: holds something already; give a new folder")
    if any(folder.is_relative_to(source.resolve()) for source in sources):
        raise CvappError(f"{out}: lies inside the photos that are converted, and would be taken for some of them; give a folder elsewhere")
