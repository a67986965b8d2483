"""What a run shows besides bias and variance: each observation looks for one thing, and says it in a sentence with what to try."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from cvapp.card import Card
from cvapp.data import sessions
from cvapp.evaluation import metrics, mirroring, outlook, poor_features
from cvapp.evaluation.cures import PHOTOS, Cure, longer, more_validation, ran_out
from cvapp.evaluation.results import WORDS, Part, Results, held_out, truth
from cvapp.evaluation.words import counted, percent

EXPLODED = 2.0  # times the loss of guessing: no network that learns gets there
FELL = 0.95  # of the first epoch's loss: a run that stays above has not begun to learn
FALLING = 0.02  # of the validation loss in the last tenth of the epochs: less would not be seen
IMBALANCE = 3.0  # largest class over smallest: below it the loss still hears the small class
UNSURE = 0.05  # between mean probability and accuracy: less does not mislead anybody
DROPPED = 0.02  # of accuracy in new sessions: less is one photo in fifty
CONFUSED = 3  # mistakes between two classes: two may be chance
CONFUSED_SHARE = 0.1  # of all mistakes: below it no pair stands out
SUSPICIOUS = 0.05  # of the photos: photos of ants and bees give 0.03 as they came, 0.08 to 0.11 with a tenth of wrong labels
FEW = 100  # validation photos: below it, the 5% of right answers that choose the threshold are fewer than five
_RATES = 1e-8, 1.0  # learning rates that are advised; the recipe takes none below
TRUSTED = 0.6  # accuracy of the judges: below it they are wrong too often to doubt a label


@dataclass(frozen=True)
class Observation:
    """One thing that was seen, in a sentence, and what to try."""

    sentence: str
    cures: tuple[Cure, ...] = ()


def faults(card: Card, results: Results, found: dict[str, Part]) -> list[Observation]:
    """What spoils every other judgement and is to be mended first: a loss that did not fall, labels that may be wrong."""
    return _some(_exploded(card, results) or _stalled(card, results, found["train"]), _suspicious(card, results))


def observe(card: Card, results: Results, found: dict[str, Part]) -> list[Observation]:
    """What else is seen, on the photos held out and in the learning curves."""
    judged = held_out(found)
    return _some(
        _imbalance(card, results, judged),
        _confused(card, judged),
        _new_sessions(results),
        _single_sessions(results),
        _learning(card, results),
        _unfinished(card, results),
        _calibration(card, results, judged),
        _few(card, results, found["val"]),
        _mirrored(card),
    )


def weak_backbone(card: Card, results: Results) -> Observation | None:
    """Features of the frozen backbone that hardly tell the classes apart, where nothing has made up for them."""
    tried = poor_features.cures(card, results.source.name)
    return Observation(poor_features.sentence(card), tried) if tried else None


def _some(*seen: Observation | None) -> list[Observation]:
    return [one for one in seen if one is not None]


def _rate(card: Card, results: Results, factor: float) -> tuple[str, ...]:
    """The setting for another learning rate of the last stage, where the recipe can go that way."""
    name = "fine_tune_rate" if results.history[-1]["stage"] == "fine-tuning" else "learning_rate"
    now = getattr(card.recipe.train, name)
    rate = min(_RATES[1], max(_RATES[0], factor * now))
    return (f"train.{name}={rate:.3g}",) if rate != now else ()


def _start(card: Card) -> tuple[Cure, ...]:
    """Another start, where the whole network starts at random."""
    other = "glorot" if card.recipe.model.initialiser == "he" else "he"
    return (Cure("Another initialisation", (f"model.initialiser={other}",)),) if card.recipe.model.from_scratch else ()


def _exploded(card: Card, results: Results) -> Observation | None:
    losses, guess = np.array([row["loss"] for row in results.history], float), np.log(len(card.labels))
    finite = np.isfinite([*losses, *(float(row["val_loss"]) for row in results.history)]).all()
    if finite and losses.max() <= EXPLODED * max(guess, losses[0]) and losses[-1] <= EXPLODED * guess:
        return None
    short = () if 0 < card.recipe.train.clip_norm <= 1 else ("train.clip_norm=1",)
    lower = Cure("A lower learning rate, and gradients kept short", (*_rate(card, results, 0.1), *short))
    return Observation("The loss exploded: the learning rate is too high, or the initialisation is bad.", (lower, *_start(card)))


def _stalled(card: Card, results: Results, train: Part) -> Observation | None:
    losses = [float(row["loss"]) for row in results.history]
    if len(losses) < 3 or min(losses) <= FELL * losses[0] or train.accuracy > FELL:  # what the first epoch learned whole cannot fall
        return None
    higher = Cure("A higher learning rate", _rate(card, results, 10))
    return Observation("The loss did not fall: the learning rate is too low, or the initialisation is bad.", (higher, *_start(card)))


def _unfinished(card: Card, results: Results) -> Observation | None:
    losses = [float(row["val_loss"]) for row in results.history if row["stage"] == results.history[-1]["stage"]]
    before = losses[: -max(1, len(losses) // 10)]
    if not before or not ran_out(card.recipe, results.history) or not losses[-1] == min(losses) < (1 - FALLING) * min(before):
        return None
    return Observation("The validation loss was still falling when the epochs ran out.", tuple(longer(card.recipe, results.history)))


def _suspicious(card: Card, results: Results) -> Observation | None:
    """Confident learning (Northcutt et al. 2021, arXiv:1911.00068, section 3.1).

    A label is in doubt where another class is answered with at least the probability that the photos of that class have for it on average.
    """
    if not results.crossed or poor_features.is_poor(card):
        return None
    judged, classes = results.judged, truth(results.rows, card.labels)
    own = np.zeros(len(card.labels))
    np.add.at(own, classes, judged[np.arange(len(classes)), classes])
    usual = own / np.maximum(np.bincount(classes, minlength=len(own)), 1)
    answers = judged.argmax(1)
    wrong = answers != classes
    doubted = int((wrong & (judged.max(1) >= usual[answers])).sum())
    if wrong.mean() > 1 - TRUSTED or doubted < max(3, SUSPICIOUS * len(classes)):
        return None
    sentence = f"{doubted} of {counted(len(classes), 'photo')} are firmly taken for another class by models that did not learn from them."
    cure = Cure("Look at the first rows of errors.png: move what is filed wrongly to its class's folder, and train again")
    return Observation(f"{sentence} Their labels may be wrong.", (cure,))


def _imbalance(card: Card, results: Results, judged: Part) -> Observation | None:
    sizes = Counter(row.label for row in results.rows if row.part == "train")
    figures = metrics.by_class(metrics.confusion(judged.probabilities.argmax(1), judged.truth, len(card.labels)))
    suffering = []
    for label, recall, photos in zip(card.labels, figures.recall, figures.photos):
        if photos and IMBALANCE * sizes[label] <= max(sizes.values()) and metrics.interval(recall * photos, photos)[1] < judged.accuracy:
            suffering.append((sizes[label], label, f"“{label}” ({counted(sizes[label], 'photo')}, {percent(recall)} found)"))
    if not suffering:
        return None
    names = ", ".join(text for *_, text in sorted(suffering)[:3])
    weights = () if card.recipe.train.class_weights else (Cure("Let each class count the same", ("train.class_weights=True",)),)
    sentence = f"Small classes suffer beside large ones of up to {counted(max(sizes.values()), 'photo')}: {names}."
    return Observation(sentence, (Cure("More photos of the small classes"), *weights))


def pairs(table: np.ndarray) -> list[tuple[int, int, int]]:
    """Mistakes between each two classes, either way, the most first: (photos, class, class)."""
    both = np.triu(table + table.T, 1)
    places = np.argwhere(both)
    return sorted(((int(both[one, other]), int(one), int(other)) for one, other in places), key=lambda pair: (-pair[0], pair[1:]))


def _confused(card: Card, judged: Part) -> Observation | None:
    found = pairs(metrics.confusion(judged.probabilities.argmax(1), judged.truth, len(card.labels)))
    if len(card.labels) < 3 or not found:
        return None
    photos, one, other = found[0]
    if photos < max(CONFUSED, CONFUSED_SHARE * (len(judged.truth) - judged.right)):
        return None
    both = f"“{card.labels[one]}” and “{card.labels[other]}”"
    wrong = f"{photos} of {counted(len(judged.truth) - judged.right, 'mistake')} on {WORDS[judged.name]} photos"
    cure = Cure(f"Photos that show how {both} differ, or one class for both")
    return Observation(f"{both} are most often taken for each other: {wrong}.", (cure,))


def _new_sessions(results: Results) -> Observation | None:
    """Photos of a session that was left out are recognized less often than photos dealt at random, which chance does not explain."""
    found = results.leave_one_out
    if found is None or found.drop[0] <= 0 or found.mixed - found.by_session.accuracy < DROPPED:
        return None
    return Observation(outlook.drop_sentence(found), (Cure("Photos from more sessions: other days, places and light"),))


def _single_sessions(results: Results) -> Observation | None:
    """Classes that were photographed in one session, parts of which train and are held out."""
    names = sorted(sessions.single(results.rows))
    if not names:
        return None
    some = ", ".join(f"“{name}”" for name in names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    text = f"{some} has a single session: its" if len(names) == 1 else f"{some} have a single session each: their"
    return Observation(f"{text} held-out accuracy flatters.", (Cure(f"Photos of {some} from another session"),))


def _learning(card: Card, results: Results) -> Observation | None:
    """What the forecast says of more photos."""
    found = results.forecast
    if found is None:
        return None
    sentence = outlook.forecast_sentence(found, card.labels, card.recipe.train.fine_tune != "none")
    return Observation(sentence, (PHOTOS,) if found.check.passed and found.overall.gain >= outlook.LITTLE else ())


def _calibration(card: Card, results: Results, judged: Part) -> Observation | None:
    sure = float(judged.probabilities.max(1).mean())
    low, high = metrics.interval(judged.right, len(judged.truth))
    if low <= sure <= high or abs(sure - judged.accuracy) <= UNSURE:
        return None
    cures = [more_validation(card.recipe, results.rows, results.source)]
    if sure > high and not card.recipe.train.label_smoothing:
        cures.append(Cure("Softer targets", ("train.label_smoothing=0.1",)))
    how = "more" if sure > high else "less"
    known = f"{percent(sure)} sure on average, {percent(judged.accuracy)} right on {WORDS[judged.name]} photos"
    return Observation(f"Its probabilities mislead: it is {how} sure than right ({known}).", tuple(cures))


def _few(card: Card, results: Results, val: Part) -> Observation | None:
    """Temperature and threshold that rest on few validation photos."""
    if len(val.truth) >= FEW:
        return None
    both = f"The temperature ({card.temperature:.2f}) and the threshold of “unknown” ({percent(card.threshold)})"
    sentence = f"{both} are uncertain: they rest on {counted(len(val.truth), 'validation photo')}."
    return Observation(sentence, (more_validation(card.recipe, results.rows, results.source),))


def _mirrored(card: Card) -> Observation | None:
    """Pictures that were mirrored because the recipe asked for it, though a probe of the photos loses by it."""
    tried = card.metrics.get("mirror")
    if not (tried and tried["harmful"] and card.recipe.augment.mirror):
        return None
    sentence = f"Left and right seem to differ, but the training pictures were mirrored: {mirroring.sentence(tried)}."
    return Observation(sentence, (Cure("Do not mirror the pictures", ("augment.mirror=False",)),))
