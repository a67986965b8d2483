"""The report of a generator: its samples, its figures beside those of real photos, how it came to them, and one page that holds it all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import shlex

from cvapp import images
from cvapp.card import Card
from cvapp.evaluation import few_pictures, generated_plots, markup
from cvapp.evaluation.film import write_film
from cvapp.evaluation.generator import Measured
from cvapp.evaluation.results import WORDS
from cvapp.evaluation.sample_sheets import MOST_ROWS, by_class_sheet, nearest_sheet
from cvapp.evaluation.words import counted, percent
from cvapp.files import write_text

SHEET = 500  # samples at most that the sheet by class chooses from


@dataclass(frozen=True)
class Course:
    """How a run went.

    Args:
        rows: its history, a row an epoch.
        notes: figures every so many steps; may be none.
        judged: how many samples were judged after each epoch, and the Fréchet distance of as many training photos to the validation photos.
        frames: grids of the same samples from the start to the end, uint8 RGB, of one size.
        shown: the grid of the saved generator, uint8 RGB.
    """

    rows: Sequence[dict[str, Any]]
    notes: Sequence[dict[str, Any]]
    judged: tuple[int, float]
    frames: Sequence[np.ndarray]
    shown: np.ndarray


def write(card: Card, found: Measured, course: Course, folder: Path) -> None:
    """Write the whole report into a folder.

    `report.html` (self-contained), `samples.png`, `nearest.png`, `distances.png`, `training.webp`; `course.png` where there are notes,
    `classes.png` and `shares.png` where the judge knows classes.

    Raises:
        CvappError: the folder cannot be written (exit 7).
    """
    images.write(folder / "samples.png", course.shown)
    images.write(
        folder / "nearest.png", nearest_sheet(found.made.pictures[: len(found.places)], found.train, found.places, found.distances)
    )
    generated_plots.write_distances(course.rows, course.judged[1], folder / "distances.png")
    write_film(course.frames, folder / "training.webp")
    if course.notes:
        generated_plots.write_course(course.notes, folder / "course.png")
    if found.made.probabilities is not None:
        answers = found.made.probabilities[:SHEET]
        images.write(
            folder / "classes.png",
            by_class_sheet(found.made.pictures[:SHEET], answers.argmax(1), card.labels, answers.max(1)),
        )
        real, made = ([found.figures[name][label] for label in card.labels] for name in ("real_classes", "classes"))
        generated_plots.write_classes(real, made, card.labels, folder / "shares.png")
    write_text(folder / "report.html", _page(card, found, course, folder))


def _page(card: Card, found: Measured, course: Course, folder: Path) -> str:
    sections = (
        _warnings(card),
        _figures(card, found),
        _pictures(card, folder, course),
        _plots(card, found, course, folder),
        _sheets(card, found, folder),
        markup.making(card, [{**row, "val_loss": row["frechet"]} for row in course.rows]),
    )
    return markup.document(card, sections)


def _warnings(card: Card) -> str:
    """What went wrong, where anything did, and that the photos are few."""
    steps = card.metrics["alarms"]
    few = few_pictures.few(card.data["photos"]["train"])
    if not steps and not card.metrics["collapsed"] and not few:
        return ""
    lines = [f"The alarm {name!r} was first raised at step {step:,}." for name, step in steps.items()]
    if card.metrics["collapsed"]:
        lines.append(f"The run ended collapsed: {card.metrics['collapsed']}")
    lines += [f"{line[0].upper()}{line[1:]}." for line in (few, few_pictures.advice(card)) if line]
    said = "".join(f"<li>{markup.escape(line)}" for line in lines)
    title = "What went wrong" if steps or card.metrics["collapsed"] else "Few photos"
    return f"<section class='verdict poor'><h2>{title}</h2><ul>{said}</ul></section>"


def _figures(card: Card, found: Measured) -> str:
    """What matters most in large type, each beside what real photos reach, and what the figures mean."""
    figures = found.figures
    among = f"{percent(figures['precision_floor'], 1)} of real photos"
    tiles = [
        (f"{figures['frechet']:.3g}", "Fréchet distance to real photos", f"real photos among themselves: {figures['frechet_floor']:.3g}"),
        (percent(figures["precision"], 1), "of samples lie among real photos (precision)", among),
        (
            percent(figures["recall"], 1),
            "of real photos lie among samples (recall)",
            f"{percent(figures['recall_floor'], 1)} among other real photos",
        ),
    ]
    if "covered" in figures:
        made = f"by the judge, which is right on {percent(figures['judge_accuracy'], 1)} of the photos"
        tiles.append((f"{figures['covered']} of {len(card.labels)}", "classes are made", made))
    if "memorised" in figures:
        tiles.append(
            (percent(figures["memorised"], 1), "of samples are nearly a training photo", "1% of new real photos are as near to one")
        )
    return f"<section>{markup.tiles(tiles)}<p>{_space(card, found)}</p></section>"


def _space(card: Card, found: Measured) -> str:
    """In which space distances are, and over how many pictures."""
    figures, width = found.figures, found.made.features.shape[1]
    photos = counted(figures["photos"], f"{WORDS[found.part]} photo")
    of_one_class = found.made.probabilities is None
    kind = f"{width} features, since the photos are of one class" if of_one_class else f"{width} features before its last layer"
    judge = f"{markup.escape(card.weights['judge'])} ({kind})"
    half = f"{figures['count']:,} samples beside {figures['count']:,} of the {photos}; for real photos among themselves, the other half of these"
    return (
        f"The judge is {judge}, not Inception: these distances compare generators of the same photos and judge, and no others. "
        f"Distances and shares are of {half}. Fewer pictures make larger distances. A class counts as made where samples show it at "
        f"least a fifth as often as photos do, among {figures['samples']:,} samples. Nearness to training photos is over pixels."
    )


def _pictures(card: Card, folder: Path, course: Course) -> str:
    """The samples and the film, beside each other."""
    asked = ", the classes in turn" if card.recipe.generate.conditional else ""
    steps = course.rows[-1]["step"] if course.rows else 0
    samples = markup.plot(
        folder / "samples.png",
        "Samples",
        f"Sixty-four of seed 0, none chosen{asked}: <code>cvapp sample {markup.escape(shlex.quote(card.name))} --grid out.png</code>",
    )
    text = f"The same noise from step 0 to step {steps:,}, in {counted(len(course.frames), 'picture')}; the last is held."
    return f"<div class=plots><div>{samples}</div><div>{markup.plot(folder / 'training.webp', 'How it learnt', text)}</div></div>"


def _plots(card: Card, found: Measured, course: Course, folder: Path) -> str:
    """The curves that were written."""
    row = course.rows[-1] if course.rows else {}
    kept = f"Epoch {card.metrics['kept_epoch']} of {len(course.rows)} is kept, that of the least distance. " if row else ""
    plots = {
        "course": (
            "Course",
            "Means between two notes. Neither loss tells how good samples are; while both networks learn, photos are taken for real more often "
            "than samples, and neither always. Diversity is how much two samples of the grid differ, pixel by pixel.",
        ),
        "distances": (
            "Fréchet distance by epoch",
            f"Of {course.judged[0]:,} samples to all validation photos; dashed, training photos to them. {kept}"
            "It is not the figure above, which is of other photos and of other counts.",
        ),
        "shares": (
            "Classes",
            "How often each class is seen: among photos by their labels, among samples by the judge.",
        ),
    }
    shown = [markup.plot(folder / f"{name}.png", *said) for name, said in plots.items() if (folder / f"{name}.png").is_file()]
    return f"<div class=plots>{''.join(f'<div>{plot}</div>' for plot in shown)}</div>"


def _sheets(card: Card, found: Measured, folder: Path) -> str:
    """Samples class by class, and beside their nearest training photos."""
    compared = f"{len(found.places):,} samples with {len(found.train):,} training photos"
    parts = [
        (
            "nearest",
            "Learnt, not copied?",
            f"The pairs that are most alike, of {compared}, over pixels. A generator that learnt photos by heart shows the same picture twice. "
            "Plain pictures are near to anything.",
        )
    ]
    if (folder / "classes.png").is_file():
        many = f" {MOST_ROWS} of {len(card.labels)} classes are shown." if len(card.labels) > MOST_ROWS else ""
        few = min(SHEET, len(found.made))
        surest = f"Of {few} samples those that it is surest of, by the class that it names, and how sure it is.{many}"
        parts.append(("classes", "What the judge sees", surest))
    return "".join(f"<div class=wide>{markup.plot(folder / f'{name}.png', title, text)}</div>" for name, title, text in parts)
