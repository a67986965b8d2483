"""`cvapp data convert|split|collect|signs`."""

import argparse
import contextlib
import shlex
from pathlib import Path

from cvapp import lettering
from cvapp.camera.finishing import CODECS
from cvapp.camera.keys import quits
from cvapp.camera.overlay import caption
from cvapp.camera.sources import open_source
from cvapp.camera.display import has_display
from cvapp.camera.window import Window
from cvapp.cli import outputs
from cvapp.cli.answer import Answer, table
from cvapp.cli.checking import cut, named
from cvapp.cli.outputs import Output
from cvapp.data import collect as collecting
from cvapp.data import formats, parted, scenes, signs, split
from cvapp.data.formats import converting
from cvapp.data.listing import PARTS
from cvapp.errors import CvappError, Exit
from cvapp.evaluation.words import counted
from cvapp.progress import Terminal
from cvapp.recipe import Data


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
    sections = {f"what {args.to} cannot hold": lost, "photos left out": named(listing.stray), "boxes mended": listing.mended}
    lines = [line for title, entries in sections.items() if entries for line in (f"{title} ({len(entries)})", *cut(entries), "")]
    lost_photos = f"{counted(len(listing.stray), 'photo')} left out" if listing.stray else ""
    if lost_photos:
        Terminal()(f"{lost_photos}; cvapp data check {shlex.quote(args.source)} says what to mend")
    done = f"{counted(len(listing.photos), 'photo')} with {counted(objects, 'object')}, from {listing.format} to {args.to}: {args.out}"
    return Answer(values, "\n".join([*lines, "; ".join(filter(None, (done, lost_photos)))]))


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
        lines += ["", f"left out ({len(made.left_out)})", *cut(named(made.left_out))]
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
    return Answer(values, f"{len(saved)} photos in {folder}\nnext: collect another class, then cvapp train --data {shlex.quote(args.out)}")


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
        quoted = shlex.quote(args.scenes)
        lines.append(f"next: cvapp data check {quoted}, then cvapp train window_detector --data {quoted} --name NAME")
    return Answer(values, "\n".join(lines))
