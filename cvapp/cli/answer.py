"""What a command answers: values for machines, text for people, an exit code; and tables as text."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Sequence

from cvapp.errors import CvappError, Exit, one_line

MODELS, CARD = Path("saved_models"), "card.json"


@dataclass(frozen=True)
class Answer:
    """`values` is printed with --json, `text` without; then the error is told that ended the work, where one did, with its own code.

    `then` is called once they are printed: it serves until Ctrl-C.
    """

    values: dict[str, Any]
    text: str
    code: Exit = Exit.DONE
    error: CvappError | None = None
    then: Callable[[], None] | None = None


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as they need to be; numbers (or a dash) to the right. A line break in a cell is escaped (`errors.one_line`)."""
    cells = [list(head), *([one_line(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    right = [
        bool(rows) and all(str(row[column]).rstrip("%s").replace(".", "").replace("-", "").isdecimal() or row[column] == "-" for row in rows)
        for column in range(len(head))
    ]
    lines = [
        "  ".join(cell.rjust(width) if flush else cell.ljust(width) for cell, width, flush in zip(row, widths, right)).rstrip()
        for row in cells
    ]
    return "\n".join(lines)


def model_folder(name: str) -> Path:
    """Where the model of some name lies: a plain name below `saved_models`, or, where there is none, here; anything with a separator is a path."""
    if name.endswith(".zip") and Path(name).is_file():
        raise CvappError(f"{name}: a package; unpack it first, with python -m zipfile -e {shlex.quote(name)} .")
    if name in (".", ".."):
        return Path(name).resolve()
    if "/" in name or "\\" in name or ((Path(name) / CARD).is_file() and not (MODELS / name / CARD).is_file()):
        return Path(name)
    return MODELS / name


def new_model_folder(name: str) -> Path:
    """The same for a model about to be made; a name that no folder can bear is an error."""
    if not name.strip() or name != name.strip() or not name.isprintable() or name.startswith(".") or any(mark in name for mark in '/\\:*?"<>|'):
        raise CvappError(f"--name {name!r}: give a plain folder name of letters, digits, - and _")
    return MODELS / name


def size_of(option: str, text: str) -> tuple[int, int]:
    """(height, width) from HEIGHTxWIDTH, as an option gave it."""
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise CvappError(f"{option} {text}: give HEIGHTxWIDTH, such as 480x640")
    return int(sides[0]), int(sides[1])
