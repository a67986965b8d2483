"""A person's own labeled photos to measure a model on: any source of its task, with the model's labels, without what it learned from."""

import dataclasses
import shlex
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Sequence

from cvapp.card import GENERATE, TRANSCRIBE, Card
from cvapp.data import duplicates
from cvapp.data.boxed import BoxedListing
from cvapp.data.frames import Truth, truth_in_frames
from cvapp.data.listing import Listing, Photo, without
from cvapp.data.photos import fit_all
from cvapp.data.sessions import grouped
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit
from cvapp.evaluation import new_source
from cvapp.evaluation.new_labels import Matching, few, listed
from cvapp.evaluation.words import counted
from cvapp.progress import Report, silent


@dataclass(frozen=True)
class NewPhotos:
    """Photos that a model is measured on and that are not a part of its split.

    Args:
        data: the source as a person named it.
        rows: the photos that count, by path; the labels are the model's, a transcriber's the texts. The part is empty.
        store: where they are kept, fitted.
        matching: how the labels of the source fit those of the model.
        missing: labels of the model that nothing in the source is measured by.
        extra: photos of each class that the model does not know, by the label; of a detector none.
        boxes: of a detector, how many boxes of each class that it does not know there are in the photos.
        truth: of a detector, the boxes of known classes in the frames' pixels.
        left_out: how many files do not count: `learned`, `repeated`, `two_labels`, `near_copies`, `unusable`.
        unusable: the reason for each file that cannot be used, is labeled twice or is a near copy of one in the split, by name.
        notes: what else a person should know, a line each.
    """

    data: str
    rows: list[Row]
    store: Store
    matching: Matching
    missing: list[str] = field(default_factory=list)
    extra: dict[str, list[Row]] = field(default_factory=dict)
    boxes: dict[str, int] = field(default_factory=dict)
    truth: Truth = field(default_factory=Truth)
    left_out: dict[str, int] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def figures(self, unknown: Mapping[str, int] | None = None, notes: Sequence[str] = ()) -> dict[str, Any]:
        """What is said of the photos beside the figures of a task, fit for JSON.

        Args:
            unknown: how many photos of each extra class were answered as unknown; None of a model that has no such answer.
            notes: what the task adds to the notes.

        Returns:
            `data`, `split` (None), `missing`, `extra`, `respelled`, `left_out`, `unusable`, `notes`.
        """
        extra: list[dict[str, Any]] = [{"label": label, "boxes": count} for label, count in self.boxes.items()]
        for label, rows in self.extra.items():
            extra.append({"label": label, "photos": len(rows), "unknown": None if unknown is None else unknown[label]})
        return {
            "data": self.data,
            "split": None,
            "missing": self.missing,
            "extra": extra,
            "respelled": self.matching.respelled,
            "left_out": self.left_out,
            "unusable": self.unusable,
            "notes": [*self.matching.notes(), *self._without_partner(extra), *self.notes, *notes],
        }

    def _without_partner(self, extra: Sequence[Mapping[str, Any]]) -> list[str]:
        """A line about the model's classes that nothing is measured by, and one about each class that the model does not know."""
        lines = []
        for row in extra:
            label = row["label"]
            if "boxes" in row:
                count = row["boxes"]
                line = f"class {label!r} is not one of the model's: its {counted(count, 'box', 'boxes')} cannot be missed"
            else:
                count = row["photos"]
                line = f"class {label!r} is not one of the model's: its {counted(count, 'photo')} {'does' if count == 1 else 'do'} not count"
                if row["unknown"] is not None:
                    line += f"; answered as unknown: {row['unknown']} of {count}"
            lines.append(line + self.matching.advice(label))
        lines = few(lines, "classes that are not the model's")
        if self.missing:
            of = f"{len(self.missing)} of the model's {counted(len(self.matching.known), 'class', 'classes')}"
            lines.insert(0, f"{of} could not be measured: {listed(self.missing)}")
        return lines


def read(data: str | Path, card: Card, rows: Sequence[Row] = (), report: Report = silent) -> NewPhotos:
    """The photos of a source that a model can be measured on.

    Left out are photos, by their content, that the model learned from or that chose its epoch: its split's train and val, or train alone where the
    split has no test. So the very source of the training gives its default part. One content counts once, or as often as in that split. One that
    bears two labels is left out, as in training, and so is a near copy of a photo of the split that lies in the same source.

    Args:
        data: class folders or a CSV of path,label; of a detector photos with boxes in any format that is read; of a generator also a plain folder.
        card: of the model; its labels and images count.
        rows: of the model's split; none of one that draws its pictures.
        report: told of the progress.

    Raises:
        CvappError: no such source, nothing in it that can be used, no class in common with the model, or no photo that is left (exit 3).
    """
    source = new_source.read(data, card, report)
    boxed, clear = source.boxed, without(source.listing, source.disputed)
    learned = new_source.learned(clear.photos, rows)
    mixed = new_source.is_mixed(clear.photos, rows)
    every = mixed or card.task == GENERATE  # copies are looked for; samples are compared with what was learned from
    wanted = clear.photos if every else _without(clear.photos, learned)
    fitted, store = fit_all(dataclasses.replace(clear, photos=wanted), card.images, report)
    broken = len(fitted.stray) - len(source.disputed)
    copies = new_source.near_copies(fitted.photos, rows) if mixed else {}
    fitted = without(_grouped(fitted), copies)
    usable = _without(fitted.photos, learned)
    kept = new_source.once(usable, rows)
    left_out = {
        "learned": len(learned),
        "repeated": len(usable) - len(kept),
        "two_labels": len(source.disputed),
        "near_copies": len(copies),
        "unusable": broken,
    }
    seen = new_source.resembling(kept, rows) if rows else 0
    photos = [Row(photo.hash, photo.name, photo.label, "", photo.group) for photo in kept]
    found = NewPhotos(str(data), photos, store, source.matching, left_out=left_out, unusable=fitted.stray)
    notes = _notes(found, fitted, boxed.mended if boxed else (), rows)
    if seen:
        notes.append(f"{counted(seen, 'photo')} all but the same as what the model learned from: the figures flatter")
    found = dataclasses.replace(found, notes=tuple(notes))
    found = _with_boxes(found, boxed, card) if boxed else _by_class(found, card)
    if not found.rows:
        raise CvappError(_nothing_left(found), Exit.BAD_DATA)
    return found


def _grouped(listing: Listing) -> Listing:
    """The listing with the session of each photo, whose thumbnails are kept."""
    digests = sorted({photo.hash for photo in listing.photos})
    return grouped(listing, dict(zip(digests, duplicates.store().read(digests))))


def _without(photos: Sequence[Photo], others: Sequence[Photo]) -> list[Photo]:
    away = {photo.hash for photo in others}
    return [photo for photo in photos if photo.hash not in away]


def _by_class(found: NewPhotos, card: Card) -> NewPhotos:
    """The photos with those of classes that the model does not know set apart; a transcriber's labels are texts."""
    if card.task == TRANSCRIBE:
        return found
    extra: dict[str, list[Row]] = defaultdict(list)
    for row in found.rows:
        if row.label in found.matching.extra:
            extra[row.label].append(row)
    rows = [row for row in found.rows if row.label not in extra]
    there = {row.label for row in rows}
    return dataclasses.replace(
        found, rows=rows, extra=dict(extra), missing=[label for label in found.matching.known if label not in there]
    )


def _with_boxes(found: NewPhotos, boxed: BoxedListing, card: Card) -> NewPhotos:
    """The photos with their boxes in frames; boxes of classes that the model does not know are counted."""
    present, known = {row.path for row in found.rows}, set(found.matching.known)
    photos = [photo for photo in boxed.photos if photo.name in present]
    strange = Counter(box.label for photo in photos for box in photo.boxes if box.label not in known)
    photos = [dataclasses.replace(photo, boxes=tuple(box for box in photo.boxes if box.label in known)) for photo in photos]
    declared = set(found.matching.meant.values())
    missing = [label for label in found.matching.known if label not in declared]
    return dataclasses.replace(found, truth=truth_in_frames(photos, card.images), boxes=dict(sorted(strange.items())), missing=missing)


def _notes(found: NewPhotos, listing: Listing, mended: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Lines about files that do not count, and about what the source's reader found."""
    lines = []
    if learned := found.left_out["learned"]:
        chose = " or that chose its epoch" if "val" in new_source.learned_parts(rows) else ""
        lines.append(f"left out: {counted(learned, 'photo')} that the model learned from{chose}")
    if repeated := found.left_out["repeated"]:
        lines.append(f"left out: {counted(repeated, 'copy', 'copies')} of other files: each content counts once")
    lines += few([f"left out: {name}: {reason}" for name, reason in found.unusable.items()], "files; --json names them all")
    lines += few([f"mended: {line}" for line in mended], f"boxes that were mended; cvapp data check {shlex.quote(found.data)} names them all")
    return [*lines, *listing.notes]


def _nothing_left(found: NewPhotos) -> str:
    if learned := found.left_out["learned"]:
        what = f"nothing is left to measure on without the {counted(learned, 'photo')} that the model learned from or that chose its epoch"
        return f"--data {found.data}: {what}; give other photos, or measure a part of its own split with --split val"
    first = next((f", such as {path}: {reason}" for path, reason in found.unusable.items()), "")
    return f"--data {found.data}: no photo of the model's classes can be used{first}; mend them or give others"
