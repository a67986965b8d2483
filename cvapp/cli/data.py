"""`cvapp data check|split|collect|signs`."""

import argparse
import contextlib
from pathlib import Path

from cvapp.camera.overlay import caption
from cvapp.camera.sources import open_source
from cvapp.camera.display import has_display
from cvapp.camera.window import Window
from cvapp.cli.answer import Answer, table
from cvapp.data import check as checks
from cvapp.data import collect as collecting
from cvapp.data import folders, signs, split
from cvapp.errors import CvappError, Exit
from cvapp.progress import Terminal


def check(args: argparse.Namespace) -> Answer:
    """Name every file that cannot be used and why; exit 3 where there is one, or a class too small."""
    found = checks.check(args.folder, Terminal())
    wrong = bool(found.unusable or found.classes)
    lines = [table(("class", "usable photos"), list(found.photos.items())), ""]
    lines += [f"unusable  {name}: {reason}" for name, reason in found.unusable.items()]
    lines += [f"unusual   {name}: {reason}" for name, reason in found.unusual.items()]
    lines += [f"classes   {line}" for line in found.classes]
    lines.append(
        f"{sum(found.photos.values())} photos can be used, {len(found.unusable)} files cannot, {len(found.unusual)} are unusual but used"
    )
    values = {"folder": args.folder, "photos": found.photos, "unusable": found.unusable, "unusual": found.unusual, "classes": found.classes}
    return Answer(values, "\n".join(lines), Exit.BAD_DATA if wrong else Exit.DONE)


def split_(args: argparse.Namespace) -> Answer:
    """Write DIR/split.csv; rows that it holds already stay."""
    if not (0 < args.val < 1 and 0 <= args.test < 1 and args.val + args.test < 1):
        raise CvappError(f"--val {args.val:g} --test {args.test:g}: give shares above 0 (test may be 0) that leave photos to train on")
    folder = Path(args.folder)
    photos = folders.hashed(folders.scan(folder), Terminal())
    unusable = checks.check(folder, Terminal()).unusable
    path = folder / split.FILE
    frozen = split.read(path) if path.is_file() else []
    rows = split.make([photo for photo in photos if photo.name not in unusable], args.val, args.test, args.seed, frozen)
    split.write(path, rows)
    counts = split.counts(rows)
    text = table(("class", *folders.PARTS), [(label, *parts.values()) for label, parts in counts.items()])
    left = f", {len(unusable)} files left out (cvapp data check {folder} says why)" if unusable else ""
    return Answer(
        {"split": str(path), "photos": counts, "kept": len(frozen), "left_out": sorted(unusable)},
        f"{text}\n{path}: {len(rows)} photos{left}",
    )


def collect(args: argparse.Namespace) -> Answer:
    """Take photos into a class folder; a window shows what the camera sees where there is a display."""
    pace = collecting.Pace(args.count, args.interval, args.countdown)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(open_source(args.source))
        window = stack.enter_context(Window(f"cvapp: {args.label}")) if source.live and not args.no_show and has_display() else None
        show = None if window is None else lambda image, text: window.show(caption(image, text))
        saved = collecting.collect(args.label, source, args.out, pace, show, Terminal())
    folder = Path(args.out) / args.label
    values = {"label": args.label, "folder": str(folder), "saved": [str(path) for path in saved]}
    if not saved:
        raise CvappError(f"no photo was taken from {args.source}; is it a camera or a video?", Exit.BAD_DATA)
    return Answer(values, f"{len(saved)} photos in {folder}\nnext: collect another class, then cvapp train --data {args.out}")


def draw_signs(args: argparse.Namespace) -> Answer:
    """Draw photos of the signs, the sheet and the video, whichever was asked for."""
    wanted = {"out": args.out, "print": args.print, "video": args.video}
    if not any(wanted.values()):
        raise CvappError(
            "nothing to draw: give --out DIR for photos, --print FILE.pdf for the sheet, --video FILE.mp4 for the moving scene"
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
    return Answer(values, "\n".join(lines))
