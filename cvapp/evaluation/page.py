"""The page of the report: one HTML file that holds all it shows and reads on a laptop and on a phone, by day and by night."""

from html import escape
from pathlib import Path
from typing import Sequence

import numpy as np

from cvapp.card import Card
from cvapp.data.split_settings import PLACEHOLDER
from cvapp.evaluation import markup, metrics, outlook
from cvapp.evaluation.cures import Cure
from cvapp.evaluation.mistakes import SHOWN, Mistake
from cvapp.evaluation.observations import pairs
from cvapp.evaluation.plots import MOST_CLASSES
from cvapp.evaluation.results import WORDS, Part, Results, held_out, parts
from cvapp.evaluation.verdict import GOOD, Verdict
from cvapp.evaluation.words import counted, isolated, isolated_names, percent

_PAIRS = 10
SEEN = "Each picture is varied anew in every epoch; nothing here should change what the photo shows."
LOOKS = (
    "The attention of a transformer: bright is looked at more, dark less than elsewhere in the picture. All blocks rolled out tell which parts "
    "the answer is made of; a block by itself tells where it looks, in the mean of its heads."
)


def compose(card: Card, results: Results, judged: Verdict, found: Sequence[Mistake], folder: Path) -> str:
    """The whole page; the plots are those that lie in `folder`."""
    answers = parts(results.rows, results.probabilities, card.labels)
    sections = (
        verdict_section(judged, results.source.name),
        _figures(card, results, answers),
        outlook.sessions_section(held_out(answers)),
        _plots(card, results, folder),
        outlook.forecast_section(results, card.labels),
        _mistakes(results, found, judged.doubts_labels),
        _sheet("Where it looks", results.looks, LOOKS),
        _sheet("What training sees", results.seen, SEEN),
        _classes(card, held_out(answers)),
        markup.making(card, results.history),
    )
    return markup.document(card, sections)


def verdict_section(judged: Verdict, source: str) -> str:
    """The verdict, what is seen and what to try; `source` is the path of the photos in commands, empty where it is not known."""
    said = "".join(f"<li>{escape(isolated_names(sentence))}" for sentence in judged.sentences)
    tried = [_cure(cure) for cure in judged.cures]
    advice = f"<h3>What to try</h3><ol>{''.join(f'<li>{line}' for line in tried)}</ol>" if tried else ""
    if not source and any(cure.command for cure in judged.cures):
        advice += f"<p>{PLACEHOLDER} stands for the folder or list of the photos.</p>"
    kind = "good" if judged.kind == GOOD else "poor"
    return f"<section class='verdict {kind}'><h2>{judged.kind.capitalize()}</h2><ul>{said}</ul>{advice}</section>"


def _cure(cure: Cure) -> str:
    """What to try, and the words to paste."""
    return escape(isolated_names(cure.text)) + "".join(f" <code>{escape(word)}</code>" for word in cure.words)


def _figures(card: Card, results: Results, answers: dict[str, Part]) -> str:
    """The figures that matter most in large type, then all of them in a table."""
    rows = [_part_row(WORDS[name], part) for name, part in answers.items()]
    if results.crossed:
        rows.insert(1, _part_row("training, by left-out folds", parts(results.rows, results.judged, card.labels)["train"]))
    heads = ("part", "photos", "accuracy", "95% interval", "loss", "calibration error", "macro F1")
    rows += [markup.cells((*row, "–", "–", "–")) for row in outlook.session_rows(held_out(answers), results.leave_one_out)]
    note = outlook.session_note(results.leave_one_out)
    return f"<section>{_tiles(card, answers, results)}{markup.table(heads, rows)}{note}</section>"


def _tiles(card: Card, answers: dict[str, Part], results: Results) -> str:
    best, learned, val = held_out(answers), answers["train"], answers["val"]
    before = card.metrics.get("calibration_error_before")
    course = f"{before:.3f} before calibration; " if before is not None else ""
    above, right = val.probabilities.max(1) >= card.threshold, val.probabilities.argmax(1) == val.truth
    kept = f"; {percent(above[right].mean())} of the right validation answers reach it" if right.any() else ""
    kept += f", {percent(above[~right].mean())} of the wrong ones" if right.any() and not right.all() else ""
    by_session = outlook.session_tiles(best, results.leave_one_out)
    tiles = (
        *((figure, what, escape(more)) for figure, what, more in by_session),
        (
            percent(best.accuracy, 1),
            f"of {counted(len(best.truth), f'{WORDS[best.name]} photo')} right",
            f"{_interval(best)} with 95% certainty",
        ),
        (percent(learned.accuracy, 1), f"of {counted(len(learned.truth), 'training photo')} right", "the photos it learned from"),
        (
            f"{metrics.calibration_error(val.probabilities, val.truth):.3f}",
            "calibration error on validation photos",
            f"{course}temperature {card.temperature:.2f}, folded into the model",
        ),
        (percent(card.threshold), "is the threshold", f"under it the answer is unknown{kept}"),
    )
    return markup.tiles(tiles)


def _interval(part: Part) -> str:
    low, high = metrics.interval(part.right, len(part.truth))
    return f"{percent(low, 1)} to {percent(high, 1)}"


def _part_row(name: str, part: Part) -> str:
    table = metrics.confusion(part.probabilities.argmax(1), part.truth, part.probabilities.shape[1])
    loss, error = metrics.negative_log_likelihood(part.probabilities, part.truth), metrics.calibration_error(part.probabilities, part.truth)
    macro = percent(metrics.by_class(table).macro()["f1"], 1)
    return markup.cells((name, f"{len(part.truth):,}", percent(part.accuracy, 1), _interval(part), f"{loss:.3f}", f"{error:.3f}", macro))


def _plots(card: Card, results: Results, folder: Path) -> str:
    """The plots that were written, each with what it says; a matrix of many classes takes the whole width."""
    count = len(card.labels)
    rest = (
        f"The {MOST_CLASSES - 1} classes with the most mistakes are shown, the others as one, with the mistakes among them in its corner."
    )
    shown = "" if count <= MOST_CLASSES else f" {rest}"
    plots = {
        "curves": ("Loss and accuracy by epoch", "Of each stage the epoch with the least validation loss is kept."),
        "learning": ("Accuracy by number of training photos", _learning(results)),
        "confusion": ("Confusion matrix", f"Blue is right, orange is wrong; the shade is the share of the row.{shown}"),
        "reliability": (
            "Reliability",
            "On the dotted line the model is as sure as it is right. The bars are 95% intervals: few photos make long ones.",
        ),
    }
    figures = {name: markup.plot(folder / f"{name}.png", *texts) for name, texts in plots.items() if (folder / f"{name}.png").is_file()}
    wide = f"<div class=wide>{figures.pop('confusion')}</div>" if count > markup.FEW else ""
    left, right = ("".join(figures.get(name, "") for name in column) for column in (("curves", "learning"), ("confusion", "reliability")))
    return f"<div class=plots><div>{left}</div><div>{right}</div></div>{wide}"


def _learning(results: Results) -> str:
    """What the plot of the learning curve shows."""
    if results.forecast is None or not results.forecast.check.passed:
        return "Where the curve of photos left out still rises, more photos help."
    return "Dashed: the forecast for up to four times the photos; shaded: its 90% interval, for photos of the same kind."


def _classes(card: Card, part: Part) -> str:
    table = metrics.confusion(part.probabilities.argmax(1), part.truth, len(card.labels))
    found = metrics.by_class(table)
    rows = [
        markup.cells((label,)) + "".join(markup.bar(value) for value in values) + markup.cells((f"{photos:,}",))
        for label, photos, *values in zip(card.labels, found.photos, found.precision, found.recall, found.f1)
    ]
    macro = found.macro()
    rows.append(
        markup.cells(("macro average", *(percent(macro[name], 1) for name in ("precision", "recall", "f1")), f"{found.photos.sum():,}"))
    )
    text = "<p>Precision: the share of a class's answers that are right. Recall: the share of its photos that are found. F1: their harmonic mean.</p>"
    page = f"<section><h2>Each class, on {WORDS[part.name]} photos</h2>{text}{markup.table(('class', 'precision', 'recall', 'F1', 'photos'), rows)}"
    names = [isolated(label) for label in card.labels]
    confused = [markup.cells((f"{names[one]} and {names[other]}", str(photos))) for photos, one, other in pairs(table)[:_PAIRS]]
    if len(card.labels) > 2 and confused:
        page += f"<h3>Most often taken for each other</h3>{markup.table(('classes', 'photos'), confused)}"
    return f"{page}</section>"


def _mistakes(results: Results, found: Sequence[Mistake], doubts_labels: bool) -> str:
    """The worst mistakes as pictures with their captions, so that they flow with the width of the screen."""
    judge = (
        "Training photos were judged by models that learned from the other photos only."
        if results.crossed
        else "Training photos were judged by the model that learned from them, which hides many mistakes."
    )
    if not found:
        none = f"No mistakes: all {len(results.rows):,} photos are answered as they are labelled."
        return f"<section><h2>Mistakes</h2><p>{none} {judge}</p></section>"
    worst = found[:SHOWN]
    tiles = "".join(
        f"<figure>{markup.jpeg(picture, f'photo labelled {one.row.label}')}<figcaption><b>{escape(one.row.label)}</b>"
        f"<span>{percent(one.probability)} sure: {escape(isolated(one.answer))}</span>"
        f"<small>{escape(isolated(one.row.path))}, {one.judged_by}</small></figcaption></figure>"
        for one, picture in zip(worst, results.pixels.read(one.row.hash for one in worst))
    )
    count = f"{len(found):,} of {counted(len(results.rows), 'photo')} are answered otherwise than labelled"
    which = f"; these are the worst {SHOWN}" if len(found) > SHOWN else ""
    order = "In bold the label, below it the answer; the least likely labels come first" + (
        ", so look here for photos in the wrong folder." if doubts_labels else ". Do not read them as label errors: the features are too weak."
    )
    return (
        f"<section><h2>Mistakes</h2><p>{count}{which}. {order} {judge} All are in errors.csv.</p><div class=photos>{tiles}</div></section>"
    )


def _sheet(title: str, picture: np.ndarray | None, text: str) -> str:
    """A section that shows a contact sheet; nothing where there is none."""
    if picture is None:
        return ""
    return f"<section><h2>{title}</h2><p>{text}</p><div class=paper>{markup.jpeg(picture, title.lower())}</div></section>"
