"""Photos decoded, each content once: fitted and kept as uint8, with a thumbnail to find copies by."""

import dataclasses
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Iterable

import numpy as np

from cvapp import images
from cvapp.data import depth, duplicates, formats
from cvapp.data.boxed import as_listing
from cvapp.data.folders import scan
from cvapp.data.listing import Listing, Photo, hashed, without
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit
from cvapp.headers import inspect
from cvapp.images import Images
from cvapp.progress import Report, each, silent

FITTING = 1  # raise it when images.fit or images.decode changes what it answers


def store_for(shape: Images) -> Store:
    """Where photos fitted in this way are kept."""
    assert shape.size is not None
    key = {name: value for name, value in dataclasses.asdict(shape).items() if (name, value) != ("bits", None)}  # as before there were bits
    return Store("pixels", [FITTING, key], (*shape.size, 3), "uint8")


def fit_all(listing: Listing, shape: Images, report: Report = silent) -> tuple[Listing, Store]:
    """Decode the photos of a listing with hashes that are not kept yet; keep each fitted, and its thumbnail in `duplicates.store()`.

    Files of 16 bits that use few of them are reported.

    Returns:
        the listing, the photos that cannot be used among its strays, and the store of fitted photos.
    """
    pixels, thumbnails = store_for(shape).open(), duplicates.store().open()
    peaks: dict[str, int] = {}

    def keep(photo: Photo, data: bytes, picture: np.ndarray) -> None:
        if shape.bits is None:
            peaks[photo.name] = depth.low_peak(data, inspect(data, photo.name), picture)
        pixels.put(photo.hash, images.fit(picture, shape))
        thumbnails.put(photo.hash, duplicates.thumbnail(picture))

    lacking = {photo.hash for photo in listing.photos if not (pixels.has(photo.hash) and thumbnails.has(photo.hash))}
    bad = decode_each(listing, lacking, keep, "fitting photos", report, shape.bits)
    for line in depth.dark_line(peaks):
        report(line)
    return without(listing, bad), pixels


def all_grey(listing: Listing, most: int = 200, bits: int | None = None) -> bool:
    """Whether photos are grey, by a look at up to so many from all over a listing; those that cannot be decoded tell nothing.

    `bits` is a recipe's `images.bits`.
    """
    for place in np.unique(np.linspace(0, len(listing.photos) - 1, most).astype(int)):
        try:
            picture = images.decode(listing.read(listing.photos[place]), "photo", bits)
        except (OSError, CvappError):
            continue
        if (picture != picture[..., :1]).any():
            return False
    return True


def thumbnails(listing: Listing, report: Report = silent) -> tuple[Listing, dict[str, np.ndarray]]:
    """Decode the photos of a listing with hashes, keeping nothing on disk.

    Returns:
        the listing, the photos that cannot be used among its strays, and the thumbnail of each content.
    """
    found: dict[str, np.ndarray] = {}

    def look(photo: Photo, data: bytes, picture: np.ndarray) -> None:
        found[photo.hash] = duplicates.thumbnail(picture)

    bad = decode_each(listing, {photo.hash for photo in listing.photos}, look, "looking at photos", report)
    return without(listing, bad), found


def decode_each(
    listing: Listing,
    wanted: set[str],
    use: Callable[[Photo, bytes, np.ndarray], None],
    text: str,
    report: Report = silent,
    bits: int | None = None,
) -> dict[str, str]:
    """Decode each wanted content of a listing once, in two threads.

    Args:
        listing: with hashes.
        wanted: which hashes.
        use: called with a photo, its file's bytes and the picture, uint8 RGB (H, W, 3).
        text: what is reported.
        report: told how many are done.
        bits: a recipe's `images.bits`.

    Returns:
        why photos cannot be decoded, by name.
    """
    copies: dict[str, list[Photo]] = defaultdict(list)
    for photo in listing.photos:
        if photo.hash in wanted:
            copies[photo.hash].append(photo)
    bad: dict[str, str] = {}

    def work(photo: Photo) -> None:
        try:
            data = listing.read(photo)
            picture = images.decode(data, "photo", bits)
        except (OSError, CvappError) as error:
            reason = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else str(error).removeprefix("photo: ")
            bad.update({copy.name: reason for copy in copies[photo.hash]})
        else:
            use(photo, data, picture)

    if copies:
        with ThreadPoolExecutor(2) as pool:  # OpenCV and pi-heif let go of the interpreter's lock while they decode
            for _ in each(pool.map(work, [same[0] for same in copies.values()]), text, report, len(copies)):
                pass
    return bad


def find(
    rows: Iterable[Row],
    source: str | Path | None,
    shape: Images,
    report: Report = silent,
    option: str = "--data DIR",
    whole: bool = False,
) -> tuple[Store, list[Row]]:
    """The photos of a saved model's split, by content: those kept from training, and those found in a source of data.

    Args:
        rows: of the split.
        source: where photos that are not kept lie; None where nobody named it.
        shape: how they are fitted.
        report: told of the progress.
        option: what names the source on the command line.
        whole: whether all are needed.

    Returns:
        the store, and the rows whose photos it holds.

    Raises:
        CvappError: none is to be had, or not all that are needed (exit 3).
    """
    rows = list(rows)
    store = store_for(shape)
    lacking = {row.hash for row in rows if not store.has(row.hash)}
    if source is not None and not Path(source).exists():
        raise CvappError(f"--data {source}: no such folder or file; give the photos that the model learnt from", Exit.BAD_DATA)
    if source is not None and not lacking:
        report(f"the photos kept from training are used; {source} is not read")
    if source is not None and lacking:
        listing = as_listing(formats.scan(source)) if formats.is_boxed(source) else hashed(scan(source, loose=True), report)
        fit_all(dataclasses.replace(listing, photos=[photo for photo in listing.photos if photo.hash in lacking]), shape, report)
    held = [row for row in rows if store.has(row.hash)]
    if not held:
        where = (
            f"none of the model's {len(rows)} photos lies below {source}; give the folder"
            if source is not None
            else f"the model's {len(rows)} photos are not kept in {store.folder.parent}; name their folder with {option}, the one"
        )
        raise CvappError(f"{where} that the model learnt from", Exit.BAD_DATA)
    missing = f"{len(rows) - len(held)} of the model's {len(rows)} photos"
    if len(held) < len(rows) and whole:
        raise CvappError(f"{missing} are not to be had; name the folder that it learnt from with {option}", Exit.BAD_DATA)
    if len(held) < len(rows):
        report(f"{missing} are missing; the others are used")
    return store, held
