"""`cvapp data check`."""

import argparse
import dataclasses
from typing import Mapping, Sequence

from cvapp.cli.answer import Answer, table
from cvapp.data import boxed_check, formats
from cvapp.data import check as checks
from cvapp.data.boxed_check import BoxedFindings
from cvapp.data.formats.reading import KINDS
from cvapp.errors import Exit, one_line
from cvapp.progress import Terminal

SHOWN = 20  # lines of a kind
ALL_USED = "copies, all used: they stay in one part of the split"


def check(args: argparse.Namespace) -> Answer:
    """Name everything that is wrong with photos and what is unusual, the most important first; exit 3 where something should be mended."""
    if formats.is_boxed(args.folder):
        return _check_boxes(args.folder)
    found = checks.check(args.folder, Terminal())
    disputed = {name for group in found.across for name in group}
    sections = {
        "classes that cannot be learnt": found.unlearnable,
        "files that cannot be used": named(found.unusable),
        "the same picture, or nearly, under different labels: training leaves exact copies out": _joined(found.across),
        "photos that training leaves out": named({name: reason for name, reason in found.left_out.items() if name not in disputed}),
        "names and labels": found.notes,
        "classes that are hard to learn": found.classes,
        ALL_USED: _joined(found.within),
        "unusual files, all used": named(found.unusual),
    }
    counts = f"{sum(found.photos.values()) - len(found.left_out)} photos of {len(found.photos)} classes"
    text = _told(_classes(found), sections, counts, found.wrong)
    values = {
        "folder": args.folder,
        "photos": found.photos,
        "sessions": found.sessions,
        "unusable": found.unusable,
        "unusual": found.unusual,
        "left_out": found.left_out,
        "notes": found.notes,
        "classes": [*found.unlearnable, *found.classes],
        "duplicates": found.duplicates,
        "near_duplicates": found.near_duplicates,
        "across_labels": found.across,
    }
    return Answer(values, text, Exit.BAD_DATA if found.wrong else Exit.DONE)


def _classes(found: checks.Findings) -> str:
    """Photos by class, and sessions where any is known."""
    if not found.sessions:
        return table(("class", "usable photos"), list(found.photos.items()))
    return table(("class", "usable photos", "sessions"), [(label, photos, found.sessions.get(label, "")) for label, photos in found.photos.items()])


def _check_boxes(folder: str) -> Answer:
    """The same for photos with boxes."""
    found = boxed_check.check(folder, Terminal())
    sections = {
        "why training cannot begin": [found.missing] if found.missing and not found.few else [],
        "files that cannot be used": named(found.unusable),
        "boxes hardly larger than a point: are they shares of the picture, where pixels belong?": found.tiny if found.pointlike else [],
        "classes that are measured but not trained": found.absent,
        "one object under two labels": found.contradictory,
        "copies that training leaves out": named(found.left_out),
        "the same picture, or nearly, in several parts: what is measured there is not what a new photo will show": _joined(found.across),
        **{KINDS[kind]: lines for kind, lines in found.mended.items()},
        "one object with two boxes, both used": found.twice,
        "boxes hardly larger than a point, all used": [] if found.pointlike else found.tiny,
        "classes and sessions": found.notes,
        "classes that are hard to learn": found.rare,
        ALL_USED: _joined(found.within),
        "photos without objects, all used": found.empty,
    }
    counts = f"{sum(found.parts.values())} photos with {found.objects} objects of {len(found.classes)} classes"
    values = {"folder": folder, "wrong": found.wrong, "objects": found.objects, **dataclasses.asdict(found)}
    text = _told(_tallies(found), sections, counts, found.wrong, found.missing)
    if found.format not in formats.FORMATS:
        text += f"\nread as {found.format}; cvapp data convert writes it as VOC, COCO or YOLO"
    return Answer(values, text, Exit.BAD_DATA if found.wrong else Exit.DONE)


def _tallies(found: BoxedFindings) -> str:
    """Classes by photos, objects, objects by part, and the sides of their boxes."""
    parts = [part for part in found.parts if len(found.parts) > 1]
    rows = [
        (
            label,
            tally.photos,
            tally.objects,
            *(tally.parts[part] for part in parts),
            *(f"{side:.0f}" for side in tally.sides or ()),
            *([] if tally.sides else ["", "", ""]),
        )
        for label, tally in found.classes.items()
    ]
    return table(("class", "photos", "objects", *parts, "shortest side", "median", "longest"), rows)


def _told(counts: str, sections: Mapping[str, Sequence[str]], usable: str, wrong: bool, missing: str = "") -> str:
    """A table, the sections that hold anything, and the verdict; `missing` is what training cannot begin without."""
    lines = [counts]
    for title, entries in sections.items():
        if entries:
            lines += ["", f"{title} ({len(entries)})", *cut(entries)]
    verdict = "mend what stands first, then train" if wrong else f"not ready to train: {missing}" if missing else "ready to train"
    return "\n".join([*lines, "", f"{usable} can be used: {verdict}"])


def named(reasons: Mapping[str, str]) -> list[str]:
    """Reasons as lines, each with the name that it is of."""
    return [f"{name}: {reason}" for name, reason in reasons.items()]


def cut(entries: Sequence[str]) -> list[str]:
    """The first lines of a section, and how many more there are."""
    more = [f"  {len(entries) - SHOWN} more; --json names them all"] if len(entries) > SHOWN else []
    return [*(f"  {one_line(entry)}" for entry in entries[:SHOWN]), *more]


def _joined(groups: Sequence[Sequence[str]]) -> list[str]:
    return [", ".join(group[:5]) + (f" and {len(group) - 5} more" if len(group) > 5 else "") for group in groups]
