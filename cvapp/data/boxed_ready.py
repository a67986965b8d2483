"""Whether a detector can be trained on photos with boxes: the split that training would make, and what it would leave out."""

from dataclasses import dataclass, field, replace
from typing import Mapping, Sequence

import numpy as np

from cvapp.data import split
from cvapp.data.boxed import BoxedListing, as_listing
from cvapp.data.duplicates import groups
from cvapp.data.sessions import flattering, grouped
from cvapp.errors import CvappError
from cvapp.recipe import Data

FEW = 2  # different photos that a split needs: one trains, one validates


@dataclass(frozen=True)
class Ready:
    """What training would do.

    Args:
        left_out: the reason for each photo, by name, that no part can hold.
        missing: why training cannot begin; empty where it can.
        few: it is only that there are too few different photos.
        notes: why accuracy would flatter, a line each.
    """

    left_out: dict[str, str] = field(default_factory=dict)
    missing: str = ""
    few: bool = False
    notes: list[str] = field(default_factory=list)


def ready(listing: BoxedListing, seen: Mapping[str, np.ndarray], copies: Sequence[tuple[str, str]]) -> Ready:
    """Part the photos as training does by default, and look whether it can begin.

    Args:
        listing: photos with boxes.
        seen: thumbnails of those that can be decoded, by content hash.
        copies: pairs of content hashes that show the same picture.
    """
    photos = as_listing(replace(listing, photos=[photo for photo in listing.photos if photo.hash in seen]))
    left_out: dict[str, str] = {}
    try:
        photos, frozen = grouped(photos, seen), split.beside(photos)
        rows, left_out = split.divide(photos.photos, Data().val, Data().test, 0, frozen, copies)
        split.check_parts(rows)
    except CvappError as error:
        return Ready(left_out, str(error), len(set(groups(seen, copies).values())) < FEW)
    bearing = {photo.name for photo in listing.photos if photo.boxes}
    if not any(row.part == "train" and row.path in bearing for row in rows):
        return Ready(left_out, "no object in the photos to train on: a detector needs boxes", False)
    return Ready(left_out, notes=flattering(rows, photos))
