"""Photos decoded by OpenCV, fitted once and kept as uint8."""

import dataclasses
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Iterable, Sequence

from cvapp import images
from cvapp.data.folders import Photo, scan
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit
from cvapp.files import sha256
from cvapp.images import Images
from cvapp.progress import Report, each, silent

FITTING = 1  # raise it when images.fit or images.decode changes what it answers


def store_for(shape: Images) -> Store:
    """Where photos fitted in this way are kept."""
    assert shape.size is not None
    return Store("pixels", [FITTING, dataclasses.asdict(shape)], (*shape.size, 3), "uint8")


def fit_all(photos: Sequence[Photo], folder: Path, shape: Images, report: Report = silent) -> tuple[Store, dict[str, str]]:
    """Decode and fit the photos that the store lacks.

    Returns:
        the store, and for each photo that cannot be used, by name, the line that says why.
    """
    store = store_for(shape).open()
    copies: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        if not store.has(photo.hash):
            copies[photo.hash].append(photo)
    bad: dict[str, str] = {}

    def keep(photo: Photo) -> None:
        try:
            picture = images.fit(images.read(folder / photo.name), shape)
        except CvappError as error:
            bad.update({copy.name: str(error).replace(photo.name, copy.name) for copy in copies[photo.hash]})
        else:
            store.put(photo.hash, picture)

    _in_threads(keep, [group[0] for group in copies.values()], "fitting photos", report)
    return store, {name: bad[name] for name in sorted(bad)}


def _in_threads(work: Callable[[Photo], None], photos: Sequence[Photo], text: str, report: Report) -> None:
    """OpenCV lets go of the interpreter's lock while it decodes."""
    if photos:
        with ThreadPoolExecutor(2) as pool:
            for _ in each(pool.map(work, photos), text, report, len(photos)):
                pass


def find(rows: Iterable[Row], folder: str | Path | None, shape: Images, report: Report = silent) -> tuple[Store, list[Row]]:
    """The photos of a saved model's split, by content: those kept from training, and those found below `folder`.

    Raises:
        CvappError: none is to be had (exit 3).
    """
    rows = list(rows)
    store = store_for(shape)
    if folder is not None:
        wanted = {row.hash: row for row in rows if not store.has(row.hash)}
        listing = scan(folder) if wanted else None
        found = (
            {}
            if listing is None
            else {digest: photo for photo in listing.photos if (digest := sha256(listing.folder / photo.name)) in wanted}
        )
        fit_all([dataclasses.replace(photo, hash=digest) for digest, photo in found.items()], Path(folder), shape, report)
    held = [row for row in rows if store.has(row.hash)]
    if not held:
        where = (
            f"none of the model's {len(rows)} photos lies below {folder}"
            if folder is not None
            else f"the model's {len(rows)} photos are not kept here"
        )
        raise CvappError(f"{where}; name their folder with --data DIR", Exit.BAD_DATA)
    return store, held
