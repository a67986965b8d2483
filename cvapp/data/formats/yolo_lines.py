"""The lines of a YOLO label file."""

from dataclasses import dataclass, field

from cvapp.data.boxed import Box
from cvapp.data.formats import outlines
from cvapp.data.formats.data_yaml import DataYaml
from cvapp.data.formats.reading import UNDECLARED, UNMARKED

_EXPECTED = "expected 5 (class x y width height), or an outline's (class x y x y x y ...)"


@dataclass
class Lines:
    """What a label file holds.

    Args:
        boxes: by line, in shares of the frame.
        notes: what is left out, a line each.
        lost: how many boxes are left out.
        outlines: how many boxes are drawn around an outline or a turned box.
    """

    boxes: dict[int, Box] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    lost: int = 0
    outlines: int = 0


def read(text: str, said: DataYaml) -> Lines:
    """The objects of a label file: `class x y width height`, landmarks behind them where data.yaml says so, or an outline's corners.

    Raises:
        ValueError: a line that is none of these; which, and why, in words.
    """
    found = Lines()
    count, each = said.points or (0, 0)
    for place, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if not words:
            continue
        outline = not count and len(words) >= 7 and len(words) % 2 == 1
        if len(words) != 5 + count * each and not outline:
            hint = f" and {count} landmarks of {each}" if count else "; landmarks need kpt_shape in data.yaml"
            raise ValueError(f"line {place} has {len(words)} numbers, {_EXPECTED}{hint}")
        values = [_number(word, place) for word in words]
        if not values[0].is_integer():
            raise ValueError(f"line {place}: the class is {words[0]!r}, expected a whole number, its place among the names from 0 on")
        number = int(values[0])
        if number not in said.names:
            found.lost += 1
            found.notes.append(f"box {place} {UNDECLARED} (number {number}): left out")
        elif outline:
            found.outlines += 1
            found.boxes[place] = Box(said.names[number], outlines.around(outlines.pairs(values[1:])))
        else:
            found.boxes[place] = _box(place, values, said, found.notes)
    return found


def _box(place: int, values: list[float], said: DataYaml, notes: list[str]) -> Box:
    """A box with its landmarks; those that are not all marked are left out, and noted."""
    count, each = said.points or (0, 0)
    label, (x, y, width, height), marks = said.names[int(values[0])], values[1:5], values[5:]
    triples = [(*marks[at : at + each], 2.0)[:3] for at in range(0, len(marks), each)] if count else []
    points = tuple((across, down) for across, down, visible in triples if visible)
    if 0 < len(points) < count:
        notes.append(f"box {place} ({label}) {UNMARKED} ({count - len(points)} of {count}): its landmarks are left out")
    corners = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return Box(label, corners, points=points if len(points) == count else ())


def _number(word: str, place: int) -> float:
    try:
        if "_" in word:
            raise ValueError
        return float(word)
    except ValueError:
        comma = "; write a point where it has a comma" if "," in word else ""
        raise ValueError(f"line {place}: {word[:40]!r} is not a number{comma}") from None
