"""`cvapp data check|convert|split|collect|signs`."""

import argparse
import contextlib
import dataclasses
from pathlib import Path
from typing import Mapping, Sequence

from cvapp import lettering
from cvapp.camera.finishing import CODECS
from cvapp.camera.keys import quits
from cvapp.camera.overlay import caption
from cvapp.camera.sources import open_source
from cvapp.camera.display import has_display
from cvapp.camera.window import Window
from cvapp.cli import outputs
from cvapp.cli.answer import Answer, table
from cvapp.cli.outputs import Output
from cvapp.data import check as checks
from cvapp.data import collect as collecting
from cvapp.data import boxed_check, formats, parted, scenes, signs, split
from cvapp.data.boxed_check import BoxedFindings
from cvapp.data.formats import converting
from cvapp.data.formats.reading import KINDS
from cvapp.data.listing import PARTS
from cvapp.errors import CvappError, Exit, one_line
from cvapp.progress import Terminal
from cvapp.recipe import Data


SHOWN = 20  # lines of a kind


def check(args: argparse.Namespace) -> Answer:
    """Name everything that is wrong with photos and what is unusual, the most important first; exit 3 where something should be mended."""
    if formats.is_boxed(args.folder):
        return _check_boxes(args.folder)
    found = checks.check(args.folder, Terminal())
    disputed = {name for group in found.across for name in group}
    sections = {
        "classes that cannot be learnt": found.unlearnable,
        "files that cannot be used": _named(found.unusable),
        "the same picture, or nearly, under different labels: training leaves exact copies out": _joined(found.across),
        "photos that training leaves out": _named({name: reason for name, reason in found.left_out.items() if name not in disputed}),
        "names and labels": found.notes,
        "classes that are hard to learn": found.classes,
        "copies, all used: they stay in one part of the split": _joined(found.within),
        "unusual files, all used": _named(found.unusual),
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
        "files that cannot be used": _named(found.unusable),
        "boxes hardly larger than a point: are they shares of the picture, where pixels belong?": found.tiny if found.pointlike else [],
        "classes that are measured but not trained": found.absent,
        "one object under two labels": found.contradictory,
        "copies that training leaves out": _named(found.left_out),
        "the same picture, or nearly, in several parts: what is measured there is not what a new photo will show": _joined(found.across),
        **{KINDS[kind]: lines for kind, lines in found.mended.items()},
        "one object with two boxes, both used": found.twice,
        "boxes hardly larger than a point, all used": [] if found.pointlike else found.tiny,
        "classes and sessions": found.notes,
        "classes that are hard to learn": found.rare,
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
            lines += ["", f"{title} ({len(entries)})", *_cut(entries)]
    verdict = "mend what stands first, then train" if wrong else f"not ready to train: {missing}" if missing else "ready to train"
    return "\n".join([*lines, "", f"{usable} can be used: {verdict}"])


def convert(args: argparse.Namespace) -> Answer:
    """Write photos with boxes in another format, and say what was left out and what the format cannot hold."""
    outputs.check([Output("--out", Path(args.out).parent)] if args.out else [Output("--out", "")])
    converting.check_new(args.out, Path(args.source))
    listing = formats.scan(args.source, Terminal())
    lost = converting.convert(listing, args.to, args.out, Terminal())
    objects = sum(len(photo.boxes) for photo in listing.photos)
    values = {
        "source": args.source,
        "from": listing.format,
        "to": args.to,
        "out": args.out,
        "photos": len(listing.photos),
        "objects": objects,
        "lost": lost,
        "left_out": listing.stray,
        "mended": listing.mended,
    }
    sections = {f"what {args.to} cannot hold": lost, "photos left out": _named(listing.stray), "boxes mended": listing.mended}
    lines = [line for title, entries in sections.items() if entries for line in (f"{title} ({len(entries)})", *_cut(entries), "")]
    return Answer(
        values, "\n".join([*lines, f"{len(listing.photos)} photos with {objects} objects, from {listing.format} to {args.to}: {args.out}"])
    )


def _named(reasons: Mapping[str, str]) -> list[str]:
    return [f"{name}: {reason}" for name, reason in reasons.items()]


def _cut(entries: Sequence[str]) -> list[str]:
    more = [f"  {len(entries) - SHOWN} more; --json names them all"] if len(entries) > SHOWN else []
    return [*(f"  {one_line(entry)}" for entry in entries[:SHOWN]), *more]


def _joined(groups: Sequence[Sequence[str]]) -> list[str]:
    return [", ".join(group[:5]) + (f" and {len(group) - 5} more" if len(group) > 5 else "") for group in groups]


def split_(args: argparse.Namespace) -> Answer:
    """Freeze the split beside the photos; rows that it holds already stay, unless a share or a seed asks for another split."""
    usual = Data()
    val, test = (usual.val if args.val is None else args.val), (usual.test if args.test is None else args.test)
    if not (0 < val < 1 and 0 <= test < 1 and val + test < 1):
        raise CvappError(f"--val {val:g} --test {test:g}: give shares above 0 (test may be 0) that leave photos to train on")
    if formats.is_boxed(args.folder):
        raise CvappError(
            f"{args.folder}: photos with boxes; training splits them, by their own lists or by content, and freezes split.csv there; "
            "delete that file to split again"
        )
    asked = {name: f"--{name} {value:g}" for name in ("val", "test", "seed") if (value := getattr(args, name)) is not None}
    made = parted.freeze(args.folder, Data(val=val, test=test), args.seed or 0, Terminal(), asked)
    counts = split.counts(made.rows)
    lines = [table(("class", *PARTS), [(label, *parts.values()) for label, parts in counts.items()])]
    if made.left_out:
        lines += ["", f"left out ({len(made.left_out)})", *_cut(_named(made.left_out))]
    lines += ["", *made.notes, f"{made.file or 'nothing to freeze, the data says it all'}: {len(made.rows)} photos"]
    if made.replaced and made.moved:
        lines.append(f"new split: {made.moved} photos changed part; models trained before were measured on another split")
    elif made.replaced:
        lines.append("new split: no photo changed part")
    values = {
        "split": str(made.file) if made.file else None,
        "photos": counts,
        "kept": len(made.frozen),
        "moved": made.moved,
        "left_out": made.left_out,
        "notes": made.notes,
    }
    return Answer(values, "\n".join(lines))


def collect(args: argparse.Namespace) -> Answer:
    """Take photos into a class folder; a window shows what the camera sees where there is a display."""
    pace = collecting.Pace(args.count, args.interval, args.countdown)
    outputs.check([Output("--out", args.out)])
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(open_source(args.source, report=Terminal()))
        window = stack.enter_context(Window(f"cvapp: {args.label}")) if source.live and not args.no_show and has_display() else None
        if window is not None and not lettering.can_draw(args.label):
            Terminal()(f"the window cannot show {args.label}: {lettering.cure()}")
        show = None if window is None else lambda image, text: not quits(window.show(caption(image, text)))
        saved = collecting.collect(args.label, source, args.out, pace, show, Terminal())
    if not saved:
        raise CvappError(f"no photo was taken from {args.source}; is it a camera or a video?", Exit.BAD_DATA)
    folder = saved[0].parent
    values = {"label": args.label, "folder": str(folder), "saved": [str(path) for path in saved]}
    return Answer(values, f"{len(saved)} photos in {folder}\nnext: collect another class, then cvapp train --data {args.out}")


def _check_drawn(args: argparse.Namespace) -> None:
    """Refuse places that will not do before anything is drawn."""
    truth = signs.truth_path(args.video) if args.video else None
    files = [Output("--print", args.print, signs.SHEETS), Output("--video", args.video, CODECS), Output("--video", truth, (".csv",))]
    outputs.check([*files, Output("--out", args.out), Output("--scenes", args.scenes)])


def draw_signs(args: argparse.Namespace) -> Answer:
    """Draw photos of the signs, the sheet, the video and scenes with boxes, whichever was asked for."""
    wanted = {"out": args.out, "print": args.print, "video": args.video, "scenes": args.scenes}
    _check_drawn(args)
    if not any(wanted.values()):
        raise CvappError(
            "nothing to draw: give --out DIR for photos, --print FILE.pdf for the sheet, --video FILE.mp4 for the moving scene,"
            " --scenes DIR for scenes with boxes"
        )
    lines, values = [], {name: path for name, path in wanted.items() if path}
    if args.out:
        values["photos"] = signs.write_folder(args.out, args.count, args.seed, Terminal())
        lines.append(f"{values['photos']} photos of {values['photos'] // args.count} classes in {args.out}")
    if args.print:
        values["pages"] = signs.write_sheet(args.print)
        lines.append(f"{values['pages']} pages to print or show on a screen: {args.print}")
    if args.video:
        values["frames"] = signs.write_video(args.video, args.seed, Terminal())
        lines.append(f"{values['frames']} frames in {args.video}, their truth in {signs.truth_path(args.video)}")
    if args.scenes:
        photos = scenes.write_scenes(args.scenes, args.count, args.seed, Terminal()).photos
        values["scene_photos"], values["boxes"] = len(photos), sum(len(photo.boxes) for photo in photos)
        lines.append(f"{len(photos)} scenes with {values['boxes']} signs, their boxes and corners (COCO), in {args.scenes}")
        lines.append(f"next: cvapp data check {args.scenes}, then cvapp train window_detector --data {args.scenes} --name NAME")
    return Answer(values, "\n".join(lines))
