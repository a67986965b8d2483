"""Pictures of what a detector finds and misses: whole photos and cut-outs, true boxes in one colour and found ones in another."""

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Sequence

import cv2
import numpy as np

from cvapp.boxes import Boxes
from cvapp.data.split_settings import DataSource
from cvapp.evaluation.boxed_mistakes import MISSED, POOR_PLACE, SIZES, TWICE, WRONG_CLASS, BoxedMistake
from cvapp.evaluation.matching import FALSE, Matched, Truth, match
from cvapp.evaluation.sheets import WIDTH, contact_sheet, stacked
from cvapp.evaluation.words import counted, percent, printable
from cvapp.images import resize
from cvapp.lettering import text_width, write

TRUE, FOUND, EDGE = (30, 110, 255), (255, 140, 0), (255, 255, 255)
LEGEND = "blue: true boxes, orange: found"
OF_SIZE, PHOTOS = 16, 12  # shown on a sheet: mistakes of each size, whole photos
_COLUMNS, _PHOTO_COLUMNS, _PHOTO_WIDTH = 8, 3, 460
_TEXT = 12
_ROOM, _LEAST = 2.0, 32  # a cut-out's side, as multiple of the box's longer one and in pixels at least


@dataclass(frozen=True)
class BoxedResults:
    """What is left of a run to show: a part of the photos that was not learnt from, and what was found there.

    Args:
        part: `val` or `test`.
        names: of the photos, N.
        photos: reads the picture at a place, uint8 RGB (H, W, 3).
        found: N, down to low scores, in pixels of the photos.
        truths: N.
        history: a row an epoch, as for `plots.write_curves`, `val_map50` the mAP50 on validation photos in the place of `val_accuracy`.
        score: the least that a box must reach to be shown.
        objects: how many objects of each class there are, by part; those of classes without any may be absent.
        source: where the photos came from, and what decides their parts.
    """

    part: str
    names: Sequence[str]
    photos: Callable[[int], np.ndarray]
    found: Sequence[Boxes]
    truths: Sequence[Truth]
    history: Sequence[dict[str, Any]]
    score: float
    objects: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    source: DataSource = DataSource()

    def sure(self, photo: int) -> Boxes:
        """The boxes found in a photo that reach the score."""
        return self.found[photo].take(self.found[photo].scores >= self.score)


def outline(picture: np.ndarray, xyxy: np.ndarray, colour: tuple[int, int, int], thickness: int = 1) -> None:
    """Draw boxes (N, 4) into a picture; a thick line has a pale edge, so that it is seen on any ground."""
    corners = np.clip(np.round(xyxy), -30_000, 30_000).astype(int).reshape(-1, 4).tolist()
    for wide, ink in ((thickness + 2, EDGE), (thickness, colour))[thickness == 1 :]:
        for left, top, right, bottom in corners:
            cv2.rectangle(picture, (left, top), (right, bottom), ink, wide)


def cut_out(results: BoxedResults, mistake: BoxedMistake, side: int = WIDTH) -> np.ndarray:
    """The photo around a mistake, uint8 RGB (side, side, 3): all boxes thin, the one that is meant thick; grey beyond the photo's edge."""
    left, top, right, bottom = mistake.xyxy
    span = max(_ROOM * max(right - left, bottom - top), _LEAST)
    scale, corner = side / span, np.array(((left + right) / 2, (top + bottom) / 2)) - span / 2
    matrix = np.array([(scale, 0, -scale * corner[0]), (0, scale, -scale * corner[1])])
    picture = cv2.warpAffine(results.photos(mistake.photo), matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=(128, 128, 128))

    def place(xyxy: Any) -> np.ndarray:
        return ((np.reshape(xyxy, (-1, 2, 2)) - corner) * scale).reshape(-1, 4)

    outline(picture, place(results.truths[mistake.photo].xyxy), TRUE)
    outline(picture, place(results.sure(mistake.photo).xyxy), FOUND)
    outline(picture, place(mistake.xyxy), TRUE if mistake.kind == MISSED else FOUND, 3)
    return picture


def caption(mistake: BoxedMistake, names: Sequence[str], labels: Sequence[str]) -> list[str]:
    """What a mistake is, in three lines: the class, the kind, the photo."""
    if mistake.kind == MISSED:
        assert mistake.label is not None
        near = f"best overlap {percent(mistake.overlap)}" if mistake.overlap >= 0.01 else "no box near"
        return [labels[mistake.label], f"missed: {near}", names[mistake.photo]]
    assert mistake.answer is not None
    more = ""
    if mistake.label is not None:
        more = {TWICE: "", POOR_PLACE: f": overlap {percent(mistake.overlap)}", WRONG_CLASS: f": is {labels[mistake.label]}"}[mistake.kind]
    return [f"{labels[mistake.answer]} {percent(mistake.score)}", f"{mistake.kind}{more}", names[mistake.photo]]


def by_size(mistakes: Sequence[BoxedMistake]) -> dict[str, list[BoxedMistake]]:
    """Mistakes by the size of their box, in their order; sizes without any are left out."""
    groups = {size: [one for one in mistakes if one.size == size] for size in SIZES}
    return {size: group for size, group in groups.items() if group}


def mistakes_sheet(results: BoxedResults, mistakes: Sequence[BoxedMistake], labels: Sequence[str]) -> np.ndarray:
    """The worst of some mistakes as cut-outs, uint8 RGB, grouped by size."""
    if not mistakes:
        return contact_sheet([np.full((44, WIDTH, 3), 255, np.uint8)], ["No mistakes"], 1)
    sheets: dict[str, np.ndarray] = {}
    for size, group in by_size(mistakes).items():
        worst = group[:OF_SIZE]
        texts = ["\n".join(caption(one, results.names, labels)) for one in worst]
        which = f"{size}, the worst {OF_SIZE} of {len(group):,}" if len(group) > OF_SIZE else f"{size}, {len(group)}"
        title = f"{which} ({LEGEND})" if not sheets else which
        sheets[title] = contact_sheet([cut_out(results, one) for one in worst], texts, _COLUMNS)
    return stacked(sheets)


def found_sheet(results: BoxedResults, labels: Sequence[str]) -> np.ndarray:
    """Whole photos with their boxes, uint8 RGB: from the one with the most mistakes to the one with the fewest, in even steps."""
    if not results.names:
        return contact_sheet([np.full((44, WIDTH, 3), 255, np.uint8)], ["No photos"], 1)
    matches = [match(results.sure(photo), truth) for photo, truth in enumerate(results.truths)]
    order = sorted(range(len(matches)), key=lambda photo: -int(matches[photo].missed.sum() + (matches[photo].right == FALSE).sum()))
    chosen = [order[place] for place in np.unique(np.linspace(0, len(order) - 1, PHOTOS).astype(int))]
    texts = [_tally(matches[photo], results.names[photo]) for photo in chosen]
    pictures = [_whole(results, photo, matches[photo], labels) for photo in chosen]
    title = f"{len(chosen)} of {counted(len(order), 'photo')}, from the most mistakes to the fewest"
    told = f"{title} ({LEGEND} from {percent(results.score)} on; thick: missed and false)"
    return stacked({told: contact_sheet(pictures, texts, _PHOTO_COLUMNS, _PHOTO_WIDTH)})


def _tally(matched: Matched, name: str) -> str:
    right, false = int((matched.right >= 0).sum()), int((matched.right == FALSE).sum())
    return f"{right} right, {int(matched.missed.sum())} missed, {false} false\n{name}"


def _whole(results: BoxedResults, photo: int, matched: Matched, labels: Sequence[str]) -> np.ndarray:
    """A photo at the sheet's width with its boxes, mistakes thick, and the class on the false and on the large ones."""
    rgb, truth, found = results.photos(photo), results.truths[photo], results.sure(photo)
    scale, false = _PHOTO_WIDTH / rgb.shape[1], matched.right == FALSE
    picture = resize(rgb, (max(1, round(rgb.shape[0] * scale)), _PHOTO_WIDTH)).copy()
    outline(picture, truth.xyxy * scale, TRUE)
    outline(picture, found.xyxy * scale, FOUND)
    outline(picture, truth.xyxy[matched.missed] * scale, TRUE, 3)
    outline(picture, found.xyxy[false] * scale, FOUND, 3)
    for xyxy, label, score, wrong in zip(found.xyxy * scale, found.classes, found.scores, false):
        _write(picture, f"{labels[label]} {percent(score)}", xyxy, 1.0 if wrong else 0.6)
    return picture


def _write(picture: np.ndarray, text: str, xyxy: np.ndarray, share: float) -> None:
    """A text in the upper left corner of a box, on its colour, where it takes no more than a share of the box's width."""
    left, top, right, _ = np.maximum(np.round(xyxy), 0).astype(int).tolist()
    width = text_width(printable(text), _TEXT) + 6
    if width <= share * (right - left):
        cv2.rectangle(picture, (left, top), (left + width, top + _TEXT + 4), FOUND, cv2.FILLED)
        write(picture, printable(text), (left + 3, top + _TEXT), _TEXT, (0, 0, 0))
