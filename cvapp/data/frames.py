"""Photos with boxes made ready for a detector: parted, fitted into frames of one size, their boxes in the frame's pixels."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping

import numpy as np

from cvapp import images
from cvapp.data import duplicates, formats, split, split_settings
from cvapp.data.boxed import Box, BoxedPhoto, agreeing, as_listing
from cvapp.data.listing import PARTS
from cvapp.data.photos import fit_all
from cvapp.data.sessions import flattering, grouped
from cvapp.data.split import Row
from cvapp.data.split_settings import DataSource, fixed_shares, public_path
from cvapp.data.store import Store
from cvapp.errors import CvappError, Exit, folded
from cvapp.files import write_json
from cvapp.images import Images
from cvapp.progress import Report, silent
from cvapp.recipe import Recipe

TRUTH = "truth.json"
TOLD = 5  # lines of a kind before the rest is counted


class Truth(dict[str, tuple[Box, ...]]):
    """The boxes of each frame, in its pixels, by the content hash of its photo."""


@dataclass(frozen=True)
class Frames:
    """What a detector learns from and is measured on.

    Args:
        rows: of the split, by path; the label is the photo's rarest class.
        truth: boxes in frame pixels.
        labels: the classes, in the order of the model's outputs.
        pixels: the frames by their photo's hash.
        left_out: the reason for each photo, by name, that is not used.
        mended: boxes that were clipped or left out, a line each.
        source: where the photos came from, and what decides their parts.
    """

    rows: list[Row]
    truth: Truth
    labels: list[str]
    pixels: Store
    left_out: dict[str, str]
    mended: list[str]
    source: DataSource = DataSource()

    def of(self, part: str) -> list[str]:
        """The hashes of one part's photos."""
        return [row.hash for row in self.rows if row.part == part]

    @property
    def parts(self) -> list[str]:
        """The parts that there are photos of."""
        return [part for part in PARTS if self.of(part)]

    @property
    def points(self) -> int:
        """Landmarks that every box has; 0 where they differ or some have none."""
        counts = {len(box.points) for boxes in self.truth.values() for box in boxes}
        return counts.pop() if len(counts) == 1 else 0


def prepare(source: str | Path, recipe: Recipe, report: Report = silent) -> Frames:
    """Read photos with boxes in any of the formats, part them and fit them into frames; the split is frozen beside them, where that can be.

    Args:
        source: as `formats.scan` takes it; copies of one picture with different boxes are left out.
        recipe: its shares, its seed and its images count.
        report: told of the progress and of what is left out.

    Raises:
        CvappError: data that cannot be used (exit 3), or a place for the frames that cannot be written (exit 7).
    """
    boxed = agreeing(formats.scan(source))
    listing, pixels = fit_all(as_listing(boxed), recipe.images, report)
    digests = sorted({photo.hash for photo in listing.photos})
    seen = dict(zip(digests, duplicates.store().read(digests)))
    copies = duplicates.near_copies(seen)
    with split.parting(listing):
        listing, frozen = grouped(listing, seen), split.beside(listing)
        rows, left_out = split.divide(listing.photos, recipe.data.val, recipe.data.test, recipe.seed, frozen, copies)
        split.check_parts(rows)
        if split.draws(listing.photos) and (every := split.lasting(rows, frozen, left_out)) != frozen:
            _freeze(boxed.split_file, every, report)
    for line in [*split_settings.notes(listing.photos, frozen, recipe, copies, boxed.split_file), *flattering(rows, listing)]:
        report(line)
    named = {photo.name: photo for photo in boxed.photos}
    truth = Truth({row.hash: _in_frame(named[row.path], recipe.images) for row in rows})
    origin = DataSource(public_path(source), fixed_shares(listing.photos), boxed.split_file.is_file())
    made = Frames(rows, truth, boxed.labels, pixels, {**listing.stray, **left_out}, boxed.mended, origin)
    _tell(made, report)
    return made


def truth_in_frames(photos: Iterable[BoxedPhoto], fitted: Images) -> Truth:
    """The boxes of photos whose hashes are known in their frames' pixels, rounded as `write_truth` writes them."""
    return Truth({photo.hash: tuple(map(_rounded, _in_frame(photo, fitted))) for photo in photos})


def _in_frame(photo: BoxedPhoto, fitted: Images) -> tuple[Box, ...]:
    """The boxes of a photo in its frame's pixels, clipped to what is seen; those that are not seen are left out."""
    shape = photo.size
    assert fitted.size is not None and shape is not None  # the recipe and the reader saw to it
    limit = np.array([fitted.size[1], fitted.size[0]] * 2)
    found = []
    for box in photo.boxes:
        corners = images.to_fitted(np.reshape(box.xyxy, (2, 2)), shape, fitted).ravel().clip(0, limit)
        if corners[2] > corners[0] and corners[3] > corners[1]:
            points = images.to_fitted(np.reshape(box.points, (-1, 2)), shape, fitted)
            left, top, right, bottom = corners.tolist()
            found.append(box._replace(xyxy=(left, top, right, bottom), points=tuple((x, y) for x, y in points.tolist())))
    return tuple(found)


def _freeze(path: Path, rows: list[Row], report: Report) -> None:
    try:
        split.write(path, rows)
    except CvappError as error:
        report(f"{error}; the split lives in the model alone")


def _tell(made: Frames, report: Report) -> None:
    """Say what the data is, and name what was left out or mended."""
    for title, lines in (("left out", [f"{name}: {reason}" for name, reason in made.left_out.items()]), ("mended", made.mended)):
        for line in lines[:TOLD]:
            report(f"{title}: {line}")
        if len(lines) > TOLD:
            report(f"{title}: {len(lines) - TOLD} more; cvapp data check names them all")
    parts = Counter(row.part for row in made.rows)
    objects = Counter(box.label for boxes in made.truth.values() for box in boxes)
    report(f"{len(made.rows)} photos: " + ", ".join(f"{parts[part]} {part}" for part in PARTS if parts[part]))
    report(f"{sum(objects.values())} objects: " + ", ".join(f"{objects[label]} {label}" for label in made.labels))
    learnt = {box.label for digest in made.of("train") for box in made.truth[digest]}
    if not learnt:
        raise CvappError("no object in the photos to train on: a detector needs boxes; mend the annotations or the parts", Exit.BAD_DATA)
    for label in made.labels:
        if label not in learnt:
            report(f"class {label!r} has no object to train on; the model cannot find it")


def fingerprint(frames: Frames) -> str:
    """One hash for photos, their parts and their boxes."""
    text = split.fingerprint(frames.rows) + json.dumps({digest: list(boxes) for digest, boxes in sorted(frames.truth.items())})
    return hashlib.sha256(text.encode()).hexdigest()


def write_truth(path: Path, truth: Mapping[str, Iterable[Box]]) -> None:
    """Write the boxes of every frame by its photo's hash, so that a saved model is measured without the annotations it came from."""
    write_json(path, {"photos": {digest: [_rounded(box) for box in boxes] for digest, boxes in sorted(truth.items())}})


def _rounded(box: Box) -> Box:
    left, top, right, bottom = np.round(box.xyxy, 3).tolist()
    return box._replace(xyxy=(left, top, right, bottom))


def read_truth(path: Path) -> Truth:
    """Read what `write_truth` wrote (exit 3 where it is no such file)."""
    try:
        photos = json.loads(path.read_text(encoding="utf-8"))["photos"]
        return Truth({digest: tuple(_box(*row) for row in rows) for digest, rows in photos.items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CvappError(
            f"{path}: cannot be read as boxes ({type(error).__name__}: {folded(error)}); copy the whole model again", Exit.BAD_DATA
        ) from error


def _box(label: str, xyxy: list[float], difficult: bool, points: list[list[float]]) -> Box:
    left, top, right, bottom = xyxy
    return Box(label, (left, top, right, bottom), difficult, tuple((x, y) for x, y in points))
