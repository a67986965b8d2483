"""The few lines of a `data.yaml` that matter, in the forms that Ultralytics and its followers write: no YAML parser is needed for them."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from cvapp.data.formats.texts import text_of
from cvapp.data.labels import label_of
from cvapp.errors import CvappError, Exit

_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'"""
_WORD = rf"""({_QUOTED}|[^\s"'\[\]{{}}#&*!|>%@`-](?:[^#]|(?<=\S)\#)*?|-?[\w.](?:[^#]|(?<=\S)\#)*?)"""
_END = r"\s*(?:(?<=\s)#.*)?"
_KEY = re.compile(r"([A-Za-z_]\w*)\s*:(?=\s|$)(.*)")
_BLANK = re.compile(r"\s*(?:#.*)?")
_ALONE, _DASHED, _NUMBERED = (re.compile(start + _WORD + _END) for start in (r"\s*", r"\s*-\s+", r"""\s*["']?(\d+)["']?\s*:\s+"""))
_FLOW = re.compile(rf"""\s*(?:({_QUOTED}|[\[\]{{}},:]|[^\s,\[\]{{}}"'#:](?:[^,\[\]{{}}#:\n]|:(?=\S)|(?<=\S)\#)*)|#.*)\s*""")

_MARKS = frozenset("[]{},:")


@dataclass(frozen=True)
class DataYaml:
    """What a `data.yaml` says.

    Args:
        names: the classes by number.
        path: the set's root, from the file's folder or absolute; empty where it is that folder.
        parts: folders or lists of pictures by `train`, `val`, `test`.
        points: (landmarks of an object, numbers of each: 2 or 3), or None.
    """

    names: dict[int, str]
    path: str = ""
    parts: dict[str, list[str]] = field(default_factory=dict)
    points: tuple[int, int] | None = None


def read(path: Path) -> DataYaml:
    """Read the lines of a `data.yaml` that name classes, parts and landmarks; all others are passed over.

    Raises:
        CvappError: no classes, or a form that is not understood, with its key (exit 3).
    """
    entries = _entries(text_of(path))
    try:
        names = _value(entries, "names")
        parts = {part: list(_value(entries, part).values()) for part in ("train", "val", "test")}
        shape = [int(word) for word in _value(entries, "kpt_shape").values()]
        if shape and (len(shape) != 2 or shape[0] < 1 or shape[1] not in (2, 3)):
            raise ValueError(f"kpt_shape is {shape}, expected [landmarks, 2 or 3]")
        root = _value(entries, "path").values()
        if not names:
            raise ValueError("no classes; expected names: a list, or lines of '0: name'")
        names = {number: label_of(name) if name.strip() else str(number) for number, name in names.items()}
    except ValueError as error:
        raise CvappError(f"{path}: {error}", Exit.BAD_DATA) from error
    return DataYaml(
        names,
        "".join(root),
        {part: words for part, words in parts.items() if words},
        (shape[0], shape[1]) if shape else None,
    )


def _entries(text: str) -> dict[str, list[str]]:
    """The lines of each key that stands at the left edge, the rest of its own line first."""
    entries: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if found := _KEY.fullmatch(line):
            lines = entries["val" if found[1] == "valid" else found[1]] = [found[2]]
        else:
            lines.append(line)
    return entries


def _value(entries: dict[str, list[str]], key: str) -> dict[int, str]:
    """The words of a key by their numbers: one word, a list or a numbered map, in lines or in brackets; empty where there is none."""
    lines = [line for line in entries.get(key, []) if not _BLANK.fullmatch(line)]
    if not lines:
        return {}
    if lines[0].lstrip()[0] in "[{":
        return _flow("\n".join(lines), key)
    if lines[0] is entries[key][0]:
        matches = [_ALONE.fullmatch(lines[0])] + [None] * (len(lines) - 1)
    else:
        matches = [(_DASHED if lines[0].lstrip().startswith("-") else _NUMBERED).fullmatch(line) for line in lines]
    words: dict[int, str] = {}
    for place, (found, line) in enumerate(zip(matches, lines)):
        if not found:
            raise ValueError(f"{key}: {line.strip()[:80]!r} is not understood; write it as Ultralytics does")
        words[int(found[1]) if found.re is _NUMBERED else place] = _plain(found[found.re.groups])
    return {} if words == {0: "null"} or words == {0: "~"} else words


def _flow(text: str, key: str) -> dict[int, str]:
    """The words of `[a, b]` or `{0: a, 1: b}`, over one line or several."""
    pieces, at = [], 0
    while at < len(text) and (found := _FLOW.match(text, at)):
        pieces += [found[1].strip()] if found[1] else []
        at = found.end()
    items: list[list[str]] = [[]]
    for piece in pieces[1:-1]:
        items[-1].append(piece) if piece != "," else items.append([])
    items = items if items[-1] else items[:-1]
    is_list = pieces[0] == "["
    whole = at == len(text) and pieces[-1] == ("]" if is_list else "}")
    if not whole or not all(_is_word(item) if is_list else _is_numbered(item) for item in items):
        raise ValueError(f"{key}: {text.strip()[:80]!r} is not understood; write it as Ultralytics does")
    return {place if is_list else int(item[0].strip("\"'")): _plain(item[-1]) for place, item in enumerate(items)}


def _is_word(pieces: list[str]) -> bool:
    return len(pieces) == 1 and pieces[0] not in _MARKS


def _is_numbered(pieces: list[str]) -> bool:
    return len(pieces) == 3 and pieces[0].strip("\"'").isdecimal() and pieces[1] == ":" and pieces[2] not in _MARKS


def _plain(word: str) -> str:
    """A word without its quotes."""
    if word.startswith("'"):
        return word[1:-1].replace("''", "'")
    return str(json.loads(word)) if word.startswith('"') else word.strip()


def text(names: list[str], parts: dict[str, str], points: int) -> str:
    """What a `data.yaml` says of classes, of lists by part, and of landmarks; names are quoted as JSON quotes, which YAML reads too."""
    lines = [f"{part}: {where}" for part, where in parts.items()]
    lines += [f"kpt_shape: [{points}, 3]"] if points else []
    lines += ["names:", *(f"  {number}: {json.dumps(name, ensure_ascii=False)}" for number, name in enumerate(names))]
    return "\n".join(lines) + "\n"
