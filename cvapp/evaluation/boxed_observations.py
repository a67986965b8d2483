"""What a detector's run shows besides bias and variance: each observation looks for one thing, and says it with what to try."""

import shlex

import numpy as np

from cvapp.boxes import iou
from cvapp.card import Card
from cvapp.data.boxed_check import START
from cvapp.evaluation.boxed_mistakes import KINDS, SIZES, size_of
from cvapp.evaluation.boxed_sheets import BoxedResults
from cvapp.evaluation.cures import Cure
from cvapp.evaluation.matching import match
from cvapp.evaluation.metrics import interval
from cvapp.evaluation.observations import Observation
from cvapp.evaluation.results import WORDS
from cvapp.evaluation.words import counted, percent
from cvapp.windows.shapes import FITS, shape_iou

FEWEST = 5  # mistakes of a kind that are worth a sentence: fewer may be chance
SHARE, OF_BOXES = 0.2, 0.1  # of the missed objects, and of the boxes: below it no kind stands out
LOPSIDED = 0.15  # between precision and recall
NEAR = 0.15  # of IoU: boxes are not placed better, so that two objects whose overlap comes so near the limit of suppression may lose one
_FALSE = {
    "wrong class": "lie on an object of another class",
    "poor place": "are placed poorly",
    "twice": "are a second one on an object",
    "background": "lie on no object that is annotated",
}
_LARGER_FRAME, _MOST_FRAME = 1.5, 2048  # times the size, and the longest side that is advised


def lacking(card: Card, results: BoxedResults) -> list[Observation]:
    """What the data lacks, which spoils every other judgement: classes with few training objects, parts that do not show a class."""
    train = results.objects.get("train", {})
    few = [(train.get(label, 0), label) for label in card.labels if train.get(label, 0) < START]
    seen = []
    if few:
        names = _some([f"“{label}” ({count})" for count, label in sorted(few)])
        cure = Cure(f"More photos that show {_some([f'“{label}”' for _, label in sorted(few)])}")
        seen.append(Observation(f"Classes with few training objects, where {START} are a start: {names}.", (cure,)))
    for part, counts in results.objects.items():
        absent = [f"“{label}”" for label in card.labels if not counts.get(label) and part != "train"]
        if absent:
            text = f"No {WORDS[part]} photo shows {_some(absent)}: nothing tells how well {'it is' if len(absent) == 1 else 'they are'} found."
            seen.append(Observation(text, (_into(part, absent, card, results),)))
    return seen


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _into(part: str, absent: list[str], card: Card, results: BoxedResults) -> Cure:
    """How photos of a class get into a part: by hand where the data has parts of its own, by another draw otherwise."""
    if part in results.source.fixed:
        return Cure(f"Photos of {_some(absent)} in the data's own {WORDS[part]} part")
    again = ": first delete split.csv beside the photos" if results.source.frozen else ""
    return Cure(f"More photos of {_some(absent)}, or other parts by another seed{again}", (f"seed={card.recipe.seed + 1}",))


def observe(card: Card, results: BoxedResults) -> list[Observation]:
    """What else is seen, on the photos held out."""
    missed = (_small(card, results), _unfit(card, results), _touching(card, results), _cut_off(card, results))
    return [*(one for one in missed if one), *_false(card, results), *_lopsided(card)]


def _objects(results: BoxedResults) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corners (T, 4) of all objects that count, whether each was missed (T,), and its largest IoU with another object of its class (T,).

    An object whose box meets another of whatever class has at least the smallest positive number there.
    """
    corners, missed, beside = [np.zeros((0, 4))], [np.zeros(0, bool)], [np.zeros(0)]
    for photo, truth in enumerate(results.truths):
        counts = ~np.asarray(truth.difficult, bool)
        overlap = iou(truth.xyxy, truth.xyxy) * (1 - np.eye(len(truth.xyxy)))
        same = np.where(truth.classes[:, None] == truth.classes[None], overlap, 0).max(1, initial=0)
        beside.append(np.where(overlap.max(1, initial=0) > 0, np.maximum(same, np.finfo(float).tiny), 0)[counts])
        missed.append(match(results.sure(photo), truth).missed[counts])
        corners.append(truth.xyxy[counts])
    return np.concatenate(corners), np.concatenate(missed), np.concatenate(beside)


def _worse(missed: np.ndarray, which: np.ndarray) -> bool:
    """Whether some objects (T,) are missed clearly more often than the others, and often enough to matter."""
    mine, others = (int((missed & one).sum()) for one in (which, ~which))
    if which.all() or mine < max(FEWEST, SHARE * missed.sum()):
        return False
    return interval(mine, int(which.sum()))[0] > others / int((~which).sum())


def _small(card: Card, results: BoxedResults) -> Observation | None:
    corners, missed, _ = _objects(results)
    small = np.array([size_of(box) == next(iter(SIZES)) for box in corners], bool)
    size = card.images.size
    if size is None or not _worse(missed, small):
        return None
    larger = tuple(round(_LARGER_FRAME * side / 32) * 32 for side in size)
    settings = (f"images.size={larger[0]},{larger[1]}",) if max(larger) <= _MOST_FRAME else ()
    cure = Cure("Larger frames, which take longer, if the photos are larger than these frames; or photos from nearer", settings)
    return Observation(f"Small objects are missed more often than others: {_share(missed, small)}, under 32 x 32 pixels of the frame.", (cure,))


def _share(missed: np.ndarray, which: np.ndarray) -> str:
    return f"{int((missed & which).sum())} of {int(which.sum())}, where {int((missed & ~which).sum())} of {int((~which).sum())} others are"


def _unfit(card: Card, results: BoxedResults) -> Observation | None:
    """Objects that are much larger, smaller, longer or wider than what any level's window is for."""
    if card.scan is None:
        return None
    corners, missed, _ = _objects(results)
    levels = card.scan.fill * np.array(card.scan.windows.size) / np.array(card.scan.scales)
    sides = np.stack([corners[:, 3] - corners[:, 1], corners[:, 2] - corners[:, 0]], 1)
    unfit = shape_iou(sides, levels).max(1, initial=0) < FITS
    if not _worse(missed, unfit):
        return None
    shapes = min(32, card.recipe.detect.shapes + 2)
    cures = (Cure("More window shapes, which take longer", (f"detect.shapes={shapes}",)),) if shapes > card.recipe.detect.shapes else ()
    return Observation(f"Objects whose size or shape fits no window are missed more often: {_share(missed, unfit)}.", cures)


def _touching(card: Card, results: BoxedResults) -> Observation | None:
    _, missed, beside = _objects(results)
    touching, overlap = beside > 0, card.recipe.detect.overlap
    if not _worse(missed, touching):
        return None
    suppressed = int((missed & (beside > overlap - NEAR)).sum())
    more = round(overlap + NEAR, 2)
    cures = [Cure("More photos of objects that touch; each window answers with one object, so that many touching ones are beyond it")]
    if suppressed >= SHARE * (missed & touching).sum() and more <= 1:
        cures.insert(0, Cure("Drop a box only where it overlaps a better one more", (f"detect.overlap={more:g}",)))
    return Observation(f"Objects that touch another one are missed more often: {_share(missed, touching)}.", tuple(cures))


def _cut_off(card: Card, results: BoxedResults) -> Observation | None:
    """Objects at the edge of the frame."""
    if card.images.size is None:
        return None
    corners, missed, _ = _objects(results)
    cut = (corners[:, :2].min(1) < 1) | (corners[:, 2] > card.images.size[1] - 1) | (corners[:, 3] > card.images.size[0] - 1)
    if not _worse(missed, cut):
        return None
    cure = Cure("Annotate objects that the edge cuts off by one rule in all photos: always, or only where half of one is seen")
    return Observation(f"Objects at the edge of the frame are missed more often: {_share(missed, cut)}.", (cure,))


def _false(card: Card, results: BoxedResults) -> list[Observation]:
    """Each kind of false box that is frequent, the most frequent first."""
    false, shown = card.metrics[results.part]["false"], sum(len(results.sure(photo)) for photo in range(len(results.names)))
    kinds = [kind for kind in sorted(KINDS, key=lambda kind: -false[kind]) if false[kind] >= max(FEWEST, OF_BOXES * shown)]
    photos = f"{counted(shown, 'box', 'boxes')} on {WORDS[results.part]} photos"
    return [Observation(f"{false[kind]} of {photos} {_FALSE[kind]}.", _cures(kind, card)) for kind in kinds]


def _cures(kind: str, card: Card) -> tuple[Cure, ...]:
    """What to try against a kind of false box."""
    detect = card.recipe.detect
    return {
        "wrong class": (Cure("Photos that show how the classes differ, or one class for both"),),
        "poor place": _changed("Weigh the place of a box more", "box_weight", detect.box_weight, min(1000, 2 * detect.box_weight)),
        "twice": _changed("Drop more of the boxes that overlap", "overlap", detect.overlap, round(max(0.1, detect.overlap - NEAR), 2)),
        "background": (
            Cure("Look at false.png first: boxes on objects that the annotations forgot are right, and teach the model wrongly"),
            *_harder(card),
            *_changed("More background", "background", detect.background, min(20, 2 * detect.background)),
        ),
    }[kind]


def _harder(card: Card) -> tuple[Cure, ...]:
    """More of the detector's own mistakes among the background, of which there are none in a single round."""
    detect, epochs = card.recipe.detect, card.recipe.train.epochs
    if min(detect.rounds, epochs) > 1:
        return _changed("More of the background that it takes for objects", "hard", detect.hard, round(min(1.0, detect.hard + 0.2), 2))
    given = {"detect.rounds=3": detect.rounds == 1, "train.epochs=12": epochs == 1}
    return (Cure("Rounds of training with its mistakes of the rounds before", tuple(one for one, needed in given.items() if needed)),)


def _changed(text: str, name: str, now: float, value: float) -> tuple[Cure, ...]:
    return (Cure(text, (f"detect.{name}={value:g}",)),) if value != now else ()


def _lopsided(card: Card) -> list[Observation]:
    """Precision far from recall at the card's threshold, on the validation photos that chose it."""
    figures, score = card.metrics["val"], card.threshold
    precision, recall = figures["precision"], figures["recall"]
    if abs(precision - recall) < LOPSIDED or not figures["objects"]:
        return []
    rarely = recall < precision
    other = round(score / 2 if rarely else (1 + score) / 2, 2)
    how = "lower score threshold finds more objects, with more" if rarely else "higher score threshold misses more objects, with fewer"
    cure = Cure(f"A {how} false boxes; no training is needed", command=shlex.join(["cvapp", "predict", card.name, "DIR", "--conf", f"{other:g}"]))
    said = f"At the score threshold of {percent(score)}, {percent(precision)} of the boxes are right and {percent(recall)} of the objects are found"
    return [Observation(f"{said}.", (cure,))]
