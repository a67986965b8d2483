"""`cvapp export|verify|bench`: the .tflite variants of a model, and whether they are what they should be."""

import argparse
import shlex
from pathlib import Path
from typing import Any, Mapping

from cvapp import card as cards
from cvapp import recipe as recipes
from cvapp.bundle import ATTENTION, EXPORT, LITE, read_export, variant_file
from cvapp.card import GENERATE, Card
from cvapp.cli.answer import Answer, model_folder, table
from cvapp.cli.outputs import Output, check, model_files
from cvapp.errors import CvappError, Exit, missing_extra
from cvapp.files import write_json
from cvapp.locks import locked
from cvapp.progress import Terminal
from cvapp.recipe.values import one_of

Rows = Mapping[str, Mapping[str, Any]]


def export(args: argparse.Namespace) -> Answer:
    """Export a model and prove the variants; with --use or --out alone, put one in use or pack it."""
    if args.auto and args.use:
        raise CvappError(f"--auto chooses the variant in use, --use {args.use} too; give one of them")
    folder = model_folder(args.name)
    with locked(folder):
        return _export(args, folder)


def _export(args: argparse.Namespace, folder: Path) -> Answer:
    """As `export`, where no other process writes the model."""
    card = cards.read(folder)
    cards.refuse_transcriber(card)
    check([Output("--out", args.out, (".zip",))], model_files(folder))
    asked = args.auto or args.set or args.data or args.max_drop is not None
    if (args.out or args.use) and not asked and (folder / LITE / EXPORT).is_file():
        answer = _put_in_use(folder, card, args.use)
    else:
        answer = _make(args, folder, card)
    if not args.out:
        return answer
    packed = _hand_over(args, folder)
    return Answer({**answer.values, **packed.values}, f"{answer.text}\n{packed.text}".lstrip())


def _make(args: argparse.Namespace, folder: Path, card: Card) -> Answer:
    """Make and prove the variants."""
    if card.task == GENERATE and (args.data or args.max_drop is not None):
        option = f"--data {args.data}" if args.data else f"--max-drop {args.max_drop:g}"
        raise CvappError(f"{option}: {args.name} is a generator, which is proven on noise and has no accuracy; leave it out")
    shorts = [f"export.max_drop={args.max_drop}"] if args.max_drop is not None else []
    stray = [setting for setting in args.set if not setting.startswith("export.")]
    if stray:
        raise CvappError(f"--set {stray[0]}: the model is trained; only export.* can be changed now, such as export.author=NAME")
    wishes = recipes.override(card.recipe, [*args.set, *shorts]).export
    if args.use:
        one_of("--use", args.use, wishes.variants)
    try:
        from cvapp.export.export import FLOAT32, SMALLEST, export as make
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "tensorflow", "train") from error
    made = make(folder, args.data, wishes, args.use or (SMALLEST if args.auto else FLOAT32), Terminal())
    figures = _likeness_table if card.task == GENERATE else _accuracy_table
    lines = [figures(made["variants"]), "", _speed_table(made["variants"], made["host"]["machine"])]
    lines += [f"{name} was not published: it {'; it '.join(row['reasons'])}" for name, row in made["variants"].items() if row["reasons"]]
    proven = f"{made['samples']} samples" if card.task == GENERATE else f"{made['photos']} validation photos"
    lines.append(f"proven on {proven}; {made['chosen']} is in use: {folder / LITE / made['chosen']}.tflite")
    verb, name = "sample" if card.task == GENERATE else "camera", shlex.quote(args.name)
    lines.append(
        f"next: cvapp {verb} {name}; cvapp export {name} --use V takes another; --out {shlex.quote(f'{folder.name}.zip')} packs it for a phone"
    )
    return Answer({"name": folder.name, "folder": str(folder / LITE), **made}, "\n".join(lines))


def _put_in_use(folder: Path, card: Card, variant: str | None) -> Answer:
    """Put a published variant in use; None leaves things as they are."""
    made = read_export(folder, card)
    assert made is not None  # its file is there
    if variant is None:
        return Answer({}, "")
    variant_file(folder, made, variant)
    write_json(folder / LITE / EXPORT, {**made, "chosen": variant})
    return Answer({"name": folder.name, **made, "chosen": variant}, f"{variant} of {folder.name} is in use")


def _hand_over(args: argparse.Namespace, folder: Path) -> Answer:
    from cvapp.export.handover import hand_over

    made = hand_over(folder, Path(args.out))
    return Answer(made, f"{made['zip']}: {made['variant']} of {args.name}, {made['bytes'] / 1e6:.2f} MB; unpack it and read README.md")


def verify(args: argparse.Namespace) -> Answer:
    """Check an exported model; exit 5 and what is wrong where it is not what it was."""
    from cvapp.proof.verify import verify as check

    folder = model_folder(args.name)
    if not (folder / LITE / EXPORT).is_file():
        cards.refuse_transcriber(cards.read(folder))
    found = check(folder, Terminal())
    if found["reasons"] and not args.json:
        raise CvappError(f"{args.name}: {'; '.join(found['reasons'])}", Exit.GATE)
    looks = {ATTENTION: found[ATTENTION]} if ATTENTION in found else {}
    rows = [(name, f"{row.get('largest_difference', 1):.6f}") for name, row in {**found["variants"], **looks}.items()]
    golden = "samples" if cards.read(folder).task == GENERATE else "photos"
    told = f"{args.name}: files, labels and answers to {found['photos']} golden {golden} are as exported"
    text = f"{table(('variant', 'largest difference'), rows)}\n{told}"
    return Answer(found, text, Exit.GATE if found["reasons"] else Exit.DONE)


def bench(args: argparse.Namespace) -> Answer:
    """Time the published variants on this machine, in turns."""
    from cvapp.proof import apart

    folder = model_folder(args.name)
    card = cards.read(folder)
    cards.refuse_transcriber(card)
    made = read_export(folder, card)
    if made is None:
        raise CvappError(f"{folder} was not exported, so there is nothing to time; run cvapp export {shlex.quote(folder.name)}")
    if args.rounds < 1 or min(args.threads or [1]) < 1:
        raise CvappError("--rounds and --threads: give at least 1")
    names = {name: variant_file(folder, made, name) for name, row in made["variants"].items() if row["published"]}
    figures = apart.rounds(names, apart.taken(card), args.threads or apart.thread_counts(), args.rounds, Terminal())
    rows = {name: {**made["variants"][name], **figures[name]} for name in names}
    machine = apart.machine()
    return Answer(
        {"name": args.name, "host": machine, "variants": {name: {**figures[name], "bytes": rows[name]["bytes"]} for name in rows}},
        _speed_table(rows, machine),
    )


def _accuracy_table(variants: Rows) -> str:
    """Each variant beside Keras on the validation photos: accuracy of a classifier, mAP50 of a detector."""
    boxed = all("map50" in row for row in variants.values())
    figure, same, told = ("map50", "same boxes %", _OF_BOXES) if boxed else ("accuracy", "same answer %", _OF_NAMES)
    head = (
        "variant",
        f"{'mAP50' if boxed else figure} %",
        "change",
        same,
        "largest diff",
        "mean diff",
        "worse",
        "better",
        "float ops",
        "passes",
    )
    rows = [
        (
            name,
            *(_beside(row[figure], row[f"keras_{figure}"]) if row[f"keras_{figure}"] else ("-", "-")),
            f"{100 * row['agreement']:.1f}",
            f"{row['largest_difference']:.4f}",
            f"{row['mean_difference']:.4f}",
            row["broken"],
            row["mended"],
            row["float_operations"],
            "yes" if row["published"] else "no",
        )
        for name, row in variants.items()
    ]
    return f"{table(head, rows)}\n{told}"


_OF_NAMES = (
    "change, same answer, diff (of a probability), worse and better (photos): beside Keras; float ops: operations that compute in float"
)
_OF_BOXES = (
    "change, same boxes, worse and better (objects): beside Keras; diff: the largest of any number of any window, the mean of the boxes' "
    "scores; float ops: operations that compute in float"
)


def _likeness_table(variants: Rows) -> str:
    """Each variant of a generator beside Keras, both given the same noise."""
    head = ("variant", "PSNR dB", "lowest", "largest diff", "mean diff", "float ops", "passes")
    kinds = {"psnr": ".1f", "lowest_psnr": ".1f", "largest_difference": ".6f", "mean_difference": ".6f", "float_operations": "d"}
    rows = [
        (
            name,
            *(format(row[figure], kind) if figure in row else "-" for figure, kind in kinds.items()),
            "yes" if row["published"] else "no",
        )
        for name, row in variants.items()
    ]
    return f"{table(head, rows)}\n{_OF_PICTURES}"


_OF_PICTURES = (
    "PSNR: peak signal-to-noise ratio of all pictures beside Keras', lowest: of any one; diff: of a number, which are -1 to 1; "
    "float ops: operations that compute in float"
)


def _beside(figure: float, keras: float) -> tuple[str, str]:
    return f"{100 * figure:.2f}", f"{100 * (figure - keras):+.2f}"


def _speed_table(variants: Rows, machine: str) -> str:
    """Size and speed of the variants that were timed, beside float32."""
    timed = {name: row for name, row in variants.items() if "threads" in row}
    whole = timed.get("float32")
    counts = list(next(iter(timed.values()))["threads"])
    head = ["variant", "MB", "ratio", "first", "memory"]
    head += [title for count in counts for title in (f"ms on {count}", "p95", "ratio")]
    rows = []
    for name, row in timed.items():
        cells = [name, f"{row['bytes'] / 1e6:.2f}", f"{row['bytes'] / whole['bytes']:.3f}" if whole else "-"]
        cells += [f"{row['first_ms']:.1f}", f"{row['memory_mb']:.1f}"]
        for count in counts:
            taken = row["threads"][count]
            ratio = f"{taken['median_ms'] / whole['threads'][count]['median_ms']:.2f}" if whole else "-"
            cells += [f"{taken['median_ms']:.2f}", f"{taken['p95_ms']:.2f}", ratio]
        rows.append(cells)
    told = "ratio: to float32; first: ms from the file to an answer; memory: MB for that; ms on N: median of an answer on N threads"
    return f"{table(head, rows)}\n{told}\nmeasured on this host: {machine}"
