"""Which files of a data folder cannot be used and why, and what is unusual about the rest."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from cvapp import headers, images
from cvapp.data.folders import Listing, scan
from cvapp.errors import CvappError
from cvapp.progress import Report, each, silent


@dataclass(frozen=True)
class Findings:
    """What `check` found: lines about files that cannot be used, about usable but unusual ones, about classes; usable photos by class."""

    unusable: dict[str, str] = field(default_factory=dict)
    unusual: dict[str, str] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    photos: dict[str, int] = field(default_factory=dict)


def check(folder: str | Path, report: Report = silent) -> Findings:
    """Decode every photo of a data folder and say what is wrong, file by file.

    Raises:
        CvappError: no folder, or nothing in it that could be a photo (exit 3).
    """
    listing = scan(folder)
    unusable, unusual = dict(listing.stray), {}
    usable: Counter[str] = Counter({label: 0 for label in listing.labels})
    for photo in each(listing.photos, "checking photos", report):
        path = listing.folder / photo.name
        try:
            data = images.read_bytes(path)
            images.decode(data, path)
        except CvappError as error:
            unusable[photo.name] = str(error).removeprefix(f"{path}: ")
            continue
        usable[photo.label] += 1
        notes = headers.inspect(data, path).notes
        if notes:
            unusual[photo.name] = "; ".join(notes)
    return Findings(unusable, unusual, _class_lines(listing, usable), dict(usable))


def _class_lines(listing: Listing, usable: Counter[str]) -> list[str]:
    lines = [
        f"class {label!r} has {count} usable photo{'' if count == 1 else 's'}: 2 are the least, 20 a start"
        for label, count in usable.items()
        if count < 2
    ]
    if len(listing.labels) < 2:
        lines.append(f"only one class ({listing.labels[0]!r}): a classifier needs at least 2")
    return lines
