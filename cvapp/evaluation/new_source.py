"""A person's own source of labeled photos, read for a model: its files with the model's labels, and which of them the model learned from."""

import dataclasses
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from cvapp.card import GENERATE, TRANSCRIBE, Card
from cvapp.data import duplicates, folders, formats
from cvapp.data.boxed import BoxedListing, as_listing, other_boxes
from cvapp.data.copies import two_labels
from cvapp.data.listing import Listing, Photo, hashed
from cvapp.data.split import Row
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import new_labels
from cvapp.evaluation.new_labels import Matching, listed
from cvapp.progress import Report

WANTED = {
    "detect": "photos with their boxes (Pascal VOC, COCO, YOLO ...)",
    GENERATE: "photos, in class folders or not",
    TRANSCRIBE: "a CSV of path,label, the label being the text, or folders whose names are the texts",
}
CLASSES = "a folder for each class, or a CSV of path,label"


@dataclass(frozen=True)
class Source:
    """What a source holds, in the words of a model.

    Args:
        listing: the photos with their content hashes; their labels are the model's where those are meant.
        boxed: of a detector, the same with boxes.
        matching: how the labels of the source fit those of the model.
        disputed: the reason for each photo, by name, whose content bears another label or other boxes too.
    """

    listing: Listing
    boxed: BoxedListing | None
    matching: Matching
    disputed: dict[str, str]


def read(data: str | Path, card: Card, report: Report) -> Source:
    """List a source as the task of a model wants it, and match its labels with the model's.

    Args:
        data: class folders or a CSV of path,label; of a detector photos with boxes in any format that is read; of a generator also a plain folder.
        card: of the model.
        report: told of the progress.

    Raises:
        CvappError: no such source, nothing in it that can be used, or no class in common with the model (exit 3).
    """
    listing, boxed = _scan(data, card, report)
    matching = _match(boxed.labels if boxed else listing.labels, card)
    if not matching.meant and card.task != TRANSCRIBE:
        raise CvappError(_nothing_in_common(data, matching), Exit.BAD_DATA)
    if boxed:
        boxed = _renamed(boxed, matching)
        return Source(as_listing(boxed), boxed, matching, other_boxes(boxed.photos))
    photos = [dataclasses.replace(photo, label=matching.meant.get(photo.label, photo.label)) for photo in listing.photos]
    return Source(dataclasses.replace(listing, photos=photos), None, matching, two_labels(photos))


def _scan(data: str | Path, card: Card, report: Report) -> tuple[Listing, BoxedListing | None]:
    """The files of a source with their content hashes; of a detector with their boxes."""
    wanted = WANTED.get(card.task, CLASSES)
    if not Path(data).exists():
        raise CvappError(f"--data {data}: no such folder or file; give {wanted}", Exit.BAD_DATA)
    if card.task == "detect":
        boxed = formats.scan(data, report)
        return as_listing(boxed), boxed
    if card.task == "classify" and formats.is_boxed(data):
        raise CvappError(f"--data {data}: photos with boxes, but {card.name} names whole photos; give {wanted}", Exit.BAD_DATA)
    listing = folders.scan(data, loose=card.task == GENERATE)
    notes = tuple(note for note in listing.notes if note not in folders.look_alike(listing.labels))  # they are matched with the model's
    return hashed(dataclasses.replace(listing, notes=notes), report), None


def _match(given: Sequence[str], card: Card) -> Matching:
    """The labels of a source beside the model's; a transcriber has none, and those of a generator of one class do not count."""
    if card.task == TRANSCRIBE:
        return Matching((), {}, ())
    if card.task == GENERATE and len(card.labels) == 1:
        return new_labels.all_one(given, card.labels[0])
    nothing = [card.labels[place] for place in card.nothing] if card.task == "detect" else []
    return new_labels.match(given, [label for label in card.labels if label not in nothing])


def _renamed(boxed: BoxedListing, matching: Matching) -> BoxedListing:
    """The listing with the model's labels where they are meant."""
    photos = [
        dataclasses.replace(photo, boxes=tuple(box._replace(label=matching.meant.get(box.label, box.label)) for box in photo.boxes))
        for photo in boxed.photos
    ]
    return dataclasses.replace(boxed, photos=photos)


def _nothing_in_common(data: str | Path, matching: Matching) -> str:
    known, given = listed(matching.known), listed(matching.extra)
    advice = next((text for label in matching.extra if (text := matching.advice(label))), "; rename the classes that are meant")
    return f"--data {data}: none of its classes ({given}) is one of the model's ({known}){advice}"


def learned(photos: Sequence[Photo], rows: Sequence[Row]) -> list[Photo]:
    """The photos that a model learned from or that chose its epoch, by content; rows are of its split."""
    parts = learned_parts(rows)
    known = {row.hash for row in rows if row.part in parts}
    return [photo for photo in photos if photo.hash in known]


def is_mixed(photos: Sequence[Photo], rows: Sequence[Row]) -> bool:
    """Whether photos of the split, by content, lie beside others."""
    known, there = {row.hash for row in rows}, {photo.hash for photo in photos}
    return bool(there & known) and bool(there - known)


def near_copies(photos: Sequence[Photo], rows: Sequence[Row]) -> dict[str, str]:
    """The reason for each photo, by name, that is none of the split but shows the same picture as one of it among these photos.

    Training leaves such files out where copies were in different parts. The thumbnails of all must be kept, see `photos.fit_all`.
    """
    known = {row.hash for row in rows}
    digests = sorted({photo.hash for photo in photos})
    pairs = duplicates.near_copies(dict(zip(digests, duplicates.store().read(digests))))
    group_of = duplicates.groups(digests, pairs)
    own = {group_of[photo.hash]: photo.name for photo in photos if photo.hash in known}
    return {
        photo.name: f"near copy of {own[group_of[photo.hash]]}, which is in the model's split"
        for photo in photos
        if photo.hash not in known and group_of[photo.hash] in own
    }


def resembling(photos: Sequence[Photo], rows: Sequence[Row]) -> int:
    """How many photos show the same picture as one that the model learned from, as far as those are still kept."""
    store, parts = duplicates.store(), learned_parts(rows)
    known = {row.hash for row in rows if row.part in parts and store.has(row.hash)}
    digests = sorted(known | {photo.hash for photo in photos})
    group_of = duplicates.groups(digests, duplicates.near_copies(dict(zip(digests, store.read(digests)))))
    taken = {group_of[digest] for digest in known}
    return sum(group_of[photo.hash] in taken for photo in photos)


def once(photos: Sequence[Photo], rows: Sequence[Row]) -> list[Photo]:
    """The photos by name, of each content one, or as many as a split's rows have."""
    left = Counter(row.hash for row in rows)
    kept = []
    for photo in sorted(photos, key=lambda photo: photo.name):
        if left.setdefault(photo.hash, 1):
            kept.append(photo)
            left[photo.hash] -= 1
    return kept


def learned_parts(rows: Sequence[Row]) -> tuple[str, ...]:
    """The parts of a split that the model learned from or that chose its epoch: train and val, or train alone where nothing else is held out."""
    return ("train", "val") if any(row.part == "test" for row in rows) else ("train",)
