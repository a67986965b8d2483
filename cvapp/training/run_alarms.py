"""The alarms of a run: looked for at each note, told once when one is raised and once when it is over."""

from typing import Any, Mapping, Sequence

from cvapp.errors import CvappError, Exit
from cvapp.evaluation.words import counted, percent
from cvapp.progress import Report
from cvapp.recipe import Recipe
from cvapp.training import alarms
from cvapp.training.alarms import Alarm
from cvapp.training.gan_losses import WASSERSTEIN

LASTING = 8  # notes in which a discriminator that wins outright is taken to have won


def note(recipe: Recipe, notes: Sequence[dict[str, Any]], report: Report) -> list[Alarm]:
    """Look for alarms after a new note, tell of what is new, and write their names into it.

    Args:
        recipe: of the run.
        notes: of the run, the new one last; those before it have a column `alarms`, their names parted by blanks.
        report: told.

    Returns:
        those that sound now.
    """
    *earlier, last = notes
    found = {_word(alarm): alarm for alarm in check(recipe, notes)}
    named = [set(row["alarms"].split()) for row in earlier]
    known = raised(earlier)
    for name in found.keys() - known.keys():
        report(f"alarm: {found[name].text}")
    told_over = {name for one, other in zip(named, named[1:]) for name in one - other}
    for name in (named[-1] if named else set()) - found.keys() - told_over:
        report(f"the alarm {name!r} of step {known[name]} is over, at step {last['step']}")
    last["alarms"] = " ".join(found)
    return list(found.values())


def check(recipe: Recipe, notes: Sequence[dict[str, Any]]) -> list[Alarm]:
    """What is going wrong by a run's notes."""
    if not notes:
        return []
    target = 1 - recipe.generate.label_smoothing
    return alarms.check(notes, notes[-1]["real_diversity"], recipe.generate.loss != WASSERSTEIN, target)


def raised(notes: Sequence[dict[str, Any]]) -> dict[str, int]:
    """The alarms that notes tell of, each with the step at which it was first raised."""
    first: dict[str, int] = {}
    for row in notes:
        for name in row["alarms"].split():
            first.setdefault(name, row["step"])
    return first


def fatal(recipe: Recipe, notes: Sequence[dict[str, Any]]) -> str:
    """Why a run that ends here counts as collapsed, by its last notes; empty where it does not."""
    return " ".join(alarm.text for alarm in check(recipe, notes) if alarms.collapsed([alarm]))


def lasts(notes: Sequence[dict[str, Any]]) -> bool:
    """Whether the discriminator has won outright for so long that a strict run need not go on."""
    return len(notes) >= LASTING and all(alarms.DISCRIMINATOR in row["alarms"].split() for row in notes[-LASTING:])


def alike(figures: Mapping[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """What is to be said of a finished generator whose samples are nearly one picture, after however few steps; empty where they are not."""
    if not figures["diversity"] < alarms.ALIKE * figures["real_diversity"]:
        return ""
    seen = f"two samples differ by {percent(figures['diversity'], 1)} of the range, two photos by {percent(figures['real_diversity'], 1)}"
    steps = rows[-1]["step"] if rows else 0
    return f"after {counted(steps, 'step')} {seen}: samples are nearly one picture. Try more epochs; a few thousand steps are usual"


def refused(text: str, next_: str) -> CvappError:
    """The error of a strict run that collapsed (exit 5), and what comes next."""
    return CvappError(f"collapsed: {text}; {next_}", Exit.GATE)


def _word(alarm: Alarm) -> str:
    """Its name without a blank."""
    return alarm.name.replace(" ", "-")
