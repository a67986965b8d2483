"""Measures a saved generator: its samples beside photos that it did not learn from, and beside those that it did."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from cvapp import card as cards
from cvapp import sampling
from cvapp.bundle import Bundle, latent_of
from cvapp.data import split
from cvapp.data.grey import GreyStore
from cvapp.data.split import Row
from cvapp.data.store import Store
from cvapp.evaluation import judging, new_photos
from cvapp.evaluation.generated import Crowd, judge_samples
from cvapp.evaluation.held import held_photos
from cvapp.evaluation.judging import Judge, look_at_photos, spread
from cvapp.evaluation.neighbours import nearest, share_within
from cvapp.images import Images
from cvapp.loading import load
from cvapp.progress import Report, silent

SEED = 1  # of the samples that are judged; those of a grid have 0
COMPARED = 2_000  # samples, and held-out photos, whose nearest training photo is looked for
_BYTES = 512 * 1024**2  # of training photos among which it is looked for
SINGLE = (28, 28)  # the size of pictures that are grey


@dataclass(frozen=True)
class Photos:
    """Real photos.

    Args:
        part: where the held-out ones are from: `val` or `test` (or `train`, then nothing is held out), or `new` of no split.
        store: where all are kept; grey where the generator's pictures are.
        held: rows of the part.
        train: rows of those that were learnt from; none where they are not to be had.
    """

    part: str
    store: Store
    held: Sequence[Row]
    train: Sequence[Row]


@dataclass(frozen=True)
class Measured:
    """What was found.

    Args:
        figures: see `measure`.
        part: whose photos are beside the samples.
        real: the held-out photos.
        made: the samples.
        train: training photos, uint8 RGB (K, H, W, 3).
        places: (n,) among these of the one that each of the first samples is most like.
        distances: (n,) to it, in pixel values.
    """

    figures: dict[str, Any]
    part: str
    real: Crowd
    made: Crowd
    train: np.ndarray
    places: np.ndarray
    distances: np.ndarray


def store_of(store: Store, shape: Images) -> Store:
    """Where photos are kept, as a generator makes pictures: grey at 28x28."""
    return GreyStore(store) if shape.size == SINGLE else store


def samples(bundle: Bundle, count: int, truth: np.ndarray) -> np.ndarray:
    """So many samples, always the same ones, uint8 RGB (N, H, W, 3); of a conditional generator of classes as frequent as in `truth` (M,)."""
    latent, classes = latent_of(bundle.card)
    noise = sampling.noise(count, latent, SEED)
    if classes:
        wanted = np.sort(truth)[np.arange(count) * len(truth) // count]
        noise = np.concatenate([noise, np.eye(classes, dtype=np.float32)[wanted]], 1)
    return bundle.make(noise)


def measure(bundle: Bundle, judge: Judge, photos: Photos, report: Report = silent) -> Measured:
    """Judge a generator's samples.

    The figures are those of `generated.judge_samples`; `samples` and `photos`, how many there were of each; `judge_accuracy` on the photos, where
    it knows classes; and `memorised` (see `neighbours.memorised`, over pixels), which is left out where the photos are those learnt from, or
    where those are not to be had.

    Args:
        bundle: makes the samples.
        judge: looks at them.
        photos: real ones.
        report: told of the progress.

    Raises:
        CvappError: too few photos (exit 3), or a generator that is broken.
    """
    labels = bundle.card.labels
    real = look_at_photos(judge, photos.store, [row.hash for row in photos.held], _truth(photos.held, labels))
    assert real.truth is not None
    count = bundle.card.recipe.generate.judged
    report(f"making {count:,} samples with {bundle.variant}, beside {len(real):,} {photos.part} photos")
    made = judge.look(samples(bundle, count, real.truth))
    figures = {"photos": len(real), "samples": count, **judge_samples(real, made, labels)}
    if real.probabilities is not None:
        figures["judge_accuracy"] = round(float((real.probabilities.argmax(1) == real.truth).mean()), 4)
    if not photos.train:
        return Measured(figures, photos.part, real, made, made.pictures[:0], np.zeros(0, np.int64), np.zeros(0, np.float32))
    train = _training_photos(photos)
    places, distances = _nearest(made.pictures[:COMPARED], train)
    if photos.part != "train":
        yardstick = _nearest(real.pictures[spread(len(real), COMPARED)], train)[1]
        figures["memorised"] = round(share_within(distances, yardstick), 4)
    return Measured(figures, photos.part, real, made, train, places, distances)


def _truth(rows: Sequence[Row], labels: Sequence[str]) -> np.ndarray:
    places = {label: place for place, label in enumerate(labels)}
    return np.array([places[row.label] for row in rows])


def _training_photos(photos: Photos) -> np.ndarray:
    """As many of them as fit in memory, from all over."""
    most = _BYTES // int(np.prod(photos.store.shape))
    return photos.store.read(photos.train[place].hash for place in spread(len(photos.train), most))


def _nearest(pictures: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`neighbours.nearest`; of grey pictures by one channel, in which lies all that differs."""
    if (pictures == pictures[..., :1]).all() and (train == train[..., :1]).all():
        return nearest(pictures[..., :1], train[..., :1])
    return nearest(pictures, train)


def evaluate(
    folder: Path, data: str | Path | None = None, part: str | None = None, variant: str | None = None, report: Report = silent
) -> dict[str, Any]:
    """Figures of a saved generator beside photos, those of its split or others.

    Args:
        folder: `saved_models/NAME`.
        data: photos to judge beside, as `new_photos.read` takes them; with a part, where the photos of the split lie. Those that training kept are
            used when left out.
        part: of the split: `train`, `val` or `test`; without data, too, `test` where the split has one, else `val`.
        variant: as `load` takes it.
        report: told of the progress.

    Returns:
        `name`, `variant`, `split` (the part; None for other photos), the figures of `measure`, and the `fingerprint` of the photos; for other
        photos also what `NewPhotos.figures` says.

    Raises:
        CvappError: no such model, part or variant, no generator (exit 2); photos or files that are missing, or photos that do not fit the model
            (exit 3).
    """
    bundle = load(folder, variant)
    card = bundle.card
    cards.refuse_all_but_generators(card)
    judge = judging.open_judge(cards.check_file(card, folder, judging.FILE))
    rows = split.read(cards.check_file(card, folder, split.FILE))
    name = {"name": folder.name, "variant": bundle.variant}
    if data is not None and part is None:
        new = new_photos.read(data, card, rows, report)
        train = [row for row in rows if row.part == "train"]
        kept = all(new.store.has(row.hash) for row in train)
        found = measure(bundle, judge, Photos("new", store_of(new.store, card.images), new.rows, train if kept else ()), report)
        notes = () if kept else ("the photos that it learned from are not kept: whether samples are nearly copies of them is not known",)
        return {**name, **found.figures, **new.figures(notes=notes), "fingerprint": split.fingerprint(new.rows)}
    part, store, held = held_photos(folder, rows, card, (data, part), report)
    train = held_photos(folder, rows, card, (data, "train"), report)[2]
    found = measure(bundle, judge, Photos(part, store_of(store, card.images), held, train), report)
    return {**name, "split": part, **found.figures, "fingerprint": split.fingerprint(rows)}
